//! Requests that push nothing: ping, status, errors; and following an ingestion until it is finished.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::json;
use tokio::time::sleep;

use super::{Caller, CallerOptions, Context, FollowOptions, caller};
use crate::{
    config,
    import::{IngestionId, Status, reason::Reason},
    messages,
    outcome::{Argument, CommandError, CommandOutput, Readers, command_line, save, shown},
    schema::{Credential, ServiceIdentity},
    target::{Client, MAX_ERRORS_BYTES, Ping, Polled, Service, ServiceError},
};

/// What `Completed` means.
const COMPLETED: &str = "The service has accepted the file. It processes the file for some hours \
                         more; only the portal shows whether that fails.";

/// How often the service may fail a poll in a row for no temporary reason, before that is believed.
const TRIES: u32 = 5;

/// An ingestion, with all that a poll needs.
pub(super) struct Followed<'a> {
    pub(super) context: &'a Context,
    pub(super) service: Service,
    pub(super) caller: ServiceIdentity,
    pub(super) unit: String,
    pub(super) id: IngestionId,
    /// The flags of a command that names the same caller.
    pub(super) flags: &'a str,
}

impl Followed<'_> {
    /// Its status; with `follow`, its last one.
    ///
    /// # Errors
    /// The service cannot be asked, or the ingestion takes too long.
    pub(super) async fn result(
        &self,
        options: &FollowOptions,
    ) -> Result<CommandOutput, CommandError> {
        let Self { context, service, caller, unit, id, .. } = self;
        let policy = config::policy(|name| (context.setting)(name)).map_err(|it| it.to_string())?;
        let since = (context.clock)();
        let task = context.progress.spinner(format!("Polling ingestion {id}"));
        let (mut failures, mut refusals, mut is_reported) = (0, 0, false);
        let mut known = None;
        loop {
            let client = service.client(caller, (context.clock)());
            let polled = client.poll(Some(unit), id, known).await;
            let now = (context.clock)();
            let wait = match polled {
                Ok(Polled { status, path }) => {
                    known = Some(path);
                    task.show(format!("Following ingestion {id}: {status}"));
                    (failures, refusals) = (0, 0);
                    let is_over = matches!(
                        status,
                        Status::Completed | Status::ValidationFailed | Status::UnknownEnd(_)
                    );
                    if is_over || !options.follow {
                        drop(task);
                        return self.output(&status, options).await;
                    }
                    policy.poll_wait(since, now)
                }
                // Perhaps it passes: the ingestion does not depend on it.
                Err(error) if options.follow && may_pass(&error, refusals) => {
                    failures += 1;
                    refusals += u32::from(!matches!(error, ServiceError::Later { .. }));
                    let why = messages::cause(&error.reason(), caller.target);
                    let wait = policy.retry_wait(&id.0, failures, error.retry_at(), now);
                    let why = format!("{why}; polling again in {} s", wait.as_secs());
                    context.progress.report(&why, &mut is_reported);
                    task.show(why);
                    wait
                }
                Err(error) => return Err(denied(&error, &client)),
            };
            let left = since + policy.ingestion_deadline - now;
            let Ok(left) = Duration::try_from(left) else {
                return Err(CommandError::Failed(format!(
                    "ingestion {id} is not finished after {} s\nPoll it later: `{}`",
                    policy.ingestion_deadline.as_secs(),
                    self.command("status", None)
                )));
            };
            sleep(wait.min(left)).await;
        }
    }

    async fn output(
        &self,
        status: &Status,
        options: &FollowOptions,
    ) -> Result<CommandOutput, CommandError> {
        let id = &self.id;
        let mut json = json!({ "ingestionId": id.0, "status": status.to_string() });
        Ok(match status {
            Status::Completed => CommandOutput::done(format!("Completed: {COMPLETED}"), json),
            Status::ValidationFailed => {
                let path = options.errors.clone().unwrap_or_else(|| self.errors_file());
                let save = || format!("Save it: `{}`", self.command("errors", Some(&path)));
                let text = if options.follow || options.errors.is_some() {
                    match self.save_errors(&path, options.force).await {
                        Ok(bytes) => {
                            json["errors"] = json!(path.display().to_string());
                            format!(
                                "The error file is saved as {} ({bytes} bytes{}). It may quote the \
                                 data.",
                                shown(&path),
                                cut(bytes)
                            )
                        }
                        Err(error) => {
                            let why = error.to_string().replace('\n', ". ");
                            format!(
                                "The error file could not be saved: {why}\n{}, or open it in the \
                                 portal.",
                                save()
                            )
                        }
                    }
                } else {
                    format!("The service has an error file. {}", save())
                };
                CommandOutput::judged(format!("ValidationFailed: {text}"), json, false)
            }
            Status::UnknownEnd(word) => {
                let reason = Reason::UndocumentedEnd { status: word.clone() };
                let text = messages::cause(&reason, self.caller.target);
                CommandOutput::judged(text, json, false)
            }
            Status::NotStarted | Status::ExtractionComplete | Status::Unknown(_) => {
                let text = format!("{status}: The service is processing the file.");
                CommandOutput::done(text, json)
            }
        })
    }

    /// A command about this ingestion, to be pasted.
    pub(super) fn command(&self, name: &str, out: Option<&Path>) -> String {
        let program = format!("viva-import {name}");
        let mut arguments = vec![Argument::Word(&program), Argument::Value(&self.id.0)];
        if let Some(out) = out {
            arguments.extend([Argument::Word("--out"), Argument::File(out)]);
        }
        arguments.push(Argument::Word(self.flags));
        command_line(&arguments)
    }

    fn errors_file(&self) -> PathBuf {
        let id = self.id.0.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
        PathBuf::from(format!("{}-errors.txt", id.trim_matches('-')))
    }

    /// Saves the service's error file, readable by its owner alone because it may quote the data.
    /// Returns its bytes.
    pub(super) async fn save_errors(&self, path: &Path, force: bool) -> Result<u64, CommandError> {
        let Self { context, service, caller, unit, id, .. } = self;
        let client = service.client(caller, (context.clock)());
        let errors = client.errors(Some(unit), id).await;
        let errors = errors.map_err(|error| denied(&error, &client))?;
        save(path, &errors, Readers::Owner, force)
            .map_err(|error| CommandError::cannot_write(path, &error))?;
        Ok(errors.len() as u64)
    }
}

