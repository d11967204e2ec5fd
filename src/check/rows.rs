//! What is checked of each row, and what the rows say together in the end.

use super::{
    Check, Day, Id, Kind, Order, Refresh, Report, Severity, Summary,
    columns::Counted,
    fields::Role,
    findings::Findings,
    formats,
    header::{Column, Header},
    hierarchy::Found,
    output,
    people::{Full, People, Person},
    summary, value,
};

impl Check<'_> {
    /// Checks the present record; whether it may leave.
    pub(super) fn row(&mut self) -> bool {
        let line = self.records.line();
        let blank_lines = self.records.blank_lines();
        for blank in line - blank_lines..line {
            self.findings.row(Id::F13, blank, "line", || "the line is blank; remove it".to_owned());
        }
        let Some(header) = &self.header else { return false };
        let mut drop = false;
        if self.records.len() != header.width {
            let (has, wants) = (self.records.len(), header.width);
            drop |= self.findings.row(Id::F03, line, "width", || {
                format!(
                    "{has} columns where the header has {wants}; a comma inside a value needs \
                     quotation marks around the value"
                )
            });
            self.rows += u64::from(!drop);
            return !drop;
        }
        if self.records.values().all(value::is_blank) {
            let message = || "no column of the row has a value; remove the row".to_owned();
            drop |= self.findings.row(Id::F13, line, "row", message);
            self.rows += u64::from(!drop);
            return !drop;
        }
        let quoting = self.records.quoting();
        if quoting.after.is_some() {
            drop |= tell_after(line, &mut self.findings);
        }
        if quoting.stray.is_some() {
            let message = "a quotation mark stands inside a value that has none around it; it is \
                           taken for a part of the value and written as it should be";
            self.findings.rows(Id::F03, Severity::Warning, &[line], message.to_owned());
        }
        drop |= self.refuse_other_bytes(line);
        let row = self.values(line, &mut drop);
        if drop {
            return false;
        }
        self.rows += 1;
        self.remember(&row, line);
        self.is_rewritten = self.rewrites || quoting.stray.is_some();
        if self.is_rewritten && self.findings.is_sound() {
            self.rewrite();
        }
        true
    }

    fn refuse_other_bytes(&mut self, line: u64) -> bool {
        let raw = self.records.raw();
        if raw.is_ascii() || std::str::from_utf8(raw).is_ok() {
            return false;
        }
        let mut drop = false;
        for (position, value) in self.records.values().enumerate() {
            if std::str::from_utf8(value).is_err() {
                let reason = formats::not_utf8(value);
                drop |= self.findings.value(Id::F04, line, position, reason, value);
            }
        }
        drop
    }

    /// Checks each kept value by its type.
    fn values(&mut self, line: u64, drop: &mut bool) -> Row {
        let mut row = Row::default();
        let Some(header) = &self.header else { return row };
        let has_line_break = self.records.has_line_break();
        self.checked += 1;
        for (column, seen) in header.columns.iter().zip(&mut self.seen) {
            let value = self.records.value(column.position);
            let mut note = |rule, reason| {
                *drop |= self.findings.value(rule, line, column.position, reason, value);
            };
            if value::is_blank(value) {
                seen.blanks += 1;
                if column.needs_value() {
                    note(Id::V07, "a required field has no value in this row; add it");
                }
                continue;
            }
            if has_line_break && let Err(reason) = value::single_line(value) {
                note(Id::F10, reason);
            }
            if let Err(reason) = value::length(value) {
                note(Id::F11, reason);
            }
            if value::is_placeholder(value) {
                note(Id::Q02, "a word that stands for no value; leave the value empty");
            }
            match column.kind {
                Kind::Email => {
                    row.email(value, column, &mut self.people, &mut note);
                    seen.other();
                }
                Kind::Text => {
                    if column.is(Role::Supervisor)
                        && let Err(reason) = value::supervisor_indicator(value)
                    {
                        note(Id::V11, reason);
                    }
                    seen.text(value, self.checked, column);
                }
                Kind::Date(order) => match seen.date(value, order) {
                    Ok(reading) => {
                        if reading.day.is_odd() {
                            note(Id::Q03, "a date that stands for none; leave the value empty");
                        }
                        if column.is(Role::EffectiveDate) {
                            row.day = Some(reading.day.number());
                            if reading.day >= self.terms.today {
                                note(Id::Q08, "the date is not before the day of the upload");
                            }
                        }
                    }
                    Err(fault) => {
                        note(rule_of(order), fault.sentence(order));
                        row.has_no_day |= column.is(Role::EffectiveDate);
                    }
                },
                Kind::Double => {
                    if let Err(reason) = value::double(value) {
                        note(Id::V05, reason);
                    } else if column.is(Role::OnsiteDays)
                        && let Err(reason) = value::onsite_days(value)
                    {
                        note(Id::V10, reason);
                    }
                    seen.other();
                }
                Kind::Integer => {
                    if let Err(reason) = value::integer(value) {
                        note(Id::V06, reason);
                    }
                    seen.other();
                }
                Kind::Boolean => {
                    if let Err(reason) = value::boolean(value) {
                        note(Id::V09, reason);
                    }
                    seen.other();
                }
            }
        }
        row
    }

    /// Remembers who stands in the row under whom.
    fn remember(&mut self, row: &Row, line: u64) {
        let Some(person) = row.person.filter(|_| !row.has_no_day) else { return };
        let remembered = self.people.row(row.day, person, row.manager, line);
        if row.is_full || remembered == Err(Full) {
            self.full_at.get_or_insert(line);
        }
    }

    /// Writes what may leave of the present record, with the line end it has.
    fn rewrite(&mut self) {
        let Some(header) = &self.header else { return };
        self.out.clear();
        let values = header.columns.iter().map(|column| self.records.value(column.position));
        output::write_record(&mut self.out, values);
    }

    /// What the rows say together.
    pub(super) fn report(mut self) -> Report {
        if let Some(header) = self.header.take() {
            self.tell_rows(&header);
            let columns = header.columns.iter().map(summary_column).collect();
            let summary = Summary {
                refresh: self.terms.refresh.word().to_owned(),
                rows: self.rows,
                people: self.people.count(),
                columns,
                last_day: self
                    .people
                    .last_day()
                    .and_then(Day::of_number)
                    .map(|day| day.to_string()),
            };
            let deletes = summary::guard(&summary, self.terms, &mut self.findings);
            return Report::new(self.findings, summary, header, self.dropped, deletes);
        }
        Report::unread(self.findings, self.terms.refresh)
    }

    fn tell_rows(&mut self, header: &Header) {
        if self.rows == 0 && self.findings.is_sound() {
            let message = if self.dropped > 0 {
                "no row is right, so none is left to import"
            } else {
                "the file has a header and no data rows; a full refresh of nothing would delete \
                 everybody. If the whole file is one line, its line breaks were lost"
            };
            self.findings.file(Id::F12, Severity::Error, &[], message.to_owned());
        }
        if let Some(line) = self.full_at {
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
            rows: self.checked,
            snapshots: self.people.snapshots(),
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
        let is_incremental = self.terms.refresh == Refresh::Incremental;
        let findings = &mut self.findings;
        self.people.hierarchy(|found| tell(found, is_incremental, findings));
    }
}

