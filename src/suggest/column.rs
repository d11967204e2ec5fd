//! A column of the export: what it is called and holds, what becomes of it, and the names that are
//! proposed for it and for its field.

use std::collections::HashSet;

use super::names::{self, Match};
use crate::{
    check::{Content, Profile, has_plain_letters},
    schema::Kind,
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

/// What is judged of a column.
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

/// What becomes of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// Its header, or its place where that cannot be told.
    pub column: String,
    /// What the header has to be renamed to before the service takes it.
    pub rename: Option<String>,
    /// The field it is mapped to; `None` where it is left out.
    pub field: Option<String>,
    /// The type, by our own word.
    pub kind: Option<&'static str>,
    /// Whether nothing speaks against it; a column that is left out is.
    pub sure: bool,
    /// Why, without any value.
    pub why: String,
}

/// Names that are taken, without capitals and blanks around them.
struct Naming {
    headers: HashSet<String>,
    fields: HashSet<String>,
}

/// Gives each column that is mapped a name the service takes, and each custom field a free one.
pub(super) fn named(columns: &[Column<'_>], verdicts: Vec<Verdict>) -> Vec<Proposed> {
    let mut naming = Naming {
        headers: columns.iter().map(|column| small(&column.called)).collect(),
        fields: HashSet::new(),
    };
    let judged = columns.iter().zip(verdicts);
    judged.map(|(column, verdict)| naming.proposed(column, verdict)).collect()
}

impl Naming {
    fn proposed(&mut self, column: &Column<'_>, verdict: Verdict) -> Proposed {
        match verdict {
            Verdict::LeftOut(why) => left_out(column, why),
            Verdict::Field { target, is_custom, kind, is_sure, why } => {
                let field = if is_custom { self.custom(&target) } else { target };
                Proposed {
                    column: column.called.clone(),
                    rename: self.rename(&column.called, &field),
                    field: Some(field),
                    kind: Some(kind.word()),
                    sure: is_sure,
                    why,
                }
            }
        }
    }

    /// A custom field's name: a second column of the same kind gets a number.
    fn custom(&mut self, target: &str) -> String {
        let name = free(target, |name| self.fields.contains(name));
        self.fields.insert(name.clone());
        name
    }

    /// What a header has to be renamed to before the service takes it.
    fn rename(&mut self, header: &str, field: &str) -> Option<String> {
        if has_plain_letters(header) {
            return None;
        }
        let plain = names::plain(header);
        let base = if plain.is_empty() { field } else { &plain };
        let name = free(base, |name| self.headers.contains(&small(name)));
        self.headers.insert(small(&name));
        Some(name)
    }
}

fn left_out(column: &Column<'_>, why: String) -> Proposed {
    let column = column.called.clone();
    Proposed { column, rename: None, field: None, kind: None, sure: true, why }
}

fn small(name: &str) -> String {
    name.trim().to_lowercase()
}

/// The name, or the first with a number behind it that is not taken.
fn free(base: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number: u32| format!("{base}_{number}"));
    let mut names = std::iter::once(base.to_owned()).chain(numbered);
    names.find(|name| !is_taken(name)).unwrap_or_default()
}
