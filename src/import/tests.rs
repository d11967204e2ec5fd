//! The machine, as stories of events.

use std::time::Duration;

use time::macros::datetime;

use strum::VariantArray as _;

use super::{
    reason::{NoOutcome, Problems},
    *,
};

mod connection_record;
mod correction;
mod history;
mod operator_actions;
use crate::{
    config::Config,
    messages,
    schema::{Baseline, Refresh},
};

const NOW: OffsetDateTime = datetime!(2026-11-23 06:00 UTC);

/// The waits that hold where nothing is set.
fn policy() -> Policy {
    let account = |name: &str| (name == "ImportStorage__accountName").then(|| "a".to_owned());
    Config::read(account).unwrap().policy
}

fn received() -> Import {
    let id = ImportId { tenant: "t".to_owned(), key: "1".to_owned() };
    let source = Source {
        container: "inbox".to_owned(),
        name: "hr/a.csv".to_owned(),
        etag: "0x1".to_owned(),
        bytes: 10,
        last_modified: NOW,
    };
    Import::new(id, "hr", source, NOW, &policy())
}

fn staged() -> Event {
    Event::Packed {
        package: Package {
            blob: "1/1.zip".to_owned(),
            etag: "0x2".to_owned(),
            bytes: 5,
            sha256: "ab".to_owned(),
        },
        refresh: Refresh::Full,
        checked: Box::new(checked()),
    }
}

fn checked() -> Checked {
    let summary = Baseline {
        connector: "HR".to_owned(),
        refresh: "full".to_owned(),
        rows: 3,
        people: 2,
        columns: vec![],
        last_day: None,
    };
    let report = "1/report.html".to_owned();
    Checked { baseline: summary, rows_skipped: 0, notice: None, report, approval: None }
}

fn refused(guarded: bool) -> Event {
    let report = Some("r".to_owned());
    let guarded = guarded.then(|| Box::new(checked().baseline));
    let reason = if guarded.is_some() {
        Reason::DeletionBlocked(Box::new(wrong()))
    } else {
        Reason::FileInvalid(Box::new(wrong()))
    };
    Event::Refused { reason, problems: 3, report, guarded }
}

fn wrong() -> Problems {
    let (rule, message) = ("V01".into(), "why".into());
    Problems { row: None, column: None, rule, message, count: 3, rules: vec![] }
}

/// A reason that passes.
fn why() -> Reason {
    Reason::StorageFailed { detail: "why".into() }
}

fn faulted() -> Event {
    Event::TransientFailure { reason: why(), retry_at: None }
}

/// What a person reads of it.
fn read(import: &Import) -> String {
    messages::why(import).unwrap_or_default()
}

fn overtaken() -> Event {
    Event::Superseded { file: "inbox/hr/b.csv".into(), import: "2".into() }
}

fn replaced() -> Event {
    Event::Replaced { by: ImportId { tenant: "t".to_owned(), key: "2".to_owned() } }
}

fn claimed() -> Event {
    Event::Claimed { scale_unit: "unit".to_owned() }
}

fn accepted() -> Event {
    Event::Accepted { id: IngestionId("i".to_owned()), status: Status::NotStarted }
}

fn said(status: Status) -> Event {
    Event::StatusReported { status, error_file: None }
}

fn lost() -> Event {
    Event::AnswerLost { cause: NoOutcome::ProgramEnded }
}

fn not_sent() -> Event {
    Event::NotSent { reason: why(), retry_at: None }
}

fn push_failed() -> Event {
    Event::PushFailed { status: 500 }
}

fn told(import: Import, now: OffsetDateTime, events: impl IntoIterator<Item = Event>) -> Import {
    events.into_iter().fold(import, |import, event| import.apply(event, now, &policy()).unwrap())
}

/// The import at its end, and how long it took to get there, told at each due time what is `again`.
fn until_end(
    mut import: Import,
    mut again: impl FnMut(&Import, OffsetDateTime) -> Vec<Event>,
) -> (Import, time::Duration) {
    let mut now = NOW;
    let began = import.due.unwrap_or(NOW);
    while !import.state.is_end() {
        now = import.due.unwrap();
        for event in again(&import, now) {
            import = if import.state.is_end() { import } else { told(import, now, [event]) };
        }
    }
    (import, now - began)
}

