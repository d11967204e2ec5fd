//! A file prepared for a push, and pushed.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
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
    Caller, Context, PushOptions, RuleOptions, caller, json_rows, name_of, of_report,
    pack::no_file,
    poll::{Followed, following, may_save, with_ticket},
};
use crate::{
    check::{FileCheck, Report},
    config,
    connection::Connection,
    import::reason::{Operation, Reason},
    messages,
    outcome::{CommandError, CommandOutput, Task, shown},
    schema::{PayloadFormat, ServiceIdentity, Target},
    target::{Client, PushBody, PushOutcome, Tracking, answer_text},
};

/// How often a push is sent that was certainly not accepted.
const TRIES: u32 = 5;
/// The longest wait without `--wait`.
const LONG: Duration = Duration::from_mins(2);
/// Bytes read at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// A busy service, without `--wait`.
const BUSY: &str = "the service is busy with the tenant's previous import, and it takes one at a \
                    time\nPush again later, or add `--wait`.";

/// The content of a push, in a file without a name: what was checked is what is sent, and nothing
/// stays on the disk.
struct Ready {
    file: File,
    upload: PayloadFormat,
    /// The report of the check; JSON rows have none.
    report: Option<Report>,
}

impl Context {
    /// Checks a file and pushes it.
    ///
    /// # Errors
    /// Why it was not pushed, or that the outcome is unknown.
    pub async fn push(&self, options: &PushOptions) -> Result<CommandOutput, CommandError> {
        may_save(&options.follow)?;
        let (caller, connection) = caller(&options.caller)?;
        let service = self.service(&options.caller)?;
        let file = name_of(&options.file);
        let ready = match self.ready(options, &caller, connection.as_ref())? {
            Ok(ready) => ready,
            Err(report) => return Ok(of_report(&report, &file, self.layout)),
        };
        let task = self.progress.spinner("Signing in and finding the tenant's scale unit");
        let client = service.client(&caller, (self.clock)());
        let unit = client
            .prepare()
            .await
            .map_err(|error| self.not_reached(&error, &client, &options.caller))?;
        drop(task);
        let bytes = ready
            .file
            .metadata()
            .map_err(|error| CommandError::cannot_read(&options.file, &error))?
            .len();
        let tracking = self.push_ready(&client, &unit, &ready, options).await;
        let tracking = tracking.map_err(|error| with_ticket(error, &client))?;
        let Some(Tracking { id, status }) = tracking else {
            let pushed = json!({ "file": file, "bytes": bytes });
            let text = format!("Accepted: {file} ({bytes} bytes). The service reports no status.");
            return Ok(CommandOutput::done(text, pushed));
        };
        let flags = &options.caller.flags;
        let ingestion =
            Followed { context: self, service, caller, unit: unit.clone(), id: id.clone(), flags };
        let ended = if options.follow.follow {
            self.progress.line(&following(&id, "Accepted as ingestion"));
            // An error from now on is not about the push, which was accepted.
            ingestion.result(&options.follow).await.map_err(|error| {
                CommandError::Failed(format!(
                    "{file} was accepted as ingestion {id}, but its status is unknown: {error}\n\
                     Poll it: `{}`",
                    ingestion.command("status", None)
                ))
            })?
        } else {
            let text = format!("See its status: `{}`", ingestion.command("status", None));
            let json = json!({ "ingestionId": id.0, "status": status.to_string() });
            CommandOutput::done(text, json)
        };
        let pushed = json!({ "file": file, "bytes": bytes, "scaleUnit": unit });
        let report = ready.report.map(|report| of_report(&report, &file, self.layout));
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
            "{checked}Accepted as ingestion {id}: {file} ({bytes} bytes, scale unit {unit})\n{}",
            ended.text
        );
        Ok(CommandOutput::judged(text, json, ended.is_done))
    }

    /// Sends the push, again if it was certainly not accepted. Returns how to follow it.
    async fn push_ready(
        &self,
        client: &Client<'_>,
        unit: &str,
        ready: &Ready,
        options: &PushOptions,
    ) -> Result<Option<Tracking>, CommandError> {
        let caller = client.caller();
        let policy = config::policy(|name| (self.setting)(name)).map_err(|it| it.to_string())?;
        let since = (self.clock)();
        let (mut failures, mut busy, mut is_fresh) = (0, 0, false);
        let (mut busy_is_reported, mut failure_is_reported) = (false, false);
        // Spreads the retries of several commands that wait for the same tenant.
        let tried = (&caller.tenant, &options.file, std::process::id());
        let what = format!("Sending {}", name_of(&options.file));
        loop {
            let task =
                self.progress.bytes(what.clone(), ready.file.metadata().ok().map(|it| it.len()));
            let body = body(ready, &task)
                .map_err(|error| CommandError::cannot_read(&options.file, &error))?;
            let limit = policy.step_timeout;
            let outcome = client.submit(unit, body, limit).await;
            drop(task);
            if options.show_answer
                && let Some(answer) = client.last_answer()
            {
                // A reader that is gone is no reason to stop.
                let _ = writeln!(
                    io::stderr(),
                    "The answer to the push: {}",
                    answer_text(&answer, true)
                );
            }
            let now = (self.clock)();
            let left = Duration::try_from(since + policy.wait_deadline - now).unwrap_or_default();
            let waits = options.wait && !left.is_zero();
            let (wait, _waiting) = match outcome {
                PushOutcome::Accepted { tracking } => return Ok(tracking),
                PushOutcome::Busy if waits => {
                    busy += 1;
                    (failures, is_fresh) = (0, false);
                    let wait = policy.busy_wait(&tried, busy).min(left);
                    let why = format!(
                        "The service is busy with the tenant's previous import. Pushing again until \
                         it is accepted, for {} s at most.",
                        left.as_secs()
                    );
                    (wait, self.progress.wait(&why, &mut busy_is_reported))
                }
                PushOutcome::Busy if options.wait => {
                    return Err(CommandError::Failed(format!(
                        "the service is still busy with the tenant's previous import after {} \
                         s\nPush again later, or raise QUEUE_TIMEOUT_SECONDS.",
                        policy.wait_deadline.as_secs()
                    )));
                }
                PushOutcome::Busy => return Err(CommandError::Failed(BUSY.to_owned())),
                // The present token was discarded: the next one is new.
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
                            "{why}; it asks for a pause of {} s\nPush again then, or add `--wait`.",
                            wait.as_secs()
                        )));
                    }
                    let why = format!("{why}; pushing again in {} s", wait.as_secs());
                    (wait, self.progress.wait(&why, &mut failure_is_reported))
                }
                PushOutcome::NotSent { reason, .. } => {
                    let why = messages::cause(&reason, caller.target);
                    return Err(not_accepted(&why));
                }
                PushOutcome::Unauthorized { status } => {
                    return Err(rejected(&Reason::TokenRejected { status }, caller.target));
                }
                PushOutcome::Forbidden { token_tenant } => {
                    return Err(rejected(&Reason::Forbidden { token_tenant }, caller.target));
                }
                PushOutcome::Rejected(reason) => return Err(rejected(&reason, caller.target)),
                PushOutcome::OutcomeUnknown(cause) => {
                    return Err(CommandError::Failed(format!(
                        "it is unknown whether the service accepted the push: {}\nPush it again: \
                         that does no harm. If the service is busy then, it probably accepted the \
                         first push.",
                        messages::no_outcome(&cause)
                    )));
                }
                PushOutcome::AnswerUnreadable { status, detail } => {
                    let reason = Reason::PushAnswerUnreadable { status, detail };
                    let why = messages::cause(&reason, caller.target);
                    return Err(CommandError::Failed(why));
                }
                PushOutcome::Failed { status, codes } => {
                    let operation = Operation::Push;
                    let reason = Reason::ServiceRefused { operation, status, codes };
                    return Err(not_accepted(&messages::cause(&reason, caller.target)));
                }
            };
            sleep(wait).await;
        }
    }
}

