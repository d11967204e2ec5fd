//! The steps that read and pack a file, and that poll the status of a push.

use azure_core::Result;

use super::{
    Engine, IntakeOutcome, Origin, SERVICE_ERRORS, Step, chain::Chain,
    deletion_guard::allowed_by_metadata, packed_mib,
};
use crate::{
    check::{Report, mapping_faults},
    config::{PACKAGES, REPORTS},
    http::azure::blocked,
    import::{
        Checked, Event, Import, ImportId, PollPath, Source, State, Status,
        reason::{ErrorFile, Reason, ReasonCode},
    },
    messages,
    package::{self, Failure, Outcome, has_changed},
    report,
    schema::Severity,
    storage::{blob::Content, import_table::Stored},
    target::{Client, Polled, ServiceError},
};

/// The most attempts to download the service's error file.
const ERROR_FILE_TRIES: u32 = 5;

impl Engine {
    pub(super) async fn pack(&self, stored: Stored, chain: &mut Chain) -> Result<Step> {
        // Small files are packed side by side, a large one alone. Without room, the step comes back soon.
        let Ok(_permits) = self.packing.try_acquire_many(packed_mib(stored.import.source.bytes))
        else {
            return Ok(Step::Resting);
        };
        let lease = self.lease();
        let stored = match self.save(stored, Event::PackStarted).await? {
            Step::Moved(stored) if !stored.import.state.is_end() => *stored,
            done @ (Step::Moved(_) | Step::Resting) => return Ok(done),
        };
        let (id, attempt) =
            (stored.import.id.clone(), attempt_of(&stored.import, stored.import.attempts));
        let limit = self.config.policy.step_limit();
        let mut import = stored.import.clone();
        let work = Box::pin(tokio::time::timeout(limit, self.pack_file(&mut import, chain)));
        let step = match self.under(&lease, stored, work).await {
            Some((mut stored, packed)) => {
                stored.import.notify_enabled = import.notify_enabled;
                let event = match packed {
                    Ok(Ok(event)) => event,
                    Ok(Err(error)) => self.storage_failed(&mut stored.import, &error),
                    Err(_) => Event::TransientFailure {
                        reason: Reason::PackingTimedOut { seconds: limit.as_secs() },
                        retry_at: None,
                    },
                };
                self.save_result(stored, event).await?
            }
            None => Step::Resting,
        };
        if matches!(step, Step::Resting) {
            self.forget_package(&id, &attempt).await?;
        }
        Ok(step)
    }

    /// Deletes the staged zip of a pack whose import has changed meanwhile: it was cancelled, or another
    /// instance took it up because this one was too slow.
    async fn forget_package(&self, id: &ImportId, attempt: &str) -> Result<()> {
        let stored = self.imports.get(id).await?;
        let package = stored.as_ref().and_then(|stored| stored.import.package.as_ref());
        if package.is_some_and(|package| package.blob.starts_with(attempt)) {
            return Ok(());
        }
        self.blobs.delete_all(PACKAGES, attempt).await
    }

    /// Deletes what may be staged for an import that has ended.
    pub(super) async fn discard(&self, import: &Import) -> Result<()> {
        match &import.package {
            // Its first pack, and so the only one.
            Some(package) if package.blob.starts_with(&attempt_of(import, 1)) => {
                self.blobs.delete(PACKAGES, &package.blob).await
            }
            None if has_staged_nothing(import) => Ok(()),
            _ => self.blobs.delete_all(PACKAGES, &format!("{}.", import.id.key)).await,
        }
    }

