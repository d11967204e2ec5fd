//! What is remembered of one import: every column of its row, and the types they have.

use std::{cmp::Reverse, fmt};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use strum::{AsRefStr, EnumString, IntoStaticStr, VariantArray};

use super::{
    HistoryEntry, PendingNotification, Policy, Sent,
    reason::{PauseCause, Reason, ReasonCode, Text},
};
use crate::schema::{DeletionApproval, Refresh, Summary, Target};

/// One import. Every field is a column of the table.
#[expect(clippy::struct_excessive_bools, reason = "they are columns, and independent")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Which import.
    pub id: ImportId,
    /// The connection it belongs to.
    pub connection: String,
    /// The content.
    pub source: Source,
    /// The service that takes it.
    pub target: Target,
    /// Where it stands.
    pub state: State,
    /// Full or incremental; known once packed.
    pub refresh: Option<Refresh>,
    /// Data rows; known once packed.
    pub rows: Option<u64>,
    /// What the next import is held against; known once packed.
    pub summary: Option<Summary>,
    /// Rows left out because the connection is lenient.
    pub dropped: u64,
    /// How many problems were found in the file.
    pub problems: u64,
    /// The blob that lists them, in the reports container.
    pub report: Option<String>,
    /// Who let the file pass though it deletes people or columns, and what they saw.
    pub approval: Option<DeletionApproval>,
    /// The staged zip, as long as it is there.
    pub package: Option<Package>,
    /// The service's address of this tenant, once discovered.
    pub scale_unit: Option<String>,
    /// The service's id of the import, once accepted.
    pub ingestion: Option<IngestionId>,
    /// The service's own last word.
    pub service_status: Option<String>,
    /// Whether those behind it wait if it is refused or gets stuck.
    pub stops: bool,
    /// Whether it pauses its connection, until a person resumes that.
    pub pauses: bool,
    /// What persons asked for, and when.
    pub by_hand: Option<String>,
    /// Whether its connection has somebody told.
    pub tells: bool,
    /// What waits to be told.
    pub message: Option<PendingNotification>,
    /// What was told, and when.
    pub told: Vec<Sent>,
    /// Where it has been.
    pub journal: Vec<HistoryEntry>,
    /// Packs and pushes begun.
    pub attempts: u32,
    /// Failures in a row of the present state.
    pub failures: u32,
    /// Pushes in a row that failed or were not answered.
    pub failed_pushes: u32,
    /// How often the service had not finished the tenant's previous import.
    pub busy: u32,
    /// When the next step is due; `None` when nothing is left to do.
    pub due: Option<OffsetDateTime>,
    /// When the import ends as `Stuck` if it has come no further.
    pub deadline: Option<OffsetDateTime>,
    /// Whether a push's answer was lost: the service may have the content already.
    pub answer_lost: bool,
    /// Whether it gave the tenant's slot up all the same: it waits for a person, or the service has had it
    /// for longer than an ingestion may take.
    pub yielded: bool,
    /// When the row was made.
    pub received: OffsetDateTime,
    /// When the service accepted the push.
    pub pushed: Option<OffsetDateTime>,
    /// When the import ended.
    pub ended: Option<OffsetDateTime>,
    /// Why it waits, fails or has ended; `None` where it just goes on.
    pub reason: Option<Reason>,
    /// The reason of its connection that keeps it waiting, until it goes on.
    pub blocked: Option<ReasonCode>,
    /// What a person should know though nothing is wrong.
    pub notice: Option<String>,
    /// Whether its package could not be deleted and was left; the log says why.
    pub package_left: bool,
}

impl Import {
    /// A new import of `source`, due at once.
    #[must_use]
    pub fn new(
        id: ImportId,
        connection: &str,
        source: Source,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Self {
        let first =
            HistoryEntry { at: now, state: State::Received, note: None, times: 1, last: now };
        Self {
            journal: vec![first],
            due: Some(now),
            deadline: Some(now + policy.wait_deadline),
            ..Self::unmoved(id, connection, source, now)
        }
    }

    /// An import of which nothing is known but what never changes, and nothing is due.
    pub(crate) fn unmoved(
        id: ImportId,
        connection: &str,
        source: Source,
        received: OffsetDateTime,
    ) -> Self {
        Self {
            id,
            connection: connection.to_owned(),
            source,
            target: Target::default(),
            state: State::Received,
            refresh: None,
            rows: None,
            summary: None,
            dropped: 0,
            problems: 0,
            report: None,
            approval: None,
            package: None,
            stops: false,
            pauses: false,
            by_hand: None,
            tells: false,
            message: None,
            told: vec![],
            journal: vec![],
            scale_unit: None,
            ingestion: None,
            service_status: None,
            attempts: 0,
            failures: 0,
            failed_pushes: 0,
            busy: 0,
            due: None,
            deadline: None,
            answer_lost: false,
            yielded: false,
            received,
            pushed: None,
            ended: None,
            reason: None,
            blocked: None,
            notice: None,
            package_left: false,
        }
    }

    /// The order of contents, oldest first: by date, which has whole seconds, within a second by
    /// name, as numbered parts have it, and for one name by when it was taken in.
    #[must_use]
    pub fn order(&self) -> (OffsetDateTime, &str, OffsetDateTime, Reverse<&str>) {
        (self.source.last_modified, &self.source.name, self.received, Reverse(&self.id.key))
    }

    /// Whether it pauses its connection because the service lets nobody of it in, and not because
    /// others build on it: also where a newer file has taken its place since.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.pauses && PauseCause::of(self.state) == PauseCause::Forbidden
    }

    /// File and import, as the reason of another import names them.
    #[must_use]
    pub fn called(&self) -> (Text, Text) {
        (self.source.file().into(), (&self.id.key).into())
    }
}

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, IntoStaticStr, EnumString, VariantArray)]
#[strum(ascii_case_insensitive)]
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
