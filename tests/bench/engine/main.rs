//! The speed and the cost of the engine: real handler processes, real Azurite, the mock service.
//!
//! `cargo bench --bench engine -- --help` lists what can be measured.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "no count is so large")]

mod history;
mod load;
mod month;
mod process;
mod requests;
mod rig;
mod wire;

use std::{error::Error, path::PathBuf};

use clap::{Parser, ValueEnum};

use self::rig::Program;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The length of a small export.
pub(crate) const FILE_BYTES: usize = 30_000;

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Figure {
    /// Storage requests of an import, in order, and what a month costs
    Requests,
    /// CPU time of an import with 10 and with 400 ended imports in its connection
    History,
    /// Imports a second with 1, 2 and 4 handler processes
    Processes,
    /// Time from an event until the service accepts the file
    Latency,
    /// Events a second until each has a row
    Intake,
    /// Imports beside tenants whose push hangs
    Hanging,
    /// Memory with many ended imports
    Memory,
}

/// Measures the engine.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to measure; the default is everything
    figures: Vec<Figure>,
    /// The program to measure, if not that of this tree
    #[arg(long, default_value = env!("CARGO_BIN_EXE_viva-import"))]
    handler: PathBuf,
    /// The tree of that program, which has its host.json and its functions
    #[arg(long, default_value = env!("CARGO_MANIFEST_DIR"))]
    app: PathBuf,
    /// The numbers of ended imports for `memory`
    #[arg(long, value_delimiter = ',', default_value = "20000,200000")]
    rows: Vec<usize>,
    /// cargo adds it
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { figures, handler, app, rows, bench: _ } = Arguments::parse();
    let figures = if figures.is_empty() { Figure::value_variants().to_vec() } else { figures };
    let program = Program { handler, app };
    for figure in figures {
        match figure {
            Figure::Requests => {
                let counted = requests::count(&program).await?;
                requests::list(&counted);
                month::print(&counted)?;
            }
            Figure::History => history::cpu_time(&program).await?,
            Figure::Processes => load::processes(&program).await?,
            Figure::Latency => load::latency(&program).await?,
            Figure::Intake => load::intake(&program).await?,
            Figure::Hanging => load::hanging(&program).await?,
            Figure::Memory => history::memory(&program, &rows).await?,
        }
    }
    Ok(())
}

/// The middle of some figures.
pub(crate) fn median(figures: &[f64]) -> f64 {
    percentile(figures, 50)
}

/// The figure that so many percent of all are not above.
pub(crate) fn percentile(figures: &[f64], percent: usize) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}
