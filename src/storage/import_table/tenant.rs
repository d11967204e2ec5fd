//! What decides the order of a tenant's pushes, read by one query: its connections, lanes, live imports and slots.

use std::collections::HashMap;

use azure_core::{Result, http::Etag};

use super::{
    FreeSlot, ImportTable, Slot, SlotRow, columns::text, connections, lanes, live, quoted,
    slot_key, slot_of,
};
use crate::{
    import::{
        Import,
        connection_record::ConnectionRecord,
        lane::{LaneRecord, LiveImport},
    },
    storage::table::Row,
};

/// The rows of a tenant besides those of its imports.
#[derive(Debug, Default)]
pub struct TenantRows {
    /// The live imports.
    pub live: Vec<LiveImport>,
    connections: HashMap<String, (ConnectionRecord, Etag)>,
    lanes: HashMap<String, (LaneRecord, Etag)>,
    slots: HashMap<String, SlotRow>,
}

impl ImportTable {
    /// The rows of a tenant besides those of its imports.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn tenant(&self, tenant: &str) -> Result<TenantRows> {
        // The keys of imports begin with a digit. A tilde sorts after every letter.
        let filter = format!("PartitionKey eq '{}' and RowKey ge ':'", quoted(tenant));
        let mut rows = TenantRows::default();
        for row in self.table.query(&filter).await? {
            rows.add(row);
        }
        Ok(rows)
    }
}

impl TenantRows {
    fn add(&mut self, row: Row) {
        let Some(key) = text(&row.properties, "RowKey") else { return };
        if let Some(live) = live::parse(&row.properties) {
            self.live.push(live);
        } else if let Some(name) = connections::name_of(&key) {
            let record = connections::record_of(&row.properties);
            self.connections.insert(name.to_owned(), (record, row.etag));
        } else if key.starts_with("lane~") {
            self.lanes.insert(key, (lanes::parse(&row.properties), row.etag));
        } else if key.starts_with("slot~") {
            self.slots.insert(key, slot_of(row));
        }
    }

    /// Whether a connection, a lane or a slot names an import, or something of it is still to do.
    #[must_use]
    pub(crate) fn names(&self, key: &str) -> bool {
        self.live.iter().any(|live| live.id.key == key)
            || self.slots.values().any(|slot| slot.holder == key)
            || self.connections.values().any(|(connection, _)| connection.names(key))
            || self.lanes.values().any(|(lane, _)| lane.names(key))
    }

    /// The record of the lane of an import.
    #[must_use]
    pub fn lane_of(&self, import: &Import) -> LaneRecord {
        self.lane_row(import).map(|(lane, _)| lane).unwrap_or_default()
    }

    /// The record of the connection of an import.
    #[must_use]
    pub fn connection_of(&self, import: &Import) -> ConnectionRecord {
        self.connection_row(import).map(|(record, _)| record).unwrap_or_default()
    }

    /// The same with the ETag of its row; `None` if there is no row.
    pub(super) fn connection_row(&self, import: &Import) -> Option<(ConnectionRecord, Etag)> {
        self.connections.get(&import.connection).cloned()
    }

    pub(super) fn lane_row(&self, import: &Import) -> Option<(LaneRecord, Etag)> {
        self.lanes.get(&lanes::key_of(import.target, import.connector?)).cloned()
    }

    pub(super) fn slot_of(&self, import: &Import) -> Option<SlotRow> {
        self.slots.get(&slot_key(import)).cloned()
    }

    /// Whether the tenant's slot is free for an import. A slot whose holder is not in progress any more counts as
    /// free.
    #[must_use]
    pub fn slot_for(&self, import: &Import) -> Slot {
        let Some(slot) = self.slots.get(&slot_key(import)) else {
            return Slot::Free(FreeSlot(None));
        };
        let is_held = slot.holder != import.id.key
            && self.live.iter().any(|live| live.id.key == slot.holder && live.holds_slot);
        if is_held {
            Slot::Taken(slot.holder.clone())
        } else {
            Slot::Free(FreeSlot(Some(slot.etag.clone())))
        }
    }
}
