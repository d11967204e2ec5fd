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

use azure_core::Result;
use azure_storage_queue::QueueClient;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::sync::RwLock;

use super::{Engine, log};
use crate::{
    config::{STEPS, STEPS_POISON},
    http::azure::sentence,
    import::{Import, ImportId, State, lane::LiveImport},
    storage::{self, Sent, import_table::TenantRows},
};

/// A message for a later step is not sent: `advance` does it in time.
const LONGEST_DELAY: Duration = Duration::from_hours(1);
/// How long a step may be late before `advance` sends its message.
const GRACE: Duration = Duration::from_mins(1);
/// How often `advance` sends a message for the same step.
const AGAIN: Duration = Duration::from_mins(15);

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

/// What the engine keeps of the queue.
#[derive(Default)]
pub(super) struct StepQueue {
    client: OnceLock<QueueClient>,
    /// Held for reading by each step, and for writing by one that has to run alone.
    pub(super) alone: RwLock<()>,
    /// The steps for which `advance` has sent a message, and when.
    advanced: Mutex<HashMap<(ImportId, u32), OffsetDateTime>>,
}

impl StepMessage {
    fn of(id: &ImportId, step: u32) -> Self {
        Self { tenant: id.tenant.clone(), key: id.key.clone(), step }
    }

    pub(super) fn id(&self) -> ImportId {
        ImportId { tenant: self.tenant.clone(), key: self.key.clone() }
    }
}

impl Engine {
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
    /// `before` are the rows of the tenant as they were just before, if they were read: what was not there looks itself
    /// once more after it begins to wait.
    pub(super) async fn wake_next(&self, after: &Import, before: Option<&TenantRows>) {
        let may_wait = |live: &LiveImport| live.target == after.target && live.id != after.id;
        if before.is_some_and(|before| !before.live.iter().any(may_wait)) {
            return;
        }
        // Each may have taken a step meanwhile.
        let rows = match self.imports.tenant(&after.id.tenant).await {
            Ok(rows) => rows,
            Err(error) => return log::not_announced(&after.id.key, &sentence(&error)),
        };
        let mut oldest: HashMap<&str, &LiveImport> = HashMap::new();
        for live in &rows.live {
            let may_go = live.state == State::Packed && live.blocked.is_none();
            if may_go && may_wait(live) {
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
            match self.imports.get_readable(&live.id).await? {
                Some(stored) => notifications.push(stored),
                None => self.imports.forget_deleted(&live.id).await?,
            }
        }
        self.send_due(notifications).await;
        if let Err(error) = self.clear_failed_steps().await {
            log::steps_not_cleared(&sentence(&error));
        }
        let mut sent = 0;
        let wrong = now + self.config.policy.longest_wait();
        let is_overdue = |due: OffsetDateTime| due <= now - GRACE || due > wrong;
        for live in due.iter().filter(|live| live.due.is_some_and(is_overdue)) {
            if !self.is_advanced(live, now) {
                // They all go to one queue: if it fails once, the next run sends the others.
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

    /// Sends the message of a step, in place of one that was sent before, if that is still hidden.
    pub(super) async fn send_instead(
        &self,
        before: Option<Sent>,
        id: &ImportId,
        step: u32,
        delay: Duration,
    ) -> Result<Sent> {
        if let Some(before) = before {
            let text = serde_json::to_string(&StepMessage::of(id, step))?;
            let (queue, receipt) = (self.step_client()?, &before.receipt);
            let changed = storage::change_message(queue, &before.id, receipt, &text, delay).await;
            if let Ok(receipt) = changed {
                return Ok(Sent { receipt, ..before });
            }
            // It was shown meanwhile. If not, there are two, of which the second does nothing.
        }
        self.send_in(id, step, delay).await
    }

    /// Deletes a message that is not needed any more. If it stays, it finds another number.
    pub(super) async fn unsend(&self, Sent { id, receipt }: Sent) {
        if let Ok(queue) = self.step_client() {
            let _ = queue.delete_message(&id, &receipt, None).await;
        }
    }

    pub(super) async fn send_in(&self, id: &ImportId, step: u32, delay: Duration) -> Result<Sent> {
        let text = serde_json::to_string(&StepMessage::of(id, step))?;
        storage::send_later(self.step_client()?, &text, delay, None).await
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
pub(super) fn delay_of(import: &Import, now: OffsetDateTime) -> Option<Duration> {
    let step = import.due.filter(|_| !import.waits_for_another());
    let notification = import.notification.as_ref().filter(|_| import.is_at_rest());
    let due = step.into_iter().chain(notification.map(|message| message.due)).min()?;
    soon(now, due)
}

/// How long a message is hidden until `due`; `None` if `advance` sends it.
pub(super) fn soon(now: OffsetDateTime, due: OffsetDateTime) -> Option<Duration> {
    let delay = Duration::try_from(due - now).unwrap_or_default();
    // In whole seconds, and not too early: then it would be sent again.
    let seconds = u64::try_from(delay.as_millis().div_ceil(1000)).ok()?;
    Some(Duration::from_secs(seconds)).filter(|delay| *delay <= LONGEST_DELAY)
}
