//! An import as a row of the table, written and read.
//!
//! People read the columns in a table browser. [`COLUMNS`] is the one place that lists them.
//! Old rows must stay readable, so a column may be added, but never renamed.

use serde_json::json;

use super::columns::{
    ColumnInfo,
    ColumnType::{Boolean, DateTime, Int32, Int64, Json, Text},
    Columns, LONGEST_COLUMN, boolean, column, count, list, number, text, time,
};
use crate::{
    import::{
        HistoryEntry, Import, ImportId, IngestionId, Package, PendingNotification, Source, State,
        diagnostics::Diagnostics,
        reason::{ARGS, PauseCause, Reason},
    },
    messages,
    schema::{ApprovalScope, Baseline, DeletionApproval, SeenDeletions},
    storage::table::Properties,
};

/// When the next step is due; absent if nothing is left to do.
pub(super) const NEXT_ATTEMPT: &str = "NextAttempt";

/// When a notification is due; absent if none waits.
pub(super) const NOTIFICATION_DUE: &str = "NotificationDue";

/// The schema version of the rows that this program reads and writes.
const SCHEMA_VERSION: u32 = 1;
const SCHEMA: &str = "SchemaVersion";

/// Every column with its meaning.
pub const COLUMNS: &[ColumnInfo] = &[
    column("PartitionKey", Text, "The tenant id"),
    column(
        "RowKey",
        Text,
        "The id of the import: newest content first; the same content always has the same id",
    ),
    column(
        "SchemaVersion",
        Int32,
        "The schema version of the row. A row of a newer version is shown but not changed",
    ),
    column("Target", Text, "The service that takes the file: `viva`"),
    column("Connector", Text, "The connector that receives the data"),
    column("Connection", Text, "The connection of the file"),
    column("File", Text, "The container and name of the file"),
    column("FileETag", Text, "The ETag of the content"),
    column("Bytes", Int64, "The length of the content in bytes"),
    column("LastModified", DateTime, "When the content was written"),
    column("Rows", Int64, "The number of data rows, without the header; known once packed"),
    column("People", Int64, "The number of people who have a row; known once packed"),
    column(
        "RowsSkipped",
        Int64,
        "The number of invalid rows that were skipped, because the connection is lenient",
    ),
    column(
        "State",
        Text,
        "`received`, `packed`, `pushing`, `ingesting`; ends: `completed`, `accepted`, `rejected`, `superseded`, `cancelled`, `stuck`",
    ),
    column("Refresh", Text, "`full` or `incremental`; known once packed"),
    column("IngestionId", Text, "The ingestion id: the id of the import at the service"),
    column("ServiceStatus", Text, "The last status that the service reported"),
    column(
        "PollPath",
        Text,
        "The path at which the service reports the status: `fileIngestion`, or the older `ingestions`",
    ),
    column("ErrorCount", Int64, "The number of errors in the file"),
    column(
        "Report",
        Text,
        "The blob of the report in the reports container; a .json with the same content is beside it",
    ),
    column(
        "ApprovalRequired",
        Text,
        "The rules that require an approval (`viva-import approve`), because the file deletes people or columns, or is older than what was accepted",
    ),
    column("ApprovedBy", Text, "Who approved it"),
    column(
        "ApprovedFor",
        Json,
        "What was approved: the rules, and the rows, people, columns and dates of the file",
    ),
    column(
        "OperatorActions",
        Text,
        "The operator actions `retry`, `cancel` and `resume`, with who and when",
    ),
    column(
        "NotifyEnabled",
        Boolean,
        "Whether notifications are sent: the connection has a webhook (`notify`), or the app has one (`NOTIFY_SETTING`)",
    ),
    column(
        "Notification",
        Text,
        "The notification that is not sent yet: `rejected`, `stuck`, `forbidden`, `credential_failed`, `connection_invalid`, `overdue`, `completed`, `recovered`",
    ),
    column("NotificationSince", DateTime, "When the event of the notification happened"),
    column("NotificationDue", DateTime, "When the notification is sent, or retried"),
    column("NotificationFailures", Int32, "The number of failed attempts to send it"),
    column("NotificationsSent", Json, "The notifications that were sent, and when"),
    column(
        "StopOnRejection",
        Boolean,
        "Whether later files wait if this one is rejected or stuck (`stopAfterRejected`)",
    ),
    column(
        "PauseReason",
        Text,
        "Why it pauses its connection: `forbidden`, `rejected` or `stuck`. `viva-import resume` resumes the connection",
    ),
    column("Step", Int32, "The number of its next step, as in its message in the queue `steps`"),
    column("Tries", Int32, "How often this step was started and did not end"),
    column("Attempts", Int32, "The number of packs and pushes started"),
    column("Failures", Int32, "The number of consecutive failures in the current state"),
    column(
        "FailedPushes",
        Int32,
        "The number of consecutive pushes that failed or were not answered",
    ),
    column(
        "BusyRetries",
        Int32,
        "How often the service had not finished the tenant's previous import",
    ),
    column("NextAttempt", DateTime, "When the next step is due; absent if nothing is left to do"),
    column("Deadline", DateTime, "When the import becomes `stuck` if it makes no progress"),
    column("Received", DateTime, "When the row was created"),
    column("Pushed", DateTime, "When the service accepted the push"),
    column("Ended", DateTime, "When the import ended"),
    column("ReasonCode", Text, "Why it waits, failed or has ended, as a code to filter by"),
    column(
        "ReasonClass",
        Text,
        "Who has to act: nobody (`waiting`, `transient`, `final`) or a person (`actionRequired`)",
    ),
    column("ReasonArgs", Json, "The arguments of the reason"),
    column(
        "BlockedBy",
        Text,
        "The reason of its connection that blocks it, until it makes progress",
    ),
    column("StatusText", Text, "The status and its reason, in full sentences"),
    column(
        "Warning",
        Text,
        "What a person should know that is not an error: dropped columns, missing fields, skipped rows, warnings",
    ),
    column(
        "PackageLeft",
        Boolean,
        "Whether its zip could not be deleted from the packages container",
    ),
    column(
        "PushOutcomeUnknown",
        Boolean,
        "Whether a push was never answered: the service may have the content",
    ),
    column(
        "SlotReleased",
        Boolean,
        "Whether it released the tenant's slot early, so that no other import waits for a person, or for an ingestion that takes too long",
    ),
    column("ScaleUnit", Text, "The tenant's scale unit"),
    column(
        "Package",
        Text,
        "The staged zip in the packages container; deleted when the import has ended",
    ),
    column("PackageETag", Text, "The ETag of the zip"),
    column("PackageBytes", Int64, "The length of the zip in bytes"),
    column("PackageSha256", Text, "The SHA-256 of the zip"),
    column(
        "Baseline",
        Json,
        "What the next import is compared with: rows, people, columns and types",
    ),
    column("History", Json, "The states it has been in, and when"),
    column(
        "Diagnostics",
        Json,
        "For support: the last requests to the service with times, ids and codes, the event, and the last failure of storage",
    ),
    column("WriteId", Text, "The id of the last write"),
];

