//! Where an import has been, and who is to be told.

use super::*;

fn seconds(seconds: u64) -> OffsetDateTime {
    NOW + Duration::from_secs(seconds)
}

/// The stops as `State: told xTimes`.
fn stops(import: &Import) -> Vec<String> {
    let stop = |stop: &HistoryEntry| {
        let told = stop.note.as_ref().map_or("-".to_owned(), |_| messages::note(stop, import));
        let told: String = told.chars().take(30).collect();
        format!("{}: {told} x{}", stop.state.as_ref(), stop.count)
    };
    import.history.iter().map(stop).collect()
}

fn forbidden() -> Event {
    Event::Forbidden
}

fn asked(action: OperatorAction) -> Event {
    Event::OperatorRequested { action, by: "by ana".to_owned() }
}

/// An import whose connection has somebody told.
fn telling() -> Import {
    Import { notify_enabled: true, ..received() }
}

fn occasion(import: &Import) -> Option<NotificationKind> {
    import.notification.as_ref().map(|message| message.kind)
}

#[test]
fn a_file_that_goes_straight_through_has_a_stop_for_each_state_and_word_of_the_service() {
    let events = [
        Event::PackStarted,
        staged(),
        claimed(),
        accepted(),
        said(Status::NotStarted),
        said(Status::ExtractionComplete),
        said(Status::ExtractionComplete),
        said(Status::Completed),
        Event::Discarded,
    ];
    assert_eq!(
        stops(&told(received(), NOW, events)),
        [
            "received: - x1",
            "packed: checked and packed, rows: 3, p x1",
            "pushing: pushed to the scale unit unit x1",
            "ingesting: the service says NotStarted x1",
            "ingesting: the service says ExtractionCom x1",
            "completed: - x1",
        ]
    );
}

#[test]
fn a_service_that_is_busy_for_days_is_one_stop_with_a_number() {
    let mut import = told(received(), NOW, [Event::PackStarted, staged()]);
    for time in 1..=300 {
        import = told(import, seconds(time * 600), [claimed(), Event::Busy]);
    }
    assert_eq!(
        stops(&import),
        [
            "received: - x1",
            "packed: checked and packed, rows: 3, p x1",
            "pushing: pushed to the scale unit unit x1",
            "packed: the service has not finished t x300",
        ]
    );
    let busy = import.history.last().unwrap();
    assert_eq!((busy.at, busy.last_seen), (seconds(600), seconds(300 * 600)));
    let import = told(import, seconds(200_000), [claimed(), accepted()]);
    assert_eq!(import.history.len(), 6);
}

#[test]
fn the_same_failure_is_counted_and_another_is_another_stop_and_a_step_that_begins_counts_nothing() {
    let fault = |why: &str| Event::TransientFailure {
        reason: Reason::StorageFailed { detail: why.into() },
        retry_at: None,
    };
    let events = [
        Event::PackStarted,
        fault("one"),
        Event::PackStarted,
        fault("one"),
        Event::PackStarted,
        fault("two"),
    ];
    let import = told(received(), NOW, events);
    assert_eq!(
        stops(&import),
        ["received: - x1", "received: storage: one x2", "received: storage: two x1"]
    );
}

#[test]
fn the_longest_journal_keeps_its_first_and_its_last_stops() {
    let mut import = received();
    for number in 0..200 {
        let reason = Reason::StorageFailed { detail: format!("{number}").into() };
        import = told(import, NOW, [Event::TransientFailure { reason, retry_at: None }]);
    }
    assert_eq!(import.history.len(), 40);
    assert_eq!(import.history[0].note, None);
    assert_eq!(stops(&import).last().unwrap(), "received: storage: 199 x1");
}

#[test]
fn what_a_person_asks_for_is_a_stop() {
    let import =
        told(received(), NOW, [Event::PackStarted, refused(false), asked(OperatorAction::Retry)]);
    assert_eq!(
        stops(&import),
        ["received: - x1", "rejected: 3 problems; the first: why (V0 x1", "received: by ana x1"]
    );
    let import = told(pushing(), NOW, [accepted(), asked(OperatorAction::Cancel)]);
    let last = import.history.last().unwrap();
    assert_eq!(last.state, State::Cancelled);
    assert!(messages::note(last, &import).starts_with("by ana; the service has it as ingestion i"));
}