/// Fails if the error file could not be saved in the end, before anything is sent.
///
/// # Errors
/// The file exists.
pub(super) fn may_save(options: &FollowOptions) -> Result<(), CommandError> {
    match &options.errors {
        Some(path) if !options.force && path.exists() => Err(CommandError::exists(path)),
        Some(_) | None => Ok(()),
    }
}

fn may_pass(error: &ServiceError, refusals: u32) -> bool {
    matches!(error, ServiceError::Later { .. }) || refusals < TRIES
}

/// A remark on an error file that may have been longer.
fn cut(bytes: u64) -> &'static str {
    if bytes < MAX_ERRORS_BYTES as u64 { "" } else { ", cut at this size" }
}

impl Context {
    /// Checks whether the service would accept a push of this caller.
    ///
    /// # Errors
    /// The service cannot be asked, or forbids it.
    pub async fn ping(&self, options: &CallerOptions) -> Result<CommandOutput, CommandError> {
        let (caller, service, unit) = self.reached(options).await?;
        let connector = caller.connector.as_ref();
        let client = service.client(&caller, (self.clock)());
        let pinged = client.ping(&unit).await.map_err(|error| denied(&error, &client))?;
        if let Ping::Unclear { status } = pinged {
            return Err(CommandError::Failed(format!(
                "the service does not say whether the {connector} connector accepts a push ({status}, \
                 scale unit {unit})\nPush a file to find out."
            )));
        }
        Ok(CommandOutput::done(
            format!("The {connector} connector accepts a push of this caller (scale unit {unit})."),
            json!({ "scaleUnit": unit, "connector": connector }),
        ))
    }

    /// Shows the status of an ingestion.
    ///
    /// # Errors
    /// The service cannot be asked.
    pub async fn status(
        &self,
        id: &str,
        follow: &FollowOptions,
        options: &CallerOptions,
    ) -> Result<CommandOutput, CommandError> {
        may_save(follow)?;
        let ingestion = self.ingestion(id, options).await?;
        if follow.follow {
            self.progress.line(&following(&ingestion.id, "Following ingestion"));
        }
        ingestion.result(follow).await
    }

