//! The history of an import, and its notifications.

use super::*;

fn seconds(seconds: u64) -> OffsetDateTime {
    NOW + Duration::from_secs(seconds)
}

/// The entries as `state: text xCount`.
fn entries(import: &Import) -> Vec<String> {
    let entry = |entry: &HistoryEntry| {
        let text = entry.note.as_ref().map_or("-".to_owned(), |_| messages::note(entry, import));
        let text: String = text.chars().take(30).collect();
        format!("{}: {text} x{}", entry.state.as_ref(), entry.count)
    };
    import.history.iter().map(entry).collect()
}

fn forbidden() -> Event {
    Event::Forbidden { token_tenant: None }
}

fn asked(action: OperatorAction) -> Event {
    Event::OperatorRequested { action, by: "by ana".to_owned() }
}

/// An import that sends notifications.
fn notifying() -> Import {
    Import { notify_enabled: true, ..received() }
}

fn kind(import: &Import) -> Option<NotificationKind> {
    import.notification.as_ref().map(|message| message.kind)
}

#[test]
fn a_straight_import_has_an_entry_for_each_state_and_each_status_of_the_service() {
    let events = [
        Event::PackStarted,
        staged(),
        claimed(),
        accepted(),
        reported(Status::NotStarted),
        reported(Status::ExtractionComplete),
        reported(Status::ExtractionComplete),
        reported(Status::Completed),
        Event::Discarded,
    ];
    assert_eq!(
        entries(&after(received(), NOW, events)),
        [
            "received: - x1",
            "packed: Checked and packed: 3 rows, 2  x1",
            "pushing: Push to scale unit unit starte x1",
            "ingesting: Service status: NotStarted. x1",
            "ingesting: Service status: ExtractionComp x1",
            "completed: - x1",
        ]
    );
}

#[test]
fn a_service_that_is_busy_for_days_is_one_entry_with_a_count() {
    let mut import = after(received(), NOW, [Event::PackStarted, staged()]);
    for time in 1..=300 {
        import = after(import, seconds(time * 600), [claimed(), Event::Busy]);
    }
    assert_eq!(
        entries(&import),
        [
            "received: - x1",
            "packed: Checked and packed: 3 rows, 2  x1",
            "pushing: Push to scale unit unit starte x1",
            "packed: The service has not finished t x300",
        ]
    );
    let busy = import.history.last().unwrap();
    assert_eq!((busy.at, busy.last_seen), (seconds(600), seconds(300 * 600)));
    let import = after(import, seconds(200_000), [claimed(), accepted()]);
    assert_eq!(import.history.len(), 6);
}

#[test]
fn the_same_failure_is_counted_another_one_is_a_new_entry_and_a_start_counts_nothing() {
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
    let import = after(received(), NOW, events);
    assert_eq!(
        entries(&import),
        [
            "received: - x1",
            "received: Storage failed: one. x2",
            "received: Storage failed: two. x1"
        ]
    );
}

#[test]
fn the_longest_history_keeps_its_first_and_its_last_entries() {
    let mut import = received();
    for number in 0..200 {
        let reason = Reason::StorageFailed { detail: format!("{number}").into() };
        import = after(import, NOW, [Event::TransientFailure { reason, retry_at: None }]);
    }
    assert_eq!(import.history.len(), 40);
    assert_eq!(import.history[0].note, None);
    assert_eq!(entries(&import).last().unwrap(), "received: Storage failed: 199. x1");
}

#[test]
fn an_operator_action_is_an_entry() {
    let import =
        after(received(), NOW, [Event::PackStarted, rejected(false), asked(OperatorAction::Retry)]);
    assert_eq!(
        entries(&import),
        [
            "received: - x1",
            "rejected: 3 errors. Rule V01: why. x1",
            "received: Requested by ana. x1"
        ]
    );
    let import = after(pushing(), NOW, [accepted(), asked(OperatorAction::Cancel)]);
    let last = import.history.last().unwrap();
    assert_eq!(last.state, State::Cancelled);
    let note = messages::note(last, &import);
    assert!(
        note.starts_with("Cancelled by ana. The service has the file as ingestion i"),
        "{note}"
    );
}

