//! Requests to a service as a caller: tokens, GET requests, and the POST of a push.

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

use super::{
    outcome::{PushBody, PushOutcome, ServiceError, error_of, is_page},
    wire,
};
use crate::{
    config::{Lookup, ServiceConfig},
    http::{self, Answer, ClientError, NoAnswer},
    identity::{SignIn, is_lasting},
    import::reason::{NoOutcome, Operation, Reason},
    schema::{Credential, PayloadFormat, ServiceIdentity},
};

/// The largest answer that is read; the status of an ingestion has some hundred bytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;
const SCALE_UNIT: &str = "x-nova-scaleunit";

/// What all callers share: the client and the cache of tokens.
pub(super) struct Session {
    client: Client,
    config: ServiceConfig,
    sign_in: SignIn,
    credentials: Mutex<HashMap<(Credential, String), Arc<dyn TokenCredential>>>,
}

/// What every attempt of a GET request shares.
pub(super) struct Question<'a> {
    pub(super) caller: &'a ServiceIdentity,
    pub(super) scale_unit: Option<&'a str>,
    pub(super) max_bytes: usize,
    pub(super) now: OffsetDateTime,
}

impl Session {
    pub(super) fn new(config: ServiceConfig, setting: Arc<Lookup>) -> Result<Self, ClientError> {
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

    /// A token of the caller for the service.
    ///
    /// # Errors
    /// If no token is issued.
    pub(super) async fn token(
        &self,
        caller: &ServiceIdentity,
    ) -> Result<AccessToken, ServiceError> {
        let credential = self.credential(caller)?;
        credential.get_token(&[&self.config.scope], None).await.map_err(|error| {
            // A person may correct the settings that the credential was created from.
            self.forget_token(caller);
            let detail = crate::http::azure::sentence(&error).into();
            ServiceError::later(if is_lasting(&error) {
                Reason::CredentialFailed { detail }
            } else {
                Reason::SignInUnavailable { detail }
            })
        })
    }

    /// The tenant's scale unit, as the service reports it.
    ///
    /// # Errors
    /// If the service does not report it.
    pub(super) async fn discover(
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
        wire::scale_unit(&answer.body).ok_or_else(|| {
            ServiceError::unreadable(Operation::ScaleUnit, "it contains no scale unit")
        })
    }

    /// Posts the body of a push once, within `limit`.
    ///
    /// # Errors
    /// The outcome of the push, if the service did not answer.
    pub(super) async fn post<S>(
        &self,
        caller: &ServiceIdentity,
        path: &str,
        scale_unit: &str,
        body: PushBody<S>,
        limit: Duration,
        now: OffsetDateTime,
    ) -> Result<Answer, PushOutcome>
    where
        S: Stream<Item = azure_core::Result<Bytes>> + Send + 'static,
    {
        let started = Instant::now();
        let token = match timeout(limit, self.bearer(caller)).await {
            Ok(Ok(token)) => token,
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => {
                let detail = "no answer arrived in time".into();
                return Err(ServiceError::later(Reason::SignInUnavailable { detail }).into());
            }
        };
        let limit = limit.saturating_sub(started.elapsed());
        let request = self
            .client
            .post(self.url(path))
            .header(AUTHORIZATION, token)
            .header(ACCEPT, "application/json")
            .header(SCALE_UNIT, scale_unit);
        let answer = http::send(self.with(request, body), limit, MAX_ANSWER_BYTES, now).await;
        answer.map_err(|no_answer| match no_answer {
            NoAnswer::NotSent(why) => {
                let reason = Reason::ServiceUnreachable { detail: why.into() };
                PushOutcome::NotSent { reason, retry_at: None }
            }
            NoAnswer::Lost(why) => PushOutcome::OutcomeUnknown(NoOutcome::NoAnswer(why.into())),
        })
    }

    /// The request with its body.
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

    /// Requests JSON at `path`; if the answer is 404, at the next of the `others`.
    ///
    /// After a 401 or a sign-in page, it tries once more with a new token.
    pub(super) async fn ask(
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

    pub(super) async fn get_any(
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

    async fn bearer(&self, caller: &ServiceIdentity) -> Result<HeaderValue, ServiceError> {
        let token = self.token(caller).await?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.token.secret()))
            .map_err(|_| {
                let detail =
                    "the token contains a line break or another character that no token has; \
                              it must be one line"
                        .into();
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

    /// Drops the credential with its cached token, so that the next request gets a new one.
    pub(super) fn forget_token(&self, caller: &ServiceIdentity) {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        credentials.remove(&key(caller));
    }
}

/// The key of a cached credential: who signs in, and in which tenant.
fn key(caller: &ServiceIdentity) -> (Credential, String) {
    (caller.credential.clone(), caller.tenant.clone())
}
