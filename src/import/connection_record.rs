//! What belongs to a connection and not to one of its imports.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    Delivery, Import, Policy, moment,
    notifications::TRIES,
    reason::{PauseCause, ReasonCode, Text},
};

/// Imports that are listed as pausing a connection; of more the last ones.
const MOST_PAUSES: usize = 100;

/// What is remembered of a connection. It changes with an import, and is written with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// The imports that pause it, in the order in which they came to do so.
    pub paused_by: Vec<Pause>,
    /// When a file of it was taken in last.
    pub last_received: Option<OffsetDateTime>,
    /// The last import that the service accepted.
    pub last_accepted: Option<Accepted>,
    /// Why its files wait, as it was said once for all of them.
    pub notified: Vec<Notified>,
    /// That no file of it has come, where no import can keep that.
    pub overdue: Option<Overdue>,
}

/// That no file of a connection has come though one is expected, and what became of the notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overdue {
    /// When that was noted.
    #[serde(with = "moment")]
    pub since: OffsetDateTime,
    /// When it is sent, or tried again.
    #[serde(with = "moment")]
    pub due: OffsetDateTime,
    /// How often that failed.
    #[serde(default)]
    pub failures: u32,
    /// What became of it at last.
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
    /// When its content was written: what is newer waits.
    #[serde(with = "moment")]
    pub content: OffsetDateTime,
}

/// An import that the service accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// When.
    pub at: OffsetDateTime,
    /// The row key of the import.
    pub import: String,
}

/// A reason for which files of a connection wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notified {
    /// Why they wait.
    pub reason: ReasonCode,
    /// Since when.
    #[serde(with = "moment")]
    pub since: OffsetDateTime,
    /// How many do; none where they ended because the connection was unreadable when they arrived.
    pub waiting: u32,
    /// The import whose notification says so, or has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_by: Option<Text>,
}

impl ConnectionRecord {
    /// Whether an import that moves from `before` to `next` changes the record.
    #[must_use]
    pub(crate) fn is_moved_by(before: &Import, next: &Import) -> bool {
        before.blocked != next.blocked
            || before.pauses != next.pauses
            || is_success(before, next)
            || gives_up(before, next)
    }

    /// Whether files wait, for a person or behind one.
    #[must_use]
    pub(crate) fn has_waiting(&self) -> bool {
        !self.paused_by.is_empty() || self.notified.iter().any(|known| known.waiting > 0)
    }

    /// Whether it was said that files wait for this reason.
    #[must_use]
    pub(crate) fn is_notified(&self, reason: ReasonCode) -> bool {
        self.notified.iter().any(|known| known.reason == reason)
    }

    /// Whether somebody was told that no file had come.
    #[must_use]
    pub(crate) fn was_told_overdue(&self) -> bool {
        let told = |overdue: &Overdue| overdue.outcome == Some(Delivery::Delivered);
        self.overdue.as_ref().is_some_and(told)
    }

    /// Begins to tell that no file has come since `waited_from`, if that is due: nobody else does for as long as
    /// a step may take. When it was noted first; it is told once, until it is waited from a later moment.
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

    /// Notes what became of telling it; `None` where it is another by now.
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

    /// Notes what the move of an import from `before` to `next` means for its connection, and takes the
    /// notification of it away where the same was said of another. Whether it is the first that waits
    /// for its reason.
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
        }
        if gives_up(before, next) {
            self.is_told_no_more(&next.id.key);
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
            && is_to_tell(next)
        {
            if known.told_by.is_some() {
                next.notification = None;
            } else {
                known.told_by = Some((&next.id.key).into());
            }
        }
        is_first
    }

    /// What an import was to tell it tells no more: another that begins to wait does.
    fn is_told_no_more(&mut self, import: &str) {
        for known in &mut self.notified {
            known.told_by = known.told_by.take().filter(|by| **by != *import);
        }
    }

    /// Notes that a file was taken in, and why it ended at once where the connection was unreadable.
    /// Whether it is the first with that reason.
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
        self.notified.push(Notified { reason, since: now, waiting: imports, told_by: None });
        true
    }

    fn waits_no_more(&mut self, reason: ReasonCode) {
        if let Some(known) = self.notified.iter_mut().find(|known| known.reason == reason) {
            known.waiting = known.waiting.saturating_sub(1);
        }
        self.notified.retain(|known| known.reason != reason || known.waiting > 0);
    }
}

/// Whether its notification about what blocked it was not sent, and will not be.
fn gives_up(before: &Import, next: &Import) -> bool {
    let tells_on = is_to_tell(next) && before.blocked == next.blocked;
    let has_told = before.notifications_sent != next.notifications_sent
        && next.notifications_sent.last().is_some_and(|sent| sent.outcome == Delivery::Delivered);
    is_to_tell(before) && !tells_on && !has_told
}

/// Whether a notification about its connection waits.
fn is_to_tell(import: &Import) -> bool {
    import.notification.as_ref().is_some_and(|message| message.kind.is_of_connection())
}

fn is_success(before: &Import, next: &Import) -> bool {
    next.state.is_accepted() && !before.state.is_accepted()
}
