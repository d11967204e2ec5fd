//! What the host records: invocations with their causes and outcomes, its log, its errors.

use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use reqwest::{StatusCode, header::HeaderMap};
use time::OffsetDateTime;
use tokio::sync::watch;
use tracing::Level;

use super::invocation::Answer;
use crate::http::{ClientError, chain};

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The host accepted the answer of the handler.
    Succeeded(Answer),
    /// The handler answered with an error or an invalid answer, or the connection broke.
    Failed {
        /// The reason, as a sentence.
        why: String,
    },
    /// The functionTimeout expired. Unless the call ended within the grace period, the handler was killed
    /// and restarted, and every other call in progress failed.
    TimedOut,
}

/// What started an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A message.
    Queue {
        /// The id of the message.
        message_id: String,
        /// How often it has been received, including this time.
        dequeue_count: i64,
    },
    /// A timer.
    Timer {
        /// Whether the call says that the timer is past due.
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
    /// The id that the handler got in `X-Azure-Functions-InvocationId`.
    pub id: String,
    /// The function.
    pub function: String,
    /// What started it.
    pub cause: Cause,
    /// How it ended. A proxied request succeeds with any status.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// The answer to a proxied request.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpAnswer {
    /// 404 if no function has the route, 400 if the path is invalid, 500 if the handler did not answer.
    pub status: StatusCode,
    /// The headers of the handler.
    pub headers: HeaderMap,
    /// The complete body. The real host streams it.
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
    /// The level that the host would use.
    pub level: Level,
    /// The category that the host would use. `Host.Function.Console` is output of the handler,
    /// `Function.<name>` is about an invocation, `Function.<name>.User` is from its answer.
    pub category: String,
    /// The line.
    pub message: String,
}

/// Why a host cannot start, or does not reach the handler.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The host would not run the app.
    #[error("{}", .0.join("\n"))]
    App(Vec<String>),
    /// The handler cannot be started.
    ///
    /// The real host ignores this, and stops two minutes after the first invocation.
    #[error("the handler cannot be started: {0}")]
    Handler(#[source] std::io::Error),
    /// The client for the handler cannot be created.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The clients for the queue of a function cannot be created.
    #[error("the queue of the function {function} cannot be opened: {source}")]
    Queue {
        /// The function.
        function: String,
        /// Why.
        source: azure_core::Error,
    },
    /// The host has stopped.
    #[error("the host has stopped: {0}")]
    Stopped(String),
    /// A forwarded request had a body without a length, which the real host cannot forward.
    #[error("the host forwards no body without a length")]
    Chunked,
    /// The handler was called and did not answer.
    #[error("{}", chain(.0))]
    Call(#[from] reqwest::Error),
}

/// A list that only grows. A caller can read it, wait for an entry, or follow it.
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

    /// Waits until `wanted` is true for the list.
    pub(super) async fn until(&self, wanted: impl FnMut(&Vec<T>) -> bool) {
        // The sender is borrowed here, so it exists.
        let _ = self.0.subscribe().wait_for(wanted).await;
    }

    /// Every entry from the first one on, as soon as it exists.
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

    /// Logs a line about the handler or the host itself.
    pub(super) fn host(&self, level: Level, message: impl Into<String>) {
        self.log(level, "Host", message);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the host is the only part of the demo that reads the clock"
)]
pub(super) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
