//! The result of a check: findings about all rows together, what a full refresh would delete compared with
//! the last accepted import, and the report with all findings and the new baseline.

use super::{
    Check, CheckOptions, Day, Finding, Progress,
    columns::Counted,
    findings::{Counts, Findings},
    header::{self, Column, Header},
    hierarchy::Found,
};
use crate::schema::{
    self, ApprovalScope, Baseline, DeletionApproval, Id, Kind, Limits, Refresh, Severity,
    fields::Role,
};

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The findings, most severe first; at most 200.
    pub findings: Vec<Finding>,
    /// How many times each rule was broken.
    pub counts: Counts,
    /// Whether the file was read from its header to its end.
    pub is_whole: bool,
    /// The baseline for the next import; its numbers are 0 if the header is invalid.
    pub baseline: Baseline,
    /// The headers of the fields in the baseline, in the same order.
    pub headers: Vec<String>,
    /// Columns that are not mapped and therefore dropped.
    pub cut: Vec<String>,
    /// Rows that are skipped because the connection is lenient.
    pub rows_skipped: u64,
}

impl Report {
    fn new(
        findings: Findings,
        summary: Baseline,
        header: Header,
        rows_skipped: u64,
        is_whole: bool,
    ) -> Self {
        let headers = header.columns.iter().map(|column| column.field.source.clone()).collect();
        let names = header.names;
        let (findings, counts) = findings.sorted(|position| names[position].clone());
        Self {
            findings,
            counts,
            is_whole,
            baseline: summary,
            headers,
            cut: header.dropped,
            rows_skipped,
        }
    }

    /// The report of a file whose header is invalid.
    pub(super) fn unread(findings: Findings, options: &CheckOptions) -> Self {
        let (findings, counts) = findings.sorted(|position| format!("column {}", position + 1));
        Self {
            findings,
            counts,
            is_whole: false,
            baseline: Baseline::nothing(options),
            headers: vec![],
            cut: vec![],
            rows_skipped: 0,
        }
    }

    /// Whether the file is accepted.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.is_whole && self.count(Severity::Error) == 0
    }

    /// Whether the file is rejected only because of what it would delete.
    #[must_use]
    pub(crate) fn is_only_guarded(&self) -> bool {
        let mut rules = self.counts.by_rule(Severity::Error).map(|(rule, _)| rule);
        self.is_whole && !self.is_accepted() && rules.all(Id::is_guard)
    }

    fn of(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.severity == severity)
    }

    /// How many findings have this severity. Every row counts.
    #[must_use]
    pub fn count(&self, severity: Severity) -> u64 {
        self.counts.of(severity)
    }

    /// The first error; `None` if there is none.
    #[must_use]
    pub(crate) fn first_problem(&self) -> Option<&Finding> {
        self.of(Severity::Error).next()
    }
}

impl Check<'_> {
    /// Adds the findings about all rows together, and about what the file would delete.
    pub(super) fn report(mut self) -> Report {
        if let Some(mut header) = self.header.take() {
            let has_rows = self.counts.rows + self.counts.skipped > 0;
            header::report_dropped(&mut header, has_rows, self.options, &mut self.findings);
            self.report_rows(&header);
            let columns = header.columns.iter().map(summary_column).collect();
            let summary = Baseline {
                rows: self.counts.rows,
                people: self.people.count(),
                columns,
                last_day: written(self.people.last_day()),
                last_past_day: written(self.people.last_day_until(self.options.today.number())),
                ..Baseline::nothing(self.options)
            };
            let has_everybody = self.has_everybody();
            compare_with_baseline(&summary, has_everybody, self.options, &mut self.findings);
            let is_whole = self.progress == Progress::Done;
            let rows_skipped = self.counts.skipped;
            return Report::new(self.findings, summary, header, rows_skipped, is_whole);
        }
        Report::unread(self.findings, self.options)
    }

    /// Whether every row was read and its person is in the index, so that missing people are known.
    fn has_everybody(&self) -> bool {
        self.progress == Progress::Done && !self.counts.is_partial
    }

    fn report_rows(&mut self, header: &Header) {
        if self.counts.rows == 0 && self.findings.is_sound() {
            let message = if self.counts.skipped > 0 {
                "No row is valid, so there is nothing to import. Correct the rows."
            } else {
                "The file has a header but no data rows. A full refresh with it would deactivate \
                 everybody. If the whole file is on one line, export it again with line breaks."
            };
            self.findings.file(Id::F12, Severity::Error, &[], message.to_owned());
        }
        if let Some(line) = self.counts.full_at {
            self.findings.file(Id::F09, Severity::Error, &[line], format!(
                "The people up to this row use all the memory set by MAX_PEOPLE_BYTES ({} bytes). Split \
                 the file, or raise MAX_PEOPLE_BYTES.",
                self.options.limits.max_people_bytes
            ));
        }
        if header.columns.iter().any(|column| column.is(Role::ManagerId)) {
            self.report_hierarchy();
        }
        let rows = Counted {
            is_whole: self.counts.rows == self.counts.checked && self.progress == Progress::Done,
            rows: self.counts.checked,
            has_several_heads: self.counts.has_several_heads,
            is_incremental: self.options.refresh == Refresh::Incremental,
        };
        for (column, seen) in header.columns.iter().zip(&self.seen) {
            seen.report(column, &rows, &mut self.findings);
        }
        if let Some(since) = self.options.previous.as_ref().and_then(Baseline::day)
            && self.options.refresh == Refresh::Incremental
        {
            let findings = &mut self.findings;
            self.people.without_later_rows(since.number(), |line| {
                findings.row(Id::I01, line, "", || {
                    format!(
                        "The date of the row is before {since}, the latest date imported, and the \
                         person has no row on {since} or later. A change in the past needs the later \
                         rows of the person, too. Add them."
                    )
                });
            });
        }
    }

    fn report_hierarchy(&mut self) {
        // Only in a full refresh does it matter who is missing.
        let may_miss = self.options.refresh == Refresh::Full && self.has_everybody();
        let findings = &mut self.findings;
        self.people.hierarchy(|found| {
            if may_miss || found.holds_for_a_part() {
                report_fault(found, findings);
            }
        });
    }
}

