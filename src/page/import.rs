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
    /// The page of `run`, with its `report` where there is one.
    #[must_use]
    pub fn new(
        viewer: &Viewer,
        run: &Import,
        report: Option<&Value>,
        has_service_errors: bool,
    ) -> Self {
        let file = run.source.file();
        let look = Badge::of(run.state);
        let verdict = format!("{file}: {}", look.word);
        let findings = report.and_then(|report| report["findings"].as_array());
        Self {
            frame: viewer.frame(&file, verdict, run.is_moving()),
            id: run.id.path(),
            connection: run.connection.clone(),
            look,
            happened: messages::summary(run),
            advice: messages::action(run),
            actions: actions(run),
            stops: run.journal.iter().map(|stop| Passed::of(stop, run)).collect(),
            findings: findings.into_iter().flatten().map(Found::of).collect(),
            has_service_errors,
            facts: facts(run),
            file,
        }
    }
}

/// What a person may ask for, in the order of what is likely meant.
fn actions(run: &Import) -> Vec<(&'static str, &'static str)> {
    let can = |can: bool, word, label| can.then_some((word, label));
    let can_retry = run.takes(OperatorAction::Retry);
    [
        can(run.takes(OperatorAction::Allow), "allow", "Allow this file once"),
        can(
            run.takes(OperatorAction::Resume) || run.is_behind_a_pause(),
            "resume",
            "Resume the connection",
        ),
        can(can_retry && run.state.is_end(), "retry", "Retry: read this same file again"),
        // What is not let in goes on with its connection.
        can(can_retry && !run.state.is_end() && !run.is_forbidden(), "retry", "Try now"),
        can(run.takes(OperatorAction::Cancel), "cancel", "Cancel this import"),
        can(true, "doctor", "Check the setup"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Passed {
    fn of(stop: &HistoryEntry, run: &Import) -> Self {
        Self {
            look: Badge::of(stop.state),
            at: time(stop.at),
            told: messages::note(stop, run),
            times: stop.times,
            last: (stop.times > 1).then(|| time(stop.last)),
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

fn facts(run: &Import) -> Vec<(&'static str, String)> {
    let text = |value: &str| {
        askama::filters::escape(value, askama::filters::Html)
            .map_or_else(|_| String::new(), |safe| safe.to_string())
    };
    let maybe = |name, value: Option<&str>| value.map(|value| (name, text(value)));
    [
        Some(("Import", text(&run.id.key))),
        Some(("Tenant", text(&run.id.tenant))),
        Some(("Connection", text(&run.connection))),
        maybe("Refresh", run.refresh.map(crate::schema::Refresh::word)),
        maybe("Ingestion", run.ingestion.as_ref().map(|id| id.0.as_str())),
        maybe("The service says", run.service_status.as_deref()),
        Some(("Written", time(run.source.last_modified))),
        Some(("Bytes", number(run.source.bytes))),
        run.rows.map(|rows| ("Rows", number(rows))),
        run.summary.as_ref().map(|summary| ("People", number(summary.people))),
        (run.dropped > 0).then(|| ("Rows left out", number(run.dropped))),
        Some(("Problems", number(run.problems))),
        maybe("To know", messages::warning(run).as_deref()),
        maybe("Allowed", run.approval.as_ref().map(|approval| approval.by.as_str())),
        maybe("By hand", run.by_hand.as_deref()),
        maybe("Told", messages::notifications(run).as_deref()),
        run.due.filter(|_| !run.state.is_end()).map(|due| ("Next attempt", time(due))),
        run.deadline.map(|deadline| ("Stuck, if not before", time(deadline))),
    ]
    .into_iter()
    .flatten()
    .collect()
}
