//! Decides about each column by its name and content, once the first line is certainly a header: a row of
//! people must never be shown as the names of columns.
//!
//! The name decides first, and the content must fit. A column with an unknown name, or with data that is not
//! needed or must not be sent, is not mapped; the reason says why.

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

/// This number of columns with known names makes the first line a header.
const KNOWN_NAMES: usize = 3;
/// At least this percentage of dates must be valid in one order only to show the order of a column.
const TELLING_PERCENT: u64 = 5;

/// What is wrong with dates in both orders, and what to do.
const MIXED: &str = "some dates are valid only month first, others only day first. Write all dates in the \
                     same order in the export";

/// Whether the first line is a header.
///
/// It is one if a column with the name of the person's or the manager's address has addresses, or if several
/// known names of different fields occur. Nothing else counts, because the words of a row can look like names.
pub(super) fn has_header(columns: &[Column<'_>]) -> bool {
    let is_of_people = |column: &Column<'_>| {
        let is_meant = |field| column.meant(field).is_some();
        column.is_of_emails() && (is_meant("PersonId") || is_meant("ManagerId"))
    };
    columns.iter().any(is_of_people) || known_fields(columns).len() >= KNOWN_NAMES
}

/// The fields with a clear name, without those of people, because `Manager` is also a job.
fn known_fields(columns: &[Column<'_>]) -> HashSet<&'static str> {
    let fields = columns.iter().flat_map(|column| {
        let own = column.fields.iter().copied();
        own.chain(names::matches(&column.key, &names::CUSTOM))
    });
    let is_known = |field: &str| !["PersonId", "ManagerId"].contains(&field);
    let clear = fields.filter(|found| found.is_clear && is_known(found.field));
    clear.map(|found| found.field).collect()
}

/// The decision about each column.
pub(super) fn judge(columns: &[Column<'_>], profile: &Profile) -> Vec<Verdict> {
    let mut verdicts: Vec<Option<Verdict>> = columns.iter().map(not_mapped).collect();
    // The first two fields are addresses, and found together.
    let people = people::find(columns, &verdicts, profile);
    for (at, verdict) in people.verdicts(columns, profile) {
        verdicts[at] = Some(verdict);
    }
    let free = columns.iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_none());
    let usual = usual_order(free.map(|(column, _)| column.content));
    // Why an unclear name is not the field that it may mean.
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

/// The decision about a column that is never mapped.
fn not_mapped(column: &Column<'_>) -> Option<Verdict> {
    let Column { name, key, content, .. } = column;
    let Some(name) = name else {
        let why = if key.is_empty() {
            "The column has no name in the header, or no readable one. Name it if you need it"
        } else {
            "Another column has the same name; case and spaces are ignored. Rename one if you need it"
        };
        return Some(Verdict::not_mapped(why));
    };
    if content.filled == 0 {
        return Some(Verdict::not_mapped("It has no values"));
    }
    // One in twenty is no accident.
    if 20 * content.numbers_of_people >= content.filled {
        let why = "Its values look like national identity numbers or bank accounts, which must not be sent";
        return Some(Verdict::not_mapped(why));
    }
    let what = personal(name).or_else(|| personal(&names::plain(name)));
    let what = what.or_else(|| names::personal(key));
    let what = what.filter(|_| column.fields.is_empty())?;
    Some(Verdict::not_mapped(format!("It looks like {what}, which the analysis does not need")))
}

/// The decision about a column whose name matches a field of Viva.
fn reserved(target: &str, is_clear: bool, column: &Column<'_>, usual: Option<Order>) -> Verdict {
    let content = column.content;
    let (name, mut why) = if is_clear {
        (format!("Its name matches {target}"), "Its name matches".to_owned())
    } else {
        (format!("Its name may mean {target}"), "Its name may mean this field".to_owned())
    };
    if column.is_of_emails() {
        return Verdict::not_mapped(format!("{name}, but it has addresses of people"));
    }
    let mut is_confident = is_clear;
    let kind = match Target::default().schema().reserved_kind(target) {
        Some(Kind::Date(_)) => {
            if let Some(remedy) = content.unreadable_dates() {
                return Verdict::not_mapped(format!(
                    "{name}, but its dates cannot be read. {remedy}"
                ));
            }
            let written = type_of_dates(&content.dates, usual);
            is_confident &= written.is_confident;
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
        (_, Kind::Date(_)) => "dates in a format that the service reads",
        (_, Kind::Integer) => "whole numbers",
        _ => "plain numbers such as 23.75",
    };
    if 20 * fitting < 19 * content.filled {
        let is_mixed = matches!(kind, Kind::Date(_)) && has_both_orders(&content.dates);
        let why = format!("its values are not {wanted}");
        return Verdict::not_mapped(format!("{name}, but {}", if is_mixed { MIXED } else { &why }));
    }
    if fitting < content.filled {
        is_confident = false;
        why = format!("{why}. Values that are not {wanted}: {}", content.filled - fitting);
    }
    if target == "HourlyRate" {
        is_confident = false;
        why.push_str(
            ". It is pay in US dollars. Delete it from the mapping if the analysis does not need it",
        );
    }
    Verdict::Field { target: target.to_owned(), is_custom: false, kind, is_confident, why }
}

/// The decision about a column that matches no field of Viva; `doubt` says why it is not the field that its
/// name may mean.
fn rest(column: &Column<'_>, doubt: Option<Verdict>) -> Verdict {
    let key = &column.key;
    if column.is_of_emails() {
        let why = "It has addresses of people, but the service accepts only those of the person and of the \
                   manager";
        return Verdict::not_mapped(why);
    }
    if names::is_of_people(key) {
        let why = "It has names of people. The service identifies people by their address and needs no names";
        return Verdict::not_mapped(why);
    }
    if names::is_number(key) {
        let why = "It has ids that a system gives to people. The service identifies people by their address";
        return Verdict::not_mapped(why);
    }
    if let Some(known) = names::matches(key, &names::CUSTOM).into_iter().next() {
        let (is_confident, why) = if known.is_clear {
            (true, "Its name matches a custom field that is useful for grouping")
        } else {
            (false, "Its name may mean this custom field, which is useful for grouping")
        };
        let (target, why) = (known.field.to_owned(), why.to_owned());
        return Verdict::Field { target, is_custom: true, kind: Kind::Text, is_confident, why };
    }
    if let Some(doubt) = doubt {
        return doubt;
    }
    if let Some(found) = column.fields.first() {
        return Verdict::not_mapped(format!(
            "Another column matches {} better. Add this one to the mapping if the analysis needs it",
            found.field
        ));
    }
    Verdict::not_mapped(
        "No field of the service has this name. Add it to the mapping if the analysis needs it",
    )
}

/// The type of a column of dates, and whether it is certain.
struct TypeOfDates {
    kind: Kind,
    is_confident: bool,
    why: &'static str,
}

/// The type of a column's dates by their order; `usual` is the order of the file's other dates, if they show
/// one.
fn type_of_dates(dates: &Dates, usual: Option<Order>) -> TypeOfDates {
    let (order, is_confident, why) = match (own_order(dates), usual) {
        (Some(order), _) if has_both_orders(dates) => (order, false, MIXED),
        (Some(order), usual) if !shows_order(dates) => {
            let why = "almost none of its dates shows whether month or day comes first";
            (usual.unwrap_or(order), false, why)
        }
        (Some(Order::MonthFirst), _) => {
            (Order::MonthFirst, true, "its dates are written month first, or year first")
        }
        (Some(Order::DayFirst), _) => (Order::DayFirst, true, "its dates are written day first"),
        (None, _) if dates.both_ways == 0 && dates.month_first >= dates.day_first => {
            (Order::MonthFirst, true, "its dates can be read in only one way")
        }
        (None, Some(order)) => {
            let why = "all its dates are ambiguous (day 12 or less). They are read like the other dates of \
                       the file";
            (order, false, why)
        }
        (None, None) if dates.day_first > dates.month_first => {
            let why = "its years have two digits, which is valid only day first, and no date shows its order";
            (Order::DayFirst, false, why)
        }
        (None, None) => {
            let why = "all its dates are ambiguous (day 12 or less). They are read month first. If your \
                       export is day first, change the type to DateTime_DDMMYYYY";
            (Order::MonthFirst, false, why)
        }
    };
    TypeOfDates { kind: Kind::Date(order), is_confident, why }
}

/// The order of a file's dates, if all columns that show an order show the same.
fn usual_order<'a>(contents: impl Iterator<Item = &'a Content>) -> Option<Order> {
    let mut orders = contents.filter_map(|content| {
        let dates = &content.dates;
        own_order(dates).filter(|_| shows_order(dates) && !has_both_orders(dates))
    });
    let first = orders.next()?;
    orders.all(|order| order == first).then_some(first)
}

/// Whether some dates are valid only in one order, and others only in the other.
fn has_both_orders(dates: &Dates) -> bool {
    dates.only_month_first > 0 && dates.only_day_first > 0
}

/// Whether enough dates are valid in one order only; a single one may be a typing error.
fn shows_order(dates: &Dates) -> bool {
    let telling = dates.only_month_first.max(dates.only_day_first);
    let all = dates.only_month_first + dates.only_day_first + dates.both_ways;
    telling > 0 && 100 * telling >= TELLING_PERCENT * all
}

/// The order of most dates that are valid in one order only.
fn own_order(dates: &Dates) -> Option<Order> {
    let (month_first, day_first) = (dates.only_month_first, dates.only_day_first);
    (month_first + day_first > 0).then_some(if day_first > month_first {
        Order::DayFirst
    } else {
        Order::MonthFirst
    })
}
