//! The engine: from a file in the inbox to the end of its import, one step at a time.
//!
//! A step reads the next action of an import, does it, and saves the result in one conditional write. A
//! long step is announced first and renews its lease, so that no other instance starts it too; a step that died
//! is due again when its lease is over. The table is the only memory.

use std::{
    collections::HashSet,
    future::ready,
    sync::{Arc, atomic::AtomicBool},
};

use azure_core::{Error, Result, error::ErrorKind};
use futures::{StreamExt as _, future::join3, stream};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use crate::{
    config::{CONNECTIONS, Config, Faults, Lookup, PACKAGES},
    connection::{self, Connection},
    http::{
        ClientError,
        azure::{blocked, sentence},
    },
    import::{
        Action, Event, Import, ImportId, State,
        reason::{List, NoOutcome, Reason, ReasonCode},
    },
    messages,
    schema::Refresh,
    storage::{
        Storage,
        blob::Blobs,
        import_table::{ImportTable, Saved, Stored},
    },
    target::Service,
};

pub use self::{
    intake::{IntakeOutcome, Origin},
    operator::Actor,
    status_queries::{Document, Timer},
};
pub(crate) use self::{
    log::{checked, ignored, poison, poison_failed, within},
    status_queries::{SERVICE_ERRORS, has_service_errors, missed_timers},
};

mod deletion_guard;
mod diagnostics;
mod health;
mod intake;
mod lease;
mod log;
mod notifications;
mod operator;
mod poison;
mod push;
mod retention;
mod scheduling;
mod status_queries;
mod steps;
mod sweep;

/// The imports that are packed at once in one invocation, and as many others stepped beside them.
const AT_ONCE: usize = 4;

/// The MiB of files that are packed at once in a process: small files side by side, because they mostly
/// wait for storage, and a large file alone, because it takes every core and most of the memory.
const PACKED_MIB: u32 = 32;

/// The clock. Lower layers get the time as an argument; the engine reads it here.
pub type Clock = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// Everything a step needs.
pub struct Engine {
    blobs: Blobs,
    imports: ImportTable,
    service: Service,
    config: Config,
    setting: Arc<Lookup>,
    clock: Clock,
    /// One permit for each MiB of files that are being packed.
    packing: Semaphore,
    known_documents: health::KnownDocuments,
    /// Whether every timer has a row, so that a missed run is noticed.
    expects_timers: AtomicBool,
}

