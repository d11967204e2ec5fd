//! The command line.

use std::{
    io,
    path::{Path, PathBuf},
};

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
    /// Proposes a connection for an export nobody has mapped yet. Exit code 0: here it is, 1: the
    /// file is no use, 2: it could not be read
    ///
    /// Example: viva-import connect export.csv --out hr.json
    Connect(Connect),
    /// Learns from Microsoft's own template how metadata.json is written. Exit code 0: learnt, 1:
    /// the template or the connection is no use, 2: a file could not be read or written
    ///
    /// Example: viva-import learn template.zip --connection connections/hr.json
    Learn(Learn),
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

/// What a connection is proposed for.
#[derive(Debug, clap::Args)]
pub struct Connect {
    /// The export: .csv
    pub file: PathBuf,
    /// The tenant's id; a placeholder without it
    #[arg(long, value_name = "GUID")]
    pub tenant: Option<String>,
    /// Client id of the user-assigned identity that pushes; the app's own without it
    #[arg(long, value_name = "GUID")]
    pub client_id: Option<String>,
    /// Where the connection is written; never over a file that is there
    #[arg(long, value_name = "JSON")]
    pub out: Option<PathBuf>,
    /// What its files do
    #[arg(long, value_enum, default_value_t = RefreshWord::Full)]
    pub refresh: RefreshWord,
    /// How the proposal is printed
    #[arg(long, value_enum, default_value_t = Answer::Text)]
    pub format: Answer,
}

/// What is learnt, and for whom.
#[derive(Debug, clap::Args)]
pub struct Learn {
    /// The template: metadata.json, or the zip that holds it
    pub template: PathBuf,
    /// The connection that is to write so; its `dialect` is replaced, all else is kept
    #[arg(long, value_name = "JSON")]
    pub connection: Option<PathBuf>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Answer::Text)]
    pub format: Answer,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// For a person
    Text,
    /// For a program
    Json,
}

/// Why a command did not do what it was asked.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// What it was given is no use: exit code 1.
    Refused(String),
    /// It could not be tried: exit code 2.
    Undone(String),
}

impl Failure {
    /// The file cannot be read.
    #[must_use]
    pub fn cannot_read(path: &Path, error: &io::Error) -> Self {
        Self::Undone(format!("{} cannot be read: {error}", path.display()))
    }
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