fn pushing() -> Import {
    told(received(), NOW, [Event::PackStarted, staged(), claimed()])
}

#[test]
fn a_good_file_goes_all_the_way_and_then_its_zip_is_deleted() {
    let import = received();
    assert_eq!(import.action(NOW, &policy()), Action::Pack);
    let import = told(import, NOW, [Event::PackStarted, staged()]);
    assert_eq!((import.state, import.action(NOW, &policy())), (State::Packed, Action::Push));
    let import = told(import, NOW, [claimed(), accepted()]);
    assert_eq!(import.state, State::Ingesting);
    assert!(matches!(import.action(NOW, &policy()), Action::Wait(_)));
    let later = NOW + Duration::from_secs(30);
    assert_eq!(import.action(later, &policy()), Action::Poll);
    let import = told(import, later, [said(Status::ExtractionComplete), said(Status::Completed)]);
    assert_eq!((import.state, import.ended), (State::Completed, Some(later)));
    assert_eq!(import.action(later, &policy()), Action::Discard);
    let import = told(import, later, [Event::Discarded]);
    assert_eq!((import.state, import.action(later, &policy())), (State::Completed, Action::Done));
}

#[test]
fn a_step_that_died_is_due_again_when_its_time_is_over_and_not_before() {
    let over = NOW + policy().step_timeout;
    let packing = told(received(), NOW, [Event::PackStarted]);
    assert_eq!(packing.action(NOW, &policy()), Action::Wait(over));
    assert_eq!(packing.action(over, &policy()), Action::Pack);
    assert_eq!(pushing().action(NOW, &policy()), Action::Wait(over));
    assert_eq!(pushing().action(over, &policy()), Action::Recover);
}

#[test]
fn a_lost_answer_is_remembered_and_the_push_repeated() {
    let import = told(pushing(), NOW, [lost()]);
    assert_eq!((import.state, import.push_outcome_unknown), (State::Packed, true));
    let import = told(import, NOW, [claimed(), Event::Busy]);
    assert_eq!(import.state, State::Packed);
    assert_eq!(import.reason, Some(Reason::ServiceBusy { own: true }));
    let import = told(import, NOW, [claimed(), accepted()]);
    assert_eq!(
        (import.state, import.push_outcome_unknown, import.reason),
        (State::Ingesting, false, None)
    );
}

#[test]
fn a_target_that_reports_no_outcome_has_an_end_of_its_own_that_counts() {
    let import = told(pushing(), NOW, [Event::AcceptedForGood]);
    assert_eq!(
        (import.state, import.reason.as_ref()),
        (State::Accepted, Some(&Reason::OutcomeNotReported))
    );
    assert!(import.state.is_end() && import.state.is_accepted() && !import.holds_slot());
    assert!(!import.needs_person() && import.ended == Some(NOW) && import.pushed == Some(NOW));
    assert_eq!(import.action(NOW, &policy()), Action::Discard);
    // Nothing that Viva says leads there.
    for status in [Status::Completed, Status::ValidationFailed, Status::parse("Accepted")] {
        let import = told(pushing(), NOW, [accepted(), said(status)]);
        assert_ne!(import.state, State::Accepted);
    }
}

#[test]
fn a_busy_service_keeps_the_file_and_tries_later_for_as_long_as_it_takes() {
    let (import, took) = until_end(told(pushing(), NOW, [Event::Busy]), |import, now| {
        assert_eq!((import.state, import.action(now, &policy())), (State::Packed, Action::Push));
        vec![claimed(), Event::Busy]
    });
    assert_eq!((import.state, took.whole_hours()), (State::Stuck, 72));
}

#[test]
fn the_time_in_which_the_program_was_away_does_not_count() {
    let long = policy().wait_deadline * 2;
    let import =
        told(received(), NOW + long, [Event::PackStarted, staged(), claimed(), Event::Busy]);
    assert_eq!(import.state, State::Packed);
    let late = import.due.unwrap() + long;
    let import = told(import, late, [claimed(), Event::Busy]);
    assert_eq!(import.state, State::Packed);
    // And then it has what was left of its time.
    let (import, took) = until_end(import, |_, _| vec![claimed(), Event::Busy]);
    assert_eq!((import.state, took.whole_hours()), (State::Stuck, 71));
}

