//! The health of a connection, with the facts that explain it.

use time::{Duration, OffsetDateTime};

use serde::Serialize;
use strum::AsRefStr;
use utoipa::ToSchema;

use crate::{
    engine::Document,
    import::{Import, State},
    messages::{self, Fact, file},
    schema::{Refresh, Target},
};

/// What was read about a connection.
#[derive(Debug)]
pub struct Seen {
    /// The connection document.
    pub document: Document,
    /// The last imports, newest content first.
    pub recent: Vec<Import>,
    /// When the last file was received.
    pub last_received: Option<OffsetDateTime>,
    /// The last accepted import.
    pub accepted: Option<Import>,
    /// Whether an import pauses the connection.
    pub is_paused: bool,
}

/// The health of a connection, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, AsRefStr, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum Health {
    /// No file has arrived yet.
    NoData,
    /// No action is needed.
    Ok,
    /// An import is in progress.
    Running,
    /// A file waits for something that ends automatically.
    Waiting,
    /// A person has to act.
    ActionRequired,
}

impl Health {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::NoData => "no file yet",
            Self::Ok => "healthy",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::ActionRequired => "action required",
        }
    }

    pub(super) fn mark(self) -> char {
        match self {
            Self::NoData => '\u{2013}',
            Self::Ok => '\u{2713}',
            Self::Running => '\u{21bb}',
            Self::Waiting => '\u{23f8}',
            Self::ActionRequired => '!',
        }
    }
}

/// The health of a connection, with its facts.
#[derive(Debug)]
pub(crate) struct ConnectionHealth<'a> {
    pub(crate) health: Health,
    /// The facts, in the order in which they are shown.
    pub(crate) facts: Vec<Fact<'a>>,
    pub(crate) last_accepted: Option<OffsetDateTime>,
    pub(crate) expected: Option<OffsetDateTime>,
}

impl<'a> ConnectionHealth<'a> {
    /// The health at `now`.
    pub(crate) fn of(seen: &'a Seen, now: OffsetDateTime) -> Self {
        let Seen { document, recent, last_received, accepted, is_paused } = seen;
        let accepted = accepted.as_ref();
        let last_accepted = accepted.and_then(|import| import.ended);
        let every = document.read.as_ref().ok().and_then(|it| it.expected_every_days);
        let arrived = last_received.unwrap_or(document.stored);
        let expected = every.map(|days| arrived + Duration::days(days.into()));
        let mut facts = vec![];
        let news: Vec<&Import> = recent.iter().filter(|import| is_news(import, accepted)).collect();
        let mut health = news
            .iter()
            .map(|import| health_of(import))
            .max()
            .unwrap_or(if recent.is_empty() { Health::NoData } else { Health::Ok });
        // First the worst import, then the newest one.
        let worst = news.iter().rev().max_by_key(|import| health_of(import));
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
            health = Health::ActionRequired;
            facts.push(Fact::Paused(&document.name));
        }
        if let Some(expected) = expected.filter(|expected| *expected < now) {
            health = Health::ActionRequired;
            facts.push(Fact::Overdue(expected));
        }
        if let Err(reason) = &document.read {
            health = Health::ActionRequired;
            facts.push(Fact::Unreadable(reason, Target::default()));
        }
        Self { health, facts, last_accepted, expected }
    }

    /// What comes next automatically, the soonest first. `next_sweep` is the time of the next sweep.
    pub(crate) fn upcoming(
        &self,
        seen: &Seen,
        next_sweep: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Vec<(String, OffsetDateTime)> {
        let live = seen.recent.iter().filter(|import| !import.state.is_end());
        let steps = live.filter_map(|import| {
            Some((format!("Next step of {}", file(import)), import.due?.max(now)))
        });
        let sweep = next_sweep.map(|at| ("Next check for new files".to_owned(), at));
        let expected = self.expected.filter(|at| *at >= now);
        let expected = expected.map(|at| ("Next file expected by".to_owned(), at));
        let mut upcoming: Vec<_> = steps.chain(sweep).chain(expected).collect();
        upcoming.sort_by_key(|(_, at)| *at);
        upcoming
    }

    /// All facts as one text.
    pub(crate) fn text(&self, now: OffsetDateTime) -> String {
        let sentences = self.facts.iter().map(|fact| messages::fact(*fact, now));
        sentences.collect::<Vec<_>>().join(" ")
    }
}

/// Whether an import is mentioned beside the last accepted one: it is in progress, or it failed and nothing
/// newer was accepted since.
fn is_news(import: &Import, accepted: Option<&Import>) -> bool {
    match import.state {
        State::Received | State::Packed | State::Pushing | State::Ingesting => true,
        State::Rejected | State::Stuck => accepted.is_none_or(|accepted| {
            import.order() > accepted.order() || import.ended > accepted.ended
        }),
        State::Completed | State::Accepted | State::Superseded | State::Cancelled => false,
    }
}

/// The number of files of an incremental connection that failed before the last accepted one: no later file
/// contains their changes.
fn lost_changes(document: &Document, recent: &[Import], accepted: Option<&Import>) -> u64 {
    let is_incremental = document.read.as_ref().is_ok_and(|it| it.refresh == Refresh::Incremental);
    let is_lost = |import: &&Import| {
        matches!(import.state, State::Rejected | State::Stuck) && !is_news(import, accepted)
    };
    if is_incremental { recent.iter().filter(is_lost).count() as u64 } else { 0 }
}

pub(super) fn health_of(import: &Import) -> Health {
    if import.needs_person() || import.pauses {
        return Health::ActionRequired;
    }
    match import.state {
        State::Received | State::Packed if import.reason.is_some() => Health::Waiting,
        State::Received | State::Packed | State::Pushing | State::Ingesting => Health::Running,
        State::Completed
        | State::Accepted
        | State::Rejected
        | State::Superseded
        | State::Cancelled
        | State::Stuck => Health::Ok,
    }
}

#[cfg(test)]
mod tests;
