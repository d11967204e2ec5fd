//! Steps by queue: each import has one message in the queue `steps`, which is visible when its next step is due.
//!
//! A message names the import and the number of the step, which the row has, too: a message of another step does
//! nothing, so a message too many never starts a second chain. While a long step runs, a second message waits until
//! after its lease, in case the process is killed. A message that is lost costs some minutes: the timer `advance`
//! sends one for what is overdue.

use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use azure_core::{Error, Result, error::ErrorKind};
use azure_storage_queue::QueueClient;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::{sync::RwLock, time::timeout};

use super::{Engine, Step, log};
use crate::{
    config::{STEPS, STEPS_POISON},
    http::azure::sentence,
    import::{Action, Event, Import, ImportId, State, lane::LiveImport},
    storage::{self, import_table::Stored},
};

/// A message for a later step is not sent: `advance` does it in time.
const LONGEST_DELAY: Duration = Duration::from_hours(1);
/// How long a step comes back later that had to make room, or that has begun to wait for another import.
const PAUSE: Duration = Duration::from_secs(5);
/// How long a step may be late before `advance` sends its message.
const GRACE: Duration = Duration::from_mins(1);
/// How often `advance` sends a message for the same step.
const AGAIN: Duration = Duration::from_mins(15);
/// After so many tries, a step runs alone in its process, because it may be what ends the process.
const SUSPECT: u32 = 2;
/// How long such a step lets no other begin, until those that run have ended.
const ROOM: Duration = Duration::from_secs(2);
/// How long it comes back later if they have not.
const NO_ROOM: Duration = Duration::from_mins(1);

/// A message of the queue: the next step of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepMessage {
    /// The tenant.
    pub tenant: String,
    /// The row key of the import.
    pub key: String,
    /// The number of the step, as in the row.
    pub step: u32,
}

/// A message that was sent, to delete it.
struct Sent {
    id: String,
    receipt: String,
}

/// What the engine keeps of the queue.
#[derive(Default)]
pub(super) struct StepQueue {
    client: OnceLock<QueueClient>,
    /// Held for reading by each step, and for writing by one that has to run alone.
    alone: RwLock<()>,
    /// The steps for which `advance` has sent a message, and when.
    advanced: Mutex<HashMap<(ImportId, u32), OffsetDateTime>>,
}

impl StepMessage {
    fn of(id: &ImportId, step: u32) -> Self {
        Self { tenant: id.tenant.clone(), key: id.key.clone(), step }
    }

    fn id(&self) -> ImportId {
        ImportId { tenant: self.tenant.clone(), key: self.key.clone() }
    }
}

