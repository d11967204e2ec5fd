//! The arguments of the commands that work with files.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::format::{Output, ReportFormat};
use crate::{
    commands::{CheckFileOptions, PackOptions, RuleOptions},
    schema::Refresh,
    suggest::SuggestOptions,
};

/// The files to check.
#[derive(Debug, Args)]
pub struct Check {
    /// .csv and .zip files, patterns such as 'exports/*.csv', or - for a CSV from standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The rules.
    #[command(flatten)]
    pub rules: RuleArgs,
    /// Show the values of the rows that are listed; they are personal data
    #[arg(long)]
    pub show_values: bool,
    /// How the report is printed.
    #[command(flatten)]
    pub output: Output<ReportFormat>,
}

/// The rules that a file is checked by.
#[derive(Debug, Args)]
pub struct RuleArgs {
    /// Mapping of the columns: a connection document, a mapping, or a metadata.json from Microsoft
    ///
    /// A metadata.json is used exactly as it is written. Without this option, a zip is checked by its
    /// own metadata.json, and the columns of a CSV must have the names of Viva's fields.
    #[arg(long, value_name = "JSON")]
    pub mapping: Option<PathBuf>,
    /// Kind of refresh, if it differs from the document; full if no document names one
    #[arg(long, value_enum)]
    pub refresh: Option<RefreshWord>,
    /// Skip invalid rows instead of rejecting the file
    #[arg(long)]
    pub lenient: bool,
    /// Last accepted import, to find people and columns that a full refresh would remove
    ///
    /// The file is the report of an earlier `check --json`, or only its `baseline`.
    #[arg(long, value_name = "JSON")]
    pub baseline: Option<PathBuf>,
}

/// A kind of refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RefreshWord {
    /// Replace all data: people who are missing from the file are deactivated
    Full,
    /// Add rows, and overwrite those with the same PersonId and EffectiveDate
    Incremental,
}

/// The file to pack.
#[derive(Debug, Args)]
pub struct Pack {
    /// The .csv file
    pub file: PathBuf,
    /// File to write: a .zip, or the rows alone as a .csv or .json with the names of Viva's fields
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
    /// The rules.
    #[command(flatten)]
    pub rules: RuleArgs,
    /// How the answer is printed.
    #[command(flatten)]
    pub output: Output,
}

/// The export to suggest a connection document for.
#[derive(Debug, Args)]
pub struct SuggestMapping {
    /// The .csv file
    pub file: PathBuf,
    /// File to write the connection document to
    #[arg(short, long, value_name = "JSON")]
    pub out: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Id of the Microsoft Entra tenant; a placeholder if it is not given
    #[arg(long, value_name = "GUID")]
    pub tenant: Option<String>,
    /// Client id of the user-assigned identity that pushes; the app's own identity if not given
    #[arg(long, value_name = "GUID")]
    pub client_id: Option<String>,
    /// Kind of refresh of the files
    #[arg(long, value_enum, default_value_t = RefreshWord::Full)]
    pub refresh: RefreshWord,
    /// How the suggestion is printed.
    #[command(flatten)]
    pub output: Output,
}

/// The template to read.
#[derive(Debug, Args)]
pub struct LearnTemplate {
    /// The template: metadata.json, or the zip that holds it
    pub template: PathBuf,
    /// Connection document to store the spelling in, as `dialect`; everything else in it is kept
    #[arg(long, value_name = "JSON")]
    pub connection: Option<PathBuf>,
    /// Replace a different `dialect` in the connection document
    #[arg(long, requires = "connection")]
    pub force: bool,
    /// How the answer is printed.
    #[command(flatten)]
    pub output: Output,
}

/// The certificate to create.
#[derive(Debug, Args)]
pub struct Certificate {
    /// Name of the certificate: its subject and its files
    pub name: String,
    /// Days until the certificate expires, 1 to 3650
    #[arg(long, default_value_t = 365)]
    pub days: u32,
    /// Folder for NAME.cer and NAME.pem; it is created if it does not exist
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    /// How the answer is printed.
    #[command(flatten)]
    pub output: Output,
}

impl From<RefreshWord> for Refresh {
    fn from(word: RefreshWord) -> Self {
        match word {
            RefreshWord::Full => Self::Full,
            RefreshWord::Incremental => Self::Incremental,
        }
    }
}

impl From<RuleArgs> for RuleOptions {
    fn from(RuleArgs { mapping, refresh, lenient, baseline }: RuleArgs) -> Self {
        Self { mapping, refresh: refresh.map(Refresh::from), lenient, baseline }
    }
}

impl From<Check> for CheckFileOptions {
    fn from(Check { files, rules, output, show_values }: Check) -> Self {
        let as_page = output.0 == ReportFormat::Html;
        Self { files, rules: rules.into(), as_page, show_values }
    }
}

impl From<Pack> for PackOptions {
    fn from(Pack { file, rules, out, force, output: _ }: Pack) -> Self {
        Self { file, rules: rules.into(), out, force }
    }
}

impl From<SuggestMapping> for SuggestOptions {
    fn from(flags: SuggestMapping) -> Self {
        let SuggestMapping { file, tenant, client_id, out, force, refresh, output: _ } = flags;
        Self { file, tenant, client_id, out, force, refresh: refresh.into() }
    }
}
