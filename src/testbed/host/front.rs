//! The front end of the host, for browsers and programs. It listens only on 127.0.0.1.
//!
//! If the `authLevel` of a function requires a key, the front end requires it in `?code=` or `x-functions-key`, as
//! the host does in Azure. The addresses below `/admin` require the master key. `/` is the start page of the host.
//! When the host is gone, its connections close and new ones are refused.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::request::Parts,
    response::{Html, IntoResponse as _, Response},
    serve::Listener,
};
use bytes::Bytes;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use url::form_urlencoded;

use super::{
    auth::{Authentication, User},
    function::{Auth, Trigger},
    proxy::Route,
    runtime::{Runtime, VERSION, header},
    timer::Timer,
};

/// The largest body that the host accepts (`FUNCTIONS_REQUEST_BODY_SIZE_LIMIT`).
const MAX_BODY_BYTES: usize = 100 << 20;
/// In the place of Microsoft's page of 150 kB.
/// It names an icon: otherwise browsers request `/favicon.ico`, some time later.
const START_PAGE: &str = "<!DOCTYPE html><title>Functions</title><link rel=\"icon\" href=\"data:,\">\
                          <p>Your Functions 4.0 app is up and running";

/// An open front end; dropping it closes it.
#[derive(Debug)]
pub struct Front {
    /// Where it listens.
    pub address: SocketAddr,
    gate: Arc<Gate>,
    serving: AbortHandle,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What the front end checks a request with.
#[derive(Debug)]
struct Gate {
    runtime: Arc<Runtime>,
    timers: Vec<Arc<Timer>>,
    /// The key for every function.
    key: String,
    /// `None` if App Service Authentication is off.
    authentication: Option<Authentication>,
}

/// The key for one function.
#[must_use]
pub fn function_key(key: &str, function: &str) -> String {
    format!("{key}-of-{function}")
}

impl Front {
    /// Opens a front end that accepts requests with `key`.
    pub(super) async fn open(
        runtime: Arc<Runtime>,
        timers: Vec<Arc<Timer>>,
        key: &str,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let gone = runtime.gone.clone();
        let authentication = Authentication::new(&runtime.app.settings);
        let gate = Arc::new(Gate { runtime, timers, key: key.to_owned(), authentication });
        let router = Router::new().fallback(pass).with_state(gate.clone());
        let listener = Closing { listener, gone: gone.clone() };
        let serving = tokio::spawn(async move {
            tokio::select! {
                // It never ends.
                _ = async { axum::serve(listener, router).await } => {}
                () = gone.cancelled() => {}
            }
        });
        Ok(Self { address, gate, serving: serving.abort_handle() })
    }

    /// The address at which a browser signs in as a user with these app roles, by a session cookie. `None` if App
    /// Service Authentication is off.
    #[must_use]
    pub fn sign_in(&self, name: &str, roles: &[&str]) -> Option<String> {
        let path = self.gate.authentication.as_ref()?.session(User::new(name, roles));
        Some(format!("http://{}{path}", self.address))
    }
}

/// Answers a request as the platform or the host, or sends it to its function.
async fn pass(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    if let Some(authentication) = &gate.authentication
        && let Some(answer) = authentication.check(&mut head)
    {
        return answer;
    }
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    if head.uri.path() == "/" {
        return start_page(&gate);
    }
    if let Some(path) = head.uri.path().strip_prefix("/admin/") {
        return administer(&gate, &head, path, &body);
    }
    let is_open = match gate.runtime.route(&head.method, head.uri.path()) {
        Route::Function { function, .. } => {
            let is_open = matches!(
                function.trigger,
                Trigger::Http { auth: Auth::Anonymous, .. } // others need a key
            );
            is_open || gate.has_key(&head, Some(&function.name))
        }
        Route::NotFound | Route::BadRequest => true,
    };
    if !is_open {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let path = head.uri.path_and_query().map_or("/", |whole| whole.as_str()).to_owned();
    let answer = gate.runtime.http(head.method, &path, head.headers, body).await;
    // Unchanged: an answer without a media type gets none here.
    (answer.status, answer.headers, Body::from(answer.body)).into_response()
}

impl Gate {
    /// Whether a request has the master key, or the key of the function.
    fn has_key(&self, head: &Parts, function: Option<&str>) -> bool {
        let own = function.map(|function| function_key(&self.key, function));
        let is_right = |key: &str| key == self.key || own.as_deref() == Some(key);
        let query = head.uri.query().unwrap_or_default();
        let in_query = form_urlencoded::parse(query.as_bytes())
            .any(|(name, value)| name == "code" && is_right(&value));
        in_query || header(&head.headers, "x-functions-key").is_some_and(is_right)
    }
}

/// The start page, or nothing if `AzureWebJobsDisableHomepage` is set (`HomepageMiddleware`).
fn start_page(gate: &Gate) -> Response {
    if gate.runtime.app.settings.is_true("AzureWebJobsDisableHomepage") {
        StatusCode::NO_CONTENT.into_response()
    } else {
        Html(START_PAGE).into_response()
    }
}

/// The addresses for administrators, as far as they are emulated.
fn administer(gate: &Gate, head: &Parts, path: &str, body: &Bytes) -> Response {
    #[derive(Deserialize)]
    struct Run {
        #[serde(default)]
        input: String,
    }
    if !gate.has_key(head, None) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let function = path.strip_prefix("functions/");
    match (&head.method, path, function) {
        (&Method::GET, "host/status", _) => {
            Json(json!({ "state": "Running", "version": VERSION })).into_response()
        }
        (&Method::POST, "host/drain", _) => {
            gate.runtime.stopping.cancel();
            StatusCode::ACCEPTED.into_response()
        }
        (&Method::POST, _, Some(function)) => {
            let Ok(Run { input }) = serde_json::from_slice(body) else {
                return StatusCode::BAD_REQUEST.into_response();
            };
            run_by_hand(gate, function, input).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Starts a function by hand. The host answers before it ends.
fn run_by_hand(gate: &Gate, function: &str, input: String) -> StatusCode {
    let timer = gate.timers.iter().find(|timer| timer.function.eq_ignore_ascii_case(function));
    match (timer.cloned(), gate.runtime.app.function(function)) {
        (Some(timer), _) => {
            let gone = gate.runtime.gone.clone();
            tokio::spawn(async move {
                tokio::select! {
                    _ = timer.fire_by_hand(&input) => {}
                    () = gone.cancelled() => {}
                }
            });
            StatusCode::ACCEPTED
        }
        // What the handler would get is not known.
        (None, Some(_)) => StatusCode::NOT_IMPLEMENTED,
        (None, None) => StatusCode::NOT_FOUND,
    }
}

/// A listener whose connections break when the host is gone.
struct Closing {
    listener: TcpListener,
    gone: CancellationToken,
}

impl Listener for Closing {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        (Connection { stream, gone: Box::pin(self.gone.clone().cancelled_owned()) }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that breaks when the host is gone. The server reads from it while a function runs, too.
struct Connection {
    stream: TcpStream,
    gone: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.gone.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
