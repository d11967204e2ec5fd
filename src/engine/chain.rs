//! The steps of one message: those of an import that are due at once.
//!
//! They share what one of them has read, and one message: while a pack or a push runs, it waits until after the lease,
//! in case the process is killed, and at the end it becomes that of the next step.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use azure_core::Result;
use tokio::time::timeout;

use super::{
    Engine, Recent, Step, log,
    step_queue::{StepMessage, delay_of, soon},
};
use crate::{
    connection::Connection,
    http::azure::sentence,
    import::{Action, Event, Import, ImportId, reason::NoOutcome},
    storage::{Sent, import_table::Stored},
};

/// How long a step comes back later that had to make room, or that has begun to wait for another import.
const PAUSE: Duration = Duration::from_secs(5);
/// After so many tries, a step runs alone in its process, because it may be what ends the process.
const SUSPECT: u32 = 2;
/// How long such a step lets no other begin, until those that run have ended.
const ROOM: Duration = Duration::from_secs(2);
/// How long it comes back later if they have not.
const NO_ROOM: Duration = Duration::from_mins(1);

/// The imports that this process has just received.
pub(super) type FreshImports = Mutex<HashMap<ImportId, Box<Fresh>>>;

/// An import that this process has just received.
pub(super) struct Fresh {
    stored: Box<Stored>,
    connection: Recent,
}

/// What the steps of one message share.
#[derive(Default)]
pub(super) struct Chain {
    /// The connection, if it was read.
    pub(super) connection: Option<Recent>,
    /// The message of the next step.
    next: Option<Sent>,
    /// The import as it was written last; `None` if it may have changed.
    last: Option<Box<Stored>>,
}

impl Engine {
    /// Takes the step of a message, and those after it that are due at once, as far as the time of one step allows.
    /// `deliveries` is how often the host has delivered this message: more than once if the process ended.
    ///
    /// # Errors
    /// Storage failed before the chain was continued: the message must be delivered again.
    pub async fn take_step(&self, message: &StepMessage, deliveries: u32) -> Result<()> {
        let mut chain = Chain::default();
        let fresh = self.take_fresh(&message.id()).filter(|_| deliveries == 1);
        let read = match fresh {
            Some(fresh) => {
                chain.connection = Some(fresh.connection);
                Some(fresh.stored)
            }
            None => self.imports.get_readable(&message.id()).await?.map(Box::new),
        };
        let Some(mut stored) = read else {
            return self.imports.forget_deleted(&message.id()).await;
        };
        if stored.import.step != message.step {
            return Ok(());
        }
        let now = (self.clock)();
        if stored.import.waits_for_another() {
            // It was woken, or its wait is over.
            stored.import.due = Some(now);
        }
        let import = stored.import.clone();
        let policy = &self.config.policy;
        if let Action::Wait(due) = import.action(now, policy)
            && import.message_due(now, policy).is_none()
        {
            // The step runs already, and renews its lease; or the message was shown too early.
            if let Some(delay) = soon(now, due) {
                self.send_in(&import.id, import.step, delay).await?;
            }
            return Ok(());
        }
        let is_suspect = import.tries >= SUSPECT;
        let (mut alone, mut beside) = (None, None);
        if is_suspect {
            alone = timeout(ROOM, self.steps.alone.write()).await.ok();
        } else {
            beside = self.steps.alone.try_read().ok();
        }
        if alone.is_none() && beside.is_none() {
            let pause = if is_suspect { NO_ROOM } else { PAUSE };
            return self.send_in(&import.id, import.step, pause).await.map(drop);
        }
        let is_again = deliveries > 1 || import.tries > 0;
        let taken = async {
            match self.tried_again(stored, is_again).await? {
                Some(stored) => Box::pin(self.follow(stored, is_suspect, &mut chain)).await,
                None => Ok(()),
            }
        };
        if let Err(error) = taken.await {
            self.log_storage(&import, "The step failed, retrying later", &error);
        }
        // If this fails, `advance` does it.
        if let Err(error) = Box::pin(self.after_steps(&import, chain)).await {
            log::not_announced(&import.id.key, &sentence(&error));
        }
        Ok(())
    }

    /// Writes that a step is tried again which does not begin with a write. `None` if another instance was faster.
    async fn tried_again(
        &self,
        stored: Box<Stored>,
        is_again: bool,
    ) -> Result<Option<Box<Stored>>> {
        let action = stored.import.action((self.clock)(), &self.config.policy);
        if !is_again || !matches!(action, Action::Push | Action::Poll | Action::Discard) {
            return Ok(Some(stored));
        }
        Ok(match self.save(*stored, Event::TriedAgain).await? {
            Step::Moved(stored) => Some(stored),
            Step::Resting => None,
        })
    }

