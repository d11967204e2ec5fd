//! How strictly files are checked.

use encoding_rs::Encoding;

use super::rules::{Id, Severity};

/// What becomes of columns that the mapping does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmapped {
    /// They are cut and never leave.
    Drop,
    /// The file is refused.
    Refuse,
}

impl Unmapped {
    /// What a word of a setting or a connection says.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "drop" => Some(Self::Drop),
            "refuse" => Some(Self::Refuse),
            _ => None,
        }
    }
}

/// Limits that are settings, because nobody has seen the service's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub max_file_bytes: u64,
    /// Most memory for people and their managers, in bytes.
    pub max_people_bytes: u64,
    /// By how many per cent rows or people may fall from one full refresh to the next.
    pub max_shrink_percent: u64,
    /// Columns that are not mapped, where the connection does not say.
    pub unmapped: Unmapped,
}

/// How a connection wants its files checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// "Upload valid rows and exclude rows with invalid data".
    pub lenient: bool,
    /// Columns that are not mapped; the setting's word where it is `None`.
    pub unmapped: Option<Unmapped>,
    /// The file's encoding where it is not UTF-8; it is converted.
    pub encoding: Option<&'static Encoding>,
    /// What separates the columns where it is no comma; it is converted.
    pub delimiter: Option<u8>,
    /// Rules with a lower severity, or none.
    pub rules: Vec<(Id, Option<Severity>)>,
}
