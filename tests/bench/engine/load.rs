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
    FILE_BYTES, Result, a_percentile, median,
    rig::{Program, Rig, a_second_later, csv, now},
};

/// How many files are put at the same time.
const AT_ONCE: usize = 16;

/// Puts one file into each of these connections. Returns their events.
async fn put_all(rig: &Rig, files: &[String], bytes: usize) -> Result<Vec<Value>> {
    stream::iter(files).map(|file| rig.put(file, csv(bytes, file))).buffered(AT_ONCE).try_collect().await
}

async fn announce_all(rig: &Rig, events: &[Value]) -> Result<()> {
    stream::iter(events).map(|event| rig.announce(event)).buffer_unordered(AT_ONCE).try_collect().await
}

/// How busy each part was, as shares of one core.
async fn shares(rig: &Rig, before: [f64; 3], took: f64) -> Result<String> {
    let after = rig.cpu()?;
    let [handlers, azurite, this] = [0, 1, 2].map(|part| 100.0 * (after[part] - before[part]) / took);
    Ok(format!("Azurite {azurite:.0} % of a core, handlers {handlers:.0} %, hosts and service {this:.0} %"))
}

/// Events a second until each has a row. The steps after it do not run.
pub(crate) async fn intake(program: &Program) -> Result<()> {
    const TENANTS: usize = 20;
    const EVENTS: usize = 1000;
    println!("Events a second until each has a row ({EVENTS} events, {TENANTS} tenants):");
    for processes in [1, 2] {
        let paused = [("AzureWebJobs.step.Disabled", "true")];
        let mut rig = Rig::start(program, &paused, false).await?;
        // No push begins: a row is written before it, and packing goes no further.
        rig.service.always(Call::ScaleUnit, Some(ServiceFault::ServiceUnavailable { retry_after: None }));
        for tenant in 0..TENANTS {
            rig.connect(&format!("t{tenant:02}"), tenant, "incremental").await?;
        }
        let files: Vec<String> =
            (0..EVENTS).map(|file| format!("t{:02}/{file}.csv", file % TENANTS)).collect();
        announce_all(&rig, &put_all(&rig, &files, 200).await?).await?;
        rig.add_hosts(processes).await?;
        let (started, before) = (Instant::now(), rig.cpu()?);
        let received = || rig.hosts.iter().map(|host| succeeded(host, "intake")).sum::<usize>();
        let first = received();
        while received() < EVENTS {
            sleep(Duration::from_millis(20)).await;
        }
        let took = started.elapsed().as_secs_f64();
        let rate = (EVENTS - first) as f64 / took;
        println!("  {processes} processes: {rate:.0}; {}", shares(&rig, before, took).await?);
    }
    Ok(())
}

fn succeeded(host: &Host, function: &str) -> usize {
    let ended = host.outcomes();
    let ended = ended.iter().filter(|ended| ended.function == function);
    ended.filter(|ended| matches!(ended.outcome, Outcome::Succeeded(_))).count()
}

/// Imports a second from the events in the queue to their ends, each of a tenant of its own.
pub(crate) async fn processes(program: &Program) -> Result<()> {
    const IMPORTS: usize = 200;
    println!("Imports a second from event to completed ({IMPORTS} files of 30 kB, as many tenants):");
    let mut alone = None;
    for processes in [1, 2, 4] {
        let mut rig = Rig::start(program, &[], false).await?;
        let names: Vec<usize> = (0..IMPORTS).collect();
        let connected = stream::iter(names)
            .map(|tenant| { let rig = &rig; async move { rig.connect(&format!("t{tenant:03}"), tenant, "full").await } });
        connected.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        let files: Vec<String> = (0..IMPORTS).map(|tenant| format!("t{tenant:03}/a.csv")).collect();
        announce_all(&rig, &put_all(&rig, &files, FILE_BYTES).await?).await?;
        let started = now();
        rig.add_hosts(processes).await?;
        let before = rig.cpu()?;
        let rows = loop {
            let rows = rig.completed("RowKey lt ':'").await?;
            if rows.len() == IMPORTS {
                break rows;
            }
            sleep(Duration::from_secs(1)).await;
        };
        let shares = shares(&rig, before, (now() - started).as_seconds_f64()).await?;
        let ended = rows.iter().filter_map(|row| row.get("Ended")?.as_str());
        let ended = ended.map(|at| OffsetDateTime::parse(at, &Rfc3339)).collect::<std::result::Result<Vec<_>, _>>()?;
        let last = ended.into_iter().max().ok_or("no import ended")?;
        let rate = IMPORTS as f64 / (last - started).as_seconds_f64();
        let ratio = rate / *alone.get_or_insert(rate);
        println!("  {processes} processes: {rate:.1} ({ratio:.2} of one); {shares}");
    }
    Ok(())
}