#[test]
fn each_occasion_is_noted_where_somebody_wants_to_be_told_and_nowhere_else() {
    let stuck = || Event::PushRefused { reason: why() };
    let pushing = [Event::PackStarted, staged(), claimed()];
    let completed = [accepted(), said(Status::Completed)];
    for (events, expected) in [
        (vec![Event::PackStarted, refused(false)], Some(NotificationKind::Rejected)),
        ([&pushing[..], &[stuck()]].concat(), Some(NotificationKind::Stuck)),
        ([&pushing[..], &[forbidden()]].concat(), Some(NotificationKind::Forbidden)),
        ([&pushing[..], &completed].concat(), Some(NotificationKind::Completed)),
        (vec![replaced()], None),
        (vec![asked(OperatorAction::Cancel)], None),
        ([&pushing[..], &[Event::Busy]].concat(), None),
    ] {
        assert_eq!(occasion(&told(telling(), NOW, events.clone())), expected, "{events:?}");
        assert_eq!(occasion(&told(received(), NOW, events)), None);
    }
}

#[test]
fn a_success_is_told_first_and_then_that_it_is_the_first_after_a_failure() {
    let completed = [Event::PackStarted, staged(), claimed(), accepted(), said(Status::Completed)];
    let ended = told(telling(), NOW, completed);
    let mut given_up = ended.clone();
    while occasion(&given_up) == Some(NotificationKind::Completed) {
        given_up = not_sent_to(given_up, NOW);
    }
    let later = seconds(60);
    let after = |event| told(ended.clone(), later, [Event::Notification(event)]);
    for next in [after(NotificationEvent::Sent), after(NotificationEvent::Dropped), given_up] {
        let message = next.notification.clone().unwrap();
        assert_eq!(message.kind, NotificationKind::Recovered);
        assert_eq!((message.since, message.failures), (NOW, 0));
        assert!(message.due <= later && !next.was_in_need());
        let done = told(next, later, [Event::Notification(NotificationEvent::Dropped)]);
        assert_eq!(occasion(&done), None);
    }
    let failing = not_sent_to(ended, NOW);
    assert_eq!(occasion(&failing), Some(NotificationKind::Completed), "it is tried again");
}

#[test]
fn a_message_lasts_as_long_as_what_it_tells_of() {
    let rejected = told(telling(), NOW, [Event::PackStarted, refused(false)]);
    let cleaned_up = told(rejected.clone(), NOW, [Event::Discarded]);
    assert_eq!(occasion(&cleaned_up), Some(NotificationKind::Rejected));
    assert_eq!(
        occasion(&told(rejected, NOW, [asked(OperatorAction::Retry)])),
        None,
        "a person has come"
    );
    let paused = told(telling(), NOW, [Event::PackStarted, staged(), claimed(), forbidden()]);
    let waits = told(paused.clone(), seconds(600), [Event::Paused { reason: Reason::Forbidden }]);
    assert_eq!(occasion(&waits), Some(NotificationKind::Forbidden));
    assert_eq!(waits.notification.unwrap().since, NOW, "one occasion, however long it waits");
    assert_eq!(occasion(&told(paused.clone(), NOW, [asked(OperatorAction::Resume)])), None);
    // Superseded, it still pauses its connection; given up, it does not.
    let overtaken = told(paused.clone(), NOW, [overtaken()]);
    assert_eq!(occasion(&overtaken), Some(NotificationKind::Forbidden));
    assert_eq!(occasion(&told(overtaken, NOW, [asked(OperatorAction::Resume)])), None);
    assert_eq!(occasion(&told(paused, NOW, [asked(OperatorAction::Cancel)])), None);
}

/// What becomes of an import whose notification could not be sent.
fn not_sent_to(import: Import, now: OffsetDateTime) -> Import {
    told(
        import,
        now,
        [Event::Notification(NotificationEvent::Failed { why: "nobody is there".into() })],
    )
}

