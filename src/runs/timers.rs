//! The rows of the timers: when each did its work last.

use azure_core::Result;
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Runs, is_refused_condition, row::moment};
use crate::{azure::table::Properties, run::RunId};

const LAST_RUN: &str = "LastRun";

impl Runs {
    /// Notes that a timer has done its work.
    ///
    /// # Errors
    /// Whatever storage says but that another instance was faster.
    pub async fn note_timer(&self, name: &str, now: OffsetDateTime) -> Result<()> {
        let (tenant, key) = (RunId::NO_TENANT, key(name));
        let row: Properties = [
            ("PartitionKey", tenant),
            ("RowKey", &key),
            (LAST_RUN, &moment(now)),
            ("LastRun@odata.type", "Edm.DateTime"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
        let etag = self.table.get(tenant, &key).await?.map(|row| row.etag);
        self.write(row, etag)
            .await
            .or_else(|error| if is_refused_condition(&error) { Ok(()) } else { Err(error) })
    }

    /// When a timer did its work last; `None` where it never has.
    ///
    /// # Errors
    /// Whatever storage says.
    pub async fn timer(&self, name: &str) -> Result<Option<OffsetDateTime>> {
        let row = self.table.get(RunId::NO_TENANT, &key(name)).await?;
        let last = row.as_ref().and_then(|row| row.properties.get(LAST_RUN)?.as_str());
        Ok(last.and_then(|last| OffsetDateTime::parse(last, &Rfc3339).ok()))
    }
}

fn key(name: &str) -> String {
    format!("timer~{name}")
}
