//! A file checked, and pushed.

use std::{
    fs::File,
    io::{Seek as _, SeekFrom},
    path::Path,
};

use azure_core::{Error, error::ErrorKind};
use bytes::Bytes;
use futures::{Stream, TryStreamExt as _};
use serde_json::json;
use tokio::time::sleep;
use tokio_util::io::ReaderStream;

use super::{Desk, ask::denied, caller::caller, follow::Followed, json_rows, name_of, of_report};
use crate::{
    cli::{self, Denied, Outcome},
    config,
    connection::{Caller, Connection, Upload},
    ingestion::{Parcel, Service, wire::Status},
    run::{Event, IngestionId},
};

/// How often a push is tried that surely was not taken.
const TRIES: u32 = 5;
/// Bytes read at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// What is pushed, in a file that nobody else has a name for, or as it lies there.
struct Ready {
    file: File,
    upload: Upload,
}

impl Desk {
    /// Checks a file and pushes it.
    ///
    /// # Errors
    /// Why it could not be pushed, or that nobody knows whether it was.
    pub(super) async fn push(&self, wishes: &cli::Push) -> Result<Outcome, Denied> {
        let (caller, connection) = caller(&wishes.caller)?;
        let service = self.service(&wishes.caller)?;
        let ready = match self.ready(wishes, &caller, connection.as_ref())? {
            Ok(ready) => ready,
            Err(report) => return Ok(report),
        };
        let unit = service.prepare(&caller, (self.clock)()).await.map_err(denied)?;
        let bytes =
            ready.file.metadata().map_err(|error| Denied::cannot_read(&wishes.file, &error))?.len();
        (self.tell)(&format!("pushing {bytes} bytes to scale unit {unit}"));
        let (id, status) = self.push_ready(&service, &caller, &unit, &ready, wishes).await?;
        let file = name_of(&wishes.file);
        let mut outcome = if wishes.follow.follow {
            (self.tell)(&format!("taken as ingestion {id}"));
            let followed =
                Followed { desk: self, service: &service, caller: &caller, unit: &unit, id: &id };
            let followed = followed.to_its_end(&wishes.follow).await;
            let taken = format!("{file} was taken as ingestion {id}, but");
            followed.map_err(|denied| denied.after(&taken))?
        } else {
            let text = format!("`viva-import status {id}` tells what becomes of it");
            let json = json!({ "ingestionId": id.0, "status": status.to_string() });
            Outcome::done(text, json)
        };
        outcome.text = format!(
            "{file} ({bytes} bytes): taken as ingestion {id} of scale unit {unit}\n{}",
            outcome.text
        );
        outcome.json["file"] = json!(file);
        outcome.json["bytes"] = json!(bytes);
        outcome.json["scaleUnit"] = json!(unit);
        Ok(outcome)
    }

    /// What is to be pushed, or that the check refuses it.
    fn ready(
        &self,
        wishes: &cli::Push,
        caller: &Caller,
        connection: Option<&Connection>,
    ) -> Result<Result<Ready, Outcome>, Denied> {
        let path = &wishes.file;
        match Upload::of_file(&name_of(path)) {
            Some(Upload::Zip) => self.zip(wishes, caller),
            Some(Upload::Csv) => self.csv(wishes, caller, connection),
            Some(Upload::Json) => rows(path),
            None => Err(Denied::Failed(format!(
                "{} is neither a .zip nor a .csv or .json",
                path.display()
            ))),
        }
    }

    /// A zip goes as it is, and what is in it is what the service is told.
    fn zip(&self, wishes: &cli::Push, caller: &Caller) -> Result<Result<Ready, Outcome>, Denied> {
        let path = &wishes.file;
        let file = File::open(path).map_err(|error| Denied::cannot_read(path, &error))?;
        (self.tell)("checking the zip");
        let report = self.asked(&wishes.terms, None, false)?.check(path)?;
        let (is_for, connector) = (&report.summary.connector, caller.connector.word());
        if is_for != connector {
            return Err(Denied::Refused(format!(
                "{}: its DatasetType is {is_for} and the connector is {connector}; name the one it \
                 is for with --connector",
                name_of(path)
            )));
        }
        let may_go = report.is_accepted() || (wishes.force && report.is_whole);
        Ok(if may_go {
            Ok(Ready { file, upload: Upload::Zip })
        } else {
            Err(of_report(&report, &name_of(path)))
        })
    }

