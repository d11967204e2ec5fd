//! What is wrong with a file: rule, row, column and remedy, never a cell's value.
//!
//! Rule ids are those of the rule catalogue (`F` file, `H` header and mapping). Equal findings are
//! counted and only the first rows of each are kept, so a file of a million bad rows makes a
//! short report.

use serde_json::{Value, json};

/// Rows listed for each finding; all are counted.
const ROWS_LISTED: usize = 10;
/// Different findings kept; a file that has more has one cause.
const MAX_GROUPS: usize = 200;

/// One thing that is wrong, in as many rows as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// The column: its mapped header, or its position where the header could be a person's data.
    pub column: Option<String>,
    /// The first rows, as physical lines of the file; the header is line 1.
    pub rows: Vec<u64>,
    /// How often.
    pub count: u64,
    /// What, and what to do about it; of the first row.
    pub message: String,
}

/// All that is wrong with a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    groups: Vec<Finding>,
    count: u64,
}

impl Findings {
    /// Notes a finding.
    pub fn add(
        &mut self,
        rule: &'static str,
        row: Option<u64>,
        column: Option<String>,
        message: impl FnOnce() -> String,
    ) {
        self.count += 1;
        let mut groups = self.groups.iter_mut();
        if let Some(group) =
            groups.find(|group| group.rule == rule && group.column == column && row.is_some())
        {
            group.count += 1;
            if group.rows.len() < ROWS_LISTED {
                group.rows.extend(row);
            }
        } else if self.groups.len() < MAX_GROUPS {
            let rows = row.into_iter().collect();
            self.groups.push(Finding { rule, column, rows, count: 1, message: message() });
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many problems there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The findings, each with its rows.
    #[must_use]
    pub fn groups(&self) -> &[Finding] {
        &self.groups
    }

    /// The first problem and how many there are, as one sentence about `file`.
    #[must_use]
    pub fn sentence(&self, file: &str) -> String {
        let Some(first) = self.groups.first() else { return format!("{file}: no problems") };
        let row = first.rows.first().map(|row| format!(", line {row}")).unwrap_or_default();
        let column = first.column.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
        let more = match self.count {
            0 | 1 => String::new(),
            count => format!("; {count} problems in all"),
        };
        format!("{file}{row}{column}: {} ({}){more}", first.message, first.rule)
    }

    /// The report as JSON.
    #[must_use]
    pub fn report(&self, file: &str) -> Value {
        let findings: Vec<Value> = self
            .groups
            .iter()
            .map(|finding| {
                json!({
                    "rule": finding.rule,
                    "severity": "error",
                    "column": finding.column,
                    "rows": finding.rows,
                    "count": finding.count,
                    "message": finding.message,
                })
            })
            .collect();
        json!({
            "file": file,
            "verdict": "refused",
            "problems": self.count,
            "findings": findings,
        })
    }
}

/// The one finding of a file that is not read at all.
#[must_use]
pub fn too_large(bytes: u64, max_bytes: u64) -> Findings {
    let mut findings = Findings::default();
    findings.add("F09", None, None, || {
        format!(
            "the file has {bytes} bytes, the most that is taken is {max_bytes}; split it, or \
             raise MAX_FILE_BYTES if the service takes more"
        )
    });
    findings
}
