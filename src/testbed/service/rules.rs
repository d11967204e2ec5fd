//! What the mock service requires, which calls it knows, its faults, and what it has seen.

use std::{
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use axum::http::StatusCode;
use bytes::Bytes;
use time::{OffsetDateTime, macros::datetime};

use crate::schema::PayloadFormat;

/// What the mock service requires of its callers, and how fast an ingestion moves.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The only bearer token it accepts; an empty one accepts every token.
    pub token: String,
    /// The scale unit it names, and requires on every later call.
    pub scale_unit: String,
    /// How long an ingestion has each status. With zero it has its last status right after the push.
    pub time_per_status: Duration,
    /// Whether status, errors and ping are at the paths of older documentation instead.
    pub older_paths: bool,
    /// What the service reads the time from.
    pub clock: Clock,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            token: "mock-token".into(),
            scale_unit: "novaprdwus2-02".into(),
            time_per_status: Duration::ZERO,
            older_paths: false,
            clock: Clock::Machine,
        }
    }
}

/// What the mock service reads the time from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's monotonic clock, from a fixed time on.
    Machine,
    /// Milliseconds since 1970, which a test sets.
    Manual(Arc<AtomicI64>),
}

/// The time that [`Clock::Machine`] shows when the service starts.
pub(super) const OPENED_AT: OffsetDateTime = datetime!(2026-01-05 19:05 UTC);

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
pub enum ServiceFault {
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
    /// Reads this much of the body, then holds until [`Service::release`](super::Service::release) or the client is gone,
    /// and goes on by the book: a body that proves incomplete is never accepted, one that arrived
    /// whole is. A shorter body is not held. What the client sent and was not yet read stands in
    /// front of the news that it is gone: with more of it than the socket buffers take, release.
    HoldBody {
        /// The least number of bytes read.
        after_bytes: usize,
    },
    /// Takes the whole request and says nothing until [`Service::release`](super::Service::release) or the client is gone.
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