#[test]
fn busy_is_asked_again_in_minutes_doubling_with_jitter() {
    let mut import = pushing();
    for minutes in [5, 10, 20, 30, 30] {
        import = told(import, NOW, [Event::Busy]);
        let wait = import.due.unwrap() - NOW;
        let least = Duration::from_mins(minutes);
        assert!(wait >= least && wait < least + least / 4, "{wait}");
        import = told(import, NOW, [claimed()]);
    }
}

#[test]
fn a_token_that_is_refused_though_it_is_fresh_is_waited_for() {
    let import = told(pushing(), NOW, [Event::TokenRefused { status: 401 }]);
    assert_eq!(
        (import.state, import.reason.as_ref()),
        (State::Packed, Some(&Reason::TokenRejected { status: 401 }))
    );
    assert!(import.waits_for_correction() && import.needs_person() && !import.holds_slot());
    // The same where the service may have the file: nobody else waits for a person.
    let lost = told(pushing(), NOW, [lost(), claimed(), Event::TokenRefused { status: 401 }]);
    assert!(lost.push_outcome_unknown && !lost.holds_slot());
}

#[test]
fn two_imports_that_wait_for_each_other_come_to_an_end_where_the_service_stays_busy() {
    let taken = || Event::SlotTaken { by: "0".to_owned() };
    let mut turns = 0;
    let (import, _) = until_end(told(pushing(), NOW, [Event::Busy]), |_, _| {
        turns += 1;
        if turns % 2 == 0 { vec![taken()] } else { vec![claimed(), Event::Busy] }
    });
    assert_eq!(import.state, State::Stuck);
}

#[test]
fn what_a_wrong_clock_added_to_a_deadline_does_not_count() {
    let years = NOW + Duration::from_hours(3 * 365 * 24);
    let id = ImportId { tenant: "t".to_owned(), key: "1".to_owned() };
    let import = Import::new(id, "hr", received().source, years, &policy());
    let import = told(import, NOW, [Event::PackStarted, staged(), claimed(), Event::Busy]);
    assert!(import.deadline.unwrap() <= NOW + policy().wait_deadline);
}

#[test]
fn what_a_wrong_clock_put_off_for_years_is_due_as_soon_as_the_clock_is_right() {
    let years = NOW + Duration::from_hours(3 * 365 * 24);
    let waiting = |import: Import| told(Import { deadline: None, ..import }, years, [Event::Busy]);
    for import in [
        told(Import { deadline: None, ..received() }, years, [Event::PackStarted]),
        waiting(pushing()),
    ] {
        assert!(!matches!(import.action(NOW, &policy()), Action::Wait(_)), "{import:?}");
        assert!(matches!(import.action(years, &policy()), Action::Wait(_)), "{import:?}");
    }
}

#[test]
fn failed_pushes_are_repeated_a_few_times_and_then_a_person_is_called() {
    let mut import = pushing();
    for _ in 1..policy().push_failures {
        import = told(import, NOW, [push_failed()]);
        assert_eq!(import.state, State::Packed);
        import = told(import, NOW, [claimed()]);
    }
    import = told(import, NOW, [lost()]);
    assert_eq!(import.state, State::Stuck);
    let last = Box::new(Reason::PushOutcomeUnknown { cause: NoOutcome::ProgramEnded });
    assert_eq!(import.reason, Some(Reason::PushesExhausted { pushes: 5, last }));
}

#[test]
fn a_service_that_is_away_is_waited_for_as_long_as_the_deadline_says() {
    for again in [vec![claimed(), not_sent()], vec![faulted()]] {
        let (import, took) = until_end(told(pushing(), NOW, [not_sent()]), |_, _| again.clone());
        assert_eq!((import.state, took.whole_hours()), (State::Stuck, 72));
    }
}

#[test]
fn a_service_that_wants_to_be_asked_at_once_is_not() {
    for retry_at in [NOW, NOW - Duration::from_hours(1)] {
        let event = Event::NotSent { reason: why(), retry_at: Some(retry_at) };
        assert_eq!(told(pushing(), NOW, [event]).due, Some(NOW + policy().poll_min));
    }
}

