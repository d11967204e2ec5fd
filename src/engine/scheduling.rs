//! The order of pushes: what a packed import waits for.

use azure_core::Result;

use super::Engine;
use crate::{
    import::{
        Event, Import, State,
        reason::{PauseCause, Reason},
    },
    schema::Refresh,
    storage::import_table::{FreeSlot, Slot},
};

/// Whether an import may be pushed now.
pub(super) enum Eligibility {
    /// The tenant's slot is free for it.
    Now(FreeSlot),
    /// Not yet; the event says why.
    Later(Event),
}

impl Engine {
    /// Whether another file replaces an import or goes first, whether the connection is paused, and whether
    /// the tenant's slot is free.
    pub(super) async fn eligibility(&self, import: &Import) -> Result<Eligibility> {
        let siblings = self.imports.of_connection(import).await?;
        let siblings: Vec<Import> = siblings.into_iter().map(|stored| stored.import).collect();
        let event = superseded(import, &siblings)
            .or_else(|| paused(import, &siblings))
            .or_else(|| behind(import, &siblings));
        if let Some(event) = event {
            return Ok(Eligibility::Later(event));
        }
        Ok(match self.imports.slot_for(import).await? {
            Slot::Free(free) => Eligibility::Now(free),
            Slot::Taken(by) => Eligibility::Later(Event::SlotTaken { by }),
        })
    }
}

/// A newer full file that is ready replaces all data.
fn superseded(import: &Import, siblings: &[Import]) -> Option<Event> {
    let is_ready = |newer: &&Import| match newer.state {
        State::Packed | State::Pushing | State::Ingesting | State::Completed | State::Accepted => {
            true
        }
        State::Received | State::Rejected | State::Superseded | State::Cancelled | State::Stuck => {
            false
        }
    };
    let mut newer = siblings.iter().filter(|newer| newer.order() > import.order());
    let newer = newer.find(|newer| newer.refresh == Some(Refresh::Full) && is_ready(newer))?;
    let (file, key) = newer.called();
    Some(Event::Superseded { file, import: key })
}

/// An import after a 403 pauses the whole connection; a rejected or stuck one pauses later files.
fn paused(import: &Import, siblings: &[Import]) -> Option<Event> {
    let mut before = siblings.iter().filter(|by| !by.state.is_end() || by.order() < import.order());
    let by = before.find(|by| by.pauses)?;
    if by.id == import.id {
        return Some(Event::Paused { reason: import.reason_of_403() });
    }
    let (connection, cause) = ((&import.connection).into(), PauseCause::of(by.state));
    let (file, key) = by.called();
    let reason = Reason::ConnectionPaused { connection, file, import: key, cause };
    Some(Event::Paused { reason })
}

/// Incremental files keep their order.
fn behind(import: &Import, siblings: &[Import]) -> Option<Event> {
    // The import with the slot does not wait: the older file would wait for the slot in turn.
    if import.refresh != Some(Refresh::Incremental) || import.holds_slot() {
        return None;
    }
    let mut older = siblings.iter().filter(|older| older.order() < import.order());
    let older = older.find(|older| !older.state.is_end())?;
    let (file, key) = older.called();
    Some(Event::WaitingForOlder { file, import: key })
}
