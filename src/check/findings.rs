//! The findings of a file: rule, column, rows, and what to do; no cell value, unless a person asked to see
//! values.
//!
//! Equal findings are counted, and only the first rows of each are kept, so that a file with a million
//! invalid rows makes a short report.

use crate::schema::{Id, RULES, Severity};

/// Rows listed for each finding; all are counted.
const ROWS_LISTED: usize = 10;
/// Different findings kept. A file that has more usually has one cause.
const MAX_GROUPS: usize = 200;
/// Most characters shown of a value, if values are shown.
const VALUE_SHOWN: usize = 60;
/// Column names listed in one sentence.
const NAMES_LISTED: usize = 20;

/// One fault or doubt, with all rows that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Id,
    /// Its severity for this file.
    pub severity: Severity,
    /// The column's header, or its position if the header could be personal data.
    pub column: Option<String>,
    /// The first rows, as physical lines of the file; the header is line 1.
    pub rows: Vec<u64>,
    /// How many times it was found.
    pub count: u64,
    /// What is wrong and what to do, as sentences. How to approve a deletion is not part of it.
    pub message: String,
    /// The values of the first rows, if a person asked for values.
    pub values: Vec<String>,
}

impl Finding {
    /// Whether a person can approve the file in spite of it.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        self.severity == Severity::Error && self.rule.is_guard()
    }

    /// Lists a row if it is among the first, and returns whether it is.
    fn list(&mut self, row: u64) -> bool {
        let place = self.rows.partition_point(|listed| *listed <= row);
        if place >= ROWS_LISTED {
            return false;
        }
        self.rows.truncate(ROWS_LISTED - 1);
        self.rows.insert(place, row);
        true
    }

    fn list_all(&mut self, rows: &[u64]) {
        for row in rows {
            self.list(*row);
        }
    }
}

/// The severity of each rule for one file: that of the catalogue, unless the connection lowers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Levels {
    /// For each rule, the most severe level allowed; `None` if the rule is off.
    most: Vec<Option<Severity>>,
    lenient: bool,
}

impl Levels {
    pub(super) fn new(lenient: bool, lowered: &[(Id, Option<Severity>)]) -> Self {
        let mut most = vec![Some(Severity::Error); RULES.len()];
        for (id, level) in lowered {
            most[*id as usize] = *level;
        }
        Self { most, lenient }
    }

    /// The level of a finding whose own severity is `severity`.
    fn of(&self, rule: Id, severity: Severity) -> Option<Severity> {
        Some(self.most[rule as usize]?.max(severity))
    }

    /// The level of a finding about one row.
    fn of_row(&self, rule: Id) -> Option<Severity> {
        let severity = if self.skips(rule) { Severity::Warning } else { rule.rule().severity };
        self.of(rule, severity)
    }

    /// Whether a row that breaks the rule is skipped.
    fn skips(&self, rule: Id) -> bool {
        let is_error = self.most[rule as usize] == Some(Severity::Error);
        self.lenient && rule.rule().by_row && is_error
    }
}

/// The place of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Column {
    None,
    At(usize),
    Named(String),
}

#[derive(Clone, Debug)]
struct Group {
    finding: Finding,
    column: Column,
    /// Distinguishes groups of the same rule and column.
    reason: &'static str,
}

/// All findings of a file.
#[derive(Debug)]
pub(super) struct Findings {
    groups: Vec<Group>,
    levels: Levels,
    show_values: bool,
    counts: Counts,
}

/// How many times each rule was broken, by severity. Counts all findings, listed or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    of: Vec<[u64; 3]>,
    /// The sum of errors, kept because it is needed for every row.
    errors: u64,
}

impl Counts {
    pub(super) fn new() -> Self {
        Self { of: vec![[0; 3]; RULES.len()], errors: 0 }
    }

    fn add(&mut self, rule: Id, severity: Severity) {
        self.of[rule as usize][severity as usize] += 1;
        self.errors += u64::from(severity == Severity::Error);
    }

    /// The rules that were broken with this severity, and how many times.
    pub(crate) fn by_rule(&self, severity: Severity) -> impl Iterator<Item = (Id, u64)> {
        let counts = RULES.iter().zip(&self.of);
        let counts = counts.map(move |(rule, counts)| (rule.id, counts[severity as usize]));
        counts.filter(|(_, count)| *count > 0)
    }

    /// How many findings have this severity.
    #[must_use]
    pub fn of(&self, severity: Severity) -> u64 {
        self.by_rule(severity).map(|(_, count)| count).sum()
    }
}

impl Findings {
    pub(super) fn new(levels: Levels, show_values: bool) -> Self {
        Self { groups: vec![], levels, show_values, counts: Counts::new() }
    }

    /// Adds a finding about the value of a row. Returns whether to skip the row.
    pub(super) fn value(
        &mut self,
        rule: Id,
        line: u64,
        position: usize,
        reason: &'static str,
        value: &[u8],
    ) -> bool {
        let (skips, show_values) = (self.levels.skips(rule), self.show_values);
        if let Some(severity) = self.levels.of_row(rule) {
            let group = self.group(rule, severity, Column::At(position), reason, || {
                with_skipped(reason, skips)
            });
            if let Some(finding) = group
                && finding.list(line)
                && show_values
            {
                let text = String::from_utf8_lossy(value);
                finding.values.push(text.chars().take(VALUE_SHOWN).collect());
            }
        }
        skips
    }

