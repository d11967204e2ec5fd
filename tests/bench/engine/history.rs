//! What grows with the number of ended imports: the CPU time of an import, and the memory of the handler.

use std::collections::BTreeSet;

use bytes::Bytes;
use reqwest::{Method, header::HeaderMap};
use serde_json::Value;
use viva_import::storage::table::{Properties, Write};

use crate::{
    FILE_BYTES, Result, median,
    process::{cpu, peak_mib, reset_peak},
    rig::{Program, Rig, a_second_later, csv},
};

/// The most rows of one transaction.
const AT_ONCE: usize = 100;
/// The numbers of historic rows that are compared.
const ROWS: [usize; 2] = [10, 400];
/// How many imports are measured as one, because the CPU time of a process has steps of a tick.
const IMPORTS: usize = 8;
const ROUNDS: usize = 5;

/// Adds so many rows of ended imports, each like `row` with another file and an older content.
///
/// A copy of a row that the program itself wrote has what any program keeps of an ended import.
async fn add_rows(rig: &Rig, row: &Properties, count: usize) -> Result<()> {
    let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (key, file) = (text("RowKey"), text("File"));
    let (order, content) = key.split_once('-').ok_or("a row key without a hash")?;
    let order: u64 = order.parse()?;
    let rows: Vec<Write> = (1..=count)
        .map(|number| {
            let mut row = row.clone();
            // What Azurite adds to an answer.
            row.retain(|name, _| !name.starts_with("odata.") && !name.starts_with("Timestamp"));
            let key = format!("{:015}-{content}", order + 60_000 * number as u64);
            row.insert("RowKey".to_owned(), key.into());
            row.insert("File".to_owned(), file.replace(".csv", &format!("-{number}.csv")).into());
            Write::Insert(row)
        })
        .collect();
    for rows in rows.chunks(AT_ONCE) {
        rig.storage.imports.transact(rows).await?;
    }
    Ok(())
}

/// The CPU time of an import whose connection has 400 ended imports, against one with 10.
pub(crate) async fn cpu_time(program: &Program) -> Result<()> {
    let mut rig = Rig::start(program, &[], false).await?;
    rig.add_hosts(1).await?;
    for (tenant, count) in ROWS.into_iter().enumerate() {
        rig.connect(&format!("of{count}"), tenant, "full").await?;
        let row = import(&rig, &format!("of{count}/first.csv")).await?;
        add_rows(&rig, &row, count - 1).await?;
    }
    let mut times = [vec![], vec![]];
    for round in 0..ROUNDS {
        // The imports that are measured stay, so both connections get as many.
        for (times, count) in times.iter_mut().zip(ROWS) {
            let before = cpu(rig.handler()?)?;
            for number in 0..IMPORTS {
                import(&rig, &format!("of{count}/{round}-{number}.csv")).await?;
            }
            times.push((cpu(rig.handler()?)? - before) * 1e3 / IMPORTS as f64);
        }
    }
    let ratios: Vec<f64> = times[0].iter().zip(&times[1]).map(|(few, many)| many / few).collect();
    let [few, many] = times.map(|times| median(&times));
    let [least, most] = ROWS;
    println!(
        "CPU time of the handler for one import of 30 kB, in a connection with ended imports:"
    );
    println!(
        "  {least}: {few:.1} ms; {most}: {many:.1} ms (medians of {ROUNDS} rounds of {IMPORTS})"
    );
    println!("  ratio: {:.2} (median of the rounds)", median(&ratios));
    Ok(())
}

/// Imports one file, and waits for the next second: the times of blobs, which order them, have whole seconds.
async fn import(rig: &Rig, file: &str) -> Result<Properties> {
    rig.announce(&rig.put(file, csv(FILE_BYTES, file)).await?).await?;
    let row = rig.until_completed(file).await?;
    a_second_later().await;
    Ok(row)
}

/// The largest memory of the handler with so many rows of ended imports, over 20 tenants.
pub(crate) async fn memory(program: &Program, sizes: &[usize]) -> Result<()> {
    const TENANTS: usize = 20;
    println!("Largest memory of the handler while it runs, in MiB:");
    let sizes: BTreeSet<usize> = sizes.iter().copied().collect();
    for size in sizes {
        let mut rig = Rig::start(program, &[], false).await?;
        for tenant in 0..TENANTS {
            rig.connect(&format!("t{tenant:02}"), tenant, "full").await?;
        }
        rig.add_hosts(1).await?;
        for tenant in 0..TENANTS {
            let row = import(&rig, &format!("t{tenant:02}/first.csv")).await?;
            add_rows(&rig, &row, size / TENANTS - 1).await?;
        }
        let pid = rig.handler()?;
        let mut line = format!("  {size} rows:");
        for what in ["event", "sweep", "advance", "drive", "health", "status"] {
            reset_peak(pid)?;
            match what {
                "event" => drop(import(&rig, "t00/next.csv").await?),
                "health" | "status" => {
                    let (path, host) = (format!("/api/{what}"), rig.hosts.first());
                    let host = host.ok_or("no host runs")?;
                    host.http(Method::GET, &path, HeaderMap::new(), Bytes::new()).await;
                }
                timer if rig.timers().contains(&timer) => drop(rig.timer(timer).await?),
                _ => continue,
            }
            line.push_str(&format!(" {what} {:.1},", peak_mib(pid)?));
        }
        println!("{}", line.trim_end_matches(','));
    }
    Ok(())
}
