//! The command line: commands, flags and their help.

use clap::{Args, ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use self::help::sections;
#[cfg(feature = "testbed")]
pub use self::testbed::{Demo, Fault, MockService};
pub use self::{
    deployed::{Account, Doctor, ImportArgs, Imports, Resume},
    files::{Certificate, Check, LearnTemplate, Pack, RefreshWord, RuleArgs, SuggestMapping},
    format::{Format, Output, ReportFormat},
    generated::{Completions, Man},
    service::{CallerArgs, CredentialKind, Errors, Follow, Ping, Push, Status},
};

mod deployed;
mod files;
mod format;
mod generated;
mod help;
mod run;
mod service;
#[cfg(feature = "testbed")]
mod testbed;

/// Import HR data from Azure Storage into Microsoft Viva Insights
///
/// Check an export and push it from this machine, or operate the deployed app, which imports the files
/// of an inbox automatically. Settings are environment variables: see `viva-import settings`.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    after_long_help = sections(
        &[
            (0, "Done"),
            (1, "Rejected: by the check, by the service, or the action does not apply"),
            (2, "Not done, or the outcome is unknown; also a wrong command line"),
        ],
        &[
            ("Try everything on this machine, without Azure:", "viva-import demo"),
            ("Check an export:", "viva-import check export.csv"),
            ("Show the help of a command:", "viva-import push --help"),
        ],
    )
)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// What applies to each command.
    #[command(flatten)]
    pub global: GlobalArgs,
}

/// Flags of every command.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Print only the result and errors: no progress and no waits
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to use colors: `auto` means on a terminal, unless `NO_COLOR` is set
    ///
    /// The environment variable `CLICOLOR_FORCE` forces colors. JSON never has colors.
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the Azure Functions host
    ///
    /// The host starts this command, as host.json says. It listens on the port in
    /// `FUNCTIONS_CUSTOMHANDLER_PORT` until the host ends it.
    #[command(after_long_help = sections(
        &[(2, "The command has ended: a setting is invalid, or the port is in use")],
        &[("Serve as the host would:", "FUNCTIONS_CUSTOMHANDLER_PORT=7071 viva-import serve")],
    ))]
    Serve,
    /// Run the whole import on this machine, without Azure
    ///
    /// The demo starts a storage emulator, a Functions host and a mock of the service, imports sample
    /// files, and prints the address of the status page. It needs Node.js 20 or later.
    #[cfg(feature = "testbed")]
    #[command(after_long_help = sections(
        &[
            (0, "The demo has run"),
            (1, "Your file was not imported"),
            (2, "The demo could not run"),
        ],
        &[
            ("Import the sample files:", "viva-import demo"),
            ("Import your own file:", "viva-import demo my.csv --connection my-connection.json"),
        ],
    ))]
    Demo(Demo),
    /// Run a mock of the service
    ///
    /// The mock service runs until it is interrupted. Push to it with `push --endpoint`. It checks and
    /// answers as the service is documented to do, with its faults.
    #[cfg(feature = "testbed")]
    #[command(after_long_help = sections(
        &[(2, "The mock service could not run")],
        &[("Let the first push find a busy service:", "viva-import mock-service --fault busy")],
    ))]
    MockService(MockService),
    /// A command that ends with an answer.
    #[command(flatten)]
    User(Box<UserCommand>),
}

