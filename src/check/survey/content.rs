//! The contents of one column, as counters and a sample of hashes.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hasher as _},
};

use crate::{
    check::{
        date::{self, Fault},
        value,
    },
    schema::{Kind, Order},
};

/// The counters of a column.
#[derive(Clone, Debug)]
pub struct Content {
    /// Values that are not blank.
    pub filled: u64,
    /// Values that are blank.
    pub blanks: u64,
    /// Email addresses.
    pub emails: u64,
    /// Dates, and the evidence for either order.
    pub dates: Dates,
    /// Whole numbers of 32 bits.
    pub integers: u64,
    /// Numbers, including whole ones; codes with leading zeros do not count.
    pub doubles: u64,
    /// TRUE or FALSE.
    pub booleans: u64,
    /// IC, Mngr or Mngr+.
    pub indicators: u64,
    /// Numbers from 0 to 7.
    pub onsite_days: u64,
    /// Values that look like the number of a person or an account: US social security number, IBAN.
    pub numbers_of_people: u64,
    distinct: Distinct,
    /// The previous value, because equal values usually follow each other.
    last: Vec<u8>,
    last_class: Class,
}

/// The counters of a column's dates.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dates {
    /// Dates that can be read month first.
    pub month_first: u64,
    /// Dates that can be read day first.
    pub day_first: u64,
    /// Dates that can be read month first only.
    pub only_month_first: u64,
    /// Dates that can be read day first only.
    pub only_day_first: u64,
    /// Dates that are another day in the other order.
    pub both_ways: u64,
    /// Dates in a form that neither order accepts; `fault` is that of the first one.
    unreadable: u64,
    fault: Option<Fault>,
}

/// The class of a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Class {
    Email,
    Date(Dates),
    Number { is_integer: bool, is_onsite: bool },
    Boolean,
    Indicator,
    OfPeople,
    Text,
}

impl Content {
    /// No values, for one of this many columns.
    pub(super) fn new(columns: usize) -> Self {
        Self {
            filled: 0,
            blanks: 0,
            emails: 0,
            dates: Dates::default(),
            integers: 0,
            doubles: 0,
            booleans: 0,
            indicators: 0,
            onsite_days: 0,
            numbers_of_people: 0,
            distinct: Distinct::new(columns),
            last: vec![],
            last_class: Class::Text,
        }
    }

    /// Counts a value.
    pub(super) fn see(&mut self, value: &[u8]) {
        if value::is_blank(value) {
            self.blanks += 1;
            return;
        }
        self.filled += 1;
        if self.last != value {
            self.distinct.insert(hash(value));
            self.last.clear();
            self.last.extend_from_slice(value);
            self.last_class = class(value);
        }
        self.add(self.last_class);
    }

    fn add(&mut self, class: Class) {
        match class {
            Class::Email => self.emails += 1,
            Class::Date(dates) => self.dates.add(dates),
            Class::Number { is_integer, is_onsite } => {
                self.doubles += 1;
                self.integers += u64::from(is_integer);
                self.onsite_days += u64::from(is_onsite);
            }
            Class::Boolean => self.booleans += 1,
            Class::Indicator => self.indicators += 1,
            Class::OfPeople => self.numbers_of_people += 1,
            Class::Text => {}
        }
    }

    /// How many values have this type.
    #[must_use]
    pub(crate) fn of_kind(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Email => self.emails,
            Kind::Text => self.filled,
            Kind::Date(Order::MonthFirst) => self.dates.month_first,
            Kind::Date(Order::DayFirst) => self.dates.day_first,
            Kind::Double => self.doubles,
            Kind::Integer => self.integers,
            Kind::Boolean => self.booleans,
        }
    }

    /// The approximate number of different values.
    #[must_use]
    pub(crate) fn distinct(&self) -> u64 {
        self.distinct.count()
    }

    /// How many percent of the different values are also in the other column.
    #[must_use]
    pub(crate) fn percent_in(&self, other: &Self) -> usize {
        self.distinct.percent_in(&other.distinct)
    }

    /// What is wrong and what to do, if most values are dates that the service does not accept.
    #[must_use]
    pub(crate) fn unreadable_dates(&self) -> Option<&'static str> {
        let Dates { unreadable, fault, .. } = self.dates;
        let fault = fault.filter(|_| 2 * unreadable > self.filled)?;
        Some(fault.sentence(Order::MonthFirst))
    }
}

impl Dates {
    fn add(&mut self, other: Self) {
        self.month_first += other.month_first;
        self.day_first += other.day_first;
        self.only_month_first += other.only_month_first;
        self.only_day_first += other.only_day_first;
        self.both_ways += other.both_ways;
        self.unreadable += other.unreadable;
        self.fault = self.fault.or(other.fault);
    }

