//! What is remembered of an accepted import, to hold the next one against.

use serde::{Deserialize, Serialize};

use super::{json, target::Connector};

/// What an import was: numbers and names of columns, no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
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
    Connector::Hr.word().to_owned()
}

fn is_hr(connector: &str) -> bool {
    connector == Connector::Hr.word()
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

impl Summary {
    /// Reads a summary, or the report that has one.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn read(document: &[u8]) -> Result<Self, String> {
        let mut value: serde_json::Value = serde_json::from_slice(json::unmarked(document))
            .map_err(|_| "it is not JSON".to_owned())?;
        if value.get("verdict").is_some_and(|verdict| verdict != "accepted") {
            return Err("it is the report of a file that was not accepted".to_owned());
        }
        if let Some(summary) = value.get_mut("summary") {
            value = summary.take();
        }
        serde_json::from_value(value).map_err(|error| {
            format!("it is neither a summary nor a report with one ({})", plain(&error))
        })
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

/// The kind of a JSON error; its text could quote the document.
fn plain(error: &serde_json::Error) -> &'static str {
    if error.is_data() { "a member is missing or of another type" } else { "a syntax error" }
}

/// A person's word that a file may delete people or columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionApproval {
    /// Who, or how.
    pub by: String,
    /// What the file was when the person said so; `None` where the word goes for whatever it is.
    pub seen: Option<Summary>,
}
