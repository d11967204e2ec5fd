//! How an import enters a state, waits, fails and ends, and how it follows an operator action.

use std::collections::VecDeque;

use time::OffsetDateTime;

use super::{
    Checked, Event, IllegalEvent, Import, IngestionId, OperatorAction, Package, Policy, State,
    Status,
    reason::{Reason, ReasonCode, Text},
};
use crate::schema::{ApprovalScope, DeletionApproval, Refresh, SeenDeletions};

/// How often a step is started that never ends, because it ends the program.
const MOST_TRIES: u32 = 8;

/// Between two operator actions in the record.
const NEXT_ACTION: &str = "; ";
/// In place of operator actions that are left out.
const LEFT_OUT: &str = "\u{2026}";
/// The most characters of the record of operator actions, besides the mark.
const MOST_ACTION_CHARACTERS: usize = 10_000;

impl Import {
    /// Deadlines count only the time in which something was tried. If a step starts later than the longest
    /// wait, no instance was running, and the delay does not count; neither does time that a wrong clock
    /// added. A wait for a person or for another import never counts.
    pub(super) fn discount_absence(&mut self, now: OffsetDateTime, policy: &Policy) {
        if let (Some(due), Some(deadline)) = (self.due, self.deadline) {
            let late = now - due;
            let stops =
                self.blocked.is_some() || self.code().is_some_and(ReasonCode::stops_deadline);
            let counts = late <= policy.longest_wait() && !stops;
            let away = if counts { time::Duration::ZERO } else { late.max(time::Duration::ZERO) };
            let longest = policy.wait_deadline.max(policy.ingestion_deadline);
            self.deadline = Some((deadline + away).min(now + longest));
        }
    }

    pub(super) fn enter(
        mut self,
        state: State,
        now: OffsetDateTime,
        deadline: Option<OffsetDateTime>,
    ) -> Self {
        self.state = state;
        self.failures = 0;
        self.due = Some(now);
        self.deadline = deadline;
        self
    }

    /// A step that never finishes, because it ends the program, is not repeated for ever.
    pub(super) fn begin(mut self, now: OffsetDateTime, policy: &Policy) -> Self {
        let is_late = self.deadline.is_some_and(|deadline| now >= deadline);
        if is_late || self.tries >= MOST_TRIES {
            return self.end(State::Stuck, Reason::StepNeverEnded, now);
        }
        self.attempts += 1;
        // The blocking reason is being retried: do not report it meanwhile.
        self.reason = self.reason.filter(|reason| !reason.code().is_of_connection());
        self.due = Some(now + policy.lease_of_pack(self.tries + 1));
        self
    }

    /// The same for a step that does not begin with a write: from its second try on.
    pub(super) fn tried_again(mut self, now: OffsetDateTime) -> Self {
        if self.tries < MOST_TRIES {
            self.due = Some(now);
            return self;
        }
        if self.state.is_end() {
            self.package_left = true;
            self.due = None;
            return self;
        }
        self.end(State::Stuck, Reason::StepNeverEnded, now)
    }

