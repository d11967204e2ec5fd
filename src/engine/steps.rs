//! The steps that touch the world: pack, push, ask.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use azure_core::{Error, Result, error::ErrorKind};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::{Road, SERVICE_ERRORS, Step, log, packed_mib, storage_failed};
use crate::{
    check::{Report, mapping_faults},
    config::{PACKAGES, REPORTS},
    connection::Connection,
    engine::{Arrival, scheduling::Turn},
    http::azure::sentence,
    import::{
        Checked, Event, IngestionId, Package, Run, RunId, Status,
        reason::{ErrorFile, Reason, ReasonCode},
    },
    ingestion::{Parcel, Trouble},
    messages,
    package::{self, Failure, Outcome},
    report,
    schema::{Refresh, Severity, Upload},
    storage::{
        blob::Blob,
        import_table::{Claim, Stored},
    },
};

/// Pause before what came of a push is saved again.
const SAVE_AGAIN: Duration = Duration::from_secs(2);
/// How often the service's error file is asked for.
const ERROR_FILE_TRIES: u32 = 5;

impl Road {
    pub(super) async fn pack(&self, stored: Stored, last_begin: OffsetDateTime) -> Result<Step> {
        // A small file waits here behind a large one, of whichever tenant. It does so before its
        // step begins, so that its own time does not run; whoever moves it on meanwhile wins.
        let patience = (last_begin - (self.clock)()).try_into().unwrap_or_default();
        let permits = self.packing.acquire_many(packed_mib(stored.run.source.bytes));
        let Ok(Ok(_permits)) = tokio::time::timeout(patience, permits).await else {
            return Ok(Step::Resting);
        };
        let stored = match self.save(stored, Event::Began).await? {
            Step::Moved(stored) if !stored.run.state.is_end() => stored,
            done @ (Step::Moved(_) | Step::Resting) => return Ok(done),
        };
        let limit = stored.run.time_left((self.clock)());
        let event = match tokio::time::timeout(limit, self.pack_file(&stored.run)).await {
            Ok(event) => event.unwrap_or_else(|error| storage_failed(&error)),
            Err(_) => Event::Faulted {
                reason: Reason::PackingTimedOut { seconds: limit.as_secs() },
                retry_at: None,
            },
        };
        let (id, attempt) = (stored.run.id.clone(), attempt_of(&stored.run));
        let step = self.save(*stored, event).await?;
        if matches!(step, Step::Resting) {
            self.forget_package(&id, &attempt).await?;
        }
        Ok(step)
    }

    /// Deletes what was staged of a pack whose import somebody moved on meanwhile: a person gave it up, or
    /// another instance took it up because this one was too slow.
    async fn forget_package(&self, id: &RunId, attempt: &str) -> Result<()> {
        let stored = self.runs.get(id).await?;
        let package = stored.as_ref().and_then(|stored| stored.run.package.as_ref());
        if package.is_some_and(|package| package.blob.starts_with(attempt)) {
            return Ok(());
        }
        self.blobs.delete_all(PACKAGES, attempt).await
    }

    async fn pack_file(&self, run: &Run) -> Result<Event> {
        let connection = match self.connection_of_run(run).await? {
            Ok(connection) => connection,
            Err(event) => return Ok(event),
        };
        let faults = mapping_faults(&connection.mapping, &connection.checks);
        if !faults.is_empty() {
            // Not one file's fault: every file of the connection would be refused.
            let (connection, faults) = ((&run.connection).into(), faults.into_iter().collect());
            let reason = Reason::MappingInvalid { connection, faults };
            return Ok(Event::Faulted { reason, retry_at: None });
        }
        let mut terms = connection.terms(&self.config.limits, (self.clock)().date().into());
        terms.previous = self.last_accepted(run, terms.connector.word()).await?;
        terms.allowed = match &run.approval {
            Some(approval) => Some(approval.clone()),
            None if terms.refresh == Refresh::Full => self.allowed_by_metadata(run).await?,
            None => None,
        };
        let approval = terms.allowed.clone();
        terms.dialect = terms.dialect.or_key(&self.config.mapping_key);
        let upload = connection.upload;
        let name = format!("{}{}", attempt_of(run), upload.word());
        let packed = package::pack(&self.blobs, &run.source, terms, upload, &name).await;
        Ok(match packed {
            Ok(Outcome::Staged(package, report)) => {
                let checked = Checked {
                    report: self.keep(run, &report).await?,
                    notice: messages::notice(&report),
                    dropped: report.dropped,
                    approval,
                    summary: report.summary,
                };
                let checked = Box::new(checked);
                Event::Packed { package, refresh: connection.refresh, checked }
            }
            Ok(Outcome::Refused(report)) => Event::Refused {
                reason: if report.is_only_guarded() {
                    Reason::DeletionBlocked((&report).into())
                } else {
                    Reason::FileInvalid((&report).into())
                },
                problems: report.count(Severity::Error),
                report: Some(self.keep(run, &report).await?),
                guarded: report.is_only_guarded().then(|| Box::new(report.summary)),
            },
            Ok(Outcome::Moved) => {
                // The event of the newer content may never come: its row is made here.
                match self.arrive(&run.source.container, &run.source.name).await? {
                    // It is there as it was, so nothing has taken its place.
                    Arrival::Known(id) if id == run.id => {
                        Event::Faulted { reason: Reason::FileUnreadable, retry_at: None }
                    }
                    Arrival::Received(by) | Arrival::Known(by) => Event::Replaced { by },
                    Arrival::Ignored(_) => {
                        let connection = (&run.connection).into();
                        let reason = Reason::ConnectionMissing { connection };
                        Event::Refused { reason, problems: 0, report: None, guarded: None }
                    }
                    Arrival::Gone(_) => {
                        let reason = Reason::FileMissing;
                        Event::Refused { reason, problems: 0, report: None, guarded: None }
                    }
                }
            }
            Err(Failure::Storage(error)) => storage_failed(&error),
            Err(failure @ (Failure::Work(_) | Failure::Broken)) => {
                let reason = Reason::PackingFailed { detail: failure.to_string().into() };
                Event::Faulted { reason, retry_at: None }
            }
        })
    }

