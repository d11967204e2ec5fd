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

use azure_core::credentials::TokenCredential;
use bytes::Bytes;
use futures::Stream;
use reqwest::{
    Body, Client, StatusCode,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
    multipart::{Form, Part},
};
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::{
    azure::{self, identity::SignIn},
    config::{Lookup, ServiceConfig},
    connection::{Connection, Credential, json},
    http::{self, Answer, NoAnswer},
    run::{Event, IngestionId, Run},
    runs::Claim,
};

pub mod wire;

/// Largest answer that is read; a word about an ingestion has some hundred bytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Most of an error file that is kept.
const MAX_ERRORS_BYTES: usize = 16 << 20;
const SCALE_UNIT: &str = "x-nova-scaleunit";

/// What a 403 can mean; the service does not say which.
const FORBIDDEN: &str = "the service answered 403, which means one of three: the connector was \
     never set up or was removed in Viva Insights; the client id entered there is not the one that \
     pushes; or the token was not accepted. Compare the client id under Data connections with the \
     credential of the connection";

/// What a 401 means.
const UNAUTHORIZED: &str = "the service answered 401; if it does so to a fresh token, compare \
     INGESTION_SCOPE and the credential of the connection";

/// The ingestion service.
pub struct Service {
    client: Client,
    config: ServiceConfig,
    sign_in: SignIn,
    credentials: Mutex<HashMap<(Credential, String), Arc<dyn TokenCredential>>>,
}

/// Why there is no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It may be better later.
    Later {
        /// Why.
        why: String,
        /// When the service wants to be asked again.
        retry_at: Option<OffsetDateTime>,
    },
    /// Nobody of the connection is let in.
    Forbidden,
    /// Asking again will not help.
    Refused(String),
}

impl Trouble {
    fn later(why: impl Into<String>) -> Self {
        Self::Later { why: why.into(), retry_at: None }
    }

    /// What it means for an import that has not been pushed.
    #[must_use]
    pub fn before_push(self) -> Event {
        match self {
            Self::Later { why, retry_at } => Event::Faulted { why, retry_at },
            Self::Forbidden => Event::Forbidden { why: FORBIDDEN.to_owned() },
            Self::Refused(why) => Event::PushRefused { why },
        }
    }

    /// What it means for a push that surely was not taken.
    fn at_push(self) -> Event {
        match self {
            Self::Later { why, retry_at } => Event::NotSent { why, retry_at },
            Self::Forbidden | Self::Refused(_) => self.before_push(),
        }
    }

    /// What it means for an import that the service has: nothing is decided.
    #[must_use]
    pub fn after_push(self) -> Event {
        match self {
            Self::Later { why, retry_at } => Event::Faulted { why, retry_at },
            Self::Forbidden => Event::Faulted { why: FORBIDDEN.to_owned(), retry_at: None },
            Self::Refused(why) => Event::Faulted { why, retry_at: None },
        }
    }
}

impl Service {
    /// A client of the service that `config` names; `setting` finds the secret of a
    /// connection that names one.
    ///
    /// # Errors
    /// Where no TLS can be had.
    pub fn new(config: ServiceConfig, setting: Arc<Lookup>) -> reqwest::Result<Self> {
        let credentials = Mutex::new(HashMap::new());
        let client = http::client(config.is_loopback()).build()?;
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
        connection: &Connection,
        now: OffsetDateTime,
    ) -> Result<String, Trouble> {
        let scale_unit = match self.discover(connection, now).await {
            Ok(scale_unit) => scale_unit,
            Err(trouble) => connection.scale_unit.clone().ok_or(trouble)?,
        };
        let (tenant, connector) = (&connection.tenant, connection.connector.word());
        let connectors = format!("scopes/{tenant}/ingress/connectors");
        let path = format!("{connectors}/{connector}");
        let older = [format!("{connectors}/status?connectorType={connector}")];
        let answer = self.ask(connection, &path, &older, Some(&scale_unit), now).await?;
        match answer.status {
            status if status.is_success() && wire::has_connector(&answer.body) => Ok(scale_unit),
            // Neither the present nor the older path is there: the push itself will tell.
            StatusCode::NOT_FOUND => Ok(scale_unit),
            _ => Err(trouble(&answer, "the question for the connector")),
        }
    }

