//! Whether the timers of the app run.

use super::{
    connectivity::{self, Reachabilities},
    probes::{Probes, within},
    report::CheckResult,
};
use crate::{engine::missed_timers, http::azure::sentence, import::to_the_second};

pub(super) const TIMERS: &str = "timers";

/// Compares the last run of each timer with its schedule.
pub(super) async fn result(probes: &Probes, hosts: &Reachabilities) -> CheckResult {
    if !hosts.tables.is_reachable() {
        return CheckResult::skipped(TIMERS, connectivity::TABLES);
    }
    let (policy, now) = (&probes.config.policy, (probes.clock)());
    let missed = missed_timers(&probes.imports, &*probes.setting, policy, now);
    let missed = match within(probes.limit, missed).await {
        Ok(Ok(missed)) => missed,
        Ok(Err(error)) => return CheckResult::unknown(TIMERS, sentence(&error)),
        Err(late) => return CheckResult::unknown(TIMERS, late.to_string()),
    };
    if missed.is_empty() {
        return CheckResult::pass(TIMERS, "No timer has missed its time");
    }
    let missed = missed
        .into_iter()
        .map(|(timer, last)| format!("`{}` has not run since {}", timer.name, to_the_second(last)));
    CheckResult::fail(
        TIMERS,
        missed.collect::<Vec<_>>().join("; "),
        "Check that the app runs and that the function is enabled. On your machine, the schedules are those of \
         this shell: set `ADVANCE_SCHEDULE`, `SWEEP_SCHEDULE` and `IMPORT_SCHEDULE` as in the app.",
    )
}