    fn of(value: &[u8]) -> Option<Self> {
        let month_first = date::read(value, Order::MonthFirst);
        let day_first = date::read(value, Order::DayFirst);
        let mut dates = Self {
            month_first: u64::from(month_first.is_ok()),
            day_first: u64::from(day_first.is_ok()),
            ..Self::default()
        };
        match (month_first, day_first) {
            (Ok(reading), Ok(_)) => {
                // If the year is first, the month is before the day, except in the service's day-first list.
                dates.only_month_first = u64::from(reading.year_first);
                dates.both_ways = u64::from(reading.both_ways);
            }
            (Ok(_), Err(_)) => dates.only_month_first = 1,
            // Only the day-first list has two-digit years, but month-first exports have them, too.
            (Err(Fault::TwoDigitYear), Ok(reading)) => {
                dates.both_ways = u64::from(reading.both_ways);
                let is_evidence = !reading.both_ways && !reading.day.is_same_either_way();
                dates.only_day_first = u64::from(is_evidence);
            }
            (Err(_), Ok(_)) => dates.only_day_first = 1,
            (Err(Fault::Form | Fault::NoSuchDay | Fault::Blanks | Fault::Words), Err(_)) => {
                return None;
            }
            (Err(fault), Err(_)) => {
                dates.unreadable = 1;
                dates.fault = Some(fault);
            }
        }
        Some(dates)
    }
}

/// The class of a value.
pub(super) fn class(value: &[u8]) -> Class {
    if value.contains(&b'@') && value::email(value).is_ok() {
        return Class::Email;
    }
    if is_social_security(value) || is_iban(value) {
        return Class::OfPeople;
    }
    if value::double(value).is_ok() {
        let digits = value.strip_prefix(b"-").unwrap_or(value);
        // As a number, a code like 0042 would lose its zeros.
        if digits.len() > 1 && digits.starts_with(b"0") && !digits.contains(&b'.') {
            return Class::Text;
        }
        return Class::Number {
            is_integer: value::integer(value).is_ok(),
            is_onsite: value::onsite_days(value).is_ok(),
        };
    }
    if value::boolean(value).is_ok() {
        return Class::Boolean;
    }
    if value::supervisor_indicator(value).is_ok() {
        return Class::Indicator;
    }
    // All dates have a digit.
    let may_be_date = value.len() <= 40 && value.iter().any(u8::is_ascii_digit);
    match may_be_date.then(|| Dates::of(value)).flatten() {
        Some(dates) => Class::Date(dates),
        None => Class::Text,
    }
}

/// Whether a value has the form `123-45-6789`.
fn is_social_security(value: &[u8]) -> bool {
    value.len() == 11
        && value.iter().enumerate().all(|(at, byte)| match at {
            3 | 6 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// Whether a value is an account number by ISO 13616, with or without spaces, with correct check digits.
fn is_iban(value: &[u8]) -> bool {
    let [a, b, c, d, ..] = *value else { return false };
    let begins = a.is_ascii_uppercase() && b.is_ascii_uppercase();
    if !begins || !c.is_ascii_digit() || !d.is_ascii_digit() || value.len() > 42 {
        return false;
    }
    let signs: Vec<u8> = value.iter().copied().filter(|byte| *byte != b' ').collect();
    let (country, account) = signs.split_at(4);
    if !(11..=30).contains(&account.len()) {
        return false;
    }
    let remainder = account.iter().chain(country).try_fold(0_u32, |rest, sign| {
        let digit = char::from(*sign).to_digit(36)?;
        Some((rest * if digit < 10 { 10 } else { 100 } + digit) % 97)
    });
    remainder == Some(1)
}

/// Most hashes of all columns together.
const MAX_HASHES: usize = 1 << 22;
/// Most hashes of one column.
const MAX_OF_COLUMN: usize = 1 << 16;

/// A sample by hash that counts the different values of a column, and compares them with those of another. A
/// value is in the sample if its hash ends in a number of zeros. Whenever the sample is full, that number
/// grows by one. Samples of two columns select the same values, so they can be compared.
#[derive(Clone, Debug)]
struct Distinct {
    hashes: HashSet<u64>,
    most: usize,
    zeros: u32,
}

/// The hash of a value; case and surrounding spaces are ignored.
fn hash(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for byte in value.trim_ascii() {
        hasher.write_u8(byte.to_ascii_lowercase());
    }
    hasher.finish()
}

impl Distinct {
    /// An empty sample for one of this many columns.
    fn new(columns: usize) -> Self {
        let most = (MAX_HASHES / columns.max(1)).min(MAX_OF_COLUMN);
        Self { hashes: HashSet::new(), most, zeros: 0 }
    }

    fn insert(&mut self, hash: u64) {
        if hash.trailing_zeros() < self.zeros {
            return;
        }
        self.hashes.insert(hash);
        while self.hashes.len() > self.most {
            self.zeros += 1;
            let zeros = self.zeros;
            self.hashes.retain(|hash| hash.trailing_zeros() >= zeros);
        }
    }

    /// The approximate number of different values; exact while the sample has all of them.
    fn count(&self) -> u64 {
        (self.hashes.len() as u64) << self.zeros
    }

    /// How many percent of these values are also in the other sample; 0 if there are none.
    fn percent_in(&self, others: &Self) -> usize {
        let zeros = self.zeros.max(others.zeros);
        let both = self.hashes.iter().filter(|hash| hash.trailing_zeros() >= zeros);
        let (all, shared) = both.fold((0, 0), |(all, shared), hash| {
            (all + 1, shared + usize::from(others.hashes.contains(hash)))
        });
        (100 * shared).checked_div(all).unwrap_or_default()
    }
}
