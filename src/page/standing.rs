//! How things stand with a connection, in one sentence.

use time::{Duration, OffsetDateTime};

use super::words::{ago, span};
use crate::{
    drive::Document,
    messages::{self, counted, people},
    run::{Note, Refresh, Run, RunId, State, reason::Reason},
};

/// How a connection fares, what is worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mood {
    /// Nothing is to be done.
    Well,
    /// A file is on its way.
    Moves,
    /// A file waits for something that passes by itself.
    Waits,
    /// A person is needed.
    Person,
}

impl Mood {
    /// The word of the JSON.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Moves => "moves",
            Self::Waits => "waits",
            Self::Person => "person",
        }
    }

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

/// A sentence about a connection, and the import it is about.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) about: Option<(RunId, String)>,
}

impl Said {
    fn of(run: &Run, text: String) -> Self {
        Self { text, about: Some((run.id.clone(), file(run).to_owned())) }
    }
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self { text, about: None }
    }
}

/// How things stand with a connection.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) mood: Mood,
    pub(super) told: Vec<Said>,
    pub(super) last_accepted: Option<OffsetDateTime>,
    pub(super) expected: Option<OffsetDateTime>,
}

impl Standing {
    /// How it stands by its document, its last imports (newest content first), the last one that was
    /// accepted, and whether one pauses it; at `now`.
    pub(super) fn of(
        document: &Document,
        recent: &[Run],
        accepted: Option<&Run>,
        is_paused: bool,
        now: OffsetDateTime,
    ) -> Self {
        let last_accepted = accepted.and_then(|run| run.ended);
        let every = document.read.as_ref().ok().and_then(|it| it.expected_every_days);
        let arrived = recent.iter().map(|run| run.received).max().unwrap_or(document.stored);
        let expected = every.map(|days| arrived + Duration::days(days.into()));
        let mut told = vec![];
        let news: Vec<&Run> = recent.iter().filter(|run| is_news(run, accepted)).collect();
        let mut mood = news.iter().map(|run| mood_of(run)).max().unwrap_or(Mood::Well);
        // The worst of it first, and the newest.
        let worst = news.iter().rev().max_by_key(|run| mood_of(run));
        if let (Some(worst), Some(newest)) = (worst, news.first()) {
            told.push(Said::of(worst, news_of(worst, now)));
            let mut others = news.len() - 1;
            if worst.id != newest.id {
                told.push(Said::of(newest, news_of(newest, now)));
                others -= 1;
            }
            if others > 0 {
                let are = if others == 1 { "is one more" } else { "are more" };
                told.push(format!("There {are} below that did not come through yet.").into());
            }
        } else if recent.is_empty() {
            let folder = &document.name;
            told.push(format!("No file has arrived: it belongs into inbox/{folder}/.").into());
        }
        told.push(match (accepted, last_accepted) {
            (Some(run), Some(at)) => {
                let people = run.summary.as_ref().map(|summary| people(summary.people));
                let people = people.map(|people| format!(", {people}")).unwrap_or_default();
                Said::of(run, format!("Last accepted {}: {}{people}.", ago(at, now), file(run)))
            }
            _ => "Nothing has been accepted yet.".to_owned().into(),
        });
        let lost = lost_changes(document, recent, accepted);
        if lost > 0 {
            let files = counted(lost, "earlier file");
            told.push(format!("{files} did not come through; Viva lacks what they change.").into());
        }
        if is_paused {
            mood = Mood::Person;
            told.push("The connection is paused until a person resumes it.".to_owned().into());
        }
        if let Some(expected) = expected.filter(|expected| *expected < now) {
            mood = Mood::Person;
            told.push(format!("A file was expected {}.", ago(expected, now)).into());
        }
        if let Err(reason) = &document.read {
            mood = Mood::Person;
            told.push(format!("{}.", messages::cause(reason)).into());
        }
        Self { mood, told, last_accepted, expected }
    }

    /// All of it as one text.
    pub(super) fn sentence(&self) -> String {
        self.told.iter().map(|said| said.text.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// Whether an import is worth a word beside the last one that was accepted: it is under way, or it
/// ended badly and nothing newer was accepted since.
fn is_news(run: &Run, accepted: Option<&Run>) -> bool {
    match run.state {
        State::Received | State::Packed | State::Pushing | State::Ingesting => true,
        State::Rejected | State::Stuck => accepted
            .is_none_or(|accepted| run.order() > accepted.order() || run.ended > accepted.ended),
        State::Completed | State::Accepted | State::Superseded | State::Cancelled => false,
    }
}

/// How many files of an incremental connection were refused before the last one that was accepted: no
/// later file brings what they change.
fn lost_changes(document: &Document, recent: &[Run], accepted: Option<&Run>) -> u64 {
    let is_incremental = document.read.as_ref().is_ok_and(|it| it.refresh == Refresh::Incremental);
    let is_lost =
        |run: &&Run| matches!(run.state, State::Rejected | State::Stuck) && !is_news(run, accepted);
    if is_incremental { recent.iter().filter(is_lost).count() as u64 } else { 0 }
}

pub(super) fn mood_of(run: &Run) -> Mood {
    if run.needs_person() || run.pauses {
        return Mood::Person;
    }
    match run.state {
        State::Received | State::Packed if run.reason.is_some() => Mood::Waits,
        State::Received | State::Packed | State::Pushing | State::Ingesting => Mood::Moves,
        State::Completed
        | State::Accepted
        | State::Rejected
        | State::Superseded
        | State::Cancelled
        | State::Stuck => Mood::Well,
    }
}

/// What is to be told of an import.
fn news_of(run: &Run, now: OffsetDateTime) -> String {
    let called = format!("{}, which came {},", file(run), ago(run.received, now));
    match (run.state, &run.reason) {
        (State::Received | State::Packed, Some(reason)) => {
            let is_this =
                |note: &Note| matches!(note, Note::Reason(noted) if noted.code() == reason.code());
            let mut stops = run.journal.iter().rev();
            let since = stops.find(|stop| stop.note.as_ref().is_some_and(is_this));
            let since = since.map(|stop| format!(" (for {})", span(now - stop.at)));
            let why = messages::because(run, reason);
            format!("{called} is waiting{}: {why}.", since.unwrap_or_default())
        }
        (State::Received, _) => format!("{called} is being read and checked."),
        (State::Packed, _) => format!("{called} is right and about to be pushed."),
        (State::Pushing, _) => format!("{called} is being pushed."),
        (State::Ingesting, _) => {
            let says = run.service_status.as_deref().unwrap_or("nothing yet");
            let since = run.pushed.map(|at| format!(" for {}", span(now - at)));
            let why = messages::why(run).map(|why| format!("; {why}")).unwrap_or_default();
            let since = since.unwrap_or_default();
            format!("{called} has been with the service{since}, which says {says}{why}.")
        }
        (State::Rejected, Some(Reason::DeletionBlocked(problems))) => format!(
            "{called} was not sent, because a full refresh deletes what is missing: {}.",
            messages::first(problems)
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
pub(super) fn file(run: &Run) -> &str {
    run.source.name.split_once('/').map_or(&run.source.name, |(_, name)| name)
}

#[cfg(test)]
mod tests;