fn rejected(reason: &Reason, target: Target) -> CommandError {
    CommandError::Refused(messages::cause(reason, target))
}

fn not_accepted(why: &str) -> CommandError {
    CommandError::Failed(format!("the service did not accept the push: {why}\nPush again later."))
}

/// The file from its beginning, as a stream that counts.
fn body(
    ready: &Ready,
    task: &Task,
) -> io::Result<PushBody<impl Stream<Item = azure_core::Result<Bytes>> + Send + use<>>> {
    let mut file = ready.file.try_clone()?;
    file.seek(SeekFrom::Start(0))?;
    let bytes = file.metadata()?.len();
    let count = task.counter();
    let content = ReaderStream::with_capacity(tokio::fs::File::from_std(file), CHUNK_BYTES);
    let content = content
        .inspect_ok(move |chunk| count(chunk.len() as u64))
        .map_err(|error| Error::new(ErrorKind::Io, error));
    Ok(PushBody { upload: ready.upload, bytes, content })
}

impl Context {
    /// The content of the push, or the report of a check that rejects it.
    fn ready(
        &self,
        options: &PushOptions,
        caller: &ServiceIdentity,
        connection: Option<&Connection>,
    ) -> Result<Result<Ready, Report>, CommandError> {
        let path = &options.file;
        let upload = PayloadFormat::of_file(&name_of(path)).ok_or_else(|| {
            format!(
                "{} cannot be pushed\nOnly a .zip, .csv or .json file can be pushed.",
                shown(path)
            )
        })?;
        without_effect(options, upload)?;
        match upload {
            PayloadFormat::Zip => self.zip(options, caller, connection),
            PayloadFormat::Csv => self.csv(options, caller, connection),
            PayloadFormat::Json => self.rows(path).map(Ok),
        }
    }