    /// Saves the service's error file of an ingestion.
    ///
    /// # Errors
    /// The service does not give the file, or it cannot be saved.
    pub async fn errors(
        &self,
        id: &str,
        out: &Path,
        force: bool,
        options: &CallerOptions,
    ) -> Result<CommandOutput, CommandError> {
        if !force && out.exists() {
            return Err(CommandError::exists(out));
        }
        let ingestion = self.ingestion(id, options).await?;
        let bytes = ingestion.save_errors(out, force).await?;
        let text = format!(
            "The error file is saved as {} ({bytes} bytes{}). It may quote the data: protect it like \
             the export.",
            shown(out),
            cut(bytes)
        );
        let out = out.display().to_string();
        Ok(CommandOutput::done(
            text,
            json!({ "ingestionId": ingestion.id.0, "errors": out, "bytes": bytes }),
        ))
    }

    /// The caller, the service, and the tenant's scale unit.
    async fn reached(
        &self,
        options: &CallerOptions,
    ) -> Result<(ServiceIdentity, Service, String), CommandError> {
        let (caller, _) = caller(options)?;
        let service = self.service(options)?;
        let _task = self.progress.spinner("Signing in and finding the tenant's scale unit");
        let client = service.client(&caller, (self.clock)());
        let unit = client.scale_unit().await;
        let unit = unit.map_err(|error| self.not_reached(&error, &client, options))?;
        Ok((caller, service, unit))
    }

    /// The first call of a command failed. A mock service needs another credential than Viva Insights.
    pub(super) fn not_reached(
        &self,
        error: &ServiceError,
        client: &Client<'_>,
        options: &CallerOptions,
    ) -> CommandError {
        let caller = client.caller();
        let signs_in = !matches!(caller.credential, Credential::AccessToken { .. });
        let has_no_token = matches!(
            error.reason(),
            Reason::CredentialFailed { .. } | Reason::SignInUnavailable { .. }
        );
        let service = config::service(|name| (self.setting)(name), options.endpoint.clone());
        let is_mock = service.is_ok_and(|service| service.is_loopback());
        if !(signs_in && has_no_token && is_mock) {
            return denied(error, client);
        }
        let credential = match &options.caller {
            Caller::Identity(_) => "use `--credential accessToken`".to_owned(),
            Caller::Connection(path) => format!(
                "in {}, use `\"credential\": {{ \"kind\": \"accessToken\", \"setting\": \
                 \"VIVA_ACCESS_TOKEN\" }}`",
                shown(path)
            ),
        };
        CommandError::Failed(format!(
            "{}\nFor a mock service on this machine, {credential}, and set `VIVA_ACCESS_TOKEN` to the \
             access token that `viva-import mock-service` printed.",
            messages::cause(&error.reason(), caller.target)
        ))
    }

    /// An ingestion by its id.
    async fn ingestion<'a>(
        &'a self,
        id: &str,
        options: &'a CallerOptions,
    ) -> Result<Followed<'a>, CommandError> {
        let id = ingestion_id(id)?;
        let (caller, service, unit) = self.reached(options).await?;
        Ok(Followed { context: self, service, caller, unit, id, flags: &options.flags })
    }
}

/// The line that says what is followed, and that this may take long.
pub(super) fn following(id: &IngestionId, what: &str) -> String {
    format!("{what} {id}. Waiting until the service has validated it.")
}

/// The service forbids a request, or cannot be asked.
pub(super) fn denied(error: &ServiceError, client: &Client<'_>) -> CommandError {
    let text = messages::cause(&error.reason(), client.caller().target);
    let denied = match error {
        ServiceError::Later { .. } => CommandError::Failed(text),
        ServiceError::Forbidden { .. } | ServiceError::Refused(_) => CommandError::Refused(text),
    };
    with_ticket(denied, client)
}

/// The error with the last request of the client, which the support of Microsoft asks for.
pub(super) fn with_ticket(error: CommandError, client: &Client<'_>) -> CommandError {
    match client.take_exchanges().last() {
        Some(last) => error.with_line(&messages::ticket(last)),
        None => error,
    }
}

fn ingestion_id(word: &str) -> Result<IngestionId, String> {
    let word = word.trim();
    let is_valid = !word.is_empty() && !word.bytes().all(|byte| byte == b'.');
    is_valid
        .then(|| IngestionId(word.to_owned()))
        .ok_or_else(|| "the ingestion id is invalid\nCopy the id that `push` printed.".to_owned())
}
