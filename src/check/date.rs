//! Dates as Viva Insights reads them: the forms of its month-first and day-first types.
//!
//! It reads what Microsoft's two lists print and names a fault for the rest. It never guesses the
//! order of an all-number date and never repairs one.

use std::fmt;

use time::{Date, Month};

use crate::schema::Order;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Two-digit years below it are of the 2000s, the others of the 1900s, as .NET reads them.
const PIVOT: u16 = 50;

/// A calendar day of the years 1 to 9999; its text is `YYYY-MM-DD`, both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    fn new(year: u16, month: u16, day: u16) -> Option<Self> {
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        let day = u8::try_from(day).ok()?;
        let date = Date::from_calendar_date(i32::from(year), month, day).ok()?;
        (year > 0).then_some(Self(date))
    }

    /// The day of a text of exactly the form `YYYY-MM-DD`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let reading = read(text.as_bytes(), Order::MonthFirst).ok()?;
        reading.year_first.then_some(reading.day)
    }

    /// The day as a number, of which the next day's is one more.
    pub(super) fn number(self) -> i32 {
        self.0.to_julian_day()
    }

    /// The day of a number.
    pub(super) fn of_number(number: i32) -> Option<Self> {
        Date::from_julian_day(number).ok().map(Self)
    }

    /// Whether day and month are the same number, so that both orders read the same.
    pub(super) fn is_same_either_way(self) -> bool {
        self.0.day() == u8::from(self.0.month())
    }

    /// Whether the day stands for "unknown" or "never": 1 January 1900 and before, any of the year
    /// 9999 (Q03).
    pub(super) fn is_odd(self) -> bool {
        self.0.year() == 9999 || self.0.to_ordinal_date() <= (1900, 1)
    }
}

impl From<Date> for Day {
    fn from(date: Date) -> Self {
        Self(date)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A date that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// The day meant.
    pub(super) day: Day,
    /// Day and month could change places: the column could be of the other type.
    pub(super) both_ways: bool,
    /// Written year first; under `DayFirst` it is read `YYYY-DD-MM`, hardly what was meant.
    pub(super) year_first: bool,
}

/// Reads a date of a column of this order (V03, V04).
///
/// # Errors
/// The fault of a text that is not a date of one of the order's forms; an empty text has no form.
pub(super) fn read(text: &[u8], order: Order) -> Result<Reading, Fault> {
    if text.trim_ascii().len() != text.len() {
        return Err(Fault::Blanks);
    }
    let Some(([first, second, third], separator, rest)) = numbers(text) else {
        return read_words(text);
    };
    let digits = [first.digits, second.digits, third.digits];
    match (separator, digits, rest) {
        (b'/', [1 | 2, 1 | 2, 4], [] | [b' ', ..]) | (b'-', [1 | 2, 1 | 2, 4] | [2, 2, 2], []) => {
            year_last(first.value, second.value, third.year(), order)
        }
        (b'/', [1 | 2, 1 | 2, 2], []) if order == Order::DayFirst => {
            year_last(first.value, second.value, third.year(), order)
        }
        (b'-', [4, 2, 2], []) => year_first(first.value, second.value, third.value, order),
        (b'-', [4, 2, 2], [b'T' | b't', ..]) => Err(Fault::Timestamp),
        (b'/', [1 | 2, 1 | 2, 2], _) if order == Order::MonthFirst => Err(Fault::TwoDigitYear),
        (b'/', [4, _, _], _) => Err(Fault::YearWithSlashes),
        (b'-', [4, 1, 1 | 2] | [4, 2, 1] | [1, 1 | 2, 2] | [2, 1, 2], _) => Err(Fault::OneDigit),
        (b'-' | b'/', [1 | 2, 1 | 2, 2 | 4] | [4, 2, 2], _) => Err(Fault::TextAfter),
        (b'.', _, _) => Err(Fault::Dots),
        _ => Err(Fault::Form),
    }
}

fn year_last(first: u16, second: u16, year: u16, order: Order) -> Result<Reading, Fault> {
    let day = in_order(year, first, second, order)?;
    let both_ways = first <= 12 && second <= 12 && first != second;
    Ok(Reading { day, both_ways, year_first: false })
}

fn year_first(year: u16, first: u16, second: u16, order: Order) -> Result<Reading, Fault> {
    match in_order(year, first, second, order) {
        Ok(day) => Ok(Reading { day, both_ways: false, year_first: true }),
        Err(Fault::OtherOrder) if order == Order::DayFirst => Err(Fault::YearMonthDay),
        Err(fault) => Err(fault),
    }
}

fn in_order(year: u16, first: u16, second: u16, order: Order) -> Result<Day, Fault> {
    let (month, day) = match order {
        Order::MonthFirst => (first, second),
        Order::DayFirst => (second, first),
    };
    let swapped = || Day::new(year, day, month).map(|_| Fault::OtherOrder);
    Day::new(year, month, day).ok_or_else(|| swapped().unwrap_or(Fault::NoSuchDay))
}

/// One to four digits.
#[derive(Clone, Copy)]
struct Number {
    value: u16,
    digits: usize,
}

impl Number {
    /// The number a text begins with, and the text behind it; none of five digits or more.
    fn take(text: &[u8]) -> Option<(Self, &[u8])> {
        let digits = text.iter().take(5).take_while(|byte| byte.is_ascii_digit()).count();
        if !matches!(digits, 1..=4) {
            return None;
        }
        let (number, rest) = text.split_at(digits);
        let value = number.iter().fold(0, |value, digit| value * 10 + u16::from(digit - b'0'));
        Some((Self { value, digits }, rest))
    }

