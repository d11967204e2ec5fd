//! The occasions at which somebody wants to be told, and the message that waits to be told.
//!
//! A message is a part of its import's row, so it is not lost and not told twice by two instances.
//! It is sent only where an import rests: at an end, paused, or while it waits for a correction. No push,
//! and no pack, loses its write to it; a cleaning up or a look whether that is over may, and comes again.

use time::OffsetDateTime;

use super::{
    Delivery, Event, IllegalEvent, Import, NotificationEvent, NotificationKind,
    PendingNotification, Policy, Sent, State, reason::ReasonCode,
};

/// How often a message is tried.
pub(super) const TRIES: u32 = 20;
/// What was told last counts: so much of it is kept.
const MOST_SENT: usize = 10;

impl NotificationKind {
    /// Whether it is said once for a connection, and not for each file.
    #[must_use]
    pub fn is_of_connection(self) -> bool {
        matches!(self, Self::Forbidden | Self::CredentialFailed | Self::ConnectionInvalid)
    }

    /// Whether a person is needed, and an alert looks for it.
    #[must_use]
    pub fn needs_person(self) -> bool {
        !matches!(self, Self::Completed | Self::Recovered)
    }

    /// What there is to tell of an import in this state that is kept waiting by this reason of its
    /// connection.
    #[must_use]
    pub fn at(state: State, blocked: Option<ReasonCode>) -> Option<Self> {
        match state {
            State::Rejected => Some(Self::Rejected),
            State::Stuck => Some(Self::Stuck),
            State::Completed | State::Accepted => Some(Self::Completed),
            State::Superseded | State::Cancelled => None,
            State::Received | State::Packed | State::Pushing | State::Ingesting => {
                let code = blocked?;
                let is_of_credential =
                    matches!(code, ReasonCode::CredentialFailed | ReasonCode::TokenRejected);
                Some(if matches!(code, ReasonCode::Forbidden | ReasonCode::PollForbidden) {
                    Self::Forbidden
                } else if is_of_credential {
                    Self::CredentialFailed
                } else {
                    Self::ConnectionInvalid
                })
            }
        }
    }

    /// What has just happened to an import that was `before`. A success is noted whether or not somebody
    /// wants to know of each: whoever knows the connection decides.
    #[must_use]
    pub fn of(before: &Import, after: &Import) -> Option<Self> {
        let is_new =
            before.state.is_end() != after.state.is_end() || before.blocked != after.blocked;
        Self::at(after.state, after.blocked).filter(|_| is_new)
    }
}

impl PendingNotification {
    fn new(occasion: NotificationKind, now: OffsetDateTime) -> Self {
        Self { kind: occasion, since: now, due: now, failures: 0 }
    }
}

impl Import {
    /// Notes what is to be told now; what was not told before the import moved on is not any more.
    pub(super) fn notice(&mut self, before: &Self, now: OffsetDateTime) {
        if let Some(occasion) = NotificationKind::of(before, self) {
            self.notification =
                self.notify_enabled.then(|| PendingNotification::new(occasion, now));
        }
        let is_kept = self.is_at_rest() || self.blocked.is_some();
        let is_over = self.blocked.is_none() && !self.pauses;
        let is_of_connection =
            self.notification.as_ref().is_some_and(|it| it.kind.is_of_connection());
        if !is_kept || is_of_connection && is_over {
            self.notification = None;
        }
    }

    /// Whether nothing is under way: only then a message is told.
    #[must_use]
    pub(crate) fn is_at_rest(&self) -> bool {
        self.state.is_end() || self.is_forbidden() || self.waits_now()
    }

    /// The message that is due at `now`. What is due much later was written by a clock that was wrong.
    #[must_use]
    pub(crate) fn message_due(
        &self,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Option<&PendingNotification> {
        let latest = now + policy.longest_wait();
        let is_due = |message: &&PendingNotification| message.due <= now || message.due > latest;
        self.notification.as_ref().filter(is_due).filter(|_| self.is_at_rest())
    }

    /// Whether it was told, or was to be told, that a person is needed.
    #[must_use]
    pub(crate) fn was_in_need(&self) -> bool {
        self.notifications_sent.iter().any(|sent| sent.kind.needs_person())
    }

    /// Whether somebody was told of this occasion.
    #[must_use]
    pub fn was_told(&self, occasion: NotificationKind) -> bool {
        let is_told = |sent: &Sent| sent.kind == occasion && sent.outcome == Delivery::Delivered;
        self.notifications_sent.iter().any(is_told)
    }

    /// Whether there is something to notify of where nothing has come since: that was not noted already,
    /// no other notification waits, and somebody wants to know.
    #[must_use]
    pub(crate) fn can_be_overdue(&self) -> bool {
        let was_noted =
            self.notifications_sent.iter().any(|sent| sent.kind == NotificationKind::Overdue);
        self.notify_enabled && self.state.is_end() && self.notification.is_none() && !was_noted
    }

    /// What becomes of the notification: the import itself stays where it is.
    pub(super) fn notified(
        mut self,
        event: NotificationEvent,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Result<Self, IllegalEvent> {
        let state = self.state;
        let illegal = |event| Err(IllegalEvent::new(state, Event::Notification(event)));
        if event == NotificationEvent::Overdue {
            if !self.can_be_overdue() {
                return illegal(event);
            }
            self.notification = Some(PendingNotification::new(NotificationKind::Overdue, now));
            return Ok(self);
        }
        let Some(mut message) = self.notification.take() else { return illegal(event) };
        let (occasion, since) = (message.kind, message.since);
        match event {
            NotificationEvent::Overdue | NotificationEvent::Dropped => {}
            // Nobody else sends it for as long as a step may take.
            NotificationEvent::Began => {
                message.due = now + policy.step_timeout;
                self.notification = Some(message);
            }
            NotificationEvent::Sent => self.note_sent(message.kind, Delivery::Delivered, now),
            // It is tried again, rarer and rarer, and at last given up.
            NotificationEvent::Failed { why } => {
                message.failures += 1;
                if message.failures >= TRIES {
                    self.note_sent(message.kind, Delivery::GivenUp(why), now);
                } else {
                    message.due = now + policy.busy_wait(&self.id, message.failures);
                    self.notification = Some(message);
                }
            }
        }
        // Every success is one that may be the first after a failure: whoever knows the other imports decides.
        if occasion == NotificationKind::Completed && self.notification.is_none() {
            let recovered = PendingNotification::new(NotificationKind::Recovered, now);
            self.notification = Some(PendingNotification { since, ..recovered });
        }
        Ok(self)
    }

    fn note_sent(&mut self, occasion: NotificationKind, outcome: Delivery, at: OffsetDateTime) {
        self.notifications_sent.push(Sent { kind: occasion, at, outcome });
        let beyond = self.notifications_sent.len().saturating_sub(MOST_SENT);
        self.notifications_sent.drain(..beyond);
    }
}
