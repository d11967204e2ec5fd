//! The row of a connection: what belongs to it and not to one of its imports. It is written in the same
//! transaction as the import that changes it. Also the rows of the timers, with their last run.

use azure_core::{Error, Result, error::ErrorKind, http::Etag};
use time::OffsetDateTime;

use super::{
    ImportTable, Saved, Stored,
    columns::{
        ColumnInfo,
        ColumnType::{Boolean, DateTime, Json, Text},
        Columns, boolean, column, json, list, text, time,
    },
    is_failed_condition, lanes, quoted,
};
use crate::{
    import::{
        Import, ImportId,
        connection_record::{Accepted, ConnectionRecord},
        reason::ReasonCode,
    },
    storage::table::{Properties, Write},
};

/// The most attempts of a write that conflicts with another import's write to the row of the connection.
const TRIES: usize = 10;

/// Every column of the row besides its keys, with its meaning.
pub const CONNECTION_COLUMNS: &[ColumnInfo] = &[
    column(
        PAUSED_BY,
        Json,
        "The imports that pause it, each with the cause and the date of its content",
    ),
    column(LAST_RECEIVED, DateTime, "When its last file was received"),
    column(LAST_RECEIVED_IMPORT, Text, "The id of its import"),
    column(LAST_ACCEPTED, DateTime, "When the service last accepted an import of it"),
    column(LAST_ACCEPTED_IMPORT, Text, "The id of that import"),
    column(
        NEWEST,
        Json,
        "The newest content that the service has: the file, its dates and the import",
    ),
    column(
        NOTIFIED,
        Json,
        "The reasons for which its files wait, each with its begin, the number of waiting files and the import that reported it. Each reason is reported once, until it ends",
    ),
    column(
        OVERDUE,
        Json,
        "An overdue file of a connection that never had a file, and whether the notification was sent",
    ),
    column(
        INVALID,
        Json,
        "Since when the document is invalid, in partition `no-tenant`, and whether the notification was sent",
    ),
    column(
        STUCK,
        Json,
        "The ids of its stuck imports, except those with older content than a later success",
    ),
    column(
        HAS_FAILED,
        Boolean,
        "Whether a file failed, or a person was notified, since the last success",
    ),
    column(RECOVERED_BY, Text, "The id of the import that succeeded first after a failure"),
];
const PAUSED_BY: &str = "PausedBy";
const LAST_RECEIVED: &str = "LastReceived";
const LAST_RECEIVED_IMPORT: &str = "LastReceivedImport";
const LAST_ACCEPTED: &str = "LastAccepted";
const LAST_ACCEPTED_IMPORT: &str = "LastAcceptedImport";
const NEWEST: &str = "Newest";
const NOTIFIED: &str = "Notified";
const OVERDUE: &str = "Overdue";
const INVALID: &str = "Invalid";
const STUCK: &str = "Stuck";
const HAS_FAILED: &str = "HasFailed";
const RECOVERED_BY: &str = "RecoveredBy";

/// The record as it was read; without an ETag if there is no row yet.
struct Read {
    record: ConnectionRecord,
    etag: Option<Etag>,
}

impl Read {
    fn of(row: Option<(ConnectionRecord, Etag)>) -> Self {
        let (record, etag) = row.map(|(record, etag)| (record, Some(etag))).unwrap_or_default();
        Self { record, etag }
    }
}

