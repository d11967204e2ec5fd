//! Holds a file against the last accepted import.

use super::{Terms, date::Day, findings::Findings};
use crate::schema::{DeletionApproval, Id, Kind, Refresh, Severity, Summary};

impl Summary {
    /// What a file was of which nothing was read.
    pub(super) fn nothing(terms: &Terms) -> Self {
        Self {
            connector: terms.connector.word().to_owned(),
            refresh: terms.refresh.word().to_owned(),
            rows: 0,
            people: 0,
            columns: vec![],
            last_day: None,
        }
    }

    /// The latest EffectiveDate.
    pub(super) fn day(&self) -> Option<Day> {
        Day::parse(self.last_day.as_deref()?)
    }
}

/// Something that a full refresh would delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// By which rule that matters.
    pub rule: Id,
    /// The field, where it is one.
    pub column: Option<String>,
    /// What, with the numbers.
    pub what: String,
}

/// What the full refresh `now` would delete of `previous`, beyond `max_percent` of its people and
/// rows. Numbers are only compared where `now` has everybody and `previous` was a full refresh.
#[must_use]
pub fn deletions(
    now: &Summary,
    previous: &Summary,
    max_percent: u64,
    has_everybody: bool,
) -> Vec<Deletion> {
    let gone = previous.columns.iter().filter(|column| now.column(&column.name).is_none());
    let mut deletions: Vec<Deletion> = gone
        .map(|column| Deletion {
            rule: Id::I03,
            column: Some(column.name.clone()),
            what: format!(
                "{} was in the last accepted import and is not in this one: a full refresh without \
                 it deletes it, and the queries that use it stop",
                column.name
            ),
        })
        .collect();
    if !has_everybody || previous.refresh != Refresh::Full.word() {
        return deletions;
    }
    for (what, before, after) in
        [("people", previous.people, now.people), ("rows", previous.rows, now.rows)]
    {
        let lost = u128::from(before.saturating_sub(after));
        if lost * 100 > u128::from(before) * u128::from(max_percent) {
            let tenths = lost * 1000 / u128::from(before);
            let what = format!(
                "{after} {what} where the last accepted import had {before}: {}.{} % fewer, more \
                 than the {max_percent} % that may be missing",
                tenths / 10,
                tenths % 10
            );
            deletions.push(Deletion { rule: Id::I04, column: None, what });
        }
    }
    deletions
}

impl DeletionApproval {
    /// Whether the person who allowed has seen that this would be deleted, or more.
    fn covers(&self, deletion: &Deletion, now: &Summary) -> bool {
        let Some(seen) = &self.seen else { return true };
        match &deletion.column {
            Some(name) => seen.column(name).is_none(),
            None => now.people >= seen.people && now.rows >= seen.rows,
        }
    }
}

/// Holds an import against the last accepted one.
///
/// Where not everybody was read, numbers say nothing and are not compared.
pub(super) fn guard(now: &Summary, has_everybody: bool, terms: &Terms, findings: &mut Findings) {
    let Some(previous) = &terms.previous else { return };
    if terms.refresh == Refresh::Incremental {
        for column in now.columns.iter().filter(|new| previous.column(&new.name).is_none()) {
            let message = format!(
                "{} was not in the last accepted import; the documentation contradicts itself on \
                 new columns in an incremental import, so bring them with a full refresh",
                column.name
            );
            findings.field(Id::I02, Severity::Warning, &column.name, message);
        }
        return;
    }
    let max_percent = terms.limits.max_shrink_percent;
    for deletion in deletions(now, previous, max_percent, has_everybody) {
        let allowed = terms.allowed.as_ref().filter(|allowed| allowed.covers(&deletion, now));
        let (level, message) = match allowed {
            Some(allowed) => {
                (Severity::Warning, format!("{}; let pass {}", deletion.what, allowed.by))
            }
            None => (Severity::Error, deletion.what),
        };
        match deletion.column {
            Some(name) => findings.field(deletion.rule, level, &name, message),
            None => findings.file(deletion.rule, level, &[], message),
        }
    }
    for column in &now.columns {
        let before = previous.column(&column.name);
        if let Some(before) = before.filter(|before| !is_same_type(&column.kind, &before.kind)) {
            let message = format!(
                "{} was of type {} in the last accepted import and is {} in this one",
                column.name, before.kind, column.kind
            );
            findings.field(Id::I03, Severity::Warning, &column.name, message);
        }
    }
}

fn is_same_type(one: &str, other: &str) -> bool {
    match (Kind::parse(one), Kind::parse(other)) {
        (Some(one), Some(other)) => one.is_like(other),
        _ => one == other,
    }
}
