//! A rehearsal of the Viva Insights ingestion service, over real HTTP on loopback.
//!
//! It answers as Microsoft Learn describes in "Import organizational data (first import)"
//! (<https://learn.microsoft.com/viva/insights/advanced/admin/import-org-data-first>), and where
//! the page is silent as Microsoft's published sample clients expect. It has the service's known
//! quirks: some by nature (a corrupt zip is accepted and then never moves, one import at a time),
//! the others on request ([`Quirk`]).
//!
//! It never listens beyond 127.0.0.1, never writes to disk, and knows no rule about a cell's
//! value: it judges the zip, the metadata and the shape of the rows. An import moves only when
//! somebody asks (polls it, or is refused because of it), so no test waits for a clock.

mod routes;
mod state;
#[cfg(test)]
mod tests;
mod zip_check;

use std::{net::Ipv4Addr, sync::Arc};

use axum::{Router, http::StatusCode};
use bytes::Bytes;
use time::OffsetDateTime;
use time::macros::datetime;
use tokio_util::sync::DropGuard;
use url::Url;

use state::Shared;

use crate::schema::PayloadFormat;

/// What a connection's socket holds of a body nobody reads. Linux lets it grow to tens of megabytes,
/// and a push whose body is held would be there whole.
const RECEIVE_BYTES: u32 = 256 << 10;

/// What the rehearsal demands of its callers, and how an import walks.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The one bearer token it lets in; empty lets in any.
    pub token: String,
    /// The scale unit it names, and demands on every later call.
    pub scale_unit: String,
    /// Polls (or busy refusals) until an import takes its next step; 0 ends it at once.
    pub polls_per_status: u32,
    /// Answer status, errors and ping at the paths of older documentation instead.
    pub older_paths: bool,
    /// What its wall clock shows when it starts.
    pub opened_at: OffsetDateTime,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            token: "rehearsal-token".into(),
            scale_unit: "novaprdwus2-02".into(),
            polls_per_status: 1,
            older_paths: false,
            opened_at: datetime!(2026-01-05 19:05 UTC),
        }
    }
}

/// One kind of request the service answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Which scale unit holds the tenant.
    ScaleUnit,
    /// Whether a connector is set up.
    Ping,
    /// A file handed in.
    Push,
    /// How far an import is.
    Status,
    /// What was wrong with a file.
    Errors,
}

/// A way to answer other than by the book; nothing is accepted unless its text says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quirk {
    /// 200 with a page that asks to sign in: what an expired token meets.
    SignInPage,
    /// 403: no connector, or another application's.
    Forbidden,
    /// 401.
    Unauthorized,
    /// 404.
    NotFound,
    /// 400: another import is running.
    Busy,
    /// 400 for another reason.
    BadRequest,
    /// 429.
    TooManyRequests {
        /// The `Retry-After` header, seconds or a date.
        retry_after: Option<String>,
    },
    /// 503.
    ServiceUnavailable {
        /// The `Retry-After` header, seconds or a date.
        retry_after: Option<String>,
    },
    /// 500.
    InternalError,
    /// 307 to this address.
    Redirect(String),
    /// 200 and JSON whose ids are null.
    NoId,
    /// 200 and JSON that breaks off.
    Garbled,
    /// Done by the book, except that the answer's `Status` is this word.
    StatusWord(String),
    /// Done by the book (so a push is accepted), but the connection is cut before any answer.
    AcceptThenCut,
    /// A gateway answers with this status, 502 or 504, in the service's place.
    Gateway {
        /// The status.
        status: StatusCode,
        /// Whether the service got the request before (and so accepted a push).
        reached: bool,
    },
    /// The connection is cut once this much of the body, or all of a shorter one, was read.
    CutMidBody {
        /// The least number of bytes read.
        after_bytes: usize,
    },
    /// Reads this much of the body, then holds until [`Service::release`] or the client is gone,
    /// and goes on by the book: a body that proves incomplete is never accepted, one that arrived
    /// whole is. A shorter body is not held. What the client sent and was not yet read stands in
    /// front of the news that it is gone: with more of it than the socket buffers take, release.
    HoldBody {
        /// The least number of bytes read.
        after_bytes: usize,
    },
    /// Takes the whole request and says nothing until [`Service::release`] or the client is gone.
    Silent,
}

