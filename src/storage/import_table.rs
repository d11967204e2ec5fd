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
    import::{
        Import, ImportId, Policy, State, connection_record::ConnectionRecord, moment, reason::Class,
    },
    storage::table::{Properties, Row, Table, Write},
};

mod columns;
mod connections;
mod row;

use self::columns::Columns;
pub use self::{
    columns::{ColumnInfo, ColumnType},
    connections::CONNECTION_COLUMNS,
    row::COLUMNS,
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
    New {
        /// The import.
        stored: Box<Stored>,
        /// Whether it is the first of its connection with its reason.
        is_first: bool,
    },
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
struct SlotRow {
    holder: String,
    etag: Etag,
}

impl ImportTable {
    /// The imports in `table`.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Inserts an import, and records that a file of its connection was received. After that the import survives
    /// a power cut.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn insert(&self, import: Import, now: OffsetDateTime) -> Result<Inserted> {
        if import.state.is_end() {
            return self.insert_with_connection(import, now).await;
        }
        let received = connections::received(&import, now);
        let inserted = self.insert_and(import, received).await?;
        inserted.ok_or_else(connections::contended)
    }

    /// Inserts an import together with the row of its connection; `None` if that row has changed.
    async fn insert_and(&self, import: Import, connection: Write) -> Result<Option<Inserted>> {
        let (properties, write_id) = row::of(&import);
        match self.table.transact(&[Write::Insert(properties), connection]).await {
            Ok(mut etags) => {
                let stored = Box::new(Stored { import, etag: etags.swap_remove(0) });
                Ok(Some(Inserted::New { stored, is_first: true }))
            }
            Err(error) if is_refused_condition(&error) => {
                Ok(self.read(&import.id).await?.map(|(stored, id)| {
                    let stored = Box::new(stored);
                    // A repeated insert whose first answer was lost finds its own row.
                    if id == write_id {
                        Inserted::New { stored, is_first: true }
                    } else {
                        Inserted::Known(stored)
                    }
                }))
            }
            Err(error) => Err(error),
        }
    }

    /// Replaces an import if it has not changed, together with what its move changes: the slot, if the import no
    /// longer needs it, and the row of its connection.
    ///
    /// # Errors
    /// Storage failed, other than by a failed condition.
    pub async fn save(&self, before: Stored, next: Import, now: OffsetDateTime) -> Result<Saved> {
        if ConnectionRecord::is_moved_by(&before.import, &next) {
            return Box::pin(self.save_with_connection(before, next, now)).await;
        }
        self.save_and(before, next, None).await
    }

    /// The same, together with another row of the tenant.
    async fn save_and(&self, before: Stored, next: Import, other: Option<Write>) -> Result<Saved> {
        let (properties, write_id) = row::of(&next);
        let frees_slot = before.import.holds_slot() && !next.holds_slot();
        let slot = if frees_slot { self.slot(&next).await? } else { None };
        let slot = slot.filter(|slot| slot.holder == next.id.key);
        let free = slot.map(|slot| Write::Replace(slot_row(&next, ""), slot.etag));
        let others: Vec<Write> = free.into_iter().chain(other).collect();
        let written = if others.is_empty() {
            self.table.replace(&properties, &before.etag).await
        } else {
            let writes = [vec![Write::Replace(properties, before.etag)], others].concat();
            self.table.transact(&writes).await.map(|mut etags| etags.swap_remove(0))
        };
        match written {
            Ok(etag) => {
                let stored = Box::new(Stored { import: next, etag });
                Ok(Saved::Done { stored, is_first: true })
            }
            Err(error) => Ok(match self.settle(error, &next.id, &write_id).await? {
                Some(stored) => Saved::Done { stored: Box::new(stored), is_first: true },
                None => Saved::Lost,
            }),
        }
    }

    /// Whether the tenant's slot is free for an import. A slot whose holder does not exist, or is no longer in
    /// progress, counts as free.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn slot_for(&self, import: &Import) -> Result<Slot> {
        let Some(slot) = self.slot(import).await? else {
            return Ok(Slot::Free(FreeSlot(None)));
        };
        if !slot.holder.is_empty() && slot.holder != import.id.key {
            let holder = ImportId { tenant: import.id.tenant.clone(), key: slot.holder.clone() };
            let is_held = match self.get(&holder).await {
                Ok(holder) => holder.is_some_and(|holder| holder.import.holds_slot()),
                // An unreadable import may have a push in progress.
                Err(error) if *error.kind() == ErrorKind::DataConversion => true,
                Err(error) => return Err(error),
            };
            if is_held {
                return Ok(Slot::Taken(slot.holder));
            }
        }
        Ok(Slot::Free(FreeSlot(Some(slot.etag))))
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
        let writes = [Write::Replace(properties, before.etag), take];
        let stored = match self.table.transact(&writes).await {
            Ok(mut etags) => Some(Stored { import: next, etag: etags.swap_remove(0) }),
            Err(error) => self.settle(error, &next.id, &write_id).await?,
        };
        Ok(stored.map(|stored| Claim { stored }))
    }

    /// The imports whose next step or notification is due, oldest content first. A due time beyond the longest
    /// wait was written by a wrong clock, and is due too.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn due(&self, now: OffsetDateTime, policy: &Policy) -> Result<Vec<Stored>> {
        let mut imports = self.query(&is_due(now, policy)).await?;
        imports.sort_by(|one, other| one.import.order().cmp(&other.import.order()));
        Ok(imports)
    }

    /// The same, and the imports that are stuck, in one query.
    ///
    /// # Errors
    /// Storage failed.
    pub(crate) async fn due_or_stuck(
        &self,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Result<Vec<Stored>> {
        let stuck = State::Stuck.as_ref();
        let filter = format!("{} or State eq '{stuck}'", is_due(now, policy));
        let mut imports = self.query(&filter).await?;
        imports.sort_by(|one, other| one.import.order().cmp(&other.import.order()));
        Ok(imports)
    }

    /// The imports of an import's connection, newest content first, including the import itself.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn of_connection(&self, import: &Import) -> Result<Vec<Stored>> {
        // Neither a tenant id nor the name of a connection can contain a quotation mark.
        let (tenant, connection) = (&import.id.tenant, &import.connection);
        let filter =
            format!("PartitionKey eq '{tenant}' and {IS_IMPORT} and Connection eq '{connection}'");
        self.query(&filter).await
    }

    /// The imports of an import's tenant.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn of_tenant(&self, import: &Import) -> Result<Vec<Import>> {
        let filter = format!("PartitionKey eq '{}' and {IS_IMPORT}", import.id.tenant);
        let imports = self.query(&filter).await?;
        Ok(imports.into_iter().map(|stored| stored.import).collect())
    }

    /// The imports with a row key: one, unless the connection of its file has changed its tenant.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn find(&self, key: &str) -> Result<Vec<Stored>> {
        self.query(&format!("RowKey eq '{}'", quoted(key))).await
    }

    /// The imports of a connection in all tenants, newest content first.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn named(&self, connection: &str) -> Result<Vec<Stored>> {
        self.query(&format!("{IS_IMPORT} and Connection eq '{}'", quoted(connection))).await
    }

    /// All imports, newest content first.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn list(&self) -> Result<Vec<Stored>> {
        let mut imports = self.query(IS_IMPORT).await?;
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
            .map(async |filter| self.table.query_first(&filter, top + 1).await)
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

    /// All tenants that have a row, found with one query each.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn tenants(&self) -> Result<Vec<String>> {
        let mut tenants: Vec<String> = vec![];
        loop {
            let last = tenants.last().map(|last| quoted(last)).unwrap_or_default();
            let rows = self.table.query_first(&format!("PartitionKey gt '{last}'"), 1).await?;
            let next = rows.first().and_then(|row| row.properties.get("PartitionKey"));
            let Some(next) = next.and_then(|next| next.as_str()) else { return Ok(tenants) };
            tenants.push(next.to_owned());
        }
    }

    /// One import; `None` if it does not exist.
    ///
    /// # Errors
    /// Storage failed, or the row is unreadable.
    pub async fn get(&self, id: &ImportId) -> Result<Option<Stored>> {
        Ok(self.read(id).await?.map(|(stored, _)| stored))
    }

    async fn query(&self, filter: &str) -> Result<Vec<Stored>> {
        Ok(readable(self.table.query(filter).await?))
    }

    async fn read(&self, id: &ImportId) -> Result<Option<(Stored, String)>> {
        self.table.get(&id.tenant, &id.key).await?.map(stored).transpose()
    }

    async fn slot(&self, import: &Import) -> Result<Option<SlotRow>> {
        let row = self.table.get(&import.id.tenant, &slot_key(import)).await?;
        let Some(row) = row else { return Ok(None) };
        let holder = columns::text(&row.properties, HOLDER).unwrap_or_default();
        Ok(Some(SlotRow { holder, etag: row.etag }))
    }

    /// After a failed condition: whether it was this very write, repeated because its first answer was lost.
    async fn settle(&self, error: Error, id: &ImportId, write_id: &str) -> Result<Option<Stored>> {
        if !is_refused_condition(&error) {
            return Err(error);
        }
        let read = self.read(id).await?;
        Ok(read.and_then(|(stored, id)| (id == write_id).then_some(stored)))
    }
}

/// The filter for rows whose step or notification is due at `now`, or later than the longest wait.
fn is_due(now: OffsetDateTime, policy: &Policy) -> String {
    let (column, message) = (row::NEXT_ATTEMPT, row::NOTIFICATION_DUE);
    let (now, late) = (moment::exact(now), moment::exact(now + policy.longest_wait()));
    format!(
        "{column} le datetime'{now}' or {column} gt datetime'{late}' or \
         {message} le datetime'{now}' or {message} gt datetime'{late}'"
    )
}

/// Whether a write failed because the row is not in the expected version.
fn is_refused_condition(error: &Error) -> bool {
    let refused = [StatusCode::PreconditionFailed, StatusCode::Conflict, StatusCode::NotFound];
    error.http_status().is_some_and(|status| refused.contains(&status))
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

/// Row key of the slot of an import's tenant at its target.
fn slot_key(import: &Import) -> String {
    format!("slot~{}", import.target.as_ref())
}

fn slot_row(import: &Import, holder: &str) -> Properties {
    let mut row = Columns::new(&import.id.tenant, &slot_key(import));
    row.text(HOLDER, holder);
    row.0
}