    /// A zip is sent as it is.
    fn zip(
        &self,
        options: &PushOptions,
        caller: &ServiceIdentity,
        connection: Option<&Connection>,
    ) -> Result<Result<Ready, Report>, CommandError> {
        let path = &options.file;
        let (mut asked, _) = self.asked(&options.rules, None, false)?;
        if let Some(connection) = connection {
            let key = config::mapping_key(|name| (self.setting)(name));
            asked.dialect = Some(connection.dialect.or_key(&key));
        }
        let file = copied(path, asked.limits.max_file_bytes)?;
        let _task = self.progress.spinner(format!("Checking {}", name_of(path)));
        let fail = |error| CommandError::cannot_read(path, &error);
        let report = asked.check_zip(file.try_clone().map_err(fail)?).map_err(fail)?;
        let is_allowed = report.is_accepted() || (options.allow_rejected && report.is_whole);
        if !is_allowed {
            return Ok(Err(report));
        }
        fits(path, &report.baseline.connector, caller)?;
        Ok(Ok(Ready { file, upload: PayloadFormat::Zip, report: Some(report) }))
    }

    /// A CSV is packed in the format of its connection, or into a zip if only its mapping is known.
    /// Otherwise its rows are sent without a zip.
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
        agrees(options, &asked, connection, upload)?;
        let mut options = self.csv_options(&options.rules, &asked, upload)?;
        options.connector = caller.connector;
        let mut file = tempfile::tempfile().map_err(|error| no_temporary(&error))?;
        let (report, packed) = self.pack_into(path, &mut file, &options, upload)?;
        Ok(match packed {
            Some(_) => Ok(Ready { file, upload, report: Some(report) }),
            None => Err(report),
        })
    }

    /// JSON rows are sent as they are.
    fn rows(&self, path: &Path) -> Result<Ready, CommandError> {
        let limits = config::limits(|name| (self.setting)(name)).map_err(|it| it.to_string())?;
        let file = copied(path, limits.max_file_bytes)?;
        let _task = self.progress.spinner(format!("Checking {}", name_of(path)));
        let rows =
            json_rows::count(&file).map_err(|error| CommandError::cannot_read(path, &error))?;
        rows.map_err(|why| CommandError::Refused(format!("{}: {why}", name_of(path))))?;
        Ok(Ready { file, upload: PayloadFormat::Json, report: None })
    }
}

