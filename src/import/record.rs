//! What is remembered of one import: every column of its row.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, EnumString, IntoStaticStr, VariantArray};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{
    Policy, moment,
    reason::{PauseCause, Reason, ReasonCode, Text},
    types::{ImportId, IngestionId, Package, Source, State},
};
use crate::schema::{Baseline, DeletionApproval, Refresh, Target};

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
    pub baseline: Option<Baseline>,
    /// Rows left out because the connection is lenient.
    pub rows_skipped: u64,
    /// How many problems were found in the file.
    pub error_count: u64,
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
    pub stop_on_rejection: bool,
    /// Whether it pauses its connection, until a person resumes that.
    pub pauses: bool,
    /// What persons asked for, and when.
    pub operator_actions: Option<String>,
    /// Whether its connection has somebody told.
    pub notify_enabled: bool,
    /// What waits to be told.
    pub notification: Option<PendingNotification>,
    /// What was told, and when.
    pub notifications_sent: Vec<Sent>,
    /// Where it has been.
    pub history: Vec<HistoryEntry>,
    /// Packs and pushes begun.
    pub attempts: u32,
    /// Failures in a row of the present state.
    pub failures: u32,
    /// Pushes in a row that failed or were not answered.
    pub failed_pushes: u32,
    /// How often the service had not finished the tenant's previous import.
    pub busy_retries: u32,
    /// When the next step is due; `None` when nothing is left to do.
    pub due: Option<OffsetDateTime>,
    /// When the import ends as `stuck` if it has come no further.
    pub deadline: Option<OffsetDateTime>,
    /// Whether a push's answer was lost: the service may have the content already.
    pub push_outcome_unknown: bool,
    /// Whether it gave the tenant's slot up all the same: it waits for a person, or the service has had it
    /// for longer than an ingestion may take.
    pub slot_released: bool,
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
    pub warning: Option<String>,
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
            HistoryEntry { at: now, state: State::Received, note: None, count: 1, last_seen: now };
        Self {
            history: vec![first],
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
            baseline: None,
            rows_skipped: 0,
            error_count: 0,
            report: None,
            approval: None,
            package: None,
            stop_on_rejection: false,
            pauses: false,
            operator_actions: None,
            notify_enabled: false,
            notification: None,
            notifications_sent: vec![],
            history: vec![],
            scale_unit: None,
            ingestion: None,
            service_status: None,
            attempts: 0,
            failures: 0,
            failed_pushes: 0,
            busy_retries: 0,
            due: None,
            deadline: None,
            push_outcome_unknown: false,
            slot_released: false,
            received,
            pushed: None,
            ended: None,
            reason: None,
            blocked: None,
            warning: None,
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

/// One stop: the import came into a state, or there was something to note of it there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// When first.
    #[serde(with = "moment")]
    pub at: OffsetDateTime,
    /// In which state.
    pub state: State,
    /// What there is to note beside the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// How often the same was noted.
    pub count: u32,
    /// When it was noted last.
    #[serde(with = "moment")]
    pub last_seen: OffsetDateTime,
}

/// What there is to note of an import beside its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Note {
    /// Why it waits, failed or ended.
    Reason(Reason),
    /// A person asked for something: how, and when.
    Asked(Text),
    /// The service's own word.
    Status(Text),
    /// It was checked and packed.
    Packed {
        /// Data rows.
        rows: u64,
        /// People who have a row.
        people: u64,
    },
    /// A push began.
    Pushed {
        /// The service's address of the tenant.
        scale_unit: Text,
    },
}

/// What somebody wants to be told. The words are those of the table, the log and the message.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    EnumString,
    AsRefStr,
    IntoStaticStr,
    VariantArray,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum NotificationKind {
    /// A file was rejected.
    Rejected,
    /// An import was given up.
    Stuck,
    /// The service lets nobody of the connection in.
    Forbidden,
    /// The credential of the connection gets no token.
    CredentialFailed,
    /// The document of the connection cannot be used.
    ConnectionInvalid,
    /// No file has come by the expected day.
    Overdue,
    /// The service accepted a file.
    Completed,
    /// The first success after one of those for which a person is needed.
    Recovered,
}

/// A message that waits to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingNotification {
    /// Of what.
    pub kind: NotificationKind,
    /// When that happened.
    pub since: OffsetDateTime,
    /// When it is told, or tried again.
    pub due: OffsetDateTime,
    /// How often that failed.
    pub failures: u32,
}

/// A message that was sent, or given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Of what.
    pub kind: NotificationKind,
    /// When.
    #[serde(with = "moment")]
    pub at: OffsetDateTime,
    /// Whether it arrived.
    #[serde(flatten)]
    pub outcome: Delivery,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "outcome", content = "why")]
pub enum Delivery {
    /// It arrived.
    Delivered,
    /// It was tried often enough; why it did not arrive.
    GivenUp(Text),
}
