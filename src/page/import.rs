//! The page of one import: what to do, what was found, and where it has been.

use askama::Template;
use serde_json::Value;

use super::{Frame, Viewer};
use crate::{
    import::{HistoryEntry, Import, OperatorAction},
    messages::{self, number},
    page::{Badge, time},
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
    look: Badge,
    happened: String,
    advice: String,
    /// What a person may ask for, and what stands on the button.
    actions: Vec<(&'static str, &'static str)>,
    stops: Vec<Passed>,
    findings: Vec<Found>,
    has_service_errors: bool,
    /// Values are markup.
    facts: Vec<(&'static str, String)>,
}

/// An entry of the history; moments are markup.
#[derive(Debug)]
struct Passed {
    look: Badge,
    at: String,
    told: String,
    times: u32,
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
    /// The page of `import`, with its `report` where there is one.
    #[must_use]
    pub fn new(
        viewer: &Viewer,
        import: &Import,
        report: Option<&Value>,
        has_service_errors: bool,
    ) -> Self {
        let file = import.source.file();
        let look = Badge::of(import.state);
        let verdict = format!("{file}: {}", look.word);
        let findings = report.and_then(|report| report["findings"].as_array());
        Self {
            frame: viewer.frame(&file, verdict, import.is_moving()),
            id: import.id.name(),
            connection: import.connection.clone(),
            look,
            happened: messages::summary(import),
            advice: messages::action(import),
            actions: actions(import),
            stops: import.history.iter().map(|stop| Passed::of(stop, import)).collect(),
            findings: findings.into_iter().flatten().map(Found::of).collect(),
            has_service_errors,
            facts: facts(import),
            file,
        }
    }
}

/// What a person may ask for, in the order of what is likely meant.
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
        can(can_retry && import.state.is_end(), "retry", "Retry: read this same file again"),
        // What is not let in goes on with its connection.
        can(can_retry && !import.state.is_end() && !import.is_forbidden(), "retry", "Try now"),
        can(import.takes(OperatorAction::Cancel), "cancel", "Cancel this import"),
        can(true, "diagnose", "Check the setup"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Passed {
    fn of(stop: &HistoryEntry, import: &Import) -> Self {
        Self {
            look: Badge::of(stop.state),
            at: time(stop.at),
            told: messages::note(stop, import),
            times: stop.count,
            last: (stop.count > 1).then(|| time(stop.last_seen)),
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
        askama::filters::escape(value, askama::filters::Html)
            .map_or_else(|_| String::new(), |safe| safe.to_string())
    };
    let maybe = |name, value: Option<&str>| value.map(|value| (name, text(value)));
    [
        Some(("Import", text(&import.id.key))),
        Some(("Tenant", text(&import.id.tenant))),
        Some(("Connection", text(&import.connection))),
        maybe("Refresh", import.refresh.map(<&str>::from)),
        maybe("Ingestion", import.ingestion.as_ref().map(|id| id.0.as_str())),
        maybe("The service says", import.service_status.as_deref()),
        Some(("Written", time(import.source.last_modified))),
        Some(("Bytes", number(import.source.bytes))),
        import.rows.map(|rows| ("Rows", number(rows))),
        import.baseline.as_ref().map(|summary| ("People", number(summary.people))),
        (import.rows_skipped > 0).then(|| ("Rows left out", number(import.rows_skipped))),
        Some(("Problems", number(import.error_count))),
        maybe("To know", messages::warning(import).as_deref()),
        maybe("Allowed", import.approval.as_ref().map(|approval| approval.by.as_str())),
        maybe("By hand", import.operator_actions.as_deref()),
        maybe("Told", messages::notifications(import).as_deref()),
        import.due.filter(|_| !import.state.is_end()).map(|due| ("Next attempt", time(due))),
        import.deadline.map(|deadline| ("Stuck, if not before", time(deadline))),
    ]
    .into_iter()
    .flatten()
    .collect()
}