#[test]
fn a_file_that_takes_the_program_with_it_is_not_read_for_ever() {
    let mut import = received();
    let mut now = NOW;
    while import.state == State::Received {
        import = told(import, now, [Event::PackStarted]);
        now += policy().step_timeout;
        assert!(now < NOW + policy().wait_deadline * 2);
    }
    assert_eq!(import.state, State::Stuck);
}

#[test]
fn a_zip_that_keeps_vanishing_is_not_made_for_ever() {
    let (import, took) =
        until_end(received(), |_, _| vec![Event::PackStarted, staged(), Event::Discarded]);
    assert_eq!((import.state, took.whole_hours()), (State::Stuck, 72));
}

#[test]
fn a_backlog_is_not_stuck_however_long_it_waits_for_its_turn() {
    let mut import = told(received(), NOW, [Event::PackStarted, staged()]);
    for day in 1..30 {
        let now = NOW + Duration::from_hours(24 * day);
        import = told(import, now, [Event::SlotTaken { by: "0".to_owned() }]);
        import = told(
            import,
            now,
            [Event::WaitingForOlder { file: "inbox/hr/0.csv".into(), import: "0".into() }],
        );
        assert_eq!(import.state, State::Packed);
    }
}

#[test]
fn retry_after_wins_over_our_own_wait() {
    let at = NOW + Duration::from_secs(777);
    let event = Event::NotSent { reason: why(), retry_at: Some(at) };
    assert_eq!(told(pushing(), NOW, [event]).due, Some(at));
}

#[test]
fn storage_that_fails_is_waited_for_longer_and_longer_and_never_decides() {
    let mut import = told(received(), NOW, [Event::PackStarted, staged()]);
    import.failures = 0;
    let mut waits = vec![];
    for _ in 0..4 {
        let before = import.state;
        import = told(import, NOW, [faulted()]);
        assert_eq!(import.state, before);
        waits.push(import.due.unwrap() - NOW);
    }
    assert!(waits.is_sorted() && waits[3] > waits[0] * 2, "{waits:?}");
}

#[test]
fn the_service_may_take_its_time_but_not_for_ever() {
    let mut waits = vec![];
    let (import, took) = until_end(told(pushing(), NOW, [accepted()]), |import, now| {
        waits.push(told(import.clone(), now, [said(Status::NotStarted)]).due.unwrap_or(now) - now);
        vec![said(Status::NotStarted)]
    });
    assert_eq!((import.state, took.whole_hours()), (State::Stuck, 24));
    assert!(waits[0] == policy().poll_min && waits[waits.len() - 2] == policy().poll_max);
    assert_eq!(import.reason, Some(Reason::IngestionTimeout { status: "NotStarted".into() }));
    assert!(read(&import).contains("portal"));
}

#[test]
fn a_word_nobody_knows_is_no_end() {
    let import = told(pushing(), NOW, [accepted(), said(Status::parse("Suspended"))]);
    assert_eq!(import.state, State::Ingesting);
    assert_eq!(import.service_status.as_deref(), Some("Suspended"));
}

#[test]
fn a_refused_file_names_its_report() {
    let import = told(received(), NOW, [Event::PackStarted, refused(false)]);
    assert_eq!((import.state, import.error_count), (State::Rejected, 3));
    // An earlier attempt may have left a zip.
    assert_eq!(import.action(NOW, &policy()), Action::Discard);
}

