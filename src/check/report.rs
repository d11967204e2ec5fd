//! What a check comes to: the verdict, the findings, and what there is to remember.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    Finding, Severity, Summary, Terms,
    findings::{Counts, Findings},
    header::Header,
    rules::Id,
};

mod html;

/// Names of columns that one sentence lists.
const NAMES_TOLD: usize = 20;

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What was found, worst first, as far as there is room.
    pub findings: Vec<Finding>,
    /// How often each rule was broken.
    pub counts: Counts,
    /// Whether the file was read from its header to its end.
    pub is_whole: bool,
    /// What there is to remember of the file; numbers are 0 where the header was not understood.
    pub summary: Summary,
    /// The headers of the fields in the summary, in its order.
    pub headers: Vec<String>,
    /// Columns that are not mapped and never leave.
    pub cut: Vec<String>,
    /// Rows that are left out because the connection is lenient.
    pub dropped: u64,
}

impl Report {
    pub(super) fn new(
        findings: Findings,
        summary: Summary,
        header: Header,
        dropped: u64,
        is_whole: bool,
    ) -> Self {
        let headers = header.columns.iter().map(|column| column.field.source.clone()).collect();
        let names = header.names;
        let (findings, counts) = findings.sorted(|position| names[position].clone());
        Self { findings, counts, is_whole, summary, headers, cut: header.cut, dropped }
    }

    /// The report of a file whose header was not understood.
    pub(super) fn unread(findings: Findings, terms: &Terms) -> Self {
        let (findings, counts) = findings.sorted(|position| format!("column {}", position + 1));
        Self {
            findings,
            counts,
            is_whole: false,
            summary: Summary::nothing(terms),
            headers: vec![],
            cut: vec![],
            dropped: 0,
        }
    }