/// The row of an import, and the id of this write.
pub(super) fn of(import: &Import) -> (Properties, String) {
    let write_id = azure_core::Uuid::new_v4().to_string();
    let mut row = Columns::new(&import.id.tenant, &import.id.key);
    row.number(SCHEMA, SCHEMA_VERSION);
    row.text("Target", import.target.as_ref());
    row.maybe("Connector", import.connector.as_ref().map(AsRef::as_ref));
    row.text("Connection", &import.connection);
    row.text("File", &import.source.file());
    row.text("FileETag", &import.source.etag);
    row.long("Bytes", import.source.bytes);
    row.time("LastModified", Some(import.source.last_modified));
    if let Some(rows) = import.rows {
        row.long("Rows", rows);
    }
    if let Some(summary) = &import.baseline {
        row.long("People", summary.people);
    }
    row.long("RowsSkipped", import.rows_skipped);
    row.text("State", import.state.as_ref());
    row.maybe("Refresh", import.refresh.map(<&str>::from));
    row.maybe("IngestionId", import.ingestion.as_ref().map(|id| id.0.as_str()));
    row.maybe("ServiceStatus", import.service_status.as_deref());
    row.maybe("PollPath", import.poll_path.as_ref().map(AsRef::as_ref));
    row.long("ErrorCount", import.error_count);
    row.maybe("Report", import.report.as_deref());
    row.maybe("ApprovalRequired", approval_required(import).as_deref());
    if let Some(DeletionApproval { by, scope }) = &import.approval {
        row.text("ApprovedBy", by);
        row.maybe("ApprovedFor", scope_text(scope).as_deref());
    }
    row.maybe("OperatorActions", import.operator_actions.as_deref());
    row.boolean("NotifyEnabled", import.notify_enabled);
    if let Some(message) = &import.notification {
        row.text("Notification", message.kind.as_ref());
        row.time("NotificationSince", Some(message.since));
        row.time(NOTIFICATION_DUE, Some(message.due));
        row.number("NotificationFailures", message.failures);
    }
    row.list("NotificationsSent", &import.notifications_sent);
    row.boolean("StopOnRejection", import.stop_on_rejection);
    let cause = import.pauses.then(|| PauseCause::of(import.state));
    row.maybe("PauseReason", cause.map(Into::into));
    row.number("Step", import.step);
    row.number("Tries", import.tries);
    row.number("Attempts", import.attempts);
    row.number("Failures", import.failures);
    row.number("FailedPushes", import.failed_pushes);
    row.number("BusyRetries", import.busy_retries);
    row.time(NEXT_ATTEMPT, import.due);
    row.time("Deadline", import.deadline);
    row.time("Received", Some(import.received));
    row.time("Pushed", import.pushed);
    row.time("Ended", import.ended);
    if let Some(reason) = &import.reason {
        row.text("ReasonCode", reason.code().into());
        row.text("ReasonClass", reason.class().as_ref());
        row.maybe("ReasonArgs", reason.args().map(|args| args.to_string()).as_deref());
    }
    row.maybe("BlockedBy", import.blocked.map(Into::into));
    row.maybe("StatusText", Some(&messages::status(import)));
    row.maybe("Warning", import.warning.as_deref());
    row.boolean("PackageLeft", import.package_left);
    row.boolean("PushOutcomeUnknown", import.push_outcome_unknown);
    row.boolean("SlotReleased", import.slot_released);
    row.maybe("ScaleUnit", import.scale_unit.as_deref());
    if let Some(package) = &import.package {
        row.text("Package", &package.blob);
        row.text("PackageETag", &package.etag);
        row.long("PackageBytes", package.bytes);
        row.text("PackageSha256", &package.sha256);
    }
    row.maybe("Baseline", import.baseline.as_ref().and_then(baseline_text).as_deref());
    row.text("History", &history_text(&import.history));
    row.maybe("Diagnostics", diagnostics_text(&import.diagnostics).as_deref());
    row.text("WriteId", &write_id);
    (row.0, write_id)
}

