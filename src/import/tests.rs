//! The state machine, as sequences of events.

use std::time::Duration;

use time::macros::datetime;

use strum::VariantArray as _;

use super::{
    PollPath,
    reason::{NoOutcome, Problems},
    *,
};

mod connection_record;
mod correction;
mod history;
mod lane;
mod operator_actions;
mod order;
use crate::{
    config::Config,
    messages,
    schema::{Baseline, Refresh},
};

const NOW: OffsetDateTime = datetime!(2026-11-23 06:00 UTC);

/// The policy of the default settings.
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
        last_past_day: None,
    };
    let report = "1/report.html".to_owned();
    Checked { baseline: summary, rows_skipped: 0, notice: None, report, approval: None }
}

fn rejected(guarded: bool) -> Event {
    let report = Some("r".to_owned());
    let guarded = guarded.then(|| Box::new(checked().baseline));
    let reason = if guarded.is_some() {
        Reason::DeletionBlocked(Box::new(errors()))
    } else {
        Reason::FileInvalid(Box::new(errors()))
    };
    Event::Rejected { reason, problems: 3, report, guarded }
}

fn errors() -> Problems {
    let (rule, message) = ("V01".into(), "why".into());
    Problems { row: None, column: None, rule, message, count: 3, rules: vec![] }
}

/// A temporary reason.
fn why() -> Reason {
    Reason::StorageFailed { detail: "why".into() }
}

fn failed() -> Event {
    Event::TransientFailure { reason: why(), retry_at: None }
}

/// The reason as text.
fn text(import: &Import) -> String {
    messages::why(import).unwrap_or_default()
}

