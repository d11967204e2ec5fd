//! In which order the dates of a column are written.

use crate::check::{Content, Dates, Kind, Order};

/// The type of a column of dates, and how well it is known.
pub(super) struct Written {
    pub(super) kind: Kind,
    pub(super) is_sure: bool,
    pub(super) why: &'static str,
}

/// The order of a column's dates; `usual` is that of the file's other dates, where they show one.
pub(super) fn written(dates: &Dates, usual: Option<Order>) -> Written {
    let is_mixed = dates.only_month_first > 0 && dates.only_day_first > 0;
    let (order, is_sure, why) = match (own(dates), usual) {
        (Some(order), _) if is_mixed => {
            let why = "some dates can only be read month first and others only day first, so the \
                       export has to write them alike";
            (order, false, why)
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
        let is_telling = (dates.only_month_first == 0) != (dates.only_day_first == 0);
        own(dates).filter(|_| is_telling)
    });
    let first = orders.next()?;
    orders.all(|order| order == first).then_some(first)
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
