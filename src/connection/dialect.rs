//! The dialect: the spelling of metadata.json and the names in the zip, which no documentation defines.
//!
//! It is an optional member of a connection; without it, the defaults apply.
//! ```json
//! "dialect": {
//!   "mappingKey": "Mapping",
//!   "isBootstrap": "text",
//!   "dataFile": "data.csv",
//!   "metadataFile": "metadata.json",
//!   "types": { "EmailType": "EmailType", "StringType": "string" }
//! }
//! ```
//! Each member is optional. `types` says how the service spells a type: a mapping may use that spelling, and
//! metadata.json has it. A type that is not in `types` is written as in the mapping.

use super::{document::DialectDocument, faults::fault};
use crate::schema::{Dialect, Fault, Field, Kind, Target, document::escaped};

impl From<DialectDocument> for Dialect {
    fn from(document: DialectDocument) -> Self {
        let default = Target::default().schema().dialect();
        Self {
            mapping_key: document.mapping_key.map(|key| key.0),
            is_bootstrap: document.is_bootstrap.unwrap_or(default.is_bootstrap),
            data_file: document.data_file.map_or(default.data_file, |name| name.0),
            metadata_file: document.metadata_file.map_or(default.metadata_file, |name| name.0),
            types: document.types.unwrap_or_default().0,
        }
    }
}

/// Replaces the dialect's types in a mapping by our own, which the rest of the program knows.
pub(super) fn translate(dialect: &Dialect, fields: &mut [Field]) -> Vec<Fault> {
    let mut faults = vec![];
    for field in fields {
        let named = dialect.types.iter().filter(|(_, word)| *word == field.kind);
        let kinds: Vec<Kind> = named.map(|(kind, _)| *kind).collect();
        match kinds[..] {
            [] => {}
            [kind] => kind.word().clone_into(&mut field.kind),
            _ if Kind::parse(&field.kind).is_some_and(|own| kinds.contains(&own)) => {}
            _ => {
                let words: Vec<&str> = kinds.into_iter().map(Kind::word).collect();
                let what = format!(
                    "the dialect uses this type for several types. Write the one that is meant: {}",
                    words.join(" or ")
                );
                faults.push(fault(format!("/mapping/{}/type", escaped(&field.source)), what));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests;
