//! What belongs to a connection and not to one of its imports.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    Delivery, Import, Policy,
    lane::ContentOrder,
    moment,
    notifications::TRIES,
    reason::{PauseCause, ReasonCode, Text},
};

/// The most pausing imports that are listed: the last ones.
const MOST_PAUSES: usize = 100;

/// The record of a connection. It changes with an import and is written together with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// The imports that pause it, in the order of the pauses.
    pub paused_by: Vec<Pause>,
    /// When the last file was received.
    pub last_received: Option<OffsetDateTime>,
    /// The last import that the service accepted.
    pub last_accepted: Option<Accepted>,
    /// The newest content that the service has.
    pub newest: Option<ContentOrder>,
    /// The reasons for which its files wait; each is reported once.
    pub notified: Vec<Notified>,
    /// An overdue file that was reported, if no import exists to hold the notification.
    pub overdue: Option<Overdue>,
}

/// An overdue file of a connection without imports, and its notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overdue {
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
    /// The number of waiting files; 0 if they ended because the connection document was invalid on arrival.
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

    /// Whether the notification of an overdue file was delivered.
    #[must_use]
    pub(crate) fn was_notified_overdue(&self) -> bool {
        let is_delivered = |overdue: &Overdue| overdue.outcome == Some(Delivery::Delivered);
        self.overdue.as_ref().is_some_and(is_delivered)
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
        let known = self.overdue.take().filter(|known| known.since > waited_from);
        let new = Overdue { since: now, due: now, failures: 0, outcome: None };
        let overdue = self.overdue.insert(known.unwrap_or(new));
        let latest = now + policy.longest_wait();
        let is_due = overdue.due <= now || overdue.due > latest;
        if overdue.outcome.is_some() || !is_due {
            return None;
        }
        overdue.due = now + policy.step_timeout;
        Some(overdue.since)
    }

    /// Records the result of the notification; `None` if the record holds another one by now.
    pub(crate) fn overdue_ended(
        &mut self,
        since: OffsetDateTime,
        failed: Option<&Text>,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Option<()> {
        let overdue = self.overdue.as_mut().filter(|known| known.since == since)?;
        let Some(why) = failed else {
            overdue.outcome = Some(Delivery::Delivered);
            return Some(());
        };
        overdue.failures += 1;
        if overdue.failures >= TRIES {
            overdue.outcome = Some(Delivery::GivenUp(why.clone()));
        } else {
            overdue.due = now + policy.busy_wait(&since, overdue.failures);
        }
        Some(())
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
            let beyond = self.paused_by.len().saturating_sub(MOST_PAUSES);
            self.paused_by.drain(..beyond);
        }
        if is_success(before, next) {
            self.last_accepted = Some(Accepted { at: now, import: next.id.key.clone() });
            self.newest = self.newest.take().max(Some(next.order()));
        }
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
        let is_first = self.waits(reason, 1, now);
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

    /// Records a received file, and why it ended at once if the connection document is invalid. Returns
    /// whether it is the first one with that reason.
    pub fn received(&mut self, import: &Import, now: OffsetDateTime) -> bool {
        self.last_received = Some(now);
        let reason = import.code().filter(|code| code.is_of_connection());
        reason.is_none_or(|reason| self.waits(reason, 0, now))
    }

    fn waits(&mut self, reason: ReasonCode, imports: u32, now: OffsetDateTime) -> bool {
        let known = self.notified.iter_mut().find(|known| known.reason == reason);
        if let Some(known) = known {
            known.waiting = known.waiting.saturating_add(imports);
            return false;
        }
        self.notified.push(Notified { reason, since: now, waiting: imports, notified_by: None });
        true
    }

    fn waits_no_more(&mut self, reason: ReasonCode) {
        if let Some(known) = self.notified.iter_mut().find(|known| known.reason == reason) {
            known.waiting = known.waiting.saturating_sub(1);
        }
        self.notified.retain(|known| known.reason != reason || known.waiting > 0);
    }
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
