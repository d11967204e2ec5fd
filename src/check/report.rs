//! What a check comes to: what the rows say together, what a full refresh would delete of the last
//! accepted import, and the report with the findings and what there is to remember.

use super::{
    Check, CheckOptions, Day, Finding, Progress,
    columns::Counted,
    findings::{Counts, Findings},
    header::{self, Column, Header},
    hierarchy::Found,
};
use crate::schema::{
    self, ApprovalScope, Baseline, DeletionApproval, Id, Kind, Refresh, Severity, fields::Role,
};

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
    pub baseline: Baseline,
    /// The headers of the fields in the summary, in its order.
    pub headers: Vec<String>,
    /// Columns that are not mapped and never leave.
    pub cut: Vec<String>,
    /// Rows that are left out because the connection is lenient.
    pub rows_skipped: u64,
}

impl Report {
    fn new(
        findings: Findings,
        summary: Baseline,
        header: Header,
        dropped: u64,
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
            cut: header.cut,
            rows_skipped: dropped,
        }
    }

    /// The report of a file whose header was not understood.
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

    /// Whether the file would be accepted.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.is_whole && self.count(Severity::Error) == 0
    }

    /// Whether the file is refused for nothing but what it deletes.
    #[must_use]
    pub(crate) fn is_only_guarded(&self) -> bool {
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
    pub(crate) fn first_problem(&self) -> Option<&Finding> {
        self.of(Severity::Error).next()
    }
}

impl Check<'_> {
    /// Adds what the rows say together, and what the file would delete.
    pub(super) fn report(mut self) -> Report {
        if let Some(mut header) = self.header.take() {
            let has_rows = self.counts.rows + self.counts.dropped > 0;
            header::tell_cut(&mut header, has_rows, self.options, &mut self.findings);
            self.tell_rows(&header);
            let columns = header.columns.iter().map(summary_column).collect();
            let summary = Baseline {
                rows: self.counts.rows,
                people: self.people.count(),
                columns,
                last_day: self
                    .people
                    .last_day()
                    .and_then(Day::of_number)
                    .map(|day| day.to_string()),
                ..Baseline::nothing(self.options)
            };
            guard(&summary, self.has_everybody(), self.options, &mut self.findings);
            let is_whole = self.progress == Progress::Done;
            let dropped = self.counts.dropped;
            return Report::new(self.findings, summary, header, dropped, is_whole);
        }
        Report::unread(self.findings, self.options)
    }

    /// Whether every row was read and its person is remembered, so that who is missing is known.
    fn has_everybody(&self) -> bool {
        self.progress == Progress::Done && !self.counts.is_partial
    }

    fn tell_rows(&mut self, header: &Header) {
        if self.counts.rows == 0 && self.findings.is_sound() {
            let message = if self.counts.dropped > 0 {
                "no row is right, so none is left to import"
            } else {
                "the file has a header and no data rows; a full refresh of nothing would delete \
                 everybody. If the whole file is one line, its line breaks were lost"
            };
            self.findings.file(Id::F12, Severity::Error, &[], message.to_owned());
        }
        if let Some(line) = self.counts.full_at {
            self.findings.file(Id::F09, Severity::Error, &[line], format!(
                "the people up to this row take all of the {} bytes set aside for them; split the \
                 file or raise MAX_PEOPLE_BYTES",
                self.options.limits.max_people_bytes
            ));
        }
        if header.columns.iter().any(|column| column.is(Role::ManagerId)) {
            self.tell_hierarchy();
        }
        let rows = Counted {
            is_whole: self.counts.rows == self.counts.checked && self.progress == Progress::Done,
            rows: self.counts.checked,
            has_several_heads: self.counts.has_several_heads,
            is_incremental: self.options.refresh == Refresh::Incremental,
        };
        for (column, seen) in header.columns.iter().zip(&self.seen) {
            seen.tell(column, &rows, &mut self.findings);
        }
        if let Some(since) = self.options.previous.as_ref().and_then(Baseline::day)
            && self.options.refresh == Refresh::Incremental
        {
            let findings = &mut self.findings;
            self.people.without_later_rows(since.number(), |line| {
                findings.row(Id::I01, line, "", || {
                    format!(
                        "the row is of a date before {since}, the latest one imported, and its \
                         person has no row of that date or later; a change in the past needs the \
                         later rows too"
                    )
                });
            });
        }
    }

    fn tell_hierarchy(&mut self) {
        // Whether somebody is missing is a question for full refreshes alone.
        let may_miss = self.options.refresh == Refresh::Full && self.has_everybody();
        let findings = &mut self.findings;
        self.people.hierarchy(|found| {
            if may_miss || found.holds_for_a_part() {
                tell_fault(found, findings);
            }
        });
    }
}

fn summary_column(column: &Column) -> schema::Column {
    schema::Column { name: column.field.target.clone(), kind: column.field.kind.clone() }
}

