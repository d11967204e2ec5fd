//! What persons ask for, and the waits that end by it.

use super::*;

fn asked(import: Import, now: OffsetDateTime, action: OperatorAction) -> Import {
    told(import, now, [Event::OperatorRequested { action, by: "by somebody".to_owned() }])
}

fn refuses(import: &Import, action: OperatorAction) -> bool {
    let event = Event::OperatorRequested { action, by: "by somebody".to_owned() };
    import.clone().apply(event, NOW, &policy()).is_err()
}

fn packed() -> Import {
    told(received(), NOW, [Event::PackStarted, staged()])
}

fn forbidden() -> Event {
    Event::Forbidden
}

fn stuck() -> Import {
    told(pushing(), NOW, [Event::PushRefused { reason: why() }])
}

#[test]
fn each_state_takes_the_wishes_that_make_sense_in_it_and_no_other() {
    let cancelled = || asked(packed(), NOW, OperatorAction::Cancel);
    for (import, retry, cancel) in [
        (received(), true, true),
        (packed(), true, true),
        (pushing(), false, false),
        (told(pushing(), NOW, [accepted()]), false, true),
        (told(pushing(), NOW, [accepted(), said(Status::Completed)]), false, false),
        (told(received(), NOW, [refused(false)]), true, false),
        (told(received(), NOW, [replaced()]), false, false),
        (stuck(), true, false),
        (cancelled(), false, false),
    ] {
        assert_eq!(!refuses(&import, OperatorAction::Retry), retry, "{import:?}");
        assert_eq!(!refuses(&import, OperatorAction::Cancel), cancel, "{import:?}");
        assert!(
            refuses(&import, OperatorAction::Approve) && refuses(&import, OperatorAction::Resume),
            "{import:?}"
        );
    }
}

#[test]
fn a_retry_begins_again_and_forgets_what_came_of_the_last_try() {
    let lost = told(pushing(), NOW, [lost(), claimed(), accepted(), said(Status::NotStarted)]);
    let (stuck, took) = until_end(lost, |_, _| vec![said(Status::NotStarted)]);
    assert_eq!(stuck.state, State::Stuck);
    let late = NOW + took;
    let again = asked(stuck, late, OperatorAction::Retry);
    assert_eq!((again.state, again.action(late, &policy())), (State::Received, Action::Pack));
    assert_eq!((again.ingestion.as_ref(), again.pushed, again.ended), (None, None, None));
    assert_eq!((again.reason.as_ref(), again.holds_slot()), (None, false));
    assert!(again.deadline.unwrap() > late, "it has all its time again");
    let completed = [Event::PackStarted, staged(), claimed(), accepted(), said(Status::Completed)];
    let completed = told(again, late, completed);
    assert_eq!(completed.state, State::Completed);
    assert_eq!(completed.operator_actions.as_deref(), Some("by somebody"));
}

#[test]
fn a_retry_of_what_waits_is_due_at_once_with_all_its_time() {
    let import = told(pushing(), NOW, [Event::Busy]);
    let import = asked(import, NOW, OperatorAction::Retry);
    assert_eq!((import.state, import.action(NOW, &policy())), (State::Packed, Action::Push));
    let import = asked(import, NOW + Duration::from_hours(1), OperatorAction::Retry);
    assert_eq!(import.deadline, Some(NOW + Duration::from_hours(1) + policy().wait_deadline));
    assert_eq!(import.operator_actions.as_deref(), Some("by somebody; by somebody"));
}

#[test]
fn a_cancelled_import_says_what_the_service_may_have() {
    let says = |import: Import, words: &str| {
        let import = asked(import, NOW, OperatorAction::Cancel);
        assert_eq!((import.state, import.holds_slot()), (State::Cancelled, false));
        let why = read(&import);
        assert!(why.starts_with("by somebody") && why.contains(words), "{why}");
    };
    says(packed(), "");
    says(told(pushing(), NOW, [lost()]), "the service may have it");
    says(told(pushing(), NOW, [accepted()]), "the service has it as ingestion i");
}

#[test]
fn the_zip_of_a_pack_under_way_is_deleted_when_that_is_over() {
    let import = asked(told(received(), NOW, [Event::PackStarted]), NOW, OperatorAction::Cancel);
    let over = NOW + policy().step_timeout;
    assert_eq!(import.action(NOW, &policy()), Action::Wait(over));
    assert_eq!(import.action(over, &policy()), Action::Discard);
    // Nothing was begun, nothing is left.
    assert_eq!(asked(received(), NOW, OperatorAction::Cancel).action(NOW, &policy()), Action::Done);
}

#[test]
fn a_403_pauses_and_waits_for_a_person_as_long_as_it_takes() {
    for import in [packed(), pushing()] {
        let import = told(import, NOW, [forbidden()]);
        assert_eq!((import.state, import.pauses), (State::Packed, true));
        let weeks = NOW + Duration::from_hours(14 * 24);
        let later = told(import, weeks, [Event::Paused { reason: Reason::Forbidden }]);
        assert_eq!(later.state, State::Packed);
        assert!(read(&later).contains("`viva-import resume hr`"));
        let resumed = asked(later, weeks, OperatorAction::Resume);
        assert_eq!((resumed.pauses, resumed.reason.as_ref()), (false, None));
        assert_eq!(resumed.action(weeks, &policy()), Action::Push);
        assert_eq!(resumed.deadline, Some(weeks + policy().wait_deadline));
    }
}

#[test]
fn a_paused_connection_gives_the_tenants_slot_back() {
    let import = told(pushing(), NOW, [lost(), claimed(), forbidden()]);
    assert!(import.push_outcome_unknown && !import.holds_slot());
    // The same where another file of the connection is not let in.
    let other = told(pushing(), NOW, [lost(), Event::Paused { reason: Reason::Forbidden }]);
    assert!(other.push_outcome_unknown && !other.holds_slot());
    // When it goes on it has to claim the slot like any other.
    let import = asked(import, NOW, OperatorAction::Resume);
    assert!(import.push_outcome_unknown && !import.holds_slot());
    assert!(told(import, NOW, [claimed(), lost()]).holds_slot());
}

#[test]
fn what_others_build_on_pauses_them_when_it_comes_to_a_bad_end() {
    let mut import = received();
    import.stop_on_rejection = true;
    let rejected = told(import.clone(), NOW, [refused(false)]);
    assert!(rejected.pauses && messages::pause(&rejected).contains("ended as rejected"));
    assert!(!asked(rejected, NOW, OperatorAction::Retry).pauses);
    let superseded = told(import.clone(), NOW, [replaced()]);
    assert!(!superseded.pauses);
    assert!(!asked(import, NOW, OperatorAction::Cancel).pauses);
    assert!(!told(received(), NOW, [refused(false)]).pauses);
}
