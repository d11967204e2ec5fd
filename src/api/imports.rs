//! Imports, their findings and their history.

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
    /// The address of the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri-reference")]
    pub next_link: Option<String>,
}

/// An import in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportItem {
    /// `TENANT.KEY`: the partition and the row key of its row.
    pub id: String,
    /// The Microsoft Entra tenant.
    pub tenant_id: String,
    /// The connection.
    pub connection: String,
    /// The service that takes the file.
    pub target: Target,
    /// Container and name of the file.
    pub file: String,
    /// The ETag of the content.
    pub file_e_tag: String,
    /// The length of the content.
    pub bytes: u64,
    /// When the content was written.
    pub last_modified: Moment,
    /// The state.
    pub state: State,
    /// The status and its reason, in full sentences.
    pub status_text: String,
    /// What a person should do, in full sentences.
    pub recommended_action: String,
    /// Why it waits, failed or has ended; null if it makes progress.
    pub reason: Option<ReasonItem>,
    /// The reason of its connection that blocks it.
    pub blocked_by: Option<ReasonCode>,
    /// Whether the file replaces all data (`full`) or changes it; known once packed.
    pub refresh: Option<Refresh>,
    /// The number of data rows; known once packed.
    pub rows: Option<u64>,
    /// The number of people who have a row; known once packed.
    pub people: Option<u64>,
    /// The number of invalid rows that were skipped, because the connection is lenient.
    pub rows_skipped: u64,
    /// The number of errors in the file.
    pub error_count: u64,
    /// What a person should know that is not an error.
    pub warning: Option<String>,
    /// Why it pauses its connection.
    pub pause_reason: Option<PauseCause>,
    /// The service's id of the import.
    pub ingestion_id: Option<String>,
    /// The last status that the service reported.
    pub service_status: Option<String>,
    /// When the row was created.
    pub received: Moment,
    /// When the service accepted the push.
    pub pushed: Option<Moment>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// When the next step is due.
    pub next_attempt: Option<Moment>,
    /// When the import becomes `stuck` if it makes no progress.
    pub deadline: Option<Moment>,
}

/// An import in detail.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportDetail {
    /// The fields that lists have too.
    #[serde(flatten)]
    pub item: ImportItem,
    /// The number of packs and pushes started.
    pub attempts: u32,
    /// How often the service had not finished the tenant's previous import.
    pub busy_retries: u32,
    /// The blob of the report, in the reports container.
    pub report: Option<String>,
    /// Whether it needs an approval, because it deletes people or columns.
    pub approval_required: bool,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// The operator actions, with time.
    pub operator_actions: Option<String>,
    /// The notifications that were sent.
    pub notifications_sent: Vec<Notified>,
    /// What to paste into a support ticket: ids and times of the last requests; no values and no secrets.
    pub support: String,
    /// The history, oldest entry first.
    pub history: Vec<HistoryItem>,
}

/// Why an import waits, failed or has ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonItem {
    /// The code; see `viva-import reasons`.
    pub code: ReasonCode,
    /// Who has to act.
    pub class: Class,
    /// The reason in full sentences.
    pub message: String,
    /// The arguments of the reason.
    #[schema(value_type = Option<Object>)]
    pub args: Option<Value>,
}

/// An entry of the history.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryItem {
    /// When it happened first.
    pub at: Moment,
    /// The state.
    pub state: State,
    /// What happened, besides the state.
    pub message: Option<String>,
    /// How often it happened.
    pub count: u32,
    /// When it happened last.
    pub last_seen: Moment,
}

/// A notification that was sent, or that failed for good.
#[derive(Debug, Serialize, ToSchema)]
pub struct Notified {
    /// The kind.
    pub kind: NotificationKind,
    /// When it was sent, or tried last.
    pub at: Moment,
    /// Whether it arrived.
    pub delivered: bool,
}

/// The findings of a file.
#[derive(Debug, Serialize, ToSchema)]
pub struct Findings {
    /// The findings, worst first.
    pub value: Vec<Finding>,
}

/// A finding and its place, without cell values.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Finding {
    /// The rule; see `viva-import rules`.
    pub rule: String,
    /// The severity.
    pub severity: Severity,
    /// The header of the column; null if the finding concerns a row or the file.
    pub column: Option<String>,
    /// The first rows; the header is row 1.
    pub rows: Vec<u64>,
    /// The number of all such rows.
    pub count: u64,
    /// What is wrong, and what to do, in full sentences.
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
            support: messages::support(import),
            history: import.history.iter().map(|entry| HistoryItem::of(entry, import)).collect(),
        }
    }
}

impl ReasonItem {
    fn of(reason: &Reason, target: Target) -> Self {
        Self {
            code: reason.code(),
            class: reason.class(),
            message: messages::sentence(messages::cause(reason, target)),
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
