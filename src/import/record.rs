//! The record of one import: every column of its row.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, EnumString, IntoStaticStr, VariantArray};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{
    Policy,
    diagnostics::Diagnostics,
    moment,
    reason::{PauseCause, Reason, ReasonCode, Text},
    types::{ImportId, IngestionId, Package, PollPath, Source, State},
};
use crate::schema::{Baseline, Connector, DeletionApproval, Refresh, Target};

/// One import. Every field is a column of the table.
#[expect(clippy::struct_excessive_bools, reason = "they are columns, and independent")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The tenant and the row key.
    pub id: ImportId,
    /// The connection of the file.
    pub connection: String,
    /// The content of the file.
    pub source: Source,
    /// The service that takes the file.
    pub target: Target,
    /// The connector of its lane; `None` while the connection document was never readable.
    pub connector: Option<Connector>,
    /// The state.
    pub state: State,
    /// Full or incremental; known once packed.
    pub refresh: Option<Refresh>,
    /// The number of data rows; known once packed.
    pub rows: Option<u64>,
    /// What the next import is compared with; known once packed.
    pub baseline: Option<Baseline>,
    /// The number of invalid rows that were skipped, because the connection is lenient.
    pub rows_skipped: u64,
    /// The number of errors in the file.
    pub error_count: u64,
    /// The blob of the report, in the reports container.
    pub report: Option<String>,
    /// Who approved that the file deletes people or columns, and what was approved.
    pub approval: Option<DeletionApproval>,
    /// The staged zip, as long as it exists.
    pub package: Option<Package>,
    /// The tenant's scale unit, once discovered.
    pub scale_unit: Option<String>,
    /// The service's id of the import, once accepted.
    pub ingestion: Option<IngestionId>,
    /// The last status that the service reported.
    pub service_status: Option<String>,
    /// The path of the last poll that was answered.
    pub poll_path: Option<PollPath>,
    /// Whether later files wait if this one is rejected or stuck.
    pub stop_on_rejection: bool,
    /// Whether it pauses its connection, until an operator resumes that.
    pub pauses: bool,
    /// The operator actions, with time.
    pub operator_actions: Option<String>,
    /// Whether notifications are sent.
    pub notify_enabled: bool,
    /// The notification that is not sent yet.
    pub notification: Option<PendingNotification>,
    /// The notifications that were sent.
    pub notifications_sent: Vec<Sent>,
    /// The states it has been in.
    pub history: Vec<HistoryEntry>,
    /// The number of the next step: a message in the queue names it.
    pub step: u32,
    /// How often this step was started and did not end.
    pub tries: u32,
    /// The number of packs and pushes started.
    pub attempts: u32,
    /// The number of consecutive failures in the current state.
    pub failures: u32,
    /// The number of consecutive pushes that failed or were not answered.
    pub failed_pushes: u32,
    /// How often the service had not finished the tenant's previous import.
    pub busy_retries: u32,
    /// When the next step is due; `None` if nothing is left to do.
    pub due: Option<OffsetDateTime>,
    /// When the import becomes `stuck` if it makes no progress.
    pub deadline: Option<OffsetDateTime>,
    /// Whether a push was never answered: the service may have the content.
    pub push_outcome_unknown: bool,
    /// Whether it released the tenant's slot early, because it waits for a person, or because the service has
    /// had the file for longer than an ingestion may take.
    pub slot_released: bool,
    /// When the row was created.
    pub received: OffsetDateTime,
    /// When the service accepted the push.
    pub pushed: Option<OffsetDateTime>,
    /// When the import ended.
    pub ended: Option<OffsetDateTime>,
    /// Why it waits, failed or has ended; `None` if it makes progress.
    pub reason: Option<Reason>,
    /// The reason of its connection that blocks it, until it makes progress.
    pub blocked: Option<ReasonCode>,
    /// What a person should know that is not an error.
    pub warning: Option<String>,
    /// Whether its zip could not be deleted; the log says why.
    pub package_left: bool,
    /// What support needs: the last requests with their ids.
    pub diagnostics: Diagnostics,
}

impl Import {
    /// A new import of `source`, due now.
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

    /// An import with only the fields that never change, and nothing due.
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
            connector: None,
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
            poll_path: None,
            step: 0,
            tries: 0,
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
            diagnostics: Diagnostics::default(),
        }
    }

    /// Whether it pauses its connection because the service answered 403, and not because later files build
    /// on it; also if a newer file has superseded it since.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.pauses && PauseCause::of(self.state) == PauseCause::Forbidden
    }

    /// The reason of the 403 after which it pauses its connection; what it knew is lost if another reason has
    /// replaced it.
    #[must_use]
    pub(crate) fn reason_of_403(&self) -> Reason {
        let own = self.reason.clone().filter(|reason| reason.code() == ReasonCode::Forbidden);
        own.unwrap_or(Reason::Forbidden { token_tenant: None })
    }

    /// File and import, as the reason of another import names them.
    #[must_use]
    pub fn called(&self) -> (Text, Text) {
        (self.source.file().into(), (&self.id.key).into())
    }
}

/// An entry of the history: the import entered a state, or something happened in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// When it happened first.
    #[serde(with = "moment")]
    pub at: OffsetDateTime,
    /// The state.
    pub state: State,
    /// What happened, besides the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// How often it happened.
    pub count: u32,
    /// When it happened last.
    #[serde(with = "moment")]
    pub last_seen: OffsetDateTime,
}

/// What happened to an import, besides its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Note {
    /// Why it waits, failed or ended.
    Reason(Reason),
    /// An operator action: who, how and when.
    Asked(Text),
    /// The status that the service reported.
    Status(Text),
    /// It was checked and packed.
    Packed {
        /// Data rows.
        rows: u64,
        /// The number of people who have a row.
        people: u64,
    },
    /// A push started.
    Pushed {
        /// The tenant's scale unit.
        scale_unit: Text,
    },
}

/// A kind of notification. The words are those of the table, the log and the notification.
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
    /// An import is stuck.
    Stuck,
    /// The service answered 403 for the connection.
    Forbidden,
    /// The credential of the connection failed.
    CredentialFailed,
    /// The connection document is invalid.
    ConnectionInvalid,
    /// No file has arrived by the expected day.
    Overdue,
    /// The service accepted a file.
    Completed,
    /// The first success after a notification that needed a person.
    Recovered,
}

/// A notification that is not sent yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingNotification {
    /// The kind.
    pub kind: NotificationKind,
    /// When the event happened.
    pub since: OffsetDateTime,
    /// When it is sent, or retried.
    pub due: OffsetDateTime,
    /// The number of failed attempts.
    pub failures: u32,
}

/// A notification that was sent, or that failed for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The kind.
    pub kind: NotificationKind,
    /// When it was sent, or tried last.
    #[serde(with = "moment")]
    pub at: OffsetDateTime,
    /// Whether it arrived.
    #[serde(flatten)]
    pub outcome: Delivery,
}

/// The result of a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "outcome", content = "why")]
pub enum Delivery {
    /// It arrived.
    Delivered,
    /// All attempts failed; this is why the last one did.
    GivenUp(Text),
}