#[test]
fn who_notifies_has_it_for_a_while_and_what_fails_is_tried_rarer_and_at_last_given_up() {
    let policy = policy();
    let import = told(telling(), NOW, [Event::PackStarted, refused(false)]);
    assert!(import.message_due(NOW, &policy).is_some());
    let claimed = told(import.clone(), NOW, [Event::Notification(NotificationEvent::Began)]);
    assert!(claimed.message_due(NOW, &policy).is_none());
    let later = NOW + policy.step_timeout;
    assert!(claimed.message_due(later, &policy).is_some(), "whoever had it has died");
    let done = told(claimed, NOW, [Event::Notification(NotificationEvent::Sent)]);
    let sent = Sent { kind: NotificationKind::Rejected, at: NOW, outcome: Delivery::Delivered };
    assert_eq!(done.notifications_sent, [sent]);
    assert!(done.notification.is_none() && done.was_told(NotificationKind::Rejected));
    assert_eq!(
        told(import.clone(), NOW, [Event::Notification(NotificationEvent::Dropped)])
            .notifications_sent,
        []
    );

    let (mut failing, mut now, mut tries) = (import.clone(), NOW, 0);
    while let Some(message) = &failing.notification {
        now = message.due;
        failing = not_sent_to(failing, now);
        tries += 1;
    }
    assert_eq!(tries, 20);
    let hours = (now - NOW).whole_hours();
    assert!((8..12).contains(&hours), "{hours} hours");
    let given_up = messages::notifications(&failing).unwrap();
    assert!(given_up.starts_with("rejected could not be told until"), "{given_up}");
    assert!(!failing.was_told(NotificationKind::Rejected));

    // A clock that was wrong does not keep a message for years.
    let mut wrong = import;
    wrong.notification.as_mut().unwrap().due = NOW + Duration::from_hours(24 * 365);
    assert!(wrong.message_due(NOW, &policy).is_some());
}

#[test]
fn what_becomes_of_a_notification_moves_nothing_and_needs_one() {
    let waits = told(telling(), NOW, [Event::PackStarted, refused(false)]);
    let failed =
        || Event::Notification(NotificationEvent::Failed { why: "nobody is there".into() });
    let late = NOW + Duration::from_hours(48);
    for event in [
        Event::Notification(NotificationEvent::Began),
        Event::Notification(NotificationEvent::Sent),
        failed(),
    ] {
        let after = told(waits.clone(), late, [event.clone()]);
        let (message, sent) = (waits.notification.clone(), waits.notifications_sent.clone());
        assert_eq!(
            Import { notification: message, notifications_sent: sent, ..after },
            waits,
            "{event:?}"
        );
        received().apply(event, NOW, &policy()).unwrap_err();
    }
    received().apply(Event::Notification(NotificationEvent::Dropped), NOW, &policy()).unwrap_err();
}

#[test]
fn that_nothing_has_come_is_noted_once_at_the_last_import_that_ended() {
    assert!(!telling().can_be_overdue(), "it is under way");
    assert!(!told(received(), NOW, [replaced()]).can_be_overdue(), "nobody wants to know");
    let rejected = told(telling(), NOW, [Event::PackStarted, refused(false)]);
    assert!(!rejected.can_be_overdue(), "that it was rejected is told first");
    rejected
        .clone()
        .apply(Event::Notification(NotificationEvent::Overdue), NOW, &policy())
        .unwrap_err();
    let ended = told(rejected, NOW, [Event::Notification(NotificationEvent::Sent)]);
    let noted = told(ended, NOW, [Event::Notification(NotificationEvent::Overdue)]);
    assert_eq!(occasion(&noted), Some(NotificationKind::Overdue));
    assert!(!noted.can_be_overdue());
    let once = told(noted, NOW, [Event::Notification(NotificationEvent::Sent)]);
    assert!(once.was_told(NotificationKind::Rejected) && once.was_told(NotificationKind::Overdue));
    assert!(!once.can_be_overdue());

    // Given up, it is not noted again with each hour.
    let mut failing = told(
        Import { notifications_sent: vec![], ..once },
        NOW,
        [Event::Notification(NotificationEvent::Overdue)],
    );
    while failing.notification.is_some() {
        failing = not_sent_to(failing, NOW);
    }
    assert!(!failing.can_be_overdue());
}

#[test]
fn of_what_was_told_the_last_is_kept() {
    let mut import = told(telling(), NOW, [Event::PackStarted, refused(false)]);
    for _ in 0..200 {
        let again = [
            Event::Notification(NotificationEvent::Sent),
            asked(OperatorAction::Retry),
            Event::PackStarted,
            refused(false),
        ];
        import = told(import, NOW, again);
    }
    let kept =
        told(import, NOW + Duration::from_secs(1), [Event::Notification(NotificationEvent::Sent)])
            .notifications_sent;
    assert_eq!((kept.len(), kept[9].at), (10, NOW + Duration::from_secs(1)));
}
