//! The timer trigger, after `TimerListener` of Azure/azure-webjobs-sdk-extensions. Two scheduled runs of a timer
//! never overlap. The schedule continues whether or not a run failed. Several missed runs become one.
//!
//! Only the host that has the lock of a timer fires it. The status is stored, so a new host fires a timer that
//! the previous one missed, once, with `IsPastDue`.

use std::{sync::Arc, time::Duration};

use azure_core::Uuid;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, macros::datetime};
use tokio::{
    sync::Mutex,
    time::{interval, sleep},
};

use super::{
    Cause, Outcome,
    function::{Function, Trigger},
    invocation,
    journal::now,
    runtime::{Runtime, only_sys},
    shared::Status,
};
use crate::schedule::Schedule;

/// `DateTime.MinValue`: the timer has not run yet.
const NEVER_YET: OffsetDateTime = datetime!(0001-01-01 00:00:00 UTC);

/// One timer.
#[derive(Debug)]
pub(super) struct Timer {
    runtime: Arc<Runtime>,
    pub(super) function: String,
    binding: String,
    monitored: bool,
    run_on_startup: bool,
    /// Identifies this host as the holder of the lock.
    host: Uuid,
    /// Locked during a scheduled run.
    running: Mutex<()>,
}

/// Why a timer fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Scheduled,
    /// On start, or by [`super::Host::timer`].
    Unscheduled,
    PastDue,
}

impl Timer {
    /// The timer of a function; `None` if it has another trigger.
    pub(super) fn new(runtime: &Arc<Runtime>, function: &Function) -> Option<Self> {
        let Trigger::Timer { schedule, use_monitor, run_on_startup } = &function.trigger else {
            return None;
        };
        Some(Self {
            runtime: runtime.clone(),
            function: function.name.clone(),
            binding: function.binding.clone(),
            monitored: *use_monitor && !is_rapid(schedule, now()),
            run_on_startup: *run_on_startup,
            host: Uuid::new_v4(),
            running: Mutex::new(()),
        })
    }

    /// Fires on schedule until the listeners stop, once this host has the lock.
    pub(super) async fn listen(&self) {
        let storage = &self.runtime.storage;
        let stopping = &self.runtime.stopping;
        // A few attempts in the time of a lease, so that the lock is taken soon after it is free.
        let mut attempts = interval((storage.lease / 4).max(Duration::from_millis(1)));
        while !storage.lock(&self.function, self.host) {
            tokio::select! {
                _ = attempts.tick() => {}
                () = stopping.cancelled() => return,
            }
        }
        let renewing = async {
            loop {
                sleep(storage.lease / 2).await;
                storage.lock(&self.function, self.host);
            }
        };
        tokio::select! {
            () = renewing => {}
            () = self.fire_on_schedule() => {}
        }
        storage.release(&self.function, self.host);
    }

    async fn fire_on_schedule(&self) {
        if self.started(now()) {
            self.fire(Why::PastDue).await;
        } else if self.run_on_startup {
            self.fire(Why::Unscheduled).await;
        }
        while let Some(next) = self.status().next {
            let wait = Duration::try_from(next - now()).unwrap_or_default();
            tokio::select! {
                biased;
                () = self.runtime.stopping.cancelled() => return,
                () = sleep(wait) => {}
            }
            // An unscheduled run in the meantime may have changed the next occurrence.
            if self.status().next == Some(next) {
                self.fire(Why::Scheduled).await;
            }
        }
        self.runtime.stopping.cancelled().await;
    }

    /// Reads the stored status, and corrects it if the schedule has changed. Returns whether the timer is past
    /// due (`ScheduleMonitor.CheckPastDueAsync`).
    fn started(&self, now: OffsetDateTime) -> bool {
        let storage = &self.runtime.storage;
        let stored = storage.status(&self.function).filter(|_| self.monitored);
        let Some(stored) = stored else {
            storage.store(&self.function, self.first(now));
            return false;
        };
        let expected = self.after(stored.updated);
        if stored.next == expected {
            return expected.is_some_and(|next| next < now);
        }
        let next = expected.filter(|next| *next >= now).or_else(|| self.after(now));
        storage.store(&self.function, Status { last: NEVER_YET, next, updated: now });
        false
    }

    /// Fires as soon as the previous scheduled run is over.
    pub(super) async fn fire(&self, why: Why) -> Outcome {
        let _running = self.running.lock().await;
        let status = self.status();
        let now = now();
        let past_due = why == Why::PastDue;
        let data = self.data(past_due);
        let body = invocation::body(data, only_sys(&self.function));
        let reason = format!("Timer fired at {}", invocation::local(now));
        let cause = Cause::Timer { past_due };
        let outcome = self.runtime.call(&self.function, cause, &reason, body).await;
        // A clock that fires early must not let the same occurrence fire twice.
        let early = status.next.filter(|next| why == Why::Scheduled && *next > now);
        let last = early.unwrap_or(now);
        let status = Status { last, next: self.after(last), updated: last };
        self.runtime.storage.store(&self.function, status);
        outcome
    }

