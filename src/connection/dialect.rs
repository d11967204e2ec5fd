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

use serde_json::{Map, Value, json};

use super::{Field, Reader, json::escaped};
use crate::{check::Kind, run::Refresh};

/// How metadata.json and the zip are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The key of the mapping; the setting `METADATA_MAPPING_KEY` where it is `None`.
    pub mapping_key: Option<String>,
    /// How `IsBootstrap` is written.
    pub is_bootstrap: IsBootstrap,
    /// The data's name in the zip.
    pub data_file: String,
    /// The metadata's name in the zip.
    pub metadata_file: String,
    /// The service's word for a type, where it is known.
    pub types: Vec<(Kind, String)>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            mapping_key: None,
            is_bootstrap: IsBootstrap::Text,
            data_file: "data.csv".to_owned(),
            metadata_file: "metadata.json".to_owned(),
            types: vec![],
        }
    }
}

/// How `IsBootstrap` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsBootstrap {
    /// `"true"` or `"false"`, in quotation marks.
    Text,
    /// `"True"` or `"False"`, in quotation marks.
    CapitalText,
    /// `true` or `false`, without.
    Boolean,
}

impl IsBootstrap {
    const ALL: [Self; 3] = [Self::Text, Self::CapitalText, Self::Boolean];

    /// The word of a connection document.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::CapitalText => "capitalText",
            Self::Boolean => "boolean",
        }
    }

    /// What stands in metadata.json for this refresh.
    #[must_use]
    pub fn value(self, refresh: Refresh) -> Value {
        let is_full = refresh == Refresh::Full;
        match self {
            Self::Text => is_full.to_string().into(),
            Self::CapitalText => if is_full { "True" } else { "False" }.into(),
            Self::Boolean => is_full.into(),
        }
    }

    /// How a value of metadata.json is written; `None` where it is no truth at all.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        let refreshes = [Refresh::Full, Refresh::Incremental];
        Self::ALL
            .into_iter()
            .find(|written| refreshes.iter().any(|refresh| written.value(*refresh) == *value))
    }
}

impl Dialect {
    /// The members of metadata.json that are not the mapping.
    pub(crate) const FIXED_KEYS: [&str; 2] = ["DatasetType", "IsBootstrap"];

    /// The dialect with this key for the mapping, where it names none itself.
    #[must_use]
    pub fn or_key(&self, key: &str) -> Self {
        let mapping_key = self.mapping_key.clone().or_else(|| Some(key.to_owned()));
        Self { mapping_key, ..self.clone() }
    }

    /// The key of the mapping.
    #[must_use]
    pub fn mapping_key(&self) -> &str {
        self.mapping_key.as_deref().unwrap_or("Mapping")
    }

    /// The word that is written for a field's type.
    #[must_use]
    pub fn type_of<'a>(&'a self, field: &'a Field) -> &'a str {
        let kind = Kind::parse(&field.kind);
        let known = self.types.iter().find(|(known, _)| Some(*known) == kind);
        known.map_or(&field.kind, |(_, word)| word)
    }

    /// Reads the service's word for a field's type as our own, where it stands for one alone.
    pub(crate) fn translate(&self, field: &mut Field) {
        let mut named = self.types.iter().filter(|(_, word)| *word == field.kind);
        if let (Some((kind, _)), None) = (named.next(), named.next()) {
            kind.word().clone_into(&mut field.kind);
        }
    }

    /// The member of a connection document that says the same.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut members = Map::new();
        if let Some(key) = &self.mapping_key {
            members.insert("mappingKey".to_owned(), key.as_str().into());
        }
        members.insert("isBootstrap".to_owned(), self.is_bootstrap.word().into());
        members.insert("dataFile".to_owned(), self.data_file.as_str().into());
        members.insert("metadataFile".to_owned(), self.metadata_file.as_str().into());
        if !self.types.is_empty() {
            let types = self.types.iter().map(|(kind, word)| (kind.word().to_owned(), json!(word)));
            members.insert("types".to_owned(), Value::Object(types.collect()));
        }
        Value::Object(members)
    }
}

/// Whether a file may be called so in the zip: a plain name with this ending.
#[must_use]
pub fn is_file_name(name: &str, ending: &str) -> bool {
    let stem = name.rsplit_once('.').filter(|(_, end)| end.eq_ignore_ascii_case(ending));
    stem.is_some_and(|(stem, _)| stem.starts_with(|first: char| first.is_ascii_alphanumeric()))
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

impl Reader {
    /// The dialect of a connection; the defaults where it has none.
    pub(super) fn dialect(&mut self, members: &Map<String, Value>) -> Dialect {
        let at = "/dialect";
        let mut dialect = Dialect::default();
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
            match IsBootstrap::ALL.into_iter().find(|written| written.word() == word) {
                Some(written) => dialect.is_bootstrap = written,
                None => self.fault(
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
