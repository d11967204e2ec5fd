//! The history of an import, as the table keeps it.

use time::OffsetDateTime;

use super::{HistoryEntry, Import, Note, State};

/// The most entries that are kept: the first one and the last ones.
const MAX_ENTRIES: usize = 40;

impl Import {
    /// Adds an entry to the history. `asked` is the operator action; a step that only `begins`, or cleans
    /// up, does not repeat an old reason.
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
        // For an accepted import the state says everything.
        let reason = || self.reason.clone().filter(|_| !self.state.is_accepted());
        let why = reason().filter(|_| self.reason != before.reason).map(Note::Reason);
        // A repeated reason increments the count.
        let again = reason().filter(|_| !begins && !self.state.is_end()).map(Note::Reason);
        let came = is_new.then(|| self.came()).flatten();
        // The reason of a cancelled import already says who cancelled it.
        let asked =
            asked.filter(|_| self.state != State::Cancelled).map(|by| Note::Asked(by.into()));
        let note = asked.or(why).or(status).or(again).or(came);
        if !is_new && note.is_none() {
            return;
        }
        // A push that only returned for the same reason gets no entry of its own.
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
        if self.history.len() > MAX_ENTRIES {
            self.history.remove(1);
        }
    }

    /// The note of a new state that has no other note: facts of this attempt.
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

fn is_same(entry: &HistoryEntry, state: State, note: Option<&Note>) -> bool {
    entry.state == state && entry.note.as_ref() == note && note.is_some()
}
