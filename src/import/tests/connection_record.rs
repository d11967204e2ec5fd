//! The record of a connection, and which import notifies.

use super::*;
use crate::import::connection_record::ConnectionRecord;

fn no_credential() -> Event {
    let reason = Reason::CredentialFailed { detail: "why".into() };
    Event::TransientFailure { reason, retry_at: None }
}

/// A packed import; `notifies` is whether notifications are sent.
fn packed(key: &str, notifies: bool) -> Import {
    let id = ImportId { tenant: "t".to_owned(), key: key.to_owned() };
    after(
        Import { id, notify_enabled: notifies, ..received() },
        NOW,
        [Event::PackStarted, staged()],
    )
}

/// An import after an event, recorded in the record.
fn noted(record: &mut ConnectionRecord, before: &Import, event: Event) -> (Import, bool) {
    let mut next = after(before.clone(), NOW, [event]);
    let is_first =
        !ConnectionRecord::is_moved_by(before, &next) || record.moved(before, &mut next, NOW);
    (next, is_first)
}

#[test]
fn one_import_notifies_and_the_next_one_does_if_the_first_cannot() {
    let record = &mut ConnectionRecord::default();
    let (silent, is_first) = noted(record, &packed("1", false), no_credential());
    assert!(is_first && silent.notification.is_none());
    // From the second import on, notifications are sent.
    let (second, is_first) = noted(record, &packed("2", true), no_credential());
    assert!(!is_first && second.notification.is_some());
    let (third, _) = noted(record, &packed("3", true), no_credential());
    assert!(third.notification.is_none());
    // All attempts fail, and the next waiting import tries again.
    let mut second = second;
    while second.notification.is_some() {
        let event = NotificationEvent::Failed { why: "no answer".into() };
        second = noted(record, &second, Event::Notification(event)).0;
    }
    let (fourth, _) = noted(record, &packed("4", true), no_credential());
    assert!(fourth.notification.is_some());
    // After one was sent, no other import notifies, even when that import has ended.
    let sent = Event::Notification(NotificationEvent::Sent);
    let (fourth, _) = noted(record, &fourth, sent);
    noted(record, &fourth, superseded());
    let (fifth, _) = noted(record, &packed("5", true), no_credential());
    assert!(fifth.notification.is_none());
    assert_eq!(record.notified[0].waiting, 4);
    for import in [silent, second, third, fifth] {
        noted(record, &import, Event::Corrected);
    }
    assert_eq!(record.notified, []);
}

#[test]
fn a_superseded_import_leaves_its_notification_to_the_next_one() {
    let record = &mut ConnectionRecord::default();
    let (first, _) = noted(record, &packed("1", true), no_credential());
    let (second, _) = noted(record, &packed("2", true), no_credential());
    assert!(first.notification.is_some() && second.notification.is_none());
    noted(record, &first, superseded());
    let (third, _) = noted(record, &packed("3", true), no_credential());
    assert!(third.notification.is_some());
}

#[test]
fn a_pause_is_recorded_until_it_is_resumed() {
    let record = &mut ConnectionRecord::default();
    let (paused, is_first) =
        noted(record, &packed("1", true), Event::Forbidden { token_tenant: None });
    assert!(is_first && record.has_waiting());
    let (superseded, _) = noted(record, &paused, superseded());
    assert_eq!((record.paused_by.len(), record.notified.len()), (1, 1));
    let resume =
        Event::OperatorRequested { action: OperatorAction::Resume, by: "by ana".to_owned() };
    noted(record, &superseded, resume);
    assert!(!record.has_waiting());
}

#[test]
fn an_import_with_a_new_reason_leaves_the_old_notification_to_the_next_one() {
    let record = &mut ConnectionRecord::default();
    let (first, _) = noted(record, &packed("1", true), no_credential());
    let (second, _) = noted(record, &packed("2", true), no_credential());
    assert!(first.notification.is_some() && second.notification.is_none());
    let reason = Reason::ConnectionMissing { connection: "hr".into() };
    let (first, _) = noted(record, &first, Event::TransientFailure { reason, retry_at: None });
    assert_eq!(first.notification.unwrap().kind, NotificationKind::ConnectionInvalid);
    let (third, _) = noted(record, &packed("3", true), no_credential());
    assert_eq!(third.notification.unwrap().kind, NotificationKind::CredentialFailed);
}