#[test]
fn each_event_sets_its_notification_if_notifications_are_sent() {
    let stuck = || Event::PushRefused { reason: why() };
    let pushing = [Event::PackStarted, staged(), claimed()];
    let completed = [accepted(), reported(Status::Completed)];
    for (events, expected) in [
        (vec![Event::PackStarted, rejected(false)], Some(NotificationKind::Rejected)),
        ([&pushing[..], &[stuck()]].concat(), Some(NotificationKind::Stuck)),
        ([&pushing[..], &[forbidden()]].concat(), Some(NotificationKind::Forbidden)),
        ([&pushing[..], &completed].concat(), Some(NotificationKind::Completed)),
        (vec![replaced()], None),
        (vec![asked(OperatorAction::Cancel)], None),
        ([&pushing[..], &[Event::Busy]].concat(), None),
    ] {
        assert_eq!(kind(&after(notifying(), NOW, events.clone())), expected, "{events:?}");
        assert_eq!(kind(&after(received(), NOW, events)), None);
    }
}

#[test]
fn a_success_is_notified_first_and_then_that_it_is_the_first_after_a_failure() {
    let completed =
        [Event::PackStarted, staged(), claimed(), accepted(), reported(Status::Completed)];
    let ended = after(notifying(), NOW, completed);
    let mut given_up = ended.clone();
    while kind(&given_up) == Some(NotificationKind::Completed) {
        given_up = not_sent_to(given_up, NOW);
    }
    let later = seconds(60);
    let with = |event| after(ended.clone(), later, [Event::Notification(event)]);
    for next in [with(NotificationEvent::Sent), with(NotificationEvent::Dropped), given_up] {
        let message = next.notification.clone().unwrap();
        assert_eq!(message.kind, NotificationKind::Recovered);
        assert_eq!((message.since, message.failures), (NOW, 0));
        assert!(message.due <= later && next.times_in_need() == 0);
        let done = after(next, later, [Event::Notification(NotificationEvent::Dropped)]);
        assert_eq!(kind(&done), None);
    }
    let failing = not_sent_to(ended, NOW);
    assert_eq!(kind(&failing), Some(NotificationKind::Completed), "it is tried again");
}

#[test]
fn a_notification_lasts_as_long_as_its_event() {
    let rejected = after(notifying(), NOW, [Event::PackStarted, rejected(false)]);
    let cleaned_up = after(rejected.clone(), NOW, [Event::Discarded]);
    assert_eq!(kind(&cleaned_up), Some(NotificationKind::Rejected));
    assert_eq!(
        kind(&after(rejected, NOW, [asked(OperatorAction::Retry)])),
        None,
        "an operator has acted"
    );
    let paused = after(notifying(), NOW, [Event::PackStarted, staged(), claimed(), forbidden()]);
    let waits = after(
        paused.clone(),
        seconds(600),
        [Event::Paused { reason: Reason::Forbidden { token_tenant: None } }],
    );
    assert_eq!(kind(&waits), Some(NotificationKind::Forbidden));
    assert_eq!(waits.notification.unwrap().since, NOW, "one event, however long it waits");
    assert_eq!(kind(&after(paused.clone(), NOW, [asked(OperatorAction::Resume)])), None);
    // A superseded import still pauses its connection; a cancelled one does not.
    let overtaken = after(paused.clone(), NOW, [superseded()]);
    assert_eq!(kind(&overtaken), Some(NotificationKind::Forbidden));
    assert_eq!(kind(&after(overtaken, NOW, [asked(OperatorAction::Resume)])), None);
    assert_eq!(kind(&after(paused, NOW, [asked(OperatorAction::Cancel)])), None);
}