fn superseded() -> Event {
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

fn reported(status: Status) -> Event {
    Event::StatusReported { status, path: PollPath::FileIngestion, error_file: None }
}

fn lost() -> Event {
    Event::AnswerLost { cause: NoOutcome::ProgramEnded }
}

fn not_sent() -> Event {
    Event::NotSent { reason: why(), retry_at: None }
}

fn push_failed() -> Event {
    Event::PushFailed { status: 500, codes: vec![] }
}

fn after(import: Import, now: OffsetDateTime, events: impl IntoIterator<Item = Event>) -> Import {
    events.into_iter().fold(import, |import, event| import.apply(event, now, &policy()).unwrap())
}

/// The import at its end, and the time until then; `again` returns the events at each due time.
fn until_end(
    mut import: Import,
    mut again: impl FnMut(&Import, OffsetDateTime) -> Vec<Event>,
) -> (Import, time::Duration) {
    let mut now = NOW;
    let began = import.due.unwrap_or(NOW);
    while !import.state.is_end() {
        now = import.due.unwrap();
        for event in again(&import, now) {
            import = if import.state.is_end() { import } else { after(import, now, [event]) };
        }
    }
    (import, now - began)
}

fn pushing() -> Import {
    after(received(), NOW, [Event::PackStarted, staged(), claimed()])
}

#[test]
fn a_valid_file_is_completed_and_then_its_zip_is_deleted() {
    let import = received();
    assert_eq!(import.action(NOW, &policy()), Action::Pack);
    let import = after(import, NOW, [Event::PackStarted, staged()]);
    assert_eq!((import.state, import.action(NOW, &policy())), (State::Packed, Action::Push));
    let import = after(import, NOW, [claimed(), accepted()]);
    assert_eq!(import.state, State::Ingesting);
    assert!(matches!(import.action(NOW, &policy()), Action::Wait(_)));
    let later = NOW + Duration::from_secs(30);
    assert_eq!(import.action(later, &policy()), Action::Poll);
    let import =
        after(import, later, [reported(Status::ExtractionComplete), reported(Status::Completed)]);
    assert_eq!((import.state, import.ended), (State::Completed, Some(later)));
    assert_eq!(import.action(later, &policy()), Action::Discard);
    let import = after(import, later, [Event::Discarded]);
    assert_eq!((import.state, import.action(later, &policy())), (State::Completed, Action::Done));
}

#[test]
fn a_step_that_died_is_due_again_when_its_lease_is_over_and_not_before() {
    let over = NOW + policy().lease;
    let packing = after(received(), NOW, [Event::PackStarted]);
    assert_eq!(packing.action(NOW, &policy()), Action::Wait(over));
    assert_eq!(packing.action(over, &policy()), Action::Pack);
    assert_eq!(pushing().action(NOW, &policy()), Action::Wait(over));
    assert_eq!(pushing().action(over, &policy()), Action::Recover);
}

#[test]
fn a_renewal_moves_the_lease_and_nothing_else() {
    let later = NOW + Duration::from_mins(1);
    let mut packing = after(received(), NOW, [Event::PackStarted]);
    packing.blocked = Some(ReasonCode::ConnectionInvalid);
    for import in [packing, pushing()] {
        let due = Some(later + policy().lease);
        let renewed = after(import.clone(), later, [Event::Renewed]);
        assert_eq!(renewed, Import { due, ..import });
    }
    let packed = after(received(), NOW, [Event::PackStarted, staged()]);
    for import in [packed, after(pushing(), NOW, [accepted()])] {
        import.apply(Event::Renewed, later, &policy()).unwrap_err();
    }
}

#[test]
fn a_pack_that_ends_the_program_again_and_again_leaves_time_for_others() {
    let (mut import, mut now) = (received(), NOW);
    let mut waits = vec![];
    for _ in 0..5 {
        import = after(import, now, [Event::PackStarted]);
        let due = import.due.unwrap();
        waits.push((due - now).whole_minutes());
        now = due;
    }
    assert_eq!(waits, [2, 2, 2, 15, 15]);
}

#[test]
fn a_lost_answer_is_remembered_and_the_push_repeated() {
    let import = after(pushing(), NOW, [lost()]);
    assert_eq!((import.state, import.push_outcome_unknown), (State::Packed, true));
    let import = after(import, NOW, [claimed(), Event::Busy]);
    assert_eq!(import.state, State::Packed);
    assert_eq!(import.reason, Some(Reason::ServiceBusy { own: true }));
    let import = after(import, NOW, [claimed(), accepted()]);
    assert_eq!(
        (import.state, import.push_outcome_unknown, import.reason),
        (State::Ingesting, false, None)
    );
}

#[test]
fn a_target_that_reports_no_outcome_has_an_accepted_end_of_its_own() {
    let import = after(pushing(), NOW, [Event::AcceptedForGood]);
    assert_eq!(
        (import.state, import.reason.as_ref()),
        (State::Accepted, Some(&Reason::OutcomeNotReported))
    );
    assert!(import.state.is_end() && import.state.is_accepted() && !import.holds_slot());
    assert!(!import.needs_person() && import.ended == Some(NOW) && import.pushed == Some(NOW));
    assert_eq!(import.action(NOW, &policy()), Action::Discard);
    // No status of Viva leads to that end.
    for status in [Status::Completed, Status::ValidationFailed, Status::parse("Accepted", false)] {
        let import = after(pushing(), NOW, [accepted(), reported(status)]);
        assert_ne!(import.state, State::Accepted);
    }
}

#[test]
fn a_busy_service_is_retried_until_the_deadline() {
    let (import, took) = until_end(after(pushing(), NOW, [Event::Busy]), |import, now| {
        assert_eq!((import.state, import.action(now, &policy())), (State::Packed, Action::Push));
        vec![claimed(), Event::Busy]
    });
    assert_eq!((import.state, took.whole_hours()), (State::Stuck, 72));
}

#[test]
fn the_time_without_a_running_program_does_not_count() {
    let long = policy().wait_deadline * 2;
    let import =
        after(received(), NOW + long, [Event::PackStarted, staged(), claimed(), Event::Busy]);
    assert_eq!(import.state, State::Packed);
    let late = import.due.unwrap() + long;
    let import = after(import, late, [claimed(), Event::Busy]);
    assert_eq!(import.state, State::Packed);
    // After that the rest of its time remains.
    let (import, took) = until_end(import, |_, _| vec![claimed(), Event::Busy]);
    assert_eq!((import.state, took.whole_hours()), (State::Stuck, 71));
}

#[test]
fn after_busy_the_wait_is_minutes_and_doubles_with_jitter() {
    let mut import = pushing();
    for minutes in [5, 10, 20, 30, 30] {
        import = after(import, NOW, [Event::Busy]);
        let wait = import.due.unwrap() - NOW;
        let least = Duration::from_mins(minutes);
        assert!(wait >= least && wait < least + least / 4, "{wait}");
        import = after(import, NOW, [claimed()]);
    }
}

#[test]
fn a_fresh_token_that_is_rejected_waits_for_a_correction() {
    let import = after(pushing(), NOW, [Event::TokenRejected { status: 401 }]);
    assert_eq!(
        (import.state, import.reason.as_ref()),
        (State::Packed, Some(&Reason::TokenRejected { status: 401 }))
    );
    assert!(import.waits_for_correction() && import.needs_person() && !import.holds_slot());
    // The same if the service may have the file: no other import waits for a person.
    let lost = after(pushing(), NOW, [lost(), claimed(), Event::TokenRejected { status: 401 }]);
    assert!(lost.push_outcome_unknown && !lost.holds_slot());
}

#[test]
fn two_imports_that_wait_for_each_other_end_if_the_service_stays_busy() {
    let taken = || Event::SlotTaken { by: "0".to_owned() };
    let mut turns = 0;
    let (import, _) = until_end(after(pushing(), NOW, [Event::Busy]), |_, _| {
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
    let import = after(import, NOW, [Event::PackStarted, staged(), claimed(), Event::Busy]);
    assert!(import.deadline.unwrap() <= NOW + policy().wait_deadline);
}

#[test]
fn a_due_time_years_ahead_by_a_wrong_clock_is_due_when_the_clock_is_right() {
    let years = NOW + Duration::from_hours(3 * 365 * 24);
    let waiting = |import: Import| after(Import { deadline: None, ..import }, years, [Event::Busy]);
    for import in [
        after(Import { deadline: None, ..received() }, years, [Event::PackStarted]),
        waiting(pushing()),
    ] {
        assert!(!matches!(import.action(NOW, &policy()), Action::Wait(_)), "{import:?}");
        assert!(matches!(import.action(years, &policy()), Action::Wait(_)), "{import:?}");
    }
}

#[test]
fn failed_pushes_are_repeated_a_few_times_and_then_need_a_person() {
    let mut import = pushing();
    for _ in 1..policy().push_failures {
        import = after(import, NOW, [push_failed()]);
        assert_eq!(import.state, State::Packed);
        import = after(import, NOW, [claimed()]);
    }
    import = after(import, NOW, [lost()]);
    assert_eq!(import.state, State::Stuck);
    let last = Box::new(Reason::PushOutcomeUnknown { cause: NoOutcome::ProgramEnded });
    assert_eq!(import.reason, Some(Reason::PushesExhausted { pushes: 5, last }));
}

#[test]
fn an_unavailable_service_is_retried_until_the_deadline() {
    for again in [vec![claimed(), not_sent()], vec![failed()]] {
        let (import, took) = until_end(after(pushing(), NOW, [not_sent()]), |_, _| again.clone());
        assert_eq!((import.state, took.whole_hours()), (State::Stuck, 72));
    }
}

#[test]
fn a_retry_after_in_the_past_is_not_followed_at_once() {
    for retry_at in [NOW, NOW - Duration::from_hours(1)] {
        let event = Event::NotSent { reason: why(), retry_at: Some(retry_at) };
        assert_eq!(after(pushing(), NOW, [event]).due, Some(NOW + policy().poll_min));
    }
}

#[test]
fn a_file_that_ends_the_program_is_not_read_for_ever() {
    let mut import = received();
    let mut now = NOW;
    while import.state == State::Received {
        import = after(import, now, [Event::PackStarted]);
        now += policy().step_timeout;
        assert!(now < NOW + policy().wait_deadline * 2);
    }
    assert_eq!(import.state, State::Stuck);
}

#[test]
fn a_zip_that_keeps_vanishing_is_not_packed_for_ever() {
    let (import, took) =
        until_end(received(), |_, _| vec![Event::PackStarted, staged(), Event::Discarded]);
    assert_eq!((import.state, took.whole_hours()), (State::Stuck, 72));
}

#[test]
fn a_queued_import_is_not_stuck_however_long_it_waits() {
    let mut import = after(received(), NOW, [Event::PackStarted, staged()]);
    for day in 1..30 {
        let now = NOW + Duration::from_hours(24 * day);
        import = after(import, now, [Event::SlotTaken { by: "0".to_owned() }]);
        import = after(
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
    assert_eq!(after(pushing(), NOW, [event]).due, Some(at));
}

#[test]
fn failing_storage_is_retried_at_growing_intervals_and_decides_nothing() {
    let mut import = after(received(), NOW, [Event::PackStarted, staged()]);
    import.failures = 0;
    let mut waits = vec![];
    for _ in 0..4 {
        let before = import.state;
        import = after(import, NOW, [failed()]);
        assert_eq!(import.state, before);
        waits.push(import.due.unwrap() - NOW);
    }
    assert!(waits.is_sorted() && waits[3] > waits[0] * 2, "{waits:?}");
}

#[test]
fn the_service_may_take_long_but_not_for_ever() {
    let mut waits = vec![];
    let (import, took) = until_end(after(pushing(), NOW, [accepted()]), |import, now| {
        waits.push(
            after(import.clone(), now, [reported(Status::NotStarted)]).due.unwrap_or(now) - now,
        );
        vec![reported(Status::NotStarted)]
    });
    assert_eq!((import.state, took.whole_hours()), (State::Stuck, 24));
    assert!(waits[0] == policy().poll_min && waits[waits.len() - 2] == policy().poll_max);
    assert_eq!(import.reason, Some(Reason::IngestionTimeout { status: "NotStarted".into() }));
    assert!(text(&import).contains("portal"));
}

#[test]
fn an_unknown_status_is_no_end() {
    let import =
        after(pushing(), NOW, [accepted(), reported(Status::parse("Data processing", false))]);
    assert_eq!(import.state, State::Ingesting);
    assert_eq!(import.service_status.as_deref(), Some("Data processing"));
}

#[test]
fn an_unknown_end_is_stuck_and_names_the_word_of_the_service() {
    let end = || Status::parse("Processing Failed", false);
    let pushed = Event::Accepted { id: IngestionId("i".to_owned()), status: end() };
    for events in [vec![accepted(), reported(end())], vec![pushed]] {
        let import = after(pushing(), NOW, events);
        assert_eq!(import.state, State::Stuck);
        let status = "Processing Failed".into();
        assert_eq!(import.reason, Some(Reason::UndocumentedEnd { status }));
        assert!(
            text(&import)
                .contains("the status Processing Failed, which Microsoft does not document")
        );
    }
}

#[test]
fn after_a_push_whose_answer_is_no_ingestion_a_person_is_needed_at_once() {
    let reason = Reason::PushAnswerUnreadable { status: 200, detail: "it is not JSON".into() };
    let import = after(pushing(), NOW, [Event::PushRefused { reason }]);
    assert!(import.state == State::Stuck && import.push_outcome_unknown && !import.holds_slot());
    assert!(import.needs_person());
}

#[test]
fn a_rejected_file_names_its_report() {
    let import = after(received(), NOW, [Event::PackStarted, rejected(false)]);
    assert_eq!((import.state, import.error_count), (State::Rejected, 3));
    // An earlier attempt may have left a zip.
    assert_eq!(import.action(NOW, &policy()), Action::Discard);
}

#[test]
fn an_operator_approves_a_deletion_and_nothing_else() {
    let approve = || Event::OperatorRequested {
        action: OperatorAction::Approve,
        by: "by somebody".to_owned(),
    };
    let later = NOW + policy().wait_deadline;
    let import = after(received(), NOW, [Event::PackStarted, rejected(true), Event::Discarded]);
    let import = after(import, later, [approve()]);
    assert_eq!((import.state, import.action(later, &policy())), (State::Received, Action::Pack));
    assert_eq!((import.error_count, import.ended, import.reason.as_ref()), (0, None, None));
    assert_eq!(import.approval.as_ref().map(|it| it.by.as_str()), Some("by somebody"));
    let import = after(import, later, [Event::PackStarted, staged()]);
    assert_eq!(import.state, State::Packed);

    // A packed import is guarded too, if another import was accepted meanwhile.
    let waited = after(received(), NOW, [Event::PackStarted, staged(), rejected(true)]);
    assert!(waited.is_guarded() && waited.action(NOW, &policy()) == Action::Discard);
    assert_eq!(waited.rows, Some(checked().baseline.rows));
    assert_eq!(after(waited, NOW, [approve()]).state, State::Received);

    let not_guarded = after(received(), NOW, [Event::PackStarted, rejected(false)]);
    for import in [not_guarded, received(), pushing()] {
        assert!(import.apply(approve(), NOW, &policy()).is_err());
    }
}

#[test]
fn a_file_that_passed_keeps_its_report_when_the_service_has_none() {
    let import = after(pushing(), NOW, [accepted(), reported(Status::ValidationFailed)]);
    assert_eq!(import.report.as_deref(), Some("1/report.html"));
}

#[test]
fn a_lost_zip_is_packed_again() {
    let import = after(received(), NOW, [Event::PackStarted, staged(), Event::Discarded]);
    let due = import.due.unwrap();
    assert!(due > NOW, "not at once, or a zip that always vanishes would be packed all the time");
    assert_eq!((import.state, import.action(due, &policy())), (State::Received, Action::Pack));
}

#[test]
fn the_deletion_of_a_zip_is_retried_for_a_while_and_then_reported() {
    let import = after(pushing(), NOW, [accepted(), reported(Status::Completed), failed()]);
    assert!(import.due.is_some() && import.state == State::Completed);
    let import = after(import, NOW + policy().wait_deadline, [failed()]);
    assert_eq!((import.state, import.due), (State::Completed, None));
    assert!(
        import.package_left && messages::warning(&import).unwrap().contains("could not be deleted")
    );
}

#[test]
fn a_clean_up_that_ends_the_program_each_time_is_given_up() {
    let mut import = after(pushing(), NOW, [accepted(), reported(Status::Completed)]);
    let step = import.step;
    for _ in 0..7 {
        import = after(import, NOW, [Event::TriedAgain]);
        assert!(import.due == Some(NOW) && !import.package_left && import.step == step);
    }
    let import = after(import, NOW, [Event::TriedAgain]);
    assert_eq!((import.state, import.due), (State::Completed, None));
    assert!(import.package_left);
}

#[test]
fn a_step_that_is_tried_again_is_still_blocked_as_it_was() {
    let blocked = Import {
        blocked: Some(ReasonCode::CredentialFailed),
        ..after(received(), NOW, [Event::PackStarted, staged()])
    };
    let again = after(blocked, NOW, [Event::TriedAgain]);
    assert_eq!((again.blocked, again.tries), (Some(ReasonCode::CredentialFailed), 2));
}

#[test]
fn an_end_stays_an_end_after_every_event() {
    let ends = [
        after(pushing(), NOW, [accepted(), reported(Status::Completed)]),
        after(received(), NOW, [replaced()]),
        after(pushing(), NOW, [Event::PushRefused { reason: why() }]),
        after(pushing(), NOW, [accepted(), reported(Status::ValidationFailed)]),
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
        assert_eq!(after(import.clone(), NOW, [failed()]).state, import.state);
    }
}

#[test]
fn every_live_state_is_due_and_only_a_push_that_may_be_accepted_takes_the_slot() {
    for (import, holds) in [
        (received(), false),
        (after(received(), NOW, [Event::PackStarted]), false),
        (after(received(), NOW, [Event::PackStarted, staged()]), false),
        (pushing(), true),
        (after(pushing(), NOW, [accepted()]), true),
        (after(pushing(), NOW, [Event::Busy]), false),
        (after(pushing(), NOW, [lost()]), true),
        (after(pushing(), NOW, [lost(), claimed(), Event::Busy]), true),
        (after(pushing(), NOW, [lost(), claimed(), accepted()]), true),
    ] {
        assert!(import.due.is_some() && import.deadline.is_some(), "{import:?}");
        assert_eq!(import.holds_slot(), holds, "{import:?}");
    }
}

#[test]
fn every_state_of_the_table_is_read_back() {
    for state in State::VARIANTS {
        assert_eq!(state.as_ref().parse(), Ok(*state));
    }
    assert!("Succeeded".parse::<State>().is_err());
}