    fn year(self) -> u16 {
        match self {
            Self { value, digits: 2 } if value < PIVOT => 2000 + value,
            Self { value, digits: 2 } => 1900 + value,
            Self { value, .. } => value,
        }
    }
}

/// Three numbers between two equal separators, the separator, and the text behind them.
fn numbers(text: &[u8]) -> Option<([Number; 3], u8, &[u8])> {
    let (first, rest) = Number::take(text)?;
    let (&separator, rest) = rest.split_first()?;
    let (second, rest) = Number::take(rest)?;
    let (third, rest) = Number::take(rest.strip_prefix(&[separator])?)?;
    Some(([first, second, third], separator, rest))
}

fn read_words(text: &[u8]) -> Result<Reading, Fault> {
    let Some((year, month, day, rest)) = long_form(text).or_else(|| short_form(text)) else {
        return Err(unread(text));
    };
    if !rest.is_empty() {
        return Err(Fault::TextAfter);
    }
    let day = Day::new(year, month, day).ok_or(Fault::NoSuchDay)?;
    Ok(Reading { day, both_ways: false, year_first: false })
}

/// `March 14, 2012`, after a weekday or not; the weekday need not be the day's.
fn long_form(text: &[u8]) -> Option<(u16, u16, u16, &[u8])> {
    let (mut name, mut rest) = word(text);
    if WEEKDAYS.iter().any(|weekday| name.eq_ignore_ascii_case(weekday.as_bytes())) {
        (name, rest) = word(rest.strip_prefix(b", ")?);
    }
    let month = month(name, |month| month)?;
    let (day, rest) = Number::take(rest.strip_prefix(b" ")?)?;
    let (year, rest) = Number::take(rest.strip_prefix(b", ")?)?;
    (day.digits <= 2 && year.digits == 4).then_some((year.value, month, day.value, rest))
}

/// `14-Mar-2012` or `14-Mar-12`.
fn short_form(text: &[u8]) -> Option<(u16, u16, u16, &[u8])> {
    let (day, rest) = Number::take(text)?;
    let (name, rest) = word(rest.strip_prefix(b"-")?);
    let month = month(name, |month| &month[..3])?;
    let (year, rest) = Number::take(rest.strip_prefix(b"-")?)?;
    (day.digits <= 2 && matches!(year.digits, 2 | 4)).then_some((
        year.year(),
        month,
        day.value,
        rest,
    ))
}

fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let letters = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    text.split_at(letters)
}

fn month(name: &[u8], written: fn(&str) -> &str) -> Option<u16> {
    let is_name = |month: &str| name.eq_ignore_ascii_case(written(month).as_bytes());
    (1..).zip(MONTHS).find_map(|(number, month)| is_name(month).then_some(number))
}

