//! The counters of each column during the check, and the findings from them: coverage and hints.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{date::Reading, findings::Findings, header::Column, value};
use crate::schema::{Id, Kind, Order, Severity, fields::Role};

/// Rows in which different values are counted.
pub(super) const SAMPLE_ROWS: u64 = 1 << 16;
/// More different values than this are too many to group by.
const MANY_VALUES: usize = 1000;
/// Fewest rows for which a column with a single value is reported.
const FEW_ROWS: u64 = 20;
/// Blank values that coverage allows, in percent.
const MAX_BLANK_PERCENT: u64 = 5;

/// The counters of one column.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Rows without a value.
    pub(super) blanks: u64,
    /// Values of a text column.
    filled: u64,
    first: Option<u64>,
    has_several: bool,
    sample: HashTable<u64>,
    hasher: DefaultHashBuilder,
    codes: u64,
    both_ways: u64,
    one_way: u64,
    year_first: u64,
    /// The last date, because equal dates usually follow each other.
    last_date: Vec<u8>,
    last_reading: Option<Reading>,
}

impl Seen {
    /// Counts a value of a text column; different values are counted if `is_counted`.
    #[inline]
    pub(super) fn text(&mut self, value: &[u8], is_counted: bool, column: &Column) {
        self.filled += 1;
        if column.is(Role::Organization) || column.is(Role::Label) {
            self.codes += u64::from(value::is_code(value));
        }
        if is_counted || !self.has_several {
            self.count(value, is_counted);
        }
    }

    fn count(&mut self, value: &[u8], is_counted: bool) {
        let is_counted = is_counted && self.sample.len() <= MANY_VALUES;
        if self.has_several && !is_counted {
            return;
        }
        let hash = self.hasher.hash_one(value);
        self.has_several |= *self.first.get_or_insert(hash) != hash;
        if is_counted {
            self.sample.entry(hash, |other| *other == hash, |other| *other).or_insert(hash);
        }
    }

    /// Reads a date. If the text is the same as the last one, the reading is reused.
    pub(super) fn date(
        &mut self,
        value: &[u8],
        order: Order,
    ) -> Result<Reading, super::date::Fault> {
        let same = self.last_reading.filter(|_| self.last_date == value);
        let reading = match same {
            Some(reading) => reading,
            None => self.read_date(value, order)?,
        };
        self.both_ways += u64::from(reading.both_ways);
        self.year_first += u64::from(reading.year_first);
        // 1 January is the same in both orders, so it proves neither.
        self.one_way += u64::from(!reading.both_ways && !reading.day.is_same_either_way());
        Ok(reading)
    }

    fn read_date(&mut self, value: &[u8], order: Order) -> Result<Reading, super::date::Fault> {
        let reading = super::date::read(value, order)?;
        self.last_date.clear();
        self.last_date.extend_from_slice(value);
        Ok(*self.last_reading.insert(reading))
    }

    /// Adds the findings about the column as a whole.
    pub(super) fn report(&self, column: &Column, file: &Counted, findings: &mut Findings) {
        let at = column.position;
        if file.rows > 0 && self.blanks == file.rows {
            findings.column(
                Id::Q00,
                Severity::Hint,
                at,
                "The column has no values. Fill it, or do not map it.".to_owned(),
            );
        }
        self.report_coverage(column, file, findings);
        if let Kind::Date(order) = column.kind {
            self.report_dates(order, at, findings);
        }
        if let Some(what) = value::personal(&column.field.source) {
            findings.column(
                Id::Q04,
                Severity::Hint,
                at,
                format!(
                    "The name of the column indicates personal data ({what}). If the analysis does not \
                     need it, do not map the column."
                ),
            );
        }
        if self.codes * 2 > self.filled {
            let message = "Most values are numbers or codes. Export names, which are easier to read in \
                           reports.";
            findings.column(Id::Q05, Severity::Hint, at, message.to_owned());
        }
        if self.sample.len() > MANY_VALUES {
            findings.column(
                Id::Q06,
                Severity::Hint,
                at,
                format!(
                    "The column has more than {MANY_VALUES} different values in the first {SAMPLE_ROWS} \
                     rows, too many to group by. To group by this column, export broader groups."
                ),
            );
        }
        if self.first.is_some() && !self.has_several && self.filled >= FEW_ROWS {
            let message = "All rows have the same value, so there is nothing to group by. If you do not \
                           need the column, do not map it.";
            findings.column(Id::Q07, Severity::Hint, at, message.to_owned());
        }
    }

