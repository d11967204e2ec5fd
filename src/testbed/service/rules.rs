//! What the mock service requires, which calls it knows, and what it has seen.

use std::{
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use bytes::Bytes;
use time::OffsetDateTime;

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
    /// The shape of the ids of ingestions.
    pub id_shape: IdShape,
    /// The `ErrorDetail` of an ingestion whose validation failed.
    pub error_detail: String,
    /// The most bytes of a body that the gateway in front of the service forwards. It answers a larger one early
    /// with 413 and a web page, and resets the connection.
    pub max_body_bytes: Option<u64>,
    /// How long the gateway waits for the answer to a push, by the machine's clock. Then it
    /// answers 504 with a web page. The service continues, so the push may be accepted.
    pub max_push_seconds: Option<Duration>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            token: "mock-token".into(),
            scale_unit: "novaprdwus2-02".into(),
            time_per_status: Duration::ZERO,
            older_paths: false,
            clock: Clock::Machine,
            id_shape: IdShape::Guid,
            error_detail: "The file failed validation.".into(),
            max_body_bytes: None,
            max_push_seconds: None,
        }
    }
}

/// The shape of the ids that the mock service gives to ingestions. Microsoft's pages only show a GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdShape {
    /// A GUID.
    Guid,
    /// A GUID in braces.
    BracedGuid,
    /// Words with underscores: `job_2026_001`.
    Underscores,
    /// 70 letters and digits.
    Long,
    /// With a slash, which a path contains only as `%2F`.
    Slash,
    /// With a blank, which a path contains only as `%20`.
    Blank,
    /// With characters that a terminal obeys.
    Control,
}

impl IdShape {
    /// The id of the ingestion with this number.
    pub(super) fn id(self, number: usize) -> String {
        let guid = || format!("00000000-0000-4000-8000-{number:012x}");
        match self {
            Self::Guid => guid(),
            Self::BracedGuid => format!("{{{}}}", guid()),
            Self::Underscores => format!("job_2026_{number:03}"),
            Self::Long => format!("{number:a>70}"),
            Self::Slash => format!("job/{number:03}"),
            Self::Blank => format!("job {number:03}"),
            Self::Control => format!("job\u{1b}[2J\n7 {number}"),
        }
    }
}

/// What the mock service reads the time from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock when the service starts, and its monotonic clock from then on.
    Machine,
    /// Milliseconds since 1970, which a test sets.
    Manual(Arc<AtomicI64>),
}

/// One kind of request the service answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Which scale unit holds the tenant.
    ScaleUnit,
    /// Whether a connector is set up.
    Ping,
    /// The push of a file.
    Push,
    /// The status of an ingestion.
    Status,
    /// The error stream of an ingestion.
    Errors,
}

/// An accepted file and its ingestion.
#[derive(Debug, Clone)]
pub struct Ingestion {
    /// The id in the answer to the push.
    pub id: String,
    /// The tenant in the path.
    pub tenant: String,
    /// `HR` or `Survey`.
    pub connector: String,
    /// Its status, as the service spells it.
    pub status: String,
    /// When it was accepted.
    pub started: OffsetDateTime,
    /// When it ended.
    pub ended: Option<OffsetDateTime>,
    /// Whether it replaces all data; `None` if the metadata does not say.
    pub is_bootstrap: Option<bool>,
    /// Column of the file and field of Viva, in the order of the metadata.
    pub mapping: Vec<(String, String)>,
    /// Number of rows, without the header.
    pub rows: u64,
    /// The names of the entries of the zip, in its order.
    pub entries: Vec<String>,
    /// The error stream: one line for each fault, without cell values. Empty for a valid file.
    pub errors: String,
    /// The name of the form part that contained the file.
    pub part_name: String,
    /// The file name of that part.
    pub file_name: String,
    /// The format of the push: a zip, or rows without a zip.
    pub upload: PayloadFormat,
    /// SHA-256 of the pushed bytes, in lower-case hex.
    pub zip_sha256: String,
    /// The pushed bytes.
    pub zip: Bytes,
}

impl Ingestion {
    /// Whether it has its final status.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "Completed" | "ValidationFailed")
    }
}

/// One request that the service received.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its call; `None` if the service does not have that path.
    pub call: Option<Call>,
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// The bearer token in its `Authorization` header.
    pub bearer: Option<String>,
    /// Its `x-nova-scaleunit` header.
    pub scale_unit: Option<String>,
    /// Its `Content-Length` header.
    pub content_length: Option<u64>,
    /// Its `x-ms-client-request-id` header, which the answer repeats.
    pub client_request_id: Option<String>,
    /// Its `Accept` header.
    pub accept: Option<String>,
    /// The status of the answer; `None` while the request is open, and if it was cut.
    pub status: Option<u16>,
    /// The `x-ms-request-id` header of the answer; `None` if it has no status.
    pub request_id: Option<String>,
}