    /// Whether the file would be accepted.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.is_whole && self.count(Severity::Error) == 0
    }

    /// Whether the file is refused for nothing but what it deletes.
    #[must_use]
    pub fn is_only_guarded(&self) -> bool {
        let mut rules = self.counts.by_rule(Severity::Error).map(|(rule, _)| rule);
        self.is_whole && !self.is_accepted() && rules.all(|rule| matches!(rule, Id::I03 | Id::I04))
    }

    fn of(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.severity == severity)
    }

    /// How many findings of this severity there are, each row counted.
    #[must_use]
    pub fn count(&self, severity: Severity) -> u64 {
        self.counts.of(severity)
    }

    fn verdict(&self) -> &'static str {
        if self.is_accepted() { "accepted" } else { "refused" }
    }

    /// The first of the problems; `None` where there is none.
    #[must_use]
    pub fn first_problem(&self) -> Option<&Finding> {
        self.of(Severity::Error).next()
    }

    /// What a person should know of a file that passes; `None` where there is nothing.
    #[must_use]
    pub fn notice(&self) -> Option<String> {
        let mut parts = vec![];
        let absent = self.of(Severity::Warning).filter(|finding| finding.rule == Id::H06);
        let absent: Vec<&str> = absent.filter_map(|finding| finding.column.as_deref()).collect();
        if !absent.is_empty() {
            parts.push(format!("mapped but not in the file: {}", some_of(&absent)));
        }
        if !self.cut.is_empty() {
            parts.push(format!("not mapped and therefore cut: {}", some_of(&self.cut)));
        }
        if self.dropped > 0 {
            let rows = if self.dropped == 1 { "row" } else { "rows" };
            parts.push(format!("{} {rows} left out as not valid", self.dropped));
        }
        if self.count(Severity::Warning) > 0 {
            parts.push(format!("warnings: {}", self.by_rule(Severity::Warning)));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// `V01 2, V03 11`.
    fn by_rule(&self, severity: Severity) -> String {
        let counts = self.counts.by_rule(severity);
        counts.map(|(rule, count)| format!("{rule} {count}")).collect::<Vec<_>>().join(", ")
    }

    /// The report as JSON.
    #[must_use]
    pub fn json(&self, file: &str) -> Value {
        let columns = self.headers.iter().zip(&self.summary.columns);
        let columns: Vec<Value> = columns
            .map(|(header, column)| {
                json!({ "column": header, "name": column.name, "type": column.kind })
            })
            .collect();
        json!({
            "file": file,
            "verdict": self.verdict(),
            "rows": self.summary.rows,
            "people": self.summary.people,
            "dropped": self.dropped,
            "columns": columns,
            "cut": self.cut,
            "findings": self.findings.iter().map(finding_json).collect::<Vec<_>>(),
            "summary": self.summary,
        })
    }

    /// The report for a terminal.
    #[must_use]
    pub fn text(&self, file: &str) -> String {
        let file = file.replace(char::is_control, "\u{fffd}");
        let mut text = format!("{}: {file}\n{}\n", self.verdict(), self.what_it_is());
        for finding in &self.findings {
            // Writing into a string does not fail.
            let _ = write!(
                text,
                "\n{:<8}{}  {}\n        {}\n",
                finding.severity.word(),
                finding.rule,
                place(finding),
                finding.told()
            );
            for (row, value) in finding.rows.iter().zip(&finding.values) {
                let _ = writeln!(text, "        row {row}: {value:?}");
            }
        }
        let _ = write!(text, "\n{}\n", self.last_words());
        text
    }

    /// The report as a page of its own, without a script and without anything from elsewhere.
    #[must_use]
    pub fn html(&self, file: &str) -> String {
        html::page(self, file)
    }

    fn what_it_is(&self) -> String {
        let counted = |count: u64, one: &str, many: &str| {
            format!("{count} {}", if count == 1 { one } else { many })
        };
        let mut parts = vec![
            counted(self.summary.rows, "row", "rows"),
            counted(self.summary.people, "person", "people"),
            counted(self.summary.columns.len() as u64, "column", "columns"),
        ];
        if !self.cut.is_empty() {
            parts.push(format!("{} cut", self.cut.len()));
        }
        if self.dropped > 0 {
            parts.push(format!("{} left out", counted(self.dropped, "row", "rows")));
        }
        format!("{}, {} refresh", parts.join(", "), self.summary.refresh)
    }

    fn last_words(&self) -> String {
        let (errors, warnings, hints) = (
            self.count(Severity::Error),
            self.count(Severity::Warning),
            self.count(Severity::Hint),
        );
        let guarded = if self.is_only_guarded() {
            " Nothing is wrong with the file itself; whoever knows that the missing people or \
             columns are to be deleted can let it pass on its road."
        } else {
            ""
        };
        let listed: u64 = self.findings.iter().map(|finding| finding.count).sum();
        let beyond = match errors + warnings + hints - listed {
            0 => String::new(),
            beyond => format!(" {beyond} more are counted and not listed."),
        };
        format!(
            "errors: {errors}, warnings: {warnings}, hints: {hints}.{beyond} \
             `viva-import rules ID` explains a rule.{guarded}"
        )
    }
}

/// The first names of a list, and how many more there are.
pub(super) fn some_of(names: &[impl AsRef<str>]) -> String {
    let mut some: Vec<&str> = names.iter().take(NAMES_TOLD).map(AsRef::as_ref).collect();
    let more = format!("and {} more", names.len().saturating_sub(NAMES_TOLD));
    if names.len() > NAMES_TOLD {
        some.push(&more);
    }
    some.join(", ")
}

fn finding_json(finding: &Finding) -> Value {
    let mut json = json!({
        "rule": finding.rule.name(),
        "severity": finding.severity.word(),
        "column": finding.column,
        "rows": finding.rows,
        "count": finding.count,
        "message": finding.told(),
    });
    if !finding.values.is_empty() {
        json["values"] = json!(finding.values);
    }
    json
}

fn place(finding: &Finding) -> String {
    place_of(finding.column.as_deref(), &finding.rows, finding.count)
}

/// `PersonId, rows 5, 9 (2 in all)`.
pub(crate) fn place_of(column: Option<&str>, rows: &[u64], count: u64) -> String {
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

#[cfg(test)]
mod tests;
