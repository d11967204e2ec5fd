//! The summary of an accepted import, with which the next one is compared.

use serde::{Deserialize, Serialize};

use super::target::Connector;
use crate::schema::{Id, document};

/// The summary of an import: numbers and names of columns, without any value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Baseline {
    /// The connector. Each connector has its own data.
    #[serde(default = "hr", skip_serializing_if = "is_hr")]
    pub connector: String,
    /// `full` or `incremental`.
    pub refresh: String,
    /// The number of data rows.
    pub rows: u64,
    /// The number of people who have a row.
    pub people: u64,
    /// The fields, with Viva's or custom names.
    pub columns: Vec<Column>,
    /// The latest EffectiveDate, as YYYY-MM-DD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<String>,
    /// The latest EffectiveDate that is not after the day of the upload, as YYYY-MM-DD: without planned changes, and
    /// without typing errors in a year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_past_day: Option<String>,
}

fn hr() -> String {
    Connector::Hr.as_ref().to_owned()
}

fn is_hr(connector: &str) -> bool {
    connector == Connector::Hr.as_ref()
}

/// One field of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Why a document is not a baseline. Causes that could quote the document are dropped.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is not valid JSON.
    #[error("not valid JSON: {0}")]
    Syntax(#[source] serde_json::Error),
    /// It is the report of a file that was not accepted.
    #[error(
        "this is the report of a file that was not accepted\nName the report of an accepted file."
    )]
    NotAccepted,
    /// It is JSON of another form.
    #[error(
        "neither a baseline nor a report with one (a member is missing or has another type)\nCreate a \
         report with `viva-import check FILE --format json`."
    )]
    Members,
}

impl Baseline {
    /// Reads a baseline, or the report that contains one.
    ///
    /// # Errors
    /// The document is neither.
    pub fn read(document: &[u8]) -> Result<Self, BaselineError> {
        // Parsing as `Value` fails only on syntax, and such an error quotes no value.
        let mut value: serde_json::Value =
            serde_json::from_slice(document::unmarked(document)).map_err(BaselineError::Syntax)?;
        if value.get("verdict").is_some_and(|verdict| verdict != "accepted") {
            return Err(BaselineError::NotAccepted);
        }
        if let Some(baseline) = value.get_mut("baseline") {
            value = baseline.take();
        }
        serde_json::from_value(value).map_err(|_| BaselineError::Members)
    }

    /// This baseline after `later`, an incremental import, which adds columns, people and dates. The last past day
    /// stays that of the full refresh: the next one is compared with it.
    #[must_use]
    pub fn and(mut self, later: &Self) -> Self {
        for column in &later.columns {
            if self.column(&column.name).is_none() {
                self.columns.push(column.clone());
            }
        }
        self.people = self.people.max(later.people);
        self.last_day = self.last_day.max(later.last_day.clone());
        self
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// A person's approval for a file to delete people or columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionApproval {
    /// Who approved, or how.
    pub by: String,
    /// What it covers.
    pub scope: ApprovalScope,
}

/// What a deletion approval covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ApprovalScope {
    /// Every deletion that breaks one of these rules.
    Rules(Vec<Id>),
    /// The deletions that the person saw, and no more.
    Seen(SeenDeletions),
}

/// What a person saw who approved a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenDeletions {
    /// The rules that the file broke.
    #[serde(default)]
    pub rules: Vec<Id>,
    /// The summary of the file.
    #[serde(flatten)]
    pub file: Baseline,
}

impl DeletionApproval {
    /// Whether it names this rule, or the person saw that the file broke it.
    #[must_use]
    pub fn names(&self, rule: Id) -> bool {
        match &self.scope {
            ApprovalScope::Rules(rules) => rules.contains(&rule),
            ApprovalScope::Seen(seen) => seen.rules.contains(&rule),
        }
    }
}