/// The commands that end with an answer.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Check CSV files and zips against Microsoft's rules
    ///
    /// The report names each file, the broken rules, and their columns and rows. It shows no cell's
    /// value unless you ask for it. An error of one file does not stop the others. With `--format
    /// json`, one file gives one object and several files give an array; a file that could not be
    /// checked is an object with `file`, `code` and `detail`.
    #[command(after_long_help = sections(
        &[
            (0, "All files would be accepted"),
            (1, "At least one file is rejected"),
            (2, "At least one file could not be checked"),
        ],
        &[
            (
                "Check an export with the mapping of its connection:",
                "viva-import check export.csv --mapping hr.json",
            ),
            ("Check every zip of a folder:", "viva-import check out/*.zip"),
            (
                "Check what another program exports:",
                "hr-export | viva-import check - --mapping hr.json",
            ),
        ],
    ))]
    Check(Check),
    /// Pack a CSV into the zip that the service accepts
    ///
    /// The CSV is checked first. Only mapped columns are packed. The same CSV and mapping always give
    /// the same bytes.
    #[command(after_long_help = sections(
        &[(0, "Packed"), (1, "The CSV is rejected"), (2, "The CSV could not be packed")],
        &[(
            "Pack an export with the mapping of its connection:",
            "viva-import pack export.csv --mapping hr.json --out info.zip",
        )],
    ))]
    Pack(Pack),
    /// Suggest a connection document for an export
    ///
    /// The command reads a CSV and suggests a field of Viva for each column, by its name and content.
    /// Review the suggestion: it says which fields are uncertain and which columns are dropped.
    #[command(after_long_help = sections(
        &[
            (0, "A connection document is suggested"),
            (1, "No connection document fits the file"),
            (2, "The file could not be read, or the document could not be written"),
        ],
        &[(
            "Write the suggestion into a document:",
            "viva-import suggest-mapping export.csv --out hr.json",
        )],
    ))]
    SuggestMapping(SuggestMapping),
    /// Read how metadata.json is spelled from Microsoft's template
    ///
    /// Download the template in the portal. With `--connection`, the command stores the spelling in the
    /// connection document as `dialect` and keeps everything else in it.
    #[command(after_long_help = sections(
        &[
            (0, "The template was read"),
            (1, "The template or the connection document is invalid"),
            (2, "A file could not be read or written"),
        ],
        &[
            ("Show what the template says:", "viva-import learn-template template.zip"),
            (
                "Store it in a connection document:",
                "viva-import learn-template template.zip --connection hr.json",
            ),
        ],
    ))]
    LearnTemplate(LearnTemplate),
    /// Push a file to Viva Insights
    ///
    /// The file is checked first, and nothing is sent if it is rejected. Name the caller with a
    /// connection document, or with `--tenant` and `--credential`. No secret belongs on the command
    /// line: flags name the environment variable that holds it.
    #[command(after_long_help = sections(
        &[
            (0, "The service accepted the file; with --follow: its status is Completed"),
            (1, "The file is rejected by the check or by the service, or the push is forbidden"),
            (2, "The file could not be pushed, or the outcome is unknown"),
        ],
        &[
            (
                "Push an export, and wait until the service has validated it:",
                "viva-import push export.csv --connection hr.json --wait --follow",
            ),
            (
                "Push a zip as the signed-in user of the Azure CLI:",
                "viva-import push info.zip --tenant $TENANT --credential azureCli",
            ),
        ],
    ))]
    Push(Push),
    /// Show the status of an ingestion
    ///
    /// An ingestion is the service's processing of one push. `push` prints its id.
    #[command(after_long_help = sections(
        &[
            (0, "The ingestion is completed, or the service is processing it"),
            (1, "The validation failed, or the service forbids the request"),
            (2, "The status could not be read"),
        ],
        &[(
            "Wait until the service has validated a push:",
            "viva-import status $ID --connection hr.json --follow",
        )],
    ))]
    Status(Status),
    /// Save the error file of an ingestion whose validation failed
    ///
    /// The file is the service's own and may quote the data. Only its owner can read it.
    #[command(after_long_help = sections(
        &[
            (0, "The file is saved"),
            (1, "The service has no such file, or forbids the request"),
            (2, "The file could not be read or saved"),
        ],
        &[(
            "Save the error file:",
            "viva-import errors $ID --connection hr.json --out errors.txt",
        )],
    ))]
    Errors(Errors),
    /// Check whether the service accepts a push of this caller
    ///
    /// The command signs in, finds the tenant's scale unit, and asks whether the connector is set up
    /// for the caller. It sends no data.
    #[command(after_long_help = sections(
        &[
            (0, "The service accepts a push"),
            (1, "The service forbids it"),
            (2, "The service could not be asked, or does not say"),
        ],
        &[("Check the credential of a connection:", "viva-import ping --connection hr.json")],
    ))]
    Ping(Ping),
    /// Create a certificate for an app registration
    ///
    /// The command writes NAME.cer, the public part for the administrator, and NAME.pem, the private key
    /// for you alone. The certificate is self-signed. The command never replaces a file.
    #[command(after_long_help = sections(
        &[(0, "Both files are written"), (2, "No file is written")],
        &[("Create a certificate for one year:", "viva-import certificate viva-hr --days 365")],
    ))]
    Certificate(Certificate),
    /// List the imports of the deployed app
    ///
    /// An import is one file on its way from the inbox into the service. The newest content comes
    /// first.
    #[command(after_long_help = sections(
        &[(0, "Listed"), (2, "The storage account could not be read")],
        &[
            (
                "List the last ten imports of a connection:",
                "viva-import imports --account hrdata --connection hr --top 10",
            ),
            (
                "List the rejected imports:",
                "viva-import imports --account hrdata --state Rejected",
            ),
        ],
    ))]
    Imports(Imports),
    /// Show one import of the deployed app
    ///
    /// The first line says what happened and what to do. Below are the columns of its row: `viva-import
    /// columns` explains them.
    #[command(after_long_help = sections(
        &[
            (0, "Shown"),
            (1, "The import does not exist"),
            (2, "The storage account could not be read"),
        ],
        &[("Show an import:", "viva-import show $IMPORT --account hrdata")],
    ))]
    Show(ImportArgs),
    /// Approve an import that would remove people or columns
    ///
    /// A full refresh deactivates people who are missing from the file. If that is right, approve the
    /// rejected import: it is pushed, and later files are checked as before.
    #[command(after_long_help = sections(
        &ACTION,
        &[("Approve an import:", "viva-import approve $IMPORT --account hrdata")],
    ))]
    Approve(ImportArgs),
    /// Retry an import that is rejected, stuck or waiting
    ///
    /// The file is processed again with the current connection document. An import that waits is tried
    /// at once.
    #[command(after_long_help = sections(
        &ACTION,
        &[("Retry an import:", "viva-import retry $IMPORT --account hrdata")],
    ))]
    Retry(ImportArgs),
    /// Cancel an import
    ///
    /// A file that waits is not pushed. An ingestion that the service has accepted continues there, but
    /// is not followed any more.
    #[command(after_long_help = sections(
        &ACTION,
        &[("Cancel an import:", "viva-import cancel $IMPORT --account hrdata")],
    ))]
    Cancel(ImportArgs),
    /// Resume a paused connection
    ///
    /// A connection pauses when the service answers 403, and behind a rejected or stuck file if its
    /// document has `stopAfterRejected`. Resume it when the cause is corrected.
    #[command(after_long_help = sections(
        &[
            (0, "Resumed"),
            (1, "The connection is not paused"),
            (2, "The storage account could not be read or written"),
        ],
        &[("Resume a connection:", "viva-import resume hr --account hrdata")],
    ))]
    Resume(Resume),
    /// Find out why the files of a connection are not imported
    ///
    /// The doctor checks settings, storage, the connection document, the token, the service and recent
    /// imports. Each failed check says what to do.
    #[command(after_long_help = sections(
        &[
            (0, "All checks passed"),
            (1, "A check failed, or could not be made"),
            (2, "The name is not the name of a connection"),
        ],
        &[("Check a connection:", "viva-import doctor hr --account hrdata")],
    ))]
    Doctor(Doctor),
    /// List the rules, or explain one
    ///
    /// The rules are Microsoft's, with the source of each, and those that protect your data.
    #[command(after_long_help = sections(
        &[(0, "Printed"), (2, "No rule has this id")],
        &[("Explain a rule:", "viva-import rules V01")],
    ))]
    Rules(Rules),
    /// List the reasons why an import waits, fails or has ended
    ///
    /// Each reason has its code, its state, its log event and what to do.
    #[command(after_long_help = sections(
        &[(0, "Printed")],
        &[("List the reasons for a program:", "viva-import reasons --json")],
    ))]
    Reasons(Listing),
    /// List the settings with their defaults
    ///
    /// Settings are environment variables; in Azure they are the app settings of the Function App.
    #[command(after_long_help = sections(
        &[(0, "Printed")],
        &[("List the settings for a program:", "viva-import settings --json")],
    ))]
    Settings(Listing),
    /// List the columns of the table of imports
    ///
    /// The table is in the storage account of the deployed app. It has a row for each import and for
    /// each connection.
    #[command(after_long_help = sections(
        &[(0, "Printed")],
        &[("List the columns for a program:", "viva-import columns --json")],
    ))]
    Columns(Listing),
    /// Print the JSON Schema of a connection document
    ///
    /// An editor uses the schema to complete and check the document.
    #[command(after_long_help = sections(
        &[(0, "Printed")],
        &[("Save the schema:", "viva-import schema > connection.schema.json")],
    ))]
    Schema,
    /// Print a completion script for a shell
    ///
    /// Load the script in the start-up file of your shell: then the Tab key completes commands, flags
    /// and values.
    #[command(after_long_help = sections(
        &[(0, "Printed")],
        &[
            (
                "bash, in ~/.bashrc:",
                r#"eval "$(viva-import completions bash)""#,
            ),
            (
                "PowerShell, in $PROFILE:",
                "viva-import completions powershell | Out-String | Invoke-Expression",
            ),
        ],
    ))]
    Completions(Completions),
    /// Print the manual page, or write the pages of all commands
    ///
    /// Without DIR the page of the program is printed.
    #[command(after_long_help = sections(
        &[(0, "Printed or written"), (2, "A page exists, or could not be written")],
        &[
            ("Read the manual page:", "viva-import man | man -l -"),
            ("Install all pages:", "viva-import man ~/.local/share/man/man1"),
        ],
    ))]
    Man(Man),
}

