//! What is removed after a long time: the rows and reports of imports that ended, once their files are gone.

use std::collections::HashSet;

use azure_core::Result;
use time::OffsetDateTime;

use super::{Engine, intake::key_of, log};
use crate::{
    config::{INBOX, REPORTS},
    import::Import,
    storage::import_table::TenantRows,
};

/// The most rows that one sweep removes.
const AT_MOST: usize = 500;

impl Engine {
    /// Removes the rows and reports of imports that ended longer ago than rows are kept. A row whose file is in the
    /// inbox stays, because without it the same content would be imported again; so does one that a connection or a
    /// lane names. Stops after the time of a step; the next sweep goes on.
    ///
    /// # Errors
    /// Storage failed.
    pub(super) async fn remove_old(&self) -> Result<()> {
        let Some(keep) = self.config.keep_rows else { return Ok(()) };
        let now = (self.clock)();
        let mut removed = 0;
        let done =
            self.remove_before(now - keep, now + self.config.policy.step_timeout, &mut removed);
        let done = done.await;
        if removed > 0 {
            log::removed(removed);
        }
        done
    }

    async fn remove_before(
        &self,
        end: OffsetDateTime,
        last_begin: OffsetDateTime,
        removed: &mut usize,
    ) -> Result<()> {
        let mut in_inbox = HashSet::new();
        for tenant in self.imports.tenants().await? {
            let mut old = self.imports.ended_before(&tenant, end, None).await?;
            if old.imports.is_empty() {
                continue;
            }
            let rows = self.imports.tenant(&tenant).await?;
            if in_inbox.is_empty() {
                in_inbox = self.keys_in_inbox().await?;
            }
            let is_over =
                |import: &Import| is_over(import, &rows) && !in_inbox.contains(&import.id.key);
            loop {
                for stored in old.imports.into_iter().filter(|stored| is_over(&stored.import)) {
                    if *removed >= AT_MOST || (self.clock)() >= last_begin {
                        return Ok(());
                    }
                    self.blobs.delete_all(REPORTS, &format!("{}/", stored.import.id.key)).await?;
                    *removed += usize::from(self.imports.remove(stored).await?);
                }
                let Some(after) = old.next else { break };
                old = self.imports.ended_before(&tenant, end, Some(&after)).await?;
            }
        }
        Ok(())
    }

    /// The keys of the contents in the inbox.
    async fn keys_in_inbox(&self) -> Result<HashSet<String>> {
        Ok(self.blobs.list(INBOX, "").await?.iter().map(key_of).collect())
    }
}

/// Whether nothing needs the row of an import any more, apart from its file.
fn is_over(import: &Import, rows: &TenantRows) -> bool {
    import.state.is_end()
        && !import.is_live()
        && !import.is_left_alone()
        && !import.pauses
        && !rows.names(&import.id.key)
}
