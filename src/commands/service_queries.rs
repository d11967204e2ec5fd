//! Questions to the service that push nothing.

use std::path::Path;

use serde_json::json;

use super::{CallerOptions, Desk, FollowOptions, caller::caller};
use crate::{
    commands::poll::{Followed, cut},
    import::IngestionId,
    messages,
    outcome::{CommandError, CommandOutput},
    schema::{Target, is_plain_name},
    target::ServiceError,
};

impl Desk {
    /// Asks whether the service would take a push of this caller.
    ///
    /// # Errors
    /// Why it could not be asked.
    pub async fn ping(&self, who: &CallerOptions) -> Result<CommandOutput, CommandError> {
        let (caller, _) = caller(who)?;
        let service = self.service(who)?;
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

    /// An ingestion by its id, with all that it takes to ask for it.
    async fn ingestion(&self, id: &str, who: &CallerOptions) -> Result<Followed<'_>, CommandError> {
        let (caller, _) = caller(who)?;
        let service = self.service(who)?;
        let id = ingestion_id(id)?;
        let unit = service.scale_unit(&caller, (self.clock)()).await.map_err(|it| denied(&it))?;
        Ok(Followed { desk: self, service, caller, unit, id })
    }
}

/// The service has refused, or could not be asked.
pub(super) fn denied(trouble: &ServiceError) -> CommandError {
    match trouble {
        ServiceError::Later { reason, .. } => {
            CommandError::Failed(messages::cause(reason, Target::Viva))
        }
        ServiceError::Forbidden | ServiceError::Refused(_) => {
            CommandError::Refused(messages::cause(trouble.reason(), Target::Viva))
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
