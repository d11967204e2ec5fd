//! The rows of the timers: when each did its work last.

use azure_core::Result;
use time::OffsetDateTime;

use super::{
    ImportTable,
    columns::{Columns, time},
};
use crate::{import::ImportId, storage::table::Write};

const LAST_RUN: &str = "LastRun";

impl ImportTable {
    /// Notes that a timer has done its work.
    ///
    /// # Errors
    /// Whatever storage says.
    pub async fn note_timer(&self, name: &str, now: OffsetDateTime) -> Result<()> {
        let mut row = Columns::new(ImportId::NO_TENANT, &key(name));
        row.time(LAST_RUN, Some(now));
        self.table.transact(&[Write::Merge(row.0)]).await.map(drop)
    }

    /// When a timer did its work last; `None` where it never has.
    ///
    /// # Errors
    /// Whatever storage says.
    pub async fn timer(&self, name: &str) -> Result<Option<OffsetDateTime>> {
        let row = self.table.get(ImportId::NO_TENANT, &key(name)).await?;
        Ok(row.and_then(|row| time(&row.properties, LAST_RUN)))
    }
}

fn key(name: &str) -> String {
    format!("timer~{name}")
}
