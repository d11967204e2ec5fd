//! The texts of a report: verdict, contents, findings and totals, for the terminal, the page and the JSON.

use crate::{
    check::{Finding, Report, some_of},
    import::{
        Import,
        lane::ContentOrder,
        reason::{Problems, RuleCount},
        to_the_second,
    },
    messages::{counted, number, people, sentence},
    schema::{Id, Refresh, Severity},
};

/// Whether the file is accepted, in one word.
pub(crate) fn verdict(report: &Report) -> &'static str {
    if report.is_accepted() { "accepted" } else { "rejected" }
}

/// The rows, people and columns of the file, and its refresh.
pub(crate) fn contents(report: &Report) -> String {
    let summary = &report.baseline;
    let mut parts = vec![
        counted(summary.rows, "row"),
        people(summary.people),
        counted(summary.columns.len() as u64, "column"),
    ];
    if !report.cut.is_empty() {
        parts.push(format!("{} dropped", report.cut.len()));
    }
    if report.rows_skipped > 0 {
        parts.push(format!("{} skipped", counted(report.rows_skipped, "row")));
    }
    format!("{}, {} refresh", parts.join(", "), summary.refresh)
}

/// The number of findings by severity, and what to do next.
pub(crate) fn totals(report: &Report) -> String {
    let [errors, warnings, hints] =
        [Severity::Error, Severity::Warning, Severity::Hint].map(|severity| report.count(severity));
    let guarded = if report.is_only_guarded() {
        " The file itself has no errors. If the deletions are intended, approve the import."
    } else {
        ""
    };
    let listed: u64 = report.findings.iter().map(|finding| finding.count).sum();
    let beyond = match errors + warnings + hints - listed {
        0 => String::new(),
        beyond => format!(" {} more are counted but not listed.", number(beyond)),
    };
    format!(
        "Errors: {errors}, warnings: {warnings}, hints: {hints}.{beyond} \
         `viva-import rules ID` explains a rule.{guarded}"
    )
}

/// What a person should know about a file that is accepted, in full sentences; `None` if there is nothing.
#[must_use]
pub fn notice(report: &Report) -> Option<String> {
    let mut parts = vec![];
    let absent = report
        .findings
        .iter()
        .filter(|finding| (finding.rule, finding.severity) == (Id::H06, Severity::Warning));
    let absent: Vec<&str> = absent.filter_map(|finding| finding.column.as_deref()).collect();
    if !absent.is_empty() {
        parts.push(format!("Mapped columns that are not in the file: {}.", some_of(&absent)));
    }
    if !report.cut.is_empty() {
        parts.push(format!("Dropped columns that are not mapped: {}.", some_of(&report.cut)));
    }
    if report.rows_skipped > 0 {
        parts.push(format!("Skipped invalid rows: {}.", number(report.rows_skipped)));
    }
    let warnings = report.counts.by_rule(Severity::Warning);
    let warnings: Vec<String> = warnings.map(|(rule, count)| format!("{rule} {count}")).collect();
    if !warnings.is_empty() {
        parts.push(format!("Warnings by rule: {}.", warnings.join(", ")));
    }
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// The message of a finding; if a person can approve the deletion, with how.
pub(crate) fn finding(finding: &Finding) -> String {
    if !finding.is_guarded() {
        return finding.message.clone();
    }
    format!("{} {}.", sentence(finding.message.as_str()), approval_hint(Some(finding.rule)))
}

/// Why a file may not be pushed that is older than what the service has (I05).
#[must_use]
pub(crate) fn goes_back(import: &Import, newer: &ContentOrder) -> Problems {
    let (written, since) =
        (to_the_second(import.source.last_modified), to_the_second(newer.written));
    let undoes = if import.refresh == Some(Refresh::Full) {
        "an incremental import that was accepted. A full refresh undoes it"
    } else {
        "the last accepted import of its connection. Its rows undo newer ones"
    };
    let message =
        format!("The file was written at {written}, before {} ({since}), {undoes}.", newer.name);
    let rule = || Id::I05.name().into();
    let rules = vec![RuleCount { rule: rule(), count: 1 }];
    Problems { row: None, column: None, rule: rule(), message: message.into(), count: 1, rules }
}

/// What a deletion by this rule means, and how to approve it. Without the last full stop.
pub(super) fn approval_hint(rule: Option<Id>) -> String {
    let effect = match rule {
        Some(Id::I04) => "A full refresh deactivates people who are missing from the file. ",
        Some(Id::I05) => "Upload the current export. ",
        _ => "",
    };
    let rule = rule.map_or("RULE", Id::name);
    format!(
        "{effect}If that is intended, approve the file once: run `viva-import approve IMPORT`, or set \
         the blob metadata `viva_import_approve` to `{rule}`"
    )
}

/// The place of a finding: `PersonId, rows 5, 9 (12 in total)`.
pub(crate) fn place(column: Option<&str>, rows: &[u64], count: u64) -> String {
    let mut parts: Vec<String> = column.iter().map(|&name| name.to_owned()).collect();
    let listed: Vec<String> = rows.iter().map(ToString::to_string).collect();
    match listed.as_slice() {
        [] => {}
        [row] => parts.push(format!("row {row}")),
        rows => parts.push(format!("rows {}", rows.join(", "))),
    }
    let place = if parts.is_empty() { "the file".to_owned() } else { parts.join(", ") };
    if count > rows.len().max(1) as u64 { format!("{place} ({count} in total)") } else { place }
}
