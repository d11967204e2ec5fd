//! Imports that wait until a person corrects a connection or its credential.

use super::*;

#[test]
fn a_wait_for_a_correction_has_no_limit() {
    let reason = || Reason::CredentialFailed { detail: "why".into() };
    let failed = || Event::TransientFailure { reason: reason(), retry_at: None };
    let packed = after(received(), NOW, [Event::PackStarted, staged()]);
    let ingesting = after(pushing(), NOW, [accepted()]);
    for import in [received(), packed, ingesting] {
        let left = import.deadline.unwrap() - NOW;
        let (state, mut import) = (import.state, after(import, NOW, [failed()]));
        for turn in 0..30 * 96 {
            // Each step is a little late.
            let now = import.due.unwrap() + Duration::from_secs(40);
            let event = if turn % 2 == 0 { failed() } else { Event::StillWaiting };
            import = after(import, now, [event]);
        }
        let month = NOW + Duration::from_hours(30 * 24);
        assert_eq!((import.state, import.reason.as_ref()), (state, Some(&reason())));
        assert!(import.due.unwrap() > month && import.needs_person() && !import.holds_slot());
        // After that the rest of its time remains.
        let now = import.due.unwrap() + Duration::from_secs(40);
        let corrected = after(import, now, [Event::Corrected]);
        assert_eq!((corrected.reason.as_ref(), corrected.due), (None, Some(now)));
        assert_eq!(corrected.deadline.unwrap() - now, left);
    }
}

#[test]
fn a_failure_without_a_correction_ends_at_the_deadline() {
    let poll_failed = || Event::TransientFailure {
        reason: Reason::PollRefused {
            operation: reason::Operation::Status,
            status: 404,
            codes: vec![],
        },
        retry_at: None,
    };
    let (import, took) = until_end(after(pushing(), NOW, [accepted()]), |_, _| vec![poll_failed()]);
    assert_eq!((import.state, took.whole_hours()), (State::Stuck, 24));
}

#[test]
fn a_blocking_reason_still_counts_while_the_import_waits_for_something_else() {
    let reason = || Reason::CredentialFailed { detail: "why".into() };
    let packed = after(received(), NOW, [Event::PackStarted, staged()]);
    let import = after(packed, NOW, [Event::TransientFailure { reason: reason(), retry_at: None }]);
    let code = Some(reason().code());
    for event in [failed(), Event::SlotTaken { by: "0".to_owned() }, claimed()] {
        let import = after(import.clone(), NOW, [event]);
        assert!(import.blocked == code && import.needs_person() && import.waits_for_correction());
    }
    assert_eq!(after(import.clone(), NOW, [Event::Corrected]).blocked, None);
    for event in [Event::Busy, push_failed(), lost()] {
        assert_eq!(after(import.clone(), NOW, [claimed(), event]).blocked, None);
    }
    assert_eq!(after(import.clone(), NOW, [claimed(), not_sent()]).blocked, code);
    assert_eq!(after(import.clone(), NOW, [claimed(), accepted()]).blocked, None);
    assert_eq!(after(import, NOW, [superseded()]).blocked, None);
}

#[test]
fn a_403_to_the_status_poll_waits_for_a_person_and_pauses_nothing() {
    let forbidden = || Event::TransientFailure { reason: Reason::PollForbidden, retry_at: None };
    let mut import =
        after(Import { notify_enabled: true, ..pushing() }, NOW, [accepted(), forbidden()]);
    assert_eq!(import.blocked, Some(ReasonCode::PollForbidden));
    assert!(import.needs_person() && import.waits_for_correction() && !import.pauses);
    assert_eq!(import.notification.as_ref().unwrap().kind, NotificationKind::Forbidden);
    let left = import.deadline.unwrap() - import.due.unwrap();
    for _ in 0..30 * 96 {
        let now = import.due.unwrap();
        import = after(import, now, [forbidden()]);
    }
    assert!(import.state == State::Ingesting && !import.holds_slot());
    let now = import.due.unwrap();
    assert_eq!(import.deadline.unwrap() - now, left);
    let import = after(import, now, [reported(Status::NotStarted)]);
    assert_eq!((import.state, import.blocked, import.notification), (State::Ingesting, None, None));
}

