//! The page of one import: recommended action, findings and history.

use askama::Template;
use serde_json::Value;

use super::{Frame, Viewer};
use crate::{
    import::{HistoryEntry, Import, OperatorAction},
    messages::{self, number},
    page::{Badge, time},
    report::Shown,
    schema::Id,
};

/// The page of one import.
#[derive(Debug, Template)]
#[template(path = "import.html", config = "src/askama.toml")]
pub struct ImportPage {
    frame: Frame,
    id: String,
    connection: String,
    file: String,
    badge: Badge,
    summary: String,
    action: String,
    /// The operator actions that apply: word and label of each button.
    actions: Vec<(&'static str, &'static str)>,
    history: Vec<Entry>,
    findings: Vec<Found>,
    has_service_errors: bool,
    /// Names and values; the values are markup.
    facts: Vec<(&'static str, String)>,
    support: String,
}

/// An entry of the history; times are markup.
#[derive(Debug)]
struct Entry {
    badge: Badge,
    at: String,
    text: String,
    count: u32,
    last: Option<String>,
}

/// A finding of the report.
#[derive(Debug)]
struct Found {
    severity: String,
    rule: String,
    about: Option<&'static str>,
    place: String,
    message: String,
}

impl ImportPage {
    /// The page of `import`, with its `report` if there is one.
    #[must_use]
    pub fn new(
        viewer: &Viewer,
        import: &Import,
        report: Option<&Value>,
        has_service_errors: bool,
    ) -> Self {
        let file = import.source.file();
        let badge = Badge::of(import.state);
        let verdict = format!("{file}: {}", badge.word);
        let findings = report.and_then(|report| report["findings"].as_array());
        Self {
            frame: viewer.frame(&file, verdict, import.is_moving()),
            id: import.id.name(),
            connection: import.connection.clone(),
            badge,
            summary: messages::summary(import),
            action: messages::action(import),
            actions: actions(import),
            history: import.history.iter().map(|entry| Entry::of(entry, import)).collect(),
            findings: findings.into_iter().flatten().map(Found::of).collect(),
            has_service_errors,
            facts: facts(import),
            support: messages::support(import),
            file,
        }
    }
}

/// The operator actions that apply, the most likely first.
fn actions(import: &Import) -> Vec<(&'static str, &'static str)> {
    let can = |can: bool, word, label| can.then_some((word, label));
    let can_retry = import.takes(OperatorAction::Retry);
    [
        can(import.takes(OperatorAction::Approve), "approve", "Approve this file once"),
        can(
            import.takes(OperatorAction::Resume) || import.is_behind_a_pause(),
            "resume",
            "Resume the connection",
        ),
        can(can_retry && import.state.is_end(), "retry", "Retry with this same file"),
        // After a 403 an import is resumed with its connection, not retried.
        can(can_retry && !import.state.is_end() && !import.is_forbidden(), "retry", "Retry now"),
        can(import.takes(OperatorAction::Cancel), "cancel", "Cancel this import"),
        can(true, "diagnose", "Check the setup"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Entry {
    fn of(entry: &HistoryEntry, import: &Import) -> Self {
        Self {
            badge: Badge::of(entry.state),
            at: time(entry.at),
            text: messages::note(entry, import),
            count: entry.count,
            last: (entry.count > 1).then(|| time(entry.last_seen)),
        }
    }
}

impl Found {
    fn of(finding: &Value) -> Self {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let rule = text("rule");
        let rows = finding["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
        let rows: Vec<u64> = rows.iter().filter_map(Value::as_u64).collect();
        let count = finding["count"].as_u64().unwrap_or_default();
        Self {
            severity: text("severity"),
            about: Id::parse(&rule).map(|id| id.rule().about),
            rule,
            place: messages::place(finding["column"].as_str(), &rows, count),
            message: text("message"),
        }
    }
}

fn facts(import: &Import) -> Vec<(&'static str, String)> {
    let text = |value: &str| {
        askama::filters::escape(value, Shown)
            .map_or_else(|_| String::new(), |safe| safe.to_string())
    };
    let maybe = |name, value: Option<&str>| value.map(|value| (name, text(value)));
    [
        Some(("Import", text(&import.id.key))),
        Some(("Tenant", text(&import.id.tenant))),
        Some(("Connection", text(&import.connection))),
        maybe("Refresh", import.refresh.map(<&str>::from)),
        maybe("Ingestion", import.ingestion.as_ref().map(ToString::to_string).as_deref()),
        maybe("Service status", import.service_status.as_deref()),
        Some(("Last modified", time(import.source.last_modified))),
        Some(("Size in bytes", number(import.source.bytes))),
        import.rows.map(|rows| ("Rows", number(rows))),
        import.baseline.as_ref().map(|summary| ("People", number(summary.people))),
        (import.rows_skipped > 0).then(|| ("Rows skipped", number(import.rows_skipped))),
        Some(("Errors", number(import.error_count))),
        maybe("Warnings", messages::warning(import).as_deref()),
        maybe("Approved", import.approval.as_ref().map(|approval| approval.by.as_str())),
        maybe("Operator actions", import.operator_actions.as_deref()),
        maybe("Notifications sent", messages::notifications(import).as_deref()),
        import.due.filter(|_| !import.state.is_end()).map(|due| ("Next attempt", time(due))),
        import.deadline.map(|deadline| ("Deadline", time(deadline))),
    ]
    .into_iter()
    .flatten()
    .collect()
}