/// Milliseconds from the event of a file of 30 kB until the service has accepted it.
async fn accepted(rig: &Rig, file: &str, tenant: &str) -> Result<f64> {
    let event = rig.put(file, csv(FILE_BYTES, file)).await?;
    let of_tenant = || rig.service.ingestions().iter().filter(|it| it.tenant.ends_with(tenant)).count();
    let (before, started) = (of_tenant(), Instant::now());
    rig.announce(&event).await?;
    while of_tenant() == before {
        sleep(Duration::from_millis(2)).await;
    }
    let took = started.elapsed().as_secs_f64() * 1e3;
    rig.until_completed(file).await?;
    a_second_later().await;
    Ok(took)
}

/// The time from an event until the service accepts the file, alone and while others are imported.
pub(crate) async fn latency(program: &Program) -> Result<()> {
    const FILES: usize = 100;
    const OTHERS: usize = 6;
    println!("Milliseconds from the event of a 30 kB file until the service accepts it ({FILES} files):");
    let rapid = [("AzureFunctionsJobHost__extensions__queues__maxPollingInterval", "00:00:00.1")];
    for (polls, settings) in [("every 2 s at most, as deployed", &[][..]), ("every 0.1 s", &rapid)] {
        let mut rig = Rig::start(program, settings, false).await?;
        for tenant in 0..=OTHERS + 4 {
            rig.connect(&format!("t{tenant}"), tenant, "full").await?;
        }
        rig.add_hosts(1).await?;
        // Four at a time take turns with the second between two files, each in a tenant of its own.
        for busy in [false, true] {
            let measured = async {
                let mut times = vec![];
                for file in 0..FILES {
                    let tenant = file % 4;
                    let name = format!("t{tenant}/{busy}-{file}.csv");
                    times.push(accepted(&rig, &name, &format!("{tenant:012x}")).await?);
                }
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(times)
            };
            let others = (4..4 + OTHERS).map(|tenant| endless(&rig, tenant));
            let times = if busy {
                tokio::select! {
                    times = measured => times?,
                    ended = try_join_all(others) => return ended.map(drop),
                }
            } else {
                measured.await?
            };
            let state = if busy { "busy" } else { "idle" };
            let (half, most) = (a_percentile(&times, 50), a_percentile(&times, 99));
            println!("  host polls {polls}, {state}: median {half:.0}, p99 {most:.0}");
        }
    }
    Ok(())
}

/// Imports one file of a tenant after the other, without an end.
async fn endless(rig: &Rig, tenant: usize) -> Result<()> {
    for number in 0_usize.. {
        let file = format!("t{tenant}/{number}.csv");
        rig.announce(&rig.put(&file, csv(FILE_BYTES, &file)).await?).await?;
        rig.until_completed(&file).await?;
        a_second_later().await;
    }
    Ok(())
}

/// The time of the imports of some tenants while the pushes of others hang, against the same without those.
pub(crate) async fn hanging(program: &Program) -> Result<()> {
    const HANGING: usize = 12;
    const OTHERS: usize = 24;
    const ROUNDS: usize = 5;
    let mut times = [vec![], vec![]];
    for _ in 0..ROUNDS {
        for (times, hanging) in times.iter_mut().zip([0, HANGING]) {
            let mut rig = Rig::start(program, &[], false).await?;
            for tenant in 0..hanging + OTHERS {
                rig.connect(&format!("t{tenant:02}"), tenant, "full").await?;
            }
            rig.add_hosts(1).await?;
            let files: Vec<String> =
                (0..hanging + OTHERS).map(|tenant| format!("t{tenant:02}/a.csv")).collect();
            let events = put_all(&rig, &files, FILE_BYTES).await?;
            let (hung, others) = events.split_at(hanging);
            for _ in 0..hanging {
                rig.service.fault(Call::Push, ServiceFault::HoldBody { after_bytes: 1 });
            }
            announce_all(&rig, hung).await?;
            while rig.storage.imports.query("State eq 'pushing' and Rows ge 0L").await?.len() < hanging {
                sleep(Duration::from_millis(200)).await;
            }
            let started = now();
            announce_all(&rig, others).await?;
            let rows = loop {
                let rows = rig.completed("RowKey lt ':'").await?;
                if rows.len() == OTHERS {
                    break rows;
                }
                sleep(Duration::from_millis(300)).await;
            };
            let ended = rows.iter().filter_map(|row| row.get("Ended")?.as_str());
            let ended: Vec<f64> = ended
                .map(|at| Ok((OffsetDateTime::parse(at, &Rfc3339)? - started).as_seconds_f64()))
                .collect::<Result<_>>()?;
            times.push(ended.into_iter().fold(0.0, f64::max));
            rig.service.release();
        }
    }
    let ratios = times[0].iter().zip(&times[1]).map(|(alone, beside)| beside / alone).collect();
    let [alone, beside] = times.map(median);
    println!("Seconds until {OTHERS} imports of as many tenants are completed:");
    println!("  {alone:.2} alone, {beside:.2} while the pushes of {HANGING} other tenants hang (medians of {ROUNDS})");
    println!("  ratio: {:.2} (median of the rounds)", median(ratios));
    Ok(())
}
