//! What somebody is told of an occasion.

use super::{
    action::action,
    import::{pause, status},
    reason::cause,
};
use crate::import::{Import, NotificationKind};

/// One line about an occasion.
#[must_use]
pub fn title(occasion: NotificationKind, run: &Import) -> String {
    let (file, connection) = (run.source.file(), &run.connection);
    match occasion {
        NotificationKind::Rejected => format!("{file} was rejected"),
        NotificationKind::Stuck => format!("{file} is stuck"),
        NotificationKind::Forbidden => format!("the service refuses the connection {connection}"),
        NotificationKind::CredentialFailed => format!("the connection {connection} gets no token"),
        NotificationKind::ConnectionInvalid => {
            format!("the connection {connection} cannot be used")
        }
        NotificationKind::Overdue => format!("nothing has arrived for the connection {connection}"),
        NotificationKind::Recovered => format!("{file} was accepted: {connection} works again"),
    }
}

/// What happened, in a sentence.
#[must_use]
pub fn told(occasion: NotificationKind, run: &Import) -> String {
    match occasion {
        NotificationKind::Overdue => format!(
            "The last file was {}, which arrived on {}; the next one is overdue.",
            run.source.file(),
            run.received.date()
        ),
        NotificationKind::Forbidden if run.pauses => {
            format!("Its files wait, because {}.", pause(run))
        }
        NotificationKind::Forbidden
        | NotificationKind::CredentialFailed
        | NotificationKind::ConnectionInvalid => {
            let why =
                run.reason.as_ref().map(|reason| cause(reason, run.target)).unwrap_or_default();
            format!("Its files wait, because {why}.")
        }
        NotificationKind::Rejected | NotificationKind::Stuck | NotificationKind::Recovered => {
            status(run)
        }
    }
}

/// What to do.
#[must_use]
pub fn action_at(occasion: NotificationKind, run: &Import) -> String {
    match occasion {
        NotificationKind::Overdue => {
            "See why the export did not come. A file is taken in as soon as it lies in the inbox."
                .to_owned()
        }
        NotificationKind::Rejected
        | NotificationKind::Stuck
        | NotificationKind::Forbidden
        | NotificationKind::CredentialFailed
        | NotificationKind::ConnectionInvalid
        | NotificationKind::Recovered => action(run),
    }
}
