//! The dialect of metadata.json and of the zip: what of both nobody has seen for certain.
//!
//! An optional member of a connection; without it the defaults hold.
//! ```json
//! "dialect": {
//!   "mappingKey": "Mapping",
//!   "isBootstrap": "text",
//!   "dataFile": "data.csv",
//!   "metadataFile": "metadata.json",
//!   "types": { "EmailType": "EmailType", "StringType": "string" }
//! }
//! ```
//! Each member is optional. `types` says how the service spells a type: its words are also read in
//! the connection's mapping, and every type it names is written so. A type it does not name passes
//! through as the mapping writes it.

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

/// Reads the dialect's words in a mapping: whatever comes after knows our own.
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
                    "the dialect has this word for several types; write which is meant: {}",
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
