//! Notifications that a person has to act.
//!
//! A notification waits in the row of its import. One conditional write claims it and another one removes
//! it, so two instances do not both send it. If the power goes between the two writes, it is sent once
//! more. No step of an import waits for a notification.

use std::{future::ready, time::Duration};

use azure_core::Result;
use futures::{StreamExt as _, stream};
use time::OffsetDateTime;

use super::{AT_ONCE, Engine, log, sweep::Overdue};
use crate::{
    http::azure::sentence,
    import::{
        Event, Import, ImportId, NotificationEvent, NotificationKind, PendingNotification,
        connection_record::ConnectionRecord,
        reason::{Reason, Text},
        to_the_second,
    },
    messages,
    notify::{About, Notification, send},
    schema::Notify,
    storage::import_table::{Saved, Stored},
};

/// After this much of an invocation no further notification is sent: the next invocation sends the rest, so
/// that no import waits.
const TIME_LIMIT: Duration = Duration::from_secs(20);

impl Engine {
    /// Sends the notifications that are due, as many as time allows.
    pub(super) async fn send_due(&self, due: Vec<Stored>) {
        let last_begin = (self.clock)() + TIME_LIMIT;
        stream::iter(due)
            .take_while(|_| ready((self.clock)() < last_begin))
            .for_each_concurrent(AT_ONCE, async |stored| {
                let import = stored.import.clone();
                if let Err(error) = Box::pin(self.send_one(stored)).await {
                    let what = "Could not process the notification, retrying later";
                    self.log_storage(&import, what, &error);
                }
            })
            .await;
    }

    async fn send_one(&self, mut stored: Stored) -> Result<()> {
        let (now, policy) = ((self.clock)(), &self.config.policy);
        let Some(mut message) = stored.import.message_due(now, policy).cloned() else {
            return Ok(());
        };
        let notify = match self.notify_of(&stored.import).await? {
            Ok(notify) => notify,
            // The document is unusable, so it does not request single successes.
            Err(_) if message.kind == NotificationKind::Completed => None,
            Err(reason) => {
                // Somebody may be editing the document: retry before giving up.
                let why = messages::cause(&reason, stored.import.target).into();
                return self.became(stored, NotificationEvent::Failed { why }).await;
            }
        };
        let wants_each = notify.as_ref().is_some_and(|notify| notify.completed);
        if message.kind == NotificationKind::Completed && !wants_each {
            // Saved together with the change of the next notification.
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
            // The row has changed meanwhile: remove the notification if it is still there.
            self.remove(&id, event, &message).await?;
        }
        Ok(())
    }

    /// Where to notify: the webhook of the connection, none if the connection has none, or the app's webhook
    /// if the document is unusable. The reason if there is no webhook for that case.
    async fn notify_of(
        &self,
        import: &Import,
    ) -> Result<std::result::Result<Option<Notify>, Reason>> {
        let reason = match self.usable_connection(import).await? {
            Ok(connection) => return Ok(Ok(connection.notify)),
            Err(reason) => reason,
        };
        Ok(self.config.notify.clone().map(Some).ok_or(reason))
    }

    async fn became(&self, stored: Stored, event: NotificationEvent) -> Result<()> {
        self.note(stored, Event::Notification(event)).await.map(drop)
    }

    /// Notifies of overdue files of connections that have never had one, if due. The row of each connection
    /// records the result.
    pub(super) async fn notify_never_came(&self, overdue: Vec<Overdue>) {
        stream::iter(overdue)
            .for_each_concurrent(AT_ONCE, async |overdue| {
                if let Err(error) = self.notify_overdue(&overdue).await {
                    let kind = NotificationKind::Overdue;
                    let (name, why) = (&overdue.connection.name, sentence(&error));
                    log::notified_of_connection(name, kind, Some(&why));
                }
            })
            .await;
    }

    async fn notify_overdue(&self, overdue: &Overdue) -> Result<()> {
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
        let kind = NotificationKind::Overdue;
        let notification = Notification { kind, since: noted, about, page: None };
        let failed = self.send_of_connection(name, &notification, notify).await;
        let now = (self.clock)();
        let ended = |record: &mut ConnectionRecord| {
            record.overdue_ended(noted, failed.as_ref(), now, policy)
        };
        self.imports.change_connection(tenant, name, ended).await.map(drop)
    }

