//! What the host wrote down: a list that grows, to read at once, to wait on or to follow.

use futures::Stream;
use time::OffsetDateTime;
use tokio::sync::watch;
use tracing::Level;

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

/// A list that only grows.
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
        let (at, category, message) = (super::now(), category.to_owned(), message.into());
        tracing::debug!(%level, category, "{message}");
        self.push(LogLine { at, level, category, message });
    }

    /// A line about the handler and the host itself.
    pub(super) fn host(&self, level: Level, message: impl Into<String>) {
        self.log(level, "Host", message);
    }
}
