//! What somebody is told of an occasion.

use time::OffsetDateTime;

use super::{
    action::action,
    counted,
    import::{pause, status},
    reason::cause,
};
use crate::import::{Import, NotificationKind};

/// One line about an occasion.
#[must_use]
pub fn title(occasion: NotificationKind, import: &Import) -> String {
    let (file, connection) = (import.source.file(), &import.connection);
    match occasion {
        NotificationKind::Rejected => format!("{file} was rejected"),
        NotificationKind::Stuck => format!("{file} is stuck"),
        NotificationKind::Forbidden => format!("the service refuses the connection {connection}"),
        NotificationKind::CredentialFailed => format!("the connection {connection} gets no token"),
        NotificationKind::ConnectionInvalid => {
            format!("the connection {connection} cannot be used")
        }
        NotificationKind::Overdue => overdue_title(connection),
        NotificationKind::Completed => format!("{file} was accepted"),
        NotificationKind::Recovered => format!("{file} was accepted: {connection} works again"),
    }
}

/// The line about a connection for which no file has come.
pub(crate) fn overdue_title(connection: &str) -> String {
    format!("nothing has arrived for the connection {connection}")
}

/// What there is to say of a connection of which no file has come yet.
pub(crate) fn never_came(since: OffsetDateTime, every_days: u32) -> String {
    let (since, days) = (since.date(), counted(every_days.into(), "day"));
    format!("No file has arrived since {since}, and one is expected every {days}.")
}

/// What to do where no file has come.
pub(crate) const OVERDUE_ACTION: &str =
    "See why the export did not come. A file is taken in as soon as it lies in the inbox.";

/// What happened, in a sentence.
#[must_use]
pub fn told(occasion: NotificationKind, import: &Import) -> String {
    match occasion {
        NotificationKind::Overdue => format!(
            "The last file was {}, which arrived on {}; the next one is overdue.",
            import.source.file(),
            import.received.date()
        ),
        NotificationKind::Forbidden if import.pauses => {
            format!("Its files wait, because {}.", pause(import))
        }
        NotificationKind::Forbidden
        | NotificationKind::CredentialFailed
        | NotificationKind::ConnectionInvalid => {
            let why = import
                .reason
                .as_ref()
                .map(|reason| cause(reason, import.target))
                .unwrap_or_default();
            format!("Its files wait, because {why}.")
        }
        NotificationKind::Rejected
        | NotificationKind::Stuck
        | NotificationKind::Completed
        | NotificationKind::Recovered => status(import),
    }
}

/// What to do.
#[must_use]
pub(crate) fn action_at(occasion: NotificationKind, import: &Import) -> String {
    match occasion {
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
