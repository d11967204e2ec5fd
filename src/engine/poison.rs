//! The queues `arrivals-poison` and `steps-poison`, to which the host moves messages that a function could not process.

use std::time::Duration;

use azure_core::{Result, http::StatusCode};
use azure_storage_queue::{
    QueueClient,
    models::{QueueClientReceiveMessagesOptions, ReceivedMessage},
};
use time::OffsetDateTime;

use super::{Clock, Engine};
/// The most messages of one request.
const BATCH: i32 = 32;
/// For how many seconds a received message is hidden. To show it again earlier is an update of the message, which
/// the roles of the app do not permit.
const HIDDEN: u16 = 5 * 60;

/// The queue, as one sweep reads it.
pub(crate) struct PoisonQueue {
    queue: QueueClient,
    clock: Clock,
    deadline: OffsetDateTime,
}

/// A message of the queue.
#[derive(Debug)]
pub(crate) struct PoisonMessage {
    /// What it contains.
    pub(crate) text: String,
    id: String,
    receipt: String,
}

impl Engine {
    /// One of these queues, from which messages are received for the time of one step, and at most until the first of them
    /// is visible again.
    ///
    /// # Errors
    /// No credential can be created.
    pub(crate) fn poison_queue(&self, name: &str) -> Result<PoisonQueue> {
        let hidden = Duration::from_secs(HIDDEN.into());
        Ok(PoisonQueue {
            queue: self.queue(name)?,
            clock: self.clock.clone(),
            deadline: (self.clock)() + hidden.min(self.config.policy.step_timeout),
        })
    }
}

impl PoisonQueue {
    /// Receives the next messages, which are hidden then; none if the queue is empty or does not exist, or if the
    /// time is over.
    ///
    /// # Errors
    /// Storage failed.
    pub(crate) async fn next(&self) -> Result<Vec<PoisonMessage>> {
        if (self.clock)() >= self.deadline {
            return Ok(vec![]);
        }
        let options = QueueClientReceiveMessagesOptions {
            number_of_messages: Some(BATCH),
            visibility_timeout: Some(HIDDEN.into()),
            ..QueueClientReceiveMessagesOptions::default()
        };
        let received = match self.queue.receive_messages(Some(options)).await {
            // The host creates the queue when it moves the first message.
            Err(error) if error.http_status() == Some(StatusCode::NotFound) => return Ok(vec![]),
            received => received?.into_model()?,
        };
        Ok(received.items.unwrap_or_default().into_iter().map(PoisonMessage::from).collect())
    }

    /// Deletes a message.
    ///
    /// # Errors
    /// Storage failed. The message stays in the queue; it does no harm to receive its events again.
    pub(crate) async fn delete(&self, message: &PoisonMessage) -> Result<()> {
        self.queue.delete_message(&message.id, &message.receipt, None).await.map(drop)
    }
}

impl From<ReceivedMessage> for PoisonMessage {
    fn from(message: ReceivedMessage) -> Self {
        Self {
            text: message.message_text.unwrap_or_default(),
            id: message.message_id.unwrap_or_default(),
            receipt: message.pop_receipt.unwrap_or_default(),
        }
    }
}
