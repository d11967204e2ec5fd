//! A written row is read back, and the error of an unreadable row names its key.

use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::storage::import_table::columns::ColumnType;
use crate::{
    import::{
        Delivery, Note, PollPath, Sent,
        reason::{Problems, RuleCount},
    },
    schema::{Column, Connector, Id},
};

/// A row as the table service returns it.
const TODAY: &str = include_str!("shapes/today.json");

fn summary() -> Baseline {
    let columns = vec![Column { name: "PersonId".to_owned(), kind: "EmailType".to_owned() }];
    let last_day = Some("2026-11-01".to_owned());
    Baseline {
        connector: "HR".to_owned(),
        refresh: "full".to_owned(),
        rows: 244,
        people: 61,
        columns,
        last_past_day: last_day.clone(),
        last_day,
    }
}

/// A reason with another one in its arguments.
fn nested() -> Reason {
    Reason::QueueTimeout { last: Box::new(Reason::ServiceBusy { own: false }) }
}

fn row(text: &str) -> Properties {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_row_of_this_version_has_every_column_and_is_read() {
    let (import, _) = parse(&row(TODAY)).unwrap();
    let message = import.notification.as_ref().unwrap();
    assert_eq!((message.kind, message.failures), (crate::import::NotificationKind::Forbidden, 1));
    assert!(
        import.notify_enabled && import.was_notified(crate::import::NotificationKind::Rejected)
    );
    assert_eq!((import.source.bytes, import.rows), (5_000_000_000, Some(244)));
    assert_eq!(import.source.last_modified, datetime!(2026-11-23 04:16:54 UTC));
    assert_eq!(import.reason, Some(Reason::ServiceBusy { own: true }));
    let entries: Vec<_> = import.history.iter().map(|entry| (entry.state, entry.count)).collect();
    assert_eq!(entries, [(State::Received, 1), (State::Packed, 2)]);
    assert_eq!(import.history[1].last_seen, datetime!(2026-11-23 04:16:58.012 UTC));
    assert_eq!(import.poll_path, Some(PollPath::Ingestions));
    assert_eq!(&*import.diagnostics.exchanges[0].codes[0], "InvalidMetadata");
    assert_eq!(import.diagnostics.storage.as_ref().and_then(|failed| failed.status), Some(503));
    // A new column needs a value in that row.
    for column in COLUMNS.iter().map(|it| it.name) {
        assert!(row(TODAY).contains_key(column), "no row has the column {column}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    let (mut import, _) = parse(&row(TODAY)).unwrap();
    import.reason = Some(nested());
    import.push_outcome_unknown = true;
    import.baseline = Some(summary());
    import.approval = Some(DeletionApproval {
        by: "by somebody".to_owned(),
        scope: ApprovalScope::Seen(SeenDeletions { rules: vec![Id::I04], file: summary() }),
    });
    import.stop_on_rejection = true;
    import.pauses = true;
    import.operator_actions = Some("by somebody".to_owned());
    import.slot_released = true;
    import.busy_retries = 3;
    import.ended = Some(datetime!(2026-11-23 05:00:00.123 UTC));
    let at = datetime!(2026-11-23 05:00:01 UTC);
    import.notify_enabled = true;
    import.notifications_sent = vec![Sent {
        kind: crate::import::NotificationKind::Stuck,
        at,
        outcome: Delivery::GivenUp("502".into()),
    }];
    import.notification = Some(PendingNotification {
        kind: crate::import::NotificationKind::Rejected,
        since: at,
        due: at,
        failures: 2,
    });
    let note = Some(Note::Reason(nested()));
    import.history = vec![HistoryEntry { at, state: State::Packed, note, count: 1, last_seen: at }];
    let (written, write_id) = of(&import);
    assert_eq!(parse(&written).unwrap(), (import, write_id));
}

#[test]
fn a_baseline_that_is_too_long_for_a_column_keeps_its_numbers() {
    let (mut import, _) = parse(&row(TODAY)).unwrap();
    let mut summary = summary();
    summary.columns[0].name = "x".repeat(LONGEST_COLUMN);
    import.baseline = Some(summary);
    let (read, _) = parse(&of(&import).0).unwrap();
    let read = read.baseline.unwrap();
    assert_eq!((read.people, read.columns), (61, vec![]));
}

#[test]
fn a_record_for_support_that_is_too_long_keeps_its_last_requests() {
    let (mut import, _) = parse(&row(TODAY)).unwrap();
    let last = import.diagnostics.exchanges.remove(0);
    for status in 200..260 {
        let mut exchange = last.clone();
        exchange.status = Some(status);
        exchange.headers.insert("date".to_owned(), "x".repeat(1_000).into());
        import.diagnostics.exchanges.push(exchange);
    }
    let (written, _) = of(&import);
    assert!(text(&written, "Diagnostics").unwrap().chars().count() <= LONGEST_COLUMN);
    let (read, _) = parse(&written).unwrap();
    let kept = read.diagnostics.exchanges.iter().map(|kept| kept.status).collect::<Vec<_>>();
    assert!((5..60).contains(&kept.len()) && kept.ends_with(&[Some(258), Some(259)]), "{kept:?}");
}

#[test]
fn every_column_that_is_written_is_listed_with_its_type_and_every_listed_one_is_written() {
    let (mut import, _) = parse(&row(TODAY)).unwrap();
    let (rule, message) = ("I04".into(), "20 people".into());
    let rules = vec![RuleCount { rule: "I04".into(), count: 1 }];
    let wrong = Problems { row: None, column: None, rule, message, count: 1, rules };
    import.reason = Some(Reason::DeletionBlocked(Box::new(wrong)));
    import.warning = Some("what".to_owned());
    import.report = Some("report".to_owned());
    import.approval = Some(DeletionApproval {
        by: "by somebody".to_owned(),
        scope: ApprovalScope::Seen(SeenDeletions { rules: vec![Id::I04], file: summary() }),
    });
    import.baseline = Some(summary());
    import.pauses = true;
    import.operator_actions = Some("by somebody".to_owned());
    import.ended = Some(import.received);
    let due = datetime!(2026-11-23 05:00 UTC);
    import.notifications_sent = vec![Sent {
        kind: crate::import::NotificationKind::Stuck,
        at: due,
        outcome: Delivery::Delivered,
    }];
    import.notification = Some(PendingNotification {
        kind: crate::import::NotificationKind::Stuck,
        since: due,
        due,
        failures: 1,
    });
    import.connector = Some(Connector::Hr);
    let (written, _) = of(&import);
    let kind =
        |name: &str| match (written[name].clone(), written.get(&format!("{name}@odata.type"))) {
            (Value::Bool(_), None) => ColumnType::Boolean,
            (Value::Number(_), None) => ColumnType::Int32,
            (Value::String(_), Some(kind)) if kind == "Edm.Int64" => ColumnType::Int64,
            (Value::String(_), Some(kind)) if kind == "Edm.DateTime" => ColumnType::DateTime,
            (Value::String(text), None) if text.starts_with(['{', '[']) => ColumnType::Json,
            (Value::String(_), None) => ColumnType::Text,
            (value, kind) => panic!("{name}: {value} {kind:?}"),
        };
    let names = written.keys().map(String::as_str).filter(|name| !name.contains('@'));
    let mut are: Vec<(&str, &str)> = names.map(|name| (name, kind(name).into())).collect();
    let mut listed: Vec<(&str, &str)> =
        COLUMNS.iter().map(|it| (it.name, it.kind.into())).collect();
    are.sort_unstable();
    listed.sort_unstable();
    assert_eq!(are, listed);
}

#[test]
fn the_error_of_a_row_without_a_file_has_its_key() {
    for (column, value) in [("File", json!(5)), ("Received", json!("yesterday"))] {
        let mut broken = row(TODAY);
        broken.insert(column.to_owned(), value);
        let why = parse(&broken).unwrap_err().to_string();
        assert!(why.starts_with("row 998204592585999-407cef538d9c2cc1 "), "{why}");
    }
}

#[test]
fn an_invalid_column_is_named_and_the_import_keeps_its_slot() {
    for (column, value, named) in [
        ("State", json!("Dreaming"), "State"),
        ("Target", json!("teams"), "Target"),
        ("ReasonCode", json!("Bored"), "ReasonCode"),
        ("ReasonArgs", json!("{"), "ReasonCode"),
        ("BlockedBy", json!("TheMoon"), "BlockedBy"),
    ] {
        let mut broken = row(TODAY);
        broken.insert(column.to_owned(), value);
        let (import, _) = parse(&broken).unwrap();
        assert_eq!(import.reason, Some(Reason::RowUnreadable { column: named.into() }), "{column}");
        assert_eq!(import.connection, "hr");
    }
}

#[test]
fn a_row_of_a_newer_version_keeps_its_slot_and_is_not_changed() {
    let mut newer = row(TODAY);
    newer.insert(SCHEMA.to_owned(), json!(2));
    newer.insert("State".to_owned(), json!("Simmering"));
    newer.insert("ReasonCode".to_owned(), json!("Bored"));
    let (import, _) = parse(&newer).unwrap();
    assert_eq!(import.reason, Some(Reason::NewerVersion { schema: 2 }));
    assert!(
        import.holds_slot()
            && !import.state.is_end()
            && import.due.is_none()
            && import.needs_person()
    );
    assert_eq!(
        (import.connection.as_str(), import.source.name.as_str()),
        ("hr", "hr/2026/november.csv")
    );
    newer.insert("State".to_owned(), json!("completed"));
    assert!(!parse(&newer).unwrap().0.holds_slot());
}

#[test]
fn a_reason_of_any_length_is_read_back_with_its_class() {
    // The columns of a mapping that was pasted one level too high.
    let columns = (0..75).map(|n| format!("/Column {n}: {}", "x".repeat(300)));
    let reason = Reason::ConnectionInvalid { connection: "hr".into(), faults: columns.collect() };
    let (mut import, _) = parse(&row(TODAY)).unwrap();
    import.reason = Some(reason.clone());
    let (read, _) = parse(&of(&import).0).unwrap();
    assert_eq!(read.reason, Some(reason));
    assert!(read.needs_person() && !read.is_moving());
    let why = messages::why(&read).unwrap();
    assert!(why.ends_with("; and 65 more. Correct it"), "{why}");
}

#[test]
fn a_history_that_is_too_long_for_a_column_keeps_its_first_and_its_last_entries() {
    let (mut import, _) = parse(&row(TODAY)).unwrap();
    let at = datetime!(2026-11-23 05:00 UTC);
    let entry = |n: usize| {
        let note = Some(Note::Asked(format!("{n} {}", "\u{1f600}\"".repeat(399)).into()));
        HistoryEntry { at, state: State::Packed, note, count: 1, last_seen: at }
    };
    import.history = (0..40).map(entry).collect();
    let (read, _) = parse(&of(&import).0).unwrap();
    assert!((2..40).contains(&read.history.len()));
    assert_eq!(read.history[0], import.history[0]);
    assert_eq!(read.history.last(), import.history.last());
}
