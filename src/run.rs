//! The memory of one import, and the one pure function that moves it on.
//!
//! [`Run::apply`] lists every legal pair of state and event; [`Run::action`] says what is to be
//! done next. No clock, no storage and no network are in here, so that the live path and the
//! recovery after a power cut cannot differ.
//!
//! ```text
//! Received --Packed--> Packed --Claimed--> Pushing --Accepted--> Ingesting --Completed--> Completed
//!    | Refused           | Behind, Paused,    | Busy, NotSent: Packed, later | ValidationFailed
//!    v                   | SlotTaken: later   | PushFailed, AnswerLost:      v
//! Rejected               v Overtaken          |   Packed, a few times     Rejected
//!                     Superseded              | Forbidden: Packed, paused
//!                                             | PushRefused: Stuck
//! A person asks: Rejected, Stuck --Retry--> Received;  Received, Packed, Ingesting --Cancel--> Cancelled
//! ```
//!
//! A file that would delete too much is Rejected too, when it is checked (Received) or before it is
//! pushed (Packed), unless a person allows it.
//!
//! Laws kept here: an end stays an end, unless a person asks for another try; every live run is
//! due; a step that died is due again.

use std::time::Duration;

use time::OffsetDateTime;

pub use self::{
    advice::TO_BE_MENDED,
    event::{Action, Checked, Event, IllegalEvent, Wish},
    import::Run,
    journal::Stop,
    notice::{Message, Occasion},
    parts::{IngestionId, Package, Refresh, RunId, Source, State, to_the_second},
    policy::{MAX_RETRY_AFTER, Policy},
};
use crate::ingestion::wire::Status;

mod advice;
mod event;
mod import;
mod journal;
mod moves;
mod notice;
mod parts;
mod policy;
mod story;
mod wishes;

impl Run {
    /// What is to be done at `now`.
    #[must_use]
    pub fn action(&self, now: OffsetDateTime, policy: &Policy) -> Action {
        let Some(due) = self.due else { return Action::Rest };
        // What is due much later was written by a clock that was wrong, and is due now.
        if due > now && due <= now + policy.longest_wait() {
            return Action::Wait(due);
        }
        match self.state {
            State::Received => Action::Pack,
            State::Packed => Action::Push,
            State::Pushing => Action::Recover,
            State::Ingesting => Action::Follow,
            State::Completed
            | State::Rejected
            | State::Superseded
            | State::Cancelled
            | State::Stuck => Action::Discard,
        }
    }

    /// How long the step that was announced may take: most of what is left until somebody else
    /// would take it up.
    #[must_use]
    pub fn time_left(&self, now: OffsetDateTime) -> Duration {
        let left =
            self.due.map_or(Duration::ZERO, |due| (due - now).try_into().unwrap_or_default());
        left * 9 / 10
    }

    /// Whether the import occupies its tenant's one slot at the service. Once an answer was lost
    /// it may, until it is known what became of it, unless it had to give its place up.
    #[must_use]
    pub fn holds_slot(&self) -> bool {
        match self.state {
            State::Pushing | State::Ingesting => true,
            State::Received | State::Packed => self.answer_lost && !self.yielded,
            State::Completed
            | State::Rejected
            | State::Superseded
            | State::Cancelled
            | State::Stuck => false,
        }
    }

