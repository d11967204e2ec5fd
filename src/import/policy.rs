//! How long the machine waits, as data and pure functions.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::time::Duration;

use time::OffsetDateTime;

use super::ImportId;
use crate::http::MAX_RETRY_AFTER;

/// Waits and limits. The settings say what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// After this a pack or push that died is taken up again; a live one gives up before.
    pub step_timeout: Duration,
    /// First and shortest wait between two polls, and first wait after a failure.
    pub poll_min: Duration,
    /// Longest wait between two polls, and longest after a failure.
    pub poll_max: Duration,
    /// First wait after "Previous ingestion is not complete", and wait for another import.
    pub busy_min: Duration,
    /// Longest wait after "Previous ingestion is not complete".
    pub busy_max: Duration,
    /// How often it is looked whether what a person has to correct was corrected.
    pub correction_wait: Duration,
    /// How long a file may wait to be read or pushed before it is `stuck`.
    pub wait_deadline: Duration,
    /// How long the service may take before the import is `stuck`.
    pub ingestion_deadline: Duration,
    /// Failed pushes in a row before the import is `stuck`.
    pub push_failures: u32,
}

impl Policy {
    /// Polls grow rarer with the time already waited: a tenth of it, within the limits.
    #[must_use]
    pub(crate) fn poll_wait(&self, since: OffsetDateTime, now: OffsetDateTime) -> Duration {
        let waited = Duration::try_from(now - since).unwrap_or_default();
        (waited / 10).clamp(self.poll_min, self.poll_max.max(self.poll_min))
    }

    /// How long it is waited after a failure: as long as the other side wishes, but whatever it says, it
    /// is not asked again at once; without a wish doubling from the shortest to the longest wait.
    #[must_use]
    pub(crate) fn retry_wait(
        &self,
        tried: &impl Hash,
        failures: u32,
        wished: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Duration {
        match wished {
            Some(at) => Duration::try_from(at - now).unwrap_or_default().max(self.poll_min),
            None => self.backoff(tried, failures),
        }
    }

    /// Doubling from the shortest to the longest wait, and up to a quarter more, by what is tried.
    #[must_use]
    pub(crate) fn backoff(&self, tried: &impl Hash, failures: u32) -> Duration {
        jittered(doubled(self.poll_min, self.poll_max, failures), tried, failures)
    }

    /// Minutes, doubling too: an ingestion takes about an hour.
    #[must_use]
    pub(crate) fn busy_wait(&self, tried: &impl Hash, times: u32) -> Duration {
        jittered(doubled(self.busy_min, self.busy_max, times), tried, times)
    }

    /// How long another import is waited for, and up to a quarter more, so that a tenant's files do
    /// not knock all at once.
    #[must_use]
    pub(crate) fn queue_wait(&self, id: &ImportId, attempts: u32) -> Duration {
        jittered(self.busy_min, id, attempts)
    }

    /// Nothing waits for longer. What is due later than that was written by a clock that was wrong.
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
        self.step_timeout.max(longest + longest / 4)
    }
}

fn doubled(first: Duration, longest: Duration, times: u32) -> Duration {
    let factor = 1_u32.checked_shl(times.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(longest.max(first))
}

/// Jitter by hash: different for each import and attempt, the same for the same question.
fn jittered(wait: Duration, tried: &impl Hash, times: u32) -> Duration {
    let mut hasher = DefaultHasher::new();
    (tried, times).hash(&mut hasher);
    wait + wait / 400 * u32::try_from(hasher.finish() % 100).unwrap_or_default()
}
