//! What the host says and writes down: invocations with their causes and outcomes, its log, its errors.

use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use reqwest::{StatusCode, header::HeaderMap};
use time::OffsetDateTime;
use tokio::sync::watch;
use tracing::Level;

use super::invocation::Answer;
use crate::http::{ClientError, chain};

/// What became of an invocation.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The handler's answer was accepted.
    Succeeded(Answer),
    /// The handler refused, answered wrongly or broke off.
    Failed {
        /// As a sentence.
        why: String,
    },
    /// The functionTimeout was over. Unless the call ended within the grace, the handler was killed
    /// and started again, and every other call in flight failed.
    TimedOut,
}

/// What started an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A message.
    Queue {
        /// The id of the message.
        message_id: String,
        /// How often it has been received, this time included.
        dequeue_count: i64,
    },
    /// A timer.
    Timer {
        /// Whether it was told that it is late.
        past_due: bool,
    },
    /// A request.
    Http {
        /// Its method and path.
        request: String,
    },
    /// [`Host::invoke`](super::Host::invoke).
    Hand,
}

/// An invocation that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// The id the handler got in `X-Azure-Functions-InvocationId`.
    pub id: String,
    /// The function.
    pub function: String,
    /// What started it.
    pub cause: Cause,
    /// What became of it. A proxied request succeeds with any status.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// The answer to a proxied request.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpAnswer {
    /// 404 where no function has the route, 500 where the handler could not be reached.
    pub status: StatusCode,
    /// As the handler sent them.
    pub headers: HeaderMap,
    /// The whole of it; the real host streams.
    pub body: Bytes,
}

impl HttpAnswer {
    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }
}

/// A line of the host's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub at: OffsetDateTime,
    /// As the host would rank it.
    pub level: Level,
    /// As the host would file it: `Host.Function.Console` is what the handler prints,
    /// `Function.<name>` is about an invocation, `Function.<name>.User` came in its answer.
    pub category: String,
    /// The line.
    pub message: String,
}

/// Why a host cannot start, or does not reach the handler.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The app is not one the host would run.
    #[error("{}", .0.join("\n"))]
    App(Vec<String>),
    /// The handler cannot be started.
    ///
    /// The real host swallows this and stops at the first invocation, two minutes later.
    #[error("the handler cannot be started: {0}")]
    Handler(#[source] std::io::Error),
    /// The client for the handler cannot be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The clients for the queue of a function cannot be made.
    #[error("the queue of the function {function} cannot be opened: {source}")]
    Queue {
        /// The function.
        function: String,
        /// Why.
        source: azure_core::Error,
    },
    /// The host gave up.
    #[error("the host has stopped: {0}")]
    Stopped(String),
    /// The handler was called and did not answer.
    #[error("{}", chain(.0))]
    Call(#[from] reqwest::Error),
}

/// What the host wrote down: a list that only grows, to read at once, to wait on or to follow.
#[derive(Debug)]
pub(super) struct Journal<T>(watch::Sender<Vec<T>>);

impl<T: Clone> Journal<T> {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Vec::new()))
    }

    pub(super) fn push(&self, entry: T) {
        self.0.send_modify(|entries| entries.push(entry));
    }

    pub(super) fn entries(&self) -> Vec<T> {
        self.0.borrow().clone()
    }

    /// Waits until the list, from its beginning, is as wanted.
    pub(super) async fn until(&self, wanted: impl FnMut(&Vec<T>) -> bool) {
        // The sender is borrowed here, so it cannot be gone.
        let _ = self.0.subscribe().wait_for(wanted).await;
    }

    /// Every entry from the first to the last, each as soon as it is there.
    pub(super) fn follow(&self) -> impl Stream<Item = T> + use<T> {
        futures::stream::unfold((self.0.subscribe(), 0), async |(mut entries, next)| {
            let entry = {
                let entries = entries.wait_for(|entries| entries.len() > next).await.ok()?;
                entries[next].clone()
            };
            Some((entry, (entries, next + 1)))
        })
    }
}

impl Journal<LogLine> {
    pub(super) fn log(&self, level: Level, category: &str, message: impl Into<String>) {
        let (at, category, message) = (now(), category.to_owned(), message.into());
        tracing::debug!(%level, category, "{message}");
        self.push(LogLine { at, level, category, message });
    }

    /// A line about the handler and the host itself.
    pub(super) fn host(&self, level: Level, message: impl Into<String>) {
        self.log(level, "Host", message);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the host is the one place of the demo that reads the clock"
)]
pub(super) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
