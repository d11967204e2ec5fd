//! What the log says of an import. Each line ends with the fields that alerts look for.

use time::{Duration, OffsetDateTime};

use crate::{
    import::{Import, IngestionId, NotificationKind, State, reason::ReasonCode},
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
pub(super) fn moved(before: Option<&Import>, run: &Import, is_first: bool, now: OffsetDateTime) {
    if run.package_left && before.is_some_and(|before| !before.package_left) {
        let event = (FAILED, ReasonCode::StorageFailed.into());
        line(run, event, "its package could not be deleted", true, now);
    }
    let occasion = match before {
        Some(before) => NotificationKind::of(before, run),
        None => (run.state == State::Rejected).then_some(NotificationKind::Rejected),
    };
    if occasion.is_none() && !is_news(before, run) {
        return;
    }
    let is_alert = |occasion: &NotificationKind| occasion.needs_person();
    let alert = occasion.filter(is_alert).filter(|_| is_first);
    let event = match (alert, occasion.filter(is_alert)) {
        (Some(occasion), _) => occasion.word(),
        // It was said of another file of the connection.
        (None, Some(_)) => "waiting",
        (None, None) => run.event(),
    };
    line(run, (event, reason_of(run)), &messages::status(run), alert.is_some(), now);
}

/// Whether an import has come somewhere, or waits for something else than before.
fn is_news(before: Option<&Import>, run: &Import) -> bool {
    let Some(before) = before else { return true };
    let is_same = (before.state, &before.reason, &before.service_status)
        == (run.state, &run.reason, &run.service_status);
    let is_cleaned_up = before.state.is_end() && run.state.is_end() && run.due.is_none();
    // That it is tried whether what blocks it is over is no news.
    let is_still_blocked =
        before.blocked == run.blocked && run.blocked.is_some() && !run.waits_now();
    !is_same && !is_cleaned_up && !is_still_blocked
}

/// Warns that something about an import failed, which is tried again.
pub(super) fn failed(run: &Import, reason: &str, what: &str, why: &str, now: OffsetDateTime) {
    line(run, (FAILED, reason), &format!("{what}: {why}"), true, now);
}

/// Tells that the service has taken a file, before the row says so.
pub(super) fn taken(run: &Import, id: &IngestionId, now: OffsetDateTime) {
    line(run, (TAKEN, reason_of(run)), &format!("accepted as ingestion {id}"), false, now);
}

/// Tells that a notification was sent.
pub(super) fn notified(run: &Import, occasion: NotificationKind, now: OffsetDateTime) {
    let what = format!("told that it is {}", occasion.word());
    line(run, (NOTIFIED, reason_of(run)), &what, false, now);
}

/// Warns of an import that is left alone, because its row is not understood.
pub(super) fn left_alone(run: &Import, now: OffsetDateTime) {
    let event = (NotificationKind::Stuck.word(), reason_of(run));
    line(run, event, &messages::status(run), true, now);
}

/// For how long a connection has completed nothing. What the deployment's alert looks for: logs
/// themselves are not searched that far back.
pub(super) fn idle(connection: &str, since: Duration) {
    let (days, seconds) = (since.whole_days(), since.whole_seconds().max(0));
    tracing::info!(
        event = %"idle", reason = %NONE, %connection, import = %NONE, seconds, days,
        "connection {connection}: nothing was completed for {days} days"
    );
}

/// Warns that nothing has come for a connection for so long, though a file is expected every so many
/// days.
pub(super) fn overdue(connection: &str, last: Option<&Import>, since: Duration, every_days: u32) {
    let import = last.map_or_else(|| NONE.to_owned(), |run| run.id.to_string());
    let (days, seconds) = (since.whole_days(), since.whole_seconds().max(0));
    tracing::warn!(
        event = %NotificationKind::Overdue.word(), reason = %NONE, %connection, %import, seconds,
        "connection {connection}: nothing has arrived for {days} days, and a file is expected every \
         {every_days}"
    );
}

pub(super) fn reason_of(run: &Import) -> &'static str {
    run.code().map_or(NONE, Into::into)
}

fn line(
    run: &Import,
    (event, reason): (&str, &str),
    text: &str,
    is_warning: bool,
    now: OffsetDateTime,
) {
    let (file, import, connection) = (run.source.file(), &run.id, &run.connection);
    // A clock may have been set back; alerts look for a number without a sign.
    let seconds = (now - run.received).whole_seconds().max(0);
    if is_warning {
        tracing::warn!(%event, %reason, %connection, %import, seconds, "{file}: {text}");
    } else {
        tracing::info!(%event, %reason, %connection, %import, seconds, "{file}: {text}");
    }
}