/// The fault of a text of none of the forms.
fn unread(text: &[u8]) -> Fault {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match (digits, &text[digits..]) {
        (5, []) => Fault::Serial,
        (5, [b'.', fraction @ ..]) if fraction.iter().all(u8::is_ascii_digit) => Fault::Serial,
        (8, [] | [b'T', ..]) => Fault::Compact,
        _ if text.iter().any(u8::is_ascii_digit)
            && text.iter().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii()) =>
        {
            Fault::Words
        }
        _ => Fault::Form,
    }
}

/// Why a text is not a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Blanks before or after it.
    Blanks,
    /// In a listed form, but no calendar has the day.
    NoSuchDay,
    /// A day only if month and day change places.
    OtherOrder,
    /// `YYYY-MM-DD` in a day-first column, and no day when read `YYYY-DD-MM`.
    YearMonthDay,
    /// `MM/DD/YY`, which only the day-first list has.
    TwoDigitYear,
    /// A one-digit month or day in a form that wants two.
    OneDigit,
    /// `YYYY/MM/DD`.
    YearWithSlashes,
    /// Text after a date that must stand alone, or not parted from it by a blank.
    TextAfter,
    /// `YYYY-MM-DDThh:mm:ss`.
    Timestamp,
    /// `DD.MM.YYYY`.
    Dots,
    /// `YYYYMMDD`.
    Compact,
    /// Days since 1900, as a spreadsheet stores dates.
    Serial,
    /// Words and numbers, but neither `March 14, 2012` nor `14-Mar-2012`.
    Words,
    /// No form of a date at all.
    Form,
}

impl Fault {
    /// What is wrong with a date of a column of this order, and the remedy.
    pub(super) fn sentence(self, order: Order) -> &'static str {
        match (self, order) {
            (Self::Blanks, _) => "the date has blanks around it: trim the column in the export",
            (Self::NoSuchDay, _) => "no calendar has this day: correct it at the source",
            (Self::OtherOrder, Order::MonthFirst) => {
                "the date looks day first: map the column to the other date type (DD/MM/YYYY), \
                 or export it month first"
            }
            (Self::OtherOrder, Order::DayFirst) => {
                "the date looks month first: map the column to the other date type (MM/DD/YYYY), \
                 or export it day first"
            }
            (Self::YearMonthDay, _) => {
                "the date looks like YYYY-MM-DD, but a day-first column reads YYYY-DD-MM: map the \
                 column to the other date type (MM/DD/YYYY), or export the date as DD/MM/YYYY"
            }
            (Self::TwoDigitYear, _) => {
                "a two-digit year with slashes is read in a day-first column only: export the \
                 year with four digits"
            }
            (Self::OneDigit, _) => {
                "with dashes and the year first, or a two-digit year, month and day need two \
                 digits each: export them with a leading zero"
            }
            (Self::YearWithSlashes, _) => {
                "a date with slashes must end with its year: export it with the year last"
            }
            (Self::TextAfter, _) => {
                "only a date with slashes and a four-digit year may have text after it, parted by \
                 a blank: export the date without its time"
            }
            (Self::Timestamp, _) => {
                "a timestamp (YYYY-MM-DDThh:mm:ss) is not read: export the date without its time"
            }
            (Self::Dots, _) => {
                "a date with dots is not read: export it with slashes or dashes instead"
            }
            (Self::Compact, _) => {
                "a date without separators is not read: export it with slashes or dashes"
            }
            (Self::Serial, _) => {
                "this is a spreadsheet's number for a day, not a date: format the column as a date \
                 before exporting"
            }
            (Self::Words, _) => {
                "in words, a date must be English and written March 14, 2012, or Wednesday, \
                 March 14, 2012, or 14-Mar-2012: export it so, or in numbers"
            }
            (Self::Form, Order::MonthFirst) => {
                "this is not a date of a form that can be read: export it as MM/DD/YYYY"
            }
            (Self::Form, Order::DayFirst) => {
                "this is not a date of a form that can be read: export it as DD/MM/YYYY"
            }
        }
    }
}

#[cfg(test)]
mod tests;