    /// Pushes a staged zip once; what came of it, as an event of the import.
    ///
    /// The zip is streamed and never held, with a Content-Length, and takes no longer than `limit`.
    pub async fn push<S>(
        &self,
        claim: &Claim,
        connection: &Connection,
        zip: S,
        zip_bytes: u64,
        limit: Duration,
        now: OffsetDateTime,
    ) -> Event
    where
        S: Stream<Item = azure_core::Result<Bytes>> + Send + 'static,
    {
        let started = Instant::now();
        let token = match timeout(limit, self.bearer(connection)).await {
            Ok(Ok(token)) => token,
            Ok(Err(trouble)) => return trouble.at_push(),
            Err(_) => return Trouble::later("signing in to the service took too long").at_push(),
        };
        let limit = limit.saturating_sub(started.elapsed());
        let part = Part::stream_with_length(Body::wrap_stream(zip), zip_bytes)
            .file_name(self.config.file_name.clone());
        let path = format!(
            "scopes/{}/ingress/connectors/{}/ingestions/fileIngestion",
            connection.tenant,
            connection.connector.word()
        );
        let request = self
            .client
            .post(self.url(&path))
            .header(AUTHORIZATION, token)
            .header(ACCEPT, "application/json")
            .header(SCALE_UNIT, claim.run().scale_unit.as_deref().unwrap_or_default())
            .multipart(Form::new().part(self.config.part_name.clone(), part));
        match http::send(request, limit, MAX_ANSWER_BYTES, now).await {
            Ok(answer) => self.push_answer(connection, &answer),
            Err(NoAnswer::NotSent(why)) => Event::NotSent { why, retry_at: None },
            Err(NoAnswer::Lost(why)) => Event::AnswerLost { why },
        }
    }

    fn push_answer(&self, connection: &Connection, answer: &Answer) -> Event {
        match answer.status {
            status if status.is_success() => match wire::Ingestion::parse(&answer.body) {
                Ok(ingestion) => {
                    Event::Accepted { id: IngestionId(ingestion.id), status: ingestion.status }
                }
                Err(_) if is_page(&answer.body) => {
                    self.forget_token(connection);
                    Event::TokenRefused { why: sign_in_page() }
                }
                Err(why) => {
                    // It may be a sign-in page that does not look like one.
                    self.forget_token(connection);
                    Event::AnswerLost {
                        why: format!("the answer was {}, but {why}", status.as_u16()),
                    }
                }
            },
            StatusCode::BAD_REQUEST if wire::is_busy(&answer.body) => Event::Busy,
            StatusCode::UNAUTHORIZED => {
                self.forget_token(connection);
                Event::TokenRefused { why: UNAUTHORIZED.to_owned() }
            }
            StatusCode::INTERNAL_SERVER_ERROR => {
                Event::PushFailed { why: "the service answered 500 to the push".to_owned() }
            }
            StatusCode::SERVICE_UNAVAILABLE => trouble(answer, "the push").at_push(),
            // A gateway spoke, not the service: the push may have gone through.
            status if status.is_server_error() => {
                Event::AnswerLost { why: format!("the answer was {}", status.as_u16()) }
            }
            _ => trouble(answer, "the push").at_push(),
        }
    }

    /// Asks where an ingestion stands.
    ///
    /// # Errors
    /// Where there is no usable answer; the ingestion goes on all the same.
    pub async fn status(
        &self,
        run: &Run,
        id: &IngestionId,
        connection: &Connection,
        now: OffsetDateTime,
    ) -> Result<wire::Ingestion, Trouble> {
        // The documented path, then the older one without `fileIngestion`.
        let ingestions = format!("scopes/{}/ingress/connectors/Hr/ingestions", connection.tenant);
        let path = format!("{ingestions}/fileIngestion/{id}");
        let older = [format!("{ingestions}/{id}")];
        let answer = self.ask(connection, &path, &older, run.scale_unit.as_deref(), now).await?;
        if !answer.status.is_success() {
            return Err(trouble(&answer, "the question for the status"));
        }
        wire::Ingestion::parse(&answer.body)
            .map_err(|why| Trouble::later(format!("the status could not be read: {why}")))
    }

