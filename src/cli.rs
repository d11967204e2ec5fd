//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::commands::{
    Account, CallerArgs, CredentialKind, Doctor, Errors, Follow, ImportArgs, Imports, Pack, Ping,
    Push, Resume, Status,
};
#[cfg(feature = "testbed")]
pub use self::testbed::{Demo, Fault, MockService};

mod commands;
#[cfg(feature = "testbed")]
mod testbed;

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
    ///
    /// Example: `FUNCTIONS_CUSTOMHANDLER_PORT=7071 viva-import serve`
    Serve,
    /// Shows the whole road on this machine: storage emulator, Functions host and a mock service of
    /// the service. Needs Node.js 20 or later
    ///
    /// Example: viva-import demo my.csv --connection my-connection.json
    #[cfg(feature = "testbed")]
    Demo(Demo),
    /// Runs the mock service alone, for `push --endpoint` and the like, until it is
    /// interrupted; it misbehaves as documented
    ///
    /// Example: viva-import mock-service --port 8700 --fault busy
    #[cfg(feature = "testbed")]
    MockService(MockService),
    /// What a person, or a script, does by hand.
    #[command(flatten)]
    ByHand(Box<ByHand>),
}

/// What a person, or a script, does by hand.
#[derive(Debug, Subcommand)]
pub enum ByHand {
    /// Checks a CSV, or the zip that would be sent, by Microsoft's rules. Exit code 0: it would be
    /// accepted, 1: refused, 2: it could not be checked
    ///
    /// Example: viva-import check export.csv --mapping connections/hr.json
    Check(Check),
    /// Makes the zip that would be sent of a CSV, the same bytes each time. Exit code 0: packed,
    /// 1: refused, 2: it could not be packed
    ///
    /// Example: viva-import pack export.csv --mapping connections/hr.json --out info.zip
    Pack(Pack),
    /// Pushes a zip, or a CSV or JSON, checked before it goes. Exit code 0: taken (with --follow:
    /// completed), 1: refused by the check or by the service, 2: it could not be pushed
    ///
    /// Example: viva-import push info.zip --tenant 0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5
    /// --client-id 5d0c3a1e-98b7-4c21-8a55-7e6f5d4c3b2a --credential clientCertificate
    /// --certificate viva.pem --follow
    Push(Push),
    /// Tells where the service's work on a push stands. Exit code 1: it failed
    ///
    /// Example: viva-import status 3fa85f64-5717-4562-b3fc-2c963f66afa6 --connection hr.json
    Status(Status),
    /// Saves the error file of an ingestion whose validation failed
    ///
    /// Example: viva-import errors 3fa85f64-5717-4562-b3fc-2c963f66afa6 --connection hr.json
    /// --out errors.csv
    Errors(Errors),
    /// Asks whether the service would take a push of this caller. Exit code 1: it would not
    ///
    /// Example: viva-import ping --connection hr.json
    Ping(Ping),
    /// Proposes a connection for an export nobody has mapped yet. Exit code 0: here it is, 1: the
    /// file is no use, 2: it could not be read
    ///
    /// Example: viva-import suggest-mapping export.csv --out hr.json
    SuggestMapping(SuggestMapping),
    /// Learns from Microsoft's own template how metadata.json is written. Exit code 0: learnt, 1:
    /// the template or the connection is no use, 2: a file could not be read or written
    ///
    /// Example: viva-import learn-template template.zip --connection connections/hr.json
    LearnTemplate(LearnTemplate),
    /// Makes a certificate for an app registration, signed with itself: the public part for the
    /// administrator, and the private key, for you alone
    ///
    /// Example: viva-import certificate viva-hr --days 365
    Certificate(Certificate),
    /// Prints the rules that files are checked by, or explains one
    ///
    /// Example: viva-import rules V01
    Rules(Rules),
    /// Lists the imports of the deployed table, newest content first
    ///
    /// Example: viva-import imports --account hrdata --connection hr --top 10
    Imports(Imports),
    /// Shows one import of the deployed table, column by column
    ///
    /// Example: viva-import show 998204582878999-9b80105dec284d82 --account hrdata
    Show(ImportArgs),
    /// Lets a file pass, this once, that was refused because a full refresh with it would delete
    /// people or columns
    ///
    /// Example: viva-import approve 998204582878999-9b80105dec284d82 --account hrdata
    Approve(ImportArgs),
    /// Tries an import again that was rejected or is stuck, or one that waits at once
    ///
    /// Example: viva-import retry 998204582878999-9b80105dec284d82 --account hrdata
    Retry(ImportArgs),
    /// Gives an import up: a file that waits is not pushed, one that the service has is not followed
    /// any more
    ///
    /// Example: viva-import cancel 998204582878999-9b80105dec284d82 --account hrdata
    Cancel(ImportArgs),
    /// Lets a connection go on that is paused: after a 403 of the service, or behind a file that was
    /// refused (`stopAfterRejected`)
    ///
    /// Example: viva-import resume hr --account hrdata
    Resume(Resume),
    /// Tells what stands in the way of a connection's files, each with its remedy: settings,
    /// storage, document, token, the service. Exit code 1: something is wrong
    ///
    /// Example: viva-import doctor hr --account hrdata
    Doctor(Doctor),
    /// Prints the JSON Schema of a connection document, by which an editor completes and checks one
    ///
    /// Example: `viva-import schema > connection.schema.json`
    Schema,
    /// Prints every setting with its default
    ///
    /// Example: viva-import settings --format json
    Settings(Listing),
    /// Prints every column of the table, of imports and of connections
    ///
    /// Example: viva-import columns --format json
    Columns(Listing),
    /// Prints every reason why an import waits, fails or has ended, with what to do
    ///
    /// Example: viva-import reasons --format json
    Reasons(Listing),
}

