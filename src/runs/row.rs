//! An import as a row of the table, and back.
//!
//! The columns are what a person reads in a table browser or in Power BI. [`COLUMNS`] is the one
//! place that lists them; old rows must still parse, so a column may be added, never renamed.

use serde::Deserialize as _;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    azure::table::Properties,
    check::{DeletionApproval, Summary},
    messages,
    run::{
        IngestionId, Message, Note, Occasion, Package, Refresh, Run, RunId, Source, State, Stop,
        Target, reason::Reason,
    },
};

/// When the next step is due; absent when nothing is left to do.
pub(super) const NEXT_ATTEMPT: &str = "NextAttempt";

/// When a message is due; absent when none waits.
pub(super) const MESSAGE_DUE: &str = "MessageDue";

/// A column of the table holds 32 Ki units of UTF-16; a character is two at most.
const LONGEST_COLUMN: usize = 16_000;

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
    ("Tells", "its connection has a webhook (`notify`)"),
    (
        "Message",
        "what waits to be told there: `rejected`, `stuck`, `forbidden`, `credential_failed`, `connection_invalid`, `overdue`, `recovered`",
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

/// The row of a run, and the id of this very write.
pub(super) fn of(run: &Run) -> (Properties, String) {
    let write_id = azure_core::Uuid::new_v4().to_string();
    let mut row = Columns(Properties::new());
    row.text("PartitionKey", &run.id.tenant);
    row.text("RowKey", &run.id.key);
    row.0.insert(SCHEMA.to_owned(), json!(SCHEMA_VERSION));
    row.text("Target", run.target.word());
    row.text("Connection", &run.connection);
    row.text("File", &run.source.file());
    row.text("FileETag", &run.source.etag);
    row.long("Bytes", run.source.bytes);
    row.time("LastModified", Some(run.source.last_modified));
    if let Some(rows) = run.rows {
        row.long("Rows", rows);
    }
    if let Some(summary) = &run.summary {
        row.long("People", summary.people);
    }
    row.long("Dropped", run.dropped);
    row.text("State", run.state.word());
    row.maybe("Refresh", run.refresh.map(Refresh::word));
    row.maybe("IngestionId", run.ingestion.as_ref().map(|id| id.0.as_str()));
    row.maybe("ServiceStatus", run.service_status.as_deref());
    row.long("Problems", run.problems);
    row.maybe("Report", run.report.as_deref());
    row.maybe("ApprovalRequired", approval_required(run).as_deref());
    if let Some(DeletionApproval { by, seen }) = &run.approval {
        row.text("ApprovedBy", by);
        row.maybe("ApprovedFor", seen.as_ref().and_then(summary_text).as_deref());
    }
    row.maybe("ByHand", run.by_hand.as_deref());
    row.0.insert("Tells".to_owned(), json!(run.tells));
    if let Some(message) = &run.message {
        row.text("Message", message.occasion.word());
        row.time("MessageSince", Some(message.since));
        row.time(MESSAGE_DUE, Some(message.due));
        row.0.insert("MessageFailures".to_owned(), json!(message.failures));
    }
    if !run.told.is_empty() {
        row.maybe("Told", serde_json::to_string(&run.told).ok().as_deref());
    }
    row.0.insert("Stops".to_owned(), json!(run.stops));
    row.0.insert("Pauses".to_owned(), json!(run.pauses));
    row.0.insert("Attempts".to_owned(), json!(run.attempts));
    row.0.insert("Failures".to_owned(), json!(run.failures));
    row.0.insert("FailedPushes".to_owned(), json!(run.failed_pushes));
    row.0.insert("Busy".to_owned(), json!(run.busy));
    row.time(NEXT_ATTEMPT, run.due);
    row.time("Deadline", run.deadline);
    row.time("Received", Some(run.received));
    row.time("Pushed", run.pushed);
    row.time("Ended", run.ended);
    if let Some(reason) = &run.reason {
        row.text("ReasonCode", reason.code().into());
        row.maybe("ReasonArgs", reason_args(reason).as_deref());
    }
    row.maybe("BlockedBy", run.blocked.map(Into::into));
    row.maybe("StatusText", Some(&messages::status(run)));
    row.maybe("Notice", run.notice.as_deref());
    row.0.insert("PackageLeft".to_owned(), json!(run.package_left));
    row.0.insert("AnswerLost".to_owned(), json!(run.answer_lost));
    row.0.insert("Yielded".to_owned(), json!(run.yielded));
    row.maybe("ScaleUnit", run.scale_unit.as_deref());
    if let Some(package) = &run.package {
        row.text("Package", &package.blob);
        row.text("PackageETag", &package.etag);
        row.long("PackageBytes", package.bytes);
        row.text("PackageSha256", &package.sha256);
    }
    row.maybe("Summary", run.summary.as_ref().and_then(summary_text).as_deref());
    row.text("Journal", &journal_text(&run.journal));
    row.text("WriteId", &write_id);
    (row.0, write_id)
}

/// The run of a row, and the id of the write that made it.
pub(super) fn parse(row: &Properties) -> Result<(Run, String), String> {
    let key = text(row, "RowKey").unwrap_or_default();
    let need = |column: &str, value: Option<String>| {
        value.ok_or_else(|| format!("row {key} has no readable {column}"))
    };
    let need_time = |column: &str| {
        time(row, column).ok_or_else(|| format!("row {key} has no readable {column}"))
    };
    let file = need("File", text(row, "File"))?;
    let (container, name) =
        file.split_once('/').ok_or_else(|| format!("row {key} has no readable File"))?;
    let id = RunId {
        tenant: need("PartitionKey", text(row, "PartitionKey"))?,
        key: need("RowKey", text(row, "RowKey"))?,
    };
    let connection = need("Connection", text(row, "Connection"))?;
    let source = Source {
        container: container.to_owned(),
        name: name.to_owned(),
        etag: need("FileETag", text(row, "FileETag"))?,
        bytes: number(row, "Bytes").unwrap_or_default(),
        last_modified: need_time("LastModified")?,
    };
    let unmoved = Run::unmoved(id, &connection, source, need_time("Received")?);
    let (state, schema) = (need("State", text(row, "State"))?, count(row, SCHEMA));
    let write_id = text(row, "WriteId").unwrap_or_default();
    if schema > SCHEMA_VERSION {
        let state = State::parse(&state).unwrap_or(State::Ingesting);
        let reason = Some(Reason::NewerVersion { schema });
        // What others go by, as far as it can be read.
        let newer = Run {
            state,
            reason,
            refresh: text(row, "Refresh").as_deref().and_then(Refresh::parse),
            summary: summary(row, "Summary"),
            pauses: boolean(row, "Pauses"),
            ended: time(row, "Ended"),
            ..unmoved
        };
        return Ok((newer, write_id));
    }
    let package = text(row, "Package").map(|blob| Package {
        blob,
        etag: text(row, "PackageETag").unwrap_or_default(),
        bytes: number(row, "PackageBytes").unwrap_or_default(),
        sha256: text(row, "PackageSha256").unwrap_or_default(),
    });
    let run = Run {
        target: text(row, "Target")
            .as_deref()
            .and_then(Target::parse)
            .ok_or_else(|| format!("row {key} has no readable Target"))?,
        state: State::parse(&state)
            .ok_or_else(|| format!("row {key} is {state}, which is no state"))?,
        refresh: text(row, "Refresh").as_deref().and_then(Refresh::parse),
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
        told: text(row, "Told")
            .and_then(|told| serde_json::from_str(&told).ok())
            .unwrap_or_default(),
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
        reason: reason(row).map_err(|()| format!("row {key} has no readable reason"))?,
        blocked: text(row, "BlockedBy").and_then(|code| code.parse().ok()),
        package_left: boolean(row, "PackageLeft"),
        notice: text(row, "Notice"),
        ..unmoved
    };
    Ok((run, write_id))
}

/// A moment as the table keeps it.
pub(super) fn moment(at: OffsetDateTime) -> String {
    // The table keeps seven digits of a second; milliseconds are enough and read better.
    let at = at.replace_nanosecond(u32::from(at.millisecond()) * 1_000_000).unwrap_or(at);
    at.format(&Rfc3339).unwrap_or_default()
}

struct Columns(Properties);

impl Columns {
    fn text(&mut self, column: &str, value: &str) {
        self.0.insert(column.to_owned(), json!(value));
    }

    fn maybe(&mut self, column: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(column, &value.chars().take(LONGEST_COLUMN).collect::<String>());
        }
    }

    /// Int64 travels as a string and a type, or the service takes it for an Int32 or a Double.
    fn long(&mut self, column: &str, value: u64) {
        self.typed(column, &value.to_string(), "Edm.Int64");
    }

    fn time(&mut self, column: &str, at: Option<OffsetDateTime>) {
        if let Some(at) = at {
            self.typed(column, &moment(at), "Edm.DateTime");
        }
    }

    fn typed(&mut self, column: &str, value: &str, edm: &str) {
        self.0.insert(column.to_owned(), json!(value));
        self.0.insert(format!("{column}@odata.type"), json!(edm));
    }
}

