//! The table of imports: one row per import, and one slot per tenant.
//!
//! The row is the only memory. Every write is conditional: an import that has changed meanwhile is never
//! overwritten, the result is [`Saved::Lost`]. The slot is taken and freed in the same entity-group
//! transaction as the row, so a tenant never has two imports in progress, except if one has released the
//! slot because it waits for a person. Only that transaction returns the [`Claim`] without which the engine
//! cannot push.

use azure_core::{
    Error, Result,
    error::ErrorKind,
    http::{Etag, StatusCode},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use time::OffsetDateTime;

use crate::{
    import::{Import, ImportId, State, connection_record::ConnectionRecord, reason::Class},
    storage::table::{Properties, Row, Table, Write},
};

mod columns;
mod connections;
mod lanes;
mod live;
mod old;
mod row;
mod tenant;
mod tenants;

use self::columns::Columns;
pub use self::{
    columns::{ColumnInfo, ColumnType},
    connections::CONNECTION_COLUMNS,
    lanes::LANE_COLUMNS,
    live::LIVE_COLUMNS,
    row::COLUMNS,
    tenant::TenantRows,
};

/// The properties of an import's row.
#[must_use]
pub fn properties(import: &Import) -> Properties {
    row::of(import).0
}

/// The rows of imports: their keys begin with a digit, all others with a letter.
const IS_IMPORT: &str = "RowKey lt ':'";
/// The column of a slot with the row key of its import.
const HOLDER: &str = "Holder";
/// The number of tenants that are queried at once for a page of imports.
const AT_ONCE: usize = 8;

/// The imports.
pub struct ImportTable {
    table: Table,
    listed: tenants::Listed,
}

/// An import with the ETag its next write must match.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The import.
    pub import: Import,
    etag: Etag,
}

/// The right to push one import, up to a push that may have been accepted. The intent is in the row, and the
/// import has the tenant's slot.
#[derive(Debug)]
pub struct Claim {
    stored: Stored,
}

impl Claim {
    /// The claimed import.
    #[must_use]
    pub fn import(&self) -> &Import {
        &self.stored.import
    }

    /// Returns the import for its next write; the right is used up.
    #[must_use]
    pub fn into_stored(self) -> Stored {
        self.stored
    }
}

/// The filter of a page of imports.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only imports of this connection.
    pub connection: Option<String>,
    /// Only imports in this state.
    pub state: Option<State>,
    /// Only imports with a reason of this class.
    pub class: Option<Class>,
    /// Only imports whose content was written at or after this time.
    pub from: Option<OffsetDateTime>,
    /// Only imports whose content was written before this time.
    pub to: Option<OffsetDateTime>,
}

impl Wanted {
    fn filter(&self) -> String {
        let mut filter = format!(" and {IS_IMPORT}");
        if let Some(connection) = &self.connection {
            filter += &format!(" and Connection eq '{}'", quoted(connection));
        }
        if let Some(state) = self.state {
            filter += &format!(" and State eq '{}'", state.as_ref());
        }
        if let Some(class) = self.class {
            filter += &format!(" and ReasonClass eq '{}'", class.as_ref());
        }
        // Keys begin with the time of the content, newest first; a tilde sorts after all of them.
        if let Some(from) = self.from {
            filter += &format!(" and RowKey lt '{}~'", ImportId::moment_of(from));
        }
        if let Some(to) = self.to {
            filter += &format!(" and RowKey gt '{}~'", ImportId::moment_of(to));
        }
        filter
    }
}

/// A page of imports.
#[derive(Debug)]
pub struct Page {
    /// The imports, newest content first.
    pub imports: Vec<Import>,
    /// The import after which the next page begins; `None` on the last page.
    pub next: Option<ImportId>,
}

/// The result of inserting an import.
#[derive(Debug)]
pub enum Inserted {
    /// It is in the table.
    New(Box<Stored>),
    /// It was there before.
    Known(Box<Stored>),
}

/// The result of a write.
#[derive(Debug)]
pub enum Saved {
    /// It is in the table.
    Done {
        /// The import.
        stored: Box<Stored>,
        /// Whether it is the first of its connection that waits for its reason. If not, another import has
        /// been reported, and this one is not.
        is_first: bool,
        /// The rows of the tenant just before, if they were read.
        rows: Option<Box<TenantRows>>,
    },
    /// The import has changed meanwhile; nothing was written.
    Lost,
}

/// A tenant's one slot at the service, for one of its imports.
#[derive(Debug)]
pub enum Slot {
    /// It can be claimed.
    Free(FreeSlot),
    /// Another import has it; its row key.
    Taken(String),
}

/// The free slot as it was read. It can be claimed only if it has not changed since.
#[derive(Debug)]
pub struct FreeSlot(Option<Etag>);

/// The slot of a tenant as it was read: its holder and its ETag.
#[derive(Clone, Debug)]
struct SlotRow {
    holder: String,
    etag: Etag,
}

