//! The steps that touch the world: pack, push, ask.

use azure_core::{Error, Result, error::ErrorKind};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};

use super::{Road, Step, storage_failed, tell};
use crate::{
    azure::{PACKAGES, REPORTS},
    drive::Arrival,
    ingestion::wire::Status,
    package::{self, Outcome},
    run::{Event, Run},
    runs::{Claimed, Stored},
};

impl Road {
    pub(super) async fn pack(&self, stored: Stored) -> Result<Step> {
        let Step::Moved(stored) = self.save(stored, Event::Began).await? else {
            return Ok(Step::Resting);
        };
        let limit = stored.run.time_left((self.clock)());
        let event = match tokio::time::timeout(limit, self.pack_file(&stored.run)).await {
            Ok(event) => event.unwrap_or_else(|error| storage_failed(&error)),
            Err(_) => Event::Faulted {
                why: format!("reading and packing took longer than {} s", limit.as_secs()),
                retry_at: None,
            },
        };
        self.save(*stored, event).await
    }

    async fn pack_file(&self, run: &Run) -> Result<Event> {
        let connection = match self.connection_of_run(run).await? {
            Ok(connection) => connection,
            Err(why) => return Ok(Event::Refused { why, problems: 0, report: None }),
        };
        let name = format!("{}/{}.zip", run.id.key, run.attempts);
        let dialect = &self.config.dialect;
        let packed = package::pack(&self.blobs, &run.source, &connection, dialect, &name).await;
        Ok(match packed {
            Ok(Outcome::Staged { package, checked }) => Event::Packed {
                package,
                rows: checked.rows,
                refresh: connection.refresh,
                notice: checked.notice,
            },
            Ok(Outcome::Refused(findings)) => {
                let file = run.source.file();
                let report = format!("{}/report.json", run.id.key);
                let content = format!("{:#}\n", findings.report(&file, None));
                let json = "application/json";
                self.blobs.put(REPORTS, &report, json, content.into_bytes()).await?;
                Event::Refused {
                    why: findings.sentence(&file),
                    problems: findings.count(),
                    report: Some(report),
                }
            }
            Ok(Outcome::Moved) => {
                // The event of the newer content may never come: its row is made here.
                match self.arrive(&run.source.container, &run.source.name).await? {
                    Arrival::Received(_) | Arrival::Known(_) => Event::Replaced,
                    Arrival::Ignored(why) | Arrival::Gone(why) => {
                        Event::Refused { why, problems: 0, report: None }
                    }
                }
            }
            Err(failure) => Event::Faulted { why: failure.to_string(), retry_at: None },
        })
    }

    pub(super) async fn push(&self, stored: Stored) -> Result<Step> {
        let run = &stored.run;
        let Some(package) = run.package.clone() else {
            return self.save(stored, Event::Discarded).await;
        };
        let connection = match self.connection_of_run(run).await? {
            Ok(connection) => connection,
            Err(why) => return self.save(stored, Event::PushRefused { why }).await,
        };
        let staged = self.blobs.look(PACKAGES, &package.blob).await?;
        let Some(staged) = staged.filter(|staged| staged.etag == package.etag) else {
            return self.save(stored, Event::Discarded).await;
        };
        let scale_unit = match self.service.prepare(&connection, (self.clock)()).await {
            Ok(scale_unit) => scale_unit,
            Err(trouble) => return self.save(stored, trouble.before_push()).await,
        };
        let before = stored.run.clone();
        let claimed = self.applied(before.clone(), Event::Claimed { scale_unit })?;
        let claim = match self.runs.claim(stored.clone(), claimed).await? {
            Claimed::Yours(claim) => claim,
            Claimed::Taken(by) => return self.save(stored, Event::SlotTaken { by }).await,
            Claimed::Lost => return Ok(Step::Resting),
        };
        tell(Some(&before), claim.run());
        let bytes = staged.bytes;
        let zip = verified(self.blobs.read(&staged), bytes, package.sha256);
        let now = (self.clock)();
        let limit = claim.run().time_left(now);
        let event = self.service.push(&claim, &connection, zip, bytes, limit, now).await;
        self.save(claim.into_stored(), event).await
    }

    pub(super) async fn ask(&self, stored: Stored) -> Result<Step> {
        let run = &stored.run;
        let now = (self.clock)();
        let connection = match self.connection_of_run(run).await? {
            Ok(connection) => connection,
            Err(why) => return self.save(stored, Event::Faulted { why, retry_at: None }).await,
        };
        let Some(id) = &run.ingestion else {
            let why = "the row has lost the ingestion's id".to_owned();
            return self.save(stored, Event::Faulted { why, retry_at: None }).await;
        };
        let event = match self.service.status(run, id, &connection, now).await {
            Ok(ingestion) if ingestion.status == Status::ValidationFailed => {
                let (report, detail) = match self.service.errors(run, id, &connection, now).await {
                    Ok(errors) if self.config.service.keep_errors => {
                        let report = format!("{}/service-errors.txt", run.id.key);
                        self.blobs.put(REPORTS, &report, "text/plain", errors).await?;
                        let detail = format!("its error file is {REPORTS}/{report}");
                        (Some(report), detail)
                    }
                    Ok(_) => (None, "its error file can be had in the portal".to_owned()),
                    Err(_) => {
                        (None, "its error file could not be had; the portal has it".to_owned())
                    }
                };
                Event::Said { status: ingestion.status, detail: Some(detail), report }
            }
            Ok(ingestion) => Event::Said { status: ingestion.status, detail: None, report: None },
            Err(trouble) => trouble.after_push(),
        };
        self.save(stored, event).await
    }
}

/// The staged zip as it was hashed when it was made. The last bytes are only let out once the
/// whole is known to be the same; otherwise the push is broken off and nothing is accepted.
fn verified(
    zip: impl Stream<Item = Result<Bytes>> + Send + 'static,
    bytes: u64,
    sha256: String,
) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    let mut hash = Sha256::new();
    let mut seen = 0;
    zip.map(move |chunk| {
        let chunk = chunk?;
        seen += chunk.len() as u64;
        hash.update(&chunk);
        if seen < bytes || (seen == bytes && format!("{:x}", hash.finalize_reset()) == sha256) {
            return Ok(chunk);
        }
        let why = "the staged zip is not what was staged";
        Err(Error::with_message(ErrorKind::DataConversion, why))
    })
}
