//! An import as a row of the table, and back.
//!
//! The columns are what a person reads in a table browser or in Power BI. [`COLUMNS`] is the one
//! place that lists them; old rows must still parse, so a column may be added, never renamed.

use serde::Deserialize as _;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::columns::{Columns, LONGEST_COLUMN, boolean, count, list, moment, number, text, time};
use crate::{
    import::{
        HistoryEntry, Import, ImportId, IngestionId, Note, Package, PendingNotification, Source,
        State, reason::Reason,
    },
    messages,
    schema::{DeletionApproval, Summary},
    storage::table::Properties,
};

/// When the next step is due; absent when nothing is left to do.
pub(super) const NEXT_ATTEMPT: &str = "NextAttempt";

/// When a message is due; absent when none waits.
pub(super) const MESSAGE_DUE: &str = "MessageDue";

/// The shape of the rows that this version writes and reads.
const SCHEMA_VERSION: u32 = 1;
const SCHEMA: &str = "SchemaVersion";

/// The member of a reason's JSON that holds its arguments.
const ARGS: &str = "args";

/// Every column with what it says.
pub const COLUMNS: &[(&str, &str)] = &[
    ("PartitionKey", "the tenant's id, or `no-tenant` where the connection could not be read"),
    ("RowKey", "the import's id: newest content first, the same content always the same id"),
    ("SchemaVersion", "the shape of the row; a row of a newer one is shown and left alone"),
    ("Target", "the service that takes it: `viva`"),
    ("Connection", "the connection the file belongs to"),
    ("File", "container and name of the file"),
    ("FileETag", "which content of that file"),
    ("Bytes", "its length"),
    ("LastModified", "when that content was written"),
    ("Rows", "data rows, without the header; known once packed"),
    ("People", "people who have a row; known once packed"),
    ("Dropped", "rows left out as not valid, because the connection is lenient"),
    (
        "State",
        "`Received`, `Packed`, `Pushing`, `Ingesting`; ends: `Completed`, `Accepted`, `Rejected`, `Superseded`, `Cancelled`, `Stuck`",
    ),
    ("Refresh", "`full` or `incremental`; known once packed"),
    ("IngestionId", "the service's own id of the import"),
    ("ServiceStatus", "the service's own last word"),
    ("Problems", "problems found in the file"),
    ("Report", "the blob that lists them, in the reports container; the same as .json beside it"),
    (
        "ApprovalRequired",
        "the rules that hold a file back because it deletes people or columns; `viva-import allow` lets it pass",
    ),
    ("ApprovedBy", "who let such a file pass"),
    ("ApprovedFor", "what the file was when they did: rows, people, columns, types, as JSON"),
    ("ByHand", "what persons asked for, and when: `retry`, `cancel`, `resume`"),
    ("Tells", "its connection has a webhook (`notify`), or the app has one (`NOTIFY_SETTING`)"),
    (
        "Message",
        "what waits to be told there: `rejected`, `stuck`, `forbidden`, `credential_failed`, `connection_invalid`, `overdue`, `completed`, `recovered`",
    ),
    ("MessageSince", "when that happened"),
    ("MessageDue", "when it is told, or tried again"),
    ("MessageFailures", "how often it failed"),
    ("Told", "what was told, and when, as JSON"),
    ("Stops", "those behind it wait if it is refused or stuck (`stopAfterRejected`)"),
    ("Pauses", "its connection waits for it; `viva-import resume` lets that go on"),
    ("Attempts", "packs and pushes begun"),
    ("Failures", "failures in a row of the present state"),
    ("FailedPushes", "pushes that failed or were not answered"),
    ("Busy", "how often the service had not finished the tenant's previous import"),
    ("NextAttempt", "when the next step is due; absent when nothing is left to do"),
    ("Deadline", "when the import ends as `Stuck` if it has come no further"),
    ("Received", "when the row was made"),
    ("Pushed", "when the service accepted the push"),
    ("Ended", "when the import ended"),
    ("ReasonCode", "why it waits, fails or has ended: a word to filter by"),
    ("ReasonArgs", "what belongs to that reason, as JSON"),
    ("BlockedBy", "the reason of its connection that keeps it waiting, until it goes on"),
    ("StatusText", "where it stands and why, in one sentence"),
    (
        "Notice",
        "what a person should know though nothing is wrong: columns cut, fields not in the file, warnings",
    ),
    ("PackageLeft", "its zip could not be deleted from the packages container"),
    ("AnswerLost", "a push was not answered: the service may have the content already"),
    (
        "Yielded",
        "it gave the tenant's place up all the same, so that nobody waits for what a person has to do",
    ),
    ("ScaleUnit", "the service's address of the tenant"),
    ("Package", "the staged zip in the packages container; gone when the import has ended"),
    ("PackageETag", "which content of that zip"),
    ("PackageBytes", "its length"),
    ("PackageSha256", "SHA-256 of its bytes"),
    ("Summary", "what the next import is held against: rows, people, columns, types, as JSON"),
    ("Journal", "where it has been, and when, as JSON"),
    ("WriteId", "which write made the row what it is"),
];

