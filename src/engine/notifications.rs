//! Who is told when a person is needed.
//!
//! A message waits in the row of its import. It is claimed by one conditional write and crossed out
//! by another, so that two instances do not both tell it; where the power goes between the two it
//! is told once more. No step of an import waits for it.

use std::{future::ready, time::Duration};

use azure_core::Result;
use futures::{StreamExt as _, stream};

use super::{AT_ONCE, Engine, intake::Overdue, log};
use crate::{
    http::azure::sentence,
    import::{
        Event, Import, ImportId, NotificationEvent, NotificationKind, PendingNotification, State,
        connection_record::ConnectionRecord,
        reason::{Reason, Text},
        to_the_second,
    },
    messages,
    notify::{About, Notification, send},
    schema::Notify,
    storage::import_table::{Saved, Stored},
};

/// No message is begun any more once so much of an invocation has gone to them: the rest is told by
/// the next, and no import waits.
const TELLING: Duration = Duration::from_secs(20);

impl Engine {
    /// Tells the messages that are due, as many as there is time for.
    pub(super) async fn tell_due(&self, due: Vec<Stored>) {
        let last_begin = (self.clock)() + TELLING;
        stream::iter(due)
            .take_while(|_| ready((self.clock)() < last_begin))
            .for_each_concurrent(AT_ONCE, async |stored| {
                let import = stored.import.clone();
                if let Err(error) = self.tell_one(stored).await {
                    self.log_storage(&import, "the notification of it is sent later", &error);
                }
            })
            .await;
    }

    async fn tell_one(&self, mut stored: Stored) -> Result<()> {
        let (now, policy) = ((self.clock)(), &self.config.policy);
        let Some(mut message) = stored.import.message_due(now, policy).cloned() else {
            return Ok(());
        };
        let notify = match self.notify_of(&stored.import).await? {
            Ok(notify) => notify,
            // Nobody can have asked for it there.
            Err(_) if message.kind == NotificationKind::Completed => None,
            Err(reason) => {
                // Somebody may be at work on the document: nothing is given up for that at once.
                let why = messages::cause(&reason, stored.import.target).into();
                return self.became(stored, NotificationEvent::Failed { why }).await;
            }
        };
        let wants_each = notify.as_ref().is_some_and(|notify| notify.completed);
        if message.kind == NotificationKind::Completed && !wants_each {
            // Saved with what becomes of the next one.
            let dropped = Event::Notification(NotificationEvent::Dropped);
            stored.import = self.applied(stored.import, dropped)?;
            let Some(next) = stored.import.notification.clone() else { return Ok(()) };
            message = next;
        }
        let Some(notify) = notify else {
            return self.became(stored, NotificationEvent::Dropped).await;
        };
        let is_news = match message.kind {
            NotificationKind::Recovered => self.is_first_success(&stored.import).await?,
            NotificationKind::Overdue => !self.has_come_since(&stored.import).await?,
            NotificationKind::Rejected
            | NotificationKind::Stuck
            | NotificationKind::Forbidden
            | NotificationKind::CredentialFailed
            | NotificationKind::ConnectionInvalid
            | NotificationKind::Completed => true,
        };
        if !is_news {
            return self.became(stored, NotificationEvent::Dropped).await;
        }
        let Some(stored) = self.note(stored, Event::Notification(NotificationEvent::Began)).await?
        else {
            return Ok(());
        };
        let id = stored.import.id.clone();
        let event = self.send(&stored.import, &message, &notify).await;
        if self.note(*stored, event.clone()).await?.is_none() {
            // Somebody has written the row meanwhile; the message is crossed out if it still stands.
            self.cross_out(&id, event, &message).await?;
        }
        Ok(())
    }

    /// Who is told of an import: whom its connection names, nobody where that names none, and whom the app names
    /// where the connection cannot be used. Why nobody knows now.
    async fn notify_of(
        &self,
        import: &Import,
    ) -> Result<std::result::Result<Option<Notify>, Reason>> {
        let reason = match self.usable_connection(import).await? {
            Ok(connection) => return Ok(Ok(connection.notify)),
            // The document was corrected: the file is taken in anew, and what comes of that is told.
            Err(Reason::TenantChanged { .. }) if !import.id.has_tenant() => return Ok(Ok(None)),
            Err(reason) => reason,
        };
        Ok(self.config.notify.clone().map(Some).ok_or(reason))
    }

    async fn became(&self, stored: Stored, event: NotificationEvent) -> Result<()> {
        self.note(stored, Event::Notification(event)).await.map(drop)
    }

    /// Tells of connections of which no file has come, if that is due, one by one for each: their rows keep
    /// whether it was.
    pub(super) async fn tell_never_came(&self, overdue: Vec<Overdue>) {
        stream::iter(overdue)
            .for_each_concurrent(AT_ONCE, async |overdue| {
                if let Err(error) = self.tell_that_none_came(&overdue).await {
                    log::overdue_failed(&overdue.connection.name, &sentence(&error));
                }
            })
            .await;
    }

