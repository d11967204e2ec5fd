//! One import, and the one pure function that changes it.
//!
//! [`Import::apply`] lists every legal pair of state and event; [`Import::action`] returns the next
//! action. There is no clock, no storage and no network here, so that normal operation and the recovery
//! after a power cut cannot differ.
//!
//! ```text
//! Received --Packed--> Packed --Claimed--> Pushing --Accepted--> Ingesting --Completed--> Completed
//!    | Rejected          | WaitingForOlder,   | AcceptedForGood: Accepted    | ValidationFailed
//!    v                   | Paused, SlotTaken: | Busy, NotSent: Packed, later v
//! Rejected               |   later            | PushFailed, AnswerLost:   Rejected
//!                        v Superseded,        |   Packed, a few times
//!                     Superseded SameContent  | TokenRejected: Packed, waits
//!                                             | Forbidden: Packed, paused
//!                                             | PushRefused: Stuck
//! TransientFailure, StillWaiting, Corrected: same state, later or now
//! Operator: Rejected, Stuck --Retry--> Received;  Received, Packed, Ingesting --Cancel--> Cancelled
//! ```
//!
//! A file that would delete too much is rejected too, at its check (Received) or before its push (Packed),
//! unless an operator approves it.
//!
//! Invariants: an end stays an end, unless an operator retries; every live import is due; a step that died
//! is due again.

use time::OffsetDateTime;

pub(crate) use self::moment::to_the_second;
use self::reason::{Class, ErrorFile, Reason, ReasonCode};
pub use self::{
    event::{Action, Checked, Event, IllegalEvent, NotificationEvent, OperatorAction},
    policy::Policy,
    record::{Delivery, HistoryEntry, Import, Note, NotificationKind, PendingNotification, Sent},
    types::{ImportId, IngestionId, Package, PollPath, Source, State, Status},
};

pub mod connection_record;
pub mod diagnostics;
mod event;
mod history;
pub mod lane;
pub(crate) mod moment;
mod notifications;
pub(crate) mod order;
mod policy;
pub mod reason;
mod record;
mod transitions;
mod types;

impl Import {
    /// The action that is due at `now`.
    #[must_use]
    pub fn action(&self, now: OffsetDateTime, policy: &Policy) -> Action {
        let Some(due) = self.due else { return Action::Done };
        // A time far in the future was written by a wrong clock, and is due now.
        if due > now && due <= now + policy.longest_wait() {
            return Action::Wait(due);
        }
        match self.state {
            State::Received => Action::Pack,
            State::Packed => Action::Push,
            State::Pushing => Action::Recover,
            State::Ingesting => Action::Poll,
            State::Completed
            | State::Accepted
            | State::Rejected
            | State::Superseded
            | State::Cancelled
            | State::Stuck => Action::Discard,
        }
    }

    /// Whether it is still in the pack or push that `earlier` shows: each attempt has its own number.
    #[must_use]
    pub(crate) fn is_in_step_of(&self, earlier: &Self) -> bool {
        self.state == earlier.state && self.attempts == earlier.attempts
    }

    /// The code of its reason; `None` if it makes progress.
    #[must_use]
    pub fn code(&self) -> Option<ReasonCode> {
        self.reason.as_ref().map(Reason::code)
    }

