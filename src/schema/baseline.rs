//! What is remembered of an accepted import, to hold the next one against.

use serde::{Deserialize, Serialize};

use super::target::Connector;
use crate::schema::{Id, document};

/// What an import was: numbers and names of columns, no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Baseline {
    /// Which connector it is for: each has data of its own.
    #[serde(default = "hr", skip_serializing_if = "is_hr")]
    pub connector: String,
    /// `full` or `incremental`.
    pub refresh: String,
    /// Data rows.
    pub rows: u64,
    /// People who have a row.
    pub people: u64,
    /// The fields, by Viva's names or custom ones.
    pub columns: Vec<Column>,
    /// The latest EffectiveDate, as YYYY-MM-DD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<String>,
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

/// Why a document is no summary. Causes that could quote the document are not kept.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It cannot be read as JSON.
    #[error("it is not JSON: {0}")]
    Syntax(#[source] serde_json::Error),
    /// The file it reports on was not accepted.
    #[error("it is the report of a file that was not accepted")]
    NotAccepted,
    /// It is JSON of another form.
    #[error(
        "it is neither a baseline nor a report with one (a member is missing or of another type)"
    )]
    Members,
}

impl Baseline {
    /// Reads a summary, or the report that has one.
    ///
    /// # Errors
    /// What is missing.
    pub fn read(document: &[u8]) -> Result<Self, BaselineError> {
        // Of JSON of any form the syntax alone can be wrong, and that is told without a value.
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

    /// This one after `later`, an incremental import: columns, people and dates are added to it.
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

/// A person's word that a file may delete people or columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionApproval {
    /// Who, or how.
    pub by: String,
    /// What it goes for.
    pub scope: ApprovalScope,
}

/// What a deletion approval goes for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ApprovalScope {
    /// Whatever a file deletes that breaks one of these rules.
    Rules(Vec<Id>),
    /// What the file was when the person saw it, and no more.
    Seen(Baseline),
}
