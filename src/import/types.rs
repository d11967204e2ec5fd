//! What an import is made of: its id, its state, its source, its package.

use std::fmt;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A moment as persons read it, in whole seconds.
#[must_use]
pub fn to_the_second(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

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

impl ImportId {
    /// The partition of files whose connection could not be read when they arrived.
    pub const NO_TENANT: &str = "no-tenant";

    /// Tenant and key, as an address and a command name an import that is no other.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.tenant, self.key)
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Every state, in the order in which an import goes through them.
    pub const ALL: [Self; 10] = [
        Self::Received,
        Self::Packed,
        Self::Pushing,
        Self::Ingesting,
        Self::Completed,
        Self::Accepted,
        Self::Rejected,
        Self::Superseded,
        Self::Cancelled,
        Self::Stuck,
    ];

    /// The word of the table.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Received => "Received",
            Self::Packed => "Packed",
            Self::Pushing => "Pushing",
            Self::Ingesting => "Ingesting",
            Self::Completed => "Completed",
            Self::Accepted => "Accepted",
            Self::Rejected => "Rejected",
            Self::Superseded => "Superseded",
            Self::Cancelled => "Cancelled",
            Self::Stuck => "Stuck",
        }
    }

    /// The state a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

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