/// A flag without effect on this kind of file is an error: who sets it relies on it.
fn without_effect(options: &PushOptions, upload: PayloadFormat) -> Result<(), CommandError> {
    let RuleOptions { mapping, refresh, lenient, baseline } = &options.rules;
    let (is_csv, is_zip) = (upload == PayloadFormat::Csv, upload == PayloadFormat::Zip);
    let unpacked = "a .zip brings its own metadata.json, and .json rows are sent as they are";
    let packed = "only a .zip can be pushed although the check rejects it";
    let unchecked = ".json rows are not compared";
    let followed = "without `--follow` there is no error file yet";
    let flags = [
        ("--allow-rejected", options.allow_rejected && !is_zip, packed),
        ("--mapping", mapping.is_some() && !is_csv, unpacked),
        ("--refresh", refresh.is_some() && !is_csv, unpacked),
        ("--lenient", *lenient && !is_csv, unpacked),
        ("--baseline", baseline.is_some() && upload == PayloadFormat::Json, unchecked),
        ("--errors", options.follow.errors.is_some() && !options.follow.follow, followed),
    ];
    match flags.iter().find(|(_, has_no_effect, _)| *has_no_effect) {
        Some((flag, _, why)) => {
            let word = upload.as_ref();
            Err(CommandError::Failed(format!(
                "{flag} has no effect on this .{word} file: {why}\nRemove {flag}."
            )))
        }
        None => Ok(()),
    }
}

/// A metadata.json that is sent as it is has the refresh of the connection, unless `--refresh` names another.
fn agrees(
    options: &PushOptions,
    asked: &FileCheck,
    connection: Option<&Connection>,
    upload: PayloadFormat,
) -> Result<(), CommandError> {
    let (Some(connection), Some(given)) = (connection, &asked.given) else { return Ok(()) };
    let (Some(mapping), Caller::Connection(path)) =
        (&options.rules.mapping, &options.caller.caller)
    else {
        return Ok(());
    };
    let is_chosen = options.rules.refresh.is_some() || upload != PayloadFormat::Zip;
    if is_chosen || !given.contradicts(connection.refresh) {
        return Ok(());
    }
    let (path, mapping) = (shown(path), shown(mapping));
    let (ours, theirs) = (connection.refresh.as_ref(), given.refresh.as_ref());
    Err(CommandError::Failed(format!(
        "{path} names the refresh {ours}, and {mapping}, which is sent as it is, names {theirs}\nCorrect \
         IsBootstrap in {mapping}, or confirm it: add `--refresh {theirs}`."
    )))
}

/// A file is pushed only to its own connector.
fn fits(path: &Path, own: &str, caller: &ServiceIdentity) -> Result<(), CommandError> {
    let connector = caller.connector.as_ref();
    if own == connector {
        return Ok(());
    }
    Err(CommandError::Refused(format!(
        "{} is for the {own} connector, and the command names {connector}\nAdd `--connector {own}`.",
        name_of(path)
    )))
}

/// A copy without a name, which no other program can change.
fn copied(path: &Path, max_bytes: u64) -> Result<File, CommandError> {
    let fail = |error| CommandError::cannot_read(path, &error);
    let about = std::fs::metadata(path).map_err(fail)?;
    if !about.is_file() {
        return Err(no_file(path));
    }
    let mut copy = tempfile::tempfile().map_err(|error| no_temporary(&error))?;
    let input = File::open(path).map_err(fail)?;
    let bytes = io::copy(&mut input.take(max_bytes.saturating_add(1)), &mut copy).map_err(fail)?;
    if bytes > max_bytes {
        return Err(CommandError::Refused(format!(
            "{} has more than {max_bytes} bytes, which is the limit\nRaise MAX_FILE_BYTES if the \
             service accepts more.",
            name_of(path)
        )));
    }
    copy.seek(SeekFrom::Start(0)).map_err(|error| no_temporary(&error))?;
    Ok(copy)
}

fn no_temporary(error: &io::Error) -> CommandError {
    CommandError::Failed(format!(
        "no temporary file can be created: {error}\nFree space in the folder for temporary files, or \
         set TMPDIR (on Windows TMP) to another one."
    ))
}
