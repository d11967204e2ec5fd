//! HTTP functions: which function has the route of a request, and how the request reaches the handler.
//!
//! With `enableProxyingHttpRequest` the host is a reverse proxy (YARP, `DefaultHttpProxyService`): it overwrites
//! the forwarded headers, encodes the path anew and repeats a request without a body. A host that forwards
//! (`enableForwardingHttpRequest` alone, or a host older than proxying) keeps `Host`, appends its headers to those
//! of the caller and reads a body only if it has a length.

use std::time::Duration;

use azure_core::Uuid;
use bytes::Bytes;
use reqwest::{
    Method, StatusCode,
    header::{
        CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
        USER_AGENT,
    },
};
use tokio::time::sleep;

use super::{
    Cause, HostError, HttpAnswer, Outcome,
    app::HttpMode,
    function::Function,
    invocation::Answer,
    path,
    runtime::{BY_HAND, HOST_VERSION, INVOCATION_ID, Runtime, VERSION, chunked, value},
};

const MS_INVOCATION_ID: HeaderName = HeaderName::from_static("x-ms-invocation-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// How often the proxy sends a request again (`RetryProxyHandler`).
const RETRIES: u32 = 10;
/// The pauses between them: the first, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];

/// What the host does with a request.
#[derive(Debug)]
pub(super) enum Route<'a> {
    /// The server of the host answers 400.
    BadRequest,
    /// The host answers 404.
    NotFound,
    /// A function has the route. `path` is decoded.
    Function { function: &'a Function, path: String },
}

impl Runtime {
    /// Sends a request to its function.
    pub(super) async fn http(
        &self,
        method: Method,
        path_and_query: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> HttpAnswer {
        let (raw, query) = path_and_query.split_at(
            path_and_query.find('?').unwrap_or(path_and_query.len()), // the query keeps its `?`
        );
        let (function, path) = match self.route(&method, raw) {
            Route::BadRequest => return HttpAnswer::empty(StatusCode::BAD_REQUEST),
            Route::NotFound => return HttpAnswer::empty(StatusCode::NOT_FOUND),
            Route::Function { function, path } => (function, path),
        };
        let mut answer = HttpAnswer::empty(StatusCode::INTERNAL_SERVER_ERROR);
        let id = Uuid::new_v4().to_string();
        let cause = Cause::Http { request: format!("{method} {raw}") };
        let sent = async {
            let sent = match self.app.http {
                HttpMode::Proxy => self.proxy(&id, method, &path, query, headers, body).await,
                HttpMode::Forward => self.forward(&id, method, &path, query, headers, body).await,
            };
            match sent {
                Ok(sent) => {
                    answer = sent;
                    Outcome::Succeeded(Answer::default())
                }
                Err(error) => Outcome::Failed { why: error.to_string() },
            }
        };
        self.run(&id, &function.name, cause, BY_HAND, sent).await;
        answer
    }

    /// What the host does with a request to this path, as it is in the request line.
    pub(super) fn route(&self, method: &Method, raw: &str) -> Route<'_> {
        let Some(path) = path::decode(raw) else { return Route::BadRequest };
        let prefix = self.app.route_prefix.trim_matches('/');
        let start = path.strip_prefix('/').and_then(|path| path.split_at_checked(prefix.len()));
        let route = start.and_then(|(start, route)| {
            let is_whole = prefix.is_empty() || route.is_empty() || route.starts_with('/');
            (start.eq_ignore_ascii_case(prefix) && is_whole).then_some(route)
        });
        let found = route.and_then(|route| {
            let mut functions = self.app.functions.iter().filter(|it| self.group.has(it));
            functions.find(|function| function.answers(method.as_str(), route))
        });
        found.map_or(Route::NotFound, |function| Route::Function { function, path })
    }

    async fn proxy(
        &self,
        id: &str,
        method: Method,
        path: &str,
        query: &str,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<HttpAnswer, HostError> {
        let host = headers.get(HOST).cloned().unwrap_or(HeaderValue::from_static("localhost"));
        let is_chunked = take_hop_headers(&mut headers);
        headers.insert(FORWARDED_HOST, host);
        headers.insert(FORWARDED_FOR, HeaderValue::from_static("127.0.0.1"));
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
        for (name, value) in &self.headers(id) {
            headers.insert(name, value.clone());
        }
        headers.insert(MS_INVOCATION_ID, value(id));
        let path = path::encode(path, false);
        self.worker.ready().await?;
        let has_body = is_chunked || !body.is_empty();
        let (mut retry, mut pause) = (1, PAUSES[0]);
        loop {
            let body = if is_chunked { chunked(&body) } else { body.clone().into() };
            match self.send(method.clone(), &path, query, headers.clone(), body).await {
                Err(HostError::Call(_)) if !has_body && retry <= RETRIES => {
                    sleep(pause.min(PAUSES[1])).await;
                    // A busy machine may need longer to start the handler than all pauses last.
                    self.worker.ready().await?;
                    retry += 1;
                    pause *= retry;
                }
                done => return done,
            }
        }
    }

    async fn forward(
        &self,
        id: &str,
        method: Method,
        path: &str,
        query: &str,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<HttpAnswer, HostError> {
        let host = headers.get(HOST).cloned();
        if take_hop_headers(&mut headers) {
            return Err(HostError::Chunked);
        }
        for (name, own) in [
            (USER_AGENT, format!("Azure-Functions-Host/{VERSION}")),
            (HOST_VERSION, VERSION.to_owned()),
            (INVOCATION_ID, id.to_owned()),
        ] {
            let separator = if name == USER_AGENT { " " } else { ", " };
            let sent = headers.get(&name).and_then(|sent| sent.to_str().ok());
            let whole = sent.map_or(own.clone(), |sent| format!("{sent}{separator}{own}"));
            headers.insert(name, value(&whole));
        }
        if let Some(host) = host {
            headers.insert(HOST, host);
        }
        self.worker.ready().await?;
        self.send(method, &path::encode(path, true), query, headers, body.into()).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &str,
        headers: HeaderMap,
        body: reqwest::Body,
    ) -> Result<HttpAnswer, HostError> {
        let url = format!("http://127.0.0.1:{}{path}{query}", self.worker.port);
        let answer = self.client.request(method, url).headers(headers).body(body).send().await?;
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove(CONNECTION);
        headers.remove(TRANSFER_ENCODING);
        Ok(HttpAnswer { status, headers, body: answer.bytes().await? })
    }
}

/// Removes the headers that concern only the connection to the caller. Returns whether the body has no length.
fn take_hop_headers(headers: &mut HeaderMap) -> bool {
    let is_chunked = headers.contains_key(TRANSFER_ENCODING);
    for hop in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        headers.remove(hop);
    }
    is_chunked
}
