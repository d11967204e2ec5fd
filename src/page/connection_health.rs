//! How things stand with a connection: what was seen of it, how it fares, and the facts that are
//! told of it.

use time::{Duration, OffsetDateTime};

use strum::AsRefStr;

use crate::{
    engine::Document,
    import::{Import, State},
    messages::{self, Fact},
    schema::{Refresh, Target},
};

/// What was seen of a connection.
#[derive(Debug)]
pub struct Seen {
    /// Its document.
    pub document: Document,
    /// Its last imports, newest content first.
    pub recent: Vec<Import>,
    /// When a file of it was taken in last.
    pub last_received: Option<OffsetDateTime>,
    /// The last one that was accepted.
    pub accepted: Option<Import>,
    /// Whether one pauses it.
    pub is_paused: bool,
}

/// How a connection fares, what is worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, AsRefStr)]
#[strum(serialize_all = "camelCase")]
pub(super) enum Health {
    /// Nothing is to be done.
    Well,
    /// A file is on its way.
    Moves,
    /// A file waits for something that passes by itself.
    Waits,
    /// A person is needed.
    Person,
}

impl Health {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Moves => "under way",
            Self::Waits => "waiting",
            Self::Person => "needs a person",
        }
    }

    pub(super) fn mark(self) -> char {
        match self {
            Self::Well => '\u{2713}',
            Self::Moves => '\u{21bb}',
            Self::Waits => '\u{23f8}',
            Self::Person => '!',
        }
    }
}

/// How things stand with a connection.
#[derive(Debug)]
pub(super) struct ConnectionHealth<'a> {
    pub(super) mood: Health,
    /// In the order in which they are told.
    pub(super) facts: Vec<Fact<'a>>,
    pub(super) last_accepted: Option<OffsetDateTime>,
    pub(super) expected: Option<OffsetDateTime>,
}

impl<'a> ConnectionHealth<'a> {
    /// How it stands at `now`, by what was seen of it.
    pub(super) fn of(seen: &'a Seen, now: OffsetDateTime) -> Self {
        let Seen { document, recent, last_received, accepted, is_paused } = seen;
        let accepted = accepted.as_ref();
        let last_accepted = accepted.and_then(|import| import.ended);
        let every = document.read.as_ref().ok().and_then(|it| it.expected_every_days);
        let arrived = last_received.unwrap_or(document.stored);
        let expected = every.map(|days| arrived + Duration::days(days.into()));
        let mut facts = vec![];
        let news: Vec<&Import> = recent.iter().filter(|import| is_news(import, accepted)).collect();
        let mut mood = news.iter().map(|import| mood_of(import)).max().unwrap_or(Health::Well);
        // The worst of it first, and the newest.
        let worst = news.iter().rev().max_by_key(|import| mood_of(import));
        if let (Some(worst), Some(newest)) = (worst, news.first()) {
            facts.push(Fact::News(worst));
            if worst.id != newest.id {
                facts.push(Fact::News(newest));
            }
            let others = news.len() - facts.len();
            if others > 0 {
                facts.push(Fact::MoreNews(others));
            }
        } else if recent.is_empty() {
            facts.push(Fact::NothingArrived(&document.name));
        }
        facts.push(match (accepted, last_accepted) {
            (Some(import), Some(at)) => Fact::LastAccepted(import, at),
            _ => Fact::NothingAccepted,
        });
        let lost = lost_changes(document, recent, accepted);
        if lost > 0 {
            let target = recent.first().map_or_else(Target::default, |import| import.target);
            facts.push(Fact::LostChanges(lost, target));
        }
        if *is_paused {
            mood = Health::Person;
            facts.push(Fact::Paused);
        }
        if let Some(expected) = expected.filter(|expected| *expected < now) {
            mood = Health::Person;
            facts.push(Fact::Overdue(expected));
        }
        if let Err(reason) = &document.read {
            mood = Health::Person;
            facts.push(Fact::Unreadable(reason, Target::default()));
        }
        Self { mood, facts, last_accepted, expected }
    }

    /// All of it as one text.
    pub(super) fn text(&self, now: OffsetDateTime) -> String {
        let sentences = self.facts.iter().map(|fact| messages::fact(*fact, now));
        sentences.collect::<Vec<_>>().join(" ")
    }
}

/// Whether an import is worth a word beside the last one that was accepted: it is under way, or it
/// ended badly and nothing newer was accepted since.
fn is_news(import: &Import, accepted: Option<&Import>) -> bool {
    match import.state {
        State::Received | State::Packed | State::Pushing | State::Ingesting => true,
        State::Rejected | State::Stuck => accepted.is_none_or(|accepted| {
            import.order() > accepted.order() || import.ended > accepted.ended
        }),
        State::Completed | State::Accepted | State::Superseded | State::Cancelled => false,
    }
}

/// How many files of an incremental connection were refused before the last one that was accepted: no
/// later file brings what they change.
fn lost_changes(document: &Document, recent: &[Import], accepted: Option<&Import>) -> u64 {
    let is_incremental = document.read.as_ref().is_ok_and(|it| it.refresh == Refresh::Incremental);
    let is_lost = |import: &&Import| {
        matches!(import.state, State::Rejected | State::Stuck) && !is_news(import, accepted)
    };
    if is_incremental { recent.iter().filter(is_lost).count() as u64 } else { 0 }
}

pub(super) fn mood_of(import: &Import) -> Health {
    if import.needs_person() || import.pauses {
        return Health::Person;
    }
    match import.state {
        State::Received | State::Packed if import.reason.is_some() => Health::Waits,
        State::Received | State::Packed | State::Pushing | State::Ingesting => Health::Moves,
        State::Completed
        | State::Accepted
        | State::Rejected
        | State::Superseded
        | State::Cancelled
        | State::Stuck => Health::Well,
    }
}

#[cfg(test)]
mod tests;