    /// The import after `event`: moved on, written down, and what is to be told noted.
    ///
    /// # Errors
    /// Where the event cannot happen in this state; nothing is changed then.
    pub fn apply(
        self,
        event: Event,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Result<Self, IllegalEvent> {
        let before = self.clone();
        let asked = if let Event::Asked { by, .. } = &event { Some(by.clone()) } else { None };
        let begins = matches!(event, Event::Began | Event::Discarded);
        let mut next = self.moved(event, now, policy)?;
        next.remember(&before, asked, begins, now);
        next.notice(&before, now);
        Ok(next)
    }

    fn moved(
        mut self,
        event: Event,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Result<Self, IllegalEvent> {
        use State::{
            Cancelled, Completed, Ingesting, Packed, Pushing, Received, Rejected, Stuck, Superseded,
        };
        self.discount_absence(now, policy);
        Ok(match (self.state, event) {
            (Received, Event::Began) => self.begin(now, policy),
            (Received, Event::Packed { package, refresh, checked }) => {
                self.package = Some(package);
                self.refresh = Some(refresh);
                self.checked(*checked, now)
            }
            (Received | Packed, Event::Refused { why, problems, report, guarded }) => {
                self.problems = problems;
                self.report = report;
                self.guarded = guarded.is_some();
                self.summary = guarded.map(|summary| *summary);
                self.rows = self.summary.as_ref().map(|summary| summary.rows);
                self.end(Rejected, Some(why), now)
            }
            (Received, Event::Replaced { by }) => {
                let why = format!(
                    "the file was replaced before it was read; its newer content is import {by}"
                );
                self.end(Superseded, Some(why), now)
            }
            (Packed, Event::Overtaken { by }) => {
                let lost = if self.answer_lost { "; a push of it was never answered" } else { "" };
                let why = format!("{by} is newer and replaces everything, this file too{lost}");
                self.end(Superseded, Some(why), now)
            }
            (Packed, Event::Paused { why }) => self.paused(&why, now, policy),
            (Packed, Event::Behind { older }) => {
                let why = format!("waits: {older} is older and goes first");
                self.queue_up(why, now, policy)
            }
            (Packed, Event::SlotTaken { by }) => {
                let why = format!(
                    "waits: another import of this tenant is under way ({by}), and the service \
                     takes one at a time"
                );
                self.queue_up(why, now, policy)
            }
            (Packed, Event::Claimed { scale_unit }) => self.claimed(scale_unit, now, policy),
            (Pushing, Event::Accepted { id, status }) => self.accepted(id, &status, now, policy),
            (Pushing, Event::Busy) => self.busy(now, policy),
            (Pushing, Event::AnswerLost { why }) => {
                self.answer_lost = true;
                self.push_failed(&format!("the push was not answered ({why})"), now, policy)
            }
            (Pushing, Event::PushFailed { why }) => self.push_failed(&why, now, policy),
            (Pushing, Event::NotSent { why, retry_at }) => {
                self.state = Packed;
                self.failed(why, retry_at, now, policy)
            }
            (Pushing, Event::TokenRefused { why })
            | (Packed | Pushing, Event::PushRefused { why }) => self.end(Stuck, Some(why), now),
            (Packed | Pushing, Event::Forbidden { why }) => self.forbidden(&why, now, policy),
            (Ingesting, Event::Said { status, detail, report }) => {
                self.service_status = Some(status.to_string());
                self.failures = 0;
                match status {
                    Status::Completed => self.end(Completed, None, now),
                    Status::ValidationFailed => {
                        self.report = report.or(self.report);
                        let why = detail.unwrap_or_else(|| "no reason given".to_owned());
                        let why = format!("the service's validation failed: {why}");
                        self.end(Rejected, Some(why), now)
                    }
                    Status::NotStarted | Status::ExtractionComplete | Status::Unknown(_) => {
                        self.still_ingesting(&status, now, policy)
                    }
                }
            }
            (_, Event::Faulted { why, retry_at }) => self.failed(why, retry_at, now, policy),
            (Packed | Pushing, Event::Discarded) => self.zip_lost(now, policy),
            (Completed | Rejected | Superseded | Cancelled | Stuck, Event::Discarded) => {
                self.package = None;
                self.due = None;
                self
            }
            (_, Event::Asked { wish, by }) => return self.asked(wish, by, now, policy),
            (state, event) => return Err(IllegalEvent::new(state, event)),
        })
    }
}

#[cfg(test)]
mod tests;
