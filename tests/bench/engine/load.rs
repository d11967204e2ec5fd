//! The engine under load: events received, imports completed, the time of one among others, and tenants that hang.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::time::sleep;
use viva_import::testbed::{
    host::{Host, Outcome},
    service::{Call, ServiceFault},
};

use crate::{
    FILE_BYTES, Result, median, percentile,
    rig::{Program, Rig, a_second_later, csv, now},
};

/// How many files and documents are put at the same time.
const AT_ONCE: usize = 16;
/// How many tenants take turns when the time of one file is measured, so that it waits for no other one.
const MEASURED: usize = 25;
/// How often the table is read until all imports are completed. Seldom: Azurite has enough to do.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// Events a second until each has a row. The steps after it do not run.
pub(crate) async fn intake(program: &Program) -> Result<()> {
    const TENANTS: usize = 20;
    const EVENTS: usize = 1000;
    println!("Events a second until each has a row ({EVENTS} events, {TENANTS} tenants):");
    let mut alone = None;
    for processes in [1, 2] {
        let paused = [("AzureWebJobs.step.Disabled", "true")];
        let mut rig = Rig::start(program, &paused, false).await?;
        connect_all(&rig, TENANTS, "incremental").await?;
        let files: Vec<String> =
            (0..EVENTS).map(|file| format!("t{:03}/{file}.csv", file % TENANTS)).collect();
        announce_all(&rig, &put_all(&rig, &files, 200).await?).await?;
        rig.add_hosts(processes).await?;
        let received = || rig.hosts.iter().map(|host| succeeded(host, "intake")).sum::<usize>();
        let (first, started, before) = (received(), Instant::now(), rig.used()?);
        while received() < EVENTS {
            sleep(Duration::from_millis(20)).await;
        }
        let took = started.elapsed().as_secs_f64();
        let rate = (EVENTS - first) as f64 / took;
        let ratio = rate / *alone.get_or_insert(rate);
        println!("  {processes} processes: {rate:.0} ({ratio:.2} of one)");
        println!("    {}", shares(&rig, before, took, EVENTS - first)?);
    }
    Ok(())
}

/// Imports a second from the events in the queue to their ends, each of a tenant of its own.
pub(crate) async fn processes(program: &Program) -> Result<()> {
    const IMPORTS: usize = 200;
    const PROCESSES: [usize; 3] = [1, 2, 4];
    const ROUNDS: usize = 3;
    println!("Imports a second from event to end ({IMPORTS} files of 30 kB, as many tenants):");
    let mut ratios = [vec![], vec![], vec![]];
    for _ in 0..ROUNDS {
        let mut alone = None;
        for (ratios, processes) in ratios.iter_mut().zip(PROCESSES) {
            let mut rig = Rig::start(program, &[], false).await?;
            connect_all(&rig, IMPORTS, "full").await?;
            announce_all(&rig, &put_all(&rig, &files(IMPORTS), FILE_BYTES).await?).await?;
            let started = now();
            rig.add_hosts(processes).await?;
            let before = rig.used()?;
            let ended = all_ended(&rig, IMPORTS, started).await?;
            let shares = shares(&rig, before, (now() - started).as_seconds_f64(), IMPORTS)?;
            // The last tenth waits for its polls while the others have ended: the rate is that of the others.
            let rate = 0.9 * IMPORTS as f64 / percentile(&ended, 90);
            ratios.push(rate / *alone.get_or_insert(rate));
            println!("  {processes} processes: {rate:.1}; {shares}");
        }
    }
    for (ratios, processes) in ratios.iter().zip(PROCESSES) {
        println!("  {processes} processes: {:.2} of one (median of {ROUNDS})", median(ratios));
    }
    Ok(())
}

/// The time from an event until the service accepts the file, alone and while others are imported.
pub(crate) async fn latency(program: &Program) -> Result<()> {
    const OTHERS: usize = 6;
    println!("Milliseconds from the event of a 30 kB file until it is accepted:");
    let rapid = [("AzureFunctionsJobHost__extensions__queues__maxPollingInterval", "00:00:00.1")];
    // Between two files, the pauses of the host between its polls grow to their full length.
    for (polls, settings, files, pause) in
        [("2 s, as deployed", &[][..], 25, 4000), ("0.1 s", &rapid, 100, 200)]
    {
        let mut rig = Rig::start(program, settings, false).await?;
        connect_all(&rig, MEASURED + OTHERS, "full").await?;
        rig.add_hosts(1).await?;
        for state in ["idle", "busy"] {
            let measured = async {
                let mut times = vec![];
                for number in 0..files {
                    times.push(accepted(&rig, state, number).await?);
                    // Not always at the same place between two polls.
                    sleep(Duration::from_millis(pause + number as u64 * 137 % pause)).await;
                }
                Result::Ok(times)
            };
            let times = if state == "busy" {
                let others = (MEASURED..MEASURED + OTHERS).map(|tenant| endless(&rig, tenant));
                tokio::select! {
                    times = measured => times?,
                    ended = try_join_all(others) => return ended.map(drop),
                }
            } else {
                measured.await?
            };
            let (half, most) = (percentile(&times, 50), percentile(&times, 99));
            println!(
                "  host polls each {polls}; {state}: median {half:.0}, p99 {most:.0} of {files}"
            );
        }
    }
    Ok(())
}

