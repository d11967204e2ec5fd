//! A finding and the sentences of a report: for the terminal, the page and the JSON.

use crate::{
    check::{Finding, Report, some_of},
    messages::{counted, people},
    schema::{Id, Severity},
};

/// Whether the file is taken, in a word.
pub(crate) fn verdict(report: &Report) -> &'static str {
    if report.is_accepted() { "accepted" } else { "rejected" }
}

/// What the file is: its rows, people and columns, and its refresh.
pub(crate) fn contents(report: &Report) -> String {
    let summary = &report.baseline;
    let mut parts = vec![
        counted(summary.rows, "row"),
        people(summary.people),
        counted(summary.columns.len() as u64, "column"),
    ];
    if !report.cut.is_empty() {
        parts.push(format!("{} cut", report.cut.len()));
    }
    if report.rows_skipped > 0 {
        parts.push(format!("{} left out", counted(report.rows_skipped, "row")));
    }
    format!("{}, {} refresh", parts.join(", "), summary.refresh)
}

/// How many findings there are, and how to go on from them.
pub(crate) fn totals(report: &Report) -> String {
    let [errors, warnings, hints] =
        [Severity::Error, Severity::Warning, Severity::Hint].map(|severity| report.count(severity));
    let guarded = if report.is_only_guarded() {
        " Nothing is wrong with the file itself; whoever knows that the missing people or \
         columns are to be deleted can let it pass on its road."
    } else {
        ""
    };
    let listed: u64 = report.findings.iter().map(|finding| finding.count).sum();
    let beyond = match errors + warnings + hints - listed {
        0 => String::new(),
        beyond => format!(" {beyond} more are counted and not listed."),
    };
    format!(
        "errors: {errors}, warnings: {warnings}, hints: {hints}.{beyond} \
         `viva-import rules ID` explains a rule.{guarded}"
    )
}

/// What a person should know of a file that passes; `None` where there is nothing.
#[must_use]
pub fn notice(report: &Report) -> Option<String> {
    let mut parts = vec![];
    let absent = report
        .findings
        .iter()
        .filter(|finding| (finding.rule, finding.severity) == (Id::H06, Severity::Warning));
    let absent: Vec<&str> = absent.filter_map(|finding| finding.column.as_deref()).collect();
    if !absent.is_empty() {
        parts.push(format!("mapped but not in the file: {}", some_of(&absent)));
    }
    if !report.cut.is_empty() {
        parts.push(format!("not mapped and therefore cut: {}", some_of(&report.cut)));
    }
    if report.rows_skipped > 0 {
        let rows = if report.rows_skipped == 1 { "row" } else { "rows" };
        parts.push(format!("{} {rows} left out as not valid", report.rows_skipped));
    }
    let warnings = report.counts.by_rule(Severity::Warning);
    let warnings: Vec<String> = warnings.map(|(rule, count)| format!("{rule} {count}")).collect();
    if !warnings.is_empty() {
        parts.push(format!("warnings: {}", warnings.join(", ")));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What is wrong and what to do about it: where a person may let the file pass, how.
pub(crate) fn finding(finding: &Finding) -> String {
    if !finding.is_guarded() {
        return finding.message.clone();
    }
    format!("{}; {}", finding.message, if_it_is_meant(Some(finding.rule)))
}

/// What follows from a deletion by this rule, and what to do where it is meant.
pub(super) fn if_it_is_meant(rule: Option<Id>) -> String {
    let follows = match rule {
        Some(Id::I04) => "a full refresh deactivates whoever is not in the file; ",
        _ => "",
    };
    format!(
        "{follows}if that is right, let this one file pass, with `viva-import approve` or the blob \
         metadata viva_import_approve (the rule's id)"
    )
}

/// Where something was found: `PersonId, rows 5, 9 (2 in all)`.
pub(crate) fn place(column: Option<&str>, rows: &[u64], count: u64) -> String {
    let mut parts: Vec<String> = column.iter().map(|&name| name.to_owned()).collect();
    let listed: Vec<String> = rows.iter().map(ToString::to_string).collect();
    match listed.as_slice() {
        [] => {}
        [row] => parts.push(format!("row {row}")),
        rows => parts.push(format!("rows {}", rows.join(", "))),
    }
    let place = if parts.is_empty() { "the file".to_owned() } else { parts.join(", ") };
    if count > rows.len().max(1) as u64 { format!("{place} ({count} in all)") } else { place }
}
