//! The rows of imports that ended long ago.

use azure_core::Result;
use time::OffsetDateTime;

use super::{ImportTable, Stored, columns::Columns, id_of, is_failed_condition, quoted, readable};
use crate::import::{ImportId, moment};

/// The rows that are read at once.
const TOP: usize = 500;

/// Some of the imports that ended long ago.
pub(crate) struct OldImports {
    pub(crate) imports: Vec<Stored>,
    /// The key after which the next ones begin; `None` if there are no more.
    pub(crate) next: Option<String>,
}

impl ImportTable {
    /// Imports of a tenant that ended before `end`, in the order of their keys, beginning after the key `after`. Their
    /// contents are older than that, and keys are in the order of the contents, so that no younger row is read.
    ///
    /// # Errors
    /// Storage failed.
    pub(crate) async fn ended_before(
        &self,
        tenant: &str,
        end: OffsetDateTime,
        after: Option<&str>,
    ) -> Result<OldImports> {
        let first = format!("{}~", ImportId::moment_of(end));
        let filter = format!(
            "PartitionKey eq '{}' and RowKey gt '{}' and RowKey lt ':' and Ended lt datetime'{}'",
            quoted(tenant),
            quoted(after.unwrap_or(&first)),
            moment::exact(end)
        );
        let rows = self.table.query_first(&filter, TOP).await?;
        let next = rows.last().filter(|_| rows.len() == TOP).map(|row| id_of(row).key);
        Ok(OldImports { imports: readable(rows), next })
    }

    /// Removes the row of an import, unless it has changed. Returns whether it was removed.
    ///
    /// # Errors
    /// Storage failed.
    pub(crate) async fn remove(&self, Stored { import, etag }: Stored) -> Result<bool> {
        let keys = Columns::new(&import.id.tenant, &import.id.key).0;
        match self.table.delete(&keys, &etag).await {
            Ok(()) => Ok(true),
            Err(error) if is_failed_condition(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
