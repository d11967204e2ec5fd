//! A file made ready for a push, and pushed.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
    time::Duration,
};

use azure_core::{Error, error::ErrorKind};
use bytes::Bytes;
use futures::{Stream, TryStreamExt as _};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::io::ReaderStream;

use super::{
    Context, PushOptions, RuleOptions, caller, json_rows, name_of, of_report, poll::Followed,
};
use crate::{
    check::Report,
    config,
    connection::Connection,
    import::reason::Reason,
    messages,
    outcome::{CommandError, CommandOutput},
    schema::{PayloadFormat, ServiceIdentity, Target},
    target::{PushBody, PushOutcome, Service, Tracking},
};

/// How often a push is tried that surely was not taken.
const TRIES: u32 = 5;
/// A longer wait is not one that somebody expects who did not ask to wait.
const LONG: Duration = Duration::from_mins(2);
/// Bytes read at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// What a busy service means to somebody who does not wait.
const BUSY: &str = "the service has not finished the tenant's previous import, and takes one at a \
                    time; push again later, or with --wait";

/// What is pushed: in a file without a name, so that what was checked is what goes, and nothing
/// stays.
struct Ready {
    file: File,
    upload: PayloadFormat,
    /// What the check said; rows of JSON have no report.
    report: Option<Report>,
}

