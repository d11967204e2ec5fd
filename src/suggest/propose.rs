//! From what columns are called and hold to what they are.
//!
//! A name goes before what is in the column, and what is in it has to fit. Whatever has a name that
//! is not known, is not needed or may not leave is left out with the reason.

use std::collections::HashMap;

use crate::{
    check::{Content, Profile, personal},
    schema::{Kind, Order, Target},
};

use super::{
    dates::{self, MIXED},
    names::{self, Match},
    people,
};

/// A column of the export.
pub(super) struct Column<'a> {
    /// What it is called here.
    pub(super) called: String,
    /// Its header, where it has one that nothing else has.
    pub(super) name: Option<&'a str>,
    pub(super) key: String,
    /// Viva's fields that its name means; it may be either of two.
    pub(super) fields: Vec<Match>,
    pub(super) content: &'a Content,
}

impl Column<'_> {
    /// How its name means this field of Viva's, if it does.
    pub(super) fn meant(&self, field: &str) -> Option<Match> {
        self.fields.iter().find(|found| found.field == field).copied()
    }

    /// Whether it holds mostly addresses.
    pub(super) fn is_of_emails(&self) -> bool {
        2 * self.content.emails > self.content.filled
    }
}

/// What becomes of a column.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// It is this field.
    Field {
        /// Viva's name, or the custom one before it is made unique.
        target: String,
        is_custom: bool,
        kind: Kind,
        is_sure: bool,
        why: String,
    },
    /// It stays where it is.
    LeftOut(String),
}

impl Verdict {
    pub(super) fn left_out(why: impl Into<String>) -> Self {
        Self::LeftOut(why.into())
    }
}

/// The columns of an export.
pub(super) fn columns(survey: &Profile) -> Vec<Column<'_>> {
    let alike = |one: &str, other: &str| one.trim().to_lowercase() == other.trim().to_lowercase();
    let names = || survey.columns.iter().filter_map(|column| column.name.as_deref());
    let is_single = |name: &&str| names().filter(|other| alike(name, other)).count() == 1;
    survey
        .columns
        .iter()
        .enumerate()
        .map(|(at, heading)| {
            let key = heading.name.as_deref().map(names::key).unwrap_or_default();
            Column {
                called: heading.name.clone().unwrap_or_else(|| format!("column {}", at + 1)),
                name: heading.name.as_deref().filter(is_single),
                fields: names::matches(&key, &names::FIELDS),
                key,
                content: &heading.content,
            }
        })
        .collect()
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
    let usual = dates::usual(free.map(|(column, _)| column.content));
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
    let kind = match Target::Viva.schema().reserved_kind(target) {
        Some(Kind::Date(_)) => {
            if let Some(remedy) = content.unreadable_dates() {
                return Verdict::left_out(format!("{said}, but {remedy}"));
            }
            let written = dates::written(&content.dates, usual);
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
        let is_mixed = matches!(kind, Kind::Date(_)) && dates::is_mixed(&content.dates);
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
        let why = "it holds addresses of people, and Viva takes those of a person and of the \
                   manager only";
        return Verdict::left_out(why);
    }
    if names::is_of_people(key) {
        let why = "it holds names of people; Viva knows people by their address and needs no \
                   names";
        return Verdict::left_out(why);
    }
    if names::is_number(key) {
        let why = "it is a number or name that a system gives to people; Viva knows people by \
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
        "none of Viva's fields goes by this name; map it by hand if the analysis needs it",
    )
}