    /// The running pack or push keeps the import: nothing else changes.
    pub(super) fn renewed(
        mut self,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Result<Self, IllegalEvent> {
        let lease = if self.state == State::Received {
            policy.lease_of_pack(self.tries)
        } else if self.state == State::Pushing {
            policy.lease
        } else {
            return Err(IllegalEvent::new(self.state, Event::Renewed));
        };
        self.due = Some(now + lease);
        Ok(self)
    }

    pub(super) fn packed(
        mut self,
        package: Package,
        refresh: Refresh,
        checked: Checked,
        now: OffsetDateTime,
    ) -> Self {
        self.package = Some(package);
        self.refresh = Some(refresh);
        self.connector = checked.baseline.connector.parse().ok().or(self.connector);
        self.rows = Some(checked.baseline.rows);
        self.baseline = Some(checked.baseline);
        self.rows_skipped = checked.rows_skipped;
        self.warning = checked.notice;
        self.report = Some(checked.report);
        self.approval = checked.approval;
        self.reason = None;
        let deadline = self.deadline;
        self.enter(State::Packed, now, deadline)
    }

    /// The service rejects every file of the connection: this file waits, and the others are not pushed.
    pub(super) fn forbidden(
        mut self,
        token_tenant: Option<Text>,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Self {
        self.state = State::Packed;
        self.pauses = true;
        self.paused(Reason::Forbidden { token_tenant }, now, policy)
    }

    /// Waits for a person, without a limit. No other connection waits for that.
    pub(super) fn paused(mut self, reason: Reason, now: OffsetDateTime, policy: &Policy) -> Self {
        self.slot_released = self.push_outcome_unknown;
        self.queue_up(reason, now, policy)
    }

    /// Ends the import. If a zip may have been staged, it is still to be deleted.
    pub(super) fn end(mut self, state: State, reason: Reason, now: OffsetDateTime) -> Self {
        // A file that is only too old is no gap in the data.
        let stops = matches!(state, State::Rejected | State::Stuck) && !reason.is_only_old();
        self.pauses |= self.stop_on_rejection && stops;
        self.reason = Some(reason);
        self.ended = Some(now);
        let mut import = self.enter(state, now, None);
        import.due = (import.attempts > 0).then_some(now);
        import
    }

    /// Only the clean-up of an ended import failed: its result does not change.
    pub(super) fn not_cleaned_up(mut self, now: OffsetDateTime, policy: &Policy) -> Self {
        let too_late = self.ended.is_none_or(|ended| now >= ended + policy.wait_deadline);
        if too_late {
            self.package_left = true;
        }
        self.due = (!too_late).then(|| now + policy.backoff(&self.id, self.failures));
        self
    }

    pub(super) fn later(
        mut self,
        due: OffsetDateTime,
        reason: Reason,
        now: OffsetDateTime,
    ) -> Self {
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            let last = Box::new(reason);
            return self.end(State::Stuck, Reason::QueueTimeout { last }, now);
        }
        self.reason = Some(reason);
        self.due = Some(due);
        self
    }

    /// Waits for another import, which has a deadline of its own, or for a person: the wait does not
    /// count.
    pub(super) fn queue_up(mut self, reason: Reason, now: OffsetDateTime, policy: &Policy) -> Self {
        let wait = policy.queue_wait(&self.id, self.attempts);
        self.reason = Some(reason);
        self.due = Some(now + wait);
        self.deadline = self.deadline.map(|deadline| deadline + wait);
        self
    }

    /// Waits for a person. The wait does not count, and no other import waits for the slot.
    pub(super) fn wait_on(mut self, now: OffsetDateTime, policy: &Policy) -> Self {
        let wait = policy.correction_wait;
        self.due = Some(now + wait);
        self.deadline = self.deadline.map(|deadline| deadline + wait);
        self.failures = 0;
        self.slot_released |= self.state != State::Ingesting && self.push_outcome_unknown;
        self
    }

    pub(super) fn claimed(mut self, unit: String, now: OffsetDateTime, policy: &Policy) -> Self {
        self.attempts += 1;
        self.scale_unit = Some(unit);
        self.reason = None;
        self.slot_released = false;
        self.state = State::Pushing;
        self.due = Some(now + policy.lease);
        self
    }

    pub(super) fn accepted(
        mut self,
        id: IngestionId,
        status: &Status,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Self {
        self.ingestion = Some(id);
        self.service_status = Some(status.to_string());
        self.pushed = Some(now);
        self.push_outcome_unknown = false;
        self.slot_released = false;
        self.failed_pushes = 0;
        let import = self.enter(State::Ingesting, now, Some(now + policy.ingestion_deadline));
        import.after_status(status, now, policy)
    }

    /// The end for a target that reports no outcome.
    pub(super) fn accepted_for_good(mut self, now: OffsetDateTime) -> Self {
        self.pushed = Some(now);
        self.push_outcome_unknown = false;
        self.failed_pushes = 0;
        self.end(State::Accepted, Reason::OutcomeNotReported, now)
    }

    pub(super) fn busy(mut self, now: OffsetDateTime, policy: &Policy) -> Self {
        self.state = State::Packed;
        self.failures = 0;
        self.busy_retries = self.busy_retries.saturating_add(1);
        let wait = policy.busy_wait(&self.id, self.busy_retries);
        let own = self.push_outcome_unknown;
        self.later(now + wait, Reason::ServiceBusy { own }, now)
    }

    pub(super) fn push_failed(
        mut self,
        reason: Reason,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Self {
        self.state = State::Packed;
        self.failed_pushes = self.failed_pushes.saturating_add(1);
        let pushes = self.failed_pushes;
        if pushes >= policy.push_failures {
            let last = Box::new(reason);
            return self.end(State::Stuck, Reason::PushesExhausted { pushes, last }, now);
        }
        self.failed(reason, None, now, policy)
    }

    /// A person has to act before another push. If the answer to the push was unreadable, the service may have
    /// the file.
    pub(super) fn push_refused(mut self, reason: Reason, now: OffsetDateTime) -> Self {
        self.push_outcome_unknown |= reason.code() == ReasonCode::PushAnswerUnreadable;
        self.end(State::Stuck, reason, now)
    }

    /// The staged zip was lost or damaged before the push: it is packed again, each time a little later.
    pub(super) fn zip_lost(mut self, now: OffsetDateTime, policy: &Policy) -> Self {
        self.package = None;
        let deadline = self.deadline;
        let import = self.enter(State::Received, now, deadline);
        let due = now + policy.backoff(&import.id, import.attempts);
        import.later(due, Reason::PackageLost, now)
    }

    pub(super) fn failed(
        mut self,
        reason: Reason,
        retry_at: Option<OffsetDateTime>,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Self {
        self.failures = self.failures.saturating_add(1);
        if self.state.is_end() {
            return self.not_cleaned_up(now, policy);
        }
        if reason.code().ends_by_correction() {
            self.reason = Some(reason);
            return self.wait_on(now, policy);
        }
        let wait = policy.retry_wait(&self.id, self.failures, retry_at, now);
        self.later(now + wait, reason, now)
    }

    /// Waits for the next poll, or ends: the service takes too long, or its status is an end that is not
    /// documented.
    pub(super) fn after_status(
        mut self,
        status: &Status,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Self {
        if let Status::UnknownEnd(word) = status {
            let status = word.clone();
            return self.end(State::Stuck, Reason::UndocumentedEnd { status }, now);
        }
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            let status = status.to_string().into();
            return self.end(State::Stuck, Reason::IngestionTimeout { status }, now);
        }
        self.reason = None;
        self.due = Some(now + policy.poll_wait(self.pushed.unwrap_or(now), now));
        self
    }

    /// Whether an operator action applies to the import now, by state and reason alone.
    #[must_use]
    pub fn takes(&self, action: OperatorAction) -> bool {
        use State::{Ingesting, Packed, Received, Rejected, Stuck};
        !self.is_left_alone()
            && match action {
                OperatorAction::Approve => self.state == Rejected && self.is_guarded(),
                OperatorAction::Retry => {
                    matches!(self.state, Received | Packed | Rejected | Stuck)
                        || self.code() == Some(ReasonCode::SameContent)
                }
                OperatorAction::Cancel => matches!(self.state, Received | Packed | Ingesting),
                OperatorAction::Resume => self.pauses,
            }
    }

    pub(super) fn asked(
        mut self,
        action: OperatorAction,
        by: String,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Result<Self, IllegalEvent> {
        if !self.takes(action) {
            return Err(IllegalEvent::new(self.state, Event::OperatorRequested { action, by }));
        }
        Ok(match action {
            OperatorAction::Approve => {
                let rules = self.reason.as_ref().map(Reason::rules).unwrap_or_default();
                let seen = self.baseline.clone().map(|file| SeenDeletions { rules, file });
                self.approval =
                    seen.map(|seen| DeletionApproval { by, scope: ApprovalScope::Seen(seen) });
                self.reopen(now, policy)
            }
            OperatorAction::Retry if self.state.is_end() => {
                self.record_action(&by).reopen(now, policy)
            }
            OperatorAction::Retry => {
                let state = self.state;
                self.record_action(&by).at_once(state, now, policy)
            }
            OperatorAction::Cancel => self.cancel(&by, now),
            OperatorAction::Resume if self.state == State::Packed => {
                self.record_action(&by).at_once(State::Packed, now, policy)
            }
            OperatorAction::Resume => {
                self.pauses = false;
                self.record_action(&by)
            }
        })
    }

    /// Starts again with the same file. Only an operator action reopens an end.
    fn reopen(mut self, now: OffsetDateTime, policy: &Policy) -> Self {
        self.report = None;
        self.error_count = 0;
        // If its clean-up failed, that of the next end finds it.
        self.package = None;
        self.failed_pushes = 0;
        self.busy_retries = 0;
        self.push_outcome_unknown = false;
        self.slot_released = false;
        self.ingestion = None;
        self.poll_path = None;
        self.service_status = None;
        self.pushed = None;
        self.ended = None;
        self.at_once(State::Received, now, policy)
    }

    /// Makes the import due now.
    fn at_once(mut self, state: State, now: OffsetDateTime, policy: &Policy) -> Self {
        self.pauses = false;
        self.reason = None;
        self.enter(state, now, Some(now + policy.wait_deadline))
    }

    /// Adds an action to the record. If it gets too long, the oldest ones go, and a mark says so.
    fn record_action(mut self, by: &str) -> Self {
        let before = self.operator_actions.take().unwrap_or_default();
        let before = before.split(NEXT_ACTION).filter(|action| !action.is_empty());
        let mut actions: VecDeque<&str> = before.chain([by]).collect();
        let characters = |action: &&str| action.chars().count() + NEXT_ACTION.len();
        let mut length: usize = actions.iter().map(characters).sum();
        let all = actions.len();
        while actions.len() > 1 && length > MOST_ACTION_CHARACTERS {
            length -= actions.pop_front().as_ref().map_or(0, characters);
        }
        if actions.len() < all {
            actions.push_front(LEFT_OUT);
        }
        self.operator_actions = Some(Vec::from(actions).join(NEXT_ACTION));
        self
    }

    fn cancel(self, by: &str, now: OffsetDateTime) -> Self {
        let reason = Reason::Cancelled {
            by: by.into(),
            ingestion: self.ingestion.as_ref().map(|id| (&id.0).into()),
            outcome_unknown: self.push_outcome_unknown,
        };
        // A pack in progress may still stage its zip: the zip is deleted when the pack has ended.
        let until = self.due.filter(|_| self.state == State::Received);
        let mut import = self.record_action(by).end(State::Cancelled, reason, now);
        import.pauses = false;
        import.due = import.due.map(|due| until.map_or(due, |until| until.max(due)));
        import
    }
}
