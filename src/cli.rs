//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Carries an organization's HR export from Azure Storage into Microsoft Viva Insights and tells
/// what became of it.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answers the Azure Functions host. The host starts it; host.json says so
    Serve,
    /// Shows the whole road on this machine: storage emulator, Functions host and a rehearsal of
    /// the service. Needs Node.js 20 or later
    ///
    /// Example: viva-import demo my.csv --connection my-connection.json
    Demo(Demo),
    /// Prints every setting with its default
    Settings,
}

/// What the demo shows.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// The CSV to import; a sample without it
    pub file: Option<PathBuf>,
    /// The connection document it belongs to; the sample's without it
    #[arg(long, value_name = "JSON")]
    pub connection: Option<PathBuf>,
    /// How the rehearsal service misbehaves once; can be given several times
    #[arg(long, value_enum, value_name = "HOW")]
    pub quirk: Vec<Quirk>,
}

/// A way in which the rehearsal service misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Quirk {
    /// Another import is still under way when the push arrives
    Busy,
    /// The push is answered 429, to be tried again a second later
    Throttled,
    /// The push is answered 500
    Failing,
    /// The push is accepted, but its answer never arrives
    LostAnswer,
    /// The first question is answered with a sign-in page and status 200
    SignInPage,
    /// The connector is not set up for this caller: 403
    Forbidden,
}
