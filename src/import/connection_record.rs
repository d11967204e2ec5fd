//! What belongs to a connection and not to one of its imports.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    Delivery, Import, Policy, State,
    lane::ContentOrder,
    moment,
    notifications::TRIES,
    reason::{PauseCause, ReasonCode, Text},
};

/// The most pausing imports, and the most stuck ones, that are listed: the last ones.
const MOST_LISTED: usize = 100;

/// The record of a connection. It changes with an import and is written together with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// The imports that pause it, in the order of the pauses.
    pub paused_by: Vec<Pause>,
    /// When the last file was received.
    pub last_received: Option<OffsetDateTime>,
    /// The row key of its import.
    pub last_received_import: Option<String>,
    /// The last import that the service accepted.
    pub last_accepted: Option<Accepted>,
    /// The newest content that the service has.
    pub newest: Option<ContentOrder>,
    /// The reasons for which its files wait; each is reported once.
    pub notified: Vec<Notified>,
    /// The row keys of its stuck imports, except those that a later success has made old.
    pub stuck: Vec<Text>,
    /// Whether a file failed, or a person was notified, since the last success.
    pub has_failed: bool,
    /// The row key of the import that succeeded first after a failure.
    pub recovered_by: Option<String>,
    /// The notification of an overdue file, if no import exists to hold it.
    pub overdue: Option<Notice>,
    /// The notification that the document is invalid. It is in the partition without a tenant.
    pub invalid: Option<Notice>,
}

/// A notification about a connection that no import holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When it was noticed.
    #[serde(with = "moment")]
    pub since: OffsetDateTime,
    /// When the notification is sent, or retried.
    #[serde(with = "moment")]
    pub due: OffsetDateTime,
    /// The number of failed attempts.
    #[serde(default)]
    pub failures: u32,
    /// The final result.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Delivery>,
}

/// An import that pauses its connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The row key of the import.
    pub import: Text,
    /// Why.
    pub cause: PauseCause,
    /// When its content was written: newer files wait.
    #[serde(with = "moment")]
    pub content: OffsetDateTime,
}

/// An import that the service accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// When the service accepted it.
    pub at: OffsetDateTime,
    /// The row key of the import.
    pub import: String,
}

/// A reason for which files of a connection wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notified {
    /// The reason.
    pub reason: ReasonCode,
    /// When it began.
    #[serde(with = "moment")]
    pub since: OffsetDateTime,
    /// The number of waiting files.
    pub waiting: u32,
    /// The import whose notification reports it, or has reported it.
    #[serde(default, rename = "toldBy", skip_serializing_if = "Option::is_none")]
    pub notified_by: Option<Text>,
}

impl ConnectionRecord {
    /// Whether a move of an import from `before` to `next` changes the record.
    #[must_use]
    pub(crate) fn is_moved_by(before: &Import, next: &Import) -> bool {
        before.blocked != next.blocked
            || before.pauses != next.pauses
            || is_success(before, next)
            || drops_notification(before, next)
            || fails(before, next)
            || before.state == State::Stuck && next.state != State::Stuck
    }

    /// Whether files wait for a person, or behind a file that does.
    #[must_use]
    pub(crate) fn has_waiting(&self) -> bool {
        !self.paused_by.is_empty() || self.notified.iter().any(|known| known.waiting > 0)
    }

    /// Whether this reason was reported.
    #[must_use]
    pub(crate) fn is_notified(&self, reason: ReasonCode) -> bool {
        self.notified.iter().any(|known| known.reason == reason)
    }

