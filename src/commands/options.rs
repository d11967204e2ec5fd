//! The options of the commands, checked and ready to use.

use std::path::PathBuf;

use url::Url;

use crate::schema::{Refresh, ServiceIdentity};

/// The rules that a file is checked by.
#[derive(Debug)]
pub struct RuleOptions {
    /// A connection document, a mapping, or a metadata.json.
    pub mapping: Option<PathBuf>,
    /// The kind of refresh, if it differs from the mapping.
    pub refresh: Option<Refresh>,
    /// Whether invalid rows are skipped.
    pub lenient: bool,
    /// The last accepted import: the report of a check as JSON, or its `baseline`.
    pub baseline: Option<PathBuf>,
}

/// The files to check.
#[derive(Debug)]
pub struct CheckFileOptions {
    /// Files and patterns; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// The rules.
    pub rules: RuleOptions,
    /// Whether the report is an HTML page.
    pub as_page: bool,
    /// Whether the report shows values.
    pub show_values: bool,
}

/// The file to pack.
#[derive(Debug)]
pub struct PackOptions {
    /// The file.
    pub file: PathBuf,
    /// The rules.
    pub rules: RuleOptions,
    /// The file to write.
    pub out: PathBuf,
    /// Whether `out` may be replaced.
    pub force: bool,
}

/// The file to push.
#[derive(Debug)]
pub struct PushOptions {
    /// The file.
    pub file: PathBuf,
    /// The rules.
    pub rules: RuleOptions,
    /// Whether a readable zip is pushed although the check rejects it.
    pub allow_rejected: bool,
    /// Whether to show each answer of the service to the push.
    pub show_answer: bool,
    /// Whether to wait while the service is busy.
    pub wait: bool,
    /// Whether to follow the ingestion.
    pub follow: FollowOptions,
    /// The caller.
    pub caller: CallerOptions,
}

/// Whether to follow an ingestion.
#[derive(Debug)]
pub struct FollowOptions {
    /// Whether to poll until it is finished.
    pub follow: bool,
    /// Where the service's error file is saved.
    pub errors: Option<PathBuf>,
    /// Whether that file may be replaced.
    pub force: bool,
}

/// The caller of the service, and the service.
#[derive(Debug)]
pub struct CallerOptions {
    /// The caller.
    pub caller: Caller,
    /// The service, if it is not the one in the settings.
    pub endpoint: Option<Url>,
    /// The flags that name both, quoted for a shell.
    pub flags: String,
}

/// The caller of the service.
#[derive(Debug)]
pub enum Caller {
    /// The credential of a connection document.
    Connection(PathBuf),
    /// A credential given by flags.
    Identity(ServiceIdentity),
}

/// The imports to list.
#[derive(Debug)]
pub struct ImportsOptions {
    /// Only the imports of this connection.
    pub connection: Option<String>,
    /// Only the imports in this state; case does not matter.
    pub state: Option<String>,
    /// The most imports that are listed.
    pub top: usize,
}
