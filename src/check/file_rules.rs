//! What the rows say together: coverage, hierarchy, and the guard against deleting.

use super::{
    Check, Day, Progress, Report,
    columns::Counted,
    findings::Findings,
    header::{self, Column, Header},
    hierarchy::Found,
    summary,
};
use crate::schema::{self, Id, Refresh, Severity, Summary, fields::Role};

impl Check<'_> {
    /// What the rows say together.
    pub(super) fn report(mut self) -> Report {
        if let Some(mut header) = self.header.take() {
            let has_rows = self.tally.rows + self.tally.dropped > 0;
            header::tell_cut(&mut header, has_rows, self.terms, &mut self.findings);
            self.tell_rows(&header);
            let columns = header.columns.iter().map(summary_column).collect();
            let summary = Summary {
                rows: self.tally.rows,
                people: self.people.count(),
                columns,
                last_day: self
                    .people
                    .last_day()
                    .and_then(Day::of_number)
                    .map(|day| day.to_string()),
                ..Summary::nothing(self.terms)
            };
            summary::guard(&summary, self.has_everybody(), self.terms, &mut self.findings);
            let is_whole = self.progress == Progress::Done;
            let dropped = self.tally.dropped;
            return Report::new(self.findings, summary, header, dropped, is_whole);
        }
        Report::unread(self.findings, self.terms)
    }

    /// Whether every row was read and its person is remembered, so that who is missing is known.
    fn has_everybody(&self) -> bool {
        self.progress == Progress::Done && !self.tally.is_partial
    }

    fn tell_rows(&mut self, header: &Header) {
        if self.tally.rows == 0 && self.findings.is_sound() {
            let message = if self.tally.dropped > 0 {
                "no row is right, so none is left to import"
            } else {
                "the file has a header and no data rows; a full refresh of nothing would delete \
                 everybody. If the whole file is one line, its line breaks were lost"
            };
            self.findings.file(Id::F12, Severity::Error, &[], message.to_owned());
        }
        if let Some(line) = self.tally.full_at {
            self.findings.file(Id::F09, Severity::Error, &[line], format!(
                "the people up to this row take all of the {} bytes set aside for them; split the \
                 file or raise MAX_PEOPLE_BYTES",
                self.terms.limits.max_people_bytes
            ));
        }
        if header.columns.iter().any(|column| column.is(Role::ManagerId)) {
            self.tell_hierarchy();
        }
        let rows = Counted {
            is_whole: self.tally.rows == self.tally.checked && self.progress == Progress::Done,
            rows: self.tally.checked,
            has_several_heads: self.tally.has_several_heads,
            is_incremental: self.terms.refresh == Refresh::Incremental,
        };
        for (column, seen) in header.columns.iter().zip(&self.seen) {
            seen.tell(column, &rows, &mut self.findings);
        }
        if let Some(since) = self.terms.previous.as_ref().and_then(Summary::day)
            && self.terms.refresh == Refresh::Incremental
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
        let may_miss = self.terms.refresh == Refresh::Full && self.has_everybody();
        let findings = &mut self.findings;
        self.people.hierarchy(|found| {
            if may_miss || found.holds_for_a_part() {
                tell(found, findings);
            }
        });
    }
}

fn summary_column(column: &Column) -> schema::Column {
    schema::Column { name: column.field.target.clone(), kind: column.field.kind.clone() }
}

fn tell(found: Found, findings: &mut Findings) {
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