/// The row of an import, and the id of this very write.
pub(super) fn of(import: &Import) -> (Properties, String) {
    let write_id = azure_core::Uuid::new_v4().to_string();
    let mut row = Columns::new(&import.id.tenant, &import.id.key);
    row.number(SCHEMA, SCHEMA_VERSION);
    row.text("Target", import.target.as_ref());
    row.text("Connection", &import.connection);
    row.text("File", &import.source.file());
    row.text("FileETag", &import.source.etag);
    row.long("Bytes", import.source.bytes);
    row.time("LastModified", Some(import.source.last_modified));
    if let Some(rows) = import.rows {
        row.long("Rows", rows);
    }
    if let Some(summary) = &import.summary {
        row.long("People", summary.people);
    }
    row.long("Dropped", import.dropped);
    row.text("State", import.state.as_ref());
    row.maybe("Refresh", import.refresh.map(<&str>::from));
    row.maybe("IngestionId", import.ingestion.as_ref().map(|id| id.0.as_str()));
    row.maybe("ServiceStatus", import.service_status.as_deref());
    row.long("Problems", import.problems);
    row.maybe("Report", import.report.as_deref());
    row.maybe("ApprovalRequired", approval_required(import).as_deref());
    if let Some(DeletionApproval { by, seen }) = &import.approval {
        row.text("ApprovedBy", by);
        row.maybe("ApprovedFor", seen.as_ref().and_then(summary_text).as_deref());
    }
    row.maybe("ByHand", import.by_hand.as_deref());
    row.boolean("Tells", import.tells);
    if let Some(message) = &import.message {
        row.text("Message", message.occasion.as_ref());
        row.time("MessageSince", Some(message.since));
        row.time(MESSAGE_DUE, Some(message.due));
        row.number("MessageFailures", message.failures);
    }
    row.list("Told", &import.told);
    row.boolean("Stops", import.stops);
    row.boolean("Pauses", import.pauses);
    row.number("Attempts", import.attempts);
    row.number("Failures", import.failures);
    row.number("FailedPushes", import.failed_pushes);
    row.number("Busy", import.busy);
    row.time(NEXT_ATTEMPT, import.due);
    row.time("Deadline", import.deadline);
    row.time("Received", Some(import.received));
    row.time("Pushed", import.pushed);
    row.time("Ended", import.ended);
    if let Some(reason) = &import.reason {
        row.text("ReasonCode", reason.code().into());
        row.maybe("ReasonArgs", reason_args(reason).as_deref());
    }
    row.maybe("BlockedBy", import.blocked.map(Into::into));
    row.maybe("StatusText", Some(&messages::status(import)));
    row.maybe("Notice", import.notice.as_deref());
    row.boolean("PackageLeft", import.package_left);
    row.boolean("AnswerLost", import.answer_lost);
    row.boolean("Yielded", import.yielded);
    row.maybe("ScaleUnit", import.scale_unit.as_deref());
    if let Some(package) = &import.package {
        row.text("Package", &package.blob);
        row.text("PackageETag", &package.etag);
        row.long("PackageBytes", package.bytes);
        row.text("PackageSha256", &package.sha256);
    }
    row.maybe("Summary", import.summary.as_ref().and_then(summary_text).as_deref());
    row.text("Journal", &journal_text(&import.journal));
    row.text("WriteId", &write_id);
    (row.0, write_id)
}

/// A row says too little to be an import.
#[derive(Debug, thiserror::Error)]
#[error("row {key} has no readable {column}")]
pub(super) struct RowError {
    key: String,
    column: &'static str,
}

/// The import of a row, and the id of the write that made it.
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

/// What others go by of an import whose row is not understood, as far as it can be read.
fn left_alone(row: &Properties, unmoved: Import, reason: Reason) -> Import {
    let state = text(row, "State").and_then(|word| word.parse().ok());
    Import {
        state: state.unwrap_or(State::Ingesting),
        reason: Some(reason),
        refresh: text(row, "Refresh").and_then(|word| word.parse().ok()),
        summary: summary(row, "Summary"),
        pauses: boolean(row, "Pauses"),
        ended: time(row, "Ended"),
        ..unmoved
    }
}

