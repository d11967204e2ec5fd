//! How things stand with a connection, in one sentence.

use time::{Duration, OffsetDateTime};

use super::words::{ago, counted, span};
use crate::{
    drive::Document,
    run::{Run, State},
};

/// How a connection fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
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
    #[must_use]
    pub fn word(self) -> &'static str {
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

/// How things stand with a connection.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) mood: Mood,
    pub(super) told: String,
    pub(super) is_paused: bool,
    pub(super) last_accepted: Option<OffsetDateTime>,
    pub(super) expected: Option<OffsetDateTime>,
}

impl Standing {
    /// How it stands by its document, its last imports (newest content first) and the last one that
    /// was accepted.
    pub(super) fn of(
        document: &Document,
        recent: &[Run],
        accepted: Option<&Run>,
        now: OffsetDateTime,
    ) -> Self {
        let last_accepted = accepted.and_then(|run| run.ended);
        let is_paused = recent.iter().any(|run| run.pauses.is_some());
        let every = document.read.as_ref().ok().and_then(|it| it.expected_every_days);
        let arrived = recent.iter().map(|run| run.received).max().unwrap_or(document.stored);
        let expected = every.map(|days| arrived + Duration::days(days.into()));
        let mut told = vec![match (accepted, last_accepted) {
            (Some(run), Some(at)) => {
                format!("Last accepted {}: {}.", ago(at, now), file(run))
            }
            _ => "Nothing has been accepted yet.".to_owned(),
        }];
        let mut mood = Mood::Well;
        // What has come since, but for what another content has taken the place of.
        let since = |run: &&Run| {
            !run.state.is_end() || run.ended > last_accepted && run.state != State::Completed
        };
        let news: Vec<&Run> = recent.iter().filter(since).collect();
        if let Some(first) = news.first() {
            let (its_mood, sentence) = news_of(first, now);
            mood = its_mood;
            told.push(sentence);
            let others = news.len() as u64 - 1;
            if others > 0 {
                let more = counted(others, "more import");
                told.push(format!("{more} since then: see below."));
            }
        } else if accepted.is_none() && recent.is_empty() {
            let folder = &document.name;
            told.push(format!("No file has arrived: it belongs into inbox/{folder}/."));
        }
        if is_paused {
            mood = Mood::Person;
            told.push("The connection is paused until a person resumes it.".to_owned());
        }
        if let Some(expected) = expected.filter(|expected| *expected < now) {
            mood = Mood::Person;
            told.push(format!("A file was expected {}.", ago(expected, now)));
        }
        if let Err(why) = &document.read {
            mood = Mood::Person;
            told.push(format!("{why}."));
        }
        Self { mood, told: told.join(" "), is_paused, last_accepted, expected }
    }
}

/// What is to be told of the newest import.
fn news_of(run: &Run, now: OffsetDateTime) -> (Mood, String) {
    let called = format!("{}, which came {},", file(run), ago(run.received, now));
    match run.state {
        State::Received => (Mood::Moves, format!("{called} is being read and checked.")),
        State::Packed => match &run.last_failure {
            None => (Mood::Moves, format!("{called} is right and about to be pushed.")),
            Some(why) => {
                let since = run.journal.iter().rev().find(|stop| stop.told.as_ref() == Some(why));
                let since = since.map(|stop| format!(" (for {})", span(now - stop.at)));
                let why = why.strip_prefix("waits: ").unwrap_or(why);
                let since = since.unwrap_or_default();
                (Mood::Waits, format!("{called} is waiting{since}: {why}."))
            }
        },
        State::Pushing => (Mood::Moves, format!("{called} is being pushed.")),
        State::Ingesting => {
            let says = run.service_status.as_deref().unwrap_or("nothing yet");
            let since = run.pushed.map(|at| format!(" for {}", span(now - at)));
            let since = since.unwrap_or_default();
            (Mood::Moves, format!("{called} has been with the service{since}, which says {says}."))
        }
        State::Rejected if run.guarded => {
            let what = "was not sent, because it would delete people or columns";
            (Mood::Person, format!("{called} {what}."))
        }
        State::Rejected if run.problems > 0 => {
            let problems = counted(run.problems, "problem");
            (Mood::Person, format!("{called} was rejected: {problems}."))
        }
        State::Rejected => (Mood::Person, format!("{called} was rejected.")),
        State::Stuck => (Mood::Person, format!("{called} is stuck.")),
        State::Superseded => (Mood::Well, format!("{called} was superseded by a newer one.")),
        State::Cancelled => (Mood::Well, format!("{called} was cancelled.")),
        State::Completed => (Mood::Well, format!("{called} was accepted.")),
    }
}

/// A file by its name alone, for the connection is known.
fn file(run: &Run) -> &str {
    run.source.name.split_once('/').map_or(&run.source.name, |(_, name)| name)
}