/// Why storage and service cannot be opened with these settings.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The settings are invalid.
    #[error(transparent)]
    Settings(#[from] Faults),
    /// The clients of the storage account cannot be created.
    #[error("the storage account cannot be opened: {}", sentence(.0))]
    Storage(#[source] Error),
    /// The client of the ingestion service cannot be created.
    #[error(transparent)]
    Service(#[from] ClientError),
}

/// The result of a step.
#[derive(Debug)]
enum Step {
    /// The import has changed.
    Moved(Box<Stored>),
    /// Nothing is due, or another instance does it.
    Resting,
}

impl Engine {
    /// An engine over opened storage and service.
    #[must_use]
    pub fn new(
        storage: Storage,
        service: Service,
        config: Config,
        setting: Arc<Lookup>,
        clock: Clock,
    ) -> Self {
        let Storage { blobs, imports } = storage;
        let packing = Semaphore::new(PACKED_MIB as usize);
        let imports = ImportTable::new(imports);
        Self {
            blobs,
            imports,
            service,
            config,
            setting,
            clock,
            packing,
            known_documents: health::KnownDocuments::default(),
            expects_timers: AtomicBool::new(false),
        }
    }

    /// An engine with these settings.
    ///
    /// # Errors
    /// The settings are invalid, or no client can be created with them.
    pub fn open(setting: Arc<Lookup>, clock: Clock) -> std::result::Result<Self, OpenError> {
        let config = Config::read(|name| setting(name))?;
        let storage = Storage::open(&config.account, config.service.answer_timeout)
            .map_err(OpenError::Storage)?;
        let service = Service::new(config.service.clone(), setting.clone())?;
        Ok(Self::new(storage, service, config, setting, clock))
    }

    /// The imports.
    #[must_use]
    pub fn imports(&self) -> &ImportTable {
        &self.imports
    }

    /// Runs one step of every import that is due, several at once; large files are packed one by one.
    /// Returns the number of imports that changed.
    ///
    /// After the time of one step no further step starts: the invocation must end before the host's timeout,
    /// and the next one does the rest.
    ///
    /// # Errors
    /// Storage failed before any step. If a step fails, its import stays due.
    pub async fn drive(&self) -> Result<usize> {
        let mut due = self.imports.due((self.clock)(), &self.config.policy).await?;
        let now = (self.clock)();
        let has_message =
            |stored: &&Stored| stored.import.message_due(now, &self.config.policy).is_some();
        let messages: Vec<Stored> = due.iter().filter(has_message).cloned().collect();
        first_of_queues(&mut due);
        let last_begin = now + self.config.policy.step_timeout;
        let (packs, others): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|Stored { import, .. }| {
                import.action(now, &self.config.policy) == Action::Pack
            });
        // Packs and other steps run separately, so that packs that wait for each other delay no other step.
        let lines = join3(
            self.take_all(packs, last_begin),
            self.take_all(others, last_begin),
            self.send_due(messages),
        );
        let (packed, moved, ()) = Box::pin(lines).await;
        Ok(packed + moved)
    }

    async fn take_all(&self, due: Vec<Stored>, last_begin: OffsetDateTime) -> usize {
        stream::iter(due)
            .take_while(|_| ready((self.clock)() < last_begin))
            .map(|stored| self.step_or_log(stored, last_begin))
            .buffer_unordered(AT_ONCE)
            .filter(|moved| ready(*moved))
            .count()
            .await
    }

    /// Runs the steps of one import until none is due, or the time of one step is over.
    ///
    /// # Errors
    /// Storage failed; the import stays due.
    pub async fn follow(&self, id: &ImportId) -> Result<()> {
        let mut next = self.imports.get(id).await?;
        let last_begin = (self.clock)() + self.config.policy.step_timeout;
        while let Some(stored) = next.filter(|_| (self.clock)() < last_begin) {
            next = match Box::pin(self.step(stored, last_begin)).await? {
                Step::Moved(stored) => Some(*stored),
                Step::Resting => None,
            };
        }
        Ok(())
    }

    async fn step_or_log(&self, stored: Stored, last_begin: OffsetDateTime) -> bool {
        let import = stored.import.clone();
        match Box::pin(self.step(stored, last_begin)).await {
            Ok(step) => matches!(step, Step::Moved(_)),
            Err(error) => {
                let what = "The step failed, retrying later";
                self.log_storage(&import, what, &error);
                false
            }
        }
    }

    /// Runs the step that is due. A step that has to wait for another does not start after `last_begin`.
    async fn step(&self, stored: Stored, last_begin: OffsetDateTime) -> Result<Step> {
        match Box::pin(self.act(stored.clone(), last_begin)).await {
            // The failure is written into the row, so that waits and the deadline count; unless the import
            // has changed meanwhile, or storage still fails.
            Err(error) => {
                let mut stored = stored;
                let event = self.storage_failed(&mut stored.import, &error);
                self.save(stored, event).await
            }
            done => done,
        }
    }

    async fn act(&self, stored: Stored, last_begin: OffsetDateTime) -> Result<Step> {
        let action = stored.import.action((self.clock)(), &self.config.policy);
        let is_a_try = matches!(action, Action::Pack | Action::Push | Action::Poll);
        let waits = stored.import.waits_for_correction() && stored.import.waits_now();
        if is_a_try && waits && self.is_behind(&stored.import).await? {
            return self.save(stored, Event::StillWaiting).await;
        }
        match action {
            Action::Wait(_) | Action::Done => Ok(Step::Resting),
            Action::Pack => Box::pin(self.pack(stored, last_begin)).await,
            Action::Push => Box::pin(self.push_step(stored)).await,
            Action::Recover => {
                let cause = NoOutcome::ProgramEnded;
                self.save(stored, Event::AnswerLost { cause }).await
            }
            Action::Poll => Box::pin(self.poll(stored)).await,
            Action::Discard => {
                let prefix = format!("{}/", stored.import.id.key);
                self.blobs.delete_all(PACKAGES, &prefix).await?;
                self.save(stored, Event::Discarded).await
            }
        }
    }

    /// Saves the import after an event, and logs it.
    async fn save(&self, stored: Stored, event: Event) -> Result<Step> {
        let before = stored.import.clone();
        let shows = event.shows_correction();
        let next = self.applied(before.clone(), event)?;
        let now = (self.clock)();
        Ok(match Box::pin(self.imports.save(stored, next, now)).await? {
            Saved::Done { stored, is_first } => {
                log::moved(Some(&before), &stored.import, is_first, now);
                if shows && before.waits_for_correction() && stored.import.blocked.is_none() {
                    Box::pin(self.wake(&before)).await;
                }
                Step::Moved(stored)
            }
            Saved::Lost => Step::Resting,
        })
    }

    /// Whether an older import of the connection waits for the same correction: only that one is retried.
    async fn is_behind(&self, import: &Import) -> Result<bool> {
        let live = self.imports.live_of(&import.id.tenant, &import.connection).await?;
        let order = import.order();
        Ok(live.iter().any(|older| older.order < order && older.waits_as(import)))
    }

    /// Resumes the imports of a connection that wait for the same correction as `import` did. If this fails,
    /// each is retried at its own time.
    async fn wake(&self, import: &Import) {
        let woken = async {
            let live = self.imports.live_of(&import.id.tenant, &import.connection).await?;
            for other in live.iter().filter(|it| it.id != import.id && it.waits_as(import)) {
                if let Some(stored) = self.imports.get(&other.id).await?
                    && stored.import.waits_as(import)
                {
                    let next = self.applied(stored.import.clone(), Event::Corrected)?;
                    self.imports.save(stored, next, (self.clock)()).await?;
                }
            }
            Ok::<(), Error>(())
        };
        if let Err(error) = woken.await {
            let what = "Could not resume the other waiting imports now, retrying later";
            self.log_storage(import, what, &error);
        }
    }

    /// Warns about a storage failure that concerns an import and is retried.
    fn log_storage(&self, import: &Import, what: &str, error: &Error) {
        log::failed(
            import,
            ReasonCode::StorageFailed.into(),
            what,
            &sentence(error),
            (self.clock)(),
        );
    }

    fn applied(&self, import: Import, event: Event) -> Result<Import> {
        import
            .apply(event, (self.clock)(), &self.config.policy)
            .map_err(|illegal| Error::with_message(ErrorKind::Other, illegal.to_string()))
    }

    /// The connection `name`: `None` if it does not exist, the reason if its document is invalid.
    async fn connection(
        &self,
        name: &str,
    ) -> Result<Option<std::result::Result<Connection, Reason>>> {
        let document = format!("{name}.json");
        let invalid = |faults| Reason::ConnectionInvalid { connection: name.into(), faults };
        let read = self.blobs.read_small(CONNECTIONS, &document, connection::MAX_BYTES + 1);
        let content = match read.await {
            Ok(Some(content)) => content,
            Ok(None) => return Ok(None),
            // The other connections can still be read.
            Err(error) => {
                let code = blocked(&error).ok_or(error)?;
                return Ok(Some(Err(invalid(List::from_iter([messages::blocked(&code)])))));
            }
        };
        let read = Connection::parse(name, &content);
        Ok(Some(read.map_err(|faults| invalid(faults.into_iter().collect()))))
    }

    /// The connection of an import, with the import's tenant. The import waits until the document is usable:
    /// somebody may be editing it. Updates whether notifications are sent.
    async fn connection_of_import(
        &self,
        import: &mut Import,
    ) -> Result<std::result::Result<Connection, Event>> {
        let usable = self.usable_connection(import).await?;
        if let Some(enabled) = self.notifies(usable.as_ref().ok()) {
            import.notify_enabled = enabled;
        }
        Ok(usable.map_err(|reason| Event::TransientFailure { reason, retry_at: None }))
    }

    /// Whether notifications are sent: by the connection, or by the app if the connection is unusable.
    /// `None` if that is unknown now.
    fn notifies(&self, connection: Option<&Connection>) -> Option<bool> {
        if self.config.notify.is_some() {
            return Some(true);
        }
        connection.map(|connection| connection.notify.is_some())
    }

    /// The same, or why the connection is unusable now.
    async fn usable_connection(
        &self,
        import: &Import,
    ) -> Result<std::result::Result<Connection, Reason>> {
        let connection = || (&import.connection).into();
        Ok(match self.connection(&import.connection).await? {
            Some(Ok(connection)) if connection.caller.tenant == import.id.tenant => Ok(connection),
            Some(Ok(_)) => Err(Reason::TenantChanged { connection: connection() }),
            Some(Err(reason)) => Err(reason),
            None => Err(Reason::ConnectionMissing { connection: connection() }),
        })
    }
}

/// Keeps the first import of each queue of incremental files: the others have nothing to do.
fn first_of_queues(due: &mut Vec<Stored>) {
    let mut lines = HashSet::new();
    due.retain(|Stored { import, .. }| {
        let is_in_line = import.state == State::Packed
            && import.refresh == Some(Refresh::Incremental)
            && !import.holds_slot();
        !is_in_line || lines.insert((import.id.tenant.clone(), import.connection.clone()))
    });
}

/// The share of [`PACKED_MIB`] for a file of this size.
fn packed_mib(bytes: u64) -> u32 {
    u32::try_from(bytes >> 20).map_or(PACKED_MIB, |mib| mib.saturating_add(1).min(PACKED_MIB))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_are_packed_side_by_side_and_a_large_one_alone() {
        for (bytes, mib) in [(0, 1), (1 << 20, 2), (10_000_000, 10), (100_000_000, PACKED_MIB)] {
            assert_eq!(packed_mib(bytes), mib, "{bytes} bytes");
        }
        assert_eq!(packed_mib(u64::MAX), PACKED_MIB);
    }
}
