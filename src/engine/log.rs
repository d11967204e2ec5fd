//! What the log says of an import. Each line ends with the fields that alerts look for.

use std::fmt;

use time::{Duration, OffsetDateTime};

use crate::{
    import::{Import, IngestionId, NotificationKind, OperatorAction, State, reason::ReasonCode},
    messages,
};

/// The word for something that failed beside the import's own way and is tried again.
const FAILED: &str = "failed";
/// The word for a notification that was sent.
const NOTIFIED: &str = "notified";
/// The word for a push that was taken and is not yet in the row.
const TAKEN: &str = "accepted";
/// What stands for a reason where there is none.
const NONE: &str = "none";

/// Tells what has changed about an import, if a person would want to know. Of what holds for a whole
/// connection the first import warns.
pub(super) fn moved(before: Option<&Import>, import: &Import, is_first: bool, now: OffsetDateTime) {
    if import.package_left && before.is_some_and(|before| !before.package_left) {
        let event = (FAILED, ReasonCode::StorageFailed.into());
        line(import, event, "its package could not be deleted", true, now);
    }
    if import.pauses && before.is_none_or(|before| !before.pauses) {
        line(import, ("paused", reason_of(import)), &messages::pause(import), false, now);
    }
    let occasion = match before {
        Some(before) => NotificationKind::of(before, import),
        None => (import.state == State::Rejected).then_some(NotificationKind::Rejected),
    };
    if occasion.is_none() && !is_news(before, import) {
        return;
    }
    let is_alert = |occasion: &NotificationKind| occasion.needs_person();
    let alert = occasion.filter(is_alert).filter(|_| is_first);
    let event = match (alert, occasion.filter(is_alert)) {
        (Some(occasion), _) => occasion.into(),
        // It was said of another file of the connection.
        (None, Some(_)) => "waiting",
        (None, None) => import.event(),
    };
    line(import, (event, reason_of(import)), &messages::status(import), alert.is_some(), now);
}

/// Whether an import has come somewhere, or waits for something else than before.
fn is_news(before: Option<&Import>, import: &Import) -> bool {
    let Some(before) = before else { return true };
    let is_same = (before.state, &before.reason, &before.service_status)
        == (import.state, &import.reason, &import.service_status);
    let is_cleaned_up = before.state.is_end() && import.state.is_end() && import.due.is_none();
    // That it is tried whether what blocks it is over is no news.
    let is_still_blocked =
        before.blocked == import.blocked && import.blocked.is_some() && !import.waits_now();
    !is_same && !is_cleaned_up && !is_still_blocked
}

/// Warns that something about an import failed, which is tried again.
pub(super) fn failed(import: &Import, reason: &str, what: &str, why: &str, now: OffsetDateTime) {
    line(import, (FAILED, reason), &format!("{what}: {why}"), true, now);
}

/// Tells that the service has taken a file, before the row says so.
pub(super) fn taken(import: &Import, id: &IngestionId, now: OffsetDateTime) {
    line(import, (TAKEN, reason_of(import)), &format!("accepted as ingestion {id}"), false, now);
}

/// Tells that a notification was sent.
pub(super) fn notified(import: &Import, occasion: NotificationKind, now: OffsetDateTime) {
    let what = format!("told that it is {}", occasion.as_ref());
    line(import, (NOTIFIED, reason_of(import)), &what, false, now);
}

/// Warns of an import that is left alone, because its row is not understood.
pub(super) fn left_alone(import: &Import, now: OffsetDateTime) {
    let event = (NotificationKind::Stuck.as_ref(), reason_of(import));
    line(import, event, &messages::status(import), true, now);
}

/// Tells that an operator's action was done.
pub(super) fn asked(import: &Import, action: OperatorAction, by: &str, now: OffsetDateTime) {
    let event = match action {
        OperatorAction::Approve => "approved",
        OperatorAction::Resume => "resumed",
        // What follows from these is told as such.
        OperatorAction::Retry | OperatorAction::Cancel => return,
    };
    line(import, (event, reason_of(import)), by, false, now);
}

