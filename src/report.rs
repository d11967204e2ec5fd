//! Findings as files: what a check came to, as text for a terminal, as JSON and as a page.

use std::fmt::Write as _;

use serde_json::{Value, json};

pub use self::html::html;
use crate::{
    check::{Finding, Report},
    messages,
};

mod html;

/// The report for a terminal.
#[must_use]
pub fn text(report: &Report, file: &str) -> String {
    let file = file.replace(char::is_control, "\u{fffd}");
    let mut text =
        format!("{}: {file}\n{}\n", messages::verdict(report), messages::contents(report));
    for finding in &report.findings {
        // Writing into a string does not fail.
        let _ = write!(
            text,
            "\n{:<8}{}  {}\n        {}\n",
            finding.severity.word(),
            finding.rule,
            place(finding),
            messages::finding(finding)
        );
        for (row, value) in finding.rows.iter().zip(&finding.values) {
            let _ = writeln!(text, "        row {row}: {value:?}");
        }
    }
    let _ = write!(text, "\n{}\n", messages::totals(report));
    text
}

/// The report as JSON.
#[must_use]
pub fn json(report: &Report, file: &str) -> Value {
    let columns = report.headers.iter().zip(&report.summary.columns);
    let columns: Vec<Value> = columns
        .map(|(header, column)| {
            json!({ "column": header, "name": column.name, "type": column.kind })
        })
        .collect();
    json!({
        "file": file,
        "verdict": messages::verdict(report),
        "rows": report.summary.rows,
        "people": report.summary.people,
        "dropped": report.dropped,
        "columns": columns,
        "cut": report.cut,
        "findings": report.findings.iter().map(finding_json).collect::<Vec<_>>(),
        "summary": report.summary,
    })
}

fn finding_json(finding: &Finding) -> Value {
    let mut json = json!({
        "rule": finding.rule.name(),
        "severity": finding.severity.word(),
        "column": finding.column,
        "rows": finding.rows,
        "count": finding.count,
        "message": messages::finding(finding),
    });
    if !finding.values.is_empty() {
        json["values"] = json!(finding.values);
    }
    json
}

fn place(finding: &Finding) -> String {
    messages::place(finding.column.as_deref(), &finding.rows, finding.count)
}

#[cfg(test)]
mod tests;