    /// Fires by hand, as `/admin/functions/NAME` does: beside a scheduled run, without a change of the status.
    pub(super) async fn fire_by_hand(&self, input: &str) -> Outcome {
        let mut metadata = Map::from_iter([(self.binding.clone(), invocation::text(input))]);
        metadata.extend(only_sys(&self.function));
        let body = invocation::body(self.data(false), metadata);
        self.runtime.call_by_hand(&self.function, body).await
    }

    fn data(&self, past_due: bool) -> Map<String, Value> {
        let shown = self.monitored.then(|| self.status());
        Map::from_iter([(self.binding.clone(), timer_info(shown, past_due))])
    }

    fn status(&self) -> Status {
        self.runtime.storage.status(&self.function).unwrap_or_else(|| self.first(now()))
    }

    /// The status of a timer that has not run yet.
    fn first(&self, now: OffsetDateTime) -> Status {
        Status { last: NEVER_YET, next: self.after(now), updated: now }
    }

    fn after(&self, moment: OffsetDateTime) -> Option<OffsetDateTime> {
        let function = self.runtime.app.function(&self.function)?;
        match &function.trigger {
            Trigger::Timer { schedule, .. } => schedule.next(moment),
            Trigger::Queue { .. } | Trigger::Http { .. } => None,
        }
    }
}

/// The value of the binding of a timer.
fn timer_info(status: Option<Status>, past_due: bool) -> Value {
    let status = status.map(|Status { last, next, updated }| {
        let [last, next, updated] =
            [last, next.unwrap_or(NEVER_YET), updated].map(invocation::local);
        json!({ "Last": last, "Next": next, "LastUpdated": updated })
    });
    json!({
        "Schedule": { "AdjustForDST": true },
        "ScheduleStatus": status,
        "IsPastDue": past_due,
    })
}

/// Whether a schedule fires again within a minute. The host then keeps no status.
fn is_rapid(schedule: &Schedule, now: OffsetDateTime) -> bool {
    let second = schedule.next(now).and_then(|first| schedule.next(first));
    second.is_some_and(|second| second < now + time::Duration::MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_the_hosts() {
        let last = datetime!(2026-11-24 09:55:00.0035432 UTC);
        let next = Some(datetime!(2026-11-24 10:00:00 UTC));
        let status = Status { last, next, updated: last };
        let sys = invocation::sys(
            "Sweep",
            datetime!(2026-11-24 10:00:00.031309 UTC),
            "e2640002-b35f-46d6-8afc-95bb41d69eba",
        );
        let data = Map::from_iter([("timer".to_owned(), timer_info(Some(status), false))]);
        let metadata = Map::from_iter([("sys".to_owned(), sys)]);
        let expected = concat!(
            r#"{"Data":{"timer":{"Schedule":{"AdjustForDST":true},"ScheduleStatus":{"#,
            r#""Last":"2026-11-24T09:55:00.0035432+00:00","Next":"2026-11-24T10:00:00+00:00","#,
            r#""LastUpdated":"2026-11-24T09:55:00.0035432+00:00"},"IsPastDue":false}},"#,
            r#""Metadata":{"sys":{"MethodName":"Sweep","UtcNow":"2026-11-24T10:00:00.031309Z","#,
            r#""RandGuid":"e2640002-b35f-46d6-8afc-95bb41d69eba"}}}"#,
        );
        assert_eq!(invocation::body(data, metadata).to_string(), expected);
    }

    #[test]
    fn the_first_run_has_no_last_one_and_an_unmonitored_one_no_status() {
        let updated = datetime!(2026-11-24 09:55:00 UTC);
        let status = Status { last: NEVER_YET, next: None, updated };
        let first = timer_info(Some(status), true);
        assert_eq!(first["ScheduleStatus"]["Last"], "0001-01-01T00:00:00+00:00");
        assert_eq!(first["ScheduleStatus"]["LastUpdated"], "2026-11-24T09:55:00+00:00");
        assert_eq!(first["IsPastDue"], true);
        assert_eq!(timer_info(None, false)["ScheduleStatus"], Value::Null);
    }

    #[test]
    fn more_than_once_a_minute_is_rapid() {
        let now = datetime!(2026-11-24 10:00:00.5 UTC);
        assert!(is_rapid(&Schedule::parse("*/10 * * * * *").unwrap(), now));
        assert!(!is_rapid(&Schedule::parse("0 * * * * *").unwrap(), now));
    }
}