    /// Starts the notification that no file has arrived since `waited_from`, if it is due; returns when that
    /// was noticed first. No other instance starts it for as long as a step may take. It is sent once, until
    /// the wait begins anew.
    pub(crate) fn overdue_begins(
        &mut self,
        waited_from: OffsetDateTime,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Option<OffsetDateTime> {
        self.overdue = self.overdue.take().filter(|known| known.since > waited_from);
        begin(&mut self.overdue, now, policy)
    }

    /// The same for an invalid document, until it is corrected.
    pub(crate) fn invalid_begins(
        &mut self,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Option<OffsetDateTime> {
        begin(&mut self.invalid, now, policy)
    }

    /// Records the result of the notification; `None` if the record holds another one by now.
    pub(crate) fn overdue_ended(
        &mut self,
        since: OffsetDateTime,
        failed: Option<&Text>,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Option<()> {
        end(self.overdue.as_mut(), since, failed, now, policy)?;
        self.has_failed |= failed.is_none();
        Some(())
    }

    /// The same for an invalid document.
    pub(crate) fn invalid_ended(
        &mut self,
        since: OffsetDateTime,
        failed: Option<&Text>,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Option<()> {
        end(self.invalid.as_mut(), since, failed, now, policy)
    }

    /// Whether it names an import, whose row is then kept.
    #[must_use]
    pub(crate) fn names(&self, key: &str) -> bool {
        let last = self.last_accepted.as_ref().map(|accepted| &accepted.import);
        let newest = self.newest.as_ref().map(|newest| &newest.import.0);
        let received = self.last_received_import.as_ref();
        let known = [last, newest, received, self.recovered_by.as_ref()];
        let notifiers = self.notified.iter().filter_map(|known| known.notified_by.as_ref());
        let pauses = self.paused_by.iter().map(|pause| &pause.import);
        let listed = pauses.chain(&self.stuck).chain(notifiers);
        known.into_iter().flatten().any(|named| named == key)
            || listed.into_iter().any(|named| **named == *key)
    }

    /// Forgets that files wait for this reason.
    pub(crate) fn forget(&mut self, reason: ReasonCode) {
        self.notified.retain(|known| known.reason != reason);
    }

    /// Records what the move of an import from `before` to `next` means for its connection. Drops the
    /// notification of the import if another import has reported the same. Returns whether the import is the
    /// first one with its reason.
    pub fn moved(&mut self, before: &Import, next: &mut Import, now: OffsetDateTime) -> bool {
        if before.pauses != next.pauses {
            self.paused_by.retain(|pause| *pause.import != *next.id.key);
        }
        if next.pauses && !before.pauses {
            let (import, content) = ((&next.id.key).into(), next.source.last_modified);
            self.paused_by.push(Pause { import, cause: PauseCause::of(next.state), content });
            let beyond = self.paused_by.len().saturating_sub(MOST_LISTED);
            self.paused_by.drain(..beyond);
        }
        if is_success(before, next) {
            self.last_accepted = Some(Accepted { at: now, import: next.id.key.clone() });
            self.newest = self.newest.take().max(Some(next.order()));
        }
        self.fails_or_recovers(before, next);
        if drops_notification(before, next) {
            self.forget_notifier(&next.id.key);
        }
        if before.blocked == next.blocked {
            return true;
        }
        if let Some(over) = before.blocked {
            self.waits_no_more(over);
        }
        let Some(reason) = next.blocked else { return true };
        let is_first = self.waits(reason, now);
        if let Some(known) = self.notified.iter_mut().find(|known| known.reason == reason)
            && is_for_connection(next)
        {
            if known.notified_by.is_some() {
                next.notification = None;
            } else {
                known.notified_by = Some((&next.id.key).into());
            }
        }
        is_first
    }

    /// An import does not report its reason any more: the next one that begins to wait does.
    fn forget_notifier(&mut self, import: &str) {
        for known in &mut self.notified {
            known.notified_by = known.notified_by.take().filter(|by| **by != *import);
        }
    }

    fn fails_or_recovers(&mut self, before: &Import, next: &Import) {
        let key = &next.id.key;
        if before.state != next.state {
            self.stuck.retain(|stuck| **stuck != **key);
            if next.state == State::Stuck {
                self.stuck.push(key.into());
                let beyond = self.stuck.len().saturating_sub(MOST_LISTED);
                self.stuck.drain(..beyond);
            }
        }
        self.has_failed |= fails(before, next);
        if is_success(before, next) {
            // Row keys are in the order of the contents, newest first.
            self.stuck.retain(|stuck| **stuck < **key);
            if std::mem::take(&mut self.has_failed) {
                self.recovered_by = Some(key.clone());
            }
        }
    }

    fn waits(&mut self, reason: ReasonCode, now: OffsetDateTime) -> bool {
        let known = self.notified.iter_mut().find(|known| known.reason == reason);
        if let Some(known) = known {
            known.waiting = known.waiting.saturating_add(1);
            return false;
        }
        self.notified.push(Notified { reason, since: now, waiting: 1, notified_by: None });
        true
    }

    fn waits_no_more(&mut self, reason: ReasonCode) {
        if let Some(known) = self.notified.iter_mut().find(|known| known.reason == reason) {
            known.waiting = known.waiting.saturating_sub(1);
        }
        self.notified.retain(|known| known.reason != reason || known.waiting > 0);
    }
}

fn begin(
    notice: &mut Option<Notice>,
    now: OffsetDateTime,
    policy: &Policy,
) -> Option<OffsetDateTime> {
    let new = Notice { since: now, due: now, failures: 0, outcome: None };
    let notice = notice.get_or_insert(new);
    let latest = now + policy.longest_wait();
    let is_due = notice.due <= now || notice.due > latest;
    if notice.outcome.is_some() || !is_due {
        return None;
    }
    notice.due = now + policy.step_timeout;
    Some(notice.since)
}

fn end(
    notice: Option<&mut Notice>,
    since: OffsetDateTime,
    failed: Option<&Text>,
    now: OffsetDateTime,
    policy: &Policy,
) -> Option<()> {
    // The table keeps a time less exactly than the clock.
    let notice = notice.filter(|known| moment::exact(known.since) == moment::exact(since))?;
    let Some(why) = failed else {
        notice.outcome = Some(Delivery::Delivered);
        return Some(());
    };
    notice.failures += 1;
    if notice.failures >= TRIES {
        notice.outcome = Some(Delivery::GivenUp(why.clone()));
    } else {
        notice.due = now + policy.busy_wait(&since, notice.failures);
    }
    Some(())
}

/// Whether the notification about its connection was not sent and will not be.
fn drops_notification(before: &Import, next: &Import) -> bool {
    let is_kept = is_for_connection(next) && before.blocked == next.blocked;
    let is_sent = before.notifications_sent != next.notifications_sent
        && next.notifications_sent.last().is_some_and(|sent| sent.outcome == Delivery::Delivered);
    is_for_connection(before) && !is_kept && !is_sent
}

/// Whether a notification about its connection is not sent yet.
fn is_for_connection(import: &Import) -> bool {
    import.notification.as_ref().is_some_and(|message| message.kind.is_of_connection())
}

fn is_success(before: &Import, next: &Import) -> bool {
    next.is_at_service() && !before.is_at_service()
}

/// Whether the move is a failure that the next success ends.
fn fails(before: &Import, next: &Import) -> bool {
    let is_bad = matches!(next.state, State::Rejected | State::Stuck);
    is_bad && before.state != next.state || next.times_in_need() > before.times_in_need()
}