impl ImportTable {
    /// The imports in `table`.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table, listed: tenants::Listed::default() }
    }

    /// Inserts an import, and records that a file of its connection was received. After that the import survives
    /// a power cut.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn insert(&self, import: Import, now: OffsetDateTime) -> Result<Inserted> {
        self.list_tenant(&import.id.tenant).await?;
        let (properties, write_id) = row::of(&import);
        let received = connections::received(&import, now);
        let mut writes = vec![Write::Insert(properties), received];
        writes.extend(live::write(None, &import));
        match self.table.transact(&writes).await {
            Ok(etag) => Ok(Inserted::New(Box::new(Stored { import, etag }))),
            Err(error) if is_failed_condition(&error) => {
                let (stored, id) = self.read(&import.id).await?.ok_or(error)?;
                let stored = Box::new(stored);
                // A repeated insert whose first answer was lost finds its own row.
                let is_new = id == write_id;
                Ok(if is_new { Inserted::New(stored) } else { Inserted::Known(stored) })
            }
            Err(error) => Err(error),
        }
    }

    /// Replaces an import if it has not changed, together with what its move changes: its live row, the slot, if the
    /// import no longer needs it, the row of its connection and that of its lane.
    ///
    /// # Errors
    /// Storage failed, other than by a failed condition.
    pub async fn save(&self, before: Stored, next: Import, now: OffsetDateTime) -> Result<Saved> {
        if ConnectionRecord::is_moved_by(&before.import, &next) {
            return Box::pin(self.save_with_connection(before, next, now)).await;
        }
        self.save_and(before, next, vec![], None).await
    }

    /// The same, together with other rows of the tenant. `rows` are those of the tenant, if they were read.
    async fn save_and(
        &self,
        before: Stored,
        next: Import,
        others: Vec<Write>,
        rows: Option<Box<TenantRows>>,
    ) -> Result<Saved> {
        let (properties, write_id) = row::of(&next);
        let frees_slot = before.import.holds_slot() && !next.holds_slot();
        let slot = match &rows {
            _ if !frees_slot => None,
            Some(rows) => rows.slot_of(&next),
            None => self.slot(&next).await?,
        };
        let slot = slot.filter(|slot| slot.holder == next.id.key);
        let free = slot.map(|slot| Write::Replace(slot_row(&next, ""), slot.etag));
        let live = live::write(Some(&before.import), &next);
        let mut writes = vec![Write::Replace(properties, before.etag.clone())];
        writes.extend(live);
        writes.extend(free);
        writes.extend(others);
        let mut written = self.table.transact(&writes).await;
        if written.as_ref().is_err_and(is_failed_condition)
            && writes.iter().any(|write| matches!(write, Write::Delete(_)))
            && self.read(&next.id).await?.is_some_and(|(stored, _)| stored.etag == before.etag)
        {
            // Somebody deleted the live row by hand, or another row has changed, which fails again.
            writes.retain(|write| !matches!(write, Write::Delete(_)));
            written = self.table.transact(&writes).await;
        }
        match written {
            Ok(etag) => {
                let stored = Box::new(Stored { import: next, etag });
                Ok(Saved::Done { stored, is_first: true, rows })
            }
            Err(error) => Ok(match self.settle(error, &next.id, &write_id).await? {
                Some(stored) => Saved::Done { stored: Box::new(stored), is_first: true, rows },
                None => Saved::Lost,
            }),
        }
    }

    /// Writes the intent to push and takes the tenant's slot, in one transaction; `None` if the import or the
    /// slot has changed.
    ///
    /// # Errors
    /// Storage failed, other than by a failed condition.
    pub async fn claim(
        &self,
        free: FreeSlot,
        before: Stored,
        next: Import,
    ) -> Result<Option<Claim>> {
        let ours = slot_row(&next, &next.id.key);
        let take = match free.0 {
            None => Write::Insert(ours),
            Some(etag) => Write::Replace(ours, etag),
        };
        let (properties, write_id) = row::of(&next);
        let mut writes = vec![Write::Replace(properties, before.etag), take];
        writes.extend(live::write(Some(&before.import), &next));
        let stored = match self.table.transact(&writes).await {
            Ok(etag) => Some(Stored { import: next, etag }),
            Err(error) => self.settle(error, &next.id, &write_id).await?,
        };
        Ok(stored.map(|stored| Claim { stored }))
    }

    /// The imports with a row key: one, unless the connection of its file has changed its tenant.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn find(&self, key: &str) -> Result<Vec<Stored>> {
        let found = stream::iter(self.tenants().await?)
            .map(async |tenant| self.get_readable(&ImportId { tenant, key: key.to_owned() }).await)
            .buffered(AT_ONCE);
        let found: Vec<Option<Stored>> = found.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// All imports with their history, newest content first: what it reads grows with the table.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn list(&self) -> Result<Vec<Stored>> {
        let mut imports = vec![];
        for tenant in self.tenants().await? {
            let filter = format!("PartitionKey eq '{}' and {IS_IMPORT}", quoted(&tenant));
            imports.extend(self.query(&filter).await?);
        }
        imports.sort_by(|a, b| a.import.id.key.cmp(&b.import.id.key));
        Ok(imports)
    }

    /// A page of the imports of `tenants` that match `wanted`, newest content first. The data sent grows with the
    /// page and the number of tenants, not with the table. If few imports match, storage has to scan all rows
    /// before the page is full.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn page(
        &self,
        tenants: &[String],
        wanted: &Wanted,
        after: Option<&ImportId>,
        top: usize,
    ) -> Result<Page> {
        let filters = tenants.iter().map(|tenant| {
            let mut filter = format!("PartitionKey eq '{}'{}", quoted(tenant), wanted.filter());
            if let Some(after) = after {
                // Rows with the same key are in the order of their tenants.
                let beyond = if *tenant > after.tenant { "ge" } else { "gt" };
                filter += &format!(" and RowKey {beyond} '{}'", quoted(&after.key));
            }
            filter
        });
        let filters: Vec<String> = filters.collect();
        let pages = stream::iter(filters)
            // One more row shows whether there is another page.
            .map(async |filter| self.table.query_first(&filter, top.saturating_add(1)).await)
            .buffered(AT_ONCE);
        let pages: Vec<Vec<Row>> = pages.try_collect().await?;
        let mut rows: Vec<(ImportId, Row)> =
            pages.into_iter().flatten().map(|row| (id_of(&row), row)).collect();
        rows.sort_by(|(one, _), (other, _)| {
            (&one.key, &one.tenant).cmp(&(&other.key, &other.tenant))
        });
        let has_more = rows.len() > top;
        rows.truncate(top);
        let next = rows.last().filter(|_| has_more).map(|(id, _)| id.clone());
        let imports = readable(rows.into_iter().map(|(_, row)| row).collect());
        Ok(Page { imports: imports.into_iter().map(|stored| stored.import).collect(), next })
    }

    /// One import; `None` if it does not exist.
    ///
    /// # Errors
    /// Storage failed, or the row is unreadable.
    pub async fn get(&self, id: &ImportId) -> Result<Option<Stored>> {
        Ok(self.read(id).await?.map(|(stored, _)| stored))
    }

    /// Whether there is a row of an import, also if it is unreadable.
    ///
    /// # Errors
    /// Storage failed.
    pub(crate) async fn has(&self, id: &ImportId) -> Result<bool> {
        Ok(self.table.get(&id.tenant, &id.key).await?.is_some())
    }

    async fn query(&self, filter: &str) -> Result<Vec<Stored>> {
        Ok(readable(self.table.query(filter).await?))
    }

    async fn read(&self, id: &ImportId) -> Result<Option<(Stored, String)>> {
        self.table.get(&id.tenant, &id.key).await?.map(stored).transpose()
    }

    /// The same; `None` also if the row is unreadable.
    ///
    /// # Errors
    /// Storage failed.
    pub(crate) async fn get_readable(&self, id: &ImportId) -> Result<Option<Stored>> {
        match self.get(id).await {
            Err(error) if *error.kind() == ErrorKind::DataConversion => Ok(None),
            read => read,
        }
    }

    async fn slot(&self, import: &Import) -> Result<Option<SlotRow>> {
        Ok(self.table.get(&import.id.tenant, &slot_key(import)).await?.map(slot_of))
    }

    /// After a failed condition: whether it was this very write, repeated because its first answer was lost.
    async fn settle(&self, error: Error, id: &ImportId, write_id: &str) -> Result<Option<Stored>> {
        if !is_failed_condition(&error) {
            return Err(error);
        }
        let read = self.read(id).await?;
        Ok(read.and_then(|(stored, id)| (id == write_id).then_some(stored)))
    }
}

