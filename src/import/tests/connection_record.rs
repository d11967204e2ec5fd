//! What is remembered of a connection, and who tells of it.

use super::*;
use crate::import::connection_record::ConnectionRecord;

fn failed() -> Event {
    let reason = Reason::CredentialFailed { detail: "why".into() };
    Event::TransientFailure { reason, retry_at: None }
}

/// An import that is packed, and whether somebody is notified of it.
fn packed(key: &str, tells: bool) -> Import {
    let id = ImportId { tenant: "t".to_owned(), key: key.to_owned() };
    told(Import { id, notify_enabled: tells, ..received() }, NOW, [Event::PackStarted, staged()])
}

/// An import after an event, noted in the record.
fn noted(record: &mut ConnectionRecord, before: &Import, event: Event) -> (Import, bool) {
    let mut next = told(before.clone(), NOW, [event]);
    let is_first =
        !ConnectionRecord::is_moved_by(before, &next) || record.moved(before, &mut next, NOW);
    (next, is_first)
}

#[test]
fn one_import_tells_and_the_next_does_where_the_first_cannot() {
    let record = &mut ConnectionRecord::default();
    let (silent, is_first) = noted(record, &packed("1", false), failed());
    assert!(is_first && silent.notification.is_none());
    // Somebody is notified from the second on.
    let (second, is_first) = noted(record, &packed("2", true), failed());
    assert!(!is_first && second.notification.is_some());
    let (third, _) = noted(record, &packed("3", true), failed());
    assert!(third.notification.is_none());
    // It is given up, and the next that comes to wait tries anew.
    let mut second = second;
    while second.notification.is_some() {
        let event = NotificationEvent::Failed { why: "nobody is there".into() };
        second = noted(record, &second, Event::Notification(event)).0;
    }
    let (fourth, _) = noted(record, &packed("4", true), failed());
    assert!(fourth.notification.is_some());
    // Once it was told, no other tells, also when that one is gone.
    let sent = Event::Notification(NotificationEvent::Sent);
    let (fourth, _) = noted(record, &fourth, sent);
    noted(record, &fourth, overtaken());
    let (fifth, _) = noted(record, &packed("5", true), failed());
    assert!(fifth.notification.is_none());
    assert_eq!(record.notified[0].waiting, 4);
    for import in [silent, second, third, fifth] {
        noted(record, &import, Event::Corrected);
    }
    assert_eq!(record.notified, []);
}

#[test]
fn who_is_superseded_before_it_has_told_leaves_that_to_the_next() {
    let record = &mut ConnectionRecord::default();
    let (first, _) = noted(record, &packed("1", true), failed());
    let (second, _) = noted(record, &packed("2", true), failed());
    assert!(first.notification.is_some() && second.notification.is_none());
    noted(record, &first, overtaken());
    let (third, _) = noted(record, &packed("3", true), failed());
    assert!(third.notification.is_some());
}

#[test]
fn a_pause_is_remembered_until_it_is_resumed() {
    let record = &mut ConnectionRecord::default();
    let (paused, is_first) = noted(record, &packed("1", true), Event::Forbidden);
    assert!(is_first && record.has_waiting());
    let (superseded, _) = noted(record, &paused, overtaken());
    assert_eq!((record.paused_by.len(), record.notified.len()), (1, 1));
    let resume =
        Event::OperatorRequested { action: OperatorAction::Resume, by: "by ana".to_owned() };
    noted(record, &superseded, resume);
    assert!(!record.has_waiting());
}

#[test]
fn who_comes_to_wait_for_something_else_before_it_has_told_leaves_that_to_the_next() {
    let record = &mut ConnectionRecord::default();
    let (first, _) = noted(record, &packed("1", true), failed());
    let (second, _) = noted(record, &packed("2", true), failed());
    assert!(first.notification.is_some() && second.notification.is_none());
    let reason = Reason::ConnectionMissing { connection: "hr".into() };
    let (first, _) = noted(record, &first, Event::TransientFailure { reason, retry_at: None });
    assert_eq!(first.notification.unwrap().kind, NotificationKind::ConnectionInvalid);
    let (third, _) = noted(record, &packed("3", true), failed());
    assert_eq!(third.notification.unwrap().kind, NotificationKind::CredentialFailed);
}

#[test]
fn that_no_file_came_is_told_once_until_it_is_waited_anew_and_at_last_given_up() {
    let policy = policy();
    let (stored, soon) = (NOW - Duration::from_hours(24 * 8), NOW + Duration::from_mins(1));
    let mut record = ConnectionRecord::default();
    assert_eq!(record.overdue_begins(stored, NOW, &policy), Some(NOW));
    assert_eq!(record.overdue_begins(stored, soon, &policy), None, "somebody is at it");
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
    assert_eq!((tries, failing.was_told_overdue()), (20, false));
    assert_eq!(failing.overdue_begins(stored, now + Duration::from_hours(24), &policy), None);

    let due = record.overdue.as_ref().unwrap().due;
    assert_eq!(record.overdue_begins(stored, due, &policy), Some(NOW));
    record.overdue_ended(NOW, None, due, &policy);
    assert!(record.was_told_overdue());
    assert_eq!(record.overdue_begins(stored, due + Duration::from_hours(24), &policy), None);
    // The document was stored anew, and what was told before is over.
    let again = due + Duration::from_hours(24 * 20);
    assert_eq!(record.overdue_begins(again - Duration::from_hours(1), again, &policy), Some(again));
    assert_eq!(record.overdue_ended(NOW, None, again, &policy), None, "that was another");
}
