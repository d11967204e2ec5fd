//! A proxy between the handler and its services, which fails as planned.
//!
//! All requests of one world are counted together and recorded. A request that has arrived is forwarded
//! completely, also if the client disconnects, because a remote service would do the same.

use std::{
    future::pending,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;
use viva_import::config::Endpoints;

use self::line::{Line, Lines};
pub(crate) use self::plan::{Answered, Fault, Moment, Seen, Upstream};

mod answer;
mod faults;
mod line;
mod plan;

/// The headers of one connection, which are not forwarded.
const OF_THE_LINE: [header::HeaderName; 3] =
    [header::CONNECTION, header::TRANSFER_ENCODING, header::HOST];

/// A running proxy; it stops when dropped.
pub(crate) struct Proxy {
    /// The address of the blobs behind the proxy.
    pub(crate) blob: Url,
    /// The address of the queues behind the proxy.
    pub(crate) queue: Url,
    /// The address of the tables behind the proxy.
    pub(crate) table: Url,
    /// The address of the service behind the proxy.
    pub(crate) service: Url,
    world: Arc<World>,
    _stop: DropGuard,
}

struct World {
    client: reqwest::Client,
    book: Mutex<Book>,
    /// The number of open requests.
    open: watch::Sender<usize>,
    released: Notify,
}

#[derive(Default)]
struct Book {
    plan: plan::Plan,
    seen: Vec<Seen>,
    answers: usize,
    power: CancellationToken,
}

/// The entrance to one upstream.
#[derive(Clone)]
struct Entrance {
    world: Arc<World>,
    upstream: Upstream,
    /// Scheme, host and port.
    origin: String,
}

impl Proxy {
    /// Starts a proxy for the three kinds of storage and a service.
    pub(crate) async fn start(storage: &Endpoints, service: &Url) -> Self {
        let stop = CancellationToken::new();
        let world = Arc::new(World {
            // It connects only to this machine, without TLS.
            client: reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap(),
            book: Mutex::default(),
            open: watch::Sender::new(0),
            released: Notify::new(),
        });
        let open = async |upstream, base: &Url| {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut url = base.clone();
            url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
            let origin = base.origin().ascii_serialization();
            let app = Router::new()
                .fallback(pass)
                .with_state(Entrance { world: world.clone(), upstream, origin })
                .into_make_service_with_connect_info::<Line>();
            let stopped = stop.clone().cancelled_owned();
            let server = axum::serve(Lines(listener), app).with_graceful_shutdown(stopped);
            tokio::spawn(server.into_future());
            url
        };
        Self {
            blob: open(Upstream::Blob, &storage.blob).await,
            queue: open(Upstream::Queue, &storage.queue).await,
            table: open(Upstream::Table, &storage.table).await,
            service: open(Upstream::Service, service).await,
            world,
            _stop: stop.drop_guard(),
        }
    }

    /// Plans a fault for the `k`-th request from now, from 1.
    pub(crate) fn after(&self, k: usize, fault: Fault) {
        let mut book = self.world.book();
        let number = book.seen.len() + k;
        book.plan.at.insert(number, fault);
    }

    /// Plans a fault for the next request that matches `which`.
    pub(crate) fn next(&self, which: impl Fn(&Seen) -> bool + Send + 'static, fault: Fault) {
        self.world.book().plan.next.push((Box::new(which), fault));
    }

    /// Plans a fault for all requests that match `which`, until [`Proxy::clear`].
    pub(crate) fn always(&self, which: impl Fn(&Seen) -> bool + Send + 'static, fault: Fault) {
        self.world.book().plan.always = Some((Box::new(which), fault));
    }

    /// Removes every planned fault.
    pub(crate) fn clear(&self) {
        self.world.book().plan = plan::Plan::default();
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.world.book().seen.clone()
    }

    /// The requests after the first `number`.
    pub(crate) fn seen_after(&self, number: usize) -> Vec<Seen> {
        self.world.book().seen[number..].to_vec()
    }

    /// The number of requests so far.
    pub(crate) fn count(&self) -> usize {
        self.world.book().seen.len()
    }

    /// A token that is cancelled when the power is cut.
    pub(crate) fn power(&self) -> CancellationToken {
        self.world.book().power.clone()
    }

    /// Ends the power cut, once no request is open.
    pub(crate) async fn power_back(&self) {
        let _ = self.world.open.subscribe().wait_for(|open| *open == 0).await;
        self.world.book().power = CancellationToken::new();
    }

    /// Releases every request that hangs.
    pub(crate) fn release(&self) {
        self.world.released.notify_waiters();
    }
}

impl World {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    fn admit(&self, upstream: Upstream, head: &Parts, sent: Bytes) -> (usize, Option<Fault>) {
        let mut book = self.book();
        let mut seen = Seen {
            number: book.seen.len() + 1,
            upstream,
            method: head.method.to_string(),
            path: head.uri.to_string(),
            sent,
            fault: None,
            answer: None,
            delivered: false,
        };
        let fault = book.plan.fault(&seen);
        seen.fault.clone_from(&fault);
        book.seen.push(seen);
        (book.seen.len(), fault)
    }

    /// Records an answer with its request.
    fn answered(&self, number: usize, status: StatusCode, body: &Bytes, delivered: bool) {
        let mut book = self.book();
        book.answers += 1;
        let answer = Answered { order: book.answers, status: status.as_u16(), body: body.clone() };
        let seen = &mut book.seen[number - 1];
        seen.answer = Some(answer);
        seen.delivered = delivered;
    }

    fn cut_power(&self) {
        self.book().power.cancel();
    }
}

async fn pass(
    State(entrance): State<Entrance>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(sent) = to_bytes(body, usize::MAX).await else { return cut(&line) };
    entrance.world.open.send_modify(|open| *open += 1);
    let world = entrance.world.clone();
    // A task of its own, so that the request continues if the client disconnects.
    let passed = tokio::spawn(async move {
        let answer = entrance.pass(&line, &head, sent).await;
        entrance.world.open.send_modify(|open| *open -= 1);
        answer
    });
    if let Some(answer) = passed.await.unwrap() {
        return answer;
    }
    world.cut_power();
    pending().await
}

impl Entrance {
    /// The answer; `None` if the power was cut.
    async fn pass(&self, line: &Line, head: &Parts, sent: Bytes) -> Option<Response> {
        let (number, fault) = self.world.admit(self.upstream, head, sent.clone());
        match &fault {
            Some(Fault::LoseRequest) => return Some(cut(line)),
            Some(Fault::PowerCut(Moment::Before)) => return None,
            Some(Fault::Answer(status, retry_after)) => {
                return Some(answer::error(self.upstream, head.uri.path(), *status, *retry_after));
            }
            Some(Fault::CutMidRequest) => {
                let _ = self
                    .forward(head, reqwest::Body::wrap_stream(half(&sent)), Some(sent.len()))
                    .await;
                return Some(cut(line));
            }
            Some(Fault::Delay(time)) => tokio::time::sleep(*time).await,
            Some(Fault::Hang) => self.world.released.notified().await,
            Some(Fault::LoseAnswer | Fault::CutMidBody | Fault::PowerCut(Moment::After)) | None => {
            }
        }
        let length = sent.len();
        let body = if length == 0 { reqwest::Body::default() } else { sent.into() };
        let length = (length > 0 || head.method == "PUT").then_some(length);
        let Ok((status, headers, body)) = self.forward(head, body, length).await else {
            return Some(cut(line)); // the upstream closed the connection, so the proxy does, too
        };
        let delivered = matches!(fault, None | Some(Fault::Delay(_) | Fault::Hang));
        self.world.answered(number, status, &body, delivered);
        match fault {
            Some(Fault::PowerCut(_)) => None,
            Some(Fault::CutMidBody) if !body.is_empty() => {
                Some((status, headers, Body::from_stream(half(&body))).into_response())
            }
            Some(Fault::CutMidBody | Fault::LoseAnswer) => Some(cut(line)),
            _ => Some((status, headers, body).into_response()),
        }
    }

    async fn forward(
        &self,
        head: &Parts,
        body: reqwest::Body,
        length: Option<usize>,
    ) -> reqwest::Result<(StatusCode, HeaderMap, Bytes)> {
        let url = format!("{}{}", self.origin, head.uri);
        let mut headers = passed_on(&head.headers);
        headers.remove(header::CONTENT_LENGTH);
        if let Some(length) = length {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        let request = self.world.client.request(head.method.clone(), url).headers(headers);
        let answer = request.body(body).send().await?;
        let (status, headers) = (answer.status(), passed_on(answer.headers()));
        Ok((status, headers, answer.bytes().await?))
    }
}

fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in OF_THE_LINE {
        headers.remove(name);
    }
    headers
}

/// Half of a body, and then an error.
fn half(body: &Bytes) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    let half = body.slice(..body.len() / 2);
    let cut = async {
        // The half is sent before the connection is cut.
        tokio::time::sleep(Duration::from_millis(10)).await;
        Err(std::io::ErrorKind::ConnectionReset.into())
    };
    stream::iter([Ok(half)]).chain(stream::once(cut))
}

fn cut(line: &Line) -> Response {
    line.cut();
    StatusCode::BAD_GATEWAY.into_response()
}
