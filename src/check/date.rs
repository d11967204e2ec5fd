//! Dates as Viva Insights reads them: the forms of its month-first and day-first types.
//!
//! It reads the forms of Microsoft's two lists and returns a fault for the rest. It never guesses the order
//! of an all-number date, and never corrects a date.

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

/// Two-digit years below it are in the 2000s, the others in the 1900s, as .NET reads them.
const PIVOT: u16 = 50;

/// A calendar day of the years 1 to 9999; its text, read and written, is `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    fn new(year: u16, month: u16, day: u16) -> Option<Self> {
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        let day = u8::try_from(day).ok()?;
        let date = Date::from_calendar_date(i32::from(year), month, day).ok()?;
        (year > 0).then_some(Self(date))
    }

    /// The day of a text that has exactly the form `YYYY-MM-DD`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let reading = read(text.as_bytes(), Order::MonthFirst).ok()?;
        reading.year_first.then_some(reading.day)
    }

    /// The day as a number; the number of the next day is one more.
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

    /// Whether the day is a placeholder for "unknown" or "never": 1 January 1900 and before, or any day of
    /// the year 9999 (Q03).
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
    /// The day.
    pub(super) day: Day,
    /// Day and month can be swapped: the column could have the other type.
    pub(super) both_ways: bool,
    /// The year comes first. With `DayFirst` it is read as `YYYY-DD-MM`, which is rarely intended.
    pub(super) year_first: bool,
}

/// Reads a date in a column of this order (V03, V04).
///
/// # Errors
/// The fault of a text that is not a date in one of the forms of the order, for example an empty one.
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
    /// The number at the beginning of a text, and the text after it; `None` for five digits or more.
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

/// Three numbers separated by two equal bytes, the separator, and the text after them.
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

/// `March 14, 2012`, with or without a weekday before it; the weekday may be wrong.
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

/// The fault of a text that has none of the forms.
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
    /// Spaces before or after it.
    Blanks,
    /// The form is listed, but the day does not exist.
    NoSuchDay,
    /// A day only if month and day are swapped.
    OtherOrder,
    /// `YYYY-MM-DD` in a day-first column, and not a day if read as `YYYY-DD-MM`.
    YearMonthDay,
    /// `MM/DD/YY`: only the day-first list has two-digit years with slashes.
    TwoDigitYear,
    /// A one-digit month or day in a form that requires two digits.
    OneDigit,
    /// `YYYY/MM/DD`.
    YearWithSlashes,
    /// Text after a date that must be alone, or not separated from it by a space.
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
    /// Not a date in any form.
    Form,
}

impl Fault {
    /// The text of the finding in a column of this order: what is wrong and what to do.
    pub(super) fn sentence(self, order: Order) -> &'static str {
        match (self, order) {
            (Self::Blanks, _) => {
                "The date has spaces before or after it. Remove them in the export."
            }
            (Self::NoSuchDay, _) => {
                "This day does not exist. Correct the date in the source system."
            }
            (Self::OtherOrder, Order::MonthFirst) => {
                "The date looks day first, but the column is month first. Map the column as \
                 DateTime_DDMMYYYY, or export dates as MM/DD/YYYY."
            }
            (Self::OtherOrder, Order::DayFirst) => {
                "The date looks month first, but the column is day first. Map the column as \
                 DateTime_MMDDYYYY, or export dates as DD/MM/YYYY."
            }
            (Self::YearMonthDay, _) => {
                "The date looks like YYYY-MM-DD, but a day-first column reads YYYY-DD-MM. Map the column \
                 as DateTime_MMDDYYYY, or export dates as DD/MM/YYYY."
            }
            (Self::TwoDigitYear, _) => {
                "Only a day-first column accepts a two-digit year with slashes. Export the year with \
                 four digits."
            }
            (Self::OneDigit, _) => {
                "The month or the day has one digit. A date with dashes needs two digits for both if its \
                 year is first or has two digits. Export them with a leading zero."
            }
            (Self::YearWithSlashes, _) => {
                "A date with slashes must end with the year. Export it with the year last."
            }
            (Self::TextAfter, _) => {
                "Only a date with slashes and a four-digit year can have text after it, separated by a \
                 space. Export the date without the time."
            }
            (Self::Timestamp, _) => {
                "A timestamp (YYYY-MM-DDThh:mm:ss) is not accepted. Export the date without the time."
            }
            (Self::Dots, _) => {
                "A date with dots is not accepted. Export it with slashes or dashes."
            }
            (Self::Compact, _) => {
                "A date without separators is not accepted. Export it with slashes or dashes."
            }
            (Self::Serial, _) => {
                "The value is the serial number of a date in a spreadsheet. Format the column as a date \
                 before you export it."
            }
            (Self::Words, _) => {
                "A date in words must be in English, like March 14, 2012, or Wednesday, March 14, 2012, \
                 or 14-Mar-2012. Export it in one of these forms, or in numbers."
            }
            (Self::Form, Order::MonthFirst) => {
                "The value is not a date in an accepted form. Export it as MM/DD/YYYY."
            }
            (Self::Form, Order::DayFirst) => {
                "The value is not a date in an accepted form. Export it as DD/MM/YYYY."
            }
        }
    }
}

#[cfg(test)]
mod tests;