#[test]
fn a_wait_for_another_import_does_not_count_however_late_its_steps_are() {
    let packed = after(received(), NOW, [Event::PackStarted, staged()]);
    let left = packed.deadline.unwrap() - NOW;
    let pausing = Reason::ConnectionPaused {
        connection: "hr".into(),
        file: "inbox/hr/a.csv".into(),
        import: "0".into(),
        cause: reason::PauseCause::Rejected,
    };
    for event in [Event::Paused { reason: pausing }, Event::SlotTaken { by: "0".to_owned() }] {
        let mut import = after(packed.clone(), NOW, [event.clone()]);
        for _ in 0..30 * 24 {
            let now = import.due.unwrap() + Duration::from_secs(50);
            import = after(import, now, [event.clone()]);
        }
        assert_eq!(import.deadline.unwrap() - import.due.unwrap(), left, "{event:?}");
    }
}

#[test]
fn an_ingestion_that_cannot_be_polled_keeps_the_slot_no_longer_than_it_may_take() {
    let reason = || Reason::CredentialFailed { detail: "why".into() };
    let failed = || Event::TransientFailure { reason: reason(), retry_at: None };
    let import = after(pushing(), NOW, [accepted(), failed()]);
    assert!(import.holds_slot());
    let late = NOW + policy().ingestion_deadline;
    let import = after(import, late, [failed()]);
    assert!(!import.holds_slot() && import.state == State::Ingesting);
    assert_eq!(after(import, late, [reported(Status::Completed)]).state, State::Completed);
}

#[test]
fn an_answer_of_the_service_ends_only_the_reasons_that_it_disproves() {
    let fault = |reason| Event::TransientFailure { reason, retry_at: None };
    let credential = || Reason::CredentialFailed { detail: "why".into() };
    let rejected = || Reason::TokenRejected { status: 401 };
    let unreachable = || Reason::ServiceUnreachable { detail: "why".into() };
    let unavailable = || {
        let operation = reason::Operation::Status;
        Reason::ServiceUnavailable { operation, status: 503 }
    };
    let poll_failed = || {
        let operation = reason::Operation::Status;
        Reason::PollRefused { operation, status: 404, codes: vec![] }
    };
    for (blocked, since, is_over) in [
        (credential(), why(), false),
        (credential(), Reason::SignInUnavailable { detail: "why".into() }, false),
        (credential(), unreachable(), true),
        (credential(), unavailable(), true),
        (rejected(), unavailable(), false),
        (rejected(), poll_failed(), true),
        (Reason::PollForbidden, unavailable(), false),
        (Reason::PollForbidden, poll_failed(), true),
    ] {
        let import = after(pushing(), NOW, [accepted(), fault(blocked.clone())]);
        assert_eq!(import.blocked, Some(blocked.code()));
        let import = after(import, NOW, [fault(since.clone())]);
        assert_eq!(import.blocked.is_none(), is_over, "{blocked:?}, then {since:?}");
    }
}

#[test]
fn a_retry_shows_no_correction_and_is_tried_anyway() {
    let reason = || Reason::CredentialFailed { detail: "why".into() };
    let failed = || Event::TransientFailure { reason: reason(), retry_at: None };
    let packed = after(received(), NOW, [Event::PackStarted, staged()]);
    let waits = after(packed, NOW, [failed()]);
    let retry = Event::OperatorRequested { action: OperatorAction::Retry, by: "by ana".to_owned() };
    assert!(!retry.shows_correction());
    let tried = after(waits.clone(), NOW, [retry]);
    assert_eq!((tried.blocked, tried.due), (Some(reason().code()), Some(NOW)));
    assert!(!tried.waits_now(), "it is tried though another waits for the same");
    assert_eq!(tried.action(NOW, &policy()), Action::Push);
    let again = after(tried, NOW, [failed()]);
    assert_eq!(again.notification, waits.notification, "it is sent once");
}

#[test]
fn a_pause_outlives_a_file_that_is_superseded() {
    let paused = after(
        received(),
        NOW,
        [Event::PackStarted, staged(), Event::Forbidden { token_tenant: None }],
    );
    let superseded = after(paused, NOW, [superseded()]);
    assert!(superseded.is_forbidden() && superseded.needs_person());
    assert_eq!(superseded.blocked, Some(ReasonCode::Forbidden));
    let action = messages::action(&superseded);
    assert!(action.contains("resume the connection"), "{action}");
    let resume =
        Event::OperatorRequested { action: OperatorAction::Resume, by: "by ana".to_owned() };
    let resumed = after(superseded, NOW, [resume]);
    assert_eq!((resumed.state, resumed.blocked), (State::Superseded, None));
    assert!(!resumed.needs_person() && !resumed.is_forbidden());
}