    /// Whether a person has to act before it continues.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        let is_for_a_person = |code: ReasonCode| code.class() == Class::ActionRequired;
        self.blocked.is_some() || self.code().is_some_and(is_for_a_person)
    }

    /// Whether it waits until a person corrects its connection, its credential or its permissions, and then
    /// resumes automatically.
    #[must_use]
    pub fn waits_for_correction(&self) -> bool {
        !self.state.is_end() && self.blocked.is_some_and(ReasonCode::ends_by_correction)
    }

    /// Whether its blocking reason is also its current reason: it is not being retried and waits for nothing else.
    #[must_use]
    pub(crate) fn waits_now(&self) -> bool {
        self.blocked.is_some() && self.code() == self.blocked
    }

    /// Whether it waits now for the same correction as another import of its connection.
    #[must_use]
    pub(crate) fn waits_as(&self, other: &Self) -> bool {
        self.waits_for_correction() && self.waits_now() && self.blocked == other.blocked
    }

    /// Whether it waits for another import, which has a deadline of its own and wakes it.
    #[must_use]
    pub(crate) fn waits_for_another(&self) -> bool {
        self.state == State::Packed && self.code().is_some_and(ReasonCode::stops_deadline)
    }

    /// Whether it waits because another import pauses the connection.
    #[must_use]
    pub fn is_behind_a_pause(&self) -> bool {
        self.code() == Some(ReasonCode::ConnectionPaused)
    }

    /// Whether an operator may approve it although it would delete people or columns.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        self.code() == Some(ReasonCode::DeletionBlocked)
    }

    /// Whether its row is unreadable, because a newer version of the program wrote it or somebody edited it.
    /// The import is shown, keeps its slot, and is not changed.
    #[must_use]
    pub fn is_left_alone(&self) -> bool {
        self.code().is_some_and(ReasonCode::is_left_alone)
    }

    /// The event word in the log.
    #[must_use]
    pub fn event(&self) -> &'static str {
        event_of(self.state, self.code())
    }

    /// Whether the service has its content: it accepted this import, or one with the same bytes.
    #[must_use]
    pub(crate) fn is_at_service(&self) -> bool {
        self.state.is_accepted() || self.code() == Some(ReasonCode::SameContent)
    }

    /// Whether it soon continues automatically. An import that waits for a person may wait for days.
    #[must_use]
    pub(crate) fn is_moving(&self) -> bool {
        let waits = self.needs_person() || self.pauses || self.is_behind_a_pause();
        !self.state.is_end() && !waits
    }

    /// Whether the import has its tenant's one slot at the service. After a push that was never answered it
    /// has the slot until the result is known, unless it released the slot.
    #[must_use]
    pub fn holds_slot(&self) -> bool {
        match self.state {
            // The row is unreadable, so the import may have the slot.
            state if self.is_left_alone() => !state.is_end(),
            State::Pushing => true,
            State::Ingesting => !self.slot_released,
            State::Received | State::Packed => self.push_outcome_unknown && !self.slot_released,
            State::Completed
            | State::Accepted
            | State::Rejected
            | State::Superseded
            | State::Cancelled
            | State::Stuck => false,
        }
    }

    /// The import after `event`, with its history and its notification.
    ///
    /// # Errors
    /// The event is not possible in this state; nothing is changed then.
    pub fn apply(
        self,
        event: Event,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Result<Self, IllegalEvent> {
        if self.is_left_alone() {
            return Err(IllegalEvent::new(self.state, event));
        }
        if let Event::Notification(event) = event {
            return self.notified(event, now, policy);
        }
        if event == Event::Renewed {
            return self.renewed(now, policy);
        }
        let before = self.clone();
        let asked =
            if let Event::OperatorRequested { by, .. } = &event { Some(by.clone()) } else { None };
        let begins = matches!(
            event,
            Event::PackStarted | Event::Discarded | Event::StillWaiting | Event::Corrected
        );
        // A retry does not show that the blocking reason is corrected.
        let is_a_try = matches!(
            event,
            Event::PackStarted
                | Event::TriedAgain
                | Event::Claimed { .. }
                | Event::OperatorRequested { action: OperatorAction::Retry, .. }
        );
        // The first try of a step that does not begin with a write was not counted.
        let before_this =
            if event == Event::TriedAgain { before.tries.max(1) } else { before.tries };
        let starts =
            matches!(event, Event::PackStarted | Event::TriedAgain | Event::Claimed { .. });
        // Another import has resumed: its own step is still to do.
        let ends_step = !starts && event != Event::Corrected;
        let mut next = self.moved(event, now, policy)?;
        if ends_step || next.state.is_end() && !before.state.is_end() {
            (next.step, next.tries) = (before.step.wrapping_add(1), 0);
        } else if starts {
            next.tries = before_this.saturating_add(1);
        }
        next.blocked = next.blocked_after(before.blocked, is_a_try);
        next.slot_released |= next.is_past_its_ingestion(now, policy);
        next.remember(&before, asked, begins, now);
        next.notice(&before, now);
        Ok(next)
    }

    /// Whether the service has had the file for longer than an ingestion may take: then it releases the
    /// tenant's slot.
    fn is_past_its_ingestion(&self, now: OffsetDateTime, policy: &Policy) -> bool {
        let latest = self.pushed.map(|pushed| pushed + policy.ingestion_deadline);
        self.state == State::Ingesting && latest.is_some_and(|latest| now >= latest)
    }

    /// The reason of its connection that blocks it. It still counts while the import is retried, or waits for
    /// something else.
    fn blocked_after(&self, before: Option<ReasonCode>, is_a_try: bool) -> Option<ReasonCode> {
        if self.state.is_end() {
            // A connection is paused until an operator resumes it, whatever happens to the file.
            return before.filter(|code| self.pauses && *code == ReasonCode::Forbidden);
        }
        match self.code() {
            Some(code) if code.is_of_connection() => Some(code),
            Some(code) if code.class() != Class::ActionRequired => {
                before.filter(|before| before.holds_behind(code))
            }
            None if is_a_try => before,
            _ => None,
        }
    }

    fn moved(
        mut self,
        event: Event,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Result<Self, IllegalEvent> {
        use State::{
            Accepted, Cancelled, Completed, Ingesting, Packed, Pushing, Received, Rejected, Stuck,
            Superseded,
        };
        self.discount_absence(now, policy);
        Ok(match (self.state, event) {
            (Received, Event::PackStarted) => self.begin(now, policy),
            (_, Event::TriedAgain) => self.tried_again(now),
            (Received, Event::Packed { package, refresh, checked }) => {
                self.packed(package, refresh, *checked, now)
            }
            (Received | Packed, Event::Rejected { reason, problems, report, guarded }) => {
                self.error_count = problems;
                self.report = report;
                self.baseline = guarded.map(|summary| *summary);
                self.rows = self.baseline.as_ref().map(|summary| summary.rows);
                self.end(Rejected, reason, now)
            }
            (Received, Event::Replaced { by }) => {
                self.end(Superseded, Reason::Replaced { import: by.key.into() }, now)
            }
            (Packed, Event::Superseded { file, import }) => {
                let outcome_unknown = self.push_outcome_unknown;
                self.end(Superseded, Reason::Superseded { file, import, outcome_unknown }, now)
            }
            (Packed, Event::SameContent { import }) => {
                self.end(Superseded, Reason::SameContent { import }, now)
            }
            (Packed, Event::Paused { reason }) => self.paused(reason, now, policy),
            (Packed, Event::WaitingForOlder { file, import }) => {
                self.queue_up(Reason::WaitingForOlder { file, import }, now, policy)
            }
            (Packed, Event::SlotTaken { by }) => {
                self.queue_up(Reason::SlotTaken { import: by.into() }, now, policy)
            }
            (Packed, Event::Claimed { scale_unit }) => self.claimed(scale_unit, now, policy),
            (Pushing, Event::Accepted { id, status }) => self.accepted(id, &status, now, policy),
            (Pushing, Event::AcceptedForGood) => self.accepted_for_good(now),
            (Pushing, Event::Busy) => self.busy(now, policy),
            (Pushing, Event::AnswerLost { cause }) => {
                self.push_outcome_unknown = true;
                self.push_failed(Reason::PushOutcomeUnknown { cause }, now, policy)
            }
            (Pushing, Event::PushFailed { status, codes }) => {
                self.push_failed(Reason::PushFailed { status, codes }, now, policy)
            }
            (Pushing, Event::NotSent { reason, retry_at }) => {
                self.state = Packed;
                self.failed(reason, retry_at, now, policy)
            }
            (Pushing, Event::TokenRejected { status }) => {
                self.state = Packed;
                self.failed(Reason::TokenRejected { status }, None, now, policy)
            }
            (Packed | Pushing, Event::PushRefused { reason }) => self.push_refused(reason, now),
            (Packed | Pushing, Event::Forbidden { token_tenant }) => {
                self.forbidden(token_tenant, now, policy)
            }
            (Ingesting, Event::StatusReported { status, path, error_file }) => {
                self.service_status = Some(status.to_string());
                self.poll_path = Some(path);
                self.failures = 0;
                match status {
                    Status::Completed => self.end(Completed, Reason::Completed, now),
                    Status::ValidationFailed => {
                        let error_file = error_file.unwrap_or(ErrorFile::NotKept);
                        if let ErrorFile::Kept(blob) = &error_file {
                            self.report = Some(blob.to_string());
                        }
                        self.end(Rejected, Reason::ValidationFailed { error_file }, now)
                    }
                    Status::NotStarted
                    | Status::ExtractionComplete
                    | Status::Unknown(_)
                    | Status::UnknownEnd(_) => self.after_status(&status, now, policy),
                }
            }
            (Received | Packed | Ingesting, Event::StillWaiting) => self.wait_on(now, policy),
            (Received | Packed | Ingesting, Event::Corrected) => {
                self.reason = None;
                self.due = Some(now);
                self
            }
            (_, Event::TransientFailure { reason, retry_at }) => {
                self.failed(reason, retry_at, now, policy)
            }
            (Packed | Pushing, Event::Discarded) => self.zip_lost(now, policy),
            (
                Completed | Accepted | Rejected | Superseded | Cancelled | Stuck,
                Event::Discarded,
            ) => {
                self.package = None;
                self.due = None;
                self
            }
            (_, Event::OperatorRequested { action, by }) => {
                return self.asked(action, by, now, policy);
            }
            (state, event) => return Err(IllegalEvent::new(state, event)),
        })
    }
}

fn event_of(state: State, code: Option<ReasonCode>) -> &'static str {
    match (state, code.map(ReasonCode::class)) {
        (State::Packed, _) if code == Some(ReasonCode::PushOutcomeUnknown) => "outcome_unknown",
        (State::Received | State::Packed | State::Ingesting, Some(Class::Transient)) => "failed",
        (State::Received | State::Packed | State::Ingesting, Some(_)) => "waiting",
        (State::Received, None) => "received",
        (State::Packed, None) => "packed",
        (State::Pushing, _) => "pushed",
        (State::Ingesting, None) | (State::Accepted, _) => "accepted",
        (State::Completed, _) => "completed",
        (State::Rejected, _) => "rejected",
        (State::Superseded, _) => "superseded",
        (State::Cancelled, _) => "cancelled",
        (State::Stuck, _) => "stuck",
    }
}

/// The event word of a new state with a reason, and whether it fires an alert.
#[must_use]
pub fn logged(state: State, code: ReasonCode) -> (&'static str, bool) {
    if code.is_left_alone() {
        return (NotificationKind::Stuck.as_ref(), true);
    }
    let blocked = Some(code).filter(|code| code.is_of_connection());
    let kind = NotificationKind::at(state, blocked).filter(|kind| kind.needs_person());
    let event = kind.map_or_else(|| event_of(state, Some(code)), <&str>::from);
    (event, kind.is_some())
}

#[cfg(test)]
mod tests;
