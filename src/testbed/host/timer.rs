//! The timer trigger, after `TimerListener` of Azure/azure-webjobs-sdk-extensions. Two runs of a timer never
//! overlap. The schedule continues whether or not a run failed. Several missed runs become one.
//!
//! The real host keeps the status in storage. Here every host starts without one.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value, json};
use time::{OffsetDateTime, macros::datetime};
use tokio::{sync::Mutex, time::sleep};

use super::{
    Cause, Outcome,
    function::{Function, Trigger},
    invocation,
    journal::now,
    runtime::{Runtime, only_sys},
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
    /// Locked during a run.
    status: Mutex<Status>,
}

/// `ScheduleStatus`. `Next` is `None` if the schedule has no further occurrence.
#[derive(Clone, Copy, Debug)]
struct Status {
    last: OffsetDateTime,
    next: Option<OffsetDateTime>,
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
        let now = now();
        Some(Self {
            runtime: runtime.clone(),
            function: function.name.clone(),
            binding: function.binding.clone(),
            monitored: *use_monitor && !is_rapid(schedule, now),
            run_on_startup: *run_on_startup,
            status: Mutex::new(Status { last: NEVER_YET, next: schedule.next(now) }),
        })
    }

    /// Fires on schedule, endlessly.
    pub(super) async fn listen(&self) {
        if self.run_on_startup {
            self.fire(Why::Unscheduled).await;
        }
        while let Some(next) = self.next().await {
            let wait = Duration::try_from(next - now()).unwrap_or_default();
            sleep(wait).await;
            // An unscheduled run in the meantime may have changed the next occurrence.
            if self.next().await == Some(next) {
                self.fire(Why::Scheduled).await;
            }
        }
    }

    /// Fires as soon as the previous run is over.
    pub(super) async fn fire(&self, why: Why) -> Outcome {
        let mut status = self.status.lock().await;
        let now = now();
        let past_due = why == Why::PastDue;
        let shown = self.monitored.then_some(*status);
        let data = Map::from_iter([(self.binding.clone(), timer_info(shown, past_due))]);
        let body = invocation::body(data, only_sys(&self.function));
        let reason = format!("Timer fired at {}", invocation::local(now));
        let cause = Cause::Timer { past_due };
        let outcome = self.runtime.call(&self.function, cause, &reason, body).await;
        // A clock that fires early must not let the same occurrence fire twice.
        let early = status.next.filter(|next| why == Why::Scheduled && *next > now);
        let last = early.unwrap_or(now);
        *status = Status { last, next: self.after(last) };
        outcome
    }

    async fn next(&self) -> Option<OffsetDateTime> {
        self.status.lock().await.next
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
    let status = status.map(|Status { last, next }| {
        let (last, next) = (invocation::local(last), invocation::local(next.unwrap_or(NEVER_YET)));
        json!({ "Last": last, "Next": next, "LastUpdated": last })
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
        let status = Status { last, next: Some(datetime!(2026-11-24 10:00:00 UTC)) };
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
        let status = Status { last: NEVER_YET, next: None };
        let first = timer_info(Some(status), true);
        assert_eq!(first["ScheduleStatus"]["Last"], "0001-01-01T00:00:00+00:00");
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
