//! The lease of a running pack or push.
//!
//! While the work runs, its import's due time is moved on, so that no other instance takes it up. When its process
//! is killed, another one does soon after. Work that cannot renew its lease in time is broken off before another
//! instance may begin, and a push sends its last bytes only while the lease is held: so no two pushes of one
//! import can both arrive whole while their processes live.

use std::{pin::pin, time::Duration};

use azure_core::Result;
use time::OffsetDateTime;
use tokio::{
    select,
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout_at},
};

use super::{Clock, Engine, Step, log};
use crate::{
    http::azure::sentence,
    import::Event,
    storage::import_table::{Saved, Stored},
};

/// The most time between two attempts to renew a lease.
const PAUSE: Duration = Duration::from_secs(5);

/// How long the work may continue without a renewal.
pub(super) struct Lease {
    clock: Clock,
    length: Duration,
    begun: watch::Sender<Begun>,
    /// The work waits for a renewal.
    wanted: Notify,
}

/// When the last write that took or renewed the lease began. A process that was suspended is late by its monotonic
/// clock, and a machine that was, by its wall clock.
#[derive(Clone, Copy)]
struct Begun {
    at: Instant,
    time: OffsetDateTime,
}

impl Begun {
    /// The moment to remember before a write.
    fn now(clock: &Clock) -> Self {
        Self { at: Instant::now(), time: clock() }
    }
}

impl Lease {
    /// A lease that the write that follows takes.
    pub(super) fn new(clock: Clock, length: Duration) -> Self {
        let begun = watch::Sender::new(Begun::now(&clock));
        Self { clock, length, begun, wanted: Notify::new() }
    }

    /// When the last renewal began, by the monotonic clock.
    fn at(&self) -> Instant {
        self.begun.borrow().at
    }

    /// For how long a write holds it here: for less time than other instances wait.
    fn held_for(&self) -> Duration {
        self.length * 5 / 6
    }

    fn pause(&self) -> Duration {
        PAUSE.min(self.length / 20)
    }

    fn is_held(&self) -> bool {
        let begun = *self.begun.borrow();
        begun.at.elapsed() < self.held_for() && (self.clock)() < begun.time + self.held_for()
    }

    /// Returns when the lease is held. Work that has lost it waits here until it is broken off.
    pub(super) async fn held(&self) {
        let mut begun = self.begun.subscribe();
        while !self.is_held() {
            self.wanted.notify_one();
            // The sender is in this lease, so it is not closed.
            let _ = begun.changed().await;
        }
    }
}

impl Engine {
    /// A lease that the write that follows takes.
    pub(super) fn lease(&self) -> Lease {
        Lease::new(self.clock.clone(), self.config.policy.lease)
    }

    /// Does the work of a step while its lease lasts. Returns the import for its next write, with the result;
    /// `None` if the lease was lost and the work broken off.
    pub(super) async fn under<T>(
        &self,
        lease: &Lease,
        mut stored: Stored,
        work: impl Future<Output = T>,
    ) -> Option<(Stored, T)> {
        let mut work = pin!(work);
        let mut next = lease.at() + lease.length / 2;
        loop {
            select! {
                biased;
                done = &mut work => return Some((stored, done)),
                () = sleep_until(next) => {}
                () = lease.wanted.notified() => {}
            }
            let end = lease.at() + lease.held_for();
            let renewed = {
                // One answer that does not arrive leaves time for another attempt.
                let latest = end.min(Instant::now() + lease.length / 5);
                let renewal = Box::pin(self.renew(lease, stored.clone()));
                let mut renewal = pin!(timeout_at(latest, renewal));
                select! {
                    biased;
                    done = &mut work => {
                        let renewed = renewal.await.ok().and_then(Result::ok).flatten();
                        return Some((renewed.unwrap_or(stored), done));
                    }
                    renewed = &mut renewal => renewed,
                }
            };
            let why = match renewed {
                Ok(Ok(Some(renewed))) => {
                    stored = renewed;
                    next = lease.at() + lease.length / 2;
                    continue;
                }
                Ok(Ok(None)) => "the import has changed meanwhile".to_owned(),
                failed if Instant::now() + lease.pause() < end => {
                    if let Ok(Err(error)) = failed {
                        let what = "Could not renew the lease, retrying";
                        self.log_storage(&stored.import, what, &error);
                    }
                    next = Instant::now() + lease.pause();
                    continue;
                }
                Ok(Err(error)) => sentence(&error),
                Err(_) => "storage did not answer in time, or the process was suspended".to_owned(),
            };
            log::broken_off(&stored.import, &why, (self.clock)());
            return None;
        }
    }

    /// Writes a later due time; `None` if the import is not in the step any more.
    async fn renew(&self, lease: &Lease, stored: Stored) -> Result<Option<Stored>> {
        let mut next = Some(stored);
        while let Some(stored) = next {
            let begun = Begun::now(&lease.clock);
            let renewed = self.applied(stored.import.clone(), Event::Renewed)?;
            match self.imports.save(stored.clone(), renewed, begun.time).await? {
                Saved::Done { stored, .. } => {
                    lease.begun.send_replace(begun);
                    return Ok(Some(*stored));
                }
                Saved::Lost => next = self.still_in_step(&stored).await?,
            }
        }
        Ok(None)
    }

    /// Saves the result of a step.
    pub(super) async fn save_result(&self, stored: Stored, event: Event) -> Result<Step> {
        match self.save(stored.clone(), event.clone()).await? {
            Step::Resting => match self.still_in_step(&stored).await? {
                Some(mut now) => {
                    now.import.diagnostics = stored.import.diagnostics;
                    now.import.notify_enabled = stored.import.notify_enabled;
                    self.save(now, event).await
                }
                None => Ok(Step::Resting),
            },
            moved @ Step::Moved(_) => Ok(moved),
        }
    }

    /// The row of an import if it is still in the step, although another write met ours: that of an operator, or
    /// our own one, whose answer was lost.
    async fn still_in_step(&self, stored: &Stored) -> Result<Option<Stored>> {
        let read = self.imports.get(&stored.import.id).await?;
        Ok(read.filter(|read| read.import.is_in_step_of(&stored.import)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    };

    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_lease_is_held_for_less_than_its_length_by_either_clock() {
        let seconds = Arc::new(AtomicI64::new(0));
        let wall = seconds.clone();
        let clock: Clock = Arc::new(move || {
            OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(wall.load(Ordering::SeqCst))
        });
        let lease = Lease::new(clock, Duration::from_mins(2));
        let begun_before = |seconds| {
            let at = Instant::now() - Duration::from_secs(seconds);
            lease.begun.send_replace(Begun { at, ..Begun::now(&lease.clock) });
        };
        begun_before(90);
        assert!(lease.is_held());
        begun_before(100);
        assert!(!lease.is_held());
        lease.begun.send_replace(Begun::now(&lease.clock));
        assert!(lease.is_held());
        seconds.store(100, Ordering::SeqCst);
        assert!(!lease.is_held());

        // Work that waits for it asks for a renewal, and continues after it.
        let mut held = Box::pin(lease.held());
        assert!(held.as_mut().now_or_never().is_none());
        assert!(lease.wanted.notified().now_or_never().is_some());
        lease.begun.send_replace(Begun::now(&lease.clock));
        assert!(held.now_or_never().is_some());
    }
}
