//! The log lines of an import. Each line ends with the fields that alerts query.

use std::fmt;

use time::{Duration, OffsetDateTime};

use crate::{
    config::{POISON, STEPS_POISON},
    import::{
        Import, IngestionId, NotificationKind, OperatorAction, Status,
        diagnostics::Exchange,
        reason::{Reason, ReasonCode},
    },
    messages,
};

/// The event word for a failure that is retried and does not change the import.
const FAILED: &str = "failed";
/// The event word for a notification that was sent.
const NOTIFIED: &str = "notified";
/// The event word for a push that was accepted, before the row says so.
const ACCEPTED: &str = "accepted";
/// The event word for a request to the service.
const EXCHANGED: &str = "exchanged";
/// The value of a field that has none.
const NONE: &str = "none";

/// Logs what has changed in an import, if a person would want to know. If all files of a connection have
/// the same reason, only the first import logs a warning.
pub(super) fn moved(before: Option<&Import>, import: &Import, is_first: bool, now: OffsetDateTime) {
    if import.package_left && before.is_some_and(|before| !before.package_left) {
        let event = (FAILED, ReasonCode::StorageFailed.into());
        line(import, event, "Could not delete its zip from the packages container", true, now);
    }
    if import.pauses && before.is_none_or(|before| !before.pauses) {
        let text =
            format!("Connection {} is paused: {}", import.connection, messages::pause(import));
        line(import, ("paused", reason_of(import)), &text, false, now);
    }
    let kind = before.and_then(|before| NotificationKind::of(before, import));
    if kind.is_none() && !is_news(before, import) {
        return;
    }
    let is_alert = |kind: &NotificationKind| kind.needs_person();
    let alert = kind.filter(is_alert).filter(|_| is_first);
    let event = match (alert, kind.filter(is_alert)) {
        (Some(kind), _) => kind.into(),
        // Another file of the connection has already logged the warning.
        (None, Some(_)) => "waiting",
        (None, None) => import.event(),
    };
    let text = messages::status(import);
    let is_warning = alert.is_some() || has_new_undocumented_status(before, import);
    line(import, (event, reason_of(import)), &text, is_warning, now);
}

/// Whether the service now reports a status that Microsoft does not document.
fn has_new_undocumented_status(before: Option<&Import>, import: &Import) -> bool {
    let is_new = before.is_some_and(|before| before.service_status != import.service_status);
    let status = import.service_status.as_deref().filter(|_| is_new);
    status.is_some_and(|word| !Status::parse(word, false).is_documented())
}

/// Whether an import has a new state, or waits for something else than before.
fn is_news(before: Option<&Import>, import: &Import) -> bool {
    let Some(before) = before else { return true };
    let is_same = (before.state, &before.reason, &before.service_status)
        == (import.state, &import.reason, &import.service_status);
    let is_cleaned_up = before.state.is_end() && import.state.is_end() && import.due.is_none();
    // A retry of a blocked import is no news.
    let is_still_blocked =
        before.blocked == import.blocked && import.blocked.is_some() && !import.waits_now();
    !is_same && !is_cleaned_up && !is_still_blocked
}

/// Warns about a failure that concerns an import and is retried.
pub(super) fn failed(import: &Import, reason: &str, what: &str, why: &str, now: OffsetDateTime) {
    line(import, (FAILED, reason), &format!("{what}: {why}"), true, now);
}

/// Warns that a pack or push was broken off because its lease was lost.
pub(super) fn broken_off(import: &Import, why: &str, now: OffsetDateTime) {
    failed(import, reason_of(import), "Broke off the step, because its lease was lost", why, now);
}

/// Logs that the service has accepted a file, before the row says so.
pub(super) fn accepted(import: &Import, id: &IngestionId, now: OffsetDateTime) {
    let text = format!("Accepted as ingestion {id}");
    line(import, (ACCEPTED, reason_of(import)), &text, false, now);
}

/// Logs a request to the service with its ids.
pub(super) fn exchanged(import: &Import, exchange: &Exchange) {
    let text = messages::exchange(exchange);
    line(import, (EXCHANGED, reason_of(import)), &text, false, exchange.at);
}