    /// Keeps a report as a page and as JSON; the name of the page.
    async fn keep(&self, run: &Run, report: &Report) -> Result<String> {
        let (file, key) = (run.source.file(), &run.id.key);
        let json = format!("{:#}\n", report::json(report, &file)).into_bytes();
        let page = format!("{key}/report.html");
        let html = report::html(report, &file).into_bytes();
        let beside = format!("{key}/report.json");
        self.blobs.put(REPORTS, &beside, "application/json", json).await?;
        self.blobs.put(REPORTS, &page, "text/html; charset=utf-8", html).await?;
        Ok(page)
    }

    pub(super) async fn push(&self, stored: Stored) -> Result<Step> {
        let run = &stored.run;
        let Some(package) = run.package.clone() else {
            return self.save(stored, Event::Discarded).await;
        };
        let opening = match self.turn(run).await? {
            Turn::Now(opening) => opening,
            Turn::Later(event) => return self.save(stored, event).await,
        };
        let connection = match self.connection_of_run(run).await? {
            Ok(connection) => connection,
            Err(event) => return self.save(stored, event).await,
        };
        // Content whose answer was lost may be there already: it is only repeated.
        if !run.answer_lost
            && let Some(event) = self.would_delete(run).await?
        {
            return self.save(stored, event).await;
        }
        let staged = self.blobs.look(PACKAGES, &package.blob).await?;
        let Some(staged) = staged.filter(|staged| staged.etag == package.etag) else {
            return self.save(stored, Event::Discarded).await;
        };
        let scale_unit = match self.service.prepare(&connection.caller, (self.clock)()).await {
            Ok(scale_unit) => scale_unit,
            Err(trouble) => return self.save(stored, trouble.before_push()).await,
        };
        // Whatever kept it waiting is over, and others wait for the same; but whether a push takes its
        // token, only a push tells.
        let stored = match stored.run.blocked {
            None | Some(ReasonCode::TokenRejected) => stored,
            Some(_) => match self.save(stored, Event::Corrected).await? {
                Step::Moved(stored) => *stored,
                Step::Resting => return Ok(Step::Resting),
            },
        };
        let before = stored.run.clone();
        let claimed = self.applied(before.clone(), Event::Claimed { scale_unit })?;
        let Some(claim) = self.runs.claim(opening, stored, claimed).await? else {
            return Ok(Step::Resting);
        };
        log::moved(Some(&before), claim.run(), true, (self.clock)());
        let mut event = self.push_zip(&claim, &connection, &staged, &package).await;
        if matches!(event, Event::TokenRefused { .. }) {
            // The one at hand was forgotten: this is a fresh one.
            event = self.push_zip(&claim, &connection, &staged, &package).await;
        }
        self.save_pushed(claim.into_stored(), event).await
    }

    async fn push_zip(
        &self,
        claim: &Claim,
        connection: &Connection,
        staged: &Blob,
        package: &Package,
    ) -> Event {
        let broken = Arc::new(OnceLock::new());
        let (bytes, sha256) = (staged.bytes, package.sha256.clone());
        let parcel = Parcel {
            // As it was staged, whatever the connection says by now.
            upload: Upload::of_file(&package.blob).unwrap_or(Upload::Zip),
            bytes,
            content: verified(self.blobs.read(staged), bytes, sha256, broken.clone()),
        };
        let now = (self.clock)();
        let limit = claim.run().time_left(now);
        let event = self.service.push(claim, &connection.caller, parcel, limit, now).await;
        or_ours(event, &broken)
    }

