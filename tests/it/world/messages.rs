//! The queue of steps by the clock of the world: the real one hides messages by the clock of this machine. What was
//! sent and deleted is in the record of the proxy, and the world delivers it.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::{StreamExt as _, future::join_all, stream};
use time::{Duration, OffsetDateTime};
use viva_import::{
    config::STEPS,
    engine::{Engine, StepMessage},
};

use crate::proxy::{Seen, Upstream};

/// When the host shows a message again whose step failed.
const AFTER_FAILURE: Duration = Duration::MINUTE;
/// When the queue shows a message again whose host was killed.
const AFTER_DEATH: Duration = Duration::minutes(10);
/// After so many deliveries, the host gives a message up.
const MOST_DELIVERIES: u32 = 10;
/// Messages that one instance takes at once.
const AT_ONCE: usize = 4;

/// A message in the queue.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// The queue's id, with the number of the request that changed the message.
    id: String,
    pub(super) step: StepMessage,
    visible: OffsetDateTime,
    pub(super) deliveries: u32,
}

/// The messages in the queue.
#[derive(Default)]
pub(super) struct Messages {
    /// How many requests of the record were read.
    read: usize,
    waiting: Vec<Message>,
}

/// The messages that were delivered, and whether their steps succeeded. Those of a killed host are missing.
#[derive(Default)]
pub(super) struct Ended(Mutex<Vec<(String, bool)>>);

impl Messages {
    /// How many requests of the record were read.
    pub(super) fn read(&self) -> usize {
        self.read
    }

    /// Takes in the next requests of the record. The clock has not moved since they were made.
    pub(super) fn take_in(&mut self, requests: &[Seen], now: OffsetDateTime) {
        self.read += requests.len();
        for seen in requests.iter().filter(|seen| seen.upstream == Upstream::Queue) {
            let Some((_, rest)) = seen.path.split_once(&format!("/{STEPS}/messages")) else {
                continue;
            };
            if seen.method == "POST" && seen.is_done() {
                let id = seen
                    .answer
                    .as_ref()
                    .and_then(|answer| between(&answer.body, "<MessageId>", "</MessageId>"));
                self.waiting.extend(id.and_then(|id| sent(id, seen, rest, now)));
            } else if seen.method == "PUT" && seen.is_done() {
                let id = named(rest);
                // By the clock of the world it may have been delivered already. Then the queue would have refused the
                // change, and the program would have sent another message.
                let is_hidden = |it: &Message| it.id.starts_with(id) && it.deliveries == 0;
                self.waiting.retain(|message| !is_hidden(message));
                self.waiting.extend(sent(format!("{id}-{}", seen.number), seen, rest, now));
            } else if seen.method == "DELETE" && seen.is_done() {
                self.waiting.retain(|message| !message.id.starts_with(named(rest)));
            }
        }
    }

    /// The host fetches the messages that are visible.
    pub(super) fn fetch(&mut self, now: OffsetDateTime) -> Vec<Message> {
        let mut fetched = vec![];
        for message in self.waiting.iter_mut().filter(|message| message.visible <= now) {
            message.deliveries += 1;
            message.visible = now + AFTER_DEATH;
            fetched.push(message.clone());
        }
        fetched
    }

    /// The host deletes the messages that it delivered, except those whose steps failed.
    pub(super) fn end(&mut self, ended: Ended, now: OffsetDateTime) {
        for (id, succeeded) in ended.0.into_inner().unwrap() {
            let given_up = |it: &Message| succeeded || it.deliveries >= MOST_DELIVERIES;
            self.waiting.retain(|message| message.id != id || !given_up(message));
            for message in self.waiting.iter_mut().filter(|message| message.id == id) {
                message.visible = now + AFTER_FAILURE;
            }
        }
    }

    /// When the next message is visible.
    pub(super) fn next(&self) -> Option<OffsetDateTime> {
        self.waiting.iter().map(|message| message.visible).min()
    }

    /// All messages get lost.
    pub(super) fn lose(&mut self) {
        self.waiting.clear();
    }
}

/// Delivers messages to each of these instances at once.
pub(super) async fn deliver(engines: &[Arc<Engine>], messages: &[Message], ended: &Ended) {
    let each = engines.iter().map(async |engine| {
        let taken = stream::iter(messages).map(async |message| {
            let taken = engine.take_step(&message.step, message.deliveries).await;
            ended.0.lock().unwrap().push((message.id.clone(), taken.is_ok()));
        });
        taken.buffer_unordered(AT_ONCE).collect::<()>().await;
    });
    join_all(each).await;
}

/// The id of the message that a request names.
fn named(rest: &str) -> &str {
    rest.split(['/', '?']).nth(1).unwrap()
}

/// The message that a request has sent or changed; `rest` is the end of its path, and its query.
fn sent(id: String, seen: &Seen, rest: &str, now: OffsetDateTime) -> Option<Message> {
    let text = between(&seen.sent, "<MessageText>", "</MessageText>")?;
    let step = serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()?;
    let hidden = rest.split(['?', '&']).find_map(|it| it.strip_prefix("visibilitytimeout="));
    let hidden = hidden.map_or(0, |seconds| seconds.parse().unwrap());
    Some(Message { id, step, visible: now + Duration::seconds(hidden), deliveries: 0 })
}

fn between(text: &[u8], begin: &str, end: &str) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let (_, rest) = text.split_once(begin)?;
    rest.split_once(end).map(|(found, _)| found.to_owned())
}