/// Logs that a notification was sent.
pub(super) fn notified(import: &Import, kind: NotificationKind, now: OffsetDateTime) {
    let what = format!("Notification sent: {}", kind.as_ref());
    line(import, (NOTIFIED, reason_of(import)), &what, false, now);
}

/// Warns about an import that is not changed, because its row is unreadable for this version.
pub(super) fn left_alone(import: &Import, now: OffsetDateTime) {
    let event = (NotificationKind::Stuck.as_ref(), reason_of(import));
    line(import, event, &messages::status(import), true, now);
}

/// Logs an operator action.
pub(super) fn asked(import: &Import, action: OperatorAction, by: &str, now: OffsetDateTime) {
    let event = match action {
        OperatorAction::Approve => "approved",
        OperatorAction::Resume => "resumed",
        // What follows from these two is logged as a change of the import.
        OperatorAction::Retry | OperatorAction::Cancel => return,
    };
    line(import, (event, reason_of(import)), &format!("Operator action {by}"), false, now);
}

/// Logs a run of the doctor.
pub(crate) fn checked(connection: &str, by: &impl fmt::Display) {
    let fields = Fields { connection, ..Fields::of("checked") };
    say(&fields, false, &format!("Connection {connection}: checked by the doctor, requested {by}"));
}

/// Logs the beginning of an invocation: the function, and the platform's names of host, instance and region.
pub(super) fn invoked(function: &str, [host, instance, region]: [Option<&str>; 3]) {
    let [host, instance, region] = [host, instance, region].map(|name| name.unwrap_or(NONE));
    let text =
        format!("Invocation of {function}: host {host}, instance {instance}, region {region}");
    say(&Fields::of("invoked"), false, &text.replace(char::is_control, "\u{fffd}"));
}

/// Logs an event that concerns no file of a connection.
pub(crate) fn ignored(why: &str) {
    say(&Fields::of("ignored"), false, &format!("Ignored: {why}"));
}

/// Warns about messages in the queue `arrivals-poison` that are no event. The alert of the deployment queries this
/// line.
pub(crate) fn poison(messages: usize) {
    let fields = Fields { messages: Some(messages), ..Fields::of("poison") };
    let text = format!(
        "Messages in the queue {POISON} that are no event of a blob: {messages}. Find out what sends them. Then \
         delete them: `az storage message clear --auth-mode login --account-name $ACCOUNT --queue-name {POISON}`"
    );
    say(&fields, true, &text);
}

/// Warns that the message for a step could not be sent. `advance` sends it.
pub(super) fn not_announced(import: &str, why: &str) {
    let text = format!("Could not send the message for the next step: {why}. `advance` sends it");
    say(&Fields { import, ..Fields::of(FAILED) }, true, &text);
}

/// Logs that messages for steps failed too often and were deleted: the rows say what is due.
pub(super) fn steps_failed(messages: usize) {
    let text = format!(
        "Messages deleted from the queue {STEPS_POISON}: {messages}. The rows say what is due"
    );
    say(&Fields::of("failed_steps"), true, &text);
}

/// Warns that these messages could not be deleted.
pub(super) fn steps_not_cleared(why: &str) {
    let text = format!("Queue {STEPS_POISON}: {why}. The next `advance` tries again");
    say(&Fields::of(FAILED), true, &text);
}

/// Warns that messages in the queue `arrivals-poison` could not be received. The next sweep tries again.
pub(crate) fn poison_failed(why: &str) {
    say(&Fields::of(FAILED), true, &format!("Queue {POISON}: {why}. The next sweep tries again"));
}

/// Logs how many imports were removed with their reports, because they ended long ago.
pub(super) fn removed(imports: usize) {
    let text = format!("Imports that ended long ago and were removed from the table: {imports}");
    say(&Fields::of("removed"), false, &text);
}

/// Warns that old imports could not be removed. The next sweep tries again.
pub(super) fn removal_failed(why: &str) {
    let text = format!("Could not remove old imports: {why}. The next sweep tries again");
    say(&Fields::of(FAILED), true, &text);
}

