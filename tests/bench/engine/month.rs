//! What a month costs: storage transactions and GB-s, computed from measured requests and times.

use std::time::Duration;

use crate::{Result, requests::Counted};

const DAYS: f64 = 365.0 / 12.0;
const IMPORTS_A_DAY: [f64; 3] = [10.0, 1000.0, 10_000.0];
/// How often the status of an ingestion is polled until it is over.
const POLLS: f64 = 5.0;
/// Instance sizes of Flex Consumption in GB: the smallest, and the default.
const INSTANCE_GB: [f64; 2] = [0.5, 2.0];
/// Flex Consumption bills at least a second for each execution, in steps of a tenth.
const LEAST_BILLED: f64 = 1.0;

/// The runs of a timer in a day, as the templates in `infra` schedule it.
fn runs_a_day(timer: &str) -> Result<f64> {
    match timer {
        "advance" => Ok(24.0 * 12.0),
        "sweep" => Ok(24.0),
        // In the place of `advance` before steps came by queue.
        "drive" => Ok(24.0 * 60.0),
        other => Err(format!("how often does {other} run?").into()),
    }
}

/// Prints the table, and how it is computed.
pub(crate) fn print(counted: &Counted) -> Result<()> {
    let an_import = (counted.import.len() + counted.host) as f64;
    let polled = an_import + (POLLS - 1.0) * counted.poll;
    let seconds: f64 = counted.invocations.iter().map(|ended| billed(ended.took)).sum();
    let seconds = seconds + (POLLS - 1.0) * LEAST_BILLED;
    let (mut of_timers, mut seconds_of_timers) = (0.0, 0.0);
    for (name, requests, took) in &counted.timers {
        let runs = DAYS * runs_a_day(name)?;
        of_timers += runs * requests.len() as f64;
        seconds_of_timers += runs * billed(*took);
    }
    let polls_of_host = counted.idle_polls_an_hour * 24.0 * DAYS;
    println!("\nA month, with {POLLS} polls of each import:");
    println!(
        "  an import: {polled:.0} requests = {an_import} + {} x {:.1}",
        POLLS - 1.0,
        counted.poll
    );
    println!(
        "  an import: {seconds:.1} billed seconds, if nothing else runs in its instance at that time"
    );
    println!("  the timers: {of_timers:.0} requests and {seconds_of_timers:.0} billed seconds");
    println!(
        "  the host's fetches from empty queues, if an instance runs all the time: {polls_of_host:.0}"
    );
    println!();
    println!(
        "| imports a day | requests for imports | for timers | by an instance that always runs | GB-s at 512 MB | GB-s at 2 GB |"
    );
    println!("|---|---|---|---|---|---|");
    for imports in IMPORTS_A_DAY {
        let imported = imports * DAYS;
        let [small, normal] = INSTANCE_GB.map(|gb| gb * (imported * seconds + seconds_of_timers));
        println!(
            "| {imports:.0} | {:.0} | {of_timers:.0} | {polls_of_host:.0} | {small:.0} | {normal:.0} |",
            imported * polled
        );
    }
    Ok(())
}

fn billed(took: Duration) -> f64 {
    ((took.as_secs_f64() * 10.0).ceil() / 10.0).max(LEAST_BILLED)
}