#[test]
fn a_person_lets_a_guarded_file_pass_and_nothing_else() {
    let allowed = || Event::OperatorRequested {
        action: OperatorAction::Approve,
        by: "by somebody".to_owned(),
    };
    let later = NOW + policy().wait_deadline;
    let import = told(received(), NOW, [Event::PackStarted, refused(true), Event::Discarded]);
    let import = told(import, later, [allowed()]);
    assert_eq!((import.state, import.action(later, &policy())), (State::Received, Action::Pack));
    assert_eq!((import.error_count, import.ended, import.reason.as_ref()), (0, None, None));
    assert_eq!(import.approval.as_ref().map(|it| it.by.as_str()), Some("by somebody"));
    let import = told(import, later, [Event::PackStarted, staged()]);
    assert_eq!(import.state, State::Packed);

    // A file that waited is guarded too, if another was accepted meanwhile.
    let waited = told(received(), NOW, [Event::PackStarted, staged(), refused(true)]);
    assert!(waited.is_guarded() && waited.action(NOW, &policy()) == Action::Discard);
    assert_eq!(waited.rows, Some(checked().baseline.rows));
    assert_eq!(told(waited, NOW, [allowed()]).state, State::Received);

    let not_guarded = told(received(), NOW, [Event::PackStarted, refused(false)]);
    for import in [not_guarded, received(), pushing()] {
        assert!(import.apply(allowed(), NOW, &policy()).is_err());
    }
}

#[test]
fn a_file_that_passed_keeps_its_report_when_the_service_has_none() {
    let import = told(pushing(), NOW, [accepted(), said(Status::ValidationFailed)]);
    assert_eq!(import.report.as_deref(), Some("1/report.html"));
}

#[test]
fn a_staged_zip_that_was_lost_is_made_again() {
    let import = told(received(), NOW, [Event::PackStarted, staged(), Event::Discarded]);
    let due = import.due.unwrap();
    assert!(due > NOW, "not at once, or a zip that always vanishes would be made all the time");
    assert_eq!((import.state, import.action(due, &policy())), (State::Received, Action::Pack));
}

#[test]
fn a_zip_that_cannot_be_deleted_is_tried_for_a_while_and_then_told_of() {
    let import = told(pushing(), NOW, [accepted(), said(Status::Completed), faulted()]);
    assert!(import.due.is_some() && import.state == State::Completed);
    let import = told(import, NOW + policy().wait_deadline, [faulted()]);
    assert_eq!((import.state, import.due), (State::Completed, None));
    assert!(
        import.package_left && messages::warning(&import).unwrap().contains("could not be deleted")
    );
}

#[test]
fn a_step_ends_before_somebody_else_takes_it_up() {
    let import = pushing();
    assert!(import.time_left(NOW) > Duration::from_mins(13));
    assert!(NOW + import.time_left(NOW) < import.due.unwrap());
    assert_eq!(import.time_left(NOW + Duration::from_hours(1)), Duration::ZERO);
}

#[test]
fn an_end_stays_an_end_whatever_comes() {
    let ends = [
        told(pushing(), NOW, [accepted(), said(Status::Completed)]),
        told(received(), NOW, [replaced()]),
        told(pushing(), NOW, [Event::PushRefused { reason: why() }]),
        told(pushing(), NOW, [accepted(), said(Status::ValidationFailed)]),
    ];
    for import in ends {
        assert!(import.state.is_end() && !import.holds_slot());
        for event in [
            Event::PackStarted,
            staged(),
            claimed(),
            accepted(),
            Event::Busy,
            lost(),
            not_sent(),
            push_failed(),
        ] {
            import.clone().apply(event, NOW, &policy()).unwrap_err();
        }
        assert_eq!(told(import.clone(), NOW, [faulted()]).state, import.state);
    }
}

#[test]
fn every_live_state_is_due_and_only_what_the_service_may_hold_takes_the_slot() {
    for (import, holds) in [
        (received(), false),
        (told(received(), NOW, [Event::PackStarted]), false),
        (told(received(), NOW, [Event::PackStarted, staged()]), false),
        (pushing(), true),
        (told(pushing(), NOW, [accepted()]), true),
        (told(pushing(), NOW, [Event::Busy]), false),
        (told(pushing(), NOW, [lost()]), true),
        (told(pushing(), NOW, [lost(), claimed(), Event::Busy]), true),
        (told(pushing(), NOW, [lost(), claimed(), accepted()]), true),
    ] {
        assert!(import.due.is_some() && import.deadline.is_some(), "{import:?}");
        assert_eq!(import.holds_slot(), holds, "{import:?}");
    }
}

#[test]
fn every_word_of_the_table_is_read_back() {
    for state in State::VARIANTS {
        assert_eq!(state.as_ref().parse(), Ok(*state));
    }
    assert!("Succeeded".parse::<State>().is_err());
}
