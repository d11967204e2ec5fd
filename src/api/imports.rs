//! Imports, what was found in their files, and where they have been.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Moment;
use crate::{
    import::{
        Delivery, HistoryEntry, Import, NotificationKind, Sent, State,
        reason::{Class, PauseCause, Reason, ReasonCode},
    },
    messages,
    schema::{Refresh, Severity, Target},
};

/// A page of imports, newest content first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Imports {
    /// The imports.
    pub value: Vec<ImportItem>,
    /// Where the next page is; left out on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri-reference")]
    pub next_link: Option<String>,
}

/// An import, as lists have it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportItem {
    /// `TENANT.KEY`: the partition and the row key of its row.
    pub id: String,
    /// The Microsoft Entra tenant; `no-tenant` where the connection could not be read.
    pub tenant_id: String,
    /// Its connection.
    pub connection: String,
    /// The service that takes it.
    pub target: Target,
    /// Container and name of the file.
    pub file: String,
    /// Which content of that file.
    pub file_e_tag: String,
    /// The length of that content.
    pub bytes: u64,
    /// When that content was written.
    pub last_modified: Moment,
    /// Where it stands.
    pub state: State,
    /// Where it stands and why, in one sentence.
    pub status_text: String,
    /// What a person should do.
    pub recommended_action: String,
    /// Why it waits, fails or has ended.
    pub reason: Option<ReasonItem>,
    /// The reason of its connection that keeps it waiting.
    pub blocked_by: Option<ReasonCode>,
    /// What it does to the data that is there; known once packed.
    pub refresh: Option<Refresh>,
    /// Data rows; known once packed.
    pub rows: Option<u64>,
    /// People who have a row; known once packed.
    pub people: Option<u64>,
    /// Rows left out as not valid, because the connection is lenient.
    pub rows_skipped: u64,
    /// Errors found in the file.
    pub error_count: u64,
    /// What a person should know though nothing is wrong.
    pub warning: Option<String>,
    /// Why its connection waits for it.
    pub pause_reason: Option<PauseCause>,
    /// The service's own id of the import.
    pub ingestion_id: Option<String>,
    /// The service's own last word.
    pub service_status: Option<String>,
    /// When its row was made.
    pub received: Moment,
    /// When the service accepted the push.
    pub pushed: Option<Moment>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// When its next step is due.
    pub next_attempt: Option<Moment>,
    /// When it ends as `stuck` if it has come no further.
    pub deadline: Option<Moment>,
}

/// One import.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportDetail {
    /// What lists have of it.
    #[serde(flatten)]
    pub item: ImportItem,
    /// Packs and pushes begun.
    pub attempts: u32,
    /// How often the service had not finished the tenant's previous import.
    pub busy_retries: u32,
    /// The blob that lists what was found, in the reports container.
    pub report: Option<String>,
    /// Whether it waits for somebody to approve that it deletes people or columns.
    pub approval_required: bool,
    /// Who approved that.
    pub approved_by: Option<String>,
    /// What people asked for last, and when.
    pub operator_actions: Option<String>,
    /// Who was told of what.
    pub notifications_sent: Vec<Notified>,
    /// Where it has been, oldest first.
    pub history: Vec<HistoryItem>,
}

/// Why an import waits, fails or has ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonItem {
    /// In one word: see `viva-import reasons`.
    pub code: ReasonCode,
    /// Who has to do something about it.
    pub class: Class,
    /// In a sentence.
    pub message: String,
    /// What belongs to it.
    #[schema(value_type = Option<Object>)]
    pub args: Option<Value>,
}

/// An entry of the history.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryItem {
    /// When first.
    pub at: Moment,
    /// In which state.
    pub state: State,
    /// What there is to say beside the state.
    pub message: Option<String>,
    /// How often the same happened.
    pub count: u32,
    /// When it happened last.
    pub last_seen: Moment,
}

/// A notification that was sent, or given up.
#[derive(Debug, Serialize, ToSchema)]
pub struct Notified {
    /// Of what.
    pub kind: NotificationKind,
    /// When.
    pub at: Moment,
    /// Whether it arrived.
    pub delivered: bool,
}

/// What was found in a file.
#[derive(Debug, Serialize, ToSchema)]
pub struct Findings {
    /// The findings, worst first.
    pub value: Vec<Finding>,
}

/// Something that was found in a file, and where; never a value.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Finding {
    /// The rule: see `viva-import rules`.
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// The column's header; null where it is about a row or the file.
    pub column: Option<String>,
    /// The first rows, the header being row 1.
    pub rows: Vec<u64>,
    /// How many rows there are.
    pub count: u64,
    /// What is wrong, and what to do.
    pub message: String,
}

impl From<&Import> for ImportItem {
    fn from(import: &Import) -> Self {
        Self {
            id: import.id.name(),
            tenant_id: import.id.tenant.clone(),
            connection: import.connection.clone(),
            target: import.target,
            file: import.source.file(),
            file_e_tag: import.source.etag.clone(),
            bytes: import.source.bytes,
            last_modified: Moment(import.source.last_modified),
            state: import.state,
            status_text: messages::status(import),
            recommended_action: messages::action(import),
            reason: import.reason.as_ref().map(|reason| ReasonItem::of(reason, import.target)),
            blocked_by: import.blocked,
            refresh: import.refresh,
            rows: import.rows,
            people: import.baseline.as_ref().map(|baseline| baseline.people),
            rows_skipped: import.rows_skipped,
            error_count: import.error_count,
            warning: messages::warning(import),
            pause_reason: import.pauses.then(|| PauseCause::of(import.state)),
            ingestion_id: import.ingestion.as_ref().map(ToString::to_string),
            service_status: import.service_status.clone(),
            received: Moment(import.received),
            pushed: import.pushed.map(Moment),
            ended: import.ended.map(Moment),
            next_attempt: import.due.map(Moment),
            deadline: import.deadline.map(Moment),
        }
    }
}

impl From<&Import> for ImportDetail {
    fn from(import: &Import) -> Self {
        Self {
            item: import.into(),
            attempts: import.attempts,
            busy_retries: import.busy_retries,
            report: import.report.clone(),
            approval_required: import.is_guarded(),
            approved_by: import.approval.as_ref().map(|approval| approval.by.clone()),
            operator_actions: import.operator_actions.clone(),
            notifications_sent: import.notifications_sent.iter().map(Notified::from).collect(),
            history: import.history.iter().map(|entry| HistoryItem::of(entry, import)).collect(),
        }
    }
}

impl ReasonItem {
    fn of(reason: &Reason, target: Target) -> Self {
        Self {
            code: reason.code(),
            class: reason.class(),
            message: messages::cause(reason, target),
            args: reason.args(),
        }
    }
}

impl HistoryItem {
    fn of(entry: &HistoryEntry, import: &Import) -> Self {
        Self {
            at: Moment(entry.at),
            state: entry.state,
            message: entry.note.as_ref().map(|_| messages::note(entry, import)),
            count: entry.count,
            last_seen: Moment(entry.last_seen),
        }
    }
}

impl From<&Sent> for Notified {
    fn from(sent: &Sent) -> Self {
        Self {
            kind: sent.kind,
            at: Moment(sent.at),
            delivered: matches!(sent.outcome, Delivery::Delivered),
        }
    }
}
