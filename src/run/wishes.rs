//! What a person's wish makes of a run. Only persons reopen an end.

use time::OffsetDateTime;

use crate::check::DeletionApproval;

use super::{Event, IllegalEvent, Policy, Run, State, Wish, reason::Reason};

impl Run {
    pub(super) fn asked(
        mut self,
        wish: Wish,
        by: String,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Result<Self, IllegalEvent> {
        use State::{Ingesting, Packed, Received, Rejected, Stuck};
        Ok(match (wish, self.state) {
            (Wish::Allow, Rejected) if self.is_guarded() => {
                self.approval = Some(DeletionApproval { by, seen: self.summary.clone() });
                self.reopen(now, policy)
            }
            (Wish::Retry, Rejected | Stuck) => self.by_hand(&by).reopen(now, policy),
            (Wish::Retry, state @ (Received | Packed)) => {
                self.by_hand(&by).at_once(state, now, policy)
            }
            (Wish::Cancel, Received | Packed | Ingesting) => self.cancel(&by, now),
            (Wish::Resume, Packed) if self.pauses => self.by_hand(&by).at_once(Packed, now, policy),
            (Wish::Resume, _) if self.pauses => {
                self.pauses = false;
                self.by_hand(&by)
            }
            (_, state) => return Err(IllegalEvent::new(state, Event::Asked { wish, by })),
        })
    }

    /// Begins again, because a person asked for it, with the file as it was taken in.
    fn reopen(mut self, now: OffsetDateTime, policy: &Policy) -> Self {
        self.report = None;
        self.problems = 0;
        self.failed_pushes = 0;
        self.busy = 0;
        self.answer_lost = false;
        self.yielded = false;
        self.ingestion = None;
        self.service_status = None;
        self.pushed = None;
        self.ended = None;
        self.at_once(State::Received, now, policy)
    }

    /// Is taken up now, and not because its time has come.
    fn at_once(mut self, state: State, now: OffsetDateTime, policy: &Policy) -> Self {
        self.pauses = false;
        self.reason = None;
        self.enter(state, now, Some(now + policy.wait_deadline))
    }

    fn by_hand(mut self, by: &str) -> Self {
        let before = self.by_hand.map(|before| format!("{before}; ")).unwrap_or_default();
        self.by_hand = Some(before + by);
        self
    }

    fn cancel(self, by: &str, now: OffsetDateTime) -> Self {
        let reason = Reason::Cancelled {
            by: by.into(),
            ingestion: self.ingestion.as_ref().map(|id| (&id.0).into()),
            outcome_unknown: self.answer_lost,
        };
        // A pack that is under way may stage its zip yet: it is deleted when that is over.
        let until = self.due.filter(|_| self.state == State::Received);
        let mut run = self.by_hand(by).end(State::Cancelled, reason, now);
        run.pauses = false;
        run.due = run.due.map(|due| until.map_or(due, |until| until.max(due)));
        run
    }
}