/// An import after a failed attempt to send its notification.
fn not_sent_to(import: Import, now: OffsetDateTime) -> Import {
    after(import, now, [Event::Notification(NotificationEvent::Failed { why: "no answer".into() })])
}

#[test]
fn a_notification_is_claimed_for_a_while_and_a_failed_one_is_retried_up_to_a_limit() {
    let policy = policy();
    let import = after(notifying(), NOW, [Event::PackStarted, rejected(false)]);
    assert!(import.message_due(NOW, &policy).is_some());
    let claimed = after(import.clone(), NOW, [Event::Notification(NotificationEvent::Began)]);
    assert!(claimed.message_due(NOW, &policy).is_none());
    let later = NOW + policy.step_timeout;
    assert!(claimed.message_due(later, &policy).is_some(), "the sending instance has died");
    let done = after(claimed, NOW, [Event::Notification(NotificationEvent::Sent)]);
    let sent = Sent { kind: NotificationKind::Rejected, at: NOW, outcome: Delivery::Delivered };
    assert_eq!(done.notifications_sent, [sent]);
    assert!(done.notification.is_none() && done.was_notified(NotificationKind::Rejected));
    assert_eq!(
        after(import.clone(), NOW, [Event::Notification(NotificationEvent::Dropped)])
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
    assert!(given_up.starts_with("rejected not sent, last attempt at "), "{given_up}");
    assert!(!failing.was_notified(NotificationKind::Rejected));

    // A wrong clock does not delay a notification for years.
    let mut wrong = import;
    wrong.notification.as_mut().unwrap().due = NOW + Duration::from_hours(24 * 365);
    assert!(wrong.message_due(NOW, &policy).is_some());
}

#[test]
fn a_change_of_a_notification_moves_nothing_and_needs_a_notification() {
    let waits = after(notifying(), NOW, [Event::PackStarted, rejected(false)]);
    let failed = || Event::Notification(NotificationEvent::Failed { why: "no answer".into() });
    let late = NOW + Duration::from_hours(48);
    for event in [
        Event::Notification(NotificationEvent::Began),
        Event::Notification(NotificationEvent::Sent),
        failed(),
    ] {
        let after = after(waits.clone(), late, [event.clone()]);
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
fn an_overdue_file_is_noted_once_at_the_last_import_that_ended() {
    assert!(!notifying().can_be_overdue(), "it is in progress");
    assert!(!after(received(), NOW, [replaced()]).can_be_overdue(), "no notifications are sent");
    let rejected = after(notifying(), NOW, [Event::PackStarted, rejected(false)]);
    assert!(!rejected.can_be_overdue(), "the rejection is sent first");
    rejected
        .clone()
        .apply(Event::Notification(NotificationEvent::Overdue), NOW, &policy())
        .unwrap_err();
    let ended = after(rejected, NOW, [Event::Notification(NotificationEvent::Sent)]);
    let noted = after(ended, NOW, [Event::Notification(NotificationEvent::Overdue)]);
    assert_eq!(kind(&noted), Some(NotificationKind::Overdue));
    assert!(!noted.can_be_overdue());
    let once = after(noted, NOW, [Event::Notification(NotificationEvent::Sent)]);
    assert!(
        once.was_notified(NotificationKind::Rejected)
            && once.was_notified(NotificationKind::Overdue)
    );
    assert!(!once.can_be_overdue());

    // After all attempts failed, it is not noted again.
    let mut failing = after(
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
fn the_last_sent_notifications_are_kept() {
    let mut import = after(notifying(), NOW, [Event::PackStarted, rejected(false)]);
    for _ in 0..200 {
        let again = [
            Event::Notification(NotificationEvent::Sent),
            asked(OperatorAction::Retry),
            Event::PackStarted,
            rejected(false),
        ];
        import = after(import, NOW, again);
    }
    let kept =
        after(import, NOW + Duration::from_secs(1), [Event::Notification(NotificationEvent::Sent)])
            .notifications_sent;
    assert_eq!((kept.len(), kept[9].at), (10, NOW + Duration::from_secs(1)));
}