/// The exit codes of an operator's action.
const ACTION: [(u8, &str); 3] = [
    (0, "Done"),
    (1, "The import does not exist, or the action does not apply to its state"),
    (2, "The storage account could not be read or written"),
];

/// The rule to explain.
#[derive(Debug, Args)]
pub struct Rules {
    /// Id of the rule, such as V01
    pub id: Option<String>,
    /// How it is printed.
    #[command(flatten)]
    pub output: Output,
}

/// How a list is printed.
#[derive(Debug, Args)]
pub struct Listing {
    /// How it is printed.
    #[command(flatten)]
    pub output: Output,
}

impl Cli {
    /// Reads the arguments of the program. Prints help, the version or a usage error and ends the
    /// program if they ask for it.
    #[must_use]
    pub fn read() -> Self {
        let mut matches = help::grouped(Self::command()).get_matches();
        let name = matches.subcommand_name().unwrap_or_default().to_owned();
        Self::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| {
            let mut program = Self::command();
            program.build();
            match program.find_subcommand_mut(&name) {
                Some(command) => error.format(command).exit(),
                None => error.exit(),
            }
        })
    }
}

impl UserCommand {
    /// Whether the answer is JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        let Output(format) = match self {
            Self::Check(it) => return it.output.0 == ReportFormat::Json,
            Self::SuggestMapping(it) => it.output,
            Self::LearnTemplate(it) => it.output,
            Self::Pack(it) => it.output,
            Self::Push(it) => it.output,
            Self::Status(it) => it.output,
            Self::Errors(it) => it.output,
            Self::Ping(it) => it.output,
            Self::Certificate(it) => it.output,
            Self::Rules(it) => it.output,
            Self::Imports(it) => it.output,
            Self::Show(it) | Self::Approve(it) | Self::Retry(it) | Self::Cancel(it) => it.output,
            Self::Resume(it) => it.output,
            Self::Doctor(it) => it.output,
            Self::Settings(it) | Self::Columns(it) | Self::Reasons(it) => it.output,
            Self::Schema => Output(Format::Json),
            Self::Completions(_) | Self::Man(_) => Output(Format::Text),
        };
        format == Format::Json
    }
}
