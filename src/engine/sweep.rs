//! The sweep: it finds files without an event, and notices what should have arrived and has not.
//!
//! It reads no import that has ended, except those that a connection names: each file in the inbox is asked for by its
//! key, and the rest is in the record of the connection.

use std::future::ready;

use azure_core::{Error, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use time::{Duration, OffsetDateTime};

use super::{
    AT_ONCE, Engine, IntakeOutcome, Origin,
    intake::{connection_of, import_id},
    log,
};
use crate::{
    config::{CONNECTIONS, INBOX},
    connection::Connection,
    http::azure::{concerns_one, sentence},
    import::{Event, ImportId, NotificationEvent, connection_record::ConnectionRecord},
    schema::{Refresh, is_connection_name},
    storage::blob::Blob,
};

/// A connection whose next file is overdue.
pub(super) struct Overdue {
    pub(super) connection: Connection,
    /// When the last file arrived, or the document was stored.
    pub(super) since: OffsetDateTime,
    pub(super) every_days: u32,
}

impl Engine {
    /// Finds files without an event: of a full connection the newest one, of an incremental connection all,
    /// oldest first. Returns the number of new imports. Logs how long each connection has completed nothing, and
    /// removes old rows.
    ///
    /// # Errors
    /// Storage failed; the next sweep finds the remaining files.
    pub async fn sweep(&self) -> Result<usize> {
        let found = Box::pin(self.sweep_those(Origin::Sweep, |_| true)).await;
        // The files come first, and old rows can wait.
        if let Err(error) = Box::pin(self.remove_old()).await {
            log::removal_failed(&sentence(&error));
        }
        found
    }

    /// The same for one connection.
    ///
    /// # Errors
    /// Storage failed.
    pub(crate) async fn sweep_one(&self, connection: &str) -> Result<usize> {
        self.sweep_those(Origin::Request, |name| name == connection).await
    }

    async fn sweep_those(&self, origin: Origin, which: impl Fn(&str) -> bool) -> Result<usize> {
        self.log_left_alone(&which).await?;
        let (mut found, mut never_came) = (0, vec![]);
        let mut failed = None;
        for document in self.blobs.list(CONNECTIONS, "").await? {
            let name = document.name.strip_suffix(".json");
            let name = name.filter(|name| is_connection_name(name) && which(name));
            let Some(name) = name else { continue };
            match Box::pin(self.sweep_connection(name, document.last_modified, &origin)).await {
                Ok((files, overdue)) => {
                    found += files;
                    never_came.extend(overdue);
                }
                // The other connections are swept all the same.
                Err(error) if concerns_one(&error) => {
                    log::sweep_failed(name, &sentence(&error));
                    failed.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        self.notify_never_came(never_came).await;
        failed.map_or(Ok(found), Err)
    }

    /// Warns about open imports that are not changed, because their rows are unreadable for this version.
    async fn log_left_alone(&self, which: impl Fn(&str) -> bool) -> Result<()> {
        let live = self.imports.live().await?;
        let open = live.into_iter().filter(|live| !live.state.is_end() && which(&live.connection));
        let ids: Vec<ImportId> = open.map(|live| live.id).collect();
        let read: Vec<_> = stream::iter(ids)
            .map(async |id| self.imports.get_readable(&id).await)
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let imports = read.iter().flatten().map(|stored| &stored.import);
        for import in imports.filter(|import| import.is_left_alone() && !import.state.is_end()) {
            log::left_alone(import, (self.clock)());
        }
        Ok(())
    }

    /// Finds the files of one connection without an event, and whether its next file is overdue.
    async fn sweep_connection(
        &self,
        name: &str,
        stored_at: OffsetDateTime,
        origin: &Origin,
    ) -> Result<(usize, Option<Overdue>)> {
        let Some(read) = self.connection(name).await? else { return Ok((0, None)) };
        let record = match &read {
            Ok(connection) => {
                self.imports.forget_invalid(name).await?;
                self.imports.connection(&connection.caller.tenant, name).await?
            }
            Err(_) => self.last_record(name).await?,
        };
        let now = (self.clock)();
        log::idle(name, now - record.last_accepted.as_ref().map_or(stored_at, |last| last.at));
        let found = self.files_without_event(name, read.as_ref().ok(), origin).await?;
        let Some(connection) = read.ok().filter(|_| found == 0) else { return Ok((found, None)) };
        Ok(match overdue(connection, &record, stored_at, now) {
            Some(overdue) => (found, Box::pin(self.note_overdue(overdue, &record)).await?),
            None => (found, None),
        })
    }

    /// The record of a connection whose tenant is unknown, because its document is invalid: the one with the last
    /// success.
    async fn last_record(&self, name: &str) -> Result<ConnectionRecord> {
        let mut last = ConnectionRecord::default();
        for tenant in self.imports.tenants().await? {
            let record = self.imports.connection(&tenant, name).await?;
            let at = |record: &ConnectionRecord| record.last_accepted.as_ref().map(|it| it.at);
            if at(&record) > at(&last) {
                last = record;
            }
        }
        Ok(last)
    }

    /// Receives the files that have no row. If the document is invalid (`connection` is `None`), the newest file
    /// shows whether any waits.
    async fn files_without_event(
        &self,
        name: &str,
        connection: Option<&Connection>,
        origin: &Origin,
    ) -> Result<usize> {
        let mut files = self.blobs.list(INBOX, &format!("{name}/")).await?;
        files.retain(|blob| connection_of(INBOX, &blob.name).is_some());
        files.sort_by_key(|blob| blob.last_modified);
        let takes_all = connection.is_some_and(|it| it.refresh == Refresh::Incremental);
        let skip = if takes_all { 0 } else { files.len().saturating_sub(1) };
        let tenant = connection.map(|it| it.caller.tenant.clone());
        let unknown: Vec<Blob> = stream::iter(files.into_iter().skip(skip))
            .map(async |blob| {
                let id = tenant.as_ref().map(|tenant| import_id(&blob, tenant));
                let is_known = match id {
                    Some(id) => self.imports.has(&id).await?,
                    None => false,
                };
                Ok::<_, Error>((!is_known).then_some(blob))
            })
            .buffered(AT_ONCE)
            .try_filter_map(|blob| ready(Ok(blob)))
            .try_collect()
            .await?;
        let (mut found, mut failed) = (0, None);
        for blob in unknown {
            match self.arrive(INBOX, &blob.name, origin.clone()).await {
                Ok(IntakeOutcome::Received(_)) => found += 1,
                Ok(_) => {}
                Err(error) if concerns_one(&error) => {
                    failed.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        failed.map_or(Ok(found), Err)
    }

    /// Reports an overdue file: in the log at every sweep, and once by a notification. The notification is
    /// kept in the row of the last file; if there is none, the overdue file is returned.
    async fn note_overdue(
        &self,
        overdue: Overdue,
        record: &ConnectionRecord,
    ) -> Result<Option<Overdue>> {
        let Overdue { connection, since, every_days } = &overdue;
        let (now, tenant) = ((self.clock)(), connection.caller.tenant.clone());
        let last = record.last_received_import.clone().map(|key| ImportId { tenant, key });
        let stored = match &last {
            Some(id) => self.imports.get_readable(id).await?,
            None => None,
        };
        let import = stored.as_ref().map(|stored| &stored.import);
        log::overdue(&connection.name, import, now - *since, *every_days);
        let Some(stored) = stored else { return Ok(Some(overdue)) };
        let mut import = stored.import.clone();
        // `notify` may have been added to the document, or removed, since that file arrived.
        import.notify_enabled = connection.notify.is_some();
        if import.can_be_overdue() {
            let noted = self.applied(import, Event::Notification(NotificationEvent::Overdue))?;
            self.imports.save(stored, noted, now).await?;
        }
        Ok(None)
    }
}

fn overdue(
    connection: Connection,
    record: &ConnectionRecord,
    stored_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Option<Overdue> {
    let every_days = connection.expected_every_days?;
    let since = record.last_received.unwrap_or(stored_at);
    let is_late = now - since > Duration::days(every_days.into());
    is_late.then_some(Overdue { connection, since, every_days })
}
