//! A proxy on loopback in front of the storage account, which records every request.
//!
//! The handler and the host have one each, so that their requests are counted apart.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use percent_encoding::percent_decode_str;
use reqwest::{
    StatusCode,
    header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING},
};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;
use viva_import::config::Endpoints;

use crate::Result;

/// A recorded request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// `blob`, `queue` or `table`.
    pub(crate) service: &'static str,
    pub(crate) method: String,
    /// Path and query, decoded, without the account.
    pub(crate) target: String,
    pub(crate) status: u16,
    /// The writes of a transaction on rows.
    pub(crate) writes: Vec<String>,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, method, target, status, writes } = self;
        write!(f, "{service:<5} {method:<6} {target} -> {status}")?;
        writes.iter().try_for_each(|line| write!(f, "\n        {line}"))
    }
}

/// A running proxy; it stops when dropped.
pub(crate) struct Wire {
    /// The account behind the proxy.
    pub(crate) endpoints: Endpoints,
    book: Arc<Mutex<Vec<Seen>>>,
    _stop: DropGuard,
}

/// The entrance to one service.
#[derive(Clone)]
struct Entrance {
    client: reqwest::Client,
    book: Arc<Mutex<Vec<Seen>>>,
    service: &'static str,
    base: Url,
}

impl Wire {
    pub(crate) async fn start(account: &Endpoints) -> Result<Self> {
        let book: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let stop = CancellationToken::new();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
        let open = async |service, base: &Url| -> Result<Url> {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let mut url = base.clone();
            if url.set_port(Some(listener.local_addr()?.port())).is_err() {
                return Err(format!("{base} has no port").into());
            }
            let (client, book, base) = (client.clone(), book.clone(), base.clone());
            let entrance = Entrance { client, book, service, base };
            let app = Router::new().fallback(pass).with_state(entrance);
            let stopped = stop.clone().cancelled_owned();
            let server = axum::serve(listener, app).with_graceful_shutdown(stopped);
            tokio::spawn(server.into_future());
            Ok(url)
        };
        let endpoints = Endpoints {
            blob: open("blob", &account.blob).await?,
            queue: open("queue", &account.queue).await?,
            table: open("table", &account.table).await?,
        };
        Ok(Self { endpoints, book, _stop: stop.drop_guard() })
    }

    /// The requests since the last call.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut lock(&self.book))
    }

    /// The number of requests since the last [`Wire::take`].
    pub(crate) fn count(&self) -> usize {
        lock(&self.book).len()
    }
}

/// How many requests each service got, as text.
pub(crate) fn by_service(seen: &[Seen]) -> String {
    let mut counts = BTreeMap::from([("blob", 0), ("queue", 0), ("table", 0)]);
    for seen in seen {
        *counts.entry(seen.service).or_default() += 1;
    }
    let counts: Vec<String> =
        counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    format!("{} ({})", seen.len(), counts.join(", "))
}

async fn pass(State(entrance): State<Entrance>, request: Request) -> Response {
    match entrance.forward(request).await {
        Ok(answer) => answer,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

impl Entrance {
    async fn forward(&self, request: Request) -> Result<Response> {
        let (head, body) = request.into_parts();
        let sent = to_bytes(body, usize::MAX).await?;
        let mut seen = Seen {
            service: self.service,
            method: head.method.to_string(),
            target: self.target(&head.uri.to_string()),
            status: 0,
            writes: if head.uri.path().ends_with("/$batch") { self.writes(&sent) } else { vec![] },
        };
        let url = self.base.join(&head.uri.to_string())?;
        let mut headers = head.headers;
        for name in [CONNECTION, TRANSFER_ENCODING, HOST, CONTENT_LENGTH] {
            headers.remove(name);
        }
        let mut request = self.client.request(head.method.clone(), url).headers(headers);
        if sent.is_empty() && head.method == "PUT" {
            request = request.header(CONTENT_LENGTH, 0);
        }
        // An empty body is none: its length would be part of the signature.
        if !sent.is_empty() {
            request = request.body(sent);
        }
        // Entered before it is sent, so that the order is that of the requests.
        let place = {
            let mut book = lock(&self.book);
            book.push(seen.clone());
            book.len() - 1
        };
        let answer = request.send().await?;
        seen.status = answer.status().as_u16();
        if let Some(entered) = lock(&self.book).get_mut(place) {
            entered.status = seen.status;
        }
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        for name in [CONNECTION, TRANSFER_ENCODING] {
            headers.remove(name);
        }
        Ok((status, headers, Body::from(answer.bytes().await?)).into_response())
    }

    /// Decoded, and without the account, which an emulator has in its paths.
    fn target(&self, uri: &str) -> String {
        let decoded = percent_decode_str(uri).decode_utf8_lossy();
        decoded.strip_prefix(self.base.path()).unwrap_or(&decoded).to_owned()
    }

    /// The first line of each request in the body of a transaction.
    fn writes(&self, body: &[u8]) -> Vec<String> {
        let body = String::from_utf8_lossy(body);
        let lines = body.lines().filter_map(|line| line.strip_suffix(" HTTP/1.1"));
        let written = lines.filter_map(|line| {
            let (method, url) = line.split_once(' ')?;
            let path = Url::parse(url).ok()?.path().to_owned();
            Some(format!("{method} {}", self.target(&path)))
        });
        written.collect()
    }
}

fn lock(book: &Mutex<Vec<Seen>>) -> MutexGuard<'_, Vec<Seen>> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}