/// The time of the imports of some tenants while the pushes of others hang, against the same without those.
pub(crate) async fn hanging(program: &Program) -> Result<()> {
    const HANGING: usize = 12;
    const OTHERS: usize = 24;
    const ROUNDS: usize = 5;
    let (mut last, mut middle) = ([vec![], vec![]], [vec![], vec![]]);
    for _ in 0..ROUNDS {
        for (place, hanging) in [0, HANGING].into_iter().enumerate() {
            let mut rig = Rig::start(program, &[], false).await?;
            connect_all(&rig, hanging + OTHERS, "full").await?;
            rig.add_hosts(1).await?;
            let events = put_all(&rig, &files(hanging + OTHERS), FILE_BYTES).await?;
            let (hung, others) = events.split_at(hanging);
            for _ in 0..hanging {
                rig.service.fault(Call::Push, ServiceFault::HoldBody { after_bytes: 1 });
            }
            announce_all(&rig, hung).await?;
            let pushing = "State eq 'pushing' and RowKey lt ':'";
            while rig.storage.imports.query(pushing).await?.len() < hanging {
                sleep(Duration::from_millis(200)).await;
            }
            let started = now();
            announce_all(&rig, others).await?;
            let ended = all_ended(&rig, OTHERS, started).await?;
            if rig.storage.imports.query(pushing).await?.len() < hanging {
                return Err("a push that should hang has ended".into());
            }
            last[place].push(percentile(&ended, 100));
            middle[place].push(median(&ended));
            rig.service.release();
        }
    }
    println!(
        "Seconds from event to end of {OTHERS} imports of as many tenants (medians of {ROUNDS}):"
    );
    for (what, [alone, beside]) in [("the median import", middle), ("the last import", last)] {
        let ratios: Vec<f64> = alone.iter().zip(&beside).map(|(alone, it)| it / alone).collect();
        let (alone, beside, ratio) = (median(&alone), median(&beside), median(&ratios));
        println!(
            "  {what}: {alone:.2} alone, {beside:.2} while {HANGING} pushes hang; ratio {ratio:.2}"
        );
    }
    Ok(())
}

/// Stores the documents of the connections `t000` and so on, each of a tenant of its own.
async fn connect_all(rig: &Rig, count: usize, refresh: &str) -> Result<()> {
    let connected = stream::iter(0..count)
        .map(async |tenant| rig.connect(&format!("t{tenant:03}"), tenant, refresh).await);
    connected.buffer_unordered(AT_ONCE).try_collect().await
}

/// A file in each of the connections `t000` and so on.
fn files(count: usize) -> Vec<String> {
    (0..count).map(|tenant| format!("t{tenant:03}/a.csv")).collect()
}

/// Puts files into the inbox. Returns their events.
async fn put_all(rig: &Rig, files: &[String], bytes: usize) -> Result<Vec<Value>> {
    let put = stream::iter(files).map(async |file| rig.put(file, csv(bytes, file)).await);
    put.buffered(AT_ONCE).try_collect().await
}

async fn announce_all(rig: &Rig, events: &[Value]) -> Result<()> {
    let announced = stream::iter(events).map(async |event| rig.announce(event).await);
    announced.buffer_unordered(AT_ONCE).try_collect().await
}

/// Waits until so many imports are completed. Returns after how many seconds each was, as the rows say.
async fn all_ended(rig: &Rig, count: usize, started: OffsetDateTime) -> Result<Vec<f64>> {
    let rows = loop {
        let rows = rig.completed("RowKey lt ':'").await?;
        if rows.len() >= count {
            break rows;
        }
        sleep(POLL_EVERY).await;
    };
    let ended = rows.iter().filter_map(|row| row.get("Ended")?.as_str());
    ended.map(|at| Ok((OffsetDateTime::parse(at, &Rfc3339)? - started).as_seconds_f64())).collect()
}

/// How often a function has succeeded.
fn succeeded(host: &Host, function: &str) -> usize {
    let ended = host.outcomes();
    let ended = ended.iter().filter(|ended| ended.function == function);
    ended.filter(|ended| matches!(ended.outcome, Outcome::Succeeded(_))).count()
}

/// How busy each part was, and the CPU time for each of `count`.
fn shares(rig: &Rig, before: [f64; 4], took: f64, count: usize) -> Result<String> {
    let after = rig.used()?;
    let used = [0, 1, 2, 3].map(|part| after[part] - before[part]);
    let [_, azurite, this, waited] = used.map(|seconds| 100.0 * seconds / took);
    let [handlers_each, azurite_each, ..] = used.map(|seconds| 1e3 * seconds / count as f64);
    Ok(format!(
        "Azurite {azurite:.0} % of a core, and {waited:.0} % of the time it waited for one; hosts and service \
         {this:.0} %; CPU for each: Azurite {azurite_each:.1} ms, handlers {handlers_each:.1} ms"
    ))
}

/// Milliseconds from the event of a file until the service has accepted it.
async fn accepted(rig: &Rig, state: &str, number: usize) -> Result<f64> {
    let tenant = number % MEASURED;
    let file = |number: usize| format!("t{tenant:03}/{state}-{number}.csv");
    if let Some(before) = number.checked_sub(MEASURED) {
        rig.until_completed(&file(before)).await?;
    }
    let file = file(number);
    let event = rig.put(&file, csv(FILE_BYTES, &file)).await?;
    let of_tenant = || {
        let ingestions = rig.service.ingestions();
        ingestions.iter().filter(|it| it.tenant.ends_with(&format!("{tenant:012x}"))).count()
    };
    let (before, started) = (of_tenant(), Instant::now());
    rig.announce(&event).await?;
    while of_tenant() == before {
        sleep(Duration::from_millis(2)).await;
    }
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

/// Imports one file of a tenant after the other, without an end.
async fn endless(rig: &Rig, tenant: usize) -> Result<()> {
    for number in 0_usize.. {
        let file = format!("t{tenant:03}/{number}.csv");
        rig.announce(&rig.put(&file, csv(FILE_BYTES, &file)).await?).await?;
        rig.until_completed(&file).await?;
        a_second_later().await;
    }
    Ok(())
}