    /// Adds a finding about a whole row. Returns whether to skip the row.
    pub(super) fn row(
        &mut self,
        rule: Id,
        line: u64,
        reason: &'static str,
        message: impl FnOnce() -> String,
    ) -> bool {
        let skips = self.levels.skips(rule);
        if let Some(severity) = self.levels.of_row(rule) {
            let group = self
                .group(rule, severity, Column::None, reason, || with_skipped(&message(), skips));
            if let Some(finding) = group {
                finding.list(line);
            }
        }
        skips
    }

    /// Adds a finding about a whole column, with its severity in this case.
    pub(super) fn column(
        &mut self,
        rule: Id,
        severity: Severity,
        position: usize,
        message: String,
    ) {
        self.note(rule, severity, Column::At(position), &[], message);
    }

    /// Adds a finding about the header of a column.
    pub(super) fn header(&mut self, rule: Id, line: u64, position: usize, message: String) {
        self.note(rule, Severity::Error, Column::At(position), &[line], message);
    }

    /// Adds a finding about a field of the mapping, whether or not the file has the field.
    pub(super) fn field(&mut self, rule: Id, severity: Severity, name: &str, message: String) {
        let name = name.replace(char::is_control, "\u{fffd}");
        self.note(rule, severity, Column::Named(name), &[], message);
    }

    /// Adds a finding about the file, or about some of its rows.
    pub(super) fn file(&mut self, rule: Id, severity: Severity, rows: &[u64], message: String) {
        self.note(rule, severity, Column::None, rows, message);
    }

    /// Adds the reason why a file cannot be read, or not to its end. A connection cannot lower it.
    pub(super) fn reject(&mut self, rule: Id, rows: &[u64], message: String) {
        if let Some(finding) =
            self.new_group(rule, Severity::Error, Column::None, "rejected", || message)
        {
            finding.list_all(rows);
        }
    }

    /// Adds a finding that can occur in many places. All are counted as one, with the message of the
    /// first.
    pub(super) fn repeated(&mut self, rule: Id, severity: Severity, rows: &[u64], message: String) {
        if let Some(severity) = self.levels.of(rule, severity)
            && let Some(finding) = self.group(rule, severity, Column::None, "repeated", || message)
        {
            finding.list_all(rows);
        }
    }

    fn note(
        &mut self,
        rule: Id,
        severity: Severity,
        column: Column,
        rows: &[u64],
        message: String,
    ) {
        let Some(severity) = self.levels.of(rule, severity) else { return };
        // Two messages of the same rule and column are two findings.
        let groups = self.groups.iter_mut().map(|group| (&group.column, &mut group.finding));
        let mut same = groups.filter(|(at, finding)| finding.rule == rule && **at == column);
        if let Some((_, finding)) = same.find(|(_, finding)| finding.message == message) {
            finding.count += 1;
            finding.list_all(rows);
            self.counts.add(rule, severity);
        } else if let Some(finding) = self.new_group(rule, severity, column, "", || message) {
            finding.list_all(rows);
        }
    }

    /// The group of a finding, incremented or new; `None` if there are too many.
    fn group(
        &mut self,
        rule: Id,
        severity: Severity,
        column: Column,
        reason: &'static str,
        message: impl FnOnce() -> String,
    ) -> Option<&mut Finding> {
        let same = |group: &Group| {
            group.finding.rule == rule && group.column == column && group.reason == reason
        };
        // The latest groups are the most likely ones, so search from the end.
        if let Some(place) = self.groups.iter().rposition(same) {
            self.counts.add(rule, severity);
            let finding = &mut self.groups[place].finding;
            finding.count += 1;
            return Some(finding);
        }
        self.new_group(rule, severity, column, reason, message)
    }

    /// A new group. If there are too many, it replaces a less severe one.
    fn new_group(
        &mut self,
        rule: Id,
        severity: Severity,
        column: Column,
        reason: &'static str,
        message: impl FnOnce() -> String,
    ) -> Option<&mut Finding> {
        self.counts.add(rule, severity);
        if self.groups.len() >= MAX_GROUPS {
            let is_less = |group: &Group| group.finding.severity > severity;
            self.groups.remove(self.groups.iter().rposition(is_less)?);
        }
        let finding = Finding {
            rule,
            severity,
            column: None,
            rows: vec![],
            count: 1,
            // The message may contain names from a document that somebody else wrote.
            message: message().replace(char::is_control, "\u{fffd}"),
            values: vec![],
        };
        self.groups.push(Group { finding, column, reason });
        self.groups.last_mut().map(|group| &mut group.finding)
    }

    /// Whether no error was found so far.
    pub(super) fn is_sound(&self) -> bool {
        self.counts.errors == 0
    }

    /// The findings, most severe first, then by rule, with `name` for the columns; and the counts of all.
    pub(super) fn sorted(self, name: impl Fn(usize) -> String) -> (Vec<Finding>, Counts) {
        let named = self.groups.into_iter().map(|group| {
            let column = match group.column {
                Column::None => None,
                Column::At(position) => Some(name(position)),
                Column::Named(name) => Some(name),
            };
            Finding { column, ..group.finding }
        });
        let mut found: Vec<Finding> = named.collect();
        found.sort_by_key(|finding| (finding.severity, finding.rule));
        (found, self.counts)
    }
}

/// The first names of a list, and how many more it has.
pub(crate) fn some_of(names: &[impl AsRef<str>]) -> String {
    let mut some: Vec<&str> = names.iter().take(NAMES_LISTED).map(AsRef::as_ref).collect();
    let more = format!("and {} more", names.len().saturating_sub(NAMES_LISTED));
    if names.len() > NAMES_LISTED {
        some.push(&more);
    }
    some.join(", ")
}

fn with_skipped(message: &str, skips: bool) -> String {
    let end = if skips { " Such rows are skipped." } else { "" };
    format!("{message}{end}")
}

#[cfg(test)]
mod tests;
