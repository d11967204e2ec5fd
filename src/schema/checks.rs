//! How strictly files are checked: the limits from the settings, and the options of a connection.

use encoding_rs::Encoding;
use schemars::JsonSchema;
use strum::{EnumString, VariantNames};

use super::rules::{Id, Severity};

/// What to do with columns that the mapping does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, VariantNames, JsonSchema)]
#[strum(serialize_all = "camelCase")]
#[schemars(rename_all = "camelCase")]
pub enum Unmapped {
    /// They are dropped before the file is sent.
    Drop,
    /// The file is rejected.
    Refuse,
}

/// Limits that are settings, because the service's own limits are not published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub max_file_bytes: u64,
    /// Most memory for people and their managers, in bytes.
    pub max_people_bytes: u64,
    /// By how many percent rows or people may fall from one full refresh to the next.
    pub max_shrink_percent: u64,
    /// By how many days the last day of a full refresh may be before that of the one before it.
    pub max_days_back: u64,
    /// What to do with columns that are not mapped, if the connection does not say.
    pub unmapped: Unmapped,
}

/// How a connection checks its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// "Upload valid rows and exclude rows with invalid data".
    pub lenient: bool,
    /// What to do with columns that are not mapped; if `None`, the setting decides.
    pub unmapped: Option<Unmapped>,
    /// The file's encoding if it is not UTF-8; the file is converted.
    pub encoding: Option<&'static Encoding>,
    /// The delimiter of the columns if it is not a comma; the file is converted.
    pub delimiter: Option<u8>,
    /// Rules with a lower severity, or none.
    pub rules: Vec<(Id, Option<Severity>)>,
}