    /// Fetches the error stream of an ingestion whose validation failed, or its first 16 MiB.
    ///
    /// # Errors
    /// Where it cannot be had.
    pub async fn errors(
        &self,
        run: &Run,
        id: &IngestionId,
        connection: &Connection,
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, Trouble> {
        // The page prints `/scopes/<tenant>//Hr/...`, from which a part fell out: first the two
        // ways it can be mended, then as printed.
        let scope = format!("scopes/{}", connection.tenant);
        let ingestions = format!("{scope}/ingress/connectors/Hr/ingestions");
        let path = format!("{ingestions}/{id}/errors");
        let others = [
            format!("{ingestions}/fileIngestion/{id}/errors"),
            format!("{scope}//Hr/ingestions/{id}/errors"),
        ];
        let question = Question {
            connection,
            scale_unit: run.scale_unit.as_deref(),
            max_bytes: MAX_ERRORS_BYTES,
            now,
        };
        let answer = self.get_any(&question, &path, &others).await?;
        match answer.status {
            status if status.is_success() && is_html(&answer.body) => {
                Err(Trouble::later(sign_in_page()))
            }
            status if status.is_success() => Ok(answer.body),
            _ => Err(trouble(&answer, "the question for the error file")),
        }
    }

    async fn discover(
        &self,
        connection: &Connection,
        now: OffsetDateTime,
    ) -> Result<String, Trouble> {
        let tenant = &connection.tenant;
        let path = format!("tenants/{tenant}/scopes/{tenant}/scaleUnit");
        let answer = self.ask(connection, &path, &[], None, now).await?;
        if !answer.status.is_success() {
            return Err(trouble(&answer, "the question for the scale unit"));
        }
        wire::scale_unit(&answer.body)
            .ok_or_else(|| Trouble::later("the service's scale unit could not be read"))
    }

    /// Asks for JSON at `path`, or where that is 404 at one of the `others`.
    ///
    /// A 401 or a sign-in page is answered once with a fresh token.
    async fn ask(
        &self,
        connection: &Connection,
        path: &str,
        others: &[String],
        scale_unit: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Answer, Trouble> {
        let question = Question { connection, scale_unit, max_bytes: MAX_ANSWER_BYTES, now };
        let is_sign_in = |answer: &Answer| answer.status.is_success() && is_page(&answer.body);
        let mut answer = self.get_any(&question, path, others).await?;
        if answer.status == StatusCode::UNAUTHORIZED || is_sign_in(&answer) {
            self.forget_token(connection);
            answer = self.get_any(&question, path, others).await?;
        }
        if is_sign_in(&answer) {
            return Err(Trouble::Refused(sign_in_page()));
        }
        Ok(answer)
    }

    async fn get_any(
        &self,
        question: &Question<'_>,
        path: &str,
        others: &[String],
    ) -> Result<Answer, Trouble> {
        let mut answer = self.get(question, path).await?;
        for path in others {
            if answer.status == StatusCode::NOT_FOUND {
                answer = self.get(question, path).await?;
            }
        }
        Ok(answer)
    }

    async fn get(&self, question: &Question<'_>, path: &str) -> Result<Answer, Trouble> {
        let token = self.bearer(question.connection).await?;
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
        answer.map_err(|no_answer| Trouble::later(no_answer.why()))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.config.endpoint.as_str().trim_end_matches('/'))
    }

    async fn bearer(&self, connection: &Connection) -> Result<HeaderValue, Trouble> {
        let credential = self.credential(connection)?;
        let token = credential.get_token(&[&self.config.scope], None).await.map_err(|error| {
            // Somebody may mend what it was made of.
            self.forget_token(connection);
            Trouble::later(signing_in(&azure::sentence(&error)))
        })?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.token.secret()))
            .map_err(|_| Trouble::Refused("the token cannot stand in a header".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn credential(&self, connection: &Connection) -> Result<Arc<dyn TokenCredential>, Trouble> {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(connection);
        if let Some(known) = credentials.get(&key) {
            return Ok(known.clone());
        }
        let made = self.sign_in.credential(&connection.credential, &connection.tenant);
        let made = made.map_err(|why| Trouble::Refused(signing_in(&why)))?;
        credentials.insert(key, made.clone());
        Ok(made)
    }

    /// Drops the credential, and with it its cached token: the next question gets a fresh one.
    fn forget_token(&self, connection: &Connection) {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        credentials.remove(&key(connection));
    }
}

/// Who signs in, and in which tenant.
fn key(connection: &Connection) -> (Credential, String) {
    (connection.credential.clone(), connection.tenant.clone())
}

fn signing_in(why: &str) -> String {
    format!("signing in to the service: {why}")
}

/// What every try of a question has in common.
struct Question<'a> {
    connection: &'a Connection,
    scale_unit: Option<&'a str>,
    max_bytes: usize,
    now: OffsetDateTime,
}

/// What an answer means that is not the one hoped for.
fn trouble(answer: &Answer, to: &str) -> Trouble {
    let status = answer.status.as_u16();
    match answer.status {
        StatusCode::FORBIDDEN => Trouble::Forbidden,
        StatusCode::UNAUTHORIZED => Trouble::Refused(UNAUTHORIZED.to_owned()),
        StatusCode::NOT_FOUND => Trouble::Refused(format!(
            "the service answered 404 to {to}: the tenant id, the scale unit or INGESTION_ENDPOINT \
             is wrong"
        )),
        other if other.is_success() => {
            Trouble::later(format!("the service's answer to {to} could not be read"))
        }
        other if other.is_redirection() => Trouble::Refused(format!(
            "the service answered {status} to {to}, a redirect, which is not followed with a \
             token; compare INGESTION_ENDPOINT"
        )),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Trouble::Later {
            why: format!("the service answered {status} to {to}"),
            retry_at: answer.retry_at,
        },
        other if other.is_server_error() => Trouble::Later {
            why: format!("the service answered {status} to {to}"),
            retry_at: answer.retry_at,
        },
        _ => Trouble::Refused(format!("the service answered {status} to {to}")),
    }
}

/// A page where JSON should be.
fn is_page(body: &[u8]) -> bool {
    json::unmarked(body).trim_ascii_start().first() == Some(&b'<')
}

/// A page where a file of any type may be.
fn is_html(body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&body[..body.len().min(4096)]).to_ascii_lowercase();
    start.contains("<html")
}

fn sign_in_page() -> String {
    "the service answered with a sign-in page instead of data: it did not accept the token; compare \
     INGESTION_SCOPE and the credential of the connection"
        .to_owned()
}
