//! The core of the running host. Every call goes through `Runtime::run`, whatever caused it.
//!
//! Browsers and programs use the front end. It listens only on 127.0.0.1. If the `authLevel` of a function
//! requires a key, the front end requires it in `?code=` or `x-functions-key`, as the host does in Azure. Like
//! App Service authentication, it rejects a form of a signed-in user if `Origin` is not the address of the page.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use azure_core::Uuid;
use bytes::Bytes;
use futures::{StreamExt, stream};
use reqwest::{
    Client, Method, StatusCode,
    header::{
        CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
        TRANSFER_ENCODING, USER_AGENT,
    },
    redirect,
};
use serde_json::{Map, Value};
use tokio::{
    net::TcpListener,
    task::AbortHandle,
    time::{Instant, timeout},
};
use tracing::Level;
use url::form_urlencoded;

use super::{
    Cause, HostError, HttpAnswer, Invocation, LogLine, Outcome,
    app::App,
    function::{Auth, Function, Trigger},
    invocation::{self, Answer, Judgement},
    journal::{Journal, now},
    worker::Worker,
};
use crate::http::{self, ClientError, chain};

/// The version of the host that this emulation reports.
const VERSION: &str = "4.1037.0.0";
const HOST_VERSION: HeaderName = HeaderName::from_static("x-azure-functions-hostversion");
const INVOCATION_ID: HeaderName = HeaderName::from_static("x-azure-functions-invocationid");
const MS_INVOCATION_ID: HeaderName = HeaderName::from_static("x-ms-invocation-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The header that App Service authentication adds to a request of a signed-in user.
const PRINCIPAL_NAME: HeaderName = HeaderName::from_static("x-ms-client-principal-name");
const TRACE: HeaderName = HeaderName::from_static("traceparent");
/// How long a call can continue after the functionTimeout (`TimeoutAttribute` of the `WebJobs` SDK).
const GRACE: Duration = Duration::from_secs(2);
/// Size of a chunk of a body.
const CHUNK: usize = 16 * 1024;

/// What the listeners share.
#[derive(Debug)]
pub(super) struct Runtime {
    pub(super) app: Arc<App>,
    pub(super) worker: Worker,
    pub(super) log: Arc<Journal<LogLine>>,
    pub(super) invocations: Journal<Invocation>,
    pub(super) client: Client,
}

/// The client for the handler: with keep-alive, without a proxy, without redirects.
pub(super) fn client() -> Result<Client, ClientError> {
    let builder = Client::builder()
        .no_proxy()
        .tls_certs_only([]) // the handler speaks plain http
        .redirect(redirect::Policy::none())
        .pool_idle_timeout(Duration::from_mins(1));
    http::build(builder, "the handler")
}

impl Runtime {
    /// Calls a function with a body.
    pub(super) async fn call(
        &self,
        function: &str,
        cause: Cause,
        reason: &str,
        body: Value,
    ) -> Outcome {
        let id = Uuid::new_v4().to_string();
        self.run(&id, function, cause, reason, self.post(function, &id, &body)).await
    }

    /// Proxies a request to its function.
    pub(super) async fn http(
        &self,
        method: Method,
        path_and_query: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> HttpAnswer {
        let path = path_and_query.split('?').next().unwrap_or_default();
        let Some(function) = self.function_of(&method, path) else {
            return HttpAnswer::empty(StatusCode::NOT_FOUND);
        };
        let mut answer = HttpAnswer::empty(StatusCode::INTERNAL_SERVER_ERROR);
        let id = Uuid::new_v4().to_string();
        let cause = Cause::Http { request: format!("{method} {path}") };
        let reason = "This function was programmatically called via the host APIs.";
        let proxied = async {
            match self.proxy(&id, method, path_and_query, headers, body).await {
                Ok(proxied) => {
                    answer = proxied;
                    Outcome::Succeeded(Answer::default())
                }
                Err(error) => Outcome::Failed { why: error.to_string() },
            }
        };
        self.run(&id, &function.name, cause, reason, proxied).await;
        answer
    }

    /// The HTTP function that answers a request.
    pub(super) fn function_of(&self, method: &Method, path: &str) -> Option<&Function> {
        let prefix = self.app.route_prefix.trim_matches('/');
        let route = path.trim_start_matches('/').strip_prefix(prefix);
        let route = route.filter(|rest| prefix.is_empty() || rest.starts_with('/'))?;
        self.app.functions.iter().find(|function| function.answers(method.as_str(), route))
    }

    /// Runs a call and records its outcome.
    async fn run(
        &self,
        id: &str,
        function: &str,
        cause: Cause,
        reason: &str,
        call: impl Future<Output = Outcome>,
    ) -> Outcome {
        let category = format!("Function.{function}");
        let log = |level, message: String| self.log.log(level, &category, message);
        log(Level::INFO, format!("Executing 'Functions.{function}' (Reason='{reason}', Id={id})"));
        let started = Instant::now();
        let outcome = match self.app.timeout {
            None => call.await,
            Some(limit) => self.within(limit, id, function, call).await,
        };
        let took = started.elapsed();
        let end = |how: &str| {
            format!(
                "Executed 'Functions.{function}' ({how}, Id={id}, Duration={}ms)",
                took.as_millis()
            )
        };
        match &outcome {
            Outcome::Succeeded(answer) => {
                for line in &answer.logs {
                    self.log.log(Level::INFO, &format!("{category}.User"), line);
                }
                log(Level::INFO, end("Succeeded"));
            }
            Outcome::Failed { why } => log(Level::ERROR, format!("{} {why}", end("Failed"))),
            Outcome::TimedOut => log(Level::ERROR, end("Failed")),
        }
        self.invocations.push(Invocation {
            id: id.to_owned(),
            function: function.to_owned(),
            cause,
            outcome: outcome.clone(),
            took,
        });
        outcome
    }

    /// Runs a call under the functionTimeout.
    ///
    /// If a call is still running after the timeout and the grace period, the host kills the process, and
    /// with it every other call in progress (`WebScriptHostExceptionHandler`).
    async fn within(
        &self,
        limit: Duration,
        id: &str,
        function: &str,
        call: impl Future<Output = Outcome>,
    ) -> Outcome {
        let mut call = Box::pin(call);
        if let Ok(outcome) = timeout(limit, &mut call).await {
            return outcome;
        }
        self.log.log(
            Level::ERROR,
            &format!("Function.{function}"),
            format!(
                "Timeout value of {limit:?} exceeded by function 'Functions.{function}' \
                 (Id: '{id}'). Initiating cancellation."
            ),
        );
        if timeout(GRACE, &mut call).await.is_err() {
            let message = format!("'Functions.{function}' has not ended: the handler is killed");
            self.log.host(Level::ERROR, message);
            self.worker.restart().await;
        }
        Outcome::TimedOut
    }

    /// Posts the body and evaluates the answer. Never returns if the real host would not.
    async fn post(&self, function: &str, id: &str, body: &Value) -> Outcome {
        if let Err(error) = self.worker.ready().await {
            return Outcome::Failed { why: error.to_string() };
        }
        let mut headers = self.headers(id);
        headers.insert(USER_AGENT, value(&format!("Azure-Functions-Host/{VERSION}")));
        headers.insert(TRACE, value(&trace()));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        let url = format!("http://127.0.0.1:{}/{function}", self.worker.port);
        let request = self.client.post(url).headers(headers).body(chunked(&body.to_string()));
        let answer = async {
            let answer = request.send().await?;
            let status = answer.status().as_u16();
            let media = answer.headers().get(CONTENT_TYPE).cloned();
            Ok::<_, reqwest::Error>((status, media, answer.bytes().await?))
        };
        let (status, media, body) = match answer.await {
            Ok(answer) => answer,
            Err(error) => return Outcome::Failed { why: chain(&error) },
        };
        let media = media.as_ref().and_then(|media| media.to_str().ok());
        match invocation::judge(status, media, &body) {
            Judgement::Success(answer) => Outcome::Succeeded(answer),
            Judgement::Failure(why) => Outcome::Failed { why },
            Judgement::Hang => {
                let message = "the answer has an empty body: the host keeps waiting";
                self.log.log(Level::WARN, &format!("Function.{function}"), message);
                std::future::pending().await
            }
        }
    }

    /// Forwards the request with its path and with the three headers of the host. The host replaces the
    /// `x-forwarded` headers, except a protocol that the front end of the platform has set
    /// (`AppServiceHeaderFixupMiddleware`).
    async fn proxy(
        &self,
        id: &str,
        method: Method,
        path_and_query: &str,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<HttpAnswer, HostError> {
        self.worker.ready().await?;
        let host = headers.get(HOST).cloned().unwrap_or(HeaderValue::from_static("localhost"));
        headers.insert(FORWARDED_HOST, host);
        headers.insert(FORWARDED_FOR, HeaderValue::from_static("127.0.0.1"));
        headers.entry(FORWARDED_PROTO).or_insert(HeaderValue::from_static("http"));
        for hop in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
            headers.remove(hop);
        }
        for (name, value) in &self.headers(id) {
            headers.insert(name, value.clone());
        }
        headers.insert(MS_INVOCATION_ID, value(id));
        let url = format!("http://127.0.0.1:{}{path_and_query}", self.worker.port);
        let answer = self.client.request(method, url).headers(headers).body(body).send().await?;
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove(CONNECTION);
        headers.remove(TRANSFER_ENCODING);
        Ok(HttpAnswer { status, headers, body: answer.bytes().await? })
    }

    fn headers(&self, id: &str) -> HeaderMap {
        let port = self.worker.port;
        HeaderMap::from_iter([
            (HOST, value(&format!("127.0.0.1:{port}"))),
            (HOST_VERSION, HeaderValue::from_static(VERSION)),
            (INVOCATION_ID, value(id)),
        ])
    }

    /// The entry `sys` of a call's metadata.
    pub(super) fn sys(function: &str) -> Value {
        invocation::sys(function, now(), &Uuid::new_v4().to_string())
    }
}

/// The metadata of a call that contains only the entry of the host.
pub(super) fn only_sys(function: &str) -> Map<String, Value> {
    Map::from_iter([("sys".to_owned(), Runtime::sys(function))])
}

/// A body without a length, so that reqwest sends it in chunks, as the host does.
fn chunked(body: &str) -> reqwest::Body {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let starts = (0..body.len()).step_by(CHUNK);
    let chunks: Vec<_> =
        starts.map(|start| body.slice(start..body.len().min(start + CHUNK))).collect();
    reqwest::Body::wrap_stream(stream::iter(chunks).map(Ok::<_, std::io::Error>))
}

/// A W3C trace context that is not sampled.
fn trace() -> String {
    let span = Uuid::new_v4().simple().to_string();
    format!("00-{}-{}-00", Uuid::new_v4().simple(), &span[..16])
}

/// The value of a header. Every text that is passed here is valid.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// The largest body that is forwarded.
const MAX_BODY_BYTES: usize = 1 << 20;

/// An open front end; dropping it closes it.
#[derive(Debug)]
pub struct Front {
    /// Where it listens.
    pub address: SocketAddr,
    serving: AbortHandle,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What the front end checks a request with.
struct Gate {
    runtime: Arc<Runtime>,
    /// The key for every function.
    key: String,
}

/// The key for one function.
#[must_use]
pub fn function_key(key: &str, function: &str) -> String {
    format!("{key}-of-{function}")
}

impl Front {
    /// Opens a front end that accepts requests with `key`.
    pub(super) async fn open(runtime: Arc<Runtime>, key: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let gate = Arc::new(Gate { runtime, key: key.to_owned() });
        let router = Router::new().fallback(pass).with_state(gate);
        let serving = tokio::spawn(async move {
            // It ends with the task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, serving: serving.abort_handle() })
    }
}

/// Forwards a request if its key is right or its function needs none.
async fn pass(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let path = head.uri.path_and_query().map_or("/", |whole| whole.as_str()).to_owned();
    let function = gate.runtime.function_of(&head.method, head.uri.path());
    let needs_key = function.is_some_and(
        |function| matches!(function.trigger, Trigger::Http { auth, .. } if auth == Auth::Key),
    );
    let own = function.map(|function| function_key(&gate.key, &function.name));
    let is_right = |key: &str| key == gate.key || own.as_deref() == Some(key);
    let in_header = head.headers.get("x-functions-key").and_then(|key| key.to_str().ok());
    let query = head.uri.query().unwrap_or_default();
    let in_query = form_urlencoded::parse(query.as_bytes())
        .any(|(name, value)| name == "code" && is_right(&value));
    if needs_key && !in_header.is_some_and(is_right) && !in_query {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if head.method == Method::POST && !is_accepted(&head.headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let answer = gate.runtime.http(head.method, &path, head.headers, body).await;
    // Unchanged: an answer without a media type gets none here.
    (answer.status, answer.headers, axum::body::Body::from(answer.body)).into_response()
}

/// Whether App Service authentication would accept a form: nobody is signed in, or the form comes from the
/// address to which it is sent. Source: "Authentication and authorization in Azure App Service", on CSRF.
fn is_accepted(headers: &HeaderMap) -> bool {
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    !headers.contains_key(PRINCIPAL_NAME) || origin == format!("http://{host}")
}