fn text(row: &Properties, column: &str) -> Option<String> {
    row.get(column).and_then(Value::as_str).map(str::to_owned)
}

fn number(row: &Properties, column: &str) -> Option<u64> {
    let value = row.get(column)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn boolean(row: &Properties, column: &str) -> bool {
    row.get(column).and_then(Value::as_bool).unwrap_or_default()
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
fn approval_required(run: &Run) -> Option<String> {
    let Some(Reason::DeletionBlocked(problems)) = &run.reason else { return None };
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

fn message(row: &Properties) -> Option<Message> {
    Some(Message {
        occasion: Occasion::parse(&text(row, "Message")?)?,
        since: time(row, "MessageSince")?,
        due: time(row, MESSAGE_DUE)?,
        failures: count(row, "MessageFailures"),
    })
}

/// A journal as a column holds it: where it is too long, without the oldest stops but the first.
fn journal_text(stops: &[Stop]) -> String {
    let mut stops: Vec<Value> = stops
        .iter()
        .map(|stop| {
            let mut json = json!({ "at": moment(stop.at), "state": stop.state.word() });
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

fn journal(text: &str) -> Vec<Stop> {
    let stops: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    let stop = |json: &Value| {
        let at = |name| OffsetDateTime::parse(json[name].as_str()?, &Rfc3339).ok();
        Some(Stop {
            at: at("at")?,
            state: State::parse(json["state"].as_str()?)?,
            note: json.get("note").and_then(|note| Note::deserialize(note).ok()),
            times: json["times"].as_u64().and_then(|times| times.try_into().ok()).unwrap_or(1),
            last: at("last").or_else(|| at("at"))?,
        })
    };
    stops.iter().filter_map(stop).collect()
}

fn count(row: &Properties, column: &str) -> u32 {
    number(row, column).and_then(|value| value.try_into().ok()).unwrap_or_default()
}

fn time(row: &Properties, column: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(row.get(column)?.as_str()?, &Rfc3339).ok()
}

#[cfg(test)]
mod tests;
