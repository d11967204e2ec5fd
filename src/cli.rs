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
    /// Checks a CSV, or the zip that would be sent, by Microsoft's rules. Exit code 0: it would be
    /// accepted, 1: refused, 2: it could not be checked
    ///
    /// Example: viva-import check export.csv --mapping connections/hr.json
    Check(Check),
    /// Prints the rules that files are checked by, or explains one
    Rules {
        /// The rule's id, like V01
        id: Option<String>,
    },
    /// Lets a file pass, this once, that was refused because a full refresh with it would delete
    /// people or columns. Needs the storage settings
    Allow {
        /// The import's id: RowKey of the table, after TENANT/ where two have it
        run: String,
    },
    /// Tries an import again that was rejected or is stuck, or one that waits at once. Needs the
    /// storage settings
    Retry {
        /// The import's id: RowKey of the table, after TENANT/ where two have it
        run: String,
    },
    /// Gives an import up: a file that waits is not pushed, one that the service has is not followed
    /// any more. Needs the storage settings
    Cancel {
        /// The import's id: RowKey of the table, after TENANT/ where two have it
        run: String,
    },
    /// Lets a connection go on that is paused: after a 403 of the service, or behind a file that was
    /// refused (`stopAfterRejected`). Needs the storage settings
    Resume {
        /// The connection's name
        connection: String,
    },
    /// Tells what stands in the way of a connection's files, each with its remedy: settings,
    /// storage, document, token, the service. Needs the storage settings. Exit code 0: all is well,
    /// 1: something is wrong, 2: it could not be looked at
    Doctor(Doctor),
    /// Prints every setting with its default
    Settings,
}

/// What is checked, and how.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// The file: .csv or .zip
    pub file: PathBuf,
    /// What its columns are: a connection, a mapping, or a metadata.json of Microsoft's (which is
    /// taken literally). Without it a zip's own metadata.json, or Viva's own names
    #[arg(long, value_name = "JSON")]
    pub mapping: Option<PathBuf>,
    /// What the file does, where it is not what the mapping says; full without one
    #[arg(long, value_enum)]
    pub refresh: Option<RefreshWord>,
    /// Rows that are not valid are left out instead of refusing the file
    #[arg(long)]
    pub lenient: bool,
    /// The last accepted import, to guard against deleting people and columns: a report of this
    /// command as JSON, or its summary
    #[arg(long, value_name = "JSON")]
    pub against: Option<PathBuf>,
    /// How the report is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// The report shows the values of the rows it lists: personal data, for your eyes only
    #[arg(long)]
    pub show_values: bool,
}

/// What a file does to the data that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RefreshWord {
    /// It replaces everything
    Full,
    /// It adds and overwrites by person and date
    Incremental,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person
    Text,
    /// For a program; the README has its shape
    Json,
    /// A page
    Html,
}

/// Which connection is examined, and how it is told.
#[derive(Debug, clap::Args)]
pub struct Doctor {
    /// The connection's name
    pub connection: String,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = TextOrJson::Text)]
    pub format: TextOrJson,
    /// If nothing stands in the way of a push, files that wait because the service answered 403 go
    /// on
    #[arg(long)]
    pub resume: bool,
}

/// How something is printed that is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TextOrJson {
    /// For a person
    Text,
    /// For a program
    Json,
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
