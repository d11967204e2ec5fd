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

use serde_json::{Map, Value};

use super::Reader;
use crate::schema::{Dialect, Field, Kind, Target, document::escaped, is_file_name};

impl Reader {
    /// The dialect of a connection; the defaults where it has none.
    pub(super) fn dialect(&mut self, members: &Map<String, Value>) -> Dialect {
        let at = "/dialect";
        let mut dialect = Target::default().schema().dialect();
        if !members.contains_key("dialect") {
            return dialect;
        }
        let Some(members) = self.object("", members, "dialect") else { return dialect };
        let known = ["mappingKey", "isBootstrap", "dataFile", "metadataFile", "types"];
        self.refuse_unknown(at, members, &known);
        dialect.mapping_key = self.optional_text(at, members, "mappingKey").map(str::to_owned);
        if let Some(key) = &dialect.mapping_key
            && Dialect::FIXED_KEYS.contains(&key.as_str())
        {
            self.fault("/dialect/mappingKey", format!("{key} is another member of metadata.json"));
        }
        if let Some(word) = self.optional_text(at, members, "isBootstrap") {
            match word.parse() {
                Ok(written) => dialect.is_bootstrap = written,
                Err(_) => self.fault(
                    "/dialect/isBootstrap",
                    "must be \"text\" (\"true\"), \"capitalText\" (\"True\") or \"boolean\" (true)",
                ),
            }
        }
        let files = [
            ("dataFile", "csv", &mut dialect.data_file),
            ("metadataFile", "json", &mut dialect.metadata_file),
        ];
        for (key, ending, file) in files {
            let Some(name) = self.optional_text(at, members, key) else { continue };
            if is_file_name(name, ending) {
                name.clone_into(file);
            } else {
                let what = format!("must be a plain file name that ends in .{ending}, no path");
                self.fault(&format!("{at}/{key}"), what);
            }
        }
        if members.contains_key("types")
            && let Some(types) = self.object(at, members, "types")
        {
            dialect.types = self.types(types);
        }
        dialect
    }

    fn types(&mut self, members: &Map<String, Value>) -> Vec<(Kind, String)> {
        let mut types = vec![];
        for key in members.keys() {
            let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.word() == key) else {
                let known = Kind::ALL.map(Kind::word).join(", ");
                let at = format!("/dialect/types/{}", escaped(key));
                self.fault(&at, format!("unknown; known here: {known}"));
                continue;
            };
            if let Some(word) = self.optional_text("/dialect/types", members, key) {
                types.push((kind, word.to_owned()));
            }
        }
        types
    }

    /// Reads the dialect's words in a mapping: whatever comes after knows our own.
    pub(super) fn translate(&mut self, dialect: &Dialect, fields: &mut [Field]) {
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
                    self.fault(&format!("/mapping/{}/type", escaped(&field.source)), what);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
