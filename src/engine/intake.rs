//! How a file becomes an import: by an event, or by a sweep.

use std::fmt;

use azure_core::Result;
use azure_storage_queue::{
    QueueClient,
    models::{QueueClientSendMessageOptions, QueueMessage},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

use super::{Engine, log};
use crate::{
    config::{ARRIVALS, CONNECTIONS, INBOX},
    connection::Connection,
    http::azure::{concerns_one, sentence},
    import::{
        Event, Import, ImportId, NotificationEvent, Policy, Source, diagnostics::EventIds,
        to_the_second,
    },
    schema::{Refresh, is_connection_name},
    storage::{
        self,
        blob::{Blob, Growth},
        import_table::{Inserted, Stored},
    },
};

/// What happened to a file that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntakeOutcome {
    /// It is in the table now.
    Received(ImportId),
    /// It was in the table before.
    Known(ImportId),
    /// It belongs to no connection; the text says why.
    Ignored(String),
    /// It does not exist any more.
    Gone(String),
    /// It may not be complete: it is checked again at this time.
    Unfinished {
        /// The container and the name.
        file: String,
        /// When.
        until: OffsetDateTime,
    },
}

/// How a file was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// By an event, which storage sends when a block blob is complete.
    Event(EventIds),
    /// By a sweep, which may find a file that is being written.
    Sweep,
    /// By a person who asked for it, or because it replaced another content.
    Request,
}

/// The longest time that a queue hides a message, in seconds.
const LONGEST_DELAY: i64 = 7 * 24 * 3600;
/// The shortest wait for a copy.
const COPY_PAUSE: Duration = Duration::minutes(1);

impl fmt::Display for IntakeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Received(id) => write!(f, "Received as import {id}"),
            Self::Known(id) => write!(f, "Already known as import {id}"),
            Self::Ignored(why) | Self::Gone(why) => write!(f, "Ignored: {why}"),
            Self::Unfinished { file, until } => {
                write!(
                    f,
                    "{file} may not be complete. It is checked again at {}",
                    to_the_second(*until)
                )
            }
        }
    }
}

impl Engine {
    /// Writes the row of a blob that an event or a sweep reports.
    ///
    /// The event is only a hint: the content that is there now counts. When this returns
    /// [`IntakeOutcome::Received`], the file survives a power cut at any later moment.
    ///
    /// # Errors
    /// Storage failed; the event must be delivered again.
    pub async fn arrive(
        &self,
        container: &str,
        name: &str,
        origin: Origin,
    ) -> Result<IntakeOutcome> {
        // Control characters would add lines of their own to the log.
        let file = format!("{container}/{name}").replace(char::is_control, "\u{fffd}");
        let Some(connection) = connection_of(container, name) else {
            return Ok(IntakeOutcome::Ignored(format!(
                "{file} is not a CSV in a folder of a connection (inbox/CONNECTION/NAME.csv)"
            )));
        };
        let Some(read) = self.connection(connection).await? else {
            return Ok(IntakeOutcome::Ignored(format!(
                "{file} belongs to no connection: {CONNECTIONS}/{connection}.json does not exist"
            )));
        };
        let Some(blob) = self.blobs.look(container, name).await? else {
            return Ok(IntakeOutcome::Gone(format!("{file} does not exist any more")));
        };
        if let Some(until) = unfinished(&blob, &origin, self.config.quiet, (self.clock)()) {
            return Ok(IntakeOutcome::Unfinished { file, until });
        }
        let tenant = read
            .as_ref()
            .map_or(ImportId::NO_TENANT, |connection| connection.caller.tenant.as_str());
        let now = (self.clock)();
        let mut import = new_import(&blob, tenant, connection, now, &self.config.policy);
        import.target = read.as_ref().map_or(import.target, |connection| connection.caller.target);
        import.connector = read.as_ref().ok().map(|connection| connection.caller.connector);
        import.stop_on_rejection =
            read.as_ref().is_ok_and(|connection| connection.stop_after_rejected);
        import.notify_enabled = self.notifies(read.as_ref().ok()).unwrap_or_default();
        if let Origin::Event(ids) = origin {
            import.diagnostics.event = Some(ids);
        }
        match read {
            Ok(_) => self.imports.forget_arrivals(connection).await?,
            Err(reason) => {
                // The tenant is unknown, so the import cannot wait. When the document is corrected, the
                // next sweep creates an import for the right tenant.
                let event = Event::Rejected { reason, problems: 0, report: None, guarded: None };
                import = self.applied(import, event)?;
            }
        }
        Ok(match self.imports.insert(import, now).await? {
            Inserted::New { stored, is_first } => {
                log::moved(None, &stored.import, is_first, now);
                IntakeOutcome::Received(stored.import.id)
            }
            Inserted::Known(stored) => IntakeOutcome::Known(stored.import.id),
        })
    }

