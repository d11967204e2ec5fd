//! A file checked, and pushed.

use std::{
    io::{self, Seek as _, SeekFrom},
    time::Duration,
};

use azure_core::{Error, error::ErrorKind};
use bytes::Bytes;
use futures::{Stream, TryStreamExt as _};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::io::ReaderStream;

use super::{Desk, PushOptions, caller::caller, name_of, of_report};
use crate::{
    commands::{poll::Followed, push_body::Ready, service_queries::denied},
    config,
    import::reason::Reason,
    messages,
    outcome::{CommandError, CommandOutput},
    schema::{ServiceIdentity, Target},
    target::{
        PushOutcome, Tracking,
        viva::{PushBody, Service},
    },
};

/// How often a push is tried that surely was not taken.
const TRIES: u32 = 5;
/// A longer wait is not one that somebody expects who did not wish to wait.
const LONG: Duration = Duration::from_mins(2);
/// Bytes read at a time.
const CHUNK_BYTES: usize = 256 << 10;

impl Desk {
    /// Checks a file and pushes it.
    ///
    /// # Errors
    /// Why it could not be pushed, or that nobody knows whether it was.
    pub async fn push(&self, wishes: &PushOptions) -> Result<CommandOutput, CommandError> {
        let (caller, connection) = caller(&wishes.caller)?;
        let service = self.service(&wishes.caller)?;
        let file = name_of(&wishes.file);
        let ready = match self.ready(wishes, &caller, connection.as_ref())? {
            Ok(ready) => ready,
            Err(report) => return Ok(of_report(&report, &file)),
        };
        let unit =
            service.prepare(&caller, (self.clock)()).await.map_err(|trouble| denied(&trouble))?;
        let bytes = ready
            .file
            .metadata()
            .map_err(|error| CommandError::cannot_read(&wishes.file, &error))?
            .len();
        (self.tell)(&format!("pushing {bytes} bytes to scale unit {unit}"));
        let tracking = self.push_ready(&service, &caller, &unit, &ready, wishes).await?;
        let Some(Tracking { id, status }) = tracking else {
            let pushed = json!({ "file": file, "bytes": bytes });
            let text =
                format!("{file} ({bytes} bytes): taken; the service reports no outcome of it");
            return Ok(CommandOutput::done(text, pushed));
        };
        let ended = if wishes.follow.follow {
            (self.note)(&format!("taken as ingestion {id}"));
            let followed =
                Followed { desk: self, service, caller, unit: unit.clone(), id: id.clone() };
            // Whatever is said from now on is not about the push, which was taken.
            followed.to_its_end(&wishes.follow).await.map_err(|denied| {
                CommandError::Failed(format!(
                    "{file} was taken as ingestion {id}, but what becomes of it could not be \
                     asked: {denied}"
                ))
            })?
        } else {
            let text = format!("`viva-import status {id}` tells what becomes of it");
            let json = json!({ "ingestionId": id.0, "status": status.to_string() });
            CommandOutput::done(text, json)
        };
        let pushed = json!({ "file": file, "bytes": bytes, "scaleUnit": unit });
        let report = ready.report.map(|report| of_report(&report, &file));
        let (checked, mut json) = report.map_or_else(
            || (String::new(), json!({})),
            |report| (format!("{}\n\n", report.text.trim_end()), report.json),
        );
        for answer in [pushed, ended.json] {
            if let (Some(all), Value::Object(more)) = (json.as_object_mut(), answer) {
                all.extend(more);
            }
        }
        let text = format!(
            "{checked}{file} ({bytes} bytes): taken as ingestion {id} of scale unit {unit}\n{}",
            ended.text
        );
        Ok(CommandOutput { text, json, is_done: ended.is_done })
    }

