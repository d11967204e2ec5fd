//! Whose turn it is in a lane.

use super::{
    Event, Import, State,
    connection_record::ConnectionRecord,
    lane::{ContentOrder, LaneContent, LaneRecord, LiveImport},
    reason::{PauseCause, Reason},
};
use crate::schema::{Id, Refresh};

/// A lane, as an import of it sees it.
#[derive(Clone, Copy, Debug)]
pub struct Lane<'a> {
    /// What the service has.
    pub record: &'a LaneRecord,
    /// The live imports of the tenant.
    pub live: &'a [LiveImport],
    /// The record of the import's connection.
    pub connection: &'a ConnectionRecord,
    /// An import that pauses the connection.
    pub paused_by: Option<&'a Import>,
}

/// Whether it is the turn of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is.
    Now,
    /// It is not, or never will be.
    Later(Event),
    /// It is older than this content that the service has, and would undo it: a person decides.
    GoesBack(ContentOrder),
}

impl Import {
    /// Whether it is its turn in its lane. Whether the tenant's slot is free is another question.
    #[must_use]
    pub fn turn(&self, lane: Lane<'_>) -> Turn {
        let event = self
            .superseded(lane)
            .or_else(|| self.paused_by(lane.paused_by))
            .or_else(|| self.behind(lane.live));
        if let Some(event) = event {
            return Turn::Later(event);
        }
        // The service may have this content already, so a push only repeats it.
        if self.push_outcome_unknown {
            return Turn::Now;
        }
        if let Some(newer) = self.goes_back(lane) {
            return Turn::GoesBack(newer.clone());
        }
        self.same_content(lane.record).map_or(Turn::Now, Turn::Later)
    }

    /// A newer full file that is ready, or that the service has, replaces all data.
    fn superseded(&self, lane: Lane<'_>) -> Option<Event> {
        let order = self.order();
        let is_ready = |newer: &&LiveImport| match newer.state {
            State::Packed => !newer.needs_person,
            State::Pushing | State::Ingesting => true,
            State::Received
            | State::Completed
            | State::Accepted
            | State::Rejected
            | State::Superseded
            | State::Cancelled
            | State::Stuck => false,
        };
        let mut newer = lane.live.iter().filter(|newer| newer.order > order);
        let newer = newer.find(|newer| {
            newer.refresh == Some(Refresh::Full) && newer.is_in_lane_of(self) && is_ready(newer)
        });
        let accepted = lane.record.full.as_ref().filter(|full| full.order > order);
        let (file, import) =
            newer.map(LiveImport::called).or_else(|| accepted.map(LaneContent::called))?;
        Some(Event::Superseded { file, import })
    }

    /// An import after a 403 pauses the whole connection; a rejected or stuck one pauses later files.
    fn paused_by(&self, by: Option<&Self>) -> Option<Event> {
        let by = by?;
        if by.id == self.id {
            return Some(Event::Paused { reason: self.reason_of_403() });
        }
        let (connection, cause) = ((&self.connection).into(), PauseCause::of(by.state));
        let (file, import) = by.called();
        let reason = Reason::ConnectionPaused { connection, file, import, cause };
        Some(Event::Paused { reason })
    }

    /// Incremental files wait for everything older. Files of other connections that need a person block nobody; those
    /// of the same connection do, because what they wait for concerns both.
    fn behind(&self, live: &[LiveImport]) -> Option<Event> {
        // The import with the slot does not wait: the older file would wait for the slot in turn.
        if self.refresh != Some(Refresh::Incremental) || self.holds_slot() {
            return None;
        }
        let own = self.order();
        let mut older = live.iter().filter(|older| older.order < own && older.is_in_lane_of(self));
        let older = older.find(|older| {
            !older.state.is_end() && (older.connection == self.connection || !older.needs_person)
        })?;
        let (file, import) = older.called();
        Some(Event::WaitingForOlder { file, import })
    }

    /// The newer content at the service that it would undo: for an incremental file, the last one of its connection;
    /// for a full refresh, an incremental file.
    fn goes_back<'a>(&self, lane: Lane<'a>) -> Option<&'a ContentOrder> {
        let newer = match self.refresh? {
            Refresh::Incremental => lane.connection.newest.as_ref(),
            Refresh::Full => lane.record.incremental.as_ref().map(|content| &content.order),
        };
        newer.filter(|newer| **newer > self.order() && !self.may_go_back())
    }

    /// Whether a person approved that it is older than what the service has.
    fn may_go_back(&self) -> bool {
        self.approval.as_ref().is_some_and(|approval| approval.names(Id::I05))
    }

    /// The service has these very bytes, and nothing has come since. An import that an operator retries is pushed
    /// again.
    fn same_content(&self, record: &LaneRecord) -> Option<Event> {
        let (last, package) = (record.last.as_ref()?, self.package.as_ref()?);
        let is_same = last.sha256 == package.sha256 && Some(last.refresh) == self.refresh;
        let is_asked = self.operator_actions.is_some() || self.approval.is_some();
        let import = (&last.import).into();
        (is_same && !is_asked).then_some(Event::SameContent { import })
    }
}