    /// Reports that the document of a connection is invalid: by a warning once until it is corrected, and by one
    /// notification of the app.
    pub(super) async fn note_invalid(&self, name: &str, reason: &Reason) -> Result<()> {
        let (now, policy) = ((self.clock)(), &self.config.policy);
        let notify = self.config.notify.as_ref();
        let received = self.last_received(name).await?;
        let begins = |record: &mut ConnectionRecord| {
            // A file was received since: the document was valid.
            record.invalid.take_if(|known| received.is_some_and(|at| at > known.since));
            let is_first = record.invalid.is_none();
            let since = record.invalid_begins(now, policy).filter(|_| is_first || notify.is_some());
            since.map(|since| (is_first, since))
        };
        let tenant = ImportId::NO_TENANT;
        let Some((is_first, since)) = self.imports.change_connection(tenant, name, begins).await?
        else {
            return Ok(());
        };
        if is_first {
            log::invalid(name, reason);
        }
        let Some(notify) = notify else { return Ok(()) };
        let kind = NotificationKind::ConnectionInvalid;
        let about = About::Document { connection: name, reason };
        let notification = Notification { kind, since, about, page: None };
        let failed = self.send_of_connection(name, &notification, notify).await;
        let now = (self.clock)();
        let ended = |record: &mut ConnectionRecord| {
            record.invalid_ended(since, failed.as_ref(), now, policy)
        };
        self.imports.change_connection(tenant, name, ended).await.map(drop)
    }

    /// When a file of a connection was last received, in any tenant.
    async fn last_received(&self, name: &str) -> Result<Option<OffsetDateTime>> {
        let mut last = None;
        for tenant in self.imports.tenants().await? {
            last = last.max(self.imports.connection(&tenant, name).await?.last_received);
        }
        Ok(last)
    }

    /// Sends a notification that no import holds; returns why it failed.
    async fn send_of_connection(
        &self,
        name: &str,
        notification: &Notification<'_>,
        notify: &Notify,
    ) -> Option<Text> {
        let sent = send(notification, notify, &*self.setting, (self.clock)()).await;
        let failed = sent.err().map(|error| error.to_string());
        log::notified_of_connection(name, notification.kind, failed.as_deref());
        failed.map(Text::from)
    }

    /// Saves a change of a notification; `None` if the import has changed meanwhile.
    async fn note(&self, stored: Stored, event: Event) -> Result<Option<Box<Stored>>> {
        let next = self.applied(stored.import.clone(), event)?;
        Ok(match self.imports.save(stored, next, (self.clock)()).await? {
            Saved::Done { stored, .. } => Some(stored),
            Saved::Lost => None,
        })
    }

    /// Sends a notification and returns the result as an event.
    async fn send(&self, import: &Import, message: &PendingNotification, notify: &Notify) -> Event {
        let PendingNotification { kind, since, .. } = *message;
        let notification = Notification {
            kind,
            since,
            about: About::Import(import),
            page: self.config.app.page_of(&import.id.name()),
        };
        let sent = send(&notification, notify, &*self.setting, (self.clock)()).await;
        let now = (self.clock)();
        match sent {
            Ok(()) => {
                log::notified(import, kind, now);
                Event::Notification(NotificationEvent::Sent)
            }
            Err(error) => {
                let why = error.to_string();
                let what = format!("Could not send the notification {}", kind.as_ref());
                log::failed(import, log::reason_of(import), &what, &why, now);
                Event::Notification(NotificationEvent::Failed { why: why.into() })
            }
        }
    }

    /// Removes a notification from a row that has changed while it was sent.
    async fn remove(
        &self,
        id: &ImportId,
        event: Event,
        message: &PendingNotification,
    ) -> Result<()> {
        let Some(stored) = self.imports.get(id).await? else { return Ok(()) };
        // The table keeps a time less exactly than the clock.
        let is_this = |waits: &PendingNotification| {
            waits.kind == message.kind && to_the_second(waits.since) == to_the_second(message.since)
        };
        // An import in progress is not disturbed: the notification is sent once more.
        if !stored.import.is_at_rest() || !stored.import.notification.as_ref().is_some_and(is_this)
        {
            return Ok(());
        }
        // If this write is lost too, the notification is sent once more when its claim has expired.
        self.note(stored, event).await.map(drop)
    }

    /// Whether an import is the first success of its connection after a failure: of the import itself, of
    /// another import since the last success, or because a file was overdue.
    async fn is_first_success(&self, import: &Import) -> Result<bool> {
        if import.has_recovered() {
            return Ok(true);
        }
        let record = self.imports.connection(&import.id.tenant, &import.connection).await?;
        Ok(record.recovered_by.as_ref() == Some(&import.id.key))
    }

    /// Whether another file of the connection has arrived after an import.
    async fn has_come_since(&self, import: &Import) -> Result<bool> {
        let record = self.imports.connection(&import.id.tenant, &import.connection).await?;
        Ok(record.last_received_import.is_some_and(|last| last != import.id.key))
    }
}
