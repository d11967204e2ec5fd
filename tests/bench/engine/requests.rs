//! The storage requests of an import, and of a timer that has nothing to do.

use std::time::Duration;

use tokio::time::sleep;
use viva_import::testbed::{
    host::{Host, Invocation},
    service::{Call, ServiceFault},
};

use crate::{
    FILE_BYTES, Result,
    rig::{Program, Rig, csv},
    wire::{Seen, Wire, by_service},
};

/// How often an import is counted. The first one of a connection also creates rows that all later ones find.
const IMPORTS: usize = 3;
/// How many polls say that the ingestion is not over.
const FURTHER_POLLS: u32 = 4;

/// How long the host is watched without messages: several of its longest pauses.
const IDLE: Duration = Duration::from_secs(40);

/// What was counted.
pub(crate) struct Counted {
    /// The handler's requests for one import, which is polled once.
    pub(crate) import: Vec<Seen>,
    /// The host's requests for the messages of that import, without the fetches that found none.
    pub(crate) host: usize,
    /// The invocations of that import.
    pub(crate) invocations: Vec<Invocation>,
    /// The handler's and the host's requests for each further poll.
    pub(crate) poll: f64,
    /// The host's fetches from empty queues in an hour.
    pub(crate) idle_polls_an_hour: f64,
    /// The timers without work: the handler's requests, and the time.
    pub(crate) timers: Vec<(&'static str, Vec<Seen>, Duration)>,
}

/// Counts the requests of an import of 30 kB, from its event to its end, and those of the timers.
pub(crate) async fn count(program: &Program) -> Result<Counted> {
    let rig = Rig::with_host(program, &[], true).await?;
    println!("Storage requests of the handler for one import of 30 kB, from its event to its end:");
    let mut last = (vec![], 0);
    for number in 1..=IMPORTS {
        last = one(&rig, number).await?;
        println!("  import {number} of the connection: {}", by_service(&last.0));
    }
    let (import, host) = last;
    println!("  the host, which fetches and deletes its messages: {host}");
    let invocations = rig.hosts.first().map(Host::outcomes).unwrap_or_default();
    let ended = invocations.len() / IMPORTS;
    let invocations = invocations.into_iter().rev().take(ended).collect();
    let poll = further_poll(&rig, import.len() + host).await?;
    println!("  each further poll, with those of the host: {poll:.1}");
    let idle_polls_an_hour = idle_polls(&rig).await?;
    println!("  the host in an hour without messages: {idle_polls_an_hour:.0}");
    let (handler, _) = wires(&rig)?;
    let mut timers = vec![];
    for name in rig.timers() {
        // The first run creates rows that all later ones find.
        rig.timer(name).await?;
    }
    rig.until_silent().await;
    drop(handler.take());
    for name in rig.timers() {
        let took = rig.timer(name).await?;
        rig.until_silent().await;
        let count = handler.take();
        println!("  a run of `{name}` without work: {}", by_service(&count));
        timers.push((name, count, took));
    }
    Ok(Counted { import, host, invocations, poll, idle_polls_an_hour, timers })
}

fn wires(rig: &Rig) -> Result<&(Wire, Wire)> {
    rig.wires.as_ref().ok_or_else(|| "nothing is recorded".into())
}

/// The requests of the handler for one import, and how many those of the host are.
async fn one(rig: &Rig, number: usize) -> Result<(Vec<Seen>, usize)> {
    let (handler, host) = wires(rig)?;
    let file = format!("hr/{number}.csv");
    let event = rig.put(&file, csv(FILE_BYTES, &format!("Unit {number}"))).await?;
    rig.until_silent().await;
    drop((handler.take(), host.take()));
    rig.announce(&event).await?;
    rig.until_completed(&file).await?;
    rig.until_silent().await;
    // Each message is fetched and deleted. Fetches that found none go on all the time.
    let deleted = host.take().iter().filter(|seen| seen.method == "DELETE").count();
    Ok((handler.take(), 2 * deleted))
}

/// The requests for each poll after the first, from an import that is not over at its first polls.
async fn further_poll(rig: &Rig, polled_once: usize) -> Result<f64> {
    for _ in 0..FURTHER_POLLS {
        rig.service.fault(Call::Status, ServiceFault::StatusWord("ExtractionCompleted".to_owned()));
    }
    let (handler, host) = one(rig, IMPORTS + 1).await?;
    Ok((handler.len() + host).saturating_sub(polled_once) as f64 / f64::from(FURTHER_POLLS))
}

/// The requests of the host in an hour in which no message comes.
async fn idle_polls(rig: &Rig) -> Result<f64> {
    let (_, host) = wires(rig)?;
    // Until the pauses between two fetches have their full length.
    rig.until_silent().await;
    drop(host.take());
    sleep(IDLE).await;
    Ok(host.take().len() as f64 * 3600.0 / IDLE.as_secs_f64())
}

/// Prints the requests in order.
pub(crate) fn list(counted: &Counted) {
    let print = |what: &str, requests: &[Seen]| {
        println!("The requests of {what} in order:");
        for (number, seen) in requests.iter().enumerate() {
            println!("{:>3}. {seen}", number + 1);
        }
    };
    print(&format!("import {IMPORTS}"), &counted.import);
    for (name, requests, _) in &counted.timers {
        print(&format!("`{name}` without work"), requests);
    }
}
