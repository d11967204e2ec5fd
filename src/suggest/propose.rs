//! From what columns are called and hold to what they are, once the first line is sure to be a header:
//! a row of people must never be told as the names of columns.
//!
//! A name goes before what is in the column, and what is in it has to fit. Whatever has a name that
//! is not known, is not needed or may not leave is left out with the reason.

use std::collections::{HashMap, HashSet};

use super::{
    column::{Column, Verdict},
    names::{self, Match},
    people,
};
use crate::{
    check::{Content, Dates, Profile, personal},
    schema::{Kind, Order, Target},
};

/// Columns of known names that make a header.
const KNOWN_NAMES: usize = 3;
/// Dates, of a hundred that may be read in two orders, from which those of one order show it.
const TELLING_PERCENT: u64 = 5;

/// What is wrong with dates of both orders.
const MIXED: &str = "some dates can only be read month first and others only day first, so \
                     the export has to write them alike";

/// Whether the names of the columns say that they are names.
///
/// Either a column that is called the person's or the manager's address holds addresses, or there
/// are several names that are known, of different fields. Nothing else of a line can be trusted:
/// the words of a row look like any name.
pub(super) fn has_header(columns: &[Column<'_>]) -> bool {
    let is_of_people = |column: &Column<'_>| {
        let is_meant = |field| column.meant(field).is_some();
        column.is_of_emails() && (is_meant("PersonId") || is_meant("ManagerId"))
    };
    columns.iter().any(is_of_people) || known_fields(columns).len() >= KNOWN_NAMES
}

