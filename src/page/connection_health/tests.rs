//! What is said of a connection, case by case.

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

/// An import that came so many hours ago and is in a state since then.
fn run(hours: i64, state: State) -> Import {
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
        State::Stuck => Some(Reason::PackingNeverEnded),
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
    Import { reason: Some(reason), ..run(hours, State::Packed) }
}

fn busy() -> Reason {
    Reason::ServiceBusy { own: false }
}

/// How it stands with a full connection.
fn stands(recent: &[Import]) -> (Health, String) {
    let seen = seen(document("\"full\""), recent, false);
    let standing = ConnectionHealth::of(&seen, NOW);
    (standing.health, standing.text(NOW))
}

fn seen(document: Document, recent: &[Import], is_paused: bool) -> Seen {
    let is_accepted = |import: &&Import| import.state == State::Completed;
    let accepted = recent.iter().filter(is_accepted).max_by_key(|import| import.ended).cloned();
    let last_received = recent.iter().map(|import| import.received).max();
    Seen { document, recent: recent.to_vec(), last_received, accepted, is_paused }
}

#[test]
fn the_mood_is_that_of_the_worst_which_nothing_accepted_has_made_good() {
    use State::{
        Cancelled, Completed, Ingesting, Packed, Pushing, Received, Rejected, Stuck, Superseded,
    };
    let broken = || Reason::ConnectionMissing { connection: "hr".into() };
    for (recent, mood) in [
        (vec![], Health::NoData),
        (vec![run(1, Completed)], Health::Ok),
        (vec![run(1, Completed), run(2, Rejected), run(3, Stuck)], Health::Ok),
        (vec![run(1, Rejected), run(2, Completed)], Health::ActionRequired),
        (vec![run(1, Stuck)], Health::ActionRequired),
        (vec![run(1, Cancelled), run(2, Rejected), run(3, Completed)], Health::ActionRequired),
        (vec![run(1, Received), run(2, Rejected)], Health::ActionRequired),
        (vec![run(1, Superseded), run(2, Completed)], Health::Ok),
        (vec![run(1, Cancelled)], Health::Ok),
        (vec![run(1, Received)], Health::Running),
        (vec![run(1, Packed), run(2, Completed)], Health::Running),
        (vec![run(1, Pushing)], Health::Running),
        (vec![run(1, Ingesting)], Health::Running),
        (vec![waits(1, busy()), run(2, Completed)], Health::Waiting),
        (vec![waits(1, broken()), run(2, Completed)], Health::ActionRequired),
        (vec![run(1, Received), waits(2, busy())], Health::Waiting),
    ] {
        let told: Vec<_> = recent.iter().map(|import| import.state).collect();
        assert_eq!(stands(&recent).0, mood, "{told:?}");
    }
}

#[test]
fn a_newer_file_that_was_refused_while_an_older_one_waited_is_not_made_good_by_that() {
    let mut older = run(5, State::Completed);
    older.ended = Some(NOW);
    let (mood, text) = stands(&[run(3, State::Rejected), older]);
    assert_eq!(mood, Health::ActionRequired);
    assert!(text.starts_with("3.csv, which came 3 hours ago, was rejected"));
}

#[test]
fn the_worst_is_told_first_then_the_newest_and_the_others_are_counted() {
    let recent = [
        run(1, State::Received),
        waits(2, busy()),
        run(3, State::Rejected),
        run(50, State::Completed),
    ];
    assert_eq!(
        stands(&recent).1,
        "3.csv, which came 3 hours ago, was rejected: 2 problems. 1.csv, which came 1 hour ago, is \
         being read and checked. There is one more below that did not come through yet. Last \
         accepted 2 days ago: 50.csv."
    );
}

#[test]
fn a_pause_a_file_that_does_not_come_and_a_document_that_is_wrong_need_a_person() {
    let accepted = [run(200, State::Completed)];
    let weekly = || document("\"full\", \"expectedEveryDays\": 7");
    let overdue = seen(weekly(), &accepted, false);
    let overdue = ConnectionHealth::of(&overdue, NOW);
    assert_eq!(overdue.health, Health::ActionRequired);
    assert!(overdue.text(NOW).ends_with("A file was expected 1 day ago."));
    assert_eq!(overdue.expected, Some(NOW - Duration::hours(200 - 7 * 24)));
    let later = [run(100, State::Completed)];
    let in_time = seen(weekly(), &later, false);
    assert_eq!(ConnectionHealth::of(&in_time, NOW).health, Health::Ok);

    let paused = seen(document("\"full\""), &accepted, true);
    let paused = ConnectionHealth::of(&paused, NOW);
    assert_eq!(paused.health, Health::ActionRequired);
    assert!(paused.text(NOW).ends_with("paused until a person resumes it."));
    let wrong = Document {
        read: Err(Reason::ConnectionMissing { connection: "hr".into() }),
        ..document("\"full\"")
    };
    let wrong = seen(wrong, &accepted, false);
    let wrong = ConnectionHealth::of(&wrong, NOW);
    assert_eq!(wrong.health, Health::ActionRequired);
    assert!(wrong.text(NOW).ends_with("it has to be mended."));
}

#[test]
fn of_incremental_files_what_was_lost_is_told_though_later_ones_came_through() {
    let recent = [
        run(1, State::Completed),
        run(2, State::Rejected),
        run(3, State::Superseded),
        run(4, State::Stuck),
    ];
    let incremental = seen(document("\"incremental\""), &recent, false);
    let standing = ConnectionHealth::of(&incremental, NOW);
    assert_eq!(standing.health, Health::Ok);
    let words = "2 earlier files did not come through; Viva lacks what they change.";
    assert!(standing.text(NOW).ends_with(words), "{}", standing.text(NOW));
    assert!(!stands(&recent).1.contains("earlier"), "a full one replaces everything");
}

#[test]
fn how_long_it_has_waited_and_how_many_people_were_accepted_is_told() {
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
    let mut accepted = run(80, State::Completed);
    accepted.baseline = Some(Baseline {
        connector: "HR".to_owned(),
        refresh: "full".to_owned(),
        rows: 244,
        people: 61,
        columns: vec![],
        last_day: None,
    });
    assert_eq!(
        stands(&[waiting, accepted]).1,
        "3.csv, which came 3 hours ago, is waiting (for 45 minutes): the service has not \
         finished this tenant's previous import. Last accepted 3 days ago: 80.csv, 61 people."
    );
}
