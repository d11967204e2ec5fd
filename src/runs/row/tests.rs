//! Rows of every shape that was ever written still parse.

use serde_json::json;
use time::macros::datetime;

use super::*;

/// A row as the first version wrote it, and as the table gives it back.
const FIRST: &str = include_str!("first.json");

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
fn what_is_written_is_read_back() {
    let (mut run, _) = parse(&row(FIRST)).unwrap();
    run.last_failure = Some("why".to_owned());
    run.answer_lost = true;
    run.ended = Some(datetime!(2026-11-23 05:00:00.123 UTC));
    let (written, write_id) = of(&run);
    assert_eq!(parse(&written), Ok((run, write_id)));
}

#[test]
fn every_column_that_is_written_is_listed_and_every_listed_one_is_written() {
    let (mut run, _) = parse(&row(FIRST)).unwrap();
    run.last_failure = Some("why".to_owned());
    run.notice = Some("what".to_owned());
    run.report = Some("report".to_owned());
    run.ended = Some(run.received);
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