impl Context {
    /// Checks a file and pushes it.
    ///
    /// # Errors
    /// Why it could not be pushed, or that nobody knows whether it was.
    pub async fn push(&self, options: &PushOptions) -> Result<CommandOutput, CommandError> {
        let (caller, connection) = caller(&options.caller)?;
        let service = self.service(&options.caller)?;
        let file = name_of(&options.file);
        let ready = match self.ready(options, &caller, connection.as_ref())? {
            Ok(ready) => ready,
            Err(report) => return Ok(of_report(&report, &file)),
        };
        let unit = service
            .prepare(&caller, (self.clock)())
            .await
            .map_err(|error| self.not_reached(&error, &caller, &options.caller))?;
        let bytes = ready
            .file
            .metadata()
            .map_err(|error| CommandError::cannot_read(&options.file, &error))?
            .len();
        (self.tell)(&format!("pushing {bytes} bytes to scale unit {unit}"));
        let tracking = self.push_ready(&service, &caller, &unit, &ready, options).await?;
        let Some(Tracking { id, status }) = tracking else {
            let pushed = json!({ "file": file, "bytes": bytes });
            let text =
                format!("{file} ({bytes} bytes): taken; the service reports no outcome of it");
            return Ok(CommandOutput::done(text, pushed));
        };
        let ended = if options.follow.follow {
            (self.note)(&format!("taken as ingestion {id}"));
            let followed =
                Followed { context: self, service, caller, unit: unit.clone(), id: id.clone() };
            // Whatever is said from now on is not about the push, which was taken.
            followed.to_its_end(&options.follow).await.map_err(|denied| {
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
        options: &PushOptions,
    ) -> Result<Option<Tracking>, CommandError> {
        let policy = config::policy(|name| (self.setting)(name)).map_err(|it| it.to_string())?;
        let since = (self.clock)();
        let (mut failures, mut busy, mut is_fresh) = (0, 0, false);
        // Others of the tenant may wait for the same, and do not all ask again at once.
        let tried = (&caller.tenant, &options.file, std::process::id());
        loop {
            let parcel =
                parcel(ready).map_err(|error| CommandError::cannot_read(&options.file, &error))?;
            let limit = policy.step_timeout;
            let outcome = service.submit(caller, unit, parcel, limit, (self.clock)()).await;
            let now = (self.clock)();
            let left = Duration::try_from(since + policy.wait_deadline - now).unwrap_or_default();
            let waits = options.wait && !left.is_zero();
            let wait = match outcome {
                PushOutcome::Accepted { tracking } => return Ok(tracking),
                PushOutcome::Busy if waits => {
                    busy += 1;
                    (failures, is_fresh) = (0, false);
                    let wait = policy.busy_wait(&tried, busy).min(left);
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
                PushOutcome::NotSent { reason, retry_at } if waits || failures + 1 < TRIES => {
                    failures += 1;
                    let why = messages::cause(&reason, caller.target);
                    let wait = policy.retry_wait(&tried, failures, retry_at, now);
                    if retry_at.is_some() && wait.as_secs() > LONG.as_secs() && !options.wait {
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
                    let why = messages::cause(&reason, caller.target);
                    return Err(CommandError::Failed(format!("the push was not taken: {why}")));
                }
                PushOutcome::Unauthorized { status } => {
                    return Err(refused(&Reason::TokenRejected { status }, caller.target));
                }
                PushOutcome::Forbidden => return Err(refused(&Reason::Forbidden, caller.target)),
                PushOutcome::Rejected(reason) => return Err(refused(&reason, caller.target)),
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

fn refused(reason: &Reason, target: Target) -> CommandError {
    CommandError::Refused(messages::cause(reason, target))
}

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

impl Context {
    /// What is to be pushed, or the report of a check that refuses it.
    fn ready(
        &self,
        options: &PushOptions,
        caller: &ServiceIdentity,
        connection: Option<&Connection>,
    ) -> Result<Result<Ready, Report>, CommandError> {
        let path = &options.file;
        let upload = PayloadFormat::of_file(&name_of(path))
            .ok_or_else(|| format!("{} is neither a .zip nor a .csv or .json", path.display()))?;
        refuse_idle(&options.rules, options.force, upload)?;
        match upload {
            PayloadFormat::Zip => self.zip(options, caller, connection),
            PayloadFormat::Csv => self.csv(options, caller, connection),
            PayloadFormat::Json => self.rows(path).map(Ok),
        }
    }

    /// A zip goes as it is, and what is in it is what the service is told.
    fn zip(
        &self,
        options: &PushOptions,
        caller: &ServiceIdentity,
        connection: Option<&Connection>,
    ) -> Result<Result<Ready, Report>, CommandError> {
        let path = &options.file;
        let (mut asked, _) = self.asked(&options.rules, None, false)?;
        asked.dialect = connection.map(|connection| {
            connection.dialect.or_key(&config::mapping_key(|name| (self.setting)(name)))
        });
        let file = copied(path, asked.limits.max_file_bytes)?;
        (self.tell)("checking the zip");
        let fail = |error| CommandError::cannot_read(path, &error);
        let report = asked.check_zip(file.try_clone().map_err(fail)?).map_err(fail)?;
        let may_go = report.is_accepted() || (options.force && report.is_whole);
        if !may_go {
            return Ok(Err(report));
        }
        fits(path, &report.baseline.connector, caller)?;
        Ok(Ok(Ready { file, upload: PayloadFormat::Zip, report: Some(report) }))
    }

    /// A CSV is packed as its connection says, as a zip where only its mapping is known, and else
    /// its rows go by themselves.
    fn csv(
        &self,
        options: &PushOptions,
        caller: &ServiceIdentity,
        connection: Option<&Connection>,
    ) -> Result<Result<Ready, Report>, CommandError> {
        let path = &options.file;
        let (asked, connector) = self.asked(&options.rules, connection, false)?;
        let upload = match connection {
            Some(connection) => connection.upload,
            None if options.rules.mapping.is_some() => PayloadFormat::Zip,
            None => PayloadFormat::Csv,
        };
        if let Some(connector) = connector {
            fits(path, connector.as_ref(), caller)?;
        }
        let mut options = self.csv_options(&asked);
        options.connector = caller.connector;
        let mut file = tempfile::tempfile().map_err(|error| no_temporary(&error))?;
        let (report, packed) = self.pack_into(path, &mut file, &options, upload)?;
        Ok(match packed {
            Some(_) => Ok(Ready { file, upload, report: Some(report) }),
            None => Err(report),
        })
    }

    /// Rows that go as they are.
    fn rows(&self, path: &Path) -> Result<Ready, CommandError> {
        let limits = config::limits(|name| (self.setting)(name)).map_err(|it| it.to_string())?;
        let file = copied(path, limits.max_file_bytes)?;
        let rows =
            json_rows::count(&file).map_err(|error| CommandError::cannot_read(path, &error))?;
        rows.map_err(|why| CommandError::Refused(format!("{}: {why}", name_of(path))))?;
        Ok(Ready { file, upload: PayloadFormat::Json, report: None })
    }
}

/// A flag that means nothing to this kind of file is refused, for somebody counts on it.
fn refuse_idle(
    options: &RuleOptions,
    force: bool,
    upload: PayloadFormat,
) -> Result<(), CommandError> {
    let itself = "a .zip says itself what it is, and rows of .json go as they are";
    let idle = [
        ("--force", force && upload != PayloadFormat::Zip, "what is packed here has to be right"),
        ("--mapping", options.mapping.is_some() && upload != PayloadFormat::Csv, itself),
        ("--refresh", options.refresh.is_some() && upload != PayloadFormat::Csv, itself),
        ("--lenient", options.lenient && upload != PayloadFormat::Csv, itself),
        ("--baseline", options.baseline.is_some() && upload == PayloadFormat::Json, itself),
    ];
    match idle.iter().find(|(_, is_idle, _)| *is_idle) {
        Some((flag, _, why)) => {
            let word = upload.as_ref();
            Err(CommandError::Failed(format!("{flag} means nothing to a .{word}: {why}")))
        }
        None => Ok(()),
    }
}

/// A file is pushed to the connector it is for.
fn fits(path: &Path, is_for: &str, caller: &ServiceIdentity) -> Result<(), CommandError> {
    let connector = caller.connector.as_ref();
    if is_for == connector {
        return Ok(());
    }
    Err(CommandError::Refused(format!(
        "{}: it is for the connector {is_for}, and {connector} was named; say --connector {is_for}",
        name_of(path)
    )))
}

/// A copy without a name, which nobody can change.
fn copied(path: &Path, max_bytes: u64) -> Result<File, CommandError> {
    let fail = |error| CommandError::cannot_read(path, &error);
    let about = std::fs::metadata(path).map_err(fail)?;
    if !about.is_file() {
        return Err(CommandError::Failed(format!("{} is a folder or a pipe", path.display())));
    }
    let mut copy = tempfile::tempfile().map_err(|error| no_temporary(&error))?;
    let input = File::open(path).map_err(fail)?;
    let bytes = io::copy(&mut input.take(max_bytes.saturating_add(1)), &mut copy).map_err(fail)?;
    if bytes > max_bytes {
        return Err(CommandError::Refused(format!(
            "{}: it has more than {max_bytes} bytes, the most that is taken; raise MAX_FILE_BYTES if \
             the service takes more",
            name_of(path)
        )));
    }
    copy.seek(SeekFrom::Start(0)).map_err(|error| no_temporary(&error))?;
    Ok(copy)
}

fn no_temporary(error: &io::Error) -> CommandError {
    CommandError::Failed(format!("a temporary file could not be made: {error}"))
}