impl ImportTable {
    /// The record of a connection in a tenant.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn connection(&self, tenant: &str, name: &str) -> Result<ConnectionRecord> {
        Ok(self.read_connection(tenant, name).await?.record)
    }

    /// The records of all connections in a tenant, by name.
    ///
    /// # Errors
    /// Storage failed.
    pub(crate) async fn connections(
        &self,
        tenant: &str,
    ) -> Result<Vec<(String, ConnectionRecord)>> {
        let prefix = key_of("");
        // A tilde sorts after every character of a name.
        let filter = format!(
            "PartitionKey eq '{}' and RowKey ge '{prefix}' and RowKey lt '{prefix}~'",
            quoted(tenant)
        );
        let rows = self.table.query(&filter).await?;
        let named = rows.into_iter().filter_map(|row| {
            let key = text(&row.properties, "RowKey")?;
            Some((key.strip_prefix(&prefix)?.to_owned(), record_of(&row.properties)))
        });
        Ok(named.collect())
    }

    /// Saves an import together with the record of its connection.
    pub(super) async fn save_with_connection(
        &self,
        before: Stored,
        next: Import,
        now: OffsetDateTime,
    ) -> Result<Saved> {
        for _ in 0..TRIES {
            let mut next = next.clone();
            let tenant = &next.id.tenant;
            // An end also writes the lane and frees the slot.
            let ends = next.state.is_end() && !before.import.state.is_end();
            let rows = if ends { Some(Box::new(self.tenant(tenant).await?)) } else { None };
            let Read { mut record, etag } = match &rows {
                Some(rows) => Read::of(rows.connection_row(&next)),
                None => self.read_connection(tenant, &next.connection).await?,
            };
            if let Some(reason) = next.blocked.filter(|_| before.import.blocked != next.blocked)
                && record.is_notified(reason)
                && !self.blocks_another(&next, reason).await?
            {
                // The import that reported the reason was deleted from the table.
                record.forget(reason);
            }
            let is_first = record.moved(&before.import, &mut next, now);
            let mut others = vec![write(&next, &record, etag)];
            if ends && next.state.is_accepted() {
                let lane = rows.as_ref().and_then(|rows| rows.lane_row(&next));
                others.extend(lanes::accepted(&before.import, &next, lane));
            }
            match self.save_and(before.clone(), next, others, rows).await? {
                Saved::Done { stored, rows, .. } => {
                    return Ok(Saved::Done { stored, is_first, rows });
                }
                Saved::Lost => {
                    let read = self.get(&before.import.id).await?;
                    if read.is_none_or(|it| it.etag != before.etag) {
                        return Ok(Saved::Lost);
                    }
                }
            }
        }
        // The step is not lost: its result is saved again later.
        Err(contended())
    }

    /// Changes only the record of a connection; returns the result of `change`. If `change` returns `None`,
    /// nothing is written.
    ///
    /// # Errors
    /// Storage failed.
    pub(crate) async fn change_connection<T>(
        &self,
        tenant: &str,
        name: &str,
        change: impl Fn(&mut ConnectionRecord) -> Option<T>,
    ) -> Result<Option<T>> {
        for _ in 0..TRIES {
            let Read { mut record, etag } = self.read_connection(tenant, name).await?;
            let Some(changed) = change(&mut record) else { return Ok(None) };
            let row = row(tenant, name, &record);
            let write = match etag {
                Some(etag) => Write::Replace(row, etag),
                None => Write::Insert(row),
            };
            match self.table.transact(&[write]).await {
                Ok(_) => return Ok(Some(changed)),
                Err(error) if is_failed_condition(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Err(contended())
    }

    /// The document of a connection is valid again: the next invalid document is reported anew.
    ///
    /// # Errors
    /// Storage failed.
    pub(crate) async fn forget_invalid(&self, connection: &str) -> Result<()> {
        let forget = |record: &mut ConnectionRecord| record.invalid.take();
        self.change_connection(ImportId::NO_TENANT, connection, forget).await.map(drop)
    }

    /// Whether another import of the connection waits for the same reason.
    async fn blocks_another(&self, import: &Import, reason: ReasonCode) -> Result<bool> {
        let live = self.live_of(&import.id.tenant, &import.connection).await?;
        let mut others = live.iter().filter(|other| other.id != import.id);
        Ok(others.any(|other| other.blocked == Some(reason)))
    }

    async fn read_connection(&self, tenant: &str, name: &str) -> Result<Read> {
        let Some(row) = self.table.get(tenant, &key_of(name)).await? else {
            return Ok(Read { record: ConnectionRecord::default(), etag: None });
        };
        Ok(Read { record: record_of(&row.properties), etag: Some(row.etag) })
    }
}

pub(super) fn record_of(row: &Properties) -> ConnectionRecord {
    let accepted = time(row, LAST_ACCEPTED).zip(text(row, LAST_ACCEPTED_IMPORT));
    ConnectionRecord {
        paused_by: list(row, PAUSED_BY),
        last_received: time(row, LAST_RECEIVED),
        last_received_import: text(row, LAST_RECEIVED_IMPORT),
        last_accepted: accepted.map(|(at, import)| Accepted { at, import }),
        newest: json(row, NEWEST),
        notified: list(row, NOTIFIED),
        stuck: list(row, STUCK),
        has_failed: boolean(row, HAS_FAILED),
        recovered_by: text(row, RECOVERED_BY),
        overdue: json(row, OVERDUE),
        invalid: json(row, INVALID),
    }
}

/// Records the arrival of a file and leaves the other columns unchanged.
pub(super) fn received(import: &Import, now: OffsetDateTime) -> Write {
    let mut row = Columns::new(&import.id.tenant, &key_of(&import.connection));
    row.time(LAST_RECEIVED, Some(now));
    row.text(LAST_RECEIVED_IMPORT, &import.id.key);
    Write::Merge(row.0)
}

fn contended() -> Error {
    let why = "the row of the connection keeps changing";
    Error::with_message(ErrorKind::Other, why)
}

/// The connection of a row's key.
pub(super) fn name_of(key: &str) -> Option<&str> {
    key.strip_prefix("connection~")
}

fn key_of(connection: &str) -> String {
    format!("connection~{connection}")
}

fn write(import: &Import, record: &ConnectionRecord, etag: Option<Etag>) -> Write {
    let row = row(&import.id.tenant, &import.connection, record);
    match etag {
        Some(etag) => Write::Replace(row, etag),
        None => Write::Insert(row),
    }
}

fn row(tenant: &str, connection: &str, record: &ConnectionRecord) -> Properties {
    let mut row = Columns::new(tenant, &key_of(connection));
    row.list(PAUSED_BY, &record.paused_by);
    row.time(LAST_RECEIVED, record.last_received);
    row.maybe(LAST_RECEIVED_IMPORT, record.last_received_import.as_deref());
    if let Some(Accepted { at, import }) = &record.last_accepted {
        row.time(LAST_ACCEPTED, Some(*at));
        row.text(LAST_ACCEPTED_IMPORT, import);
    }
    row.json(NEWEST, record.newest.as_ref());
    row.list(NOTIFIED, &record.notified);
    row.list(STUCK, &record.stuck);
    row.boolean(HAS_FAILED, record.has_failed);
    row.maybe(RECOVERED_BY, record.recovered_by.as_deref());
    row.json(OVERDUE, record.overdue.as_ref());
    row.json(INVALID, record.invalid.as_ref());
    row.0
}

const LAST_RUN: &str = "LastRun";

impl ImportTable {
    /// Records that a timer has run.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn note_timer(&self, name: &str, now: OffsetDateTime) -> Result<()> {
        let mut row = Columns::new(ImportId::NO_TENANT, &timer_key(name));
        row.time(LAST_RUN, Some(now));
        self.table.transact(&[Write::Merge(row.0)]).await.map(drop)
    }

    /// The last run of a timer; `None` if it never ran.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn timer(&self, name: &str) -> Result<Option<OffsetDateTime>> {
        let row = self.table.get(ImportId::NO_TENANT, &timer_key(name)).await?;
        Ok(row.and_then(|row| time(&row.properties, LAST_RUN)))
    }
}

fn timer_key(name: &str) -> String {
    format!("timer~{name}")
}
