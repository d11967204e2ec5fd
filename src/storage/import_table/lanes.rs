//! The row of a lane: what the service has of a connector's data. It is written in the transaction in which an import
//! ends as accepted.

use azure_core::{Result, http::Etag};

use super::{
    ImportTable,
    columns::{
        ColumnInfo,
        ColumnType::{DateTime, Json, Text},
        Columns, column, json, text, time,
    },
    row,
};
use crate::{
    import::{
        Import,
        lane::{LaneRecord, LastPackage},
    },
    schema::{Connector, Target},
    storage::table::{Properties, Write},
};

/// Every column of the row besides its keys, with its meaning.
pub const LANE_COLUMNS: &[ColumnInfo] = &[
    column(
        FULL,
        Json,
        "The last full refresh that was accepted: the file, its dates and the import",
    ),
    column(INCREMENTAL, Json, "The newest incremental file that was accepted since then"),
    column(LAST_IMPORT, Text, "The id of the import that was accepted last"),
    column(LAST_SHA256, Text, "The SHA-256 of its package"),
    column(LAST_REFRESH, Text, "Whether it was `full` or `incremental`"),
    column(LAST_PUSHED, DateTime, "When the service accepted its push"),
    column(BASELINE, Json, "What the next file is compared with: numbers, columns and dates"),
];
const FULL: &str = "Full";
const INCREMENTAL: &str = "Incremental";
const LAST_IMPORT: &str = "LastImport";
const LAST_SHA256: &str = "LastPackageSha256";
const LAST_REFRESH: &str = "LastRefresh";
const LAST_PUSHED: &str = "LastPushed";
const BASELINE: &str = "Baseline";

impl ImportTable {
    /// The record of a lane.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn lane(
        &self,
        tenant: &str,
        target: Target,
        connector: Connector,
    ) -> Result<LaneRecord> {
        let row = self.table.get(tenant, &key_of(target, connector)).await?;
        Ok(row.map(|row| parse(&row.properties)).unwrap_or_default())
    }
}

/// The write that records an accepted import in its lane; `None` if its connector is unknown. `row` is the lane as it
/// was.
pub(super) fn accepted(
    before: &Import,
    import: &Import,
    row: Option<(LaneRecord, Etag)>,
) -> Option<Write> {
    let key = key_of(import.target, import.connector?);
    let (mut record, etag) = row.map(|(lane, etag)| (lane, Some(etag))).unwrap_or_default();
    // Its package may be deleted already.
    record.accept(import, before.package.as_ref());
    let properties = of(&import.id.tenant, &key, &record);
    Some(match etag {
        Some(etag) => Write::Replace(properties, etag),
        None => Write::Insert(properties),
    })
}

/// Row key of a lane.
pub(super) fn key_of(target: Target, connector: Connector) -> String {
    format!("lane~{}~{}", target.as_ref(), connector.as_ref())
}

fn of(tenant: &str, key: &str, record: &LaneRecord) -> Properties {
    let mut row = Columns::new(tenant, key);
    row.json(FULL, record.full.as_ref());
    row.json(INCREMENTAL, record.incremental.as_ref());
    if let Some(last) = &record.last {
        row.text(LAST_IMPORT, &last.import);
        row.text(LAST_SHA256, &last.sha256);
        row.text(LAST_REFRESH, last.refresh.into());
        row.time(LAST_PUSHED, Some(last.pushed));
    }
    row.maybe(BASELINE, record.baseline.as_ref().and_then(row::baseline_text).as_deref());
    row.0
}

pub(super) fn parse(row: &Properties) -> LaneRecord {
    let last = || {
        Some(LastPackage {
            import: text(row, LAST_IMPORT)?,
            sha256: text(row, LAST_SHA256)?,
            refresh: text(row, LAST_REFRESH)?.parse().ok()?,
            pushed: time(row, LAST_PUSHED)?,
        })
    };
    LaneRecord {
        full: json(row, FULL),
        incremental: json(row, INCREMENTAL),
        last: last(),
        baseline: row::baseline(row, BASELINE),
    }
}
