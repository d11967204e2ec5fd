//! The rows of live imports: what nothing else has to be read for to schedule, guard and order. Each is written and
//! deleted in the transactions of its import, so those that have ended stand in nobody's way.

use std::{cmp::Reverse, time::Duration};

use azure_core::{Error, Result, error::ErrorKind};
use futures::{StreamExt as _, stream};
use time::OffsetDateTime;
use tokio::time::timeout;

use super::{
    AT_ONCE, ImportTable,
    columns::{
        ColumnInfo,
        ColumnType::{Boolean, DateTime, Int32, Text},
        Columns, boolean, column, count, text, time,
    },
    quoted,
    row::{NEXT_ATTEMPT, NOTIFICATION_DUE},
};
use crate::{
    http::azure::sentence,
    import::{
        Import, ImportId, Policy,
        lane::{ContentOrder, LiveImport},
        moment,
        reason::ReasonCode,
    },
    storage::table::{Properties, Write},
};

/// Every column of a live import's row besides its keys, with its meaning.
pub const LIVE_COLUMNS: &[ColumnInfo] = &[
    column("Target", Text, "The service that takes the file"),
    column("Connector", Text, "The connector of its lane"),
    column("Connection", Text, "The connection of the file"),
    column("File", Text, "The container and name of the file"),
    column("LastModified", DateTime, "When the content was written"),
    column("Received", DateTime, "When the row of the import was created"),
    column("State", Text, "The state of the import"),
    column("Refresh", Text, "`full` or `incremental`; known once packed"),
    column("Step", Int32, "The number of its next step"),
    column(NEXT_ATTEMPT, DateTime, "When its next step is due"),
    column(NOTIFICATION_DUE, DateTime, "When its notification is due"),
    column("BlockedBy", Text, "The reason of its connection that blocks it"),
    column(
        "WaitsForCorrection",
        Boolean,
        "Whether it waits now until a person corrects what blocks it",
    ),
    column("NeedsPerson", Boolean, "Whether a person has to act before it goes on"),
    column("HoldsSlot", Boolean, "Whether it has the tenant's slot"),
];

const PREFIX: &str = "live~";
/// How long the others wait for a tenant whose partition does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

impl ImportTable {
    /// The live imports whose next step or notification is due, oldest content first. A due time beyond the
    /// longest wait was written by a wrong clock, and is due too.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn due(&self, now: OffsetDateTime, policy: &Policy) -> Result<Vec<LiveImport>> {
        let mut due = self.live_of_all(&format!(" and ({})", is_due(now, policy))).await?;
        due.sort_by(|one, other| one.order.cmp(&other.order));
        Ok(due)
    }

    /// The live imports of all tenants.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn live(&self) -> Result<Vec<LiveImport>> {
        self.live_of_all("").await
    }

    /// The live imports of a connection.
    ///
    /// # Errors
    /// Storage failed.
    pub(crate) async fn live_of(&self, tenant: &str, connection: &str) -> Result<Vec<LiveImport>> {
        self.live_where(tenant, &format!(" and Connection eq '{}'", quoted(connection))).await
    }

    /// The live imports of every tenant that can be read: storage may throttle the partition of one of them.
    async fn live_of_all(&self, filter: &str) -> Result<Vec<LiveImport>> {
        let tenants = self.tenants().await?;
        let found = stream::iter(tenants)
            .map(async |tenant| {
                let found = timeout(PATIENCE, self.live_where(&tenant, filter)).await;
                let found = found.unwrap_or_else(|_| Err(silent()));
                found.inspect_err(|error| skipped(&tenant, error))
            })
            .buffered(AT_ONCE);
        let found: Vec<Result<Vec<LiveImport>>> = found.collect().await;
        if found.iter().all(Result::is_err) && !found.is_empty() {
            return found.into_iter().next().unwrap_or_else(|| Ok(vec![]));
        }
        Ok(found.into_iter().flatten().flatten().collect())
    }

    async fn live_where(&self, tenant: &str, filter: &str) -> Result<Vec<LiveImport>> {
        let range = format!(
            "PartitionKey eq '{}' and RowKey ge '{PREFIX}' and RowKey lt '{PREFIX}~'{filter}",
            quoted(tenant)
        );
        let rows = self.table.query(&range).await?;
        Ok(rows.iter().filter_map(|row| parse(&row.properties)).collect())
    }

    /// Removes the live row of an import whose own row was deleted by hand: others would wait for it. An import
    /// whose row is only unreadable keeps its place.
    ///
    /// # Errors
    /// Storage failed.
    pub(crate) async fn forget_deleted(&self, id: &ImportId) -> Result<()> {
        let keys = keys(id);
        // First: a file that is received again meanwhile writes both rows anew.
        let Some(live) = self.table.get(&id.tenant, &key_of(id)).await? else { return Ok(()) };
        if self.has(id).await? {
            return Ok(());
        }
        let deleted = self.table.delete(&keys, &live.etag).await;
        if deleted.as_ref().is_err_and(super::is_failed_condition) {
            return Ok(());
        }
        deleted
    }
}

