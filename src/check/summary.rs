//! What is remembered of an accepted import, to hold the next one against.

use serde::{Deserialize, Serialize};

use super::{
    date::Day,
    fields::Kind,
    findings::Findings,
    rules::{Id, Severity},
    terms::Terms,
};
use crate::run::Refresh;

/// What an import was: numbers and names of columns, no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
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
        let text = document.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(document);
        let mut value: serde_json::Value =
            serde_json::from_slice(text).map_err(|_| "it is not JSON".to_owned())?;
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

    /// The latest EffectiveDate.
    pub(super) fn day(&self) -> Option<Day> {
        Day::parse(self.last_day.as_deref()?)
    }

    /// This one after `later`, an incremental import: columns and dates are added to it.
    #[must_use]
    pub fn and(mut self, later: &Self) -> Self {
        for column in &later.columns {
            if !self.columns.iter().any(|known| known.name == column.name) {
                self.columns.push(column.clone());
            }
        }
        self.last_day = self.last_day.max(later.last_day.clone());
        self
    }

    fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// The kind of a JSON error; its text could quote the document.
fn plain(error: &serde_json::Error) -> &'static str {
    if error.is_data() { "a member is missing or of another type" } else { "a syntax error" }
}

/// Holds an import against the last accepted one. Whether it would delete something.
///
/// Where not all of the file was read, numbers say nothing and are not compared.
pub(super) fn guard(now: &Summary, is_read: bool, terms: &Terms, findings: &mut Findings) -> bool {
    let Some(previous) = &terms.previous else { return false };
    match terms.refresh {
        Refresh::Full => {
            let columns = guard_columns(now, previous, terms, findings);
            let numbers = is_read && guard_numbers(now, previous, terms, findings);
            columns || numbers
        }
        Refresh::Incremental => {
            for column in &now.columns {
                if previous.column(&column.name).is_none() {
                    findings.field(
                        Id::I02,
                        Severity::Warning,
                        &column.name,
                        format!(
                            "{} was not in the last accepted import; the documentation contradicts \
                         itself on new columns in an incremental import, so bring them with a \
                         full refresh",
                            column.name
                        ),
                    );
                }
            }
            false
        }
    }
}

/// How severe it is that something would be deleted, and what to do.
fn level(terms: &Terms) -> (Severity, String) {
    match &terms.allowed {
        Some(who) => (Severity::Warning, format!("let pass {who}")),
        None => (Severity::Error, "if that is right, let this one file pass".to_owned()),
    }
}

fn guard_columns(
    now: &Summary,
    previous: &Summary,
    terms: &Terms,
    findings: &mut Findings,
) -> bool {
    let (level, remedy) = level(terms);
    let mut deletes = false;
    for column in &previous.columns {
        match now.column(&column.name) {
            None => {
                deletes = true;
                findings.field(
                    Id::I03,
                    level,
                    &column.name,
                    format!(
                        "{} was in the last accepted import and is not in this one: a full refresh \
                     without it deletes it, and the queries that use it stop; {remedy}",
                        column.name
                    ),
                );
            }
            Some(same) if !is_same_type(&same.kind, &column.kind) => {
                findings.field(
                    Id::I03,
                    Severity::Warning,
                    &column.name,
                    format!(
                        "{} was of type {} in the last accepted import and is {} in this one",
                        column.name, column.kind, same.kind
                    ),
                );
            }
            Some(_) => {}
        }
    }
    deletes
}

fn guard_numbers(
    now: &Summary,
    previous: &Summary,
    terms: &Terms,
    findings: &mut Findings,
) -> bool {
    let (level, remedy) = level(terms);
    let mut deletes = false;
    for (what, before, after) in
        [("people", previous.people, now.people), ("rows", previous.rows, now.rows)]
    {
        let lost = before.saturating_sub(after);
        if u128::from(lost) * 100 > u128::from(before) * u128::from(terms.limits.max_shrink_percent)
        {
            deletes = true;
            let tenths = u128::from(lost) * 1000 / u128::from(before);
            findings.file(Id::I04, level, &[], format!(
                "{after} {what} where the last accepted import had {before}: {}.{} % fewer, more \
                 than the {} % that may be missing; a full refresh deactivates whoever is not in \
                 the file; {remedy}",
                tenths / 10,
                tenths % 10,
                terms.limits.max_shrink_percent
            ));
        }
    }
    deletes
}

fn is_same_type(one: &str, other: &str) -> bool {
    match (Kind::parse(one), Kind::parse(other)) {
        (Some(one), Some(other)) => one.is_like(other),
        _ => one == other,
    }
}
