//! The texts of a notification: title, message and recommended action.

use time::OffsetDateTime;

use super::{
    action::action,
    counted,
    import::{pause, status},
    reason::cause,
    sentence,
};
use crate::{
    import::{Import, NotificationKind, reason::Reason},
    schema::Target,
};

const WAITING: &str = "The files of this connection are waiting.";

/// The title of a notification, one line.
#[must_use]
pub fn title(kind: NotificationKind, import: &Import) -> String {
    let (file, connection) = (import.source.file(), &import.connection);
    match kind {
        NotificationKind::Rejected => format!("{file} was rejected"),
        NotificationKind::Stuck => format!("{file} is stuck"),
        NotificationKind::Forbidden => {
            format!("Connection {connection}: the service answered 403 (forbidden)")
        }
        NotificationKind::CredentialFailed => {
            format!("Connection {connection}: the credential failed")
        }
        NotificationKind::ConnectionInvalid => invalid_title(connection),
        NotificationKind::Overdue => overdue_title(connection),
        NotificationKind::Completed => format!("{file} was accepted"),
        NotificationKind::Recovered => format!("{file} was accepted: {connection} works again"),
    }
}

/// The title for a connection whose document is invalid.
pub(crate) fn invalid_title(connection: &str) -> String {
    format!("Connection {connection}: the connection document is invalid")
}

/// The message for a connection whose document is invalid, so that its files have no import.
pub(crate) fn invalid(reason: &Reason) -> String {
    sentence(format!("{WAITING} {}", cause(reason, Target::default())))
}

/// The recommended action for it.
pub(crate) fn invalid_action(connection: &str) -> String {
    format!(
        "Run `viva-import doctor {connection}` and correct what it reports. Then select \"Check for new files\" on \
         the console, or wait for `sweep` within the hour: it imports the files."
    )
}

/// The title for a connection whose next file is overdue.
pub(crate) fn overdue_title(connection: &str) -> String {
    format!("Connection {connection}: the next file is overdue")
}

/// The message for a connection that has never had a file.
pub(crate) fn never_came(since: OffsetDateTime, every_days: u32) -> String {
    let (since, days) = (since.date(), counted(every_days.into(), "day"));
    format!("No file has arrived since {since}. A file is expected every {days}.")
}

/// The recommended action for an overdue file.
pub(crate) const OVERDUE_ACTION: &str =
    "Find out why the export did not arrive. A file in the inbox is imported automatically.";

/// The message: what happened, in full sentences.
#[must_use]
pub fn text(kind: NotificationKind, import: &Import) -> String {
    match kind {
        NotificationKind::Overdue => format!(
            "The last file was {}, which arrived on {}. The next file is overdue.",
            import.source.file(),
            import.received.date()
        ),
        NotificationKind::Forbidden if import.pauses => {
            sentence(format!("{WAITING} {}", pause(import)))
        }
        NotificationKind::Forbidden
        | NotificationKind::CredentialFailed
        | NotificationKind::ConnectionInvalid => {
            let why = import.reason.as_ref().map(|reason| cause(reason, import.target));
            sentence(format!("{WAITING} {}", why.unwrap_or_default()))
        }
        NotificationKind::Rejected
        | NotificationKind::Stuck
        | NotificationKind::Completed
        | NotificationKind::Recovered => status(import),
    }
}

/// The recommended action.
#[must_use]
pub(crate) fn action_at(kind: NotificationKind, import: &Import) -> String {
    match kind {
        NotificationKind::Overdue => OVERDUE_ACTION.to_owned(),
        NotificationKind::Rejected
        | NotificationKind::Stuck
        | NotificationKind::Forbidden
        | NotificationKind::CredentialFailed
        | NotificationKind::ConnectionInvalid
        | NotificationKind::Completed
        | NotificationKind::Recovered => action(import),
    }
}