fn silent() -> Error {
    Error::with_message(ErrorKind::Io, "the table service did not answer in time")
}

fn skipped(tenant: &str, error: &Error) {
    tracing::warn!("Tenant {tenant} is left out for now: {}", sentence(error));
}

/// The write that keeps the row of a live import in step with its import; `None` if nothing changes.
pub(super) fn write(before: Option<&Import>, next: &Import) -> Option<Write> {
    let was = before.filter(|before| before.is_live()).map(LiveImport::from);
    if !next.is_live() {
        return was.map(|_| Write::Delete(keys(&next.id)));
    }
    let live = LiveImport::from(next);
    (was.as_ref() != Some(&live)).then(|| Write::Put(of(&live)))
}

fn key_of(id: &ImportId) -> String {
    format!("{PREFIX}{}", id.key)
}

fn keys(id: &ImportId) -> Properties {
    Columns::new(&id.tenant, &key_of(id)).0
}

fn of(live: &LiveImport) -> Properties {
    let mut row = Columns::new(&live.id.tenant, &key_of(&live.id));
    row.text("Target", live.target.as_ref());
    row.maybe("Connector", live.connector.as_ref().map(AsRef::as_ref));
    row.text("Connection", &live.connection);
    row.text("File", &format!("{}/{}", live.container, live.order.name));
    row.time("LastModified", Some(live.order.written));
    row.time("Received", Some(live.order.received));
    row.text("State", live.state.as_ref());
    row.maybe("Refresh", live.refresh.map(<&str>::from));
    row.number("Step", live.step);
    row.time(NEXT_ATTEMPT, live.due);
    row.time(NOTIFICATION_DUE, live.notification_due);
    row.maybe("BlockedBy", live.blocked.map(Into::into));
    row.boolean("WaitsForCorrection", live.waits_for_correction);
    row.boolean("NeedsPerson", live.needs_person);
    row.boolean("HoldsSlot", live.holds_slot);
    row.0
}

/// The live import of a row; `None` if it is another row, or one that a newer version of the program wrote.
pub(super) fn parse(row: &Properties) -> Option<LiveImport> {
    let (tenant, key) = (text(row, "PartitionKey")?, text(row, "RowKey")?);
    let key = key.strip_prefix(PREFIX)?.to_owned();
    let word = |column| text(row, column);
    let file = word("File")?;
    let (container, name) = file.split_once('/')?;
    let blocked = word("BlockedBy").map(|code| code.parse::<ReasonCode>());
    Some(LiveImport {
        connection: word("Connection")?,
        target: word("Target")?.parse().ok()?,
        connector: word("Connector").and_then(|connector| connector.parse().ok()),
        container: container.to_owned(),
        order: ContentOrder {
            written: time(row, "LastModified")?,
            name: name.to_owned(),
            received: time(row, "Received")?,
            import: Reverse(key.clone()),
        },
        id: ImportId { tenant, key },
        state: word("State")?.parse().ok()?,
        refresh: word("Refresh").and_then(|refresh| refresh.parse().ok()),
        step: count(row, "Step"),
        due: time(row, NEXT_ATTEMPT),
        notification_due: time(row, NOTIFICATION_DUE),
        blocked: blocked.transpose().ok()?,
        waits_for_correction: boolean(row, "WaitsForCorrection"),
        needs_person: boolean(row, "NeedsPerson"),
        holds_slot: boolean(row, "HoldsSlot"),
    })
}

/// The filter for rows whose step or notification is due at `now`, or later than the longest wait.
fn is_due(now: OffsetDateTime, policy: &Policy) -> String {
    let (column, message) = (NEXT_ATTEMPT, NOTIFICATION_DUE);
    let (now, late) = (moment::exact(now), moment::exact(now + policy.longest_wait()));
    format!(
        "{column} le datetime'{now}' or {column} gt datetime'{late}' or \
         {message} le datetime'{now}' or {message} gt datetime'{late}'"
    )
}
