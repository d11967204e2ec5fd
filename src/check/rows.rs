//! What is checked of each row.

use memchr::memchr;

use super::{
    Check, Refresh, columns,
    findings::Findings,
    header::Column,
    hierarchy::Person,
    person_index::{Full, People},
    records::write_record,
    text, value,
};
use crate::schema::{Id, Kind, Order, Severity, fields::Role};

impl Check<'_> {
    /// Checks the present record; whether it may leave.
    pub(super) fn row(&mut self) -> bool {
        let line = self.records.line();
        self.tell_blank_lines();
        let Some(header) = &self.header else { return false };
        let (has, wants) = (self.records.len(), header.width);
        // A control-Z is how old programs end a text.
        let is_blank = |value: &[u8]| value::is_blank(value) || value == b"\x1A";
        if (has == wants || has == 1) && self.records.values().all(is_blank) {
            let message = || "no column of the row has a value; remove the row".to_owned();
            let drop = self.findings.row(Id::F13, line, "row", message);
            return self.unread(drop);
        }
        if has != wants {
            let drop = self.findings.row(Id::F03, line, "width", || {
                format!(
                    "{has} columns where the header has {wants}; a comma inside a value needs \
                     quotation marks around the value"
                )
            });
            return self.unread(drop);
        }
        let quoting = self.records.quoting();
        let mut drop = quoting.after.is_some() && tell_after(line, &mut self.findings);
        if quoting.stray.is_some() {
            let message = "a quotation mark stands inside a value that has none around it; it is \
                           taken for a part of the value and written as it should be";
            self.findings.repeated(Id::F03, Severity::Warning, &[line], message.to_owned());
        }
        drop |= self.refuse_other_bytes(line);
        let row = self.check_values(line, &mut drop);
        if drop {
            return false;
        }
        self.keep(&row, line);
        self.is_rewritten = self.rewrites || quoting.stray.is_some();
        if self.is_rewritten && self.findings.is_sound() {
            self.rewrite();
        }
        true
    }

    pub(super) fn tell_blank_lines(&mut self) {
        let line = self.records.line();
        for blank in line - self.records.blank_lines()..line {
            self.findings.row(Id::F13, blank, "line", || "the line is blank; remove it".to_owned());
        }
    }

    /// A row whose values cannot be told apart. Whether it may leave.
    fn unread(&mut self, drop: bool) -> bool {
        self.is_rewritten = false;
        if !drop {
            self.counts.rows += 1;
            self.counts.is_partial = true;
        }
        !drop
    }

    /// Bytes that are no text. Those of columns that are cut matter to nobody.
    fn refuse_other_bytes(&mut self, line: u64) -> bool {
        let raw = self.records.raw();
        let is_ascii = raw.is_ascii();
        let is_text = is_ascii || simdutf8::basic::from_utf8(raw).is_ok();
        let has_nul = memchr(0, raw).is_some();
        if is_text && !has_nul && (is_ascii || !value::has_lost_character(raw)) {
            return false;
        }
        let mut drop = false;
        for column in self.header.iter().flat_map(|header| &header.columns) {
            let value = self.records.value(column.position);
            let mut note = |rule, reason| {
                drop |= self.findings.value(rule, line, column.position, reason, value);
            };
            if std::str::from_utf8(value).is_err() {
                note(Id::F04, text::not_utf8(value));
            } else if has_nul && value.contains(&0) {
                note(Id::F04, "a NUL byte, which is no text; remove it");
            } else if column.kind != Kind::Email && value::has_lost_character(value) {
                // Addresses are looked at for this in any case.
                note(Id::Q09, "a character was lost in the export and stands as a \u{fffd}");
            }
        }
        drop
    }

    /// Checks each kept value by its type.
    fn check_values(&mut self, line: u64, drop: &mut bool) -> Row {
        let mut row = Row::default();
        let Some(header) = &self.header else { return row };
        let has_line_break = self.records.has_line_break();
        let is_counted = self.counts.checked < columns::SAMPLE_ROWS;
        self.blanks.clear();
        for (place, (column, seen)) in header.columns.iter().zip(&mut self.seen).enumerate() {
            let value = self.records.value(column.position);
            let mut cell = Cell { value, line, column, findings: &mut self.findings, drop };
            if (has_line_break || !value::is_ordinary(value)) && cell.is_blank() {
                self.blanks.push(place);
                row.is_head |= column.is(Role::ManagerId);
                row.is_unread |= column.is(Role::EffectiveDate);
                continue;
            }
            match column.kind {
                Kind::Email => row.email(&mut cell, &mut self.people),
                Kind::Text => {
                    if column.is(Role::Supervisor) {
                        cell.hold(Id::V11, value::supervisor_indicator(value));
                    }
                    seen.text(value, is_counted, column);
                }
                Kind::Date(order) => match seen.date(value, order) {
                    Ok(reading) => {
                        if reading.day.is_odd() {
                            cell.note(
                                Id::Q03,
                                "a date that stands for none; leave the value empty",
                            );
                        }
                        if column.is(Role::EffectiveDate) {
                            row.day = Some(reading.day.number());
                            if reading.day >= self.options.today {
                                cell.note(Id::Q08, "the date is not before the day of the upload");
                            }
                        }
                    }
                    Err(fault) => {
                        cell.note(rule_of(order), fault.sentence(order));
                        row.is_unread |= column.is(Role::EffectiveDate);
                    }
                },
                Kind::Double => {
                    let verdict = value::double(value);
                    if verdict.is_ok() && column.is(Role::OnsiteDays) {
                        cell.hold(Id::V10, value::onsite_days(value));
                    }
                    cell.hold(Id::V05, verdict);
                }
                Kind::Integer => cell.hold(Id::V06, value::integer(value)),
                Kind::Boolean => cell.hold(Id::V09, value::boolean(value)),
            }
        }
        // A row that is left out refuses nothing.
        if !*drop {
            self.refuse_blanks(line);
        }
        row
    }

    fn refuse_blanks(&mut self, line: u64) {
        let Some(header) = &self.header else { return };
        for column in self.blanks.iter().map(|place| &header.columns[*place]) {
            if column.needs_value(self.options.refresh) {
                let reason = "a required field has no value in this row; add it";
                self.findings.value(Id::V07, line, column.position, reason, b"");
            }
        }
    }

    /// Counts a row that may leave, and remembers who stands in it under whom.
    fn keep(&mut self, row: &Row, line: u64) {
        self.counts.rows += 1;
        self.counts.checked += 1;
        for place in &self.blanks {
            self.seen[*place].blanks += 1;
        }
        if row.is_head && !row.is_unread && !self.counts.heads.insert(row.day) {
            self.counts.has_several_heads = true;
            if self.options.refresh == Refresh::Incremental {
                self.findings.row(Id::V08, line, "", || {
                    "ManagerId has no value, and another row of the date has none either; if the \
                     person is new, the service refuses the whole import"
                        .to_owned()
                });
            }
        }
        let person = row.person.filter(|_| !row.is_unread);
        self.counts.is_partial |= person.is_none();
        let remembered = person.map(|person| self.people.row(row.day, person, row.manager, line));
        if row.is_full || remembered == Some(Err(Full)) {
            self.counts.full_at.get_or_insert(line);
        }
    }

    /// Writes what may leave of the present record, by the book.
    fn rewrite(&mut self) {
        let Some(header) = &self.header else { return };
        self.out.clear();
        let values = header.columns.iter().map(|column| self.records.value(column.position));
        write_record(&mut self.out, values);
    }
}

