//! How long the state machine waits, as data and pure functions.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::time::Duration;

use time::OffsetDateTime;

use super::ImportId;
use crate::http::MAX_RETRY_AFTER;

/// The tries of a step that are taken up again promptly if their process ends.
const PROMPT_TRIES: u32 = 3;

/// Waits and limits, by the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The longest time of a pack or push.
    pub step_timeout: Duration,
    /// How long a pack or push keeps its import without a renewal: one whose process ended is started again then.
    pub lease: Duration,
    /// The first and shortest wait between two polls, and the first wait after a failure.
    pub poll_min: Duration,
    /// The longest wait between two polls, and the longest wait after a failure.
    pub poll_max: Duration,
    /// The first wait after "Previous ingestion is not complete", and the wait for another import.
    pub busy_min: Duration,
    /// The longest wait after "Previous ingestion is not complete".
    pub busy_max: Duration,
    /// The interval of retries while a person has to correct something.
    pub correction_wait: Duration,
    /// How long a file may wait to be read or pushed before it is `stuck`.
    pub wait_deadline: Duration,
    /// How long the service may take before the import is `stuck`.
    pub ingestion_deadline: Duration,
    /// The number of consecutive failed pushes before the import is `stuck`.
    pub push_failures: u32,
}

impl Policy {
    /// How long a pack or push may take, so that its result is saved before the time of its step is over.
    #[must_use]
    pub(crate) fn step_limit(&self) -> Duration {
        self.step_timeout * 9 / 10
    }

    /// How long a pack keeps its import without a renewal, by how often it was started. A file that was started often
    /// may be what ends the process, so its retries leave time for the others.
    #[must_use]
    pub(crate) fn lease_of_pack(&self, tries: u32) -> Duration {
        if tries <= PROMPT_TRIES { self.lease } else { self.lease.max(self.step_timeout) }
    }

    /// The wait before the next poll: a tenth of the time waited so far, within the limits.
    #[must_use]
    pub(crate) fn poll_wait(&self, since: OffsetDateTime, now: OffsetDateTime) -> Duration {
        let waited = Duration::try_from(now - since).unwrap_or_default();
        (waited / 10).clamp(self.poll_min, self.poll_max.max(self.poll_min))
    }

    /// The wait after a failure: as long as the other side requests, but at least the shortest wait. Without a
    /// request it doubles from the shortest to the longest wait.
    #[must_use]
    pub(crate) fn retry_wait(
        &self,
        tried: &impl Hash,
        failures: u32,
        requested: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Duration {
        match requested {
            Some(at) => Duration::try_from(at - now).unwrap_or_default().max(self.poll_min),
            None => self.backoff(tried, failures),
        }
    }

    /// Doubles from the shortest to the longest wait, plus up to a quarter, depending on what is retried.
    #[must_use]
    pub(crate) fn backoff(&self, tried: &impl Hash, failures: u32) -> Duration {
        jittered(doubled(self.poll_min, self.poll_max, failures), tried, failures)
    }

    /// Minutes, doubling too: an ingestion takes about an hour.
    #[must_use]
    pub(crate) fn busy_wait(&self, tried: &impl Hash, times: u32) -> Duration {
        jittered(doubled(self.busy_min, self.busy_max, times), tried, times)
    }

    /// The wait for another import, plus up to a quarter, so that a tenant's files do not all retry at the
    /// same time.
    #[must_use]
    pub(crate) fn queue_wait(&self, id: &ImportId, attempts: u32) -> Duration {
        jittered(self.busy_min, id, attempts)
    }

    /// The longest wait of all. A later due time was written by a wrong clock.
    #[must_use]
    pub(crate) fn longest_wait(&self) -> Duration {
        let waits = [
            self.poll_min,
            self.poll_max,
            self.busy_min,
            self.busy_max,
            self.correction_wait,
            MAX_RETRY_AFTER,
        ];
        let longest = waits.into_iter().max().unwrap_or_default();
        self.step_timeout.max(self.lease).max(longest + longest / 4)
    }
}

fn doubled(first: Duration, longest: Duration, times: u32) -> Duration {
    let factor = 1_u32.checked_shl(times.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(longest.max(first))
}

/// Jitter by hash: it differs by import and attempt, and is the same for the same input.
fn jittered(wait: Duration, tried: &impl Hash, times: u32) -> Duration {
    let mut hasher = DefaultHasher::new();
    (tried, times).hash(&mut hasher);
    wait + wait / 400 * u32::try_from(hasher.finish() % 100).unwrap_or_default()
}
