//! The status text of a connection, case by case.

use time::macros::datetime;

use super::*;
use crate::{
    config::Config,
    connection::Connection,
    import::{
        ImportId, Note, Source,
        reason::{Problems, Reason},
    },
    schema::Baseline,
};

const SAMPLE_CONNECTION: &str = include_str!("../../testbed/connection.json");
const NOW: OffsetDateTime = datetime!(2026-11-29 12:00 UTC);

fn document(more: &str) -> Document {
    let text = SAMPLE_CONNECTION.replace("\"full\"", more);
    Document {
        name: "hr".to_owned(),
        stored: NOW - Duration::days(30),
        read: Ok(Connection::parse("hr", text.as_bytes()).unwrap()),
    }
}

/// An import that arrived this many hours ago, in this state.
fn import(hours: i64, state: State) -> Import {
    let received = NOW - Duration::hours(hours);
    let key = format!("{hours:015}-a");
    let source = Source {
        container: "inbox".to_owned(),
        name: format!("hr/{hours}.csv"),
        etag: "0x1".to_owned(),
        bytes: 10,
        last_modified: received,
    };
    let account = |name: &str| (name == "ImportStorage__accountName").then(|| "a".to_owned());
    let policy = Config::read(account).unwrap().policy;
    let id = ImportId { tenant: "t".to_owned(), key };
    let mut import = Import::new(id, "hr", source, received, &policy);
    import.state = state;
    if state.is_end() {
        (import.ended, import.due) = (Some(received), None);
    }
    let (rule, message) = ("V01".into(), "no address".into());
    let wrong = Problems { row: Some(5), column: None, rule, message, count: 2, rules: vec![] };
    import.reason = match state {
        State::Rejected => Some(Reason::FileInvalid(Box::new(wrong))),
        State::Stuck => Some(Reason::StepNeverEnded),
        State::Completed => Some(Reason::Completed),
        State::Accepted => Some(Reason::OutcomeNotReported),
        State::Received
        | State::Packed
        | State::Pushing
        | State::Ingesting
        | State::Superseded
        | State::Cancelled => None,
    };
    import
}

fn waits(hours: i64, reason: Reason) -> Import {
    Import { reason: Some(reason), ..import(hours, State::Packed) }
}

fn busy() -> Reason {
    Reason::ServiceBusy { own: false }
}

/// The health of a full connection.
fn health(recent: &[Import]) -> (Health, String) {
    let seen = seen(document("\"full\""), recent, false);
    let health = ConnectionHealth::of(&seen, NOW);
    (health.health, health.text(NOW))
}

fn seen(document: Document, recent: &[Import], is_paused: bool) -> Seen {
    let is_accepted = |import: &&Import| import.state == State::Completed;
    let accepted = recent.iter().filter(is_accepted).max_by_key(|import| import.ended).cloned();
    let last_received = recent.iter().map(|import| import.received).max();
    Seen { document, recent: recent.to_vec(), last_received, accepted, is_paused }
}

#[test]
fn the_health_is_that_of_the_worst_import_without_a_newer_success() {
    use State::{
        Cancelled, Completed, Ingesting, Packed, Pushing, Received, Rejected, Stuck, Superseded,
    };
    let broken = || Reason::ConnectionMissing { connection: "hr".into() };
    for (recent, expected) in [
        (vec![], Health::NoData),
        (vec![import(1, Completed)], Health::Ok),
        (vec![import(1, Completed), import(2, Rejected), import(3, Stuck)], Health::Ok),
        (vec![import(1, Rejected), import(2, Completed)], Health::ActionRequired),
        (vec![import(1, Stuck)], Health::ActionRequired),
        (
            vec![import(1, Cancelled), import(2, Rejected), import(3, Completed)],
            Health::ActionRequired,
        ),
        (vec![import(1, Received), import(2, Rejected)], Health::ActionRequired),
        (vec![import(1, Superseded), import(2, Completed)], Health::Ok),
        (vec![import(1, Cancelled)], Health::Ok),
        (vec![import(1, Received)], Health::Running),
        (vec![import(1, Packed), import(2, Completed)], Health::Running),
        (vec![import(1, Pushing)], Health::Running),
        (vec![import(1, Ingesting)], Health::Running),
        (vec![waits(1, busy()), import(2, Completed)], Health::Waiting),
        (vec![waits(1, broken()), import(2, Completed)], Health::ActionRequired),
        (vec![import(1, Received), waits(2, busy())], Health::Waiting),
    ] {
        let states: Vec<_> = recent.iter().map(|import| import.state).collect();
        assert_eq!(health(&recent).0, expected, "{states:?}");
    }
}