/// A value being checked.
struct Cell<'a> {
    value: &'a [u8],
    line: u64,
    column: &'a Column,
    findings: &'a mut Findings,
    /// Whether the row is to be left out.
    drop: &'a mut bool,
}

impl Cell<'_> {
    #[inline]
    fn hold(&mut self, rule: Id, verdict: value::Verdict) {
        if let Err(reason) = verdict {
            self.note(rule, reason);
        }
    }

    #[cold]
    fn note(&mut self, rule: Id, reason: &'static str) {
        let Self { value, line, column, .. } = self;
        *self.drop |= self.findings.value(rule, *line, column.position, reason, value);
    }

    /// What may be wrong with a value of any type, and whether it is none at all.
    fn is_blank(&mut self) -> bool {
        self.hold(Id::F10, value::single_line(self.value));
        self.hold(Id::F11, value::length(self.value));
        let is_blank = value::is_blank(self.value);
        if !is_blank && value::is_placeholder(self.value) {
            self.note(Id::Q02, "a word that stands for no value; leave the value empty");
        }
        is_blank
    }
}

/// What a row says about people.
#[derive(Default)]
struct Row {
    person: Option<Person>,
    manager: Option<Person>,
    day: Option<i32>,
    /// Its date, or whom it names as manager, cannot be read.
    is_unread: bool,
    /// It names no manager.
    is_head: bool,
    /// There is no memory left for its people.
    is_full: bool,
}

impl Row {
    fn email(&mut self, cell: &mut Cell, people: &mut People) {
        let (value, column) = (cell.value, cell.column);
        let (is_person, is_manager) = (column.is(Role::PersonId), column.is(Role::ManagerId));
        // An address that is known was looked at when it was new.
        let hash = (is_person || is_manager).then(|| people.hash(value));
        let mut person = hash.and_then(|hash| people.find(hash));
        if person.is_none() {
            if let Err(reason) = value::email(value) {
                cell.note(Id::V01, reason);
                self.is_unread |= is_manager;
                return;
            }
            person = hash.and_then(|hash| people.add(hash).ok());
            self.is_full |= hash.is_some() && person.is_none();
        }
        if value::is_damaged_email(value) {
            cell.note(Id::Q09, "a question mark in the address: a character may have been lost");
        }
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

/// A row whose closing quotation mark is not the end of its value.
pub(super) fn tell_after(line: u64, findings: &mut Findings) -> bool {
    findings.row(Id::F03, line, "after", || {
        "a value goes on after its closing quotation mark; double the marks that belong to the \
         value"
            .to_owned()
    })
}
