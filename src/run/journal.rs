//! The stops of an import's road: what the table keeps of its past.

use time::OffsetDateTime;

use super::{Run, State};

/// Stops that are kept; of more the first and the last ones.
const LONGEST_JOURNAL: usize = 40;
/// Characters that are kept of what was told at one stop.
const LONGEST_TOLD: usize = 1000;

/// One stop: the import came into a state, or something was told of it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// When first.
    pub at: OffsetDateTime,
    /// In which state.
    pub state: State,
    /// What there is to tell beside the state.
    pub told: Option<String>,
    /// How often the same was told.
    pub times: u32,
    /// When it was told last.
    pub last: OffsetDateTime,
}

impl Run {
    /// Writes down where the import has come to. `asked` is what a person asked for; a step that
    /// only `begins`, or cleans up, tells no old reason again.
    pub(super) fn remember(
        &mut self,
        before: &Self,
        asked: Option<String>,
        begins: bool,
        now: OffsetDateTime,
    ) {
        let news = |after: &Option<String>, before: &Option<String>| {
            (after != before).then(|| after.clone()).flatten()
        };
        let says = news(&self.service_status, &before.service_status)
            .filter(|_| self.state == State::Ingesting)
            .map(|word| format!("the service says {word}"));
        let why = news(&self.last_failure, &before.last_failure);
        // The same reason once more is told by its number.
        let again = self.last_failure.clone().filter(|_| !begins && !self.state.is_end());
        let is_new = self.state != before.state;
        let came = is_new.then(|| self.came()).flatten();
        // A cancelled import says by whom, and what else there is to know of that.
        let asked = asked.filter(|_| self.state != State::Cancelled);
        let told = asked.or(why).or(says).or(again).or(came);
        if !is_new && told.is_none() {
            return;
        }
        if self.journal.is_empty() {
            // A row that is older than journals.
            let (at, state) = (self.received, State::Received);
            self.journal.push(Stop { at, state, told: None, times: 1, last: at });
        }
        let told = told.map(|told| told.chars().take(LONGEST_TOLD).collect::<String>());
        // A push that only came back for the same reason is no stop of its own.
        let came_back = self.journal.len().checked_sub(2).filter(|before_last| {
            self.journal.last().is_some_and(|last| last.state == State::Pushing)
                && is_same(&self.journal[*before_last], self.state, told.as_ref())
        });
        if let Some(before_last) = came_back {
            self.journal.truncate(before_last + 1);
        }
        match self.journal.last_mut() {
            Some(last) if is_same(last, self.state, told.as_ref()) => {
                last.times = last.times.saturating_add(1);
                last.last = now;
            }
            _ => self.journal.push(Stop { at: now, state: self.state, told, times: 1, last: now }),
        }
        if self.journal.len() > LONGEST_JOURNAL {
            self.journal.remove(1);
        }
    }

    /// What is told of a state where nothing else is: what holds for this attempt.
    fn came(&self) -> Option<String> {
        match self.state {
            State::Packed => {
                let (rows, people) = (self.rows?, self.summary.as_ref()?.people);
                Some(format!("checked and packed, rows: {rows}, people: {people}"))
            }
            State::Pushing => {
                let unit = self.scale_unit.as_ref()?;
                Some(format!("pushed to the scale unit {unit}"))
            }
            State::Received
            | State::Ingesting
            | State::Completed
            | State::Rejected
            | State::Superseded
            | State::Cancelled
            | State::Stuck => None,
        }
    }
}

fn is_same(stop: &Stop, state: State, told: Option<&String>) -> bool {
    stop.state == state && stop.told.as_ref() == told && told.is_some()
}
