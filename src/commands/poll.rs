//! What is asked of the service that pushes nothing: ping, status, errors; and an ingestion followed to its
//! end.

use std::{
    fs::OpenOptions,
    io::Write as _,
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
    outcome::{CommandError, CommandOutput},
    schema::{Credential, ServiceIdentity, Target, is_plain_name},
    target::{MAX_ERRORS_BYTES, Service, ServiceError},
};

/// What `Completed` means.
const COMPLETED: &str = "the service has accepted the file; it goes on processing it for hours, and \
                         failures of that show only in the portal";

/// An ingestion, and all that it takes to ask for it.
pub(super) struct Followed<'a> {
    pub(super) context: &'a Context,
    pub(super) service: Service,
    pub(super) caller: ServiceIdentity,
    pub(super) unit: String,
    pub(super) id: IngestionId,
}

impl Followed<'_> {
    /// Where it stands; in the end, where that is asked for.
    ///
    /// # Errors
    /// Why it could not be asked, or that it took too long.
    pub(super) async fn to_its_end(
        &self,
        options: &FollowOptions,
    ) -> Result<CommandOutput, CommandError> {
        let Self { context, service, caller, unit, id } = self;
        let policy = config::policy(|name| (context.setting)(name)).map_err(|it| it.to_string())?;
        let since = (context.clock)();
        let mut last = None;
        let (mut failures, mut refusals) = (0, 0);
        loop {
            let asked = service.poll(caller, Some(unit), id, (context.clock)()).await;
            let now = (context.clock)();
            let wait = match asked {
                Ok(status) => {
                    if last.as_ref() != Some(&status) {
                        (context.tell)(&format!("the service says {status}"));
                    }
                    (failures, refusals) = (0, 0);
                    let is_over = matches!(status, Status::Completed | Status::ValidationFailed);
                    if is_over || !options.follow {
                        return self.told(&status, options).await;
                    }
                    last = Some(status);
                    policy.poll_wait(since, now)
                }
                // It passes, perhaps: the ingestion goes on all the same.
                Err(trouble) if options.follow && may_pass(&trouble, refusals) => {
                    failures += 1;
                    refusals += u32::from(!matches!(trouble, ServiceError::Later { .. }));
                    let why = messages::cause(trouble.reason(), caller.target);
                    let wait = policy.retry_wait(&id.0, failures, trouble.retry_at(), now);
                    (context.tell)(&format!("{why}; asked again in {} s", wait.as_secs()));
                    wait
                }
                Err(trouble) => return Err(denied(&trouble, caller.target)),
            };
            let left = since + policy.ingestion_deadline - now;
            let Ok(left) = Duration::try_from(left) else {
                return Err(CommandError::Failed(format!(
                    "the ingestion {id} has not ended within {} s; ask later with `viva-import \
                     status {id}`",
                    policy.ingestion_deadline.as_secs()
                )));
            };
            sleep(wait.min(left)).await;
        }
    }

    async fn told(
        &self,
        status: &Status,
        options: &FollowOptions,
    ) -> Result<CommandOutput, CommandError> {
        let id = &self.id;
        let mut json = json!({ "ingestionId": id.0, "status": status.to_string() });
        Ok(match status {
            Status::Completed => CommandOutput::done(format!("Completed: {COMPLETED}"), json),
            Status::ValidationFailed => {
                let text = if options.follow || options.errors.is_some() {
                    let default = || PathBuf::from(format!("{id}-errors.txt"));
                    let path = options.errors.clone().unwrap_or_else(default);
                    match self.save_errors(&path).await {
                        Ok(bytes) => {
                            json["errors"] = json!(path.display().to_string());
                            let cut = cut(bytes);
                            format!(
                                "why is in {} ({bytes} bytes{cut}), which may quote the data",
                                path.display()
                            )
                        }
                        Err(why) => {
                            format!("its error file is not here ({why}); the portal has it")
                        }
                    }
                } else {
                    format!("`viva-import errors {id} --out FILE` saves why")
                };
                CommandOutput { text: format!("ValidationFailed: {text}"), json, is_done: false }
            }
            Status::NotStarted | Status::ExtractionComplete | Status::Unknown(_) => {
                CommandOutput::done(format!("{status}: the service is at work"), json)
            }
        })
    }

    /// Saves the service's error file for its owner alone: it may quote the data. How many bytes.
    pub(super) async fn save_errors(&self, path: &Path) -> Result<u64, CommandError> {
        let Self { context, service, caller, unit, id } = self;
        let errors = service.errors(caller, Some(unit), id, (context.clock)()).await;
        let errors = errors.map_err(|trouble| denied(&trouble, caller.target))?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(path).and_then(|mut file| file.write_all(&errors));
        written.map_err(|error| CommandError::cannot_write(path, &error))?;
        Ok(errors.len() as u64)
    }
}

/// How often a service may refuse to tell of what it has taken, before that is believed.
const TRIES: u32 = 5;

fn may_pass(trouble: &ServiceError, refusals: u32) -> bool {
    matches!(trouble, ServiceError::Later { .. }) || refusals < TRIES
}

