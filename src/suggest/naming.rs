//! Names that the service takes: of columns, and of the fields they become.

use std::collections::HashSet;

use super::{
    Proposed, names,
    propose::{Column, Verdict},
};
use crate::check::has_plain_letters;

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
