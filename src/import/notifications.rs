//! When a notification is sent.
//!
//! A notification is part of its import's row, so it is not lost, and two instances do not send it twice.
//! It is sent only if the import rests: at an end, paused, or while it waits for a correction. It never
//! makes a push or a pack lose its write. A clean-up, or a retry after a correction, may lose its write and
//! is repeated.

use time::OffsetDateTime;

use super::{
    Delivery, Event, IllegalEvent, Import, NotificationEvent, NotificationKind,
    PendingNotification, Policy, Sent, State, reason::ReasonCode,
};

/// The most attempts to send a notification.
pub(super) const TRIES: u32 = 20;
/// The most sent notifications that are kept: the last ones.
const MOST_SENT: usize = 10;

impl NotificationKind {
    /// Whether it is sent once for a connection, and not for each file.
    #[must_use]
    pub fn is_of_connection(self) -> bool {
        matches!(self, Self::Forbidden | Self::CredentialFailed | Self::ConnectionInvalid)
    }

    /// Whether a person has to act, so that an alert fires.
    #[must_use]
    pub fn needs_person(self) -> bool {
        !matches!(self, Self::Completed | Self::Recovered)
    }

    /// The notification for an import in this state that is blocked by this reason of its connection.
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

    /// What has just happened to an import that was `before`. Every success counts; the connection decides
    /// later whether it wants to be notified of each.
    #[must_use]
    pub fn of(before: &Import, after: &Import) -> Option<Self> {
        let is_new =
            before.state.is_end() != after.state.is_end() || before.blocked != after.blocked;
        let kind = if after.code() == Some(ReasonCode::SameContent) {
            // Nothing was accepted, but a failure before it is over.
            Some(Self::Recovered)
        } else {
            Self::at(after.state, after.blocked)
        };
        kind.filter(|_| is_new)
    }
}

impl PendingNotification {
    fn new(kind: NotificationKind, now: OffsetDateTime) -> Self {
        Self { kind, since: now, due: now, failures: 0 }
    }
}

impl Import {
    /// Sets the notification that is due now. One that was not sent before the import changed is dropped.
    pub(super) fn notice(&mut self, before: &Self, now: OffsetDateTime) {
        if let Some(kind) = NotificationKind::of(before, self) {
            self.notification = self.notify_enabled.then(|| PendingNotification::new(kind, now));
        }
        let is_kept = self.is_at_rest() || self.blocked.is_some();
        let is_over = self.blocked.is_none() && !self.pauses;
        let is_of_connection =
            self.notification.as_ref().is_some_and(|it| it.kind.is_of_connection());
        if !is_kept || is_of_connection && is_over {
            self.notification = None;
        }
    }

    /// Whether nothing is in progress: only then a notification is sent.
    #[must_use]
    pub(crate) fn is_at_rest(&self) -> bool {
        self.state.is_end() || self.is_forbidden() || self.waits_now()
    }

    /// The notification that is due at `now`. A time far in the future was written by a wrong clock, and is due.
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

    /// How often a notification was sent, or tried in vain, that a person has to act.
    #[must_use]
    pub(super) fn times_in_need(&self) -> usize {
        self.notifications_sent.iter().filter(|sent| sent.kind.needs_person()).count()
    }

    /// Whether it failed itself, or a person was notified of it, before it succeeded. Of a reason that it reported for
    /// its connection, the first success of any file is the end.
    #[must_use]
    pub(crate) fn has_recovered(&self) -> bool {
        let is_bad = |state| matches!(state, State::Rejected | State::Stuck);
        let is_own = |kind: NotificationKind| kind.needs_person() && !kind.is_of_connection();
        self.notifications_sent.iter().any(|sent| is_own(sent.kind))
            || self.history.iter().any(|entry| is_bad(entry.state))
    }

    /// Whether a notification of this kind was delivered.
    #[must_use]
    pub fn was_notified(&self, kind: NotificationKind) -> bool {
        let is_delivered = |sent: &Sent| sent.kind == kind && sent.outcome == Delivery::Delivered;
        self.notifications_sent.iter().any(is_delivered)
    }

    /// Whether an overdue file can be reported with this import: it was not reported before, no other
    /// notification waits, and notifications are configured.
    #[must_use]
    pub(crate) fn can_be_overdue(&self) -> bool {
        let was_noted =
            self.notifications_sent.iter().any(|sent| sent.kind == NotificationKind::Overdue);
        self.notify_enabled && self.state.is_end() && self.notification.is_none() && !was_noted
    }

    /// Applies a change of the notification; the import itself does not change.
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
        let (kind, since) = (message.kind, message.since);
        match event {
            NotificationEvent::Overdue | NotificationEvent::Dropped => {}
            // No other instance sends it for as long as a step may take.
            NotificationEvent::Began => {
                message.due = now + policy.step_timeout;
                self.notification = Some(message);
            }
            NotificationEvent::Sent => self.note_sent(message.kind, Delivery::Delivered, now),
            // It is retried at growing intervals, up to the last attempt.
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
        // Any success may be the first after a failure: the engine knows the other imports and decides.
        if kind == NotificationKind::Completed && self.notification.is_none() {
            let recovered = PendingNotification::new(NotificationKind::Recovered, now);
            self.notification = Some(PendingNotification { since, ..recovered });
        }
        Ok(self)
    }

    fn note_sent(&mut self, kind: NotificationKind, outcome: Delivery, at: OffsetDateTime) {
        self.notifications_sent.push(Sent { kind, at, outcome });
        let beyond = self.notifications_sent.len().saturating_sub(MOST_SENT);
        self.notifications_sent.drain(..beyond);
    }
}