impl Engine {
    /// Takes the step of a message, and those after it that are due at once, as far as the time of one step allows.
    /// `deliveries` is how often the host has delivered this message: more than once if the process ended.
    ///
    /// # Errors
    /// Storage failed before the chain was continued: the message must be delivered again.
    pub async fn take_step(&self, message: &StepMessage, deliveries: u32) -> Result<()> {
        let Some(mut stored) = self.imports.get_readable(&message.id()).await? else {
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
                Some(stored) => Box::pin(self.follow(stored, is_suspect)).await,
                None => Ok(()),
            }
        };
        if let Err(error) = taken.await {
            self.log_storage(&import, "The step failed, retrying later", &error);
        }
        // If this fails, `advance` does it.
        if let Err(error) = Box::pin(self.after_steps(&import)).await {
            log::not_announced(&import.id.key, &sentence(&error));
        }
        Ok(())
    }

    /// Writes that a step is tried again which does not begin with a write. `None` if another instance was faster.
    async fn tried_again(&self, stored: Stored, is_again: bool) -> Result<Option<Stored>> {
        let action = stored.import.action((self.clock)(), &self.config.policy);
        if !is_again || !matches!(action, Action::Push | Action::Poll | Action::Discard) {
            return Ok(Some(stored));
        }
        Ok(match self.save(stored, Event::TriedAgain).await? {
            Step::Moved(stored) => Some(*stored),
            Step::Resting => None,
        })
    }

    /// Runs the steps of an import until none is due, or the time of one step is over. While a pack or a push runs, a
    /// second message waits. One that runs alone takes a single step, because the others of the process wait for it.
    async fn follow(&self, stored: Stored, is_alone: bool) -> Result<()> {
        let last_begin = (self.clock)() + self.config.policy.step_timeout;
        let (mut next, mut second) = (Some(stored), None);
        let mut done = Ok(());
        while let Some(stored) = next.take().filter(|_| (self.clock)() < last_begin) {
            let action = stored.import.action((self.clock)(), &self.config.policy);
            if matches!(action, Action::Pack | Action::Push) {
                second = self.second_message(&stored.import, second).await;
            }
            match Box::pin(self.step(stored)).await {
                Ok(Step::Moved(stored)) if !is_alone => next = Some(*stored),
                Ok(Step::Moved(_) | Step::Resting) => {}
                Err(error) => done = Err(error),
            }
        }
        if let Some(Sent { id, receipt }) = second {
            // If it stays, it finds another number.
            let _ = self.step_client()?.delete_message(&id, &receipt, None).await;
        }
        done
    }

    /// The message that waits until after the lease of a pack or push, in place of that of the step before. Without
    /// one, `advance` notices when the process is killed.
    async fn second_message(&self, import: &Import, before: Option<Sent>) -> Option<Sent> {
        if let Some(Sent { id, receipt }) = before {
            let _ = self.step_client().ok()?.delete_message(&id, &receipt, None).await;
        }
        let lease = self.config.policy.lease_of_pack(import.tries + 1);
        let sent = self.send_in(&import.id, import.step, lease + lease / 2).await;
        sent.inspect_err(|error| log::not_announced(&import.id.key, &sentence(error))).ok()
    }

    /// Sends the notification of an import that has come to rest, and the message for its next step.
    async fn after_steps(&self, before: &Import) -> Result<()> {
        let Some(mut stored) = self.imports.get_readable(&before.id).await? else { return Ok(()) };
        let now = (self.clock)();
        if stored.import.message_due(now, &self.config.policy).is_some() {
            self.send_due(vec![stored]).await;
            let Some(read) = self.imports.get_readable(&before.id).await? else { return Ok(()) };
            stored = read;
        }
        let import = &stored.import;
        let is_as_before = import.step == before.step && import.due.is_some_and(|due| due <= now);
        let has_begun_to_wait = import.code() != before.code() && import.waits_for_another();
        // There was no room for it, another instance was faster, or what it waits for may have ended meanwhile.
        let delay =
            if is_as_before || has_begun_to_wait { Some(PAUSE) } else { delay_of(import, now) };
        if let Some(delay) = delay {
            self.send_in(&import.id, import.step, delay).await?;
        }
        Ok(())
    }

    /// Sends the message for the next step of an import, if it is due soon. If that fails, `advance` does it.
    pub(super) async fn announce(&self, import: &Import) {
        if let Some(delay) = delay_of(import, (self.clock)()) {
            self.announce_in(&import.id, import.step, delay).await;
        }
    }

    async fn announce_in(&self, id: &ImportId, step: u32, delay: Duration) {
        if let Err(error) = self.send_in(id, step, delay).await {
            log::not_announced(&id.key, &sentence(&error));
        }
    }

    /// Another import may be pushed now: sends messages for those that wait, the oldest of each connection.
    pub(super) async fn wake_next(&self, after: &Import) {
        let rows = match self.imports.tenant(&after.id.tenant).await {
            Ok(rows) => rows,
            Err(error) => return log::not_announced(&after.id.key, &sentence(&error)),
        };
        let mut oldest: HashMap<&str, &LiveImport> = HashMap::new();
        for live in &rows.live {
            let may_go = live.state == State::Packed && live.blocked.is_none();
            if may_go && live.target == after.target && live.id != after.id {
                let known = oldest.entry(&live.connection).or_insert(live);
                if live.order < known.order {
                    *known = live;
                }
            }
        }
        for live in oldest.into_values() {
            self.announce_in(&live.id, live.step, Duration::ZERO).await;
        }
    }

    /// Sends a message for every import whose step is overdue, and the notifications that are due. Deletes the
    /// messages that failed too often: the rows decide. Returns the number of messages sent.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn advance(&self) -> Result<usize> {
        let now = (self.clock)();
        let due = self.imports.due(now, &self.config.policy).await?;
        let mut notifications = vec![];
        for live in due.iter().filter(|live| live.notification_due.is_some_and(|at| at <= now)) {
            notifications.extend(self.imports.get_readable(&live.id).await?);
        }
        self.send_due(notifications).await;
        if let Err(error) = self.clear_failed_steps().await {
            log::steps_not_cleared(&sentence(&error));
        }
        let mut sent = 0;
        for live in due.iter().filter(|live| live.due.is_some_and(|due| due <= now - GRACE)) {
            if !self.is_advanced(live, now) {
                self.send_in(&live.id, live.step, Duration::ZERO).await?;
                self.mark_advanced(live, now);
                sent += 1;
            }
        }
        Ok(sent)
    }

    /// Whether this process has sent a message for the step shortly before.
    fn is_advanced(&self, live: &LiveImport, now: OffsetDateTime) -> bool {
        let mut advanced = self.steps.advanced.lock().unwrap_or_else(PoisonError::into_inner);
        advanced.retain(|_, at| *at <= now && now - *at < AGAIN);
        advanced.contains_key(&(live.id.clone(), live.step))
    }

    /// Only after the message was sent: if that fails, the next run sends it.
    fn mark_advanced(&self, live: &LiveImport, now: OffsetDateTime) {
        let mut advanced = self.steps.advanced.lock().unwrap_or_else(PoisonError::into_inner);
        advanced.insert((live.id.clone(), live.step), now);
    }

    /// Deletes what is in the queue `steps-poison`.
    async fn clear_failed_steps(&self) -> Result<()> {
        let queue = self.poison_queue(STEPS_POISON)?;
        let mut deleted = 0;
        loop {
            let messages = queue.next().await?;
            if messages.is_empty() {
                break;
            }
            for message in messages {
                queue.delete(&message).await?;
                deleted += 1;
            }
        }
        if deleted > 0 {
            log::steps_failed(deleted);
        }
        Ok(())
    }

    async fn send_in(&self, id: &ImportId, step: u32, delay: Duration) -> Result<Sent> {
        let text = serde_json::to_string(&StepMessage::of(id, step))?;
        let sent = storage::send_later(self.step_client()?, &text, delay).await?;
        let sent = sent.items.unwrap_or_default().into_iter().next();
        let sent = sent.and_then(|sent| Some((sent.message_id?, sent.pop_receipt?)));
        let (id, receipt) = sent.ok_or_else(|| {
            let why = "the queue service answered without the message";
            Error::with_message(ErrorKind::DataConversion, why)
        })?;
        Ok(Sent { id, receipt })
    }

    fn step_client(&self) -> Result<&QueueClient> {
        if let Some(client) = self.steps.client.get() {
            return Ok(client);
        }
        let client = self.queue(STEPS)?;
        Ok(self.steps.client.get_or_init(|| client))
    }
}

/// How long the message for the next step of an import is hidden; `None` if none is due soon, or if another import
/// sends it.
fn delay_of(import: &Import, now: OffsetDateTime) -> Option<Duration> {
    let step = import.due.filter(|_| !import.waits_for_another());
    let notification = import.notification.as_ref().filter(|_| import.is_at_rest());
    let due = step.into_iter().chain(notification.map(|message| message.due)).min()?;
    soon(now, due)
}

/// How long a message is hidden until `due`; `None` if `advance` sends it.
fn soon(now: OffsetDateTime, due: OffsetDateTime) -> Option<Duration> {
    let delay = Duration::try_from(due - now).unwrap_or_default();
    // In whole seconds, and not too early: then it would be sent again.
    let seconds = u64::try_from(delay.as_millis().div_ceil(1000)).ok()?;
    Some(Duration::from_secs(seconds)).filter(|delay| *delay <= LONGEST_DELAY)
}