    /// Pushes, again where it surely was not taken; how to ask what becomes of it.
    async fn push_ready(
        &self,
        service: &Service,
        caller: &ServiceIdentity,
        unit: &str,
        ready: &Ready,
        wishes: &PushOptions,
    ) -> Result<Option<Tracking>, CommandError> {
        let policy = config::policy(|name| (self.setting)(name)).map_err(|it| it.to_string())?;
        let since = (self.clock)();
        let (mut failures, mut busy, mut is_fresh) = (0, 0, false);
        loop {
            let now = (self.clock)();
            let parcel =
                parcel(ready).map_err(|error| CommandError::cannot_read(&wishes.file, &error))?;
            let limit = policy.step_timeout;
            let outcome = service.submit(caller, unit, parcel, limit, now).await;
            let wait = match outcome {
                PushOutcome::Accepted { tracking } => return Ok(tracking),
                PushOutcome::Busy if wishes.wait && now < since + policy.wait_deadline => {
                    busy += 1;
                    let wait = policy.busy_pause(busy);
                    (self.tell)(&format!(
                        "the service is busy with the tenant's previous import; asked again in {} s",
                        wait.as_secs()
                    ));
                    wait
                }
                PushOutcome::Busy => return Err(CommandError::Failed(BUSY.to_owned())),
                // The one at hand was forgotten: the next one is fresh.
                PushOutcome::Unauthorized { .. } if !is_fresh => {
                    is_fresh = true;
                    continue;
                }
                PushOutcome::NotSent { reason, retry_at } if failures < TRIES => {
                    failures += 1;
                    let why = messages::cause(&reason, Target::Viva);
                    let retry = retry_at.and_then(|at| (at - now).try_into().ok());
                    let wait = retry.unwrap_or_else(|| policy.pause(failures));
                    if wait > LONG && !wishes.wait {
                        return Err(CommandError::Failed(format!(
                            "{why}, and wants to be asked again in {} s; push again then, or with \
                             --wait",
                            wait.as_secs()
                        )));
                    }
                    (self.tell)(&format!("{why}; tried again in {} s", wait.as_secs()));
                    wait
                }
                PushOutcome::NotSent { reason, .. } => {
                    let why = messages::cause(&reason, Target::Viva);
                    return Err(CommandError::Failed(format!("the push was not taken: {why}")));
                }
                PushOutcome::Unauthorized { status } => {
                    return Err(refused(&Reason::TokenRejected { status }));
                }
                PushOutcome::Forbidden => return Err(refused(&Reason::Forbidden)),
                PushOutcome::Rejected(reason) => return Err(refused(&reason)),
                PushOutcome::OutcomeUnknown(cause) => {
                    return Err(CommandError::Failed(format!(
                        "nobody knows whether the push arrived: {}. Pushing it again does no harm; \
                         a busy service then means that it probably did",
                        messages::no_outcome(&cause)
                    )));
                }
                PushOutcome::Failed { status } => {
                    return Err(CommandError::Failed(format!(
                        "the push was not taken: the service answered {status} to the push"
                    )));
                }
            };
            sleep(wait).await;
        }
    }
}

fn refused(reason: &Reason) -> CommandError {
    CommandError::Refused(messages::cause(reason, Target::Viva))
}

/// What a busy service means to somebody who does not wait.
const BUSY: &str = "the service has not finished the tenant's previous import, and takes one at a \
                    time; push again later, or with --wait";

/// The file from its beginning, as a stream.
fn parcel(
    ready: &Ready,
) -> io::Result<PushBody<impl Stream<Item = azure_core::Result<Bytes>> + Send + 'static>> {
    let mut file = ready.file.try_clone()?;
    file.seek(SeekFrom::Start(0))?;
    let bytes = file.metadata()?.len();
    let content = ReaderStream::with_capacity(tokio::fs::File::from_std(file), CHUNK_BYTES);
    let content = content.map_err(|error| Error::new(ErrorKind::Io, error));
    Ok(PushBody { upload: ready.upload, bytes, content })
}
