//! Operator actions, and the waits that they end.

use super::*;

fn asked(import: Import, now: OffsetDateTime, action: OperatorAction) -> Import {
    after(import, now, [Event::OperatorRequested { action, by: "by somebody".to_owned() }])
}

fn is_conflict(import: &Import, action: OperatorAction) -> bool {
    let event = Event::OperatorRequested { action, by: "by somebody".to_owned() };
    import.clone().apply(event, NOW, &policy()).is_err()
}

fn packed() -> Import {
    after(received(), NOW, [Event::PackStarted, staged()])
}

fn forbidden() -> Event {
    Event::Forbidden { token_tenant: None }
}

fn stuck() -> Import {
    after(pushing(), NOW, [Event::PushRefused { reason: why() }])
}

#[test]
fn each_state_accepts_the_operator_actions_that_make_sense() {
    let cancelled = || asked(packed(), NOW, OperatorAction::Cancel);
    for (import, retry, cancel) in [
        (received(), true, true),
        (packed(), true, true),
        (pushing(), false, false),
        (after(pushing(), NOW, [accepted()]), false, true),
        (after(pushing(), NOW, [accepted(), reported(Status::Completed)]), false, false),
        (after(received(), NOW, [rejected(false)]), true, false),
        (after(received(), NOW, [replaced()]), false, false),
        (stuck(), true, false),
        (cancelled(), false, false),
    ] {
        assert_eq!(!is_conflict(&import, OperatorAction::Retry), retry, "{import:?}");
        assert_eq!(!is_conflict(&import, OperatorAction::Cancel), cancel, "{import:?}");
        assert!(
            is_conflict(&import, OperatorAction::Approve)
                && is_conflict(&import, OperatorAction::Resume),
            "{import:?}"
        );
    }
}

#[test]
fn a_retry_starts_again_and_forgets_the_last_attempt() {
    let lost = after(pushing(), NOW, [lost(), claimed(), accepted(), reported(Status::NotStarted)]);
    let (stuck, took) = until_end(lost, |_, _| vec![reported(Status::NotStarted)]);
    assert_eq!(stuck.state, State::Stuck);
    let late = NOW + took;
    let again = asked(stuck, late, OperatorAction::Retry);
    assert_eq!((again.state, again.action(late, &policy())), (State::Received, Action::Pack));
    assert_eq!((again.ingestion.as_ref(), again.pushed, again.ended), (None, None, None));
    assert_eq!((again.reason.as_ref(), again.holds_slot()), (None, false));
    assert!(again.deadline.unwrap() > late, "it has the full time again");
    let completed =
        [Event::PackStarted, staged(), claimed(), accepted(), reported(Status::Completed)];
    let completed = after(again, late, completed);
    assert_eq!(completed.state, State::Completed);
    assert_eq!(completed.operator_actions.as_deref(), Some("by somebody"));
}

#[test]
fn a_retry_of_a_waiting_import_is_due_now_with_the_full_time() {
    let import = after(pushing(), NOW, [Event::Busy]);
    let import = asked(import, NOW, OperatorAction::Retry);
    assert_eq!((import.state, import.action(NOW, &policy())), (State::Packed, Action::Push));
    let import = asked(import, NOW + Duration::from_hours(1), OperatorAction::Retry);
    assert_eq!(import.deadline, Some(NOW + Duration::from_hours(1) + policy().wait_deadline));
    assert_eq!(import.operator_actions.as_deref(), Some("by somebody; by somebody"));
}

#[test]
fn of_many_actions_the_oldest_are_left_out() {
    let mut import = after(pushing(), NOW, [Event::Busy]);
    for number in 0..2000 {
        let (action, by) = (OperatorAction::Retry, format!("by number {number}"));
        import = after(import, NOW, [Event::OperatorRequested { action, by }]);
    }
    let actions = import.operator_actions.unwrap();
    assert!(actions.starts_with("\u{2026}; by number 1") && actions.ends_with("; by number 1999"));
    assert!((9_000..10_100).contains(&actions.chars().count()), "{}", actions.len());
}

#[test]
fn a_cancelled_import_says_what_the_service_may_have() {
    let says = |import: Import, words: &str| {
        let import = asked(import, NOW, OperatorAction::Cancel);
        assert_eq!((import.state, import.holds_slot()), (State::Cancelled, false));
        let why = text(&import);
        assert!(why.starts_with("Cancelled by somebody") && why.contains(words), "{why}");
    };
    says(packed(), "");
    says(after(pushing(), NOW, [lost()]), "the service may have the file");
    says(after(pushing(), NOW, [accepted()]), "The service has the file as ingestion i");
}

#[test]
fn the_zip_of_a_pack_in_progress_is_deleted_when_the_pack_has_ended() {
    let import = asked(after(received(), NOW, [Event::PackStarted]), NOW, OperatorAction::Cancel);
    let over = NOW + policy().lease;
    assert_eq!(import.action(NOW, &policy()), Action::Wait(over));
    assert_eq!(import.action(over, &policy()), Action::Discard);
    // Nothing was started, so nothing is left.
    assert_eq!(asked(received(), NOW, OperatorAction::Cancel).action(NOW, &policy()), Action::Done);
}

#[test]
fn a_403_pauses_and_waits_for_a_person_without_a_limit() {
    for import in [packed(), pushing()] {
        let import = after(import, NOW, [forbidden()]);
        assert_eq!((import.state, import.pauses), (State::Packed, true));
        let weeks = NOW + Duration::from_hours(14 * 24);
        let later = after(
            import,
            weeks,
            [Event::Paused { reason: Reason::Forbidden { token_tenant: None } }],
        );
        assert_eq!(later.state, State::Packed);
        assert!(text(&later).contains("`viva-import resume hr`"));
        let resumed = asked(later, weeks, OperatorAction::Resume);
        assert_eq!((resumed.pauses, resumed.reason.as_ref()), (false, None));
        assert_eq!(resumed.action(weeks, &policy()), Action::Push);
        assert_eq!(resumed.deadline, Some(weeks + policy().wait_deadline));
    }
}

#[test]
fn a_paused_connection_releases_the_tenants_slot() {
    let import = after(pushing(), NOW, [lost(), claimed(), forbidden()]);
    assert!(import.push_outcome_unknown && !import.holds_slot());
    // The same if another file of the connection got the 403.
    let other = after(
        pushing(),
        NOW,
        [lost(), Event::Paused { reason: Reason::Forbidden { token_tenant: None } }],
    );
    assert!(other.push_outcome_unknown && !other.holds_slot());
    // After resuming it has to claim the slot again.
    let import = asked(import, NOW, OperatorAction::Resume);
    assert!(import.push_outcome_unknown && !import.holds_slot());
    assert!(after(import, NOW, [claimed(), lost()]).holds_slot());
}

#[test]
fn a_rejected_import_pauses_the_later_files_that_build_on_it() {
    let mut import = received();
    import.stop_on_rejection = true;
    let paused = after(import.clone(), NOW, [rejected(false)]);
    assert!(paused.pauses && messages::pause(&paused).contains("was rejected"));
    assert!(!asked(paused, NOW, OperatorAction::Retry).pauses);
    let superseded = after(import.clone(), NOW, [replaced()]);
    assert!(!superseded.pauses);
    assert!(!asked(import, NOW, OperatorAction::Cancel).pauses);
    assert!(!after(received(), NOW, [rejected(false)]).pauses);
}
