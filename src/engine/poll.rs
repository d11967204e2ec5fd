//! The step that asks the service where its work on a pushed import stands.

use azure_core::Result;

use super::{Engine, SERVICE_ERRORS, Step};
use crate::{
    config::REPORTS,
    connection::Connection,
    import::{
        Event, Import, IngestionId, Status,
        reason::{ErrorFile, Reason},
    },
    storage::import_table::Stored,
    target::ServiceError,
};

/// How often the service's error file is asked for.
const ERROR_FILE_TRIES: u32 = 5;

impl Engine {
    pub(super) async fn poll(&self, stored: Stored) -> Result<Step> {
        let run = &stored.run;
        let now = (self.clock)();
        let connection = match self.connection_of_run(run).await? {
            Ok(connection) => connection,
            Err(event) => return self.save(stored, event).await,
        };
        let Some(id) = &run.ingestion else {
            let reason = Reason::IngestionIdLost;
            return self.save(stored, Event::TransientFailure { reason, retry_at: None }).await;
        };
        let (caller, unit) = (&connection.caller, run.scale_unit.as_deref());
        let event = match self.service.status(caller, unit, id, now).await {
            Ok(ingestion) if ingestion.status == Status::ValidationFailed => {
                self.validation_failed(run, id, &connection).await?
            }
            Ok(ingestion) => Event::StatusReported { status: ingestion.status, error_file: None },
            Err(error) => after_push(&error),
        };
        self.save(stored, event).await
    }

    /// Fetches the service's error file where it is to be kept; tried a few times.
    async fn validation_failed(
        &self,
        run: &Import,
        id: &IngestionId,
        connection: &Connection,
    ) -> Result<Event> {
        let status = Status::ValidationFailed;
        if !self.config.service.keep_errors {
            return Ok(Event::StatusReported { status, error_file: Some(ErrorFile::NotKept) });
        }
        let (caller, unit) = (&connection.caller, run.scale_unit.as_deref());
        Ok(match self.service.errors(caller, unit, id, (self.clock)()).await {
            Ok(errors) => {
                let report = format!("{}/{SERVICE_ERRORS}", run.id.key);
                self.blobs.put(REPORTS, &report, "text/plain", errors).await?;
                Event::StatusReported { status, error_file: Some(ErrorFile::Kept(report.into())) }
            }
            Err(error @ ServiceError::Later { .. }) if run.failures < ERROR_FILE_TRIES => {
                after_push(&error)
            }
            Err(_) => Event::StatusReported { status, error_file: Some(ErrorFile::Unavailable) },
        })
    }
}

/// What an error means for an import that the service has: nothing is decided.
fn after_push(error: &ServiceError) -> Event {
    let mut reason = error.reason().clone();
    if let Reason::ServiceRefused { operation, status } = reason {
        reason = Reason::PollRefused { operation, status };
    } else if reason == Reason::Forbidden {
        reason = Reason::PollForbidden;
    }
    Event::TransientFailure { retry_at: error.retry_at(), reason }
}