    /// Saves what came of a push. The service's id of it is nowhere else: it goes to the log first,
    /// and storage that fails is asked again for as long as nobody else takes the import up.
    async fn save_pushed(&self, stored: Stored, event: Event) -> Result<Step> {
        if let Event::Accepted { id, .. } = &event {
            log::taken(&stored.run, id, (self.clock)());
        }
        loop {
            match self.save(stored.clone(), event.clone()).await {
                Err(error) if stored.run.time_left((self.clock)()) > SAVE_AGAIN => {
                    self.log_storage(&stored.run, "what came of the push is saved again", &error);
                    tokio::time::sleep(SAVE_AGAIN).await;
                }
                done => return done,
            }
        }
    }

    pub(super) async fn ask(&self, stored: Stored) -> Result<Step> {
        let run = &stored.run;
        let now = (self.clock)();
        let connection = match self.connection_of_run(run).await? {
            Ok(connection) => connection,
            Err(event) => return self.save(stored, event).await,
        };
        let Some(id) = &run.ingestion else {
            let reason = Reason::IngestionIdLost;
            return self.save(stored, Event::Faulted { reason, retry_at: None }).await;
        };
        let (caller, unit) = (&connection.caller, run.scale_unit.as_deref());
        let event = match self.service.status(caller, unit, id, now).await {
            Ok(ingestion) if ingestion.status == Status::ValidationFailed => {
                self.validation_failed(run, id, &connection).await?
            }
            Ok(ingestion) => Event::Said { status: ingestion.status, error_file: None },
            Err(trouble) => trouble.after_push(),
        };
        self.save(stored, event).await
    }

    /// Fetches the service's error file where it is to be kept; tried a few times.
    async fn validation_failed(
        &self,
        run: &Run,
        id: &IngestionId,
        connection: &Connection,
    ) -> Result<Event> {
        let status = Status::ValidationFailed;
        if !self.config.service.keep_errors {
            return Ok(Event::Said { status, error_file: Some(ErrorFile::NotKept) });
        }
        let (caller, unit) = (&connection.caller, run.scale_unit.as_deref());
        Ok(match self.service.errors(caller, unit, id, (self.clock)()).await {
            Ok(errors) => {
                let report = format!("{}/{SERVICE_ERRORS}", run.id.key);
                self.blobs.put(REPORTS, &report, "text/plain", errors).await?;
                Event::Said { status, error_file: Some(ErrorFile::Kept(report.into())) }
            }
            Err(trouble @ Trouble::Later { .. }) if run.failures < ERROR_FILE_TRIES => {
                trouble.after_push()
            }
            Err(_) => Event::Said { status, error_file: Some(ErrorFile::Unavailable) },
        })
    }
}

/// What the name of whatever the present attempt stages begins with.
fn attempt_of(run: &Run) -> String {
    format!("{}/{}.", run.id.key, run.attempts)
}

/// What broke a push off on our own side, before the service can have had the whole of it.
#[derive(Debug)]
enum Broken {
    /// The staged zip could not be read.
    Unread(String),
    /// It is not what was staged.
    Damaged,
}

/// A push that was broken off by ourselves has no lost answer: nothing can have been accepted.
fn or_ours(event: Event, broken: &OnceLock<Broken>) -> Event {
    match (event, broken.get()) {
        (Event::AnswerLost { .. }, Some(Broken::Unread(why))) => Event::NotSent {
            reason: Reason::PackageUnreadable { detail: why.into() },
            retry_at: None,
        },
        (Event::AnswerLost { .. }, Some(Broken::Damaged)) => Event::Discarded,
        (event, _) => event,
    }
}

/// The staged zip as it was hashed when it was made. The last bytes are only let out once the
/// whole is known to be the same; otherwise the push is broken off and nothing is accepted.
fn verified(
    zip: impl Stream<Item = Result<Bytes>> + Send + 'static,
    bytes: u64,
    sha256: String,
    broken: Arc<OnceLock<Broken>>,
) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    let mut hash = Sha256::new();
    let mut seen = 0;
    zip.map(move |chunk| {
        let chunk = chunk.inspect_err(|error| {
            broken.get_or_init(|| Broken::Unread(sentence(error)));
        })?;
        seen += chunk.len() as u64;
        hash.update(&chunk);
        if seen < bytes || (seen == bytes && format!("{:x}", hash.finalize_reset()) == sha256) {
            return Ok(chunk);
        }
        broken.get_or_init(|| Broken::Damaged);
        let why = "the staged zip is not what was staged";
        Err(Error::with_message(ErrorKind::DataConversion, why))
    })
}
