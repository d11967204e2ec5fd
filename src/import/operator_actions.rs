//! What an operator's action makes of an import. Only persons reopen an end.

use time::OffsetDateTime;

use crate::schema::DeletionApproval;

use super::{Event, IllegalEvent, Import, OperatorAction, Policy, State, reason::Reason};

impl Import {
    /// Whether the import takes what a person asks for, as it is now: by state and reason alone.
    #[must_use]
    pub fn takes(&self, wish: OperatorAction) -> bool {
        use State::{Ingesting, Packed, Received, Rejected, Stuck};
        !self.is_left_alone()
            && match wish {
                OperatorAction::Allow => self.state == Rejected && self.is_guarded(),
                // What came without a tenant is taken in anew once its connection can be read.
                OperatorAction::Retry => {
                    let is_there = matches!(self.state, Received | Packed | Rejected | Stuck);
                    is_there && self.id.has_tenant()
                }
                OperatorAction::Cancel => matches!(self.state, Received | Packed | Ingesting),
                OperatorAction::Resume => self.pauses,
            }
    }

    pub(super) fn asked(
        mut self,
        wish: OperatorAction,
        by: String,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Result<Self, IllegalEvent> {
        if !self.takes(wish) {
            return Err(IllegalEvent::new(self.state, Event::OperatorRequested { wish, by }));
        }
        Ok(match wish {
            OperatorAction::Allow => {
                self.approval = Some(DeletionApproval { by, seen: self.summary.clone() });
                self.reopen(now, policy)
            }
            OperatorAction::Retry if self.state.is_end() => self.by_hand(&by).reopen(now, policy),
            OperatorAction::Retry => {
                let state = self.state;
                self.by_hand(&by).at_once(state, now, policy)
            }
            OperatorAction::Cancel => self.cancel(&by, now),
            OperatorAction::Resume if self.state == State::Packed => {
                self.by_hand(&by).at_once(State::Packed, now, policy)
            }
            OperatorAction::Resume => {
                self.pauses = false;
                self.by_hand(&by)
            }
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
