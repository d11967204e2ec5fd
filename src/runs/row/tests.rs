//! Rows of every shape that was ever written still parse.

use serde_json::json;
use time::macros::datetime;

use super::*;
use crate::check::Column;

/// A row as the first version wrote it, and as the table gives it back.
const FIRST: &str = include_str!("shapes/1.json");
/// With what the check saw: people, a summary, who let it pass.
const SECOND: &str = include_str!("shapes/2.json");
/// With pauses and with what persons asked for.
const THIRD: &str = include_str!("shapes/3.json");
/// With a message that waits and with where the import has been.
const FOURTH: &str = include_str!("shapes/4.json");

fn summary() -> Summary {
    let columns = vec![Column { name: "PersonId".to_owned(), kind: "EmailType".to_owned() }];
    let last_day = Some("2026-11-01".to_owned());
    Summary {
        connector: "HR".to_owned(),
        refresh: "full".to_owned(),
        rows: 244,
        people: 61,
        columns,
        last_day,
    }
}

fn row(text: &str) -> Properties {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_first_shape_still_parses() {
    let (run, write_id) = parse(&row(FIRST)).unwrap();
    assert_eq!(run.state, State::Ingesting);
    assert_eq!(run.source.file(), "inbox/hr/2026/november.csv");
    assert_eq!((run.source.bytes, run.rows), (5_000_000_000, Some(244)));
    assert_eq!(run.source.last_modified, datetime!(2026-11-23 04:16:54 UTC));
    assert_eq!(run.package.unwrap().bytes, 2842);
    assert_eq!(run.ingestion.unwrap().0, "00000000-0000-4000-8000-000000000001");
    assert_eq!(write_id, "64866d70-b1eb-4d92-b437-de3f2a043079");
}

#[test]
fn the_second_shape_still_parses() {
    let (run, _) = parse(&row(SECOND)).unwrap();
    assert_eq!((run.state, run.guarded, run.failed_pushes), (State::Rejected, true, 1));
    assert_eq!((run.dropped, run.summary), (3, Some(summary())));
    assert!(run.allowed.is_some() && run.report.is_some() && run.notice.is_some());
}

#[test]
fn the_third_shape_still_parses() {
    let (run, _) = parse(&row(THIRD)).unwrap();
    assert_eq!((run.state, run.stops, run.busy), (State::Packed, true, 2));
    assert_eq!(run.pauses.as_deref(), Some("the service answered 403"));
    assert!(run.by_hand.is_some() && !run.holds_slot());
    assert!(run.message.is_none() && run.journal.is_empty());
}

#[test]
fn the_shape_of_today_has_every_column_and_parses() {
    let (run, _) = parse(&row(FOURTH)).unwrap();
    let message = run.message.unwrap();
    assert_eq!((message.occasion, message.failures), (Occasion::Refused, 1));
    assert!(run.tells && run.told.is_some());
    let stops: Vec<_> = run.journal.iter().map(|stop| (stop.state, stop.times)).collect();
    assert_eq!(stops, [(State::Received, 1), (State::Packed, 2)]);
    assert_eq!(run.journal[1].last, datetime!(2026-11-23 04:16:58.012 UTC));
    // Whoever adds a column keeps a row of that shape here.
    for (column, _) in COLUMNS {
        assert!(row(FOURTH).contains_key(*column), "no row has the column {column}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    let (mut run, _) = parse(&row(FIRST)).unwrap();
    run.last_failure = Some("why".to_owned());
    run.answer_lost = true;
    run.summary = Some(summary());
    run.allowed = Some("by somebody".to_owned());
    run.guarded = true;
    run.stops = true;
    run.pauses = Some("why".to_owned());
    run.by_hand = Some("by somebody".to_owned());
    run.yielded = true;
    run.busy = 3;
    run.ended = Some(datetime!(2026-11-23 05:00:00.123 UTC));
    let at = datetime!(2026-11-23 05:00:01 UTC);
    run.tells = true;
    run.told = Some("stuck at some time".to_owned());
    run.message = Some(Message { occasion: Occasion::Rejected, since: at, due: at, failures: 2 });
    let told = Some("why".to_owned());
    run.journal = vec![Stop { at, state: State::Packed, told, times: 1, last: at }];
    let (written, write_id) = of(&run);
    assert_eq!(parse(&written), Ok((run, write_id)));
}

#[test]
fn a_summary_that_is_too_long_for_a_column_keeps_its_numbers() {
    let (mut run, _) = parse(&row(FIRST)).unwrap();
    let mut summary = summary();
    summary.columns[0].name = "x".repeat(LONGEST_COLUMN);
    run.summary = Some(summary);
    let (read, _) = parse(&of(&run).0).unwrap();
    let read = read.summary.unwrap();
    assert_eq!((read.people, read.columns), (61, vec![]));
}

#[test]
fn every_column_that_is_written_is_listed_and_every_listed_one_is_written() {
    let (mut run, _) = parse(&row(FIRST)).unwrap();
    run.last_failure = Some("why".to_owned());
    run.notice = Some("what".to_owned());
    run.report = Some("report".to_owned());
    run.allowed = Some("by somebody".to_owned());
    run.summary = Some(summary());
    run.pauses = Some("why".to_owned());
    run.by_hand = Some("by somebody".to_owned());
    run.ended = Some(run.received);
    run.told = Some("stuck at some time".to_owned());
    let due = datetime!(2026-11-23 05:00 UTC);
    run.message = Some(Message { occasion: Occasion::Stuck, since: due, due, failures: 1 });
    let (written, _) = of(&run);
    let mut written: Vec<&str> =
        written.keys().map(String::as_str).filter(|name| !name.contains('@')).collect();
    let mut listed: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    written.sort_unstable();
    listed.sort_unstable();
    assert_eq!(written, listed);
}

#[test]
fn a_row_that_cannot_be_read_is_told_by_its_key() {
    for (column, value) in
        [("State", json!("Dreaming")), ("File", json!(5)), ("Received", json!("yesterday"))]
    {
        let mut broken = row(FIRST);
        broken.insert(column.to_owned(), value);
        let why = parse(&broken).unwrap_err();
        assert!(why.starts_with("row 998204592585999-407cef538d9c2cc1 "), "{why}");
    }
}

#[test]
fn a_journal_that_is_too_long_for_a_column_keeps_its_first_and_its_last_stops() {
    let (mut run, _) = parse(&row(FIRST)).unwrap();
    let at = datetime!(2026-11-23 05:00 UTC);
    let stop = |n: usize| {
        let told = Some(format!("{n} {}", "\u{1f600}\"".repeat(399)));
        Stop { at, state: State::Packed, told, times: 1, last: at }
    };
    run.journal = (0..40).map(stop).collect();
    let (read, _) = parse(&of(&run).0).unwrap();
    assert!((2..40).contains(&read.journal.len()));
    assert_eq!(read.journal[0], run.journal[0]);
    assert_eq!(read.journal.last(), run.journal.last());
}
