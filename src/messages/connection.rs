//! Facts about a connection, one sentence each.

use time::OffsetDateTime;

use super::{
    import::{because, why},
    reason::{cause, first},
    sentence,
};
use crate::{
    import::{Import, Note, State, reason::Reason},
    messages::{ago, counted, people, span},
    schema::Target,
};

/// A fact about a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fact<'a> {
    /// An import that is in progress, or one that failed and has no newer success.
    News(&'a Import),
    /// The number of further imports of that kind.
    MoreNews(usize),
    /// The connection of this name has never had a file.
    NothingArrived(&'a str),
    /// The last accepted import, and when the service accepted it.
    LastAccepted(&'a Import, OffsetDateTime),
    /// No import has been accepted.
    NothingAccepted,
    /// The number of files that were not accepted and whose changes no later file contains.
    LostChanges(u64, Target),
    /// The connection of this name is paused.
    Paused(&'a str),
    /// A file was expected at this time and has not arrived.
    Overdue(OffsetDateTime),
    /// The connection document is invalid.
    Unreadable(&'a Reason, Target),
}

impl<'a> Fact<'a> {
    /// The import of the fact.
    pub(crate) fn import(self) -> Option<&'a Import> {
        match self {
            Self::News(import) | Self::LastAccepted(import, _) => Some(import),
            Self::MoreNews(_)
            | Self::NothingArrived(_)
            | Self::NothingAccepted
            | Self::LostChanges(..)
            | Self::Paused(_)
            | Self::Overdue(_)
            | Self::Unreadable(..) => None,
        }
    }
}

/// A fact as a sentence; durations are counted to `now`.
pub(crate) fn fact(fact: Fact<'_>, now: OffsetDateTime) -> String {
    match fact {
        Fact::News(import) => news(import, now),
        Fact::MoreNews(1) => "1 more import below is not accepted yet.".to_owned(),
        Fact::MoreNews(count) => format!("{count} more imports below are not accepted yet."),
        Fact::NothingArrived(connection) => {
            format!("No file has arrived. Upload the file to inbox/{connection}/.")
        }
        Fact::LastAccepted(import, at) => {
            let people = import.baseline.as_ref().map(|summary| people(summary.people));
            let people = people.map(|people| format!(", {people}")).unwrap_or_default();
            format!("Last accepted {}: {}{people}.", ago(at, now), file(import))
        }
        Fact::NothingAccepted => "No import has been accepted yet.".to_owned(),
        Fact::LostChanges(files, target) => {
            let were = if files == 1 { "was" } else { "were" };
            let files = counted(files, "earlier file");
            let product = target.words().product;
            format!("{files} {were} not accepted: {product} does not have those changes.")
        }
        Fact::Paused(connection) => format!(
            "The connection is paused. Correct the cause, then run `viva-import resume {connection}`."
        ),
        Fact::Overdue(expected) => {
            format!("The next file is overdue: it was expected {}.", ago(expected, now))
        }
        Fact::Unreadable(reason, target) => sentence(cause(reason, target)),
    }
}

/// An import that is in progress or failed.
fn news(import: &Import, now: OffsetDateTime) -> String {
    let subject = format!("{} (arrived {})", file(import), ago(import.received, now));
    match (import.state, &import.reason) {
        (State::Received | State::Packed, Some(reason)) => {
            let is_this =
                |note: &Note| matches!(note, Note::Reason(noted) if noted.code() == reason.code());
            let mut entries = import.history.iter().rev();
            let since = entries.find(|entry| entry.note.as_ref().is_some_and(is_this));
            let since = since.map(|entry| format!(" (for {})", span(now - entry.at)));
            let why = because(import, reason);
            sentence(format!("{subject} is waiting{}: {why}", since.unwrap_or_default()))
        }
        (State::Received, _) => format!("{subject} is being read and checked."),
        (State::Packed, _) => format!("{subject} is valid. Its push starts soon."),
        (State::Pushing, _) => format!("{subject} is being pushed."),
        (State::Ingesting, _) => {
            let status = import.service_status.as_deref().unwrap_or("none yet");
            let since = import.pushed.map(|at| format!(" for {}", span(now - at)));
            let since = since.unwrap_or_default();
            let why = why(import).map(|why| sentence(format!(" {why}"))).unwrap_or_default();
            format!("{subject} has been with the service{since}. Service status: {status}.{why}")
        }
        (State::Rejected, Some(Reason::DeletionBlocked(problems))) => {
            let first = sentence(first(problems));
            format!("{subject} was not sent, because it would delete or undo data. {first}")
        }
        (State::Rejected, Some(Reason::FileInvalid(problems))) => {
            format!("{subject} was rejected: {}.", counted(problems.count, "error"))
        }
        (State::Rejected, _) => format!("{subject} was rejected."),
        (State::Stuck, _) => format!("{subject} is stuck."),
        (State::Completed | State::Accepted | State::Superseded | State::Cancelled, _) => {
            format!("{subject} has ended.")
        }
    }
}

/// The name of the file without the folder, which is the connection.
pub(crate) fn file(import: &Import) -> &str {
    import.source.name.split_once('/').map_or(&import.source.name, |(_, name)| name)
}
