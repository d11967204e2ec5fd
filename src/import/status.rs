//! Where the service says that its work on a file stands.

use std::fmt;

/// Where the service says an ingestion stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Taken in, not begun.
    NotStarted,
    /// The zip was opened. The page prints `ExtractionComplete`, the samples' README
    /// `ExtractionCompleted`.
    ExtractionComplete,
    /// Accepted. Processing goes on at the service and its failures show only in the portal.
    Completed,
    /// The data was refused; the error stream says why.
    ValidationFailed,
    /// A word nobody has documented: not an end.
    Unknown(String),
}

impl Status {
    /// The status a word names.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "notstarted" => Self::NotStarted,
            "extractioncomplete" | "extractioncompleted" => Self::ExtractionComplete,
            "completed" => Self::Completed,
            "validationfailed" => Self::ValidationFailed,
            // It goes into rows and logs, so it can be no more than a word.
            _ => Self::Unknown(word.chars().filter(char::is_ascii_alphanumeric).take(64).collect()),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotStarted => "NotStarted",
            Self::ExtractionComplete => "ExtractionComplete",
            Self::Completed => "Completed",
            Self::ValidationFailed => "ValidationFailed",
            Self::Unknown(word) if word.is_empty() => "a word of no letters",
            Self::Unknown(word) => word,
        })
    }
}
