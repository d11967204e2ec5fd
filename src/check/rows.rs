//! The checks of each row.

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
    /// Checks the current record. Returns whether it may be sent.
    pub(super) fn row(&mut self) -> bool {
        let line = self.records.line();
        self.report_blank_lines();
        let Some(header) = &self.header else { return false };
        let (has, wants) = (self.records.len(), header.width);
        // Old programs end a text with Control-Z.
        let is_blank = |value: &[u8]| value::is_blank(value) || value == b"\x1A";
        if (has == wants || has == 1) && self.records.values().all(is_blank) {
            let message = || "The row has no value in any column. Remove the row.".to_owned();
            let skip = self.findings.row(Id::F13, line, "row", message);
            return self.unread(skip);
        }
        if has != wants {
            let skip = self.findings.row(Id::F03, line, "width", || {
                format!(
                    "{has} column{} in this row, {wants} in the header. Put a value that contains a \
                     comma in quotation marks.",
                    if has == 1 { "" } else { "s" }
                )
            });
            return self.unread(skip);
        }
        let quoting = self.records.quoting();
        let mut skip = quoting.after.is_some() && report_after_quote(line, &mut self.findings);
        if quoting.stray.is_some() {
            let message = "A value contains a quotation mark but is not in quotation marks. The mark is \
                           read as part of the value, and corrected in the file that is sent.";
            self.findings.repeated(Id::F03, Severity::Warning, &[line], message.to_owned());
        }
        skip |= self.check_bytes(line);
        let row = self.check_values(line, &mut skip);
        if skip {
            return false;
        }
        self.keep(&row, line);
        self.is_rewritten = self.rewrites || quoting.stray.is_some();
        if self.is_rewritten && self.findings.is_sound() {
            self.rewrite();
        }
        true
    }

    pub(super) fn report_blank_lines(&mut self) {
        let line = self.records.line();
        for blank in line - self.records.blank_lines()..line {
            self.findings
                .row(Id::F13, blank, "line", || "The line is blank. Remove it.".to_owned());
        }
    }

    /// Counts a row whose values cannot be separated. Returns whether it may be sent.
    fn unread(&mut self, skip: bool) -> bool {
        self.is_rewritten = false;
        if !skip {
            self.counts.rows += 1;
            self.counts.is_partial = true;
        }
        !skip
    }

    /// Checks the bytes of kept columns for text. Returns whether to skip the row.
    fn check_bytes(&mut self, line: u64) -> bool {
        let raw = self.records.raw();
        let is_ascii = raw.is_ascii();
        let is_text = is_ascii || simdutf8::basic::from_utf8(raw).is_ok();
        let has_nul = memchr(0, raw).is_some();
        if is_text && !has_nul && (is_ascii || !value::has_lost_character(raw)) {
            return false;
        }
        let mut skip = false;
        for column in self.header.iter().flat_map(|header| &header.columns) {
            let value = self.records.value(column.position);
            let mut note = |rule, reason| {
                skip |= self.findings.value(rule, line, column.position, reason, value);
            };
            if std::str::from_utf8(value).is_err() {
                note(Id::F04, text::not_utf8(value));
            } else if has_nul && value.contains(&0) {
                note(Id::F04, "The value contains a NUL byte, which is not text. Remove it.");
            } else if column.kind != Kind::Email && value::has_lost_character(value) {
                // The check of email addresses includes this one.
                note(
                    Id::Q09,
                    "A character was lost in the export and replaced by \u{fffd}. Export the file \
                     again as \"CSV UTF-8\".",
                );
            }
        }
        skip
    }

    /// Checks each kept value against its type.
    fn check_values(&mut self, line: u64, skip: &mut bool) -> Row {
        let mut row = Row::default();
        let Some(header) = &self.header else { return row };
        let has_line_break = self.records.has_line_break();
        let is_counted = self.counts.checked < columns::SAMPLE_ROWS;
        self.blanks.clear();
        for (place, (column, seen)) in header.columns.iter().zip(&mut self.seen).enumerate() {
            let value = self.records.value(column.position);
            let mut cell = Cell { value, line, column, findings: &mut self.findings, skip };
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
                        cell.require(Id::V11, value::supervisor_indicator(value));
                    }
                    seen.text(value, is_counted, column);
                }
                Kind::Date(order) => match seen.date(value, order) {
                    Ok(reading) => {
                        if reading.day.is_odd() {
                            cell.note(
                                Id::Q03,
                                "The date is a placeholder, like 01/01/1900 or 12/31/9999. Leave the value empty.",
                            );
                        }
                        if column.is(Role::EffectiveDate) {
                            row.day = Some(reading.day.number());
                            if reading.day >= self.options.today {
                                cell.note(
                                    Id::Q08,
                                    "The date is not before the day of the upload. Export the row with \
                                     an earlier date.",
                                );
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
                        cell.require(Id::V10, value::onsite_days(value));
                    }
                    cell.require(Id::V05, verdict);
                }
                Kind::Integer => cell.require(Id::V06, value::integer(value)),
                Kind::Boolean => cell.require(Id::V09, value::boolean(value)),
            }
        }
        // A skipped row cannot reject the file.
        if !*skip {
            self.check_required_values(line);
        }
        row
    }

    fn check_required_values(&mut self, line: u64) {
        let Some(header) = &self.header else { return };
        for column in self.blanks.iter().map(|place| &header.columns[*place]) {
            if column.needs_value(self.options.refresh) {
                let reason = "A required field has no value in this row. Add the value.";
                self.findings.value(Id::V07, line, column.position, reason, b"");
            }
        }
    }

    /// Counts a row that may be sent, and adds its person and manager to the index.
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
                    "ManagerId is empty, and another row with the same date has none either. If the \
                     person is new, the service rejects the whole import. Add the ManagerId."
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

    /// Writes the kept values of the current record as valid CSV.
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
    /// Whether to skip the row.
    skip: &'a mut bool,
}

