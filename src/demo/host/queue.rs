//! The queue trigger, as by Azure/azure-sdk-for-net, `QueueListener` and `QueueProcessor`: batches,
//! a message hidden while it is worked on, back to the queue after a failure, and to the poison
//! queue after too many.

use std::{sync::Arc, time::Duration};

use azure_core::{
    Error, Result,
    credentials::Secret,
    error::ErrorKind,
    http::{ClientOptions, StatusCode, Url},
};
use azure_storage_queue::{
    QueueClient, QueueClientOptions,
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
    runtime::Runtime,
};
use crate::azure::shared_key::{Scheme, SharedKey};

/// How long a received message stays hidden; renewed at half of it.
const HIDDEN: Duration = Duration::from_mins(10);
/// The pause after a receive that found nothing new; it grows from here.
const LEAST_PAUSE: Duration = Duration::from_millis(100);
/// What Azurite's well-known account is called, and its well-known key.
const DEVELOPMENT: &str = "AccountName=devstoreaccount1;\
    AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;\
    QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1";

/// A client for a queue of the local emulator.
pub(super) fn queue_client(connection_string: &str, queue: &str) -> Result<QueueClient> {
    let wrong = |what: &str| {
        Error::with_message(ErrorKind::DataConversion, format!("connection string: {what}"))
    };
    let development = connection_string.trim_end_matches(';') == "UseDevelopmentStorage=true";
    let string = if development { DEVELOPMENT } else { connection_string };
    let part = |name: &str| {
        let parts = string.split(';').filter_map(|part| part.split_once('='));
        let mut found = parts.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value).ok_or_else(|| wrong(&format!("no {name}")))
    };
    let endpoint = part("QueueEndpoint")?.trim_end_matches('/');
    let url = Url::parse(&format!("{endpoint}/{queue}")).map_err(|why| wrong(&why.to_string()))?;
    if !["127.0.0.1", "localhost", "[::1]"].contains(&url.host_str().unwrap_or_default()) {
        return Err(wrong("the queue is not on this machine"));
    }
    let key = Secret::new(part("AccountKey")?.to_owned());
    let signing = SharedKey::policy(part("AccountName")?, &key, Scheme::Full);
    let client_options = ClientOptions { per_try_policies: vec![signing], ..Default::default() };
    QueueClient::new(url, None, Some(QueueClientOptions { client_options, ..Default::default() }))
}

/// The listener of one queueTrigger.
pub(super) struct Listener {
    runtime: Arc<Runtime>,
    function: String,
    binding: String,
    binary: bool,
    queue: String,
    client: QueueClient,
    /// A poison queue has none of its own.
    poison: Option<QueueClient>,
}

impl Listener {
    /// The listener of a function; `None` where its trigger is another.
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

    /// Receives for ever. A queue that is not there yet is an empty one.
    pub(super) async fn listen(self) {
        let this = Arc::new(self);
        let queues = &this.runtime.app.queues;
        let mut running = JoinSet::new();
        let mut pause = LEAST_PAUSE;
        loop {
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
                sleep(pause.min(queues.max_polling_interval)).await;
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
    }

    async fn receive(&self, count: i32) -> Result<Vec<ReceivedMessage>> {
        let options = QueueClientReceiveMessagesOptions {
            number_of_messages: Some(count),
            visibility_timeout: Some(seconds(HIDDEN)),
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
            inserted: received.insertion_time.unwrap_or_else(super::now),
            expires: received.expiration_time.unwrap_or(NEVER),
            next_visible: received.time_next_visible.unwrap_or_else(super::now),
            body: body.unwrap_or_default(),
        };
        let finished = if !decoded {
            self.log(Level::WARN, format!("message '{}' is not base64", message.id));
            self.bury(&message, raw).await
        } else if message.dequeue_count > queues.max_dequeue_count && self.poison.is_some() {
            self.bury(&message, raw).await
        } else {
            match self.invoke(&mut message).await {
                Outcome::Succeeded(_) => self.delete(&message).await,
                Outcome::Failed { .. } | Outcome::TimedOut if self.poison.is_none() => Ok(()),
                Outcome::Failed { .. } | Outcome::TimedOut
                    if message.dequeue_count >= queues.max_dequeue_count =>
                {
                    self.bury(&message, raw).await
                }
                Outcome::Failed { .. } | Outcome::TimedOut => {
                    self.hide(&mut message, queues.visibility_timeout).await
                }
            }
        };
        if let Err(why) = finished {
            self.warn("finish with a message of", &why);
        }
    }

    /// Calls the function and keeps the message hidden meanwhile.
    async fn invoke(&self, message: &mut Message) -> Outcome {
        let Self { function, binding, queue, .. } = self;
        let body = invocation::queue(binding, self.binary, message, Runtime::sys(function));
        let cause =
            Cause::Queue { message_id: message.id.clone(), dequeue_count: message.dequeue_count };
        let reason = format!("New queue message detected on '{queue}'.");
        let mut call = Box::pin(self.runtime.call(function, cause, &reason, body));
        let mut renewal = interval_at(Instant::now() + HIDDEN / 2, HIDDEN / 2);
        loop {
            tokio::select! {
                outcome = &mut call => return outcome,
                _ = renewal.tick() => {
                    if let Err(why) = self.hide(message, HIDDEN).await {
                        self.warn("keep hidden a message of", &why);
                    }
                }
            }
        }
    }

    async fn delete(&self, message: &Message) -> Result<()> {
        self.client.delete_message(&message.id, &message.receipt, None).await?;
        Ok(())
    }

    /// Hides the message for a while; zero gives it back at once.
    async fn hide(&self, message: &mut Message, time: Duration) -> Result<()> {
        let (id, receipt) = (&message.id, &message.receipt);
        let answer = self.client.update_message(id, receipt, seconds(time), None).await?;
        // Only the newest receipt is good from here on.
        if let Some(receipt) = answer.headers().get_optional_str(&"x-ms-popreceipt".into()) {
            receipt.clone_into(&mut message.receipt);
        }
        Ok(())
    }

    /// Copies the message, encoded as it was, to the poison queue, and deletes it.
    async fn bury(&self, message: &Message, raw: String) -> Result<()> {
        if let Some(poison) = &self.poison {
            let (id, queue) = (&message.id, &self.queue);
            self.log(
                Level::WARN,
                format!(
                    "Message has reached MaxDequeueCount of {}. Moving message '{id}' to queue \
                     '{queue}-poison'.",
                    self.runtime.app.queues.max_dequeue_count
                ),
            );
            poison.create(None).await?;
            let copy = QueueMessage { message_text: Some(raw) };
            poison.send_message(copy.try_into()?, None).await?;
        }
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