/// What to say of an error file that may have been longer.
pub(super) fn cut(bytes: u64) -> &'static str {
    if bytes < MAX_ERRORS_BYTES as u64 { "" } else { ", where it was cut" }
}

impl Context {
    /// Asks whether the service would take a push of this caller.
    ///
    /// # Errors
    /// Why it could not be asked.
    pub async fn ping(&self, who: &CallerOptions) -> Result<CommandOutput, CommandError> {
        let (caller, service, unit) = self.reached(who).await?;
        let connector = caller.connector.as_ref();
        if !service
            .ping(&caller, &unit, (self.clock)())
            .await
            .map_err(|trouble| denied(&trouble, caller.target))?
        {
            return Err(CommandError::Failed(format!(
                "scale unit {unit}; whether the connector {connector} would take a push the service \
                 does not say (404): a push will tell"
            )));
        }
        Ok(CommandOutput::done(
            format!(
                "scale unit {unit}; the connector {connector} would take a push of this caller"
            ),
            json!({ "scaleUnit": unit, "connector": connector }),
        ))
    }

    /// Asks where the service's work on a push stands.
    ///
    /// # Errors
    /// Why it could not be asked.
    pub async fn status(
        &self,
        id: &str,
        follow: &FollowOptions,
        who: &CallerOptions,
    ) -> Result<CommandOutput, CommandError> {
        self.ingestion(id, who).await?.to_its_end(follow).await
    }

    /// Saves the service's error file.
    ///
    /// # Errors
    /// Why it could not be had or saved.
    pub async fn errors(
        &self,
        id: &str,
        out: &Path,
        who: &CallerOptions,
    ) -> Result<CommandOutput, CommandError> {
        let ingestion = self.ingestion(id, who).await?;
        let bytes = ingestion.save_errors(out).await?;
        let out = out.display().to_string();
        let text = format!(
            "{out}: {bytes} bytes{}; it may quote the data, so keep it as you keep that",
            cut(bytes)
        );
        Ok(CommandOutput::done(
            text,
            json!({ "ingestionId": ingestion.id.0, "errors": out, "bytes": bytes }),
        ))
    }

    /// Who calls, the service, and its address of the tenant.
    async fn reached(
        &self,
        who: &CallerOptions,
    ) -> Result<(ServiceIdentity, Service, String), CommandError> {
        let (caller, _) = caller(who)?;
        let service = self.service(who)?;
        let unit = service.scale_unit(&caller, (self.clock)()).await;
        let unit = unit.map_err(|error| self.not_reached(&error, &caller, who))?;
        Ok((caller, service, unit))
    }

    /// The first call of a command failed. A mock service needs another credential than Viva Insights.
    pub(super) fn not_reached(
        &self,
        error: &ServiceError,
        caller: &ServiceIdentity,
        who: &CallerOptions,
    ) -> CommandError {
        let signs_in = !matches!(caller.credential, Credential::AccessToken { .. });
        let has_no_token = matches!(
            error.reason(),
            Reason::CredentialFailed { .. } | Reason::SignInUnavailable { .. }
        );
        let service = config::service(|name| (self.setting)(name), who.endpoint.clone());
        let is_mock = service.is_ok_and(|service| service.is_loopback());
        if !(signs_in && has_no_token && is_mock) {
            return denied(error, caller.target);
        }
        let credential = match &who.caller {
            Caller::Identity(_) => "use `--credential accessToken`".to_owned(),
            Caller::Connection(path) => format!(
                "in {}, use `\"credential\": {{ \"kind\": \"accessToken\", \"setting\": \
                 \"VIVA_ACCESS_TOKEN\" }}`",
                path.display()
            ),
        };
        CommandError::Failed(format!(
            "{}. For a mock service on this machine, {credential}, and set `VIVA_ACCESS_TOKEN` to the \
             access token that `viva-import mock-service` printed",
            messages::cause(error.reason(), caller.target)
        ))
    }

    /// An ingestion by its id, with all that it takes to ask for it.
    async fn ingestion(&self, id: &str, who: &CallerOptions) -> Result<Followed<'_>, CommandError> {
        let id = ingestion_id(id)?;
        let (caller, service, unit) = self.reached(who).await?;
        Ok(Followed { context: self, service, caller, unit, id })
    }
}

/// The service has refused, or could not be asked.
pub(super) fn denied(trouble: &ServiceError, target: Target) -> CommandError {
    match trouble {
        ServiceError::Later { reason, .. } => CommandError::Failed(messages::cause(reason, target)),
        ServiceError::Forbidden | ServiceError::Refused(_) => {
            CommandError::Refused(messages::cause(trouble.reason(), target))
        }
    }
}

fn ingestion_id(word: &str) -> Result<IngestionId, String> {
    let word = word.trim();
    let is_good = is_plain_name(word);
    is_good
        .then(|| IngestionId(word.to_owned()))
        .ok_or_else(|| "the ingestion's id must be letters, digits and hyphens".to_owned())
}