    /// Runs the steps of an import until none is due, or the time of one step is over. One that runs alone takes a
    /// single step, because the others of the process wait for it.
    async fn follow(&self, stored: Box<Stored>, is_alone: bool, chain: &mut Chain) -> Result<()> {
        let last_begin = (self.clock)() + self.config.policy.step_timeout;
        let mut next = Some(stored);
        while let Some(stored) = next.take().filter(|_| (self.clock)() < last_begin) {
            match stored.import.action((self.clock)(), &self.config.policy) {
                Action::Wait(_) | Action::Done => {
                    chain.last = Some(stored);
                    break;
                }
                Action::Pack | Action::Push => self.keep_message(&stored.import, chain).await,
                Action::Recover | Action::Poll | Action::Discard => {}
            }
            chain.last = None;
            if let Step::Moved(stored) = Box::pin(self.step(*stored, chain)).await? {
                chain.last = Some(stored.clone());
                next = Some(stored).filter(|_| !is_alone);
            }
        }
        Ok(())
    }

    /// Runs the step that is due.
    async fn step(&self, stored: Stored, chain: &mut Chain) -> Result<Step> {
        match Box::pin(self.act(stored.clone(), chain)).await {
            // The failure is written into the row, so that waits and the deadline count; unless the import
            // has changed meanwhile, or storage still fails.
            Err(error) => {
                let mut stored = stored;
                let event = self.storage_failed(&mut stored.import, &error);
                self.save(stored, event).await
            }
            done => done,
        }
    }

    async fn act(&self, stored: Stored, chain: &mut Chain) -> Result<Step> {
        let action = stored.import.action((self.clock)(), &self.config.policy);
        let is_a_try = matches!(action, Action::Pack | Action::Push | Action::Poll);
        let waits = stored.import.waits_for_correction() && stored.import.waits_now();
        if is_a_try && waits && self.is_behind(&stored.import).await? {
            return self.save(stored, Event::StillWaiting).await;
        }
        match action {
            Action::Wait(_) | Action::Done => Ok(Step::Resting),
            Action::Pack => Box::pin(self.pack(stored, chain)).await,
            Action::Push => Box::pin(self.push_step(stored, chain)).await,
            Action::Recover => {
                let cause = NoOutcome::ProgramEnded;
                self.save(stored, Event::AnswerLost { cause }).await
            }
            Action::Poll => Box::pin(self.poll(stored, chain)).await,
            Action::Discard => {
                self.discard(&stored.import).await?;
                self.save(stored, Event::Discarded).await
            }
        }
    }

    /// Keeps a message until after the lease of a pack or push. Without one, `advance` notices when the process is
    /// killed.
    async fn keep_message(&self, import: &Import, chain: &mut Chain) {
        let lease = self.config.policy.lease_of_pack(import.tries + 1);
        let delay = lease + lease / 2;
        let sent = self.send_instead(chain.next.take(), &import.id, import.step, delay).await;
        chain.next =
            sent.inspect_err(|error| log::not_announced(&import.id.key, &sentence(error))).ok();
    }

    /// Sends the notification of an import that has come to rest, and the message for its next step.
    async fn after_steps(&self, before: &Import, chain: Chain) -> Result<()> {
        let read = match chain.last {
            Some(last) => Some(last),
            None => self.imports.get_readable(&before.id).await?.map(Box::new),
        };
        let Some(mut stored) = read else { return Ok(()) };
        let now = (self.clock)();
        if stored.import.message_due(now, &self.config.policy).is_some() {
            self.send_due(vec![*stored]).await;
            let Some(read) = self.imports.get_readable(&before.id).await? else { return Ok(()) };
            *stored = read;
        }
        let import = &stored.import;
        let is_as_before = import.step == before.step && import.due.is_some_and(|due| due <= now);
        let has_begun_to_wait = import.code() != before.code() && import.waits_for_another();
        // There was no room for it, another instance was faster, or what it waits for may have ended meanwhile.
        let delay =
            if is_as_before || has_begun_to_wait { Some(PAUSE) } else { delay_of(import, now) };
        match (delay, chain.next) {
            (Some(delay), sent) => {
                self.send_instead(sent, &import.id, import.step, delay).await?;
            }
            (None, Some(sent)) => self.unsend(sent).await,
            (None, None) => {}
        }
        Ok(())
    }

    /// Keeps an import that was just received, with its connection, for its first step. If the step is taken by
    /// another process, that one reads both.
    pub(super) fn keep_fresh(&self, stored: &Stored, connection: Connection) {
        let (stored, connection) = (Box::new(stored.clone()), Recent::new(connection));
        let id = stored.import.id.clone();
        let fresh = Box::new(Fresh { stored, connection });
        self.with_fresh(|all| all.insert(id, fresh));
    }

    fn take_fresh(&self, id: &ImportId) -> Option<Box<Fresh>> {
        self.with_fresh(|all| all.remove(id))
    }

    fn with_fresh<T>(&self, by: impl FnOnce(&mut HashMap<ImportId, Box<Fresh>>) -> T) -> T {
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        fresh.retain(|_, fresh| fresh.connection.is_fresh());
        by(&mut fresh)
    }
}
