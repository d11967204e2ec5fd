//! What is so with a connection, in a sentence for each fact.

use time::OffsetDateTime;

use super::{
    import::{because, why},
    reason::{cause, first},
};
use crate::{
    import::{Import, Note, State, reason::Reason},
    messages::{ago, counted, people, span},
    schema::Target,
};

/// Something that is so with a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fact<'a> {
    /// An import is under way, or ended badly and nothing has made that good.
    News(&'a Import),
    /// So many more imports are like that.
    MoreNews(usize),
    /// The connection of this name never had a file.
    NothingArrived(&'a str),
    /// The last import that was accepted, and when that was.
    LastAccepted(&'a Import, OffsetDateTime),
    /// No import was accepted yet.
    NothingAccepted,
    /// So many files were refused whose changes no later file brings.
    LostChanges(u64, Target),
    /// An import pauses it.
    Paused,
    /// A file was expected then and has not come.
    Overdue(OffsetDateTime),
    /// Its document cannot be used.
    Unreadable(&'a Reason, Target),
}

impl<'a> Fact<'a> {
    /// The import it is about.
    pub(crate) fn import(self) -> Option<&'a Import> {
        match self {
            Self::News(import) | Self::LastAccepted(import, _) => Some(import),
            Self::MoreNews(_)
            | Self::NothingArrived(_)
            | Self::NothingAccepted
            | Self::LostChanges(..)
            | Self::Paused
            | Self::Overdue(_)
            | Self::Unreadable(..) => None,
        }
    }
}

/// A fact as a sentence; how long ago something was is counted from `now`.
pub(crate) fn fact(fact: Fact<'_>, now: OffsetDateTime) -> String {
    match fact {
        Fact::News(import) => news(import, now),
        Fact::MoreNews(count) => {
            let are = if count == 1 { "is one more" } else { "are more" };
            format!("There {are} below that did not come through yet.")
        }
        Fact::NothingArrived(connection) => {
            format!("No file has arrived: it belongs into inbox/{connection}/.")
        }
        Fact::LastAccepted(import, at) => {
            let people = import.baseline.as_ref().map(|summary| people(summary.people));
            let people = people.map(|people| format!(", {people}")).unwrap_or_default();
            format!("Last accepted {}: {}{people}.", ago(at, now), file(import))
        }
        Fact::NothingAccepted => "Nothing has been accepted yet.".to_owned(),
        Fact::LostChanges(files, target) => {
            let files = counted(files, "earlier file");
            let product = target.words().product;
            format!("{files} did not come through; {product} lacks what they change.")
        }
        Fact::Paused => "The connection is paused until a person resumes it.".to_owned(),
        Fact::Overdue(expected) => format!("A file was expected {}.", ago(expected, now)),
        Fact::Unreadable(reason, target) => format!("{}.", cause(reason, target)),
    }
}

/// An import that is under way or ended badly.
fn news(import: &Import, now: OffsetDateTime) -> String {
    let called = format!("{}, which came {},", file(import), ago(import.received, now));
    match (import.state, &import.reason) {
        (State::Received | State::Packed, Some(reason)) => {
            let is_this =
                |note: &Note| matches!(note, Note::Reason(noted) if noted.code() == reason.code());
            let mut stops = import.history.iter().rev();
            let since = stops.find(|stop| stop.note.as_ref().is_some_and(is_this));
            let since = since.map(|stop| format!(" (for {})", span(now - stop.at)));
            let why = because(import, reason);
            format!("{called} is waiting{}: {why}.", since.unwrap_or_default())
        }
        (State::Received, _) => format!("{called} is being read and checked."),
        (State::Packed, _) => format!("{called} is right and about to be pushed."),
        (State::Pushing, _) => format!("{called} is being pushed."),
        (State::Ingesting, _) => {
            let says = import.service_status.as_deref().unwrap_or("nothing yet");
            let since = import.pushed.map(|at| format!(" for {}", span(now - at)));
            let why = why(import).map(|why| format!("; {why}")).unwrap_or_default();
            let since = since.unwrap_or_default();
            format!("{called} has been with the service{since}, which says {says}{why}.")
        }
        (State::Rejected, Some(Reason::DeletionBlocked(problems))) => format!(
            "{called} was not sent, because a full refresh deletes what is missing: {}.",
            first(problems)
        ),
        (State::Rejected, Some(Reason::FileInvalid(problems))) => {
            format!("{called} was rejected: {}.", counted(problems.count, "problem"))
        }
        (State::Rejected, _) => format!("{called} was rejected."),
        (State::Stuck, _) => format!("{called} is stuck."),
        (State::Completed | State::Accepted | State::Superseded | State::Cancelled, _) => {
            format!("{called} has ended.")
        }
    }
}

/// A file by its name alone, for the connection is known.
pub(crate) fn file(import: &Import) -> &str {
    import.source.name.split_once('/').map_or(&import.source.name, |(_, name)| name)
}