/// A row has too little to be read as an import.
#[derive(Debug, thiserror::Error)]
#[error("row {key} has no valid {column}")]
pub(super) struct RowError {
    key: String,
    column: &'static str,
}

/// The import of a row, and the id of its last write.
pub(super) fn parse(row: &Properties) -> Result<(Import, String), RowError> {
    let unreadable =
        |column| move || RowError { key: text(row, "RowKey").unwrap_or_default(), column };
    let need = |column| text(row, column).ok_or_else(unreadable(column));
    let need_time = |column| time(row, column).ok_or_else(unreadable(column));
    let file = need("File")?;
    let (container, name) = file.split_once('/').ok_or_else(unreadable("File"))?;
    let id = ImportId { tenant: need("PartitionKey")?, key: need("RowKey")? };
    let connection = need("Connection")?;
    let source = Source {
        container: container.to_owned(),
        name: name.to_owned(),
        etag: need("FileETag")?,
        bytes: number(row, "Bytes").unwrap_or_default(),
        last_modified: need_time("LastModified")?,
    };
    let unmoved = Import::unmoved(id, &connection, source, need_time("Received")?);
    let schema = count(row, SCHEMA);
    let import = if schema > SCHEMA_VERSION {
        left_alone(row, unmoved, Reason::NewerVersion { schema })
    } else {
        moved(row, unmoved.clone()).unwrap_or_else(|column| {
            left_alone(row, unmoved, Reason::RowUnreadable { column: column.into() })
        })
    };
    Ok((import, text(row, "WriteId").unwrap_or_default()))
}

