//! Viva Insights: ping, push, status, errors.
//!
//! Success is a body that parses as expected, never a status code alone: the service answers an expired
//! token with 200 and a sign-in page. The service's own texts are never shown, because they may quote the
//! data; only its status and what that means.
//!
//! Source: "Import organizational data using API-based import (first import)" on Microsoft Learn,
//! and the C# and PowerShell samples of `microsoft/vivainsights_ingressupload` where they differ.

use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use reqwest::StatusCode;
use time::OffsetDateTime;

use super::{
    outcome::{
        MAX_ERRORS_BYTES, PushBody, PushOutcome, ServiceError, Tracking, error_of, is_html, is_page,
    },
    session::{Question, Session},
    wire,
};
use crate::{
    http::Answer,
    import::{
        IngestionId, Status,
        reason::{NoOutcome, Operation},
    },
    schema::ServiceIdentity,
};

/// The service's requests in a session.
pub(super) struct Viva<'a>(pub(super) &'a Session);

impl Viva<'_> {
    /// Pings the tenant's connector: `true` if it is ready for a push of this caller, `false` if the service
    /// has a ping at neither the current nor the older path.
    ///
    /// # Errors
    /// If it is not ready, or does not say.
    pub(super) async fn ping(
        &self,
        caller: &ServiceIdentity,
        scale_unit: &str,
        now: OffsetDateTime,
    ) -> Result<bool, ServiceError> {
        let connector = caller.connector.as_ref();
        let connectors = format!("scopes/{}/ingress/connectors", caller.tenant);
        let path = format!("{connectors}/{connector}");
        let older = [format!("{connectors}/status?connectorType={connector}")];
        let answer = self.0.ask(caller, &path, &older, Some(scale_unit), now).await?;
        match answer.status {
            status if status.is_success() && wire::has_connector(&answer.body) => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(error_of(&answer, Operation::Ping)),
        }
    }

    /// Pushes a file once, within `limit`.
    pub(super) async fn submit<S>(
        &self,
        caller: &ServiceIdentity,
        scale_unit: &str,
        body: PushBody<S>,
        limit: Duration,
        now: OffsetDateTime,
    ) -> PushOutcome
    where
        S: Stream<Item = azure_core::Result<Bytes>> + Send + 'static,
    {
        let path = format!(
            "scopes/{}/ingress/connectors/{}/ingestions/fileIngestion",
            caller.tenant,
            caller.connector.as_ref()
        );
        match self.0.post(caller, &path, scale_unit, body, limit, now).await {
            Ok(answer) => self.push_answer(caller, &answer),
            Err(outcome) => outcome,
        }
    }

    fn push_answer(&self, caller: &ServiceIdentity, answer: &Answer) -> PushOutcome {
        let code = answer.status.as_u16();
        match answer.status {
            status if status.is_success() => match wire::Ingestion::parse(&answer.body) {
                Ok(ingestion) => {
                    let id = IngestionId(ingestion.id);
                    let tracking = Some(Tracking { id, status: ingestion.status });
                    PushOutcome::Accepted { tracking }
                }
                Err(_) if is_page(&answer.body) => {
                    self.0.forget_token(caller);
                    PushOutcome::Unauthorized { status: code }
                }
                Err(error) => {
                    // It may be a sign-in page that does not look like one.
                    self.0.forget_token(caller);
                    PushOutcome::OutcomeUnknown(NoOutcome::Unreadable(
                        code,
                        error.to_string().into(),
                    ))
                }
            },
            StatusCode::BAD_REQUEST if wire::is_busy(&answer.body) => PushOutcome::Busy,
            StatusCode::UNAUTHORIZED => {
                self.0.forget_token(caller);
                PushOutcome::Unauthorized { status: code }
            }
            StatusCode::INTERNAL_SERVER_ERROR => PushOutcome::Failed { status: code },
            StatusCode::SERVICE_UNAVAILABLE => error_of(answer, Operation::Push).into(),
            // A gateway answered, not the service: the push may have arrived.
            status if status.is_server_error() => {
                PushOutcome::OutcomeUnknown(NoOutcome::Gateway(code))
            }
            _ => error_of(answer, Operation::Push).into(),
        }
    }

    /// Polls the status of an ingestion.
    ///
    /// # Errors
    /// If there is no usable answer; the service continues with the ingestion.
    pub(super) async fn poll(
        &self,
        caller: &ServiceIdentity,
        scale_unit: Option<&str>,
        id: &IngestionId,
        now: OffsetDateTime,
    ) -> Result<Status, ServiceError> {
        // The documented path, then the older one without `fileIngestion`.
        let ingestions = ingestions(caller);
        let path = format!("{ingestions}/fileIngestion/{id}");
        let older = [format!("{ingestions}/{id}")];
        let answer = self.0.ask(caller, &path, &older, scale_unit, now).await?;
        if !answer.status.is_success() {
            return Err(error_of(&answer, Operation::Status));
        }
        let ingestion = wire::Ingestion::parse(&answer.body)
            .map_err(|error| ServiceError::unreadable(Operation::Status, error.to_string()))?;
        if !ingestion.id.eq_ignore_ascii_case(&id.0) {
            let why = "it is the status of another ingestion";
            return Err(ServiceError::unreadable(Operation::Status, why));
        }
        Ok(ingestion.status)
    }

    /// Downloads the first 16 MiB of the error file of an ingestion whose validation failed.
    ///
    /// # Errors
    /// If it is not available.
    pub(super) async fn errors(
        &self,
        caller: &ServiceIdentity,
        scale_unit: Option<&str>,
        id: &IngestionId,
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, ServiceError> {
        // Microsoft's page prints `/scopes/<tenant>//Hr/...`, in which a part is missing: first the two
        // likely corrections, then as printed.
        let ingestions = ingestions(caller);
        let path = format!("{ingestions}/{id}/errors");
        let (tenant, word) = (&caller.tenant, caller.connector.word_of_ingestions());
        let others = [
            format!("{ingestions}/fileIngestion/{id}/errors"),
            format!("scopes/{tenant}//{word}/ingestions/{id}/errors"),
        ];
        let question = Question { caller, scale_unit, max_bytes: MAX_ERRORS_BYTES, now };
        let mut answer = self.0.get_any(&question, &path, &others).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            self.0.forget_token(caller);
            answer = self.0.get_any(&question, &path, &others).await?;
        }
        match answer.status {
            status if status.is_success() && is_html(&answer.body) => {
                Err(ServiceError::unreadable(Operation::Errors, "it is a web page, not a file"))
            }
            status if status.is_success() => Ok(answer.body),
            _ => Err(error_of(&answer, Operation::Errors)),
        }
    }
}

/// The path of the tenant's ingestions.
fn ingestions(caller: &ServiceIdentity) -> String {
    let word = caller.connector.word_of_ingestions();
    format!("scopes/{}/ingress/connectors/{word}/ingestions", caller.tenant)
}
