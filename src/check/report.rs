//! What a check comes to: whether the file is accepted, the findings, and what there is to remember.

use super::{
    Finding, Terms,
    findings::{Counts, Findings},
    header::Header,
};
use crate::schema::{Id, Severity, Summary};

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

    /// The first of the problems; `None` where there is none.
    #[must_use]
    pub fn first_problem(&self) -> Option<&Finding> {
        self.of(Severity::Error).next()
    }
}
