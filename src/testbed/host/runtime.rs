//! The core of the running host. Every call goes through `Runtime::run`, whatever caused it.

use std::{sync::Arc, time::Duration};

use azure_core::Uuid;
use bytes::Bytes;
use futures::{StreamExt, stream};
use reqwest::{
    Client,
    header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT},
    redirect,
};
use serde_json::{Map, Value};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::Level;

use super::{
    Cause, Group, HostStorage, Invocation, LogLine, Outcome,
    app::App,
    invocation::{self, Judgement},
    journal::{Journal, now},
    worker::Worker,
};
use crate::http::{self, ClientError, chain};

/// The version of the host that this emulation reports.
pub(super) const VERSION: &str = "4.1037.0.0";
pub(super) const HOST_VERSION: HeaderName =
    HeaderName::from_static("x-azure-functions-hostversion");
pub(super) const INVOCATION_ID: HeaderName =
    HeaderName::from_static("x-azure-functions-invocationid");
const TRACE: HeaderName = HeaderName::from_static("traceparent");
/// How long a call can continue after the functionTimeout (`TimeoutAttribute` of the `WebJobs` SDK).
const GRACE: Duration = Duration::from_secs(2);
/// Size of a chunk of a body.
const CHUNK: usize = 1024;
/// The reason of an invocation that no listener caused.
pub(super) const BY_HAND: &str = "This function was programmatically called via the host APIs.";

/// What the listeners share.
#[derive(Debug)]
pub(super) struct Runtime {
    pub(super) app: Arc<App>,
    pub(super) worker: Worker,
    pub(super) log: Arc<Journal<LogLine>>,
    pub(super) invocations: Journal<Invocation>,
    pub(super) client: Client,
    pub(super) storage: HostStorage,
    pub(super) group: Group,
    /// How long a received message stays hidden.
    pub(super) hidden: Duration,
    /// Cancelled when the listeners must stop. What they have begun continues.
    pub(super) stopping: CancellationToken,
    /// Cancelled when the host is gone.
    pub(super) gone: CancellationToken,
    /// The number of invocations in progress.
    pub(super) running: watch::Sender<usize>,
}

/// Counts an invocation while it exists.
struct Running<'a>(&'a watch::Sender<usize>);

impl<'a> Running<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
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

    /// Calls a function because somebody asked for it.
    pub(super) async fn call_by_hand(&self, function: &str, body: Value) -> Outcome {
        self.call(function, Cause::Hand, BY_HAND, body).await
    }

    /// Waits until no invocation is in progress.
    pub(super) async fn idle(&self) {
        // The sender is borrowed here, so it exists.
        let _ = self.running.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Runs a call and records its outcome.
    pub(super) async fn run(
        &self,
        id: &str,
        function: &str,
        cause: Cause,
        reason: &str,
        call: impl Future<Output = Outcome>,
    ) -> Outcome {
        let _running = Running::new(&self.running);
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
        let request =
            self.client.post(url).headers(headers).body(chunked(&body.to_string().into()));
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

    /// The headers of the host for a call of the handler.
    pub(super) fn headers(&self, id: &str) -> HeaderMap {
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
pub(super) fn chunked(body: &Bytes) -> reqwest::Body {
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
pub(super) fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// The text of a header.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