/// An unreadable import, with the readable fields that other imports depend on.
fn left_alone(row: &Properties, unmoved: Import, reason: Reason) -> Import {
    let state = text(row, "State").and_then(|word| word.parse().ok());
    Import {
        state: state.unwrap_or(State::Ingesting),
        reason: Some(reason),
        refresh: text(row, "Refresh").and_then(|word| word.parse().ok()),
        baseline: baseline(row, "Baseline"),
        pauses: text(row, "PauseReason").is_some(),
        ended: time(row, "Ended"),
        ..unmoved
    }
}

/// An import with all columns of its row; the error is the column that is invalid.
fn moved(row: &Properties, unmoved: Import) -> Result<Import, &'static str> {
    let package = text(row, "Package").map(|blob| Package {
        blob,
        etag: text(row, "PackageETag").unwrap_or_default(),
        bytes: number(row, "PackageBytes").unwrap_or_default(),
        sha256: text(row, "PackageSha256").unwrap_or_default(),
    });
    let word = |column: &'static str| text(row, column).ok_or(column);
    let blocked = text(row, "BlockedBy").map(|code| code.parse().map_err(|_| "BlockedBy"));
    Ok(Import {
        target: word("Target")?.parse().map_err(|_| "Target")?,
        connector: text(row, "Connector").and_then(|word| word.parse().ok()),
        state: word("State")?.parse().map_err(|_| "State")?,
        refresh: text(row, "Refresh").and_then(|word| word.parse().ok()),
        rows: number(row, "Rows"),
        baseline: baseline(row, "Baseline"),
        rows_skipped: number(row, "RowsSkipped").unwrap_or_default(),
        error_count: number(row, "ErrorCount").unwrap_or_default(),
        report: text(row, "Report"),
        approval: text(row, "ApprovedBy")
            .zip(scope(row))
            .map(|(by, scope)| DeletionApproval { by, scope }),
        package,
        stop_on_rejection: boolean(row, "StopOnRejection"),
        pauses: text(row, "PauseReason").is_some(),
        operator_actions: text(row, "OperatorActions"),
        notify_enabled: boolean(row, "NotifyEnabled"),
        notification: message(row),
        notifications_sent: list(row, "NotificationsSent"),
        history: list(row, "History"),
        scale_unit: text(row, "ScaleUnit"),
        ingestion: text(row, "IngestionId").map(IngestionId),
        service_status: text(row, "ServiceStatus"),
        poll_path: text(row, "PollPath").and_then(|path| path.parse().ok()),
        step: count(row, "Step"),
        tries: count(row, "Tries"),
        attempts: count(row, "Attempts"),
        failures: count(row, "Failures"),
        failed_pushes: count(row, "FailedPushes"),
        busy_retries: count(row, "BusyRetries"),
        due: time(row, NEXT_ATTEMPT),
        deadline: time(row, "Deadline"),
        push_outcome_unknown: boolean(row, "PushOutcomeUnknown"),
        slot_released: boolean(row, "SlotReleased"),
        pushed: time(row, "Pushed"),
        ended: time(row, "Ended"),
        reason: reason(row).map_err(|()| "ReasonCode")?,
        blocked: blocked.transpose()?,
        package_left: boolean(row, "PackageLeft"),
        warning: text(row, "Warning"),
        diagnostics: diagnostics(row),
        ..unmoved
    })
}

