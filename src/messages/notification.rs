//! What somebody is told of an occasion.

use super::{
    action::action,
    import::{pause, status},
    reason::cause,
};
use crate::import::{Import, Occasion};

/// One line about an occasion.
#[must_use]
pub fn title(occasion: Occasion, run: &Import) -> String {
    let (file, connection) = (run.source.file(), &run.connection);
    match occasion {
        Occasion::Rejected => format!("{file} was rejected"),
        Occasion::Stuck => format!("{file} is stuck"),
        Occasion::Forbidden => format!("the service refuses the connection {connection}"),
        Occasion::CredentialFailed => format!("the connection {connection} gets no token"),
        Occasion::ConnectionInvalid => format!("the connection {connection} cannot be used"),
        Occasion::Overdue => format!("nothing has arrived for the connection {connection}"),
        Occasion::Recovered => format!("{file} was accepted: {connection} works again"),
    }
}

/// What happened, in a sentence.
#[must_use]
pub fn told(occasion: Occasion, run: &Import) -> String {
    match occasion {
        Occasion::Overdue => format!(
            "The last file was {}, which arrived on {}; the next one is overdue.",
            run.source.file(),
            run.received.date()
        ),
        Occasion::Forbidden if run.pauses => {
            format!("Its files wait, because {}.", pause(run))
        }
        Occasion::Forbidden | Occasion::CredentialFailed | Occasion::ConnectionInvalid => {
            let why =
                run.reason.as_ref().map(|reason| cause(reason, run.target)).unwrap_or_default();
            format!("Its files wait, because {why}.")
        }
        Occasion::Rejected | Occasion::Stuck | Occasion::Recovered => status(run),
    }
}

/// What to do.
#[must_use]
pub fn action_at(occasion: Occasion, run: &Import) -> String {
    match occasion {
        Occasion::Overdue => {
            "See why the export did not come. A file is taken in as soon as it lies in the inbox."
                .to_owned()
        }
        Occasion::Rejected
        | Occasion::Stuck
        | Occasion::Forbidden
        | Occasion::CredentialFailed
        | Occasion::ConnectionInvalid
        | Occasion::Recovered => action(run),
    }
}
