//! What the hosts of one app share: the status of each timer and the lock of each timer.
//!
//! The real hosts keep both as blobs in `AzureWebJobsStorage`. Here they are in memory, and a test passes them
//! from one host to the next. A lock is a lease. Its holder renews it at half time. A host that ends properly
//! releases it; after the death of a host it expires.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use azure_core::Uuid;
use time::OffsetDateTime;
use tokio::time::Instant;

/// The lease of the real host (`SingletonOptions`, `ListenerLockPeriod`).
const LEASE: Duration = Duration::from_mins(1);

/// What the hosts of one app share.
#[derive(Clone, Debug)]
pub struct HostStorage {
    pub(super) lease: Duration,
    timers: Arc<Mutex<BTreeMap<String, Entry>>>,
}

/// What is stored for one timer.
#[derive(Debug, Default)]
struct Entry {
    status: Option<Status>,
    /// The host that has the lock, and when its lease expires.
    holder: Option<(Uuid, Instant)>,
}

/// `ScheduleStatus`. `next` is `None` if the schedule has no further occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) last: OffsetDateTime,
    pub(super) next: Option<OffsetDateTime>,
    pub(super) updated: OffsetDateTime,
}

impl Default for HostStorage {
    fn default() -> Self {
        Self::with_lease(LEASE)
    }
}

impl HostStorage {
    /// Empty storage, with another lease than the minute of the real host.
    #[must_use]
    pub fn with_lease(lease: Duration) -> Self {
        Self { lease, timers: Arc::default() }
    }

    /// Takes or renews the lock of a timer; false if another host has it.
    pub(super) fn lock(&self, timer: &str, host: Uuid) -> bool {
        let now = Instant::now();
        let mut timers = self.timers();
        let holder = &mut timers.entry(timer.to_owned()).or_default().holder;
        let is_free = holder.is_none_or(|(held_by, until)| held_by == host || until <= now);
        if is_free {
            *holder = Some((host, now + self.lease));
        }
        is_free
    }

    /// Releases the lock of a timer if the host has it.
    pub(super) fn release(&self, timer: &str, host: Uuid) {
        let mut timers = self.timers();
        let holder = &mut timers.entry(timer.to_owned()).or_default().holder;
        if holder.is_some_and(|(held_by, _)| held_by == host) {
            *holder = None;
        }
    }

    pub(super) fn status(&self, timer: &str) -> Option<Status> {
        self.timers().get(timer)?.status
    }

    pub(super) fn store(&self, timer: &str, status: Status) {
        self.timers().entry(timer.to_owned()).or_default().status = Some(status);
    }

    fn timers(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_free_after_its_release_or_at_the_end_of_its_lease() {
        let storage = HostStorage::default();
        let (one, other) = (Uuid::new_v4(), Uuid::new_v4());
        assert!(storage.lock("Work", one) && storage.lock("Work", one));
        assert!(!storage.lock("Work", other) && storage.lock("Other", other));
        storage.release("Work", other);
        assert!(!storage.lock("Work", other));
        storage.release("Work", one);
        assert!(storage.lock("Work", other));
        let storage = HostStorage::with_lease(Duration::ZERO);
        assert!(storage.lock("Work", one) && storage.lock("Work", other), "the lease has expired");
    }
}
