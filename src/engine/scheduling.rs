//! The order of pushes: what a packed import waits for.

use azure_core::Result;

use super::{Engine, IntakeOutcome, Origin, deletion_guard::guarded, intake};
use crate::{
    config::INBOX,
    import::{
        Event, Import, ImportId,
        connection_record::ConnectionRecord,
        order::{Lane, Turn},
    },
    messages,
    schema::Refresh,
    storage::import_table::{FreeSlot, Slot},
};

/// Whether an import may be pushed now.
pub(super) enum Eligibility {
    /// The tenant's slot is free for it.
    Now(FreeSlot),
    /// Not yet, or never; the event says why.
    Later(Event),
}

impl Engine {
    /// Whether it is the turn of a packed import: no other file replaces it or goes first, its connection is not
    /// paused, it deletes and undoes nothing without an approval, and the tenant's slot is free.
    pub(super) async fn eligibility(&self, import: &Import) -> Result<Eligibility> {
        let mut rows = self.imports.tenant(&import.id.tenant).await?;
        let connection = rows.connection_of(import);
        if self.take_in_older(import, &connection).await? {
            rows = self.imports.tenant(&import.id.tenant).await?;
        }
        let record = rows.lane_of(import);
        let paused_by = self.paused_by(import, &connection).await?;
        let lane = Lane {
            record: &record,
            live: &rows.live,
            connection: &connection,
            paused_by: paused_by.as_ref(),
        };
        match import.turn(lane) {
            Turn::Now => {}
            Turn::Later(event) => return Ok(Eligibility::Later(event)),
            Turn::GoesBack(newer) => {
                let problems = messages::goes_back(import, &newer);
                return Ok(Eligibility::Later(guarded(import, problems)));
            }
        }
        // The service may have this content already, so a push only repeats it.
        if !import.push_outcome_unknown
            && let Some(event) = self.would_delete(import, record.baseline.as_ref())
        {
            return Ok(Eligibility::Later(event));
        }
        Ok(match rows.slot_for(import) {
            Slot::Free(free) => Eligibility::Now(free),
            Slot::Taken(by) => Eligibility::Later(Event::SlotTaken { by }),
        })
    }

    /// The import that pauses the connection of another one: any that waits after a 403, or an older one that was
    /// rejected or is stuck. One whose row was deleted pauses nothing.
    async fn paused_by(
        &self,
        import: &Import,
        connection: &ConnectionRecord,
    ) -> Result<Option<Import>> {
        for pause in &connection.paused_by {
            if *pause.import == *import.id.key {
                return Ok(Some(import.clone()));
            }
            let id = ImportId { tenant: import.id.tenant.clone(), key: pause.import.to_string() };
            let by = self.imports.get_readable(&id).await?.map(|stored| stored.import);
            let concerns = |by: &Import| !by.state.is_end() || by.order() < import.order();
            if let Some(by) = by.filter(|by| by.pauses && concerns(by)) {
                return Ok(Some(by));
            }
        }
        Ok(None)
    }

    /// Receives the files of an incremental connection that are older than an import and newer than what the service
    /// has, and whose events have not arrived yet. Returns whether there were any.
    async fn take_in_older(&self, import: &Import, connection: &ConnectionRecord) -> Result<bool> {
        if import.refresh != Some(Refresh::Incremental) || import.push_outcome_unknown {
            return Ok(false);
        }
        let since = connection.newest.as_ref().map(|newest| newest.written);
        let files = self.blobs.list(INBOX, &format!("{}/", import.connection)).await?;
        let mut found = false;
        for blob in files {
            let is_between = blob.last_modified <= import.source.last_modified
                && since.is_none_or(|since| blob.last_modified >= since);
            if !is_between || intake::connection_of(INBOX, &blob.name).is_none() {
                continue;
            }
            let id = intake::import_id(&blob, &import.id.tenant);
            if id != import.id && !self.imports.has(&id).await? {
                let taken_in = self.arrive(INBOX, &blob.name, Origin::Request).await?;
                found |= matches!(taken_in, IntakeOutcome::Received(_));
            }
        }
        Ok(found)
    }
}
