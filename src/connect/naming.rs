//! Names that the service takes: of columns, and of the fields they become.

use std::collections::HashSet;

use super::{
    MAX_FIELDS, Proposed, names,
    propose::{Column, Verdict},
};
use crate::check::{has_plain_letters, is_system, misspelt, reserved_kind};

/// Names that are taken, without capitals and blanks around them.
struct Naming {
    headers: HashSet<String>,
    fields: HashSet<String>,
    /// How many custom fields there may be yet.
    room: usize,
}

/// Gives each column that is mapped a name the service takes, and each custom field a free one.
pub(super) fn named(columns: &[Column<'_>], verdicts: Vec<Verdict>) -> Vec<Proposed> {
    let is_own = |verdict: &&Verdict| matches!(verdict, Verdict::Field { is_custom: false, .. });
    let mut naming = Naming {
        headers: columns.iter().map(|column| small(&column.called)).collect(),
        fields: HashSet::new(),
        room: MAX_FIELDS - verdicts.iter().filter(is_own).count(),
    };
    let judged = columns.iter().zip(verdicts).enumerate();
    judged.map(|(at, (column, verdict))| naming.proposed(at, column, verdict)).collect()
}

impl Naming {
    fn proposed(&mut self, at: usize, column: &Column<'_>, verdict: Verdict) -> Proposed {
        match verdict {
            Verdict::LeftOut(why) => left_out(column, why),
            Verdict::Field { is_custom: true, .. } if self.room == 0 => {
                let why =
                    format!("the service takes {MAX_FIELDS} fields, which others are already");
                left_out(column, why)
            }
            Verdict::Field { target, is_custom, kind, is_sure, why } => {
                let field = if is_custom { self.custom(target, at) } else { target };
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

    /// A custom field's name; those that mean something to the service are never given.
    fn custom(&mut self, target: String, at: usize) -> String {
        let base = if target.is_empty() { format!("Column_{}", at + 1) } else { target };
        let base = if is_system(&base) { format!("Hr_{base}") } else { base };
        let name = free(&base, |name| {
            self.fields.contains(&small(name))
                || reserved_kind(name).is_some()
                || misspelt(name).is_some()
        });
        self.fields.insert(small(&name));
        self.room -= 1;
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
