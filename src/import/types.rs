//! The parts of an import: id, state, content and package, and the status of the service.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, EnumString, IntoStaticStr, VariantArray};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::reason::Text;
use crate::schema::is_plain_name;

/// The id of an import: the tenant (partition key) and the row key.
///
/// The row key consists of the last-modified time of the content, inverted so that lists are newest first,
/// and a hash of container, name and ETag. The same content is always the same row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImportId {
    /// The tenant's id, lower case.
    pub tenant: String,
    /// The row key.
    pub key: String,
}

/// The milliseconds that fifteen digits can count: the year 33658.
const LAST_MOMENT_MS: i128 = 999_999_999_999_999;

impl ImportId {
    /// The partition of the rows that belong to no tenant.
    pub const NO_TENANT: &str = "no-tenant";

    /// Tenant and key with a point between, as addresses, programs and commands use it. (A proxy may change
    /// the encoding of a slash.)
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.tenant, self.key)
    }

    /// The id with this [`name`](Self::name), if it is valid.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (tenant, key) = name.split_once('.')?;
        (is_plain_name(tenant) && Self::is_key(key))
            .then(|| Self { tenant: tenant.to_owned(), key: key.to_owned() })
    }

    /// Whether an import can have this row key; the keys of other rows begin with a letter.
    pub(crate) fn is_key(key: &str) -> bool {
        is_plain_name(key) && key.starts_with(|first: char| first.is_ascii_digit())
    }

    /// The first part of the key for content of this time: later times sort first.
    #[must_use]
    pub(crate) fn moment_of(written: OffsetDateTime) -> String {
        let milliseconds = written.unix_timestamp_nanos() / 1_000_000;
        format!("{:015}", (LAST_MOMENT_MS - milliseconds).clamp(0, LAST_MOMENT_MS))
    }
}

impl fmt::Display for ImportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.key)
    }
}

/// The ingestion service's id of an import: any text, as the service wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestionId(pub String);

/// Without control characters.
impl fmt::Display for IngestionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Text::from(&self.0))
    }
}

/// The path by which the service reports the status of an ingestion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumString)]
#[strum(serialize_all = "camelCase")]
pub enum PollPath {
    /// `.../ingestions/fileIngestion/ID`, as documented.
    FileIngestion,
    /// `.../ingestions/ID`, as documented before.
    Ingestions,
}

/// The state of an import.
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
    /// The file is known and not read yet.
    Received,
    /// The zip is staged and waits for the push.
    Packed,
    /// The push is in progress, or was when the program ended.
    Pushing,
    /// The service has the file and processes it.
    Ingesting,
    /// The service accepted the file. When Viva shows the data is not reported.
    Completed,
    /// The service has the file and does not report the outcome.
    Accepted,
    /// The file is invalid, by the checks here or by those of the service.
    Rejected,
    /// A newer content replaced it before the push.
    Superseded,
    /// An operator cancelled it.
    Cancelled,
    /// A person has to act; the reason says what is wrong.
    Stuck,
}

impl State {
    /// Whether the service accepted the file: the next file is compared with it.
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

/// The content of an import, identified by its ETag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The container.
    pub container: String,
    /// The blob's name.
    pub name: String,
    /// The ETag of the content, without quotation marks.
    pub etag: String,
    /// The length in bytes.
    pub bytes: u64,
    /// When the content was written.
    pub last_modified: OffsetDateTime,
}

impl Source {
    /// Container and name.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}/{}", self.container, self.name)
    }
}

/// The staged zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The blob in the packages container.
    pub blob: String,
    /// The ETag of the blob, without quotation marks.
    pub etag: String,
    /// The length in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
}

/// The status of an ingestion, as the service reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Received, not started.
    NotStarted,
    /// The zip was opened. Microsoft's page has `ExtractionComplete`, the README of the samples
    /// `ExtractionCompleted`.
    ExtractionComplete,
    /// Accepted. Processing continues at the service; its failures are shown only in the portal.
    Completed,
    /// The data is invalid; the error file says why.
    ValidationFailed,
    /// A status that is not documented, and no end.
    Unknown(Text),
    /// A status that is not documented, and an end: there is an end date, or the word says so.
    UnknownEnd(Text),
}

/// The most characters of an unknown status.
const LONGEST_STATUS: usize = 64;
/// A status with one of these is an end.
const WORDS_OF_ENDS: [&str; 5] = ["fail", "error", "cancel", "suspend", "abandon"];

impl Status {
    /// The status of this word; `has_ended` if the service also reports an end date.
    #[must_use]
    pub fn parse(word: &str, has_ended: bool) -> Self {
        let letters = word.chars().filter(char::is_ascii_alphanumeric);
        let letters = letters.collect::<String>().to_ascii_lowercase();
        match letters.as_str() {
            "notstarted" => Self::NotStarted,
            "extractioncomplete" | "extractioncompleted" => Self::ExtractionComplete,
            "completed" => Self::Completed,
            "validationfailed" => Self::ValidationFailed,
            _ => {
                // It is written into rows and logs, so it is bounded.
                let word = word.chars().take(LONGEST_STATUS).collect::<String>().into();
                if has_ended || WORDS_OF_ENDS.iter().any(|end| letters.contains(end)) {
                    Self::UnknownEnd(word)
                } else {
                    Self::Unknown(word)
                }
            }
        }
    }

    /// Whether Microsoft documents it.
    #[must_use]
    pub fn is_documented(&self) -> bool {
        !matches!(self, Self::Unknown(_) | Self::UnknownEnd(_))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotStarted => "NotStarted",
            Self::ExtractionComplete => "ExtractionComplete",
            Self::Completed => "Completed",
            Self::ValidationFailed => "ValidationFailed",
            Self::Unknown(word) | Self::UnknownEnd(word) => word,
        })
    }
}