impl ByHand {
    /// Whether a program reads the answer.
    #[must_use]
    pub fn is_json(&self) -> bool {
        let format = match self {
            Self::Check(it) => return it.format == ReportFormat::Json,
            Self::SuggestMapping(it) => it.format,
            Self::LearnTemplate(it) => it.format,
            Self::Pack(it) => it.format,
            Self::Push(it) => it.format,
            Self::Status(it) => it.format,
            Self::Errors(it) => it.format,
            Self::Ping(it) => it.format,
            Self::Certificate(it) => it.format,
            Self::Rules(it) => it.format,
            Self::Imports(it) => it.format,
            Self::Show(it) | Self::Approve(it) | Self::Retry(it) | Self::Cancel(it) => it.format,
            Self::Resume(it) => it.format,
            Self::Doctor(it) => it.format,
            Self::Settings(it) | Self::Columns(it) | Self::Reasons(it) => it.format,
            Self::Schema => Format::Json,
        };
        format == Format::Json
    }
}

/// Which certificate is made.
#[derive(Debug, Args)]
pub struct Certificate {
    /// What it is called: its subject, and the files
    pub name: String,
    /// How many days it is good for
    #[arg(long, default_value_t = 365)]
    pub days: u32,
    /// The folder of the files NAME.cer and NAME.pem
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub out: PathBuf,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Which rule.
#[derive(Debug, Args)]
pub struct Rules {
    /// The rule's id, like V01
    pub id: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// How a list is printed.
#[derive(Debug, Args)]
pub struct Listing {
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What is checked, and how.
#[derive(Debug, Args)]
pub struct Check {
    /// The file: .csv or .zip
    pub file: PathBuf,
    /// By which rules.
    #[command(flatten)]
    pub rules: RuleArgs,
    /// How the report is printed
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// The report shows the values of the rows it lists: personal data, for your eyes only
    #[arg(long)]
    pub show_values: bool,
}

/// By which rules a file is checked.
#[derive(Debug, Args)]
pub struct RuleArgs {
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
    /// The last accepted import, to guard against deleting people and columns: a report of
    /// `check` as JSON, or its summary
    #[arg(long, value_name = "JSON")]
    pub baseline: Option<PathBuf>,
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
pub enum ReportFormat {
    /// For a person
    Text,
    /// For a program; the README has its shape
    Json,
    /// A page
    Html,
}

/// What a connection is proposed for.
#[derive(Debug, Args)]
pub struct SuggestMapping {
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
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What is learnt, and for whom.
#[derive(Debug, Args)]
pub struct LearnTemplate {
    /// The template: metadata.json, or the zip that holds it
    pub template: PathBuf,
    /// The connection that is to write so; its `dialect` is replaced, all else is kept
    #[arg(long, value_name = "JSON")]
    pub connection: Option<PathBuf>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person
    Text,
    /// For a program
    Json,
}
