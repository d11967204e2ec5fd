//! The engine: from a file in the inbox to the end of its import, one step at a time.
//!
//! A step reads the next action of an import, does it, and saves the result in one conditional write. A
//! long step is announced first and renews its lease, so that no other instance starts it too; a step that died
//! is due again when its lease is over. The table is the only memory.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use azure_core::{Error, Result, error::ErrorKind};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use crate::{
    config::{CONNECTIONS, Config, Faults, Lookup},
    connection::{self, Connection},
    http::{
        ClientError,
        azure::{blocked, sentence},
    },
    import::{
        Action, Event, Import, State,
        reason::{List, Reason, ReasonCode},
    },
    messages,
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
    step_queue::StepMessage,
};
pub(crate) use self::{
    log::{checked, ignored, poison, poison_failed, within},
    status_queries::{SERVICE_ERRORS, has_service_errors, missed_timers},
};

mod chain;
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
mod step_queue;
mod steps;
mod sweep;

/// The requests to storage that one invocation sends at once, and the notifications.
const AT_ONCE: usize = 4;

/// The MiB of files that are packed at once in a process: small files side by side, because they mostly
/// wait for storage, and a large file alone, because it takes every core and most of the memory.
const PACKED_MIB: u32 = 32;

/// How long what was read need not be read again.
const FRESH: Duration = Duration::from_secs(5);

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
    steps: step_queue::StepQueue,
    fresh: chain::FreshImports,
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

/// A connection, and when it was read.
struct Recent {
    connection: Box<Connection>,
    at: Instant,
}

impl Recent {
    fn new(connection: Connection) -> Self {
        Self { connection: Box::new(connection), at: Instant::now() }
    }

    fn is_fresh(&self) -> bool {
        self.at.elapsed() < FRESH
    }
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
            steps: step_queue::StepQueue::default(),
            fresh: chain::FreshImports::default(),
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

    /// Saves the import after an event, and logs it. The end of an ingestion is saved together with its clean-up. If that
    /// fails, a step of its own does it.
    async fn save(&self, stored: Stored, event: Event) -> Result<Step> {
        let before = stored.import.clone();
        let shows = event.shows_correction();
        let mut next = self.applied(before.clone(), event)?;
        let now = (self.clock)();
        // Before the end is written, so only what nobody needs any more, whatever happens to the write.
        let is_unneeded = before.state == State::Ingesting || steps::has_staged_nothing(&next);
        if is_unneeded
            && next.action(now, &self.config.policy) == Action::Discard
            && self.discard(&next).await.is_ok()
        {
            next = self.applied(next, Event::Discarded)?;
        }
        Ok(match Box::pin(self.imports.save(stored, next, now)).await? {
            Saved::Done { stored, is_first, rows } => {
                log::moved(Some(&before), &stored.import, is_first, now);
                if lets_another_go(&before, &stored.import) {
                    Box::pin(self.wake_next(&stored.import, rows.as_deref())).await;
                }
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
                    let saved = self.imports.save(stored, next, (self.clock)()).await?;
                    if let Saved::Done { stored, .. } = saved {
                        self.announce(&stored.import).await;
                    }
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
    /// somebody may be editing it. One that was read a moment ago is not read again. Updates whether notifications are
    /// sent.
    async fn connection_of_import(
        &self,
        import: &mut Import,
        known: &mut Option<Recent>,
    ) -> Result<std::result::Result<Connection, Event>> {
        let usable = match known.take().filter(Recent::is_fresh) {
            Some(recent) if recent.connection.caller.tenant == import.id.tenant => {
                let connection = (*recent.connection).clone();
                *known = Some(recent);
                Ok(connection)
            }
            _ => {
                let usable = self.usable_connection(import).await?;
                *known = usable.as_ref().ok().cloned().map(Recent::new);
                usable
            }
        };
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

/// Whether another import may go after a move: this one has ended, has freed the slot, has begun to wait for a person,
/// or pauses its connection no more.
fn lets_another_go(before: &Import, next: &Import) -> bool {
    let is_over = |was: bool, is: bool| was && !is;
    is_over(before.holds_slot(), next.holds_slot())
        || is_over(!before.state.is_end(), !next.state.is_end())
        || is_over(!before.needs_person(), !next.needs_person())
        || is_over(before.pauses, next.pauses)
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