/// Whether a write failed because the row is not in the expected version.
fn is_failed_condition(error: &Error) -> bool {
    let failed = [StatusCode::PreconditionFailed, StatusCode::Conflict, StatusCode::NotFound];
    error.http_status().is_some_and(|status| failed.contains(&status))
}

/// The imports of rows; unreadable rows are skipped.
fn readable(rows: Vec<Row>) -> Vec<Stored> {
    let readable = rows.into_iter().filter_map(|row| match stored(row) {
        Ok((stored, _)) => Some(stored),
        Err(error) => {
            tracing::warn!("Skipped a row of the imports table: {error}");
            None
        }
    });
    readable.collect()
}

fn id_of(row: &Row) -> ImportId {
    let text = |name| columns::text(&row.properties, name).unwrap_or_default();
    ImportId { tenant: text("PartitionKey"), key: text("RowKey") }
}

/// Text inside the quotation marks of a filter.
fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}

fn stored(row: Row) -> Result<(Stored, String)> {
    let (import, write_id) = row::parse(&row.properties)
        .map_err(|error| Error::new(ErrorKind::DataConversion, error))?;
    Ok((Stored { import, etag: row.etag }, write_id))
}

fn slot_of(row: Row) -> SlotRow {
    let holder = columns::text(&row.properties, HOLDER).unwrap_or_default();
    SlotRow { holder, etag: row.etag }
}

/// Row key of the slot of an import's tenant at its target.
fn slot_key(import: &Import) -> String {
    format!("slot~{}", import.target.as_ref())
}

fn slot_row(import: &Import, holder: &str) -> Properties {
    let mut row = Columns::new(&import.id.tenant, &slot_key(import));
    row.text(HOLDER, holder);
    row.0
}
