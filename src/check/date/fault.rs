//! What can be wrong with a date, in sentences for the person who corrects it.

use crate::schema::Order;

/// Why a text is not a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::check) enum Fault {
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
    pub(in crate::check) fn sentence(self, order: Order) -> &'static str {
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