/// The fields that a name clearly says, but for those of people: `Manager` is also a job.
fn known_fields(columns: &[Column<'_>]) -> HashSet<&'static str> {
    let fields = columns.iter().flat_map(|column| {
        let own = column.fields.iter().copied();
        own.chain(names::matches(&column.key, &names::CUSTOM))
    });
    let is_known = |field: &str| !["PersonId", "ManagerId"].contains(&field);
    let clear = fields.filter(|found| found.is_clear && is_known(found.field));
    clear.map(|found| found.field).collect()
}

/// What becomes of each column.
pub(super) fn judge(columns: &[Column<'_>], survey: &Profile) -> Vec<Verdict> {
    let mut verdicts: Vec<Option<Verdict>> = columns.iter().map(left_out).collect();
    // The first two fields are addresses, and found together.
    let people = people::find(columns, &verdicts, survey);
    for (at, verdict) in people.verdicts(columns, survey) {
        verdicts[at] = Some(verdict);
    }
    let free = columns.iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_none());
    let usual = usual_order(free.map(|(column, _)| column.content));
    // What speaks against a name that may mean something else as well.
    let mut doubts: HashMap<usize, Verdict> = HashMap::new();
    for (field, _) in &names::FIELDS[2..] {
        let free = (0..columns.len()).filter(|at| verdicts[*at].is_none());
        let named = free.filter_map(|at| Some((at, columns[at].meant(field)?)));
        let mut named: Vec<(usize, Match)> = named.collect();
        named.sort_by_key(|(_, found)| found.rank);
        for (at, found) in named {
            let verdict = reserved(field, found.is_clear, &columns[at], usual);
            let is_field = matches!(verdict, Verdict::Field { .. });
            if !is_field && !found.is_clear {
                doubts.entry(at).or_insert(verdict);
                continue;
            }
            verdicts[at] = Some(verdict);
            if is_field {
                break;
            }
        }
    }
    let judged = verdicts.into_iter().zip(columns).enumerate();
    judged
        .map(|(at, (verdict, column))| verdict.unwrap_or_else(|| rest(column, doubts.remove(&at))))
        .collect()
}

/// What is left out whatever else it is.
fn left_out(column: &Column<'_>) -> Option<Verdict> {
    let Column { name, key, content, .. } = column;
    let Some(name) = name else {
        let why = if key.is_empty() {
            "the header has no name here, or none that can be told; name the column if it is needed"
        } else {
            "another column has the same name (capitals and blanks do not count); rename one if it \
             is needed"
        };
        return Some(Verdict::left_out(why));
    };
    if content.filled == 0 {
        return Some(Verdict::left_out("it has no value at all"));
    }
    // One in twenty is no accident.
    if 20 * content.numbers_of_people >= content.filled {
        let why = "its values look like national identity numbers or bank accounts, which must \
                   not leave";
        return Some(Verdict::left_out(why));
    }
    let what = personal(name).or_else(|| personal(&names::plain(name)));
    let what = what.or_else(|| names::personal(key));
    let what = what.filter(|_| column.fields.is_empty())?;
    Some(Verdict::left_out(format!("it looks like {what}, which the analysis does not need")))
}

/// A column that is called like one of Viva's fields.
fn reserved(target: &str, is_clear: bool, column: &Column<'_>, usual: Option<Order>) -> Verdict {
    let content = column.content;
    let (said, mut why) = if is_clear {
        (format!("it is {target} by its name"), "its name says so".to_owned())
    } else {
        (format!("it may be {target} by its name"), "its name may say so".to_owned())
    };
    if column.is_of_emails() {
        return Verdict::left_out(format!("{said}, but it holds addresses of people"));
    }
    let mut is_sure = is_clear;
    let kind = match Target::default().schema().reserved_kind(target) {
        Some(Kind::Date(_)) => {
            if let Some(remedy) = content.unreadable_dates() {
                return Verdict::left_out(format!("{said}. {remedy}"));
            }
            let written = type_of_dates(&content.dates, usual);
            is_sure &= written.is_sure;
            why = format!("{why}, and {}", written.why);
            written.kind
        }
        Some(kind) => kind,
        None => Kind::Text,
    };
    let fitting = match target {
        "SupervisorIndicator" => content.indicators,
        "WeeklyBadgeOnsiteDays" => content.onsite_days,
        _ => content.of_kind(kind),
    };
    let wanted = match (target, kind) {
        ("SupervisorIndicator", _) => "IC, Mngr or Mngr+",
        ("WeeklyBadgeOnsiteDays", _) => "numbers from 0 to 7",
        (_, Kind::Date(_)) => "dates in a form that the service reads",
        (_, Kind::Integer) => "whole numbers",
        _ => "plain numbers like 23.75",
    };
    if 20 * fitting < 19 * content.filled {
        let is_mixed = matches!(kind, Kind::Date(_)) && has_both_orders(&content.dates);
        let why = format!("its values are not {wanted}");
        return Verdict::left_out(format!("{said}, but {}", if is_mixed { MIXED } else { &why }));
    }
    if fitting < content.filled {
        is_sure = false;
        why = format!("{why}, but {} of its values are not {wanted}", content.filled - fitting);
    }
    if target == "HourlyRate" {
        is_sure = false;
        why.push_str("; it is pay, in US dollars: take it out if the analysis does not need it");
    }
    Verdict::Field { target: target.to_owned(), is_custom: false, kind, is_sure, why }
}

/// A column that is none of Viva's own fields, and what speaks against the one it may be.
fn rest(column: &Column<'_>, doubt: Option<Verdict>) -> Verdict {
    let key = &column.key;
    if column.is_of_emails() {
        let why = "it holds addresses of people, and the service takes those of a person and of the \
                   manager only";
        return Verdict::left_out(why);
    }
    if names::is_of_people(key) {
        let why = "it holds names of people; the service knows people by their address and needs no \
                   names";
        return Verdict::left_out(why);
    }
    if names::is_number(key) {
        let why = "it is a number or name that a system gives to people; the service knows people by \
                   their address";
        return Verdict::left_out(why);
    }
    if let Some(known) = names::matches(key, &names::CUSTOM).into_iter().next() {
        let (is_sure, why) = if known.is_clear {
            (true, "it is worth grouping by, as a custom field")
        } else {
            (false, "its name may say so, and it would be worth grouping by, as a custom field")
        };
        let (target, why) = (known.field.to_owned(), why.to_owned());
        return Verdict::Field { target, is_custom: true, kind: Kind::Text, is_sure, why };
    }
    if let Some(doubt) = doubt {
        return doubt;
    }
    if let Some(found) = column.fields.first() {
        return Verdict::left_out(format!(
            "another column is {} rather; map this one by hand if the analysis needs it",
            found.field
        ));
    }
    Verdict::left_out(
        "none of the service's fields goes by this name; map it by hand if the analysis needs it",
    )
}

/// The type of a column of dates, and how well it is known.
struct TypeOfDates {
    kind: Kind,
    is_sure: bool,
    why: &'static str,
}

/// The type of a column's dates by their order; `usual` is that of the file's other dates, where they
/// show one.
fn type_of_dates(dates: &Dates, usual: Option<Order>) -> TypeOfDates {
    let (order, is_sure, why) = match (own_order(dates), usual) {
        (Some(order), _) if has_both_orders(dates) => (order, false, MIXED),
        (Some(order), usual) if !shows_order(dates) => {
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
    TypeOfDates { kind: Kind::Date(order), is_sure, why }
}

/// The order that the dates of a file show: that of the columns that have only one.
fn usual_order<'a>(contents: impl Iterator<Item = &'a Content>) -> Option<Order> {
    let mut orders = contents.filter_map(|content| {
        let dates = &content.dates;
        own_order(dates).filter(|_| shows_order(dates) && !has_both_orders(dates))
    });
    let first = orders.next()?;
    orders.all(|order| order == first).then_some(first)
}

/// Whether some dates can only be read in the one order, and some only in the other.
fn has_both_orders(dates: &Dates) -> bool {
    dates.only_month_first > 0 && dates.only_day_first > 0
}

/// Whether enough dates can be read one way only: a single one may be a slip.
fn shows_order(dates: &Dates) -> bool {
    let telling = dates.only_month_first.max(dates.only_day_first);
    let all = dates.only_month_first + dates.only_day_first + dates.both_ways;
    telling > 0 && 100 * telling >= TELLING_PERCENT * all
}

/// The order that most dates show that can be read one way only.
fn own_order(dates: &Dates) -> Option<Order> {
    let (month_first, day_first) = (dates.only_month_first, dates.only_day_first);
    (month_first + day_first > 0).then_some(if day_first > month_first {
        Order::DayFirst
    } else {
        Order::MonthFirst
    })
}
