//! What the commands take, ready to use.

use std::path::PathBuf;

use url::Url;

use crate::schema::{Refresh, ServiceIdentity};

/// By which rules a file is checked.
#[derive(Debug)]
pub struct RuleOptions {
    /// A connection, a mapping or a metadata.json of Microsoft's.
    pub mapping: Option<PathBuf>,
    /// What the file does, where it is not what the mapping says.
    pub refresh: Option<Refresh>,
    /// Whether rows that are not valid are left out.
    pub lenient: bool,
    /// The last accepted import: a report of a check as JSON, or its summary.
    pub baseline: Option<PathBuf>,
}

/// What is checked, and how.
#[derive(Debug)]
pub struct CheckFileOptions {
    /// The file.
    pub file: PathBuf,
    /// By which rules.
    pub rules: RuleOptions,
    /// Whether the text of the report is a page.
    pub as_page: bool,
    /// Whether the report shows values.
    pub show_values: bool,
}

/// What is packed, and where to.
#[derive(Debug)]
pub struct PackOptions {
    /// The file.
    pub file: PathBuf,
    /// By which rules.
    pub rules: RuleOptions,
    /// Where to.
    pub out: PathBuf,
}

/// What is pushed, by whom, and what for.
#[derive(Debug)]
pub struct PushOptions {
    /// The file.
    pub file: PathBuf,
    /// By which rules.
    pub rules: RuleOptions,
    /// Whether a zip is pushed though the check refuses it.
    pub force: bool,
    /// Whether a busy service is waited for.
    pub wait: bool,
    /// Whether the ingestion is followed.
    pub follow: FollowOptions,
    /// By whom.
    pub caller: CallerOptions,
}

/// Whether an ingestion is followed.
#[derive(Debug)]
pub struct FollowOptions {
    /// Whether it is, to its end.
    pub follow: bool,
    /// Where its error file is saved.
    pub errors: Option<PathBuf>,
}

/// Who calls the service, and which.
#[derive(Debug)]
pub struct CallerOptions {
    /// Who calls it.
    pub caller: Caller,
    /// Another service than the settings name.
    pub endpoint: Option<Url>,
}

/// Who calls the service.
#[derive(Debug)]
pub enum Caller {
    /// The one that a connection document names.
    Connection(PathBuf),
    /// This one.
    Identity(ServiceIdentity),
}

/// Which imports are listed.
#[derive(Debug)]
pub struct ImportsOptions {
    /// Only those of this connection.
    pub connection: Option<String>,
    /// Only those in this state, in any capitals.
    pub state: Option<String>,
    /// How many at most.
    pub top: usize,
}