    fn report_dates(&self, order: Order, at: usize, findings: &mut Findings) {
        if self.year_first > 0 && order == Order::DayFirst {
            findings.column(Id::Q01, Severity::Warning, at, format!(
                "Dates that begin with the year: {}. In a day-first column, 2026-05-04 is read as 5 April. \
                 If your export means 4 May, map the column as DateTime_MMDDYYYY.",
                self.year_first
            ));
        } else if self.both_ways > 0 && self.one_way == 0 {
            let (read, other, kind) = match order {
                Order::MonthFirst => ("month first", "day first", "DateTime_DDMMYYYY"),
                Order::DayFirst => ("day first", "month first", "DateTime_MMDDYYYY"),
            };
            findings.column(Id::Q01, Severity::Hint, at, format!(
                "All dates in this column are ambiguous (day <= 12). They are read {read}. If your \
                 export is {other}, map the column as {kind}."
            ));
        }
    }

    fn report_coverage(&self, column: &Column, file: &Counted, findings: &mut Findings) {
        let Some(reserved) = column.reserved else { return };
        if self.blanks == 0 || !file.is_whole {
            return;
        }
        let too_many = self.blanks * 100 > file.rows * MAX_BLANK_PERCENT;
        let add = "Add the missing values.";
        let (rule, severity, need, remedy) = match reserved.role {
            Role::PersonId => (Id::C01, Severity::Error, "required: 100 %", add),
            Role::EffectiveDate => (Id::C02, Severity::Error, "required: 100 %", add),
            Role::ManagerId if too_many => {
                let severity = if !file.has_several_heads || file.is_incremental {
                    Severity::Warning
                } else {
                    Severity::Error
                };
                let remedy = if file.has_several_heads {
                    "Only the head of the organization should have no manager. Add the missing \
                     ManagerIds."
                } else {
                    "This is correct if only the head of the organization has no manager."
                };
                (Id::C03, severity, "required: 95 %", remedy)
            }
            Role::Organization if too_many => {
                let severity =
                    if file.is_incremental { Severity::Warning } else { Severity::Error };
                (Id::C04, severity, "required: 95 %", add)
            }
            Role::Label | Role::OnsiteDays | Role::Supervisor | Role::Other if too_many => {
                let remedy = "Add the missing values, or do not map the column.";
                (Id::C05, Severity::Warning, "recommended: 95 %", remedy)
            }
            Role::ManagerId
            | Role::Organization
            | Role::Label
            | Role::OnsiteDays
            | Role::Supervisor
            | Role::Other => return,
        };
        let filled = file.rows - self.blanks;
        let tenths = u128::from(filled) * 1000 / u128::from(file.rows);
        findings.column(
            rule,
            severity,
            column.position,
            format!(
                "Rows with a value: {filled} of {} ({}.{} %; {need}). {remedy}",
                file.rows,
                tenths / 10,
                tenths % 10
            ),
        );
    }
}

/// The row counts that columns are compared with.
#[derive(Debug)]
pub(super) struct Counted {
    /// Data rows.
    pub(super) rows: u64,
    /// Whether the values of all rows were checked.
    pub(super) is_whole: bool,
    /// Whether a date has several rows without a manager.
    pub(super) has_several_heads: bool,
    /// Whether the import is incremental.
    pub(super) is_incremental: bool,
}