fn tell_fault(found: Found, findings: &mut Findings) {
    let on = |day: Option<i32>| {
        let day = day.and_then(Day::of_number);
        day.map_or_else(|| "in the file".to_owned(), |day| format!("on {day}"))
    };
    match found {
        Found::SecondManager { line, first_line } => {
            findings.row(Id::M01, line, "", || {
                format!(
                    "the person has another manager of the same EffectiveDate in row {first_line}; \
                     keep one"
                )
            });
        }
        Found::SecondRow { line, first_line } => {
            findings.row(Id::M02, line, "", || {
                format!(
                    "the person has a row of the same EffectiveDate already, row {first_line}; \
                     keep one"
                )
            });
        }
        Found::SelfReport { line } => {
            findings.row(Id::M03, line, "", || {
                "the person reports to themselves; leave ManagerId empty at the top".to_owned()
            });
        }
        Found::Loop { people: 2, lines } => {
            let message = "two people report to each other; correct one of the rows";
            findings.repeated(Id::M04, Severity::Error, &lines, message.to_owned());
        }
        Found::Loop { people, lines } => {
            findings.repeated(Id::M05, Severity::Error, &lines, format!(
                "a loop of {people} people, each the manager of the one before; correct one of the \
                 rows"
            ));
        }
        Found::UnknownManager { line } => {
            findings.row(Id::M06, line, "", || {
                "the manager has no row in the file; add one, or nobody sees who is above"
                    .to_owned()
            });
        }
        Found::SeveralRoots { day, roots, lines } => {
            findings.repeated(Id::M07, Severity::Warning, &lines, format!(
                "{roots} people have no manager {}; only the head of the organization should have \
                 none",
                on(day)
            ));
        }
        Found::NoRoot { day } => {
            findings.repeated(
                Id::M08,
                Severity::Warning,
                &[],
                format!(
                    "nobody is without a manager {}; the head of the organization should be",
                    on(day)
                ),
            );
        }
    }
}

impl Baseline {
    /// What a file was of which nothing was read.
    fn nothing(options: &CheckOptions) -> Self {
        Self {
            connector: options.connector.as_ref().to_owned(),
            refresh: options.refresh.as_ref().to_owned(),
            rows: 0,
            people: 0,
            columns: vec![],
            last_day: None,
        }
    }

    /// The latest EffectiveDate.
    fn day(&self) -> Option<Day> {
        Day::parse(self.last_day.as_deref()?)
    }
}

/// Something that a full refresh would delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// By which rule that matters.
    pub rule: Id,
    /// The field, where it is one.
    pub column: Option<String>,
    /// What, with the numbers.
    pub what: String,
}

/// What the full refresh `now` would delete of `previous`, beyond `max_percent` of its people and
/// rows. Numbers are only compared where `now` has everybody and `previous` was a full refresh.
#[must_use]
pub(crate) fn deletions(
    now: &Baseline,
    previous: &Baseline,
    max_percent: u64,
    has_everybody: bool,
) -> Vec<Deletion> {
    let gone = previous.columns.iter().filter(|column| now.column(&column.name).is_none());
    let mut deletions: Vec<Deletion> = gone
        .map(|column| Deletion {
            rule: Id::I03,
            column: Some(column.name.clone()),
            what: format!(
                "{} was in the last accepted import and is not in this one: a full refresh without \
                 it deletes it, and the queries that use it stop",
                column.name
            ),
        })
        .collect();
    if !has_everybody || previous.refresh != Refresh::Full.as_ref() {
        return deletions;
    }
    for (what, before, after) in
        [("people", previous.people, now.people), ("rows", previous.rows, now.rows)]
    {
        let lost = u128::from(before.saturating_sub(after));
        if lost * 100 > u128::from(before) * u128::from(max_percent) {
            let tenths = lost * 1000 / u128::from(before);
            let what = format!(
                "{after} {what} where the last accepted import had {before}: {}.{} % fewer, more \
                 than the {max_percent} % that may be missing",
                tenths / 10,
                tenths % 10
            );
            deletions.push(Deletion { rule: Id::I04, column: None, what });
        }
    }
    deletions
}

impl DeletionApproval {
    /// Whether it goes for this: its rule was named, or the person has seen that this would be deleted, or
    /// more.
    pub(crate) fn covers(&self, deletion: &Deletion, now: &Baseline) -> bool {
        match (&self.scope, &deletion.column) {
            (ApprovalScope::Rules(rules), _) => rules.contains(&deletion.rule),
            (ApprovalScope::Seen(seen), Some(name)) => seen.column(name).is_none(),
            (ApprovalScope::Seen(seen), None) => now.people >= seen.people && now.rows >= seen.rows,
        }
    }
}

/// Holds an import against the last accepted one.
///
/// Where not everybody was read, numbers say nothing and are not compared.
fn guard(now: &Baseline, has_everybody: bool, options: &CheckOptions, findings: &mut Findings) {
    let Some(previous) = &options.previous else { return };
    if options.refresh == Refresh::Incremental {
        for column in now.columns.iter().filter(|new| previous.column(&new.name).is_none()) {
            let message = format!(
                "{} was not in the last accepted import; the documentation contradicts itself on \
                 new columns in an incremental import, so bring them with a full refresh",
                column.name
            );
            findings.field(Id::I02, Severity::Warning, &column.name, message);
        }
        return;
    }
    let max_percent = options.limits.max_shrink_percent;
    for deletion in deletions(now, previous, max_percent, has_everybody) {
        let allowed = options.allowed.as_ref().filter(|allowed| allowed.covers(&deletion, now));
        let (level, message) = match allowed {
            Some(allowed) => {
                (Severity::Warning, format!("{}; let pass {}", deletion.what, allowed.by))
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
                "{} was of type {} in the last accepted import and is {} in this one",
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
