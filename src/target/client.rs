//! Requests to a service for one caller. Each is recorded, with what support needs to find it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use azure_core::{Uuid, credentials::AccessToken};
use bytes::Bytes;
use futures::Stream;
use reqwest::{
    Body, RequestBuilder, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue},
    multipart::{Form, Part},
};
use time::OffsetDateTime;
use tokio::time::timeout;

use super::{
    outcome::{PushBody, PushOutcome, ServiceError, error_of, is_html, is_sign_in},
    session::Session,
    trace,
    upload::{Handed, counted},
};
use crate::{
    http::{self, Answer, NoAnswer},
    identity::{Claims, sign_in_details},
    import::{
        diagnostics::{Exchange, TokenIds},
        reason::{NoOutcome, Operation, Reason, Text},
    },
    schema::{PayloadFormat, ServiceIdentity},
};

/// The largest answer that is read; the status of an ingestion has some hundred bytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;
const SCALE_UNIT: &str = "x-nova-scaleunit";
/// By this header of a request, services of Azure find it in their logs.
const CLIENT_REQUEST_ID: &str = "x-ms-client-request-id";

/// A client of the service for one caller, to be used for one step: it dates what it records by the time of its
/// creation and a monotonic clock.
pub struct Client<'a> {
    session: &'a Session,
    pub(super) caller: &'a ServiceIdentity,
    now: OffsetDateTime,
    created: Instant,
    trail: Mutex<Trail>,
}

/// What a client has sent and received.
#[derive(Default)]
struct Trail {
    exchanges: Vec<Exchange>,
    answer: Option<Arc<Answer>>,
}

/// What the attempts of a GET request share.
pub(super) struct Question<'a> {
    pub(super) operation: Operation,
    pub(super) scale_unit: Option<&'a str>,
    pub(super) accept: &'static str,
    pub(super) max_bytes: usize,
}

impl<'a> Question<'a> {
    /// A question whose answer is JSON.
    pub(super) fn json(operation: Operation, scale_unit: Option<&'a str>) -> Self {
        Self { operation, scale_unit, accept: "application/json", max_bytes: MAX_ANSWER_BYTES }
    }
}

impl<'a> Client<'a> {
    pub(super) fn new(
        session: &'a Session,
        caller: &'a ServiceIdentity,
        now: OffsetDateTime,
    ) -> Self {
        Self { session, caller, now, created: Instant::now(), trail: Mutex::default() }
    }

