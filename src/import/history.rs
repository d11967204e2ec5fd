//! The history of an import: what the table keeps of its past.

use time::OffsetDateTime;

use super::{HistoryEntry, Import, Note, State};

/// Stops that are kept; of more the first and the last ones.
const LONGEST_JOURNAL: usize = 40;

impl Import {
    /// Writes down where the import has come to. `asked` is what a person asked for; a step that
    /// only `begins`, or cleans up, notes no old reason again.
    pub(super) fn remember(
        &mut self,
        before: &Self,
        asked: Option<String>,
        begins: bool,
        now: OffsetDateTime,
    ) {
        let is_new = self.state != before.state;
        let is_new_word =
            self.state == State::Ingesting && self.service_status != before.service_status;
        let word = self.service_status.as_ref().filter(|_| is_new_word);
        let status = word.map(|word| Note::Status(word.into()));
        // The state says all of an accepted import.
        let reason = || self.reason.clone().filter(|_| !self.state.is_accepted());
        let why = reason().filter(|_| self.reason != before.reason).map(Note::Reason);
        // The same reason once more is noted by its number.
        let again = reason().filter(|_| !begins && !self.state.is_end()).map(Note::Reason);
        let came = is_new.then(|| self.came()).flatten();
        // A cancelled import says by whom, and what else there is to know of that.
        let asked =
            asked.filter(|_| self.state != State::Cancelled).map(|by| Note::Asked(by.into()));
        let note = asked.or(why).or(status).or(again).or(came);
        if !is_new && note.is_none() {
            return;
        }
        // A push that only came back for the same reason is no stop of its own.
        let came_back = self.history.len().checked_sub(2).filter(|before_last| {
            self.history.last().is_some_and(|last| last.state == State::Pushing)
                && is_same(&self.history[*before_last], self.state, note.as_ref())
        });
        if let Some(before_last) = came_back {
            self.history.truncate(before_last + 1);
        }
        match self.history.last_mut() {
            Some(last) if is_same(last, self.state, note.as_ref()) => {
                last.count = last.count.saturating_add(1);
                last.last_seen = now;
            }
            _ => self.history.push(HistoryEntry {
                at: now,
                state: self.state,
                note,
                count: 1,
                last_seen: now,
            }),
        }
        if self.history.len() > LONGEST_JOURNAL {
            self.history.remove(1);
        }
    }

    /// What is noted of a state where nothing else is: what holds for this attempt.
    fn came(&self) -> Option<Note> {
        match self.state {
            State::Packed => {
                let (rows, people) = (self.rows?, self.baseline.as_ref()?.people);
                Some(Note::Packed { rows, people })
            }
            State::Pushing => {
                let scale_unit = self.scale_unit.as_ref()?.into();
                Some(Note::Pushed { scale_unit })
            }
            State::Received
            | State::Ingesting
            | State::Completed
            | State::Accepted
            | State::Rejected
            | State::Superseded
            | State::Cancelled
            | State::Stuck => None,
        }
    }
}

fn is_same(stop: &HistoryEntry, state: State, note: Option<&Note>) -> bool {
    stop.state == state && stop.note.as_ref() == note && note.is_some()
}
