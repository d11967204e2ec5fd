//! The removal of rows of long ago.

use time::Duration;
use viva_import::{
    config::{INBOX, REPORTS},
    import::Import,
    storage::table::Properties,
};

use crate::world::World;

/// How long rows are kept: the default of `KEEP_ROWS_DAYS`.
const KEPT: Duration = Duration::days(400);

impl World {
    /// Notes which of these imports a sweep has removed, and whether one of them was still needed.
    pub(in crate::world) async fn note_removed(&mut self, before: Vec<Import>) {
        let after = self.imports().await;
        let is_removed = |import: &Import| after.iter().all(|other| other.id != import.id);
        for import in before.into_iter().filter(is_removed) {
            let needed = self.is_needed(&import).await;
            self.wrong_removals
                .extend(needed.map(|why| format!("{} was removed: {why}", import.id)));
            self.removed.push(import);
        }
    }

    /// Why the row of an import must not be removed.
    async fn is_needed(&self, import: &Import) -> Option<String> {
        if !import.state.is_end() || import.is_live() {
            return Some(format!("it is {:?}, and something is still to do", import.state));
        }
        if import.ended.is_none_or(|ended| ended > self.now() - KEPT) {
            return Some(format!("it ended at {:?}", import.ended));
        }
        let source = &import.source;
        let blob = self.storage.blobs.look(INBOX, &source.name).await.unwrap();
        if blob.is_some_and(|blob| blob.etag == source.etag) {
            return Some("its file is in the inbox".to_owned());
        }
        // Of connections, lanes, slots and what is live.
        let filter = format!("PartitionKey eq '{}' and RowKey ge ':'", import.id.tenant);
        let rows = self.storage.imports.query(&filter).await.unwrap();
        let is_named =
            |row: &Properties| row.values().any(|it| it.to_string().contains(&import.id.key));
        let named = rows.into_iter().find(|row| is_named(&row.properties))?;
        Some(format!("it is named by {:?}", named.properties["RowKey"]))
    }

    /// Only what nothing needs was removed, with its reports, and nothing was imported again.
    pub(super) async fn removals_are_right(&self, imports: &[Import]) -> Result<(), String> {
        if let Some(wrong) = self.wrong_removals.first() {
            return Err(wrong.clone());
        }
        let reports = self.storage.blobs.list(REPORTS, "").await.unwrap();
        for removed in &self.removed {
            if imports.iter().any(|import| import.id == removed.id) {
                return Err(format!("{} was removed and imported again", removed.id));
            }
            if reports.iter().any(|blob| blob.name.starts_with(&removed.id.key)) {
                return Err(format!("{} was removed, but not its reports", removed.id));
            }
        }
        Ok(())
    }
}
