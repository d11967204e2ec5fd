//! What a command comes to: exit code 0 or 1 with an answer, 1 where it was refused, 2 where it
//! could not be done.

use std::{fmt, io, path::Path};

use serde_json::Value;

/// What a command came to.
#[derive(Debug)]
pub struct Outcome {
    /// For a person.
    pub text: String,
    /// For a program.
    pub json: Value,
    /// Whether it is what was hoped for; otherwise the check has refused, or the service.
    pub is_done: bool,
}

impl Outcome {
    /// It was done.
    #[must_use]
    pub fn done(text: String, json: Value) -> Self {
        Self { text, json, is_done: true }
    }
}

/// Why a command was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// What it was given is no use, or what was asked cannot be: exit code 1.
    Refused(String),
    /// It could not be tried, or nobody knows what came of it: exit code 2.
    Failed(String),
}

impl Denied {
    /// A file cannot be read.
    #[must_use]
    pub fn cannot_read(path: &Path, error: &io::Error) -> Self {
        Self::Failed(format!("{} cannot be read: {error}", path.display()))
    }

    /// A file cannot be written.
    #[must_use]
    pub fn cannot_write(path: &Path, error: &io::Error) -> Self {
        Self::Failed(format!("{} cannot be written: {error}", path.display()))
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Refused(why) | Self::Failed(why)) = self;
        f.write_str(why)
    }
}

/// What is told in words alone was not to be had.
impl From<String> for Denied {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}