/// One accepted file and what became of it.
#[derive(Debug, Clone)]
pub struct Ingestion {
    /// The id the push was answered with.
    pub id: String,
    /// The tenant in the path.
    pub tenant: String,
    /// `HR` or `Survey`.
    pub connector: String,
    /// Where it stands, in the service's word.
    pub status: String,
    /// When it was accepted.
    pub started: OffsetDateTime,
    /// When it ended.
    pub ended: Option<OffsetDateTime>,
    /// Whether it replaces all data; `None` where the metadata does not say.
    pub is_bootstrap: Option<bool>,
    /// Column of the file and Viva field, in the metadata's order.
    pub mapping: Vec<(String, String)>,
    /// Rows of data, the header not counted.
    pub rows: u64,
    /// The names inside the zip, in its order.
    pub entries: Vec<String>,
    /// The error stream: one line a fault, never a cell's value. Empty for a good file.
    pub errors: String,
    /// The name of the form's part that held the file.
    pub part_name: String,
    /// The file name given to that part.
    pub file_name: String,
    /// What was pushed: a zip, or rows without one.
    pub upload: PayloadFormat,
    /// SHA-256 of it, lower-case hex.
    pub zip_sha256: String,
    /// The zip itself, or the rows.
    pub zip: Bytes,
}

impl Ingestion {
    /// Whether it will never change again.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "Completed" | "ValidationFailed")
    }
}

/// One request as it was seen.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What it asked for; `None` where the service has nothing at that path.
    pub call: Option<Call>,
    /// Its method.
    pub method: String,
    /// Its path, as sent.
    pub path: String,
    /// The bearer token in its `Authorization` header.
    pub bearer: Option<String>,
    /// Its `x-nova-scaleunit` header.
    pub scale_unit: Option<String>,
    /// Its `Content-Length` header.
    pub content_length: Option<u64>,
    /// The status it was answered with; `None` while open, and for ever where it was cut.
    pub status: Option<u16>,
}

/// A running rehearsal; it stops when dropped.
#[derive(Debug)]
pub struct Service {
    endpoint: Url,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

impl Service {
    /// Starts one on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(rules: Rules) -> std::io::Result<Self> {
        Self::start_at(rules, 0).await
    }

    /// Starts one on this port of 127.0.0.1.
    ///
    /// # Errors
    /// When the port cannot be had.
    #[expect(clippy::unused_async, reason = "so that a runtime is there to listen in")]
    pub async fn start_at(rules: Rules, port: u16) -> std::io::Result<Self> {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.set_recv_buffer_size(RECEIVE_BYTES)?;
        socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
        let listener = socket.listen(1024)?;
        let endpoint = Url::parse(&format!("http://{}/v1.0", listener.local_addr()?))
            .map_err(std::io::Error::other)?;
        let shared = Arc::new(Shared::new(rules));
        let stopped = shared.stop.clone().cancelled_owned();
        let app = Router::new()
            .fallback(routes::answer)
            .with_state(shared.clone())
            .into_make_service_with_connect_info::<routes::Line>();
        let server =
            axum::serve(routes::Lines(listener), app).with_graceful_shutdown(stopped).into_future();
        tokio::spawn(server);
        Ok(Self { endpoint, _stop: shared.stop.clone().drop_guard(), shared })
    }

    /// The base address, version included: `http://127.0.0.1:PORT/v1.0`.
    #[must_use]
    pub fn endpoint(&self) -> Url {
        self.endpoint.clone()
    }

    /// Queues a quirk: the next request of that call without an earlier one uses it up.
    pub fn quirk(&self, call: Call, quirk: Quirk) {
        self.shared.book().queued.push((call, quirk));
    }

    /// Sets a quirk for every request of that call that has none queued, or takes it back.
    pub fn always(&self, call: Call, quirk: Option<Quirk>) {
        let mut book = self.shared.book();
        match quirk {
            Some(quirk) => book.always.insert(call, quirk),
            None => book.always.remove(&call),
        };
    }

    /// Every accepted file, oldest first.
    #[must_use]
    pub fn ingestions(&self) -> Vec<Ingestion> {
        self.shared.book().imports.iter().map(|import| import.shown.clone()).collect()
    }

    /// Every request, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.book().seen.clone()
    }

    /// Puts an import where it then stays, as Microsoft's support would: the way out for a tenant
    /// whose corrupt zip never moves.
    pub fn settle(&self, id: &str, status: &str) {
        let now = self.shared.now();
        if let Some(import) = self.shared.book().imports.iter_mut().find(|i| i.shown.id == id) {
            import.walk = &[];
            import.enter(status, now);
        }
    }

    /// Waits until a request is held.
    pub async fn held(&self) {
        // The sender lives in `shared`, so waiting cannot fail.
        let _ = self.shared.held.subscribe().wait_for(|held| *held > 0).await;
    }

    /// Lets every request held now go on.
    pub fn release(&self) {
        self.shared.released.notify_waiters();
    }

    /// Waits until no request is open: all were answered, cut or given up.
    pub async fn quiet(&self) {
        let _ = self.shared.open.subscribe().wait_for(|open| *open == 0).await;
    }
}