#[test]
fn a_newer_rejected_file_still_counts_if_an_older_one_is_accepted_later() {
    let mut older = import(5, State::Completed);
    older.ended = Some(NOW);
    let (found, text) = health(&[import(3, State::Rejected), older]);
    assert_eq!(found, Health::ActionRequired);
    assert!(text.starts_with("3.csv (arrived 3 hours ago) was rejected"));
}

#[test]
fn the_worst_import_comes_first_then_the_newest_and_the_others_are_counted() {
    let recent = [
        import(1, State::Received),
        waits(2, busy()),
        import(3, State::Rejected),
        import(50, State::Completed),
    ];
    assert_eq!(
        health(&recent).1,
        "3.csv (arrived 3 hours ago) was rejected: 2 errors. 1.csv (arrived 1 hour ago) is being \
         read and checked. 1 more import below is not accepted yet. Last accepted 2 days ago: 50.csv."
    );
}

#[test]
fn a_pause_an_overdue_file_and_an_invalid_document_need_a_person() {
    let accepted = [import(200, State::Completed)];
    let weekly = || document("\"full\", \"expectedEveryDays\": 7");
    let overdue = seen(weekly(), &accepted, false);
    let overdue = ConnectionHealth::of(&overdue, NOW);
    assert_eq!(overdue.health, Health::ActionRequired);
    assert!(overdue.text(NOW).ends_with("it was expected 1 day ago."));
    assert_eq!(overdue.expected, Some(NOW - Duration::hours(200 - 7 * 24)));
    let later = [import(100, State::Completed)];
    let in_time = seen(weekly(), &later, false);
    assert_eq!(ConnectionHealth::of(&in_time, NOW).health, Health::Ok);

    let paused = seen(document("\"full\""), &accepted, true);
    let paused = ConnectionHealth::of(&paused, NOW);
    assert_eq!(paused.health, Health::ActionRequired);
    assert!(paused.text(NOW).ends_with("then run `viva-import resume hr`."));
    let wrong = Document {
        read: Err(Reason::ConnectionMissing { connection: "hr".into() }),
        ..document("\"full\"")
    };
    let wrong = seen(wrong, &accepted, false);
    let wrong = ConnectionHealth::of(&wrong, NOW);
    assert_eq!(wrong.health, Health::ActionRequired);
    assert!(
        wrong.text(NOW).ends_with("connections/hr.json does not exist any more. Store it again.")
    );
}

#[test]
fn for_incremental_files_lost_changes_are_reported_after_later_successes() {
    let recent = [
        import(1, State::Completed),
        import(2, State::Rejected),
        import(3, State::Superseded),
        import(4, State::Stuck),
    ];
    let incremental = seen(document("\"incremental\""), &recent, false);
    let standing = ConnectionHealth::of(&incremental, NOW);
    assert_eq!(standing.health, Health::Ok);
    let words = "2 earlier files were not accepted: Viva does not have those changes.";
    assert!(standing.text(NOW).ends_with(words), "{}", standing.text(NOW));
    assert!(!health(&recent).1.contains("earlier"), "a full file replaces all data");
}

#[test]
fn the_text_has_the_waiting_time_and_the_number_of_accepted_people() {
    let mut waiting = waits(3, busy());
    let at = NOW - Duration::minutes(45);
    let note = Some(Note::Reason(busy()));
    waiting.history.push(crate::import::HistoryEntry {
        at,
        state: State::Packed,
        note,
        count: 9,
        last_seen: NOW,
    });
    let mut accepted = import(80, State::Completed);
    accepted.baseline = Some(Baseline {
        connector: "HR".to_owned(),
        refresh: "full".to_owned(),
        rows: 244,
        people: 61,
        columns: vec![],
        last_day: None,
        last_past_day: None,
    });
    assert_eq!(
        health(&[waiting, accepted]).1,
        "3.csv (arrived 3 hours ago) is waiting (for 45 minutes): The service has not finished \
         this tenant's previous import. Last accepted 3 days ago: 80.csv, 61 people."
    );
}