/// A day as a baseline has it.
fn written(day: Option<i32>) -> Option<String> {
    day.and_then(Day::of_number).map(|day| day.to_string())
}

fn summary_column(column: &Column) -> schema::Column {
    schema::Column { name: column.field.target.clone(), kind: column.field.kind.clone() }
}

fn report_fault(found: Found, findings: &mut Findings) {
    let on = |day: Option<i32>| {
        let day = day.and_then(Day::of_number);
        day.map(|day| format!(" on {day}")).unwrap_or_default()
    };
    match found {
        Found::SecondManager { line, first_line } => {
            findings.row(Id::M01, line, "", || {
                format!(
                    "The person has another manager on the same EffectiveDate in row {first_line}. Keep \
                     only one of the rows."
                )
            });
        }
        Found::SecondRow { line, first_line } => {
            findings.row(Id::M02, line, "", || {
                format!(
                    "The person already has a row with the same EffectiveDate: row {first_line}. Keep \
                     only one of them."
                )
            });
        }
        Found::SelfReport { line } => {
            findings.row(Id::M03, line, "", || {
                "The person is their own manager. Leave ManagerId empty for the head of the \
                 organization. Otherwise, enter the manager."
                    .to_owned()
            });
        }
        Found::Loop { people: 2, lines } => {
            let message =
                "Two people report to each other. Correct the ManagerId in one of the rows.";
            findings.repeated(Id::M04, Severity::Error, &lines, message.to_owned());
        }
        Found::Loop { people, lines } => {
            findings.repeated(Id::M05, Severity::Error, &lines, format!(
                "{people} people form a loop: each reports to the next one, and the last one to the \
                 first. Correct the ManagerId in one of the rows."
            ));
        }
        Found::UnknownManager { line } => {
            findings.row(Id::M06, line, "", || {
                "The manager has no row in the file, so the hierarchy ends here. Add a row for the \
                 manager."
                    .to_owned()
            });
        }
        Found::SeveralRoots { day, roots, lines } => {
            findings.repeated(Id::M07, Severity::Warning, &lines, format!(
                "{roots} people have no manager{}. Only the head of the organization should have none. \
                 Add the missing ManagerIds.",
                on(day)
            ));
        }
        Found::NoRoot { day } => {
            findings.repeated(
                Id::M08,
                Severity::Warning,
                &[],
                format!(
                    "Everybody has a manager{}. Leave ManagerId empty for the head of the organization.",
                    on(day)
                ),
            );
        }
    }
}

impl Baseline {
    /// The baseline of a file that was not read.
    fn nothing(options: &CheckOptions) -> Self {
        Self {
            connector: options.connector.as_ref().to_owned(),
            refresh: options.refresh.as_ref().to_owned(),
            rows: 0,
            people: 0,
            columns: vec![],
            last_day: None,
            last_past_day: None,
        }
    }

    /// The latest EffectiveDate.
    fn day(&self) -> Option<Day> {
        Day::parse(self.last_day.as_deref()?)
    }
}

/// Something that an import would delete or undo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The rule that guards against it.
    pub rule: Id,
    /// The field, if a field would be deleted.
    pub column: Option<String>,
    /// What would be deleted, as sentences with numbers.
    pub what: String,
}

