//! The far service: scale unit, ping, push, status, errors.
//!
//! Success is a body that parses into what is expected, never a status code alone: an expired
//! token is answered with 200 and a sign-in page. Nothing the service says is told by its own
//! text, which may quote the data; only by its status and what it means.
//!
//! Source: "Import organizational data using API-based import (first import)" on Microsoft Learn,
//! and the C# and PowerShell samples of `microsoft/vivainsights_ingressupload` where they differ.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use azure_core::credentials::{AccessToken, TokenCredential};
use bytes::Bytes;
use futures::Stream;
use reqwest::{
    Body, Client, RequestBuilder, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue},
    multipart::{Form, Part},
};
use time::OffsetDateTime;
use tokio::time::timeout;

use super::{PushOutcome, ServiceError, Tracking, error_of, is_html, is_page};
use crate::{
    config::{Lookup, ServiceConfig},
    http::{self, Answer, ClientError, NoAnswer},
    identity::{SignIn, is_lasting},
    import::{
        IngestionId,
        reason::{NoOutcome, Operation, Reason},
    },
    schema::{Credential, PayloadFormat, ServiceIdentity},
};

pub mod wire;

/// Largest answer that is read; a word about an ingestion has some hundred bytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Most of an error file that is kept.
pub const MAX_ERRORS_BYTES: usize = 16 << 20;
const SCALE_UNIT: &str = "x-nova-scaleunit";

/// The ingestion service.
pub struct Service {
    client: Client,
    config: ServiceConfig,
    sign_in: SignIn,
    credentials: Mutex<HashMap<(Credential, String), Arc<dyn TokenCredential>>>,
}

/// What is pushed. It is streamed and never held, with a Content-Length.
pub struct PushBody<S> {
    /// What its bytes are.
    pub upload: PayloadFormat,
    /// How many there are.
    pub bytes: u64,
    /// The bytes.
    pub content: S,
}

impl Service {
    /// A client of the service that `config` names; `setting` finds what a credential takes from
    /// a setting.
    ///
    /// # Errors
    /// Where no HTTP client can be built.
    pub fn new(config: ServiceConfig, setting: Arc<Lookup>) -> Result<Self, ClientError> {
        let credentials = Mutex::new(HashMap::new());
        let client = http::client((&config.endpoint).into());
        let client = http::build(client, "the ingestion service")?;
        let sign_in = SignIn {
            authority: config.authority.clone(),
            answer_timeout: config.answer_timeout,
            setting,
        };
        Ok(Self { client, config, sign_in, credentials })
    }

    /// Finds the tenant's scale unit and asks whether its connector would take a push.
    ///
    /// # Errors
    /// Where no push should be tried now, or ever.
    pub async fn prepare(
        &self,
        caller: &ServiceIdentity,
        now: OffsetDateTime,
    ) -> Result<String, ServiceError> {
        let scale_unit = self.scale_unit(caller, now).await?;
        // Where the question cannot be asked, the push itself will tell.
        self.ping(caller, &scale_unit, now).await?;
        Ok(scale_unit)
    }

    /// The service's address of the tenant: as the service tells it, else as the caller does.
    ///
    /// # Errors
    /// Where neither does.
    pub async fn scale_unit(
        &self,
        caller: &ServiceIdentity,
        now: OffsetDateTime,
    ) -> Result<String, ServiceError> {
        match self.discover(caller, now).await {
            Ok(scale_unit) => Ok(scale_unit),
            Err(error) => caller.scale_unit.clone().ok_or(error),
        }
    }

    /// Asks whether the tenant's connector would take a push of this caller: `false` where the
    /// service has that question at neither the present nor the older path.
    ///
    /// # Errors
    /// Where it would not, or does not say.
    pub async fn ping(
        &self,
        caller: &ServiceIdentity,
        scale_unit: &str,
        now: OffsetDateTime,
    ) -> Result<bool, ServiceError> {
        let connector = caller.connector.word();
        let connectors = format!("scopes/{}/ingress/connectors", caller.tenant);
        let path = format!("{connectors}/{connector}");
        let older = [format!("{connectors}/status?connectorType={connector}")];
        let answer = self.ask(caller, &path, &older, Some(scale_unit), now).await?;
        match answer.status {
            status if status.is_success() && wire::has_connector(&answer.body) => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(error_of(&answer, Operation::Ping)),
        }
    }

