//! In which order the dates of a column are written.

use crate::{
    check::{Content, Dates},
    schema::{Kind, Order},
};

/// Dates, of a hundred that may be read in two orders, from which those of one order show it.
const TELLING_PERCENT: u64 = 5;

/// What is wrong with dates of both orders.
pub(super) const MIXED: &str = "some dates can only be read month first and others only day first, \
                                so the export has to write them alike";

/// The type of a column of dates, and how well it is known.
pub(super) struct Written {
    pub(super) kind: Kind,
    pub(super) is_sure: bool,
    pub(super) why: &'static str,
}

/// The order of a column's dates; `usual` is that of the file's other dates, where they show one.
pub(super) fn written(dates: &Dates, usual: Option<Order>) -> Written {
    let (order, is_sure, why) = match (own(dates), usual) {
        (Some(order), _) if is_mixed(dates) => (order, false, MIXED),
        (Some(order), usual) if !is_shown(dates) => {
            let why = "hardly any of its dates shows whether the month or the day comes first";
            (usual.unwrap_or(order), false, why)
        }
        (Some(Order::MonthFirst), _) => {
            (Order::MonthFirst, true, "its dates are written month first, or year first")
        }
        (Some(Order::DayFirst), _) => (Order::DayFirst, true, "its dates are written day first"),
        (None, _) if dates.both_ways == 0 && dates.month_first >= dates.day_first => {
            (Order::MonthFirst, true, "its dates can be read one way only")
        }
        (None, Some(order)) => {
            let why = "each of its dates can be read month first and day first; it is taken as \
                       the other dates of the file are";
            (order, false, why)
        }
        (None, None) if dates.day_first > dates.month_first => {
            let why = "its years have two digits, which is read day first only, and nothing shows \
                       that it is meant so";
            (Order::DayFirst, false, why)
        }
        (None, None) => {
            let why = "each of its dates can be read month first and day first, and month first \
                       is a guess; if day first is meant, write DateTime_DDMMYYYY";
            (Order::MonthFirst, false, why)
        }
    };
    Written { kind: Kind::Date(order), is_sure, why }
}

/// The order that the dates of a file show: that of the columns that have only one.
pub(super) fn usual<'a>(contents: impl Iterator<Item = &'a Content>) -> Option<Order> {
    let mut orders = contents.filter_map(|content| {
        let dates = &content.dates;
        own(dates).filter(|_| is_shown(dates) && !is_mixed(dates))
    });
    let first = orders.next()?;
    orders.all(|order| order == first).then_some(first)
}

/// Whether some dates can only be read in the one order, and some only in the other.
pub(super) fn is_mixed(dates: &Dates) -> bool {
    dates.only_month_first > 0 && dates.only_day_first > 0
}

/// Whether enough dates can be read one way only: a single one may be a slip.
fn is_shown(dates: &Dates) -> bool {
    let telling = dates.only_month_first.max(dates.only_day_first);
    let all = dates.only_month_first + dates.only_day_first + dates.both_ways;
    telling > 0 && 100 * telling >= TELLING_PERCENT * all
}

/// The order that most dates show that can be read one way only.
fn own(dates: &Dates) -> Option<Order> {
    let (month_first, day_first) = (dates.only_month_first, dates.only_day_first);
    (month_first + day_first > 0).then_some(if day_first > month_first {
        Order::DayFirst
    } else {
        Order::MonthFirst
    })
}
