//! What a command prints: its result, its progress and its errors.
//!
//! Exit code 0: done. 1: rejected by the check or by the service. 2: not done, or the outcome is
//! unknown.

use std::{
    io::{self, ErrorKind},
    path::Path,
};

use serde_json::{Value, json};
use thiserror::Error;

mod draft;
mod layout;
mod progress;
mod shell;

pub(crate) use self::draft::{Draft, Readers, save};
pub use self::{
    layout::{Layout, MAX_WIDTH, Tone},
    progress::{Progress, Task},
    shell::{Argument, Shell, command_line},
};

/// The result of a command.
#[derive(Debug)]
pub struct CommandOutput {
    /// For a person; the lines are wrapped at the terminal's width.
    pub text: String,
    /// Printed below the text and never wrapped: a page, a document or a script.
    pub document: String,
    /// For a program.
    pub json: Value,
    /// The errors of the parts that failed while others were done; in `json` as well.
    pub failures: Vec<CommandError>,
    /// Whether the file was accepted, or the connection is healthy.
    pub is_done: bool,
}

impl CommandOutput {
    /// The result of a command that was done.
    #[must_use]
    pub fn done(text: String, json: Value) -> Self {
        Self { text, document: String::new(), json, failures: vec![], is_done: true }
    }

    /// The result of a command that says yes or no.
    #[must_use]
    pub fn judged(text: String, json: Value, is_done: bool) -> Self {
        Self { is_done, ..Self::done(text, json) }
    }

    /// The same with a document below its text.
    #[must_use]
    pub fn with_document(self, document: String) -> Self {
        Self { document, ..self }
    }

    /// The exit code: the worst of all parts.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let failed = self.failures.iter().map(CommandError::exit_code).max();
        failed.unwrap_or_default().max(u8::from(!self.is_done))
    }
}

/// Why a command was not done. The first line of the text says what happened and where, each line
/// below it what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    /// The file or the action was rejected, by a check or by the service: exit code 1.
    #[error("{0}")]
    Refused(String),
    /// It could not be done, or its outcome is unknown: exit code 2.
    #[error("{0}")]
    Failed(String),
}

impl CommandError {
    /// A file cannot be read.
    #[must_use]
    pub(crate) fn cannot_read(path: &Path, error: &io::Error) -> Self {
        let remedy = remedy(error, "Check the path.", "Check the permissions of the file.");
        Self::Failed(format!("{} cannot be read: {error}{remedy}", shown(path)))
    }

    /// A file cannot be written.
    #[must_use]
    pub(crate) fn cannot_write(path: &Path, error: &io::Error) -> Self {
        if error.kind() == ErrorKind::AlreadyExists {
            return Self::exists(path);
        }
        let missing = "Check that the folder exists.";
        let remedy = remedy(error, missing, "Check the permissions of the folder.");
        Self::Failed(format!("{} cannot be written: {error}{remedy}", shown(path)))
    }

    /// A file exists and is not replaced without `--force`.
    #[must_use]
    pub(crate) fn exists(path: &Path) -> Self {
        let path = shown(path);
        Self::Failed(format!(
            "{path} already exists\nChoose another file, or add `--force` to replace it."
        ))
    }

    /// The same error with one more line.
    #[must_use]
    pub(crate) fn with_line(self, line: &str) -> Self {
        match self {
            Self::Refused(text) => Self::Refused(format!("{text}\n{line}")),
            Self::Failed(text) => Self::Failed(format!("{text}\n{line}")),
        }
    }

    /// The error for a program: problem details as in RFC 9457.
    #[must_use]
    pub fn json(&self) -> Value {
        let code = match self {
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
        };
        let text = self.to_string();
        let sentences = text.lines().map(|line| line.trim_end_matches('.'));
        let detail = sentences.collect::<Vec<_>>().join(". ");
        json!({ "type": format!("urn:viva-import:problem:{code}"), "code": code, "detail": detail })
    }

    /// The exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 1,
            Self::Failed(_) => 2,
        }
    }
}

/// What to do, as a line of its own, if a file is missing or access is denied.
fn remedy(error: &io::Error, missing: &str, denied: &str) -> String {
    let text = if error.kind() == ErrorKind::NotFound {
        missing
    } else if error.kind() == ErrorKind::PermissionDenied {
        denied
    } else {
        return String::new();
    };
    format!("\n{text}")
}

/// An error without a verdict is a failure.
impl From<String> for CommandError {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

/// A path as a text; a control character cannot write to the terminal.
#[must_use]
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string().replace(char::is_control, "\u{fffd}")
}