/// What the full refresh `now` would delete compared with `previous`: columns, more than the permitted share of its
/// people or rows, and what has happened since an older day. Numbers are compared only if `now` has everybody and
/// `previous` was a full refresh.
#[must_use]
pub(crate) fn deletions(
    now: &Baseline,
    previous: &Baseline,
    limits: &Limits,
    has_everybody: bool,
) -> Vec<Deletion> {
    let max_percent = limits.max_shrink_percent;
    let gone = previous.columns.iter().filter(|column| now.column(&column.name).is_none());
    let mut deletions: Vec<Deletion> = gone
        .map(|column| Deletion {
            rule: Id::I03,
            column: Some(column.name.clone()),
            what: format!(
                "{} was in the last accepted import and is missing from this file. A full refresh \
                 deletes it, and queries that use it stop working.",
                column.name
            ),
        })
        .collect();
    if previous.refresh != Refresh::Full.as_ref() {
        return deletions;
    }
    deletions.extend(goes_back(now, previous, limits.max_days_back));
    if !has_everybody {
        return deletions;
    }
    for (what, before, after) in
        [("people", previous.people, now.people), ("rows", previous.rows, now.rows)]
    {
        let lost = u128::from(before.saturating_sub(after));
        if lost * 100 > u128::from(before) * u128::from(max_percent) {
            let tenths = lost * 1000 / u128::from(before);
            let what = format!(
                "{after} {what}, was {before} in the last accepted import (-{}.{} %; limit \
                 -{max_percent} %).",
                tenths / 10,
                tenths % 10
            );
            deletions.push(Deletion { rule: Id::I04, column: None, what });
        }
    }
    deletions
}

/// Whether the last day of a full refresh, without planned changes, is long before that of the previous one: then it
/// is an older snapshot, however new its blob is.
fn goes_back(now: &Baseline, previous: &Baseline, max_days: u64) -> Option<Deletion> {
    let past = |baseline: &Baseline| Day::parse(baseline.last_past_day.as_deref()?);
    let (own, before) = (past(now)?, past(previous)?);
    let days = u64::try_from(before.number() - own.number()).unwrap_or_default();
    (days > max_days).then(|| Deletion {
        rule: Id::I05,
        column: None,
        what: format!(
            "The latest EffectiveDate up to the day of the upload is {own}, {days} days before that of the last \
             accepted import ({before}; limit {max_days} days). A full refresh with an older snapshot undoes \
             everything since then."
        ),
    })
}

impl DeletionApproval {
    /// Whether it covers this deletion: it names the rule, or the person saw that this or more would be
    /// deleted.
    pub(crate) fn covers(&self, deletion: &Deletion, now: &Baseline) -> bool {
        match (&self.scope, &deletion.column) {
            (ApprovalScope::Rules(_), _) => self.names(deletion.rule),
            (ApprovalScope::Seen(seen), Some(name)) => seen.file.column(name).is_none(),
            // A later day than the person saw undoes less. Days in this form sort by their dates.
            (ApprovalScope::Seen(seen), None) if deletion.rule == Id::I05 => {
                self.names(Id::I05) && now.last_past_day >= seen.file.last_past_day
            }
            (ApprovalScope::Seen(seen), None) => {
                now.people >= seen.file.people && now.rows >= seen.file.rows
            }
        }
    }
}

/// Compares a file with the last accepted import. Numbers are compared only if every person was read.
fn compare_with_baseline(
    now: &Baseline,
    has_everybody: bool,
    options: &CheckOptions,
    findings: &mut Findings,
) {
    let Some(previous) = &options.previous else { return };
    if options.refresh == Refresh::Incremental {
        for column in now.columns.iter().filter(|new| previous.column(&new.name).is_none()) {
            let message = format!(
                "{} was not in the last accepted import. Microsoft's documentation contradicts itself \
                 about new columns in an incremental import. Import them with a full refresh.",
                column.name
            );
            findings.field(Id::I02, Severity::Warning, &column.name, message);
        }
        return;
    }
    for deletion in deletions(now, previous, &options.limits, has_everybody) {
        let allowed = options.allowed.as_ref().filter(|allowed| allowed.covers(&deletion, now));
        let (level, message) = match allowed {
            Some(allowed) => {
                (Severity::Warning, format!("{} Approved {}.", deletion.what, allowed.by))
            }
            None => (Severity::Error, deletion.what),
        };
        match deletion.column {
            Some(name) => findings.field(deletion.rule, level, &name, message),
            None => findings.file(deletion.rule, level, &[], message),
        }
    }
    for column in &now.columns {
        let before = previous.column(&column.name);
        if let Some(before) = before.filter(|before| !is_same_type(&column.kind, &before.kind)) {
            let message = format!(
                "{} had the type {} in the last accepted import and has the type {} in this file. If \
                 this is a mistake, correct the type in the mapping.",
                column.name, before.kind, column.kind
            );
            findings.field(Id::I03, Severity::Warning, &column.name, message);
        }
    }
}

fn is_same_type(one: &str, other: &str) -> bool {
    match (Kind::parse(one), Kind::parse(other)) {
        (Some(one), Some(other)) => one.is_like(other),
        _ => one == other,
    }
}