    /// Delivers an event again at a later time.
    ///
    /// # Errors
    /// Storage failed; the event must not be lost.
    pub(crate) async fn postpone(&self, event: &Value, until: OffsetDateTime) -> Result<()> {
        let wait = (until - (self.clock)()).whole_seconds().clamp(1, LONGEST_DELAY);
        let message = QueueMessage { message_text: Some(STANDARD.encode(event.to_string())) };
        let options = QueueClientSendMessageOptions {
            visibility_timeout: i32::try_from(wait).ok(),
            // By default, a message lives no longer than the longest delay.
            message_time_to_live: Some(-1),
            ..QueueClientSendMessageOptions::default()
        };
        let queue = self.queue(ARRIVALS)?;
        queue.send_message(message.try_into()?, Some(options)).await.map(drop)
    }

    /// A queue of the account.
    ///
    /// # Errors
    /// No credential can be created.
    pub(super) fn queue(&self, name: &str) -> Result<QueueClient> {
        storage::queue_within(&self.config.account, name, self.config.service.answer_timeout)
    }

    /// Finds files without an event: of a full connection the newest one, of an incremental connection all,
    /// oldest first. Returns the number of new imports. Logs how long each connection has completed nothing.
    ///
    /// # Errors
    /// Storage failed; the next sweep finds the remaining files.
    pub async fn sweep(&self) -> Result<usize> {
        self.sweep_those(self.imports.list().await?, Origin::Sweep, |_| true).await
    }

    /// The same for one connection.
    ///
    /// # Errors
    /// Storage failed.
    pub(crate) async fn sweep_one(&self, connection: &str) -> Result<usize> {
        let imports = self.imports.named(connection).await?;
        self.sweep_those(imports, Origin::Request, |name| name == connection).await
    }

