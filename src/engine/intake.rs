//! How a file becomes an import.

use std::fmt;

use azure_core::Result;
use azure_storage_queue::QueueClient;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

use super::{Engine, log};
use crate::{
    config::{ARRIVALS, CONNECTIONS, INBOX},
    connection::Connection,
    import::{
        Import, ImportId, Policy, Source, diagnostics::EventIds, reason::Reason, to_the_second,
    },
    schema::is_connection_name,
    storage::{
        self,
        blob::{Blob, Growth},
        import_table::Inserted,
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
    /// Its connection document is invalid: the sweep receives it when the document is corrected.
    Waiting {
        /// The container and the name.
        file: String,
        /// What is wrong with the document.
        reason: Reason,
    },
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

/// The longest time that a queue hides a message.
const LONGEST_DELAY: Duration = Duration::days(7);
/// The shortest wait for a copy.
const COPY_PAUSE: Duration = Duration::minutes(1);

impl fmt::Display for IntakeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Received(id) => write!(f, "Received as import {id}"),
            Self::Known(id) => write!(f, "Already known as import {id}"),
            Self::Ignored(why) | Self::Gone(why) => write!(f, "Ignored: {why}"),
            Self::Waiting { file, .. } => {
                write!(f, "{file} waits until its connection document is corrected")
            }
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
        let now = (self.clock)();
        let connection = match read {
            Ok(connection) => connection,
            // Its tenant is unknown, so it cannot have a row yet, unless it got one before the document was changed.
            Err(reason) => {
                let known = self.imports.find(&key_of(&blob)).await?.pop();
                if let Some(known) = known {
                    return Ok(IntakeOutcome::Known(known.import.id));
                }
                self.note_invalid(connection, &reason).await?;
                return Ok(IntakeOutcome::Waiting { file, reason });
            }
        };
        let mut import = new_import(&blob, &connection, now, &self.config.policy);
        import.notify_enabled = self.notifies(Some(&connection)).unwrap_or_default();
        let is_event = matches!(origin, Origin::Event(_));
        if let Origin::Event(ids) = origin {
            import.diagnostics.event = Some(ids);
        }
        Ok(match self.imports.insert(import, now).await? {
            Inserted::New(stored) => {
                log::moved(None, &stored.import, true, now);
                // A sweep may find thousands.
                if is_event {
                    self.keep_fresh(&stored, connection);
                }
                self.announce(&stored.import).await;
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
        let wait = until - (self.clock)();
        let wait = wait.clamp(Duration::SECOND, LONGEST_DELAY).unsigned_abs();
        let queue = self.queue(ARRIVALS)?;
        storage::send_later(&queue, &event.to_string(), wait, None).await.map(drop)
    }

    /// A queue of the account.
    ///
    /// # Errors
    /// No credential can be created.
    pub(super) fn queue(&self, name: &str) -> Result<QueueClient> {
        storage::queue_within(&self.config.account, name, self.config.service.answer_timeout)
    }
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
    connection: &Connection,
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
    let caller = &connection.caller;
    let id = import_id(blob, &caller.tenant);
    let mut import = Import::new(id, &connection.name, source, now, policy);
    import.target = caller.target;
    import.connector = Some(caller.connector);
    import.stop_on_rejection = connection.stop_after_rejected;
    import
}

/// The same content always has the same id; newer content sorts first.
pub(super) fn import_id(blob: &Blob, tenant: &str) -> ImportId {
    ImportId { tenant: tenant.to_owned(), key: key_of(blob) }
}

/// The row key of the import of a content.
pub(super) fn key_of(blob: &Blob) -> String {
    let content = format!("{}\0{}\0{}", blob.container, blob.name, blob.etag);
    let hash = format!("{:x}", Sha256::digest(content));
    format!("{}-{}", ImportId::moment_of(blob.last_modified), &hash[..16])
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