    async fn pack_file(&self, import: &mut Import, chain: &mut Chain) -> Result<Event> {
        let connection = match self.connection_of_import(import, &mut chain.connection).await? {
            Ok(connection) => connection,
            Err(event) => return Ok(event),
        };
        let import = &*import;
        let faults =
            mapping_faults(import.target.schema(), &connection.mapping, &connection.checks);
        if !faults.is_empty() {
            // The fault is in the connection, not in one file: every file would be rejected.
            let (connection, faults) = ((&import.connection).into(), faults.into_iter().collect());
            let reason = Reason::MappingInvalid { connection, faults };
            return Ok(Event::TransientFailure { reason, retry_at: None });
        }
        let mut options = connection
            .check_options(&self.config.limits, import.source.last_modified.date().into());
        let lane = self.imports.lane(&import.id.tenant, import.target, options.connector).await?;
        options.previous = lane.baseline;
        let file = match self.blobs.open(content_of(&import.source)).await {
            Ok(file) => file,
            Err(error) if has_changed(&error) => return self.moved(import).await,
            Err(error) => return rejected_if_blocked(error),
        };
        options.allowed = import.approval.clone().or_else(|| allowed_by_metadata(&file));
        let approval = options.allowed.clone();
        options.dialect = options.dialect.or_key(&self.config.mapping_key);
        let upload = connection.upload;
        let name = format!("{}{}", attempt_of(import, import.attempts), upload.as_ref());
        let packed = package::pack(&self.blobs, &file, options, upload, &name).await;
        Ok(match packed {
            Ok(Outcome::Staged(package, report)) => {
                let checked = Checked {
                    report: self.keep(import, &report).await?,
                    notice: messages::notice(&report),
                    rows_skipped: report.rows_skipped,
                    approval,
                    baseline: report.baseline,
                };
                let checked = Box::new(checked);
                Event::Packed { package, refresh: connection.refresh, checked }
            }
            Ok(Outcome::Refused(report)) => Event::Rejected {
                reason: if report.is_only_guarded() {
                    Reason::DeletionBlocked((&report).into())
                } else {
                    Reason::FileInvalid((&report).into())
                },
                problems: report.count(Severity::Error),
                report: Some(self.keep(import, &report).await?),
                guarded: report.is_only_guarded().then(|| Box::new(report.baseline)),
            },
            Ok(Outcome::Moved) => return self.moved(import).await,
            Err(Failure::Storage(error)) => return rejected_if_blocked(error),
            Err(failure @ (Failure::Work(_) | Failure::Broken)) => {
                let reason = Reason::PackingFailed { detail: failure.to_string().into() };
                Event::TransientFailure { reason, retry_at: None }
            }
        })
    }

    /// The file has another content, or none. The event of the newer content may never arrive, so its row is created
    /// here.
    async fn moved(&self, import: &Import) -> Result<Event> {
        let source = &import.source;
        Ok(match self.arrive(&source.container, &source.name, Origin::Sweep).await? {
            // The content is unchanged, so nothing has replaced it.
            IntakeOutcome::Known(id) if id == import.id => {
                Event::TransientFailure { reason: Reason::FileUnreadable, retry_at: None }
            }
            IntakeOutcome::Unfinished { until, .. } => {
                let reason = Reason::FileIncomplete;
                Event::TransientFailure { reason, retry_at: Some(until) }
            }
            IntakeOutcome::Waiting { reason, .. } => {
                Event::TransientFailure { reason, retry_at: None }
            }
            IntakeOutcome::Received(by) | IntakeOutcome::Known(by) => Event::Replaced { by },
            IntakeOutcome::Ignored(_) => {
                let connection = (&import.connection).into();
                let reason = Reason::ConnectionMissing { connection };
                Event::Rejected { reason, problems: 0, report: None, guarded: None }
            }
            IntakeOutcome::Gone(_) => {
                let reason = Reason::FileMissing;
                Event::Rejected { reason, problems: 0, report: None, guarded: None }
            }
        })
    }

    /// Stores a report as HTML and JSON; returns the name of the HTML blob.
    async fn keep(&self, import: &Import, report: &Report) -> Result<String> {
        let (file, key) = (import.source.file(), &import.id.key);
        let json = format!("{:#}\n", report::json(report, &file)).into_bytes();
        let page = format!("{key}/report.html");
        let html = report::html(report, &file).into_bytes();
        let beside = format!("{key}/report.json");
        self.blobs.put(REPORTS, &beside, "application/json", json).await?;
        self.blobs.put(REPORTS, &page, "text/html; charset=utf-8", html).await?;
        Ok(page)
    }