    /// Pushes a file once; what came of it. It takes no longer than `limit`.
    ///
    /// Whoever calls it has written down that it does, or waits for the answer itself: nothing in here
    /// remembers a push.
    pub async fn submit<S>(
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
        let started = Instant::now();
        let token = match timeout(limit, self.bearer(caller)).await {
            Ok(Ok(token)) => token,
            Ok(Err(error)) => return error.into(),
            Err(_) => {
                let detail = "it took too long".into();
                return ServiceError::later(Reason::SignInUnavailable { detail }).into();
            }
        };
        let limit = limit.saturating_sub(started.elapsed());
        let path = format!(
            "scopes/{}/ingress/connectors/{}/ingestions/fileIngestion",
            caller.tenant,
            caller.connector.word()
        );
        let request = self
            .client
            .post(self.url(&path))
            .header(AUTHORIZATION, token)
            .header(ACCEPT, "application/json")
            .header(SCALE_UNIT, scale_unit);
        match http::send(self.with(request, body), limit, MAX_ANSWER_BYTES, now).await {
            Ok(answer) => self.push_answer(caller, &answer),
            Err(NoAnswer::NotSent(why)) => {
                let reason = Reason::ServiceUnreachable { detail: why.into() };
                PushOutcome::NotSent { reason, retry_at: None }
            }
            Err(NoAnswer::Lost(why)) => {
                PushOutcome::OutcomeUnknown(NoOutcome::NoAnswer(why.into()))
            }
        }
    }

    /// The request with the body as its body.
    fn with<S>(&self, request: RequestBuilder, body: PushBody<S>) -> RequestBuilder
    where
        S: Stream<Item = azure_core::Result<Bytes>> + Send + 'static,
    {
        let PushBody { upload, bytes, content } = body;
        let body = Body::wrap_stream(content);
        match upload {
            PayloadFormat::Zip => {
                let part = Part::stream_with_length(body, bytes);
                let part = part.file_name(self.config.file_name.clone());
                request.multipart(Form::new().part(self.config.part_name.clone(), part))
            }
            PayloadFormat::Csv | PayloadFormat::Json => request
                .header(CONTENT_TYPE, upload.media_type())
                .header(CONTENT_LENGTH, bytes)
                .body(body),
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
                    self.forget_token(caller);
                    PushOutcome::Unauthorized { status: code }
                }
                Err(error) => {
                    // It may be a sign-in page that does not look like one.
                    self.forget_token(caller);
                    PushOutcome::OutcomeUnknown(NoOutcome::Unreadable(
                        code,
                        error.to_string().into(),
                    ))
                }
            },
            StatusCode::BAD_REQUEST if wire::is_busy(&answer.body) => PushOutcome::Busy,
            StatusCode::UNAUTHORIZED => {
                self.forget_token(caller);
                PushOutcome::Unauthorized { status: code }
            }
            StatusCode::INTERNAL_SERVER_ERROR => PushOutcome::Failed { status: code },
            StatusCode::SERVICE_UNAVAILABLE => error_of(answer, Operation::Push).into(),
            // A gateway spoke, not the service: the push may have gone through.
            status if status.is_server_error() => {
                PushOutcome::OutcomeUnknown(NoOutcome::Gateway(code))
            }
            _ => error_of(answer, Operation::Push).into(),
        }
    }

    /// Asks where an ingestion stands.
    ///
    /// # Errors
    /// Where there is no usable answer; the ingestion goes on all the same.
    pub async fn status(
        &self,
        caller: &ServiceIdentity,
        scale_unit: Option<&str>,
        id: &IngestionId,
        now: OffsetDateTime,
    ) -> Result<wire::Ingestion, ServiceError> {
        // The documented path, then the older one without `fileIngestion`.
        let ingestions = ingestions(caller);
        let path = format!("{ingestions}/fileIngestion/{id}");
        let older = [format!("{ingestions}/{id}")];
        let answer = self.ask(caller, &path, &older, scale_unit, now).await?;
        if !answer.status.is_success() {
            return Err(error_of(&answer, Operation::Status));
        }
        let ingestion = wire::Ingestion::parse(&answer.body)
            .map_err(|error| ServiceError::unreadable(Operation::Status, error.to_string()))?;
        if !ingestion.id.eq_ignore_ascii_case(&id.0) {
            let why = "it is of another ingestion than was asked for";
            return Err(ServiceError::unreadable(Operation::Status, why));
        }
        Ok(ingestion)
    }

    /// Fetches the error stream of an ingestion whose validation failed, or its first 16 MiB.
    ///
    /// # Errors
    /// Where it cannot be had.
    pub async fn errors(
        &self,
        caller: &ServiceIdentity,
        scale_unit: Option<&str>,
        id: &IngestionId,
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, ServiceError> {
        // The page prints `/scopes/<tenant>//Hr/...`, from which a part fell out: first the two
        // ways it can be mended, then as printed.
        let ingestions = ingestions(caller);
        let path = format!("{ingestions}/{id}/errors");
        let (tenant, word) = (&caller.tenant, caller.connector.word_of_ingestions());
        let others = [
            format!("{ingestions}/fileIngestion/{id}/errors"),
            format!("scopes/{tenant}//{word}/ingestions/{id}/errors"),
        ];
        let question = Question { caller, scale_unit, max_bytes: MAX_ERRORS_BYTES, now };
        let mut answer = self.get_any(&question, &path, &others).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            self.forget_token(caller);
            answer = self.get_any(&question, &path, &others).await?;
        }
        match answer.status {
            status if status.is_success() && is_html(&answer.body) => {
                Err(ServiceError::unreadable(Operation::Errors, "it is a page"))
            }
            status if status.is_success() => Ok(answer.body),
            _ => Err(error_of(&answer, Operation::Errors)),
        }
    }

    /// The service's address of the tenant, as the service tells it.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn discover(
        &self,
        caller: &ServiceIdentity,
        now: OffsetDateTime,
    ) -> Result<String, ServiceError> {
        let tenant = &caller.tenant;
        let path = format!("tenants/{tenant}/scopes/{tenant}/scaleUnit");
        let answer = self.ask(caller, &path, &[], None, now).await?;
        if !answer.status.is_success() {
            return Err(error_of(&answer, Operation::ScaleUnit));
        }
        wire::scale_unit(&answer.body)
            .ok_or_else(|| ServiceError::unreadable(Operation::ScaleUnit, "it names none"))
    }
}

