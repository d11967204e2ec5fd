//! Viva Insights: ping, push, status, errors.
//!
//! Success is a body that parses as expected, never a status code alone: the service answers an expired
//! token with 200 and a sign-in page. The service's own texts are not shown, because they may quote the data;
//! only its status, its error codes and what they mean.
//!
//! Source: "Import organizational data using API-based import (first import)" on Microsoft Learn,
//! and the C# and PowerShell samples of `microsoft/vivainsights_ingressupload` where they differ.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::Stream;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::StatusCode;

use super::{
    client::{Client, Question, not_sent},
    outcome::{
        MAX_ERRORS_BYTES, Ping, Polled, PushBody, PushOutcome, ServiceError, Tracking, is_html,
        is_sign_in,
    },
    trace, wire,
};
use crate::{
    http::Answer,
    import::{
        IngestionId, PollPath,
        reason::{NoOutcome, Operation},
    },
};

/// The service's requests.
pub(super) struct Viva<'a>(pub(super) &'a Client<'a>);

impl Viva<'_> {
    /// Pings the tenant's connector.
    ///
    /// # Errors
    /// If the service did not answer, does not accept the caller, or asks for a pause. No client of Microsoft
    /// pings, so any other answer is no reason against a push.
    pub(super) async fn ping(&self, scale_unit: &str) -> Result<Ping, ServiceError> {
        let connector = self.0.caller.connector.as_ref();
        let connectors = format!("scopes/{}/ingress/connectors", self.0.caller.tenant);
        let paths = [
            format!("{connectors}/{connector}"),
            format!("{connectors}/status?connectorType={connector}"),
        ];
        let question = Question::json(Operation::Ping, Some(scale_unit));
        let (_, answer) = self.0.ask(&question, &paths).await?;
        match answer.status {
            status if status.is_success() && wire::has_connector(&answer.body) => Ok(Ping::Ready),
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE => Err(self.0.error_of(&answer, Operation::Ping)),
            status => Ok(Ping::Unclear { status: status.as_u16() }),
        }
    }

    /// Pushes a file once, within `limit`.
    pub(super) async fn submit<S>(
        &self,
        scale_unit: &str,
        body: PushBody<S>,
        limit: Duration,
    ) -> PushOutcome
    where
        S: Stream<Item = azure_core::Result<Bytes>> + Send + 'static,
    {
        let path = format!(
            "scopes/{}/ingress/connectors/{}/ingestions/fileIngestion",
            self.0.caller.tenant,
            self.0.caller.connector.as_ref()
        );
        match self.0.post(&path, scale_unit, body, limit).await {
            Ok(answer) => self.push_answer(&answer),
            Err(outcome) => outcome,
        }
    }

    fn push_answer(&self, answer: &Answer) -> PushOutcome {
        let code = answer.status.as_u16();
        if is_sign_in(answer) {
            self.0.forget_token();
            return PushOutcome::Unauthorized { status: code };
        }
        match answer.status {
            status if status.is_success() => match wire::Ingestion::parse(&answer.body) {
                Ok(ingestion) => {
                    let id = IngestionId(ingestion.id);
                    let tracking = Some(Tracking { id, status: ingestion.status });
                    PushOutcome::Accepted { tracking }
                }
                Err(error) => {
                    PushOutcome::AnswerUnreadable { status: code, detail: error.to_string().into() }
                }
            },
            StatusCode::BAD_REQUEST if wire::is_busy(&answer.body) => PushOutcome::Busy,
            // It may have been the answer of a busy service.
            StatusCode::BAD_REQUEST if !answer.is_whole => not_sent(
                "it answered 400 and closed the connection before the answer was complete".into(),
            ),
            // The push was processed; where, another address would say.
            status if status == StatusCode::SEE_OTHER => {
                PushOutcome::AnswerUnreadable { status: code, detail: "it is a redirect".into() }
            }
            StatusCode::INTERNAL_SERVER_ERROR => {
                PushOutcome::Failed { status: code, codes: trace::codes(&answer.body) }
            }
            StatusCode::SERVICE_UNAVAILABLE => self.0.error_of(answer, Operation::Push).into(),
            // A gateway answered, not the service: the push may have arrived.
            status if status.is_server_error() => {
                PushOutcome::OutcomeUnknown(NoOutcome::Gateway(code))
            }
            _ => self.0.error_of(answer, Operation::Push).into(),
        }
    }

    /// Polls the status of an ingestion.
    ///
    /// # Errors
    /// If there is no usable answer; the service continues with the ingestion.
    pub(super) async fn poll(
        &self,
        scale_unit: Option<&str>,
        id: &IngestionId,
        known: Option<PollPath>,
    ) -> Result<Polled, ServiceError> {
        let ingestions = self.ingestions();
        let segment = segment(id);
        let order = match known {
            Some(PollPath::Ingestions) => [PollPath::Ingestions, PollPath::FileIngestion],
            Some(PollPath::FileIngestion) | None => [PollPath::FileIngestion, PollPath::Ingestions],
        };
        let paths = order.map(|path| match path {
            PollPath::FileIngestion => format!("{ingestions}/fileIngestion/{segment}"),
            PollPath::Ingestions => format!("{ingestions}/{segment}"),
        });
        let question = Question::json(Operation::Status, scale_unit);
        let (place, answer) = self.0.ask(&question, &paths).await?;
        if !answer.status.is_success() || is_sign_in(&answer) {
            return Err(self.0.error_of(&answer, Operation::Status));
        }
        let ingestion = wire::Ingestion::parse(&answer.body)
            .map_err(|error| ServiceError::unreadable(Operation::Status, error.to_string()))?;
        if !is_same(&ingestion.id, &id.0) {
            let why = "it is the status of another ingestion";
            return Err(ServiceError::unreadable(Operation::Status, why));
        }
        Ok(Polled { status: ingestion.status, path: order[place] })
    }

    /// Downloads the first 16 MiB of the error file of an ingestion whose validation failed.
    ///
    /// # Errors
    /// If it is not available.
    pub(super) async fn errors(
        &self,
        scale_unit: Option<&str>,
        id: &IngestionId,
    ) -> Result<Vec<u8>, ServiceError> {
        // Microsoft's page prints `/scopes/<tenant>//Hr/...`, in which a part is missing: first the two
        // likely corrections, then as printed.
        let (ingestions, segment) = (self.ingestions(), segment(id));
        let word = self.0.caller.connector.word_of_ingestions();
        let paths = [
            format!("{ingestions}/{segment}/errors"),
            format!("{ingestions}/fileIngestion/{segment}/errors"),
            format!("scopes/{}//{word}/ingestions/{segment}/errors", self.0.caller.tenant),
        ];
        // The type of the file is not documented.
        let operation = Operation::Errors;
        let question =
            Question { operation, scale_unit, accept: "*/*", max_bytes: MAX_ERRORS_BYTES };
        let (_, answer) = self.0.ask(&question, &paths).await?;
        match answer.status {
            status if status.is_success() && is_html(&answer.body) => {
                Err(ServiceError::unreadable(operation, "it is a web page, not a file"))
            }
            status if status.is_success() => Ok(match Arc::try_unwrap(answer) {
                Ok(answer) => answer.body,
                Err(shared) => shared.body.clone(),
            }),
            _ => Err(self.0.error_of(&answer, operation)),
        }
    }

    /// The path of the tenant's ingestions.
    fn ingestions(&self) -> String {
        let word = self.0.caller.connector.word_of_ingestions();
        format!("scopes/{}/ingress/connectors/{word}/ingestions", self.0.caller.tenant)
    }
}

/// The characters of a path segment that need no encoding.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An id as one segment of a path: ids of other shapes than the documented ones are possible.
fn segment(id: &IngestionId) -> String {
    utf8_percent_encode(&id.0, UNRESERVED).to_string()
}

/// Whether two spellings of an id mean the same ingestion: a GUID may be in braces.
fn is_same(one: &str, other: &str) -> bool {
    let bare = |id: &'_ str| id.trim_matches(['{', '}']).to_ascii_lowercase();
    bare(one) == bare(other)
}