    async fn tell_that_none_came(&self, overdue: &Overdue) -> Result<()> {
        let Overdue { connection, since, every_days } = overdue;
        let (tenant, name, policy) =
            (&connection.caller.tenant, &connection.name, &self.config.policy);
        let notify = connection.notify.as_ref().or(self.config.notify.as_ref());
        let Some(notify) = notify else { return Ok(()) };
        let now = (self.clock)();
        let begins = |record: &mut ConnectionRecord| record.overdue_begins(*since, now, policy);
        let Some(noted) = self.imports.change_connection(tenant, name, begins).await? else {
            return Ok(());
        };
        let about = About::Connection { connection, since: *since, every_days: *every_days };
        let letter =
            Notification { occasion: NotificationKind::Overdue, since: noted, about, page: None };
        let sent = send(&letter, notify, &*self.setting, now).await;
        let failed = sent.err().map(|error| error.to_string());
        match &failed {
            None => log::overdue_notified(name),
            Some(why) => log::overdue_failed(name, why),
        }
        let (failed, now) = (failed.map(Text::from), (self.clock)());
        let ended = |record: &mut ConnectionRecord| {
            record.overdue_ended(noted, failed.as_ref(), now, policy)
        };
        self.imports.change_connection(tenant, name, ended).await.map(drop)
    }

    /// Saves what becomes of a notification; `None` where somebody else has moved the import on.
    async fn note(&self, stored: Stored, event: Event) -> Result<Option<Box<Stored>>> {
        let next = self.applied(stored.import.clone(), event)?;
        Ok(match self.imports.save(stored, next, (self.clock)()).await? {
            Saved::Done { stored, .. } => Some(stored),
            Saved::Lost => None,
        })
    }

    /// Sends a notification; what became of it.
    async fn send(&self, import: &Import, message: &PendingNotification, notify: &Notify) -> Event {
        let PendingNotification { kind: occasion, since, .. } = *message;
        let letter = Notification {
            occasion,
            since,
            about: About::Import(import),
            page: self.config.app.page_of(&import.id.name()),
        };
        let sent = send(&letter, notify, &*self.setting, (self.clock)()).await;
        let now = (self.clock)();
        match sent {
            Ok(()) => {
                log::notified(import, occasion, now);
                Event::Notification(NotificationEvent::Sent)
            }
            Err(error) => {
                let why = error.to_string();
                let what = format!("nobody could be told that it is {}", occasion.as_ref());
                log::failed(import, log::reason_of(import), &what, &why, now);
                Event::Notification(NotificationEvent::Failed { why: why.into() })
            }
        }
    }

    async fn cross_out(
        &self,
        id: &ImportId,
        event: Event,
        message: &PendingNotification,
    ) -> Result<()> {
        let Some(stored) = self.imports.get(id).await? else { return Ok(()) };
        // The table keeps less of a moment than a clock tells.
        let is_this = |waits: &PendingNotification| {
            waits.kind == message.kind && to_the_second(waits.since) == to_the_second(message.since)
        };
        // What is under way is not disturbed for that: it is told once more.
        if !stored.import.is_at_rest() || !stored.import.notification.as_ref().is_some_and(is_this)
        {
            return Ok(());
        }
        // Where that is lost too, the message is told once more when its claim has run out.
        self.note(stored, event).await.map(drop)
    }

    /// Whether an import is the first of its connection that was completed after something went wrong:
    /// with itself, with another since the last success, or because nothing came for too long.
    async fn is_first_success(&self, import: &Import) -> Result<bool> {
        let is_bad = |state| matches!(state, State::Rejected | State::Stuck);
        if import.was_in_need() || import.history.iter().any(|stop| is_bad(stop.state)) {
            return Ok(true);
        }
        let siblings = self.imports.of_connection(import).await?;
        let others =
            || siblings.iter().map(|stored| &stored.import).filter(|other| other.id != import.id);
        let successes = others().filter(|other| other.state.is_accepted());
        let last = successes.filter(|other| other.ended < import.ended).max_by_key(|it| it.ended);
        let since = last.and_then(|last| last.ended);
        let mut between = others().filter(|other| match other.ended {
            Some(at) => Some(at) > since && Some(at) < import.ended,
            None => Some(other.received) < import.ended,
        });
        let was_late = last.is_some_and(|last| last.was_told(NotificationKind::Overdue));
        if was_late || between.any(|other| is_bad(other.state) || other.was_in_need()) {
            return Ok(true);
        }
        // Before the first success of all only the row of the connection knows whether none came in time.
        if last.is_some() {
            return Ok(false);
        }
        let record = self.imports.connection(&import.id.tenant, &import.connection).await?;
        Ok(record.was_told_overdue())
    }

    /// Whether another file of its connection has come after an import.
    async fn has_come_since(&self, import: &Import) -> Result<bool> {
        let siblings = self.imports.of_connection(import).await?;
        Ok(siblings.iter().any(|other| other.import.received > import.received))
    }
}
