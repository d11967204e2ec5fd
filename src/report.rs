//! The report of a check: as text for a terminal, as JSON and as an HTML page.

use std::fmt::Write as _;

use askama::Template;
use serde_json::{Value, json};

pub(crate) use self::escape::Shown;
use crate::{
    check::{Finding, Report},
    import::reason::is_unprintable,
    messages,
    outcome::{Layout, Tone},
    schema::Severity,
};

mod escape;

/// The report as plain text.
#[must_use]
pub fn text(report: &Report, file: &str) -> String {
    text_in(report, file, Layout::default())
}

/// The report as text for a terminal.
#[must_use]
pub fn text_in(report: &Report, file: &str, layout: Layout) -> String {
    let file = file.replace(is_unprintable, "\u{fffd}");
    let verdict = messages::verdict(report);
    let verdict = layout.paint(if report.is_accepted() { Tone::Good } else { Tone::Bad }, verdict);
    let mut text = format!("{verdict}: {file}\n{}\n", messages::contents(report));
    for finding in &report.findings {
        let severity = layout.paint(tone(finding.severity), finding.severity.as_ref());
        let blanks = " ".repeat(8_usize.saturating_sub(finding.severity.as_ref().len()));
        let prefix = format!("{severity}{blanks}{}  ", finding.rule);
        text.push('\n');
        text.push_str(&layout.hang(&prefix, &place(finding)));
        text.push_str(&layout.hang("        ", &messages::finding(finding)));
        for (row, value) in finding.rows.iter().zip(&finding.values) {
            // Writing into a string does not fail.
            let _ = writeln!(text, "        row {row}: {value:?}");
        }
    }
    let _ = write!(text, "\n{}\n", messages::totals(report));
    text
}

fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Warning,
        Severity::Hint => Tone::Hint,
    }
}

/// The report as JSON.
#[must_use]
pub fn json(report: &Report, file: &str) -> Value {
    let columns = report.headers.iter().zip(&report.baseline.columns);
    let columns: Vec<Value> = columns
        .map(|(header, column)| {
            json!({ "column": header, "name": column.name, "type": column.kind })
        })
        .collect();
    json!({
        "file": file,
        "verdict": messages::verdict(report),
        "rows": report.baseline.rows,
        "people": report.baseline.people,
        "rowsSkipped": report.rows_skipped,
        "columns": columns,
        "cut": report.cut,
        "findings": report.findings.iter().map(finding_json).collect::<Vec<_>>(),
        "baseline": report.baseline,
    })
}

/// The report as an HTML page, without scripts and without external resources.
#[must_use]
pub fn html(report: &Report, file: &str) -> String {
    let page = Page {
        title: format!("{}: {file}", messages::verdict(report)),
        contents: messages::contents(report),
        findings: &report.findings,
        totals: messages::totals(report),
    };
    // Rendering cannot fail with these types; if it did, the page would show the error.
    page.render().unwrap_or_else(|error| format!("This report cannot be shown as a page: {error}"))
}

const STYLE: &str = ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;\
max-width:60rem;margin:2rem auto;padding:0 1rem}h1{font-size:1.4rem}table{border-collapse:collapse;\
width:100%}th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #8886}\
.error{color:light-dark(#a80000,#ff9d99);font-weight:600}.warning{color:light-dark(#8a5200,#f0c069);\
font-weight:600}code{font-size:.95em}";

/// The contents of the page; all of them are escaped.
#[derive(Template)]
#[template(path = "report.html", config = "src/askama.toml")]
struct Page<'a> {
    title: String,
    contents: String,
    findings: &'a [Finding],
    totals: String,
}

fn finding_json(finding: &Finding) -> Value {
    let mut json = json!({
        "rule": finding.rule.name(),
        "severity": finding.severity.as_ref(),
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