/// A baseline as a column holds it; without the names of the columns if they are too many, so that the rest
/// stays readable.
pub(super) fn baseline_text(baseline: &Baseline) -> Option<String> {
    let text = serde_json::to_string(baseline).ok()?;
    if text.chars().count() <= LONGEST_COLUMN {
        return Some(text);
    }
    let without = Baseline { columns: vec![], ..baseline.clone() };
    serde_json::to_string(&without).ok()
}

/// What was approved as a column holds it; without the names of the columns if they are too many.
fn scope_text(scope: &ApprovalScope) -> Option<String> {
    let text = serde_json::to_string(scope).ok()?;
    match scope {
        ApprovalScope::Seen(seen) if text.chars().count() > LONGEST_COLUMN => {
            let file = Baseline { columns: vec![], ..seen.file.clone() };
            let seen = SeenDeletions { file, ..seen.clone() };
            serde_json::to_string(&ApprovalScope::Seen(seen)).ok()
        }
        ApprovalScope::Seen(_) | ApprovalScope::Rules(_) => Some(text),
    }
}

fn scope(row: &Properties) -> Option<ApprovalScope> {
    serde_json::from_str(&text(row, "ApprovedFor")?).ok()
}

/// The rules by which the file deletes, if an operator may approve that.
fn approval_required(import: &Import) -> Option<String> {
    let Some(Reason::DeletionBlocked(problems)) = &import.reason else { return None };
    let rules: Vec<&str> = problems.rules.iter().map(|broken| &*broken.rule).collect();
    Some(rules.join(", "))
}

pub(super) fn baseline(row: &Properties, column: &str) -> Option<Baseline> {
    Baseline::read(text(row, column)?.as_bytes()).ok()
}

fn reason(row: &Properties) -> Result<Option<Reason>, ()> {
    let Some(code) = text(row, "ReasonCode") else { return Ok(None) };
    let mut json = json!({ "code": code });
    if let Some(args) = text(row, "ReasonArgs") {
        json[ARGS] = serde_json::from_str(&args).map_err(drop)?;
    }
    serde_json::from_value(json).map(Some).map_err(drop)
}

fn message(row: &Properties) -> Option<PendingNotification> {
    Some(PendingNotification {
        kind: text(row, "Notification")?.parse().ok()?,
        since: time(row, "NotificationSince")?,
        due: time(row, NOTIFICATION_DUE)?,
        failures: count(row, "NotificationFailures"),
    })
}

/// A history as a column holds it; if it is too long, without the oldest entries after the first.
fn history_text(history: &[HistoryEntry]) -> String {
    let mut entries: Vec<&HistoryEntry> = history.iter().collect();
    loop {
        let text = serde_json::to_string(&entries).unwrap_or_default();
        if text.chars().count() <= LONGEST_COLUMN || entries.len() < 2 {
            return text;
        }
        entries.remove(1);
    }
}

/// The record for support as a column holds it; if it is too long, without the oldest requests.
fn diagnostics_text(diagnostics: &Diagnostics) -> Option<String> {
    let mut diagnostics = diagnostics.clone();
    while !diagnostics.is_empty() {
        let text = serde_json::to_string(&diagnostics).ok()?;
        if text.chars().count() <= LONGEST_COLUMN {
            return Some(text);
        }
        if diagnostics.exchanges.is_empty() {
            return None;
        }
        diagnostics.exchanges.remove(0);
    }
    None
}

fn diagnostics(row: &Properties) -> Diagnostics {
    let text = text(row, "Diagnostics").and_then(|text| serde_json::from_str(&text).ok());
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests;
