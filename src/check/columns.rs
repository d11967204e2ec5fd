//! What is counted of each column while the rows go by, and what it says in the end: coverage and
//! hints.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{date::Reading, findings::Findings, header::Column, value};
use crate::schema::{Id, Kind, Order, Severity, fields::Role};

/// Rows in which different values are counted.
pub(super) const SAMPLE_ROWS: u64 = 1 << 16;
/// More different values than this are too many to group by.
const MANY_VALUES: usize = 1000;
/// Rows from which one value in all of them is told.
const FEW_ROWS: u64 = 20;
/// Blank values that coverage allows, in per cent.
const MAX_BLANK_PERCENT: u64 = 5;

/// What is known of one column so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Rows without a value.
    pub(super) blanks: u64,
    /// Texts.
    filled: u64,
    first: Option<u64>,
    has_several: bool,
    sample: HashTable<u64>,
    hasher: DefaultHashBuilder,
    codes: u64,
    both_ways: u64,
    one_way: u64,
    year_first: u64,
    /// The date that was read last: dates come in runs.
    last_date: Vec<u8>,
    last_reading: Option<Reading>,
}

impl Seen {
    /// Notes a value of a text column; different ones are counted where `is_counted`.
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

    /// The reading of a date; the same text as last time is not read again.
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
        // The first of January is the same either way and says nothing.
        self.one_way += u64::from(!reading.both_ways && !reading.day.is_same_either_way());
        Ok(reading)
    }

    fn read_date(&mut self, value: &[u8], order: Order) -> Result<Reading, super::date::Fault> {
        let reading = super::date::read(value, order)?;
        self.last_date.clear();
        self.last_date.extend_from_slice(value);
        Ok(*self.last_reading.insert(reading))
    }

    /// Tells what the column as a whole says.
    pub(super) fn tell(&self, column: &Column, file: &Counted, findings: &mut Findings) {
        let at = column.position;
        if file.rows > 0 && self.blanks == file.rows {
            findings.column(
                Id::Q00,
                Severity::Hint,
                at,
                "the column has no value at all".to_owned(),
            );
        }
        self.tell_coverage(column, file, findings);
        if let Kind::Date(order) = column.kind {
            self.tell_dates(order, at, findings);
        }
        if let Some(what) = value::personal(&column.field.source) {
            findings.column(
                Id::Q04,
                Severity::Hint,
                at,
                format!(
                    "the column looks like {what}; if the analysis does not need it, do not map it"
                ),
            );
        }
        if self.codes * 2 > self.filled {
            let message = "most values are numbers or codes; people read names in reports";
            findings.column(Id::Q05, Severity::Hint, at, message.to_owned());
        }
        if self.sample.len() > MANY_VALUES {
            findings.column(
                Id::Q06,
                Severity::Hint,
                at,
                format!(
                    "more than {MANY_VALUES} different values in the first {SAMPLE_ROWS} rows; too \
                     many to group by"
                ),
            );
        }
        if self.first.is_some() && !self.has_several && self.filled >= FEW_ROWS {
            let message = "all rows have the same value; there is nothing to group by";
            findings.column(Id::Q07, Severity::Hint, at, message.to_owned());
        }
    }

    fn tell_dates(&self, order: Order, at: usize, findings: &mut Findings) {
        if self.year_first > 0 && order == Order::DayFirst {
            findings.column(Id::Q01, Severity::Warning, at, format!(
                "{} dates are written year first; under this type 2026-05-04 is read as 5 April. \
                 If 4 May is meant, map the column to DateTime_MMDDYYYY",
                self.year_first
            ));
        } else if self.both_ways > 0 && self.one_way == 0 {
            let (read, other) = match order {
                Order::MonthFirst => ("month first", "DateTime_DDMMYYYY"),
                Order::DayFirst => ("day first", "DateTime_MMDDYYYY"),
            };
            findings.column(Id::Q01, Severity::Hint, at, format!(
                "every valid date can be read both ways; it is read {read}. If that is not meant, map \
                 the column to {other}"
            ));
        }
    }

    fn tell_coverage(&self, column: &Column, file: &Counted, findings: &mut Findings) {
        let Some(reserved) = column.reserved else { return };
        if self.blanks == 0 || !file.is_whole {
            return;
        }
        let too_many = self.blanks * 100 > file.rows * MAX_BLANK_PERCENT;
        let (rule, severity, need) = match reserved.role {
            Role::PersonId => (Id::C01, Severity::Error, "all rows need one"),
            Role::EffectiveDate => (Id::C02, Severity::Error, "all rows need one"),
            Role::ManagerId if too_many => {
                let severity = if !file.has_several_heads || file.is_incremental {
                    Severity::Warning
                } else {
                    Severity::Error
                };
                (Id::C03, severity, "95 % need one; only the head of the organization has none")
            }
            Role::Organization if too_many => {
                let severity =
                    if file.is_incremental { Severity::Warning } else { Severity::Error };
                (Id::C04, severity, "95 % need one")
            }
            Role::Label | Role::OnsiteDays | Role::Supervisor | Role::Other if too_many => {
                (Id::C05, Severity::Warning, "95 % should have one")
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
                "{filled} of {} rows have a value ({}.{} %); {need}",
                file.rows,
                tenths / 10,
                tenths % 10
            ),
        );
    }
}

/// What the columns are held against.
#[derive(Debug)]
pub(super) struct Counted {
    /// Data rows.
    pub(super) rows: u64,
    /// Whether the values of all rows were looked at.
    pub(super) is_whole: bool,
    /// Whether some date has several rows without a manager.
    pub(super) has_several_heads: bool,
    pub(super) is_incremental: bool,
}