    /// A CSV is packed as its connection says, as a zip where only its mapping is known, and else
    /// goes by itself.
    fn csv(
        &self,
        wishes: &cli::Push,
        caller: &Caller,
        connection: Option<&Connection>,
    ) -> Result<Result<Ready, Outcome>, Denied> {
        let path = &wishes.file;
        let asked = self.asked(&wishes.terms, wishes.caller.connection.as_ref(), false)?;
        let upload = match connection {
            Some(connection) => connection.upload,
            None if wishes.terms.mapping.is_some() => Upload::Zip,
            None => Upload::Csv,
        };
        let mut terms = self.terms(&asked)?;
        terms.connector = caller.connector;
        let temporary = |error| format!("a temporary file could not be made: {error}");
        let mut file = tempfile::tempfile().map_err(temporary)?;
        let (report, packed) = self.pack_into(path, &mut file, &terms, upload, path)?;
        Ok(match packed {
            Some(_) => Ok(Ready { file, upload }),
            None => Err(of_report(&report, &name_of(path))),
        })
    }

    /// Pushes, again where it surely was not taken.
    async fn push_ready(
        &self,
        service: &Service,
        caller: &Caller,
        unit: &str,
        ready: &Ready,
        wishes: &cli::Push,
    ) -> Result<(IngestionId, Status), Denied> {
        let policy = config::policy(|name| (self.setting)(name)).map_err(|it| it.join("; "))?;
        let since = (self.clock)();
        let (mut failures, mut busy, mut is_fresh) = (0, 0, false);
        loop {
            let now = (self.clock)();
            let parcel =
                parcel(ready).map_err(|error| Denied::cannot_read(&wishes.file, &error))?;
            let limit = policy.step_timeout;
            let event = service.push_by_hand(caller, unit, parcel, limit, now).await;
            let wait = match event {
                Event::Accepted { id, status } => return Ok((id, status)),
                Event::Busy if wishes.wait && now < since + policy.wait_deadline => {
                    busy += 1;
                    let wait = policy.busy_pause(busy);
                    (self.tell)(&format!(
                        "the service is busy with the tenant's previous import; asked again in {} s",
                        wait.as_secs()
                    ));
                    wait
                }
                Event::Busy => return Err(Denied::Failed(BUSY.to_owned())),
                // The one at hand was forgotten: the next one is fresh.
                Event::TokenRefused { .. } if !is_fresh => {
                    is_fresh = true;
                    continue;
                }
                Event::NotSent { why, retry_at } if failures < TRIES => {
                    failures += 1;
                    (self.tell)(&format!("{why}; tried again"));
                    let retry = retry_at.and_then(|at| (at - now).try_into().ok());
                    retry.unwrap_or_else(|| policy.pause(failures))
                }
                Event::TokenRefused { why }
                | Event::Forbidden { why }
                | Event::PushRefused { why } => return Err(Denied::Refused(why)),
                Event::AnswerLost { why } => {
                    return Err(Denied::Failed(format!(
                        "nobody knows whether the push arrived: {why}. Pushing it again does no \
                         harm; a busy service then means that it probably did"
                    )));
                }
                Event::NotSent { why, .. } | Event::PushFailed { why } => {
                    return Err(Denied::Failed(format!("the push was not taken: {why}")));
                }
                Event::Began
                | Event::Packed { .. }
                | Event::Refused { .. }
                | Event::Asked { .. }
                | Event::Replaced { .. }
                | Event::Overtaken { .. }
                | Event::Behind { .. }
                | Event::Paused { .. }
                | Event::SlotTaken { .. }
                | Event::Claimed { .. }
                | Event::Said { .. }
                | Event::Faulted { .. }
                | Event::Discarded => {
                    return Err(Denied::Failed("what came of the push is no answer".to_owned()));
                }
            };
            sleep(wait).await;
        }
    }
}

/// What a busy service means to somebody who does not wait.
const BUSY: &str = "the service has not finished the tenant's previous import, and takes one at a \
                    time; push again later, or with --wait";

/// Rows that go as they are.
fn rows(path: &Path) -> Result<Result<Ready, Outcome>, Denied> {
    let fail = |error| Denied::cannot_read(path, &error);
    let file = File::open(path).map_err(fail)?;
    Ok(match json_rows::count(&file).map_err(fail)? {
        Ok(_) => Ok(Ready { file, upload: Upload::Json }),
        Err(why) => return Err(Denied::Refused(format!("{}: {why}", name_of(path)))),
    })
}

/// The file from its beginning, as a stream.
fn parcel(
    ready: &Ready,
) -> std::io::Result<Parcel<impl Stream<Item = azure_core::Result<Bytes>> + Send + 'static>> {
    let mut file = ready.file.try_clone()?;
    file.seek(SeekFrom::Start(0))?;
    let bytes = file.metadata()?.len();
    let content = ReaderStream::with_capacity(tokio::fs::File::from_std(file), CHUNK_BYTES);
    let content = content.map_err(|error| Error::new(ErrorKind::Io, error));
    Ok(Parcel { upload: ready.upload, bytes, content })
}
