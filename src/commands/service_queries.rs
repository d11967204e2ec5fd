//! Questions to the service that push nothing.

use serde_json::json;

use super::{Desk, caller::caller};
use crate::{
    cli,
    commands::poll::{Followed, cut},
    import::IngestionId,
    messages,
    outcome::{CommandError, CommandOutput},
    schema::{Caller, is_plain_name},
    target::{ServiceError, viva::Service},
};

impl Desk {
    /// Asks whether the service would take a push of this caller.
    ///
    /// # Errors
    /// Why it could not be asked.
    pub(super) async fn ping(&self, wishes: &cli::Ping) -> Result<CommandOutput, CommandError> {
        let (caller, _) = caller(&wishes.caller)?;
        let service = self.service(&wishes.caller)?;
        let unit = match service.scale_unit(&caller, (self.clock)()).await {
            Ok(unit) => unit,
            Err(trouble) => return Err(denied(&trouble)),
        };
        let connector = caller.connector.word();
        if !service
            .ping(&caller, &unit, (self.clock)())
            .await
            .map_err(|trouble| denied(&trouble))?
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
    pub(super) async fn status(&self, wishes: &cli::Status) -> Result<CommandOutput, CommandError> {
        let (caller, _) = caller(&wishes.caller)?;
        let service = self.service(&wishes.caller)?;
        let id = ingestion_id(&wishes.id)?;
        let unit = unit(&service, &caller, self).await?;
        let followed =
            Followed { desk: self, service: &service, caller: &caller, unit: &unit, id: &id };
        followed.to_its_end(&wishes.follow).await
    }

    /// Saves the service's error file.
    ///
    /// # Errors
    /// Why it could not be had or saved.
    pub(super) async fn errors(&self, wishes: &cli::Errors) -> Result<CommandOutput, CommandError> {
        let (caller, _) = caller(&wishes.caller)?;
        let service = self.service(&wishes.caller)?;
        let id = ingestion_id(&wishes.id)?;
        let unit = unit(&service, &caller, self).await?;
        let followed =
            Followed { desk: self, service: &service, caller: &caller, unit: &unit, id: &id };
        let bytes = followed.save_errors(&wishes.out).await?;
        let out = wishes.out.display().to_string();
        let text = format!(
            "{out}: {bytes} bytes{}; it may quote the data, so keep it as you keep that",
            cut(bytes)
        );
        Ok(CommandOutput::done(text, json!({ "ingestionId": id.0, "errors": out, "bytes": bytes })))
    }
}

async fn unit(service: &Service, caller: &Caller, desk: &Desk) -> Result<String, CommandError> {
    service.scale_unit(caller, (desk.clock)()).await.map_err(|trouble| denied(&trouble))
}

/// The service has refused, or could not be asked.
pub(super) fn denied(trouble: &ServiceError) -> CommandError {
    match trouble {
        ServiceError::Later { reason, .. } => CommandError::Failed(messages::cause(reason)),
        ServiceError::Forbidden | ServiceError::Refused(_) => {
            CommandError::Refused(messages::cause(trouble.reason()))
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
