//! What an import is made of: its id, its state, its content and its package, and the service's words.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, EnumString, IntoStaticStr, VariantArray};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::schema::is_plain_name;

/// Which import: the tenant (the table's partition) and the row key.
///
/// The key is made of the content's own last-modified time, inverted so that lists come newest
/// first, and a hash of container, name and ETag: the same content is always the same row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImportId {
    /// The tenant's id, lower case.
    pub tenant: String,
    /// The row key.
    pub key: String,
}

/// Milliseconds that fifteen digits can count: the year 33658.
const LAST_MOMENT_MS: i128 = 999_999_999_999_999;

impl ImportId {
    /// The partition of files whose connection could not be read when they arrived.
    pub const NO_TENANT: &str = "no-tenant";

    /// Tenant and key with a point between, as addresses, programs and commands name it: a host in front may
    /// spell a slash anew.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.tenant, self.key)
    }

    /// The id with this [`name`](Self::name), if an import can be called so.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (tenant, key) = name.split_once('.')?;
        (is_plain_name(tenant) && Self::is_key(key))
            .then(|| Self { tenant: tenant.to_owned(), key: key.to_owned() })
    }

    /// Whether an import can have this row key; those of other rows begin with a word.
    pub(crate) fn is_key(key: &str) -> bool {
        is_plain_name(key) && key.starts_with(|first: char| first.is_ascii_digit())
    }

    /// What a key begins with for content that was written then: later moments come first.
    #[must_use]
    pub(crate) fn moment_of(written: OffsetDateTime) -> String {
        let milliseconds = written.unix_timestamp_nanos() / 1_000_000;
        format!("{:015}", (LAST_MOMENT_MS - milliseconds).clamp(0, LAST_MOMENT_MS))
    }

    /// Whether its tenant is known.
    #[must_use]
    pub fn has_tenant(&self) -> bool {
        self.tenant != Self::NO_TENANT
    }
}

impl fmt::Display for ImportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.key)
    }
}

/// The ingestion service's own id of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestionId(pub String);

impl fmt::Display for IngestionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an import stands.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    AsRefStr,
    IntoStaticStr,
    EnumString,
    VariantArray,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum State {
    /// The file is known and has not been read yet.
    Received,
    /// The zip is staged and waits to be pushed.
    Packed,
    /// The push is under way, or was when the power went.
    Pushing,
    /// The service has it and is at work.
    Ingesting,
    /// The service accepted it. What Viva shows, and when, is the service's own affair.
    Completed,
    /// The service has the file, and does not report what becomes of it.
    Accepted,
    /// The file is wrong, by our checks or by the service's.
    Rejected,
    /// Another content took its place before it was pushed.
    Superseded,
    /// A person gave it up.
    Cancelled,
    /// It needs a person; the row says what for.
    Stuck,
}

impl State {
    /// Whether the service has the file and has not rejected it: the next file is held against it.
    #[must_use]
    pub fn is_accepted(self) -> bool {
        matches!(self, Self::Completed | Self::Accepted)
    }

    /// Whether nothing more happens to the import.
    #[must_use]
    pub fn is_end(self) -> bool {
        match self {
            Self::Completed
            | Self::Accepted
            | Self::Rejected
            | Self::Superseded
            | Self::Cancelled
            | Self::Stuck => true,
            Self::Received | Self::Packed | Self::Pushing | Self::Ingesting => false,
        }
    }
}

/// The content an import is of, pinned by its ETag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The container.
    pub container: String,
    /// The blob's name.
    pub name: String,
    /// The content's ETag, bare.
    pub etag: String,
    /// Its length.
    pub bytes: u64,
    /// When it was written.
    pub last_modified: OffsetDateTime,
}

impl Source {
    /// The file as a person names it.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}/{}", self.container, self.name)
    }
}

/// The staged zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its blob in the packages container.
    pub blob: String,
    /// That blob's ETag, bare.
    pub etag: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
}

/// Where the service says an ingestion stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Taken in, not begun.
    NotStarted,
    /// The zip was opened. The page prints `ExtractionComplete`, the samples' README
    /// `ExtractionCompleted`.
    ExtractionComplete,
    /// Accepted. Processing goes on at the service and its failures show only in the portal.
    Completed,
    /// The data was refused; the error stream says why.
    ValidationFailed,
    /// A word nobody has documented: not an end.
    Unknown(String),
}

impl Status {
    /// The status a word names.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "notstarted" => Self::NotStarted,
            "extractioncomplete" | "extractioncompleted" => Self::ExtractionComplete,
            "completed" => Self::Completed,
            "validationfailed" => Self::ValidationFailed,
            // It goes into rows and logs, so it can be no more than a word.
            _ => Self::Unknown(word.chars().filter(char::is_ascii_alphanumeric).take(64).collect()),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotStarted => "NotStarted",
            Self::ExtractionComplete => "ExtractionComplete",
            Self::Completed => "Completed",
            Self::ValidationFailed => "ValidationFailed",
            Self::Unknown(word) if word.is_empty() => "a word of no letters",
            Self::Unknown(word) => word,
        })
    }
}