/// An import as its row says that it has moved; the column that is not understood.
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
        state: word("State")?.parse().map_err(|_| "State")?,
        refresh: text(row, "Refresh").and_then(|word| word.parse().ok()),
        rows: number(row, "Rows"),
        summary: summary(row, "Summary"),
        dropped: number(row, "Dropped").unwrap_or_default(),
        problems: number(row, "Problems").unwrap_or_default(),
        report: text(row, "Report"),
        approval: text(row, "ApprovedBy")
            .map(|by| DeletionApproval { by, seen: summary(row, "ApprovedFor") }),
        package,
        stops: boolean(row, "Stops"),
        pauses: boolean(row, "Pauses"),
        by_hand: text(row, "ByHand"),
        tells: boolean(row, "Tells"),
        message: message(row),
        told: list(row, "Told"),
        journal: text(row, "Journal").as_deref().map(journal).unwrap_or_default(),
        scale_unit: text(row, "ScaleUnit"),
        ingestion: text(row, "IngestionId").map(IngestionId),
        service_status: text(row, "ServiceStatus"),
        attempts: count(row, "Attempts"),
        failures: count(row, "Failures"),
        failed_pushes: count(row, "FailedPushes"),
        busy: count(row, "Busy"),
        due: time(row, NEXT_ATTEMPT),
        deadline: time(row, "Deadline"),
        answer_lost: boolean(row, "AnswerLost"),
        yielded: boolean(row, "Yielded"),
        pushed: time(row, "Pushed"),
        ended: time(row, "Ended"),
        reason: reason(row).map_err(|()| "ReasonCode")?,
        blocked: blocked.transpose()?,
        package_left: boolean(row, "PackageLeft"),
        notice: text(row, "Notice"),
        ..unmoved
    })
}

/// A summary as a column holds it; without the names of the columns where they are too many, so
/// that what is kept can be read.
fn summary_text(summary: &Summary) -> Option<String> {
    let text = serde_json::to_string(summary).ok()?;
    if text.chars().count() <= LONGEST_COLUMN {
        return Some(text);
    }
    let without = Summary { columns: vec![], ..summary.clone() };
    serde_json::to_string(&without).ok()
}

/// The rules that a person may let a file pass by.
fn approval_required(import: &Import) -> Option<String> {
    let Some(Reason::DeletionBlocked(problems)) = &import.reason else { return None };
    let rules: Vec<&str> = problems.rules.iter().map(|broken| &*broken.rule).collect();
    Some(rules.join(", "))
}

fn summary(row: &Properties, column: &str) -> Option<Summary> {
    Summary::read(text(row, column)?.as_bytes()).ok()
}

/// The arguments of a reason, which are bounded one by one.
fn reason_args(reason: &Reason) -> Option<String> {
    let json = serde_json::to_value(reason).ok()?;
    json.get(ARGS).map(Value::to_string)
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
        occasion: text(row, "Message")?.parse().ok()?,
        since: time(row, "MessageSince")?,
        due: time(row, MESSAGE_DUE)?,
        failures: count(row, "MessageFailures"),
    })
}

/// A journal as a column holds it: where it is too long, without the oldest stops but the first.
fn journal_text(stops: &[HistoryEntry]) -> String {
    let mut stops: Vec<Value> = stops
        .iter()
        .map(|stop| {
            let mut json = json!({ "at": moment(stop.at), "state": stop.state.as_ref() });
            if let Some(note) = &stop.note {
                json["note"] = json!(note);
            }
            if stop.times > 1 {
                json["times"] = json!(stop.times);
                json["last"] = json!(moment(stop.last));
            }
            json
        })
        .collect();
    loop {
        let text = Value::from(stops.clone()).to_string();
        if text.chars().count() <= LONGEST_COLUMN || stops.len() < 2 {
            return text;
        }
        stops.remove(1);
    }
}

fn journal(text: &str) -> Vec<HistoryEntry> {
    let stops: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    let stop = |json: &Value| {
        let at = |name| OffsetDateTime::parse(json[name].as_str()?, &Rfc3339).ok();
        Some(HistoryEntry {
            at: at("at")?,
            state: json["state"].as_str()?.parse().ok()?,
            note: json.get("note").and_then(|note| Note::deserialize(note).ok()),
            times: json["times"].as_u64().and_then(|times| times.try_into().ok()).unwrap_or(1),
            last: at("last").or_else(|| at("at"))?,
        })
    };
    stops.iter().filter_map(stop).collect()
}

#[cfg(test)]
mod tests;
