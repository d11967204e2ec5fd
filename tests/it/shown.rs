//! The pages, letter by letter, as they were reviewed last.

use std::{fs, path::Path, time::Duration};

use askama::Template as _;
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::datetime};
use viva_import::{
    api::{ConnectionItem, ImportDetail},
    config::Config,
    connection::Connection,
    engine::Document,
    import::{
        HistoryEntry, Import, ImportId, IngestionId, Note, Source, State,
        reason::{Problems, Reason, RuleCount},
    },
    page::{DEFAULT_TOP, Filter, Home, ImportPage, Links, Seen, Viewer},
    schema::Baseline,
    storage::import_table::{Page, Wanted},
    testbed::SAMPLE_CONNECTION,
};

const NOW: OffsetDateTime = datetime!(2026-11-29 12:00 UTC);
const TENANT: &str = "0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5";

/// A page, or its JSON, has not changed since the last review.
fn is_as_reviewed(name: &str, shown: &str) {
    let read = Path::new("tests/shown").join(name);
    let now = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if fs::read_to_string(&read).ok().as_deref() != Some(shown) {
        fs::write(&now, shown).unwrap();
        panic!("{name} has changed: read {}, and copy it to {}", now.display(), read.display());
    }
}

/// A page without its style and its script, which are in files of their own.
fn without_style(html: &str) -> String {
    let mut html = html.to_owned();
    for tag in ["style", "script"] {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        let (from, to) = (html.find(&open).unwrap() + open.len(), html.find(&close).unwrap());
        html.replace_range(from..to, "...");
    }
    html
}

fn viewer(path: &str) -> Viewer {
    Viewer {
        links: Links::new(path, "code=the-key"),
        can_operate: true,
        name: Some("ana@contoso.com".to_owned()),
        token: "the-token".to_owned(),
        message: None,
        is_still: false,
        now: NOW,
    }
}

/// An import that arrived this many hours ago.
fn arrived(file: &str, hours: u64) -> Import {
    let received = NOW - Duration::from_hours(hours);
    let id = ImportId { tenant: TENANT.to_owned(), key: format!("{hours:015}-9b80105dec284d82") };
    let source = Source {
        container: "inbox".to_owned(),
        name: format!("hr/{file}"),
        etag: "0x1".to_owned(),
        bytes: 35_995,
        last_modified: received,
    };
    let account = |name: &str| (name == "ImportStorage__accountName").then(|| "a".to_owned());
    let policy = Config::read(account).unwrap().policy;
    Import::new(id, "hr", source, received, &policy)
}

fn with_entry(
    mut import: Import,
    minutes: u64,
    state: State,
    note: Option<Note>,
    count: u32,
) -> Import {
    let at = import.received + Duration::from_mins(minutes);
    let last = at + Duration::from_mins(u64::from(count) - 1);
    import.history.push(HistoryEntry { at, state, note, count, last_seen: last });
    import.state = state;
    if state.is_end() {
        (import.ended, import.due, import.deadline) = (Some(at), None, None);
    }
    import
}

fn counted(mut import: Import, rows: u64, people: u64) -> Import {
    import.rows = Some(rows);
    import.baseline = Some(Baseline {
        connector: "HR".to_owned(),
        refresh: "full".to_owned(),
        rows,
        people,
        columns: vec![],
        last_day: None,
        last_past_day: None,
    });
    import
}

fn accepted() -> Import {
    let mut import = counted(arrived("october.csv", 72), 244, 61);
    import.ingestion = Some(IngestionId("00000000-0000-4000-8000-000000000001".to_owned()));
    import.busy_retries = 2;
    import.reason = Some(Reason::Completed);
    let import =
        with_entry(import, 1, State::Packed, Some(Note::Packed { rows: 244, people: 61 }), 1);
    with_entry(import, 60, State::Completed, None, 1)
}

fn rejected() -> Import {
    let mut import = arrived("<november> & more.csv", 2);
    import.error_count = 12;
    import.report = Some("report.html".to_owned());
    let reason = Reason::FileInvalid(Box::new(Problems {
        row: Some(5),
        column: Some("Employee".into()),
        rule: "V01".into(),
        message: "The email address has no @.".into(),
        count: 12,
        rules: vec![RuleCount { rule: "V01".into(), count: 12 }],
    }));
    import.reason = Some(reason.clone());
    with_entry(import, 1, State::Rejected, Some(Note::Reason(reason)), 1)
}

fn waiting() -> Import {
    let mut import = counted(arrived("december.csv", 1), 250, 62);
    let reason = Reason::ServiceBusy { own: false };
    import.reason = Some(reason.clone());
    import.due = Some(NOW + Duration::from_mins(5));
    import.busy_retries = 4;
    with_entry(import, 3, State::Packed, Some(Note::Reason(reason)), 4)
}

fn seen() -> Vec<Seen> {
    let document = |name: &str, content: &str| Document {
        name: name.to_owned(),
        stored: NOW - Duration::from_hours(500),
        read: Connection::parse(name, content.as_bytes()).map_err(|faults| {
            let (connection, faults) = (name.into(), faults.into_iter().collect());
            Reason::ConnectionInvalid { connection, faults }
        }),
    };
    let weekly = SAMPLE_CONNECTION.replace("\"full\"", "\"full\", \"expectedEveryDays\": 7");
    let (all, accepted) = (vec![waiting(), rejected(), accepted()], Some(accepted()));
    vec![
        Seen {
            document: document("hr", &weekly),
            recent: all.clone(),
            last_received: all.iter().map(|import| import.received).max(),
            accepted,
            is_paused: false,
        },
        Seen {
            document: document("survey", "{"),
            recent: vec![],
            last_received: None,
            accepted: None,
            is_paused: false,
        },
    ]
}

const SWEEP: Option<OffsetDateTime> = Some(datetime!(2026-11-29 12:30 UTC));

fn home() -> Home {
    let all = vec![waiting(), rejected(), accepted()];
    let next = Some(all[2].id.clone());
    let connection = Some("hr".to_owned());
    let wanted = Wanted { connection, ..Wanted::default() };
    let filter = Filter { wanted, after: None, top: DEFAULT_TOP };
    Home::new(&viewer("/api/console"), &seen(), &Page { imports: all, next }, filter, SWEEP)
}

fn report() -> Value {
    json!({ "findings": [
        {
            "rule": "V01", "severity": "error", "column": "Employee", "rows": [5, 9], "count": 12,
            "message": "The email address has no @."
        },
        {
            "rule": "H06", "severity": "hint", "column": null, "rows": [1], "count": 1,
            "message": "Dropped columns that are not mapped: <Desk>"
        },
    ]})
}

#[test]
fn the_main_page_is_as_reviewed() {
    is_as_reviewed("home.html", &without_style(&home().render().unwrap()));
}

#[test]
fn connections_as_json_are_as_reviewed() {
    let items = seen().iter().map(|seen| ConnectionItem::new(seen, SWEEP, NOW)).collect::<Vec<_>>();
    is_as_reviewed("connections.json", &format!("{:#}\n", json!(items)));
}

#[test]
fn the_page_of_a_rejected_import_is_as_reviewed() {
    let viewer = viewer(&format!("/api/console/{TENANT}.2"));
    let page = ImportPage::new(&viewer, &rejected(), Some(&report()), true);
    is_as_reviewed("rejected.html", &without_style(&page.render().unwrap()));
}

#[test]
fn an_import_as_json_is_as_reviewed() {
    is_as_reviewed("import.json", &format!("{:#}\n", json!(ImportDetail::from(&waiting()))));
}
