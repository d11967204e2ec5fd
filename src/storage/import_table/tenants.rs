//! The list of tenants, so that no query crosses partitions.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use azure_core::Result;

use super::{
    ImportTable,
    columns::{Columns, text},
};
use crate::{import::ImportId, storage::table::Write};

const PREFIX: &str = "tenant~";

/// The tenants that this process has found in the list, or written there.
#[derive(Debug, Default)]
pub(super) struct Listed(Mutex<HashSet<String>>);

impl Listed {
    fn with<T>(&self, act: impl FnOnce(&mut HashSet<String>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ImportTable {
    /// All tenants that ever had an import, in the order of their ids.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn tenants(&self) -> Result<Vec<String>> {
        let filter = format!(
            "PartitionKey eq '{}' and RowKey ge '{PREFIX}' and RowKey lt '{PREFIX}~'",
            ImportId::NO_TENANT
        );
        let rows = self.table.query(&filter).await?;
        let tenants = rows.iter().filter_map(|row| {
            Some(text(&row.properties, "RowKey")?.strip_prefix(PREFIX)?.to_owned())
        });
        Ok(tenants.collect())
    }

    /// Adds a tenant to the list, before the first row of the tenant is written.
    pub(super) async fn list_tenant(&self, tenant: &str) -> Result<()> {
        if self.listed.with(|listed| listed.contains(tenant)) {
            return Ok(());
        }
        let row = Columns::new(ImportId::NO_TENANT, &format!("{PREFIX}{tenant}"));
        self.table.transact(&[Write::Merge(row.0)]).await?;
        self.listed.with(|listed| listed.insert(tenant.to_owned()));
        Ok(())
    }
}