/// The path of the tenant's ingestions.
fn ingestions(caller: &ServiceIdentity) -> String {
    let word = caller.connector.word_of_ingestions();
    format!("scopes/{}/ingress/connectors/{word}/ingestions", caller.tenant)
}

/// What every try of a question has in common.
struct Question<'a> {
    caller: &'a ServiceIdentity,
    scale_unit: Option<&'a str>,
    max_bytes: usize,
    now: OffsetDateTime,
}

impl Service {
    /// Asks for JSON at `path`, or where that is 404 at one of the `others`.
    ///
    /// A 401 or a sign-in page is answered once with a fresh token.
    async fn ask(
        &self,
        caller: &ServiceIdentity,
        path: &str,
        others: &[String],
        scale_unit: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Answer, ServiceError> {
        let question = Question { caller, scale_unit, max_bytes: MAX_ANSWER_BYTES, now };
        let is_sign_in = |answer: &Answer| answer.status.is_success() && is_page(&answer.body);
        let mut answer = self.get_any(&question, path, others).await?;
        if answer.status == StatusCode::UNAUTHORIZED || is_sign_in(&answer) {
            self.forget_token(caller);
            answer = self.get_any(&question, path, others).await?;
        }
        if is_sign_in(&answer) {
            let status = answer.status.as_u16();
            return Err(ServiceError::Refused(Reason::TokenRejected { status }));
        }
        Ok(answer)
    }

    async fn get_any(
        &self,
        question: &Question<'_>,
        path: &str,
        others: &[String],
    ) -> Result<Answer, ServiceError> {
        let mut answer = self.get(question, path).await?;
        for path in others {
            if answer.status == StatusCode::NOT_FOUND {
                answer = self.get(question, path).await?;
            }
        }
        Ok(answer)
    }

    async fn get(&self, question: &Question<'_>, path: &str) -> Result<Answer, ServiceError> {
        let token = self.bearer(question.caller).await?;
        let mut request = self
            .client
            .get(self.url(path))
            .header(AUTHORIZATION, token)
            .header(ACCEPT, "application/json");
        if let Some(scale_unit) = question.scale_unit {
            request = request.header(SCALE_UNIT, scale_unit);
        }
        let limit = self.config.answer_timeout;
        let answer = http::send(request, limit, question.max_bytes, question.now).await;
        answer.map_err(|no_answer| {
            let detail = no_answer.why().into();
            ServiceError::later(Reason::ServiceUnreachable { detail })
        })
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.config.endpoint.as_str().trim_end_matches('/'))
    }

    /// A token of the caller for the service.
    ///
    /// # Errors
    /// Where none can be had.
    pub async fn token(&self, caller: &ServiceIdentity) -> Result<AccessToken, ServiceError> {
        let credential = self.credential(caller)?;
        credential.get_token(&[&self.config.scope], None).await.map_err(|error| {
            // Somebody may mend what it was made of.
            self.forget_token(caller);
            let detail = crate::http::azure::sentence(&error).into();
            ServiceError::later(if is_lasting(&error) {
                Reason::CredentialFailed { detail }
            } else {
                Reason::SignInUnavailable { detail }
            })
        })
    }

    async fn bearer(&self, caller: &ServiceIdentity) -> Result<HeaderValue, ServiceError> {
        let token = self.token(caller).await?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.token.secret()))
            .map_err(|_| {
                let detail = "the token cannot stand in a header".into();
                ServiceError::later(Reason::CredentialFailed { detail })
            })?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn credential(
        &self,
        caller: &ServiceIdentity,
    ) -> Result<Arc<dyn TokenCredential>, ServiceError> {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(caller);
        if let Some(known) = credentials.get(&key) {
            return Ok(known.clone());
        }
        let made = self.sign_in.credential(&caller.credential, &caller.tenant);
        let made = made.map_err(|error| {
            let detail = error.to_string().into();
            ServiceError::later(Reason::CredentialFailed { detail })
        })?;
        credentials.insert(key, made.clone());
        Ok(made)
    }

    /// Drops the credential, and with it its cached token: the next question gets a fresh one.
    fn forget_token(&self, caller: &ServiceIdentity) {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        credentials.remove(&key(caller));
    }
}

/// Who signs in, and in which tenant.
fn key(caller: &ServiceIdentity) -> (Credential, String) {
    (caller.credential.clone(), caller.tenant.clone())
}
