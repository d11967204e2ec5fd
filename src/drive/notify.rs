//! Who is told when a person is needed.
//!
//! A message waits in the row of its import. It is claimed by one conditional write and crossed out
//! by another, so that two instances do not both tell it; where the power goes between the two it
//! is told once more. No step of an import waits for it.

use azure_core::Result;
use futures::{StreamExt as _, stream};

use super::{AT_ONCE, Road};
use crate::{
    azure::sentence,
    connection::Notify,
    notify::{Letter, send},
    run::{Occasion, Run, State},
    runs::{Saved, Stored},
};

impl Road {
    /// Tells the messages that are due.
    pub(super) async fn tell_due(&self, due: Vec<Stored>) {
        stream::iter(due)
            .for_each_concurrent(AT_ONCE, async |stored| {
                let file = stored.run.source.file();
                if let Err(error) = self.tell_one(stored).await {
                    let why = sentence(&error);
                    tracing::warn!("{file}: the message about it is told later: {why}");
                }
            })
            .await;
    }

    async fn tell_one(&self, stored: Stored) -> Result<()> {
        let now = (self.clock)();
        let Some(message) = stored.run.message_due(now).cloned() else { return Ok(()) };
        let connection = self.connection(&stored.run.connection).await?;
        let notify = connection.and_then(|read| read.ok()?.notify);
        let is_news = match message.occasion {
            Occasion::Recovered => self.is_first_success(&stored.run).await?,
            Occasion::Rejected | Occasion::Stuck | Occasion::Refused | Occasion::Overdue => true,
        };
        let Some(notify) = notify.filter(|_| is_news) else {
            let silent = stored.run.clone().not_to_be_told();
            return self.runs.save(stored, silent).await.map(drop);
        };
        let claimed = stored.run.clone().telling(now, &self.config.policy);
        let Saved::Done(stored) = self.runs.save(stored, claimed).await? else { return Ok(()) };
        let next = self.send(&stored.run, message.occasion, &notify).await;
        match self.runs.save((*stored).clone(), next.clone()).await? {
            Saved::Done(_) => Ok(()),
            // Somebody has written the row meanwhile; the message is crossed out if it still stands.
            Saved::Lost => self.cross_out(&next, message.occasion).await,
        }
    }

    /// What the import is once the message was sent, or was not.
    async fn send(&self, run: &Run, occasion: Occasion, notify: &Notify) -> Run {
        let letter = Letter { occasion, run, page: self.page_of(run) };
        let sent = send(&letter, notify, &*self.setting, (self.clock)()).await;
        let (file, now, run) = (run.source.file(), (self.clock)(), run.clone());
        match sent {
            Ok(()) => {
                tracing::info!("{file}: told that it is {}", occasion.word());
                run.told(now)
            }
            Err(why) => {
                tracing::warn!(
                    "{file}: nobody could be told that it is {}: {why}",
                    occasion.word()
                );
                run.not_told(&why, now, &self.config.policy)
            }
        }
    }

    async fn cross_out(&self, next: &Run, occasion: Occasion) -> Result<()> {
        let Some(stored) = self.runs.get(&next.id).await? else { return Ok(()) };
        if stored.run.message.as_ref().is_none_or(|waits| waits.occasion != occasion) {
            return Ok(());
        }
        let (message, told) = (next.message.clone(), next.told.clone());
        let crossed_out = Run { message, told, ..stored.run.clone() };
        // Where that is lost too, the message is told once more when its claim has run out.
        self.runs.save(stored, crossed_out).await.map(drop)
    }

    /// Whether an import is the first of its connection that was completed after a failure, its own
    /// earlier ones among them.
    async fn is_first_success(&self, run: &Run) -> Result<bool> {
        let is_bad = |state| matches!(state, State::Rejected | State::Stuck);
        if run.told.is_some() || run.journal.iter().any(|stop| is_bad(stop.state)) {
            return Ok(true);
        }
        let siblings = self.runs.of_connection(run).await?;
        let ended = siblings.iter().filter(|other| {
            other.id != run.id && (is_bad(other.state) || other.state == State::Completed)
        });
        let last = ended.filter(|other| other.ended < run.ended).max_by_key(|other| other.ended);
        Ok(last.is_some_and(|last| is_bad(last.state) || is_told_overdue(last)))
    }

    /// The import on the status page, where people need no key to look at it.
    fn page_of(&self, run: &Run) -> Option<String> {
        let host = (self.setting)("WEBSITE_HOSTNAME").filter(|_| self.config.sign_in)?;
        Some(format!("https://{host}/api/signed-in/status/{}", run.id))
    }
}

fn is_told_overdue(run: &Run) -> bool {
    run.told.as_ref().is_some_and(|told| told.contains(Occasion::Overdue.word()))
}