    /// As whom it sends.
    pub(crate) fn caller(&self) -> &'a ServiceIdentity {
        self.caller
    }

    /// The requests since the last call, oldest first.
    pub(crate) fn take_exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.trail().exchanges)
    }

    /// The answer to the last request, except that for an error file; `None` if none arrived.
    #[must_use]
    pub fn last_answer(&self) -> Option<Arc<Answer>> {
        self.trail().answer.clone()
    }

    fn trail(&self) -> std::sync::MutexGuard<'_, Trail> {
        self.trail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn time(&self) -> OffsetDateTime {
        self.now + self.created.elapsed()
    }

    /// A token of the caller.
    ///
    /// # Errors
    /// If no token is issued.
    pub async fn token(&self) -> Result<AccessToken, ServiceError> {
        self.session.token(self.caller).await.map_err(|(error, cause)| {
            let details = cause.as_ref().map(sign_in_details).unwrap_or_default();
            let ids = [details.trace_id, details.correlation_id];
            let date = details.timestamp.map(|at| ("date".to_owned(), at.into()));
            self.record(Exchange {
                headers: date.into_iter().collect(),
                codes: details.codes.into_iter().map(Text::from).collect(),
                ids: ids.into_iter().flatten().map(Text::from).collect(),
                ..Exchange::new(Operation::SignIn, self.time())
            });
            error
        })
    }

    /// Posts the body of a push once, within `limit`.
    ///
    /// # Errors
    /// The outcome of the push, if the service did not answer.
    pub(super) async fn post<S>(
        &self,
        path: &str,
        scale_unit: &str,
        body: PushBody<S>,
        limit: Duration,
    ) -> Result<Arc<Answer>, PushOutcome>
    where
        S: Stream<Item = azure_core::Result<Bytes>> + Send + 'static,
    {
        let started = Instant::now();
        let (token, ids) = match timeout(limit, self.bearer()).await {
            Ok(Ok(token)) => token,
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => {
                let detail = "no answer arrived in time".into();
                return Err(ServiceError::later(Reason::SignInUnavailable { detail }).into());
            }
        };
        let limit = limit.saturating_sub(started.elapsed());
        let (bytes, handed) = (body.bytes, Handed::default());
        let request = self
            .session
            .http
            .post(self.url(path))
            .header(AUTHORIZATION, token)
            .header(ACCEPT, "application/json")
            .header(SCALE_UNIT, scale_unit);
        let request = self.with(request, body, handed.clone());
        let question = Question::json(Operation::Push, Some(scale_unit));
        let answer = self.send(request, &question, ids, limit).await;
        let has_all = handed.seal() >= bytes;
        answer.map_err(|no_answer| match no_answer {
            NoAnswer::NotSent(why) => not_sent(why.into()),
            NoAnswer::Lost(why) if !has_all => {
                not_sent(format!("{why}, before the whole file was sent").into())
            }
            NoAnswer::Lost(why) => PushOutcome::OutcomeUnknown(NoOutcome::NoAnswer(why.into())),
        })
    }

    /// The request with its body.
    fn with<S>(&self, request: RequestBuilder, body: PushBody<S>, handed: Handed) -> RequestBuilder
    where
        S: Stream<Item = azure_core::Result<Bytes>> + Send + 'static,
    {
        let PushBody { upload, bytes, content } = body;
        let body = Body::wrap_stream(counted(content, handed));
        let config = &self.session.config;
        match upload {
            PayloadFormat::Zip => {
                let part = Part::stream_with_length(body, bytes);
                let part = part.file_name(config.file_name.clone());
                request.multipart(Form::new().part(config.part_name.clone(), part))
            }
            PayloadFormat::Csv | PayloadFormat::Json => request
                .header(CONTENT_TYPE, upload.media_type())
                .header(CONTENT_LENGTH, bytes)
                .body(body),
        }
    }

    /// Requests the first of `paths`; while the answer is 404, the next one. Returns the answer and the place of
    /// its path.
    ///
    /// If the token seems not to be accepted, it tries once more with a new one.
    pub(super) async fn ask(
        &self,
        question: &Question<'_>,
        paths: &[String],
    ) -> Result<(usize, Arc<Answer>), ServiceError> {
        let found = self.first_found(question, paths).await?;
        let answer = &found.1;
        // The error file may be a document that begins like a page.
        let is_file = question.operation == Operation::Errors
            && answer.status.is_success()
            && !is_html(&answer.body);
        if is_file || !(is_sign_in(answer) || answer.status.is_redirection()) {
            return Ok(found);
        }
        self.forget_token();
        self.first_found(question, paths).await
    }

    async fn first_found(
        &self,
        question: &Question<'_>,
        paths: &[String],
    ) -> Result<(usize, Arc<Answer>), ServiceError> {
        let mut place = 0;
        loop {
            let path = paths.get(place).map(String::as_str).unwrap_or_default();
            let answer = self.get(question, path).await?;
            if answer.status != StatusCode::NOT_FOUND || place + 1 >= paths.len() {
                return Ok((place, answer));
            }
            place += 1;
        }
    }

    async fn get(&self, question: &Question<'_>, path: &str) -> Result<Arc<Answer>, ServiceError> {
        let (token, ids) = self.bearer().await?;
        let mut request = self
            .session
            .http
            .get(self.url(path))
            .header(AUTHORIZATION, token)
            .header(ACCEPT, question.accept);
        if let Some(scale_unit) = question.scale_unit {
            request = request.header(SCALE_UNIT, scale_unit);
        }
        let answer = self.send(request, question, ids, self.session.config.answer_timeout).await;
        answer.map_err(|no_answer| {
            let detail = no_answer.why().into();
            ServiceError::later(Reason::ServiceUnreachable { detail })
        })
    }

    /// Sends a request under an id of its own, and records it.
    async fn send(
        &self,
        request: RequestBuilder,
        question: &Question<'_>,
        token: Option<TokenIds>,
        limit: Duration,
    ) -> Result<Arc<Answer>, NoAnswer> {
        let id = Uuid::new_v4().to_string();
        let request = request.header(CLIENT_REQUEST_ID, &id);
        // Recorded before it is sent, so that one that is broken off is on record, too.
        let place = self.record(Exchange {
            client_request_id: Some(id.into()),
            scale_unit: question.scale_unit.map(Text::from),
            token,
            ..Exchange::new(question.operation, self.time())
        });
        // An error file may be large, and the status before it says more.
        let is_kept = question.operation != Operation::Errors;
        if is_kept {
            self.trail().answer = None;
        }
        let answer = http::send(request, limit, question.max_bytes, self.time()).await?;
        let answer = Arc::new(answer);
        let said = trace::said(question.operation, &answer);
        let mut trail = self.trail();
        if let Some(exchange) = trail.exchanges.get_mut(place) {
            exchange.at = self.time();
            exchange.status = Some(answer.status.as_u16());
            exchange.headers = trace::headers(&answer.headers);
            exchange.codes = trace::codes(&said);
            exchange.ids = trace::guids(&said);
        }
        if is_kept {
            trail.answer = Some(answer.clone());
        }
        drop(trail);
        Ok(answer)
    }

    /// Adds a request; returns its place.
    fn record(&self, exchange: Exchange) -> usize {
        let mut trail = self.trail();
        trail.exchanges.push(exchange);
        trail.exchanges.len() - 1
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.session.config.endpoint.as_str().trim_end_matches('/'))
    }

    /// The value of the `Authorization` header, and what identifies its token.
    async fn bearer(&self) -> Result<(HeaderValue, Option<TokenIds>), ServiceError> {
        let token = self.token().await?.token;
        let mut value =
            HeaderValue::from_str(&format!("Bearer {}", token.secret())).map_err(|_| {
                let detail =
                    "the token contains a line break or another character that no token has; \
                              it must be one line"
                        .into();
                ServiceError::later(Reason::CredentialFailed { detail })
            })?;
        value.set_sensitive(true);
        Ok((value, Claims::of(&token).map(trace::token_ids)))
    }

    /// Drops the cached token, so that the next request gets a new one.
    pub(super) fn forget_token(&self) {
        self.session.forget_token(self.caller);
    }

    /// The error of the last answer, which is not a success.
    pub(super) fn error_of(&self, answer: &Answer, operation: Operation) -> ServiceError {
        let mut error = error_of(answer, operation);
        if let ServiceError::Forbidden { token_tenant } = &mut error {
            *token_tenant = self.foreign_tenant();
        }
        error
    }

    /// The tenant of the last token, if it is not the tenant of the caller.
    fn foreign_tenant(&self) -> Option<Text> {
        let trail = self.trail();
        let tenant = trail.exchanges.last()?.token.as_ref()?.tid.clone()?;
        (!tenant.eq_ignore_ascii_case(&self.caller.tenant)).then_some(tenant)
    }
}

/// The service does not have the file, and a later push may succeed.
pub(super) fn not_sent(detail: Text) -> PushOutcome {
    PushOutcome::NotSent { reason: Reason::ServiceUnreachable { detail }, retry_at: None }
}