#[test]
fn an_overdue_file_is_reported_once_until_the_wait_begins_anew() {
    let policy = policy();
    let (stored, soon) = (NOW - Duration::from_hours(24 * 8), NOW + Duration::from_mins(1));
    let mut record = ConnectionRecord::default();
    assert_eq!(record.overdue_begins(stored, NOW, &policy), Some(NOW));
    assert_eq!(record.overdue_begins(stored, soon, &policy), None, "another instance sends it");
    let died = NOW + policy.step_timeout;
    assert_eq!(record.overdue_begins(stored, died, &policy), Some(NOW), "the same event");
    assert_eq!(record.overdue_ended(NOW, Some(&"away".into()), died, &policy), Some(()));
    assert_eq!(record.overdue_begins(stored, died, &policy), None, "not at once");
    let mut failing = record.clone();
    let mut tries = 1;
    let mut now = died;
    while failing.overdue.as_ref().unwrap().outcome.is_none() {
        now = failing.overdue.as_ref().unwrap().due;
        assert_eq!(failing.overdue_begins(stored, now, &policy), Some(NOW));
        failing.overdue_ended(NOW, Some(&"away".into()), now, &policy);
        tries += 1;
    }
    assert_eq!((tries, failing.has_failed), (20, false));
    assert_eq!(failing.overdue_begins(stored, now + Duration::from_hours(24), &policy), None);

    let due = record.overdue.as_ref().unwrap().due;
    assert_eq!(record.overdue_begins(stored, due, &policy), Some(NOW));
    record.overdue_ended(NOW, None, due, &policy);
    assert!(record.has_failed, "the next file recovers");
    assert_eq!(record.overdue_begins(stored, due + Duration::from_hours(24), &policy), None);
    // The document was stored again, and the earlier report is over.
    let again = due + Duration::from_hours(24 * 20);
    assert_eq!(record.overdue_begins(again - Duration::from_hours(1), again, &policy), Some(again));
    assert_eq!(record.overdue_ended(NOW, None, again, &policy), None, "an earlier one");
}

#[test]
fn a_notice_is_the_same_after_the_table_has_rounded_its_time() {
    let policy = policy();
    let began = NOW + Duration::from_nanos(1_234_567);
    let mut record = ConnectionRecord::default();
    assert_eq!(record.invalid_begins(began, &policy), Some(began));
    let text = serde_json::to_string(&record.invalid).unwrap();
    record.invalid = serde_json::from_str(&text).unwrap();
    assert_eq!(record.invalid_ended(began, None, began, &policy), Some(()));
    assert_eq!(record.invalid_begins(began + Duration::from_hours(24), &policy), None, "sent once");
}

/// The record after an import of this key has moved from one state to another.
fn moved(record: &mut ConnectionRecord, key: &str, from: State, to: State) {
    let before = Import { state: from, ..packed(key, false) };
    let mut next = Import { state: to, ..before.clone() };
    assert!(ConnectionRecord::is_moved_by(&before, &next));
    record.moved(&before, &mut next, NOW);
}

#[test]
fn only_the_first_success_after_a_failure_recovers() {
    let record = &mut ConnectionRecord::default();
    moved(record, "8", State::Ingesting, State::Completed);
    assert_eq!(record.recovered_by, None, "nothing had failed");
    moved(record, "7", State::Received, State::Rejected);
    moved(record, "6", State::Ingesting, State::Completed);
    moved(record, "5", State::Ingesting, State::Completed);
    assert_eq!((record.recovered_by.as_deref(), record.has_failed), (Some("6"), false));
}

#[test]
fn an_import_is_stuck_until_it_is_retried_or_newer_content_is_accepted() {
    let record = &mut ConnectionRecord::default();
    for key in ["9", "8", "6"] {
        moved(record, key, State::Packed, State::Stuck);
    }
    moved(record, "9", State::Stuck, State::Received);
    assert_eq!(record.stuck, ["8".into(), "6".into()]);
    // Keys of newer content sort first.
    moved(record, "7", State::Ingesting, State::Completed);
    assert_eq!(record.stuck, ["6".into()]);
    assert!(record.names("6") && record.names("7") && !record.names("8"));
}