/// Logs for how long a connection has completed nothing. The alert of the deployment queries this line,
/// because a log alert does not look back far enough.
pub(super) fn idle(connection: &str, since: Duration) {
    let (days, seconds) = (since.whole_days(), since.whole_seconds().max(0));
    let fields = Fields { connection, seconds, days: Some(days), ..Fields::of("idle") };
    let text = format!("Connection {connection}: no import has completed for {days} days");
    say(&fields, false, &text);
}

/// Warns that the files of a connection could not all be found. The next sweep tries again.
pub(super) fn sweep_failed(connection: &str, why: &str) {
    let text = format!("Connection {connection}: the sweep failed: {why}");
    say(&Fields { connection, ..Fields::of(FAILED) }, true, &text);
}

/// Warns that the next file of a connection is overdue.
pub(super) fn overdue(connection: &str, last: Option<&Import>, since: Duration, every_days: u32) {
    let import = last.map_or(NONE, |import| &import.id.key);
    let (days, seconds) = (since.whole_days(), since.whole_seconds().max(0));
    let event = NotificationKind::Overdue.into();
    let text = format!(
        "Connection {connection}: no file has arrived for {days} days, and a file is expected every \
         {every_days} days"
    );
    say(&Fields { connection, import, seconds, ..Fields::of(event) }, true, &text);
}

/// Warns that the document of a connection is invalid, so that its files have no import.
pub(super) fn invalid(connection: &str, reason: &Reason) {
    let event = NotificationKind::ConnectionInvalid.into();
    let text = format!("Connection {connection}: {}", messages::invalid(reason));
    let fields = Fields { connection, reason: reason.code().into(), ..Fields::of(event) };
    say(&fields, true, &text);
}

/// Logs that a notification was sent that no import holds, or warns that it failed and is retried.
pub(super) fn notified_of_connection(
    connection: &str,
    kind: NotificationKind,
    failed: Option<&str>,
) {
    let (kind, name) = (kind.as_ref(), connection);
    let event = if failed.is_none() { NOTIFIED } else { FAILED };
    let text = match failed {
        None => format!("Connection {name}: notification sent: {kind}"),
        Some(why) => format!("Connection {name}: could not send the notification {kind}: {why}"),
    };
    say(&Fields { connection, ..Fields::of(event) }, failed.is_some(), &text);
}

pub(super) fn reason_of(import: &Import) -> &'static str {
    import.code().map_or(NONE, Into::into)
}

fn line(
    import: &Import,
    (event, reason): (&str, &str),
    text: &str,
    is_warning: bool,
    now: OffsetDateTime,
) {
    // The clock may have been set back; alerts expect a number without a sign.
    let seconds = (now - import.received).whole_seconds().max(0);
    let (connection, key) = (&import.connection, &import.id.key);
    let fields = Fields { reason, connection, import: key, seconds, ..Fields::of(event) };
    say(&fields, is_warning, &format!("{}: {text}", import.source.file()));
}

/// The fields at the end of a line.
struct Fields<'a> {
    event: &'a str,
    reason: &'a str,
    connection: &'a str,
    import: &'a str,
    seconds: i64,
    days: Option<i64>,
    messages: Option<usize>,
}

impl<'a> Fields<'a> {
    fn of(event: &'a str) -> Self {
        Self {
            event,
            reason: NONE,
            connection: NONE,
            import: NONE,
            seconds: 0,
            days: None,
            messages: None,
        }
    }
}

fn say(fields: &Fields<'_>, is_warning: bool, text: &str) {
    let Fields { event, reason, connection, import, seconds, days, messages } = fields;
    let invocation = INVOCATION.try_with(Clone::clone).unwrap_or_else(|_| NONE.to_owned());
    if is_warning {
        tracing::warn!(
            %event, %reason, %connection, %import, %invocation, seconds, days, messages, "{text}"
        );
    } else {
        tracing::info!(
            %event, %reason, %connection, %import, %invocation, seconds, days, messages, "{text}"
        );
    }
}

tokio::task_local! {
    /// The host's id of the invocation of this task.
    static INVOCATION: String;
}

/// Runs `work` for an invocation of the host, whose id is then in every log line.
pub(crate) async fn within<T>(invocation: String, work: impl Future<Output = T>) -> T {
    INVOCATION.scope(invocation, work).await
}