/// Tells that the doctor has looked at a connection.
pub(crate) fn checked(connection: &str, by: &impl fmt::Display) {
    let fields = Fields { connection, ..Fields::of("checked") };
    say(&fields, false, &format!("connection {connection}: checked {by}"));
}

/// Tells that an event was of nothing to import.
pub(crate) fn ignored(why: &str) {
    say(&Fields::of("ignored"), false, &format!("ignored: {why}"));
}

/// For how long a connection has completed nothing. What the deployment's alert looks for: logs
/// themselves are not searched that far back.
pub(super) fn idle(connection: &str, since: Duration) {
    let (days, seconds) = (since.whole_days(), since.whole_seconds().max(0));
    let fields = Fields { connection, seconds, days: Some(days), ..Fields::of("idle") };
    let text = format!("connection {connection}: nothing was completed for {days} days");
    say(&fields, false, &text);
}

/// Warns that nothing has come for a connection for so long, though a file is expected every so many
/// days.
pub(super) fn overdue(connection: &str, last: Option<&Import>, since: Duration, every_days: u32) {
    let import = last.map_or(NONE, |import| &import.id.key);
    let (days, seconds) = (since.whole_days(), since.whole_seconds().max(0));
    let event = NotificationKind::Overdue.into();
    let text = format!(
        "connection {connection}: nothing has arrived for {days} days, and a file is expected every \
         {every_days}"
    );
    say(&Fields { connection, import, seconds, ..Fields::of(event) }, true, &text);
}

/// Tells that somebody was told so of a connection that has no import.
pub(super) fn overdue_notified(connection: &str) {
    let overdue = NotificationKind::Overdue.as_ref();
    let text = format!("connection {connection}: told that it is {overdue}");
    say(&Fields { connection, ..Fields::of(NOTIFIED) }, false, &text);
}

/// Warns that nobody could be told so; it is tried again.
pub(super) fn overdue_failed(connection: &str, why: &str) {
    let overdue = NotificationKind::Overdue.as_ref();
    let text = format!("connection {connection}: nobody could be told that it is {overdue}: {why}");
    say(&Fields { connection, ..Fields::of(FAILED) }, true, &text);
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
    // A clock may have been set back; alerts look for a number without a sign.
    let seconds = (now - import.received).whole_seconds().max(0);
    let (connection, key) = (&import.connection, &import.id.key);
    let fields = Fields { reason, connection, import: key, seconds, ..Fields::of(event) };
    say(&fields, is_warning, &format!("{}: {text}", import.source.file()));
}

/// The fields that a line ends with.
struct Fields<'a> {
    event: &'a str,
    reason: &'a str,
    connection: &'a str,
    import: &'a str,
    seconds: i64,
    days: Option<i64>,
}

impl<'a> Fields<'a> {
    fn of(event: &'a str) -> Self {
        Self { event, reason: NONE, connection: NONE, import: NONE, seconds: 0, days: None }
    }
}

fn say(fields: &Fields<'_>, is_warning: bool, text: &str) {
    let Fields { event, reason, connection, import, seconds, days } = fields;
    let invocation = INVOCATION.try_with(Clone::clone).unwrap_or_else(|_| NONE.to_owned());
    if is_warning {
        tracing::warn!(
            %event, %reason, %connection, %import, %invocation, seconds, days, "{text}"
        );
    } else {
        tracing::info!(
            %event, %reason, %connection, %import, %invocation, seconds, days, "{text}"
        );
    }
}

tokio::task_local! {
    /// The host's id of the invocation that this task serves.
    static INVOCATION: String;
}

/// Does `work` for an invocation of the host: each line of the log names it.
pub(crate) async fn within<T>(invocation: String, work: impl Future<Output = T>) -> T {
    INVOCATION.scope(invocation, work).await
}
