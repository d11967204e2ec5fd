//! What a command comes to: exit code 0 or 1 with an answer, 1 where it was refused, 2 where it
//! could not be done.

use std::{io, path::Path};

use serde_json::Value;
use thiserror::Error;

/// What a command came to.
#[derive(Debug)]
pub struct CommandOutput {
    /// For a person.
    pub text: String,
    /// For a program.
    pub json: Value,
    /// Whether it is what was hoped for; otherwise the check has refused, or the service.
    pub is_done: bool,
}

impl CommandOutput {
    /// It was done.
    #[must_use]
    pub fn done(text: String, json: Value) -> Self {
        Self { text, json, is_done: true }
    }
}

/// Why a command was not done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    /// What it was given is no use, or what was asked cannot be: exit code 1.
    #[error("{0}")]
    Refused(String),
    /// It could not be tried, or nobody knows what came of it: exit code 2.
    #[error("{0}")]
    Failed(String),
}

impl CommandError {
    /// A file cannot be read.
    #[must_use]
    pub(crate) fn cannot_read(path: &Path, error: &io::Error) -> Self {
        Self::Failed(format!("{} cannot be read: {error}", path.display()))
    }

    /// A file cannot be written.
    #[must_use]
    pub(crate) fn cannot_write(path: &Path, error: &io::Error) -> Self {
        Self::Failed(format!("{} cannot be written: {error}", path.display()))
    }
}

/// What is told in words alone was not to be had.
impl From<String> for CommandError {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}