impl Cell<'_> {
    #[inline]
    fn require(&mut self, rule: Id, verdict: value::Verdict) {
        if let Err(reason) = verdict {
            self.note(rule, reason);
        }
    }

    #[cold]
    fn note(&mut self, rule: Id, reason: &'static str) {
        let Self { value, line, column, .. } = self;
        *self.skip |= self.findings.value(rule, *line, column.position, reason, value);
    }

    /// Checks what applies to a value of any type. Returns whether it is blank.
    fn is_blank(&mut self) -> bool {
        self.require(Id::F10, value::single_line(self.value));
        self.require(Id::F11, value::length(self.value));
        let is_blank = value::is_blank(self.value);
        if !is_blank && value::is_placeholder(self.value) {
            self.note(
                Id::Q02,
                "The value is a placeholder, like N/A or NULL. Leave the value empty.",
            );
        }
        is_blank
    }
}

/// The people of a row.
#[derive(Default)]
struct Row {
    person: Option<Person>,
    manager: Option<Person>,
    day: Option<i32>,
    /// Its date or its manager cannot be read.
    is_unread: bool,
    /// It has no manager.
    is_head: bool,
    /// The index has no memory left for its people.
    is_full: bool,
}

impl Row {
    fn email(&mut self, cell: &mut Cell, people: &mut People) {
        let (value, column) = (cell.value, cell.column);
        let (is_person, is_manager) = (column.is(Role::PersonId), column.is(Role::ManagerId));
        // A known address was checked when it was new.
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
            cell.note(
                Id::Q09,
                "The address contains \"?\" or \"\u{fffd}\", so a character may be lost. Export the file \
                 again as \"CSV UTF-8\".",
            );
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

/// Reports a value that continues after its closing quotation mark. Returns whether to skip the row.
pub(super) fn report_after_quote(line: u64, findings: &mut Findings) -> bool {
    findings.row(Id::F03, line, "after", || {
        "A value continues after its closing quotation mark. Double (\"\") the quotation marks that are \
         part of the value."
            .to_owned()
    })
}
