//! The queue trigger, after `QueueListener` and `QueueProcessor` of Azure/azure-sdk-for-net. It receives
//! batches, and hides a message while a call processes it. After a failure the message returns to the
//! queue, and after too many failures it moves to the poison queue.

use std::{sync::Arc, time::Duration};

use azure_core::{Error, Result, error::ErrorKind, http::StatusCode};
use azure_storage_queue::{
    QueueClient,
    models::{QueueClientReceiveMessagesOptions, QueueMessage, ReceivedMessage},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{
    task::JoinSet,
    time::{Instant, interval_at, sleep},
};
use tracing::Level;

use super::{
    Cause, Outcome,
    function::{Function, Trigger},
    invocation::{self, Message, NEVER},
    journal::now,
    runtime::Runtime,
};
use crate::{config::Account, storage};

/// The first pause after the queue was empty. It doubles from here.
const LEAST_PAUSE: Duration = Duration::from_millis(100);

/// A client for a queue of the local emulator.
pub(super) fn queue_client(connection_string: &str, queue: &str) -> Result<QueueClient> {
    let account = Account::emulator(connection_string).ok_or_else(|| {
        let why = "the connection string is not that of an emulator on this machine";
        Error::with_message(ErrorKind::Credential, why)
    })?;
    storage::queue(&account, queue)
}

/// The listener of one queueTrigger.
pub(super) struct Listener {
    runtime: Arc<Runtime>,
    function: String,
    binding: String,
    binary: bool,
    queue: String,
    client: QueueClient,
    /// `None` if the queue itself is a poison queue.
    poison: Option<QueueClient>,
}

impl Listener {
    /// The listener of a function; `None` if it has another trigger.
    pub(super) fn new(runtime: &Arc<Runtime>, function: &Function) -> Result<Option<Self>> {
        let Trigger::Queue { queue, connection, binary } = &function.trigger else {
            return Ok(None);
        };
        let poison = (!queue.ends_with("-poison"))
            .then(|| queue_client(connection, &format!("{queue}-poison")))
            .transpose()?;
        Ok(Some(Self {
            runtime: runtime.clone(),
            function: function.name.clone(),
            binding: function.binding.clone(),
            binary: *binary,
            queue: queue.clone(),
            client: queue_client(connection, queue)?,
            poison,
        }))
    }

    /// Receives messages until the listeners stop, and returns when the last one is processed. A queue that does
    /// not exist yet counts as empty.
    pub(super) async fn listen(self) {
        let this = Arc::new(self);
        let stopping = &this.runtime.stopping;
        let queues = &this.runtime.app.queues;
        let mut running = JoinSet::new();
        let mut pause = LEAST_PAUSE;
        // A request that has been sent is not cancelled, because its messages would stay hidden.
        while !stopping.is_cancelled() {
            let messages = match this.receive(queues.batch_size).await {
                Ok(messages) => messages,
                Err(why) => {
                    if why.http_status() != Some(StatusCode::NotFound) {
                        this.warn("receive", &why);
                    }
                    Vec::new()
                }
            };
            if messages.is_empty() {
                tokio::select! {
                    () = sleep(pause.min(queues.max_polling_interval)) => {}
                    () = stopping.cancelled() => {}
                }
                pause = (pause * 2).min(queues.max_polling_interval);
            } else {
                pause = LEAST_PAUSE;
                for message in messages {
                    let this = this.clone();
                    running.spawn(async move { this.process(message).await });
                }
            }
            while running.try_join_next().is_some() {}
            while running.len() > queues.new_batch_threshold {
                running.join_next().await;
            }
        }
        running.join_all().await;
    }

    async fn receive(&self, count: i32) -> Result<Vec<ReceivedMessage>> {
        let options = QueueClientReceiveMessagesOptions {
            number_of_messages: Some(count),
            visibility_timeout: Some(seconds(self.runtime.hidden)),
            ..Default::default()
        };
        let received = self.client.receive_messages(Some(options)).await?.into_model()?;
        Ok(received.items.unwrap_or_default())
    }

    async fn process(&self, received: ReceivedMessage) {
        let queues = &self.runtime.app.queues;
        let raw = received.message_text.unwrap_or_default();
        let body = if queues.base64 {
            STANDARD.decode(raw.trim()).ok()
        } else {
            Some(raw.clone().into_bytes())
        };
        let decoded = body.is_some();
        let mut message = Message {
            id: received.message_id.unwrap_or_default(),
            receipt: received.pop_receipt.unwrap_or_default(),
            dequeue_count: received.dequeue_count.unwrap_or_default(),
            inserted: received.insertion_time.unwrap_or_else(now),
            expires: received.expiration_time.unwrap_or(NEVER),
            next_visible: received.time_next_visible.unwrap_or_else(now),
            body: body.unwrap_or_default(),
        };
        let worn = format!("Message has reached MaxDequeueCount of {}", queues.max_dequeue_count);
        let finished = if !decoded {
            // The real host gives the same reason.
            self.move_to_poison(&message, raw, &worn).await
        } else if message.dequeue_count > queues.max_dequeue_count {
            self.move_to_poison(&message, raw, &worn).await
        } else if let Outcome::Succeeded(_) = self.invoke(&mut message).await {
            self.delete(&message).await
        } else if message.dequeue_count >= queues.max_dequeue_count {
            self.move_to_poison(&message, raw, &worn).await
        } else if self.poison.is_some() {
            self.hide(&mut message, queues.visibility_timeout).await
        } else {
            Ok(())
        };
        if let Err(why) = finished {
            self.warn("finish with a message of", &why);
        }
    }

    /// Calls the function, and keeps the message hidden during the call.
    async fn invoke(&self, message: &mut Message) -> Outcome {
        let Self { function, binding, queue, .. } = self;
        let body = invocation::queue(binding, self.binary, message, Runtime::sys(function));
        let cause =
            Cause::Queue { message_id: message.id.clone(), dequeue_count: message.dequeue_count };
        let reason = format!("New queue message detected on '{queue}'.");
        let mut call = Box::pin(self.runtime.call(function, cause, &reason, body));
        let hidden = self.runtime.hidden;
        let mut renewal = interval_at(Instant::now() + hidden / 2, hidden / 2);
        loop {
            tokio::select! {
                outcome = &mut call => return outcome,
                _ = renewal.tick() => {
                    match self.hide(message, hidden).await {
                        Ok(()) => self.log(Level::DEBUG, format!("{} stays hidden", message.id)),
                        Err(why) => self.warn("keep hidden a message of", &why),
                    }
                }
            }
        }
    }

    async fn delete(&self, message: &Message) -> Result<()> {
        self.client.delete_message(&message.id, &message.receipt, None).await?;
        Ok(())
    }

    /// Hides the message for this time. Zero returns it to the queue immediately.
    async fn hide(&self, message: &mut Message, time: Duration) -> Result<()> {
        let (id, receipt) = (&message.id, &message.receipt);
        let answer = self.client.update_message(id, receipt, seconds(time), None).await?;
        // From now on only the newest receipt is valid.
        if let Some(receipt) = answer.headers().get_optional_str(&"x-ms-popreceipt".into()) {
            receipt.clone_into(&mut message.receipt);
        }
        Ok(())
    }

    /// Copies the message, with its encoding, to the poison queue, and deletes it. If the queue has no poison
    /// queue, the message stays hidden, so that it is not received again immediately.
    async fn move_to_poison(&self, message: &Message, raw: String, why: &str) -> Result<()> {
        let Some(poison) = &self.poison else { return Ok(()) };
        let (id, queue) = (&message.id, &self.queue);
        let text = format!("{why}. Moving message '{id}' to queue '{queue}-poison'.");
        self.log(Level::WARN, text);
        poison.create(None).await?;
        let copy = QueueMessage { message_text: Some(raw) };
        poison.send_message(copy.try_into()?, None).await?;
        self.delete(message).await
    }

    fn warn(&self, what: &str, why: &Error) {
        self.log(Level::WARN, format!("cannot {what} queue '{}': {why}", self.queue));
    }

    fn log(&self, level: Level, message: String) {
        self.runtime.log.log(level, "Host.Triggers.Queue", message);
    }
}

fn seconds(time: Duration) -> i32 {
    i32::try_from(time.as_secs()).unwrap_or(i32::MAX)
}