/// What a row says about people.
#[derive(Default)]
struct Row {
    person: Option<Person>,
    manager: Option<Person>,
    day: Option<i32>,
    /// It has a date that cannot be read.
    has_no_day: bool,
    /// There is no memory left for its people.
    is_full: bool,
}

impl Row {
    fn email(
        &mut self,
        value: &[u8],
        column: &Column,
        people: &mut People,
        note: &mut impl FnMut(Id, &'static str),
    ) {
        let (is_person, is_manager) = (column.is(Role::PersonId), column.is(Role::ManagerId));
        let hash = people.hash(value);
        let known = people.find(hash);
        if known.is_some() {
            return self.set(is_person, is_manager, known);
        }
        if let Err(reason) = value::email(value) {
            note(Id::V01, reason);
            return;
        }
        if value::is_damaged_email(value) {
            note(Id::Q09, "a question mark in the address: a character may have been lost");
        }
        if is_person || is_manager {
            let person = people.add(hash);
            self.is_full |= person.is_err();
            self.set(is_person, is_manager, person.ok());
        }
    }

    fn set(&mut self, is_person: bool, is_manager: bool, person: Option<Person>) {
        if is_person {
            self.person = person;
        } else if is_manager {
            self.manager = person;
        }
    }
}

fn rule_of(order: Order) -> Id {
    match order {
        Order::MonthFirst => Id::V03,
        Order::DayFirst => Id::V04,
    }
}

fn summary_column(column: &Column) -> summary::Column {
    summary::Column { name: column.field.target.clone(), kind: column.field.kind.clone() }
}

/// A row whose closing quotation mark is not the end of its value.
pub(super) fn tell_after(line: u64, findings: &mut Findings) -> bool {
    findings.row(Id::F03, line, "after", || {
        "a value goes on after its closing quotation mark; double the marks that belong to the \
         value"
            .to_owned()
    })
}

fn tell(found: Found, is_incremental: bool, findings: &mut Findings) {
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
            findings.rows(Id::M04, Severity::Error, &lines, message.to_owned());
        }
        Found::Loop { people, lines } => {
            findings.rows(Id::M05, Severity::Error, &lines, format!(
                "a loop of {people} people, each the manager of the one before; correct one of the \
                 rows"
            ));
        }
        Found::UnknownManager { .. } | Found::NoRoot { .. } if is_incremental => {}
        Found::UnknownManager { line } => {
            findings.row(Id::M06, line, "", || {
                "the manager has no row in the file; add one, or nobody sees who is above"
                    .to_owned()
            });
        }
        Found::SeveralRoots { lines, .. } if is_incremental => {
            let message = "several people have no ManagerId; if one of them is new, the service \
                           refuses the whole import";
            findings.rows(Id::V08, Severity::Warning, &lines, message.to_owned());
        }
        Found::SeveralRoots { day, roots, lines } => {
            findings.rows(Id::M07, Severity::Warning, &lines, format!(
                "{roots} people have no manager {}; only the head of the organization should have \
                 none",
                on(day)
            ));
        }
        Found::NoRoot { day } => {
            findings.rows(
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