    pub(super) async fn poll(&self, mut stored: Stored, chain: &mut Chain) -> Result<Step> {
        let now = (self.clock)();
        let connection =
            match self.connection_of_import(&mut stored.import, &mut chain.connection).await? {
                Ok(connection) => connection,
                Err(event) => return self.save(stored, event).await,
            };
        let import = &stored.import;
        let Some(id) = &import.ingestion else {
            let reason = Reason::IngestionIdLost;
            return self.save(stored, Event::TransientFailure { reason, retry_at: None }).await;
        };
        let client = self.service.client(&connection.caller, now);
        let unit = import.scale_unit.as_deref();
        let polled = client.poll(unit, id, import.poll_path).await;
        let is_refused = match &polled {
            Ok(polled) => matches!(polled.status, Status::ValidationFailed | Status::UnknownEnd(_)),
            Err(_) => true,
        };
        let event = match polled {
            Ok(Polled { status: Status::ValidationFailed, path }) => {
                self.validation_failed(import, &client, path).await
            }
            Ok(Polled { status, path }) => {
                Ok(Event::StatusReported { status, path, error_file: None })
            }
            Err(error) => Ok(after_push(&error)),
        };
        self.record(&mut stored.import, &client, is_refused);
        let import = stored.import.clone();
        let event = event.unwrap_or_else(|error| self.storage_failed(&mut stored.import, &error));
        let saved = self.save(stored, event).await;
        if is_refused {
            self.keep_answer(&import, &client).await;
        }
        saved
    }

    /// Downloads the service's error file if it is to be kept, with a few attempts.
    async fn validation_failed(
        &self,
        import: &Import,
        client: &Client<'_>,
        path: PollPath,
    ) -> Result<Event> {
        let failed = |error_file| {
            let status = Status::ValidationFailed;
            Event::StatusReported { status, path, error_file: Some(error_file) }
        };
        let id = import.ingestion.as_ref().filter(|_| self.config.service.keep_errors);
        let Some(id) = id else { return Ok(failed(ErrorFile::NotKept)) };
        Ok(match client.errors(import.scale_unit.as_deref(), id).await {
            Ok(errors) => {
                let report = format!("{}/{SERVICE_ERRORS}", import.id.key);
                self.blobs.put(REPORTS, &report, "text/plain", errors).await?;
                failed(ErrorFile::Kept(report.into()))
            }
            Err(error @ ServiceError::Later { .. }) if import.failures < ERROR_FILE_TRIES => {
                after_push(&error)
            }
            Err(_) => failed(ErrorFile::Unavailable),
        })
    }
}

/// Whether an import has ended by its first pack, which staged nothing. A pack that ended with its program may have.
pub(super) fn has_staged_nothing(import: &Import) -> bool {
    import.package.is_none()
        && import.attempts <= 1
        && matches!(import.state, State::Rejected | State::Superseded)
}

/// The rejection of a file that storage lets nobody read.
///
/// # Errors
/// The error, if it says something else.
fn rejected_if_blocked(error: azure_core::Error) -> Result<Event> {
    let code = blocked(&error).ok_or(error)?;
    let reason = Reason::FileBlocked { code: code.into() };
    Ok(Event::Rejected { reason, problems: 0, report: None, guarded: None })
}

/// The content of which an import was received.
fn content_of(source: &Source) -> Content {
    Content {
        container: source.container.clone(),
        name: source.name.clone(),
        etag: source.etag.clone(),
        bytes: source.bytes,
    }
}

/// The prefix of the name of what an attempt stages. The names are flat, because with a hierarchical namespace a folder
/// would stay.
fn attempt_of(import: &Import, attempt: u32) -> String {
    format!("{}.{attempt}.", import.id.key)
}

/// The event of an error after the push: nothing is decided.
fn after_push(error: &ServiceError) -> Event {
    let mut reason = error.reason();
    if let Reason::ServiceRefused { operation, status, codes } = reason {
        reason = Reason::PollRefused { operation, status, codes };
    } else if reason.code() == ReasonCode::Forbidden {
        reason = Reason::PollForbidden;
    }
    Event::TransientFailure { retry_at: error.retry_at(), reason }
}