    async fn sweep_those(
        &self,
        imports: Vec<Stored>,
        origin: Origin,
        which: impl Fn(&str) -> bool,
    ) -> Result<usize> {
        let now = (self.clock)();
        let (mut found, mut never_came) = (0, vec![]);
        let is_left =
            |stored: &&Stored| stored.import.is_left_alone() && !stored.import.state.is_end();
        for stored in imports.iter().filter(is_left) {
            log::left_alone(&stored.import, now);
        }
        let mut failed = None;
        for document in self.blobs.list(CONNECTIONS, "").await? {
            let name = document.name.strip_suffix(".json");
            let name = name.filter(|name| is_connection_name(name) && which(name));
            let Some(name) = name else { continue };
            match self.sweep_connection(name, document.last_modified, &imports, &origin).await {
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

    /// Finds the files of one connection without an event, and whether its next file is overdue.
    async fn sweep_connection(
        &self,
        name: &str,
        stored_at: OffsetDateTime,
        imports: &[Stored],
        origin: &Origin,
    ) -> Result<(usize, Option<Overdue>)> {
        let now = (self.clock)();
        let of_connection = |stored: &&Stored| stored.import.connection == name;
        let own: Vec<&Stored> = imports.iter().filter(of_connection).collect();
        let since = last_completed(&own).unwrap_or(stored_at);
        log::idle(name, now - since);
        let mut files = self.blobs.list(INBOX, &format!("{name}/")).await?;
        files.retain(|blob| connection_of(INBOX, &blob.name).is_some());
        files.sort_by_key(|blob| blob.last_modified);
        let read = self.connection(name).await?;
        let (tenant, refresh) = match &read {
            Some(Ok(connection)) => {
                self.imports.forget_arrivals(name).await?;
                (connection.caller.tenant.as_str(), connection.refresh)
            }
            Some(Err(_)) => (ImportId::NO_TENANT, Refresh::Full),
            None => return Ok((0, None)),
        };
        let skip = if refresh == Refresh::Full { files.len().saturating_sub(1) } else { 0 };
        let (mut found, mut failed) = (0, None);
        for blob in files.iter().skip(skip) {
            let id = import_id(blob, tenant);
            // A connection whose document is invalid has no tenant; that of the known import is unknown.
            let is_known = |stored: &&Stored| match &read {
                Some(Ok(_)) => stored.import.id == id,
                _ => stored.import.id.key == id.key,
            };
            if own.iter().any(is_known) {
                continue;
            }
            match self.arrive(INBOX, &blob.name, origin.clone()).await {
                Ok(IntakeOutcome::Received(_)) => found += 1,
                Ok(_) => {}
                Err(error) if concerns_one(&error) => {
                    failed.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let Some(Ok(connection)) = read.filter(|_| found == 0) else { return Ok((found, None)) };
        Ok(match overdue(connection, &own, stored_at, now) {
            Some(overdue) => (found, self.note_overdue(overdue, &own).await?),
            None => (found, None),
        })
    }

    /// Reports an overdue file: in the log at every sweep, and once by a notification. The notification is
    /// kept in the row of the last file; if there is none, the overdue file is returned.
    async fn note_overdue(&self, overdue: Overdue, imports: &[&Stored]) -> Result<Option<Overdue>> {
        let Overdue { connection, since, every_days } = &overdue;
        let now = (self.clock)();
        let last = last_received(imports.iter().copied());
        let import = last.map(|stored| &stored.import);
        log::overdue(&connection.name, import, now - *since, *every_days);
        let is_of_tenant = |stored: &&Stored| stored.import.id.tenant == connection.caller.tenant;
        let Some(stored) = last_received(imports.iter().copied().filter(is_of_tenant)) else {
            return Ok(Some(overdue));
        };
        let mut import = stored.import.clone();
        // `notify` may have been added to the document, or removed, since that file arrived.
        import.notify_enabled = connection.notify.is_some();
        if import.can_be_overdue() {
            let noted = self.applied(import, Event::Notification(NotificationEvent::Overdue))?;
            self.imports.save(stored.clone(), noted, now).await?;
        }
        Ok(None)
    }
}

/// A connection whose next file is overdue.
pub(super) struct Overdue {
    pub(super) connection: Connection,
    /// When the last file arrived, or the document was stored.
    pub(super) since: OffsetDateTime,
    pub(super) every_days: u32,
}

fn overdue(
    connection: Connection,
    imports: &[&Stored],
    stored_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Option<Overdue> {
    let every_days = connection.expected_every_days?;
    let last = last_received(imports.iter().copied());
    let since = last.map_or(stored_at, |stored| stored.import.received);
    let is_late = now - since > Duration::days(every_days.into());
    is_late.then_some(Overdue { connection, since, every_days })
}

fn last_received<'a>(imports: impl Iterator<Item = &'a Stored>) -> Option<&'a Stored> {
    imports.max_by_key(|stored| stored.import.received)
}

/// When the last of these imports was completed; `None` if none ever was.
fn last_completed(imports: &[&Stored]) -> Option<OffsetDateTime> {
    let completed = imports.iter().filter(|stored| stored.import.state.is_accepted());
    completed.filter_map(|stored| stored.import.ended).max()
}

/// Until when a file may be incomplete. Somebody may still append to an append blob, and a file that no event has
/// announced may still be written.
fn unfinished(
    blob: &Blob,
    origin: &Origin,
    quiet: std::time::Duration,
    now: OffsetDateTime,
) -> Option<OffsetDateTime> {
    // A blob may be dated after the clock of this machine.
    let quiet = blob.last_modified.min(now) + quiet;
    match blob.growth {
        Growth::Copied => Some(quiet.max(now + COPY_PAUSE)),
        Growth::Written | Growth::Paged if *origin != Origin::Sweep => None,
        Growth::Appended | Growth::Written | Growth::Paged => (quiet > now).then_some(quiet),
    }
}

/// The connection of a blob: `inbox/<connection>/....csv`.
pub(super) fn connection_of<'a>(container: &str, name: &'a str) -> Option<&'a str> {
    let (connection, rest) = name.split_once('/')?;
    let is_csv = rest.len() > 4 && rest.to_ascii_lowercase().ends_with(".csv");
    let is_plain = !rest.contains(char::is_control);
    let belongs = container == INBOX && is_csv && is_plain && is_connection_name(connection);
    belongs.then_some(connection)
}

fn new_import(
    blob: &Blob,
    tenant: &str,
    connection: &str,
    now: OffsetDateTime,
    policy: &Policy,
) -> Import {
    let source = Source {
        container: blob.container.clone(),
        name: blob.name.clone(),
        etag: blob.etag.clone(),
        bytes: blob.bytes,
        last_modified: blob.last_modified,
    };
    Import::new(import_id(blob, tenant), connection, source, now, policy)
}

/// The same content always has the same id; newer content sorts first.
pub(super) fn import_id(blob: &Blob, tenant: &str) -> ImportId {
    let content = format!("{}\0{}\0{}", blob.container, blob.name, blob.etag);
    let hash = format!("{:x}", Sha256::digest(content));
    ImportId {
        tenant: tenant.to_owned(),
        key: format!("{}-{}", ImportId::moment_of(blob.last_modified), &hash[..16]),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn only_a_csv_in_the_folder_of_a_connection_belongs_to_it() {
        for (name, connection) in [
            ("hr/export.csv", Some("hr")),
            ("hr/2026/11/EXPORT.CSV", Some("hr")),
            ("hr-japan.2/a.csv", Some("hr-japan.2")),
            ("export.csv", None),
            ("hr/", None),
            ("hr/.csv", None),
            ("hr/export.csv.zip", None),
            ("hr/export.xlsx", None),
            ("/export.csv", None),
            ("h r/export.csv", None),
            ("hr/a\nERROR b.csv", None),
        ] {
            assert_eq!(connection_of(INBOX, name), connection, "{name}");
        }
        assert_eq!(connection_of("packages", "hr/export.csv"), None);
    }

    #[test]
    fn a_file_is_complete_when_it_is_quiet_or_its_event_came_and_never_while_it_is_copied() {
        let now = datetime!(2026-11-23 06:00 UTC);
        let minutes = |minutes: i64| now + Duration::minutes(minutes);
        let quiet = std::time::Duration::from_mins(10);
        let blob = |growth, last_modified| Blob {
            container: INBOX.to_owned(),
            name: "hr/a.csv".to_owned(),
            etag: "0x1".to_owned(),
            bytes: 1,
            last_modified,
            growth,
        };
        for (growth, written, origin, until) in [
            (Growth::Written, minutes(0), Origin::Request, None),
            (Growth::Written, minutes(-9), Origin::Sweep, Some(minutes(1))),
            (Growth::Written, minutes(-10), Origin::Sweep, None),
            (Growth::Appended, minutes(-9), Origin::Request, Some(minutes(1))),
            (Growth::Appended, minutes(-10), Origin::Request, None),
            (Growth::Appended, minutes(60), Origin::Sweep, Some(minutes(10))),
            (Growth::Copied, minutes(-9), Origin::Request, Some(minutes(1))),
            (Growth::Copied, minutes(-600), Origin::Sweep, Some(minutes(1))),
            (Growth::Paged, minutes(0), Origin::Request, None),
        ] {
            let found = unfinished(&blob(growth, written), &origin, quiet, now);
            assert_eq!(found, until, "{growth:?} {written} {origin:?}");
        }
    }

    #[test]
    fn newer_content_sorts_first_and_the_same_content_is_the_same_id() {
        let blob = |etag: &str, last_modified| Blob {
            container: INBOX.to_owned(),
            name: "hr/a.csv".to_owned(),
            etag: etag.to_owned(),
            bytes: 1,
            last_modified,
            growth: Growth::Written,
        };
        let older = blob("0x1", datetime!(2026-11-23 06:00 UTC));
        let newer = blob("0x2", datetime!(2026-11-23 06:01 UTC));
        assert!(import_id(&newer, "t").key < import_id(&older, "t").key);
        assert_eq!(import_id(&older, "t"), import_id(&older.clone(), "t"));
        let rewritten = blob("0x3", older.last_modified);
        assert_ne!(import_id(&older, "t"), import_id(&rewritten, "t"));
    }
}
