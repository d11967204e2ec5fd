//! A column of the export with its name and content, and the proposal for it: its field, and new names for
//! column and field.

use std::collections::HashSet;

use super::names::{self, Match};
use crate::{
    check::{Content, Profile, has_plain_letters},
    schema::Kind,
};

/// A column of the export.
pub(super) struct Column<'a> {
    /// Its name in the result: its header, or its number.
    pub(super) called: String,
    /// Its header, if no other column has the same.
    pub(super) name: Option<&'a str>,
    pub(super) key: String,
    /// Viva's fields that its name may mean.
    pub(super) fields: Vec<Match>,
    pub(super) content: &'a Content,
}

impl Column<'_> {
    /// How its name matches this field of Viva, if it does.
    pub(super) fn meant(&self, field: &str) -> Option<Match> {
        self.fields.iter().find(|found| found.field == field).copied()
    }

    /// Whether most of its values are addresses.
    pub(super) fn is_of_emails(&self) -> bool {
        2 * self.content.emails > self.content.filled
    }
}

/// The columns of an export.
pub(super) fn columns(profile: &Profile) -> Vec<Column<'_>> {
    let alike = |one: &str, other: &str| one.trim().to_lowercase() == other.trim().to_lowercase();
    let names = || profile.columns.iter().filter_map(|column| column.name.as_deref());
    let is_single = |name: &&str| names().filter(|other| alike(name, other)).count() == 1;
    profile
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

/// The decision about a column.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// It is mapped to this field.
    Field {
        /// Viva's name, or the custom name before it is made unique.
        target: String,
        is_custom: bool,
        kind: Kind,
        is_confident: bool,
        why: String,
    },
    /// It is not mapped, for this reason.
    NotMapped(String),
}

impl Verdict {
    pub(super) fn not_mapped(why: impl Into<String>) -> Self {
        Self::NotMapped(why.into())
    }
}

/// The proposal for a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// Its header, or its number if the header is empty.
    pub column: String,
    /// The new name of the header, if the service does not accept the present one.
    pub rename: Option<String>,
    /// The field that it is mapped to; `None` if it is not mapped.
    pub field: Option<String>,
    /// The type, in our own spelling.
    pub kind: Option<&'static str>,
    /// Whether the proposal is certain; always for a column that is not mapped.
    pub confident: bool,
    /// Why, without any value of the column.
    pub why: String,
}

/// Names that are in use, in lower case and without blanks around them.
struct Naming {
    headers: HashSet<String>,
    fields: HashSet<String>,
}

/// A reason of one or more sentences, with the last period.
fn sentence(why: &str) -> String {
    format!("{}.", why.trim_end_matches('.'))
}

/// Gives each mapped column a name that the service accepts, and each custom field a name of its own.
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
            Verdict::NotMapped(why) => not_mapped(column, &why),
            Verdict::Field { target, is_custom, kind, is_confident, why } => {
                let field = if is_custom { self.custom(&target) } else { target };
                Proposed {
                    column: column.called.clone(),
                    rename: self.rename(&column.called, &field),
                    field: Some(field),
                    kind: Some(kind.word()),
                    confident: is_confident,
                    why: sentence(&why),
                }
            }
        }
    }

    /// A custom field's name; the second column with the same one gets a number.
    fn custom(&mut self, target: &str) -> String {
        let name = free(target, |name| self.fields.contains(name));
        self.fields.insert(name.clone());
        name
    }

    /// The new name of a header that the service does not accept.
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

fn not_mapped(column: &Column<'_>, why: &str) -> Proposed {
    let (column, why) = (column.called.clone(), sentence(why));
    Proposed { column, rename: None, field: None, kind: None, confident: true, why }
}

fn small(name: &str) -> String {
    name.trim().to_lowercase()
}

/// The name, or the name with the first number that makes it unique.
fn free(base: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number: u32| format!("{base}_{number}"));
    let mut names = std::iter::once(base.to_owned()).chain(numbered);
    names.find(|name| !is_taken(name)).unwrap_or_default()
}
