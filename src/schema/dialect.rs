//! The form of metadata.json and of the zip, as far as Microsoft's documentation leaves it open.

use serde_json::{Map, Value, json};

use schemars::JsonSchema;
use strum::{AsRefStr, EnumString, VariantArray, VariantNames};

use super::{fields::Kind, target::Refresh};
use crate::schema::fields::Field;

/// The form of metadata.json and of the zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The key of the mapping; `None` means the setting `METADATA_MAPPING_KEY`.
    pub mapping_key: Option<String>,
    /// How `IsBootstrap` is written.
    pub is_bootstrap: IsBootstrap,
    /// The name of the data in the zip.
    pub data_file: String,
    /// The name of the metadata in the zip.
    pub metadata_file: String,
    /// The service's names of types, if they differ from ours.
    pub types: Vec<(Kind, String)>,
}

/// How `IsBootstrap` is written.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumString, VariantArray, VariantNames, JsonSchema,
)]
#[strum(serialize_all = "camelCase")]
#[schemars(rename_all = "camelCase")]
pub enum IsBootstrap {
    /// `"true"` or `"false"`, with quotation marks.
    Text,
    /// `"True"` or `"False"`, with quotation marks.
    CapitalText,
    /// `true` or `false`, without quotation marks.
    Boolean,
}

impl IsBootstrap {
    /// The value in metadata.json for this refresh.
    #[must_use]
    pub fn value(self, refresh: Refresh) -> Value {
        let is_full = refresh == Refresh::Full;
        match self {
            Self::Text => is_full.to_string().into(),
            Self::CapitalText => if is_full { "True" } else { "False" }.into(),
            Self::Boolean => is_full.into(),
        }
    }

    /// The form of a value in metadata.json; `None` if it is neither true nor false.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        let refreshes = [Refresh::Full, Refresh::Incremental];
        <Self as VariantArray>::VARIANTS
            .iter()
            .copied()
            .find(|written| refreshes.iter().any(|refresh| written.value(*refresh) == *value))
    }
}

impl Dialect {
    /// The member of metadata.json that names the connector.
    pub(crate) const CONNECTOR_KEY: &str = "DatasetType";
    /// The member of metadata.json that names the refresh.
    pub(crate) const REFRESH_KEY: &str = "IsBootstrap";
    /// The members of metadata.json that are not the mapping.
    pub(crate) const FIXED_KEYS: [&str; 2] = [Self::CONNECTOR_KEY, Self::REFRESH_KEY];

    /// The dialect with this key for the mapping, if it has none.
    #[must_use]
    pub(crate) fn or_key(&self, key: &str) -> Self {
        let mapping_key = self.mapping_key.clone().or_else(|| Some(key.to_owned()));
        Self { mapping_key, ..self.clone() }
    }

    /// The key of the mapping.
    #[must_use]
    pub(crate) fn mapping_key(&self) -> &str {
        self.mapping_key.as_deref().unwrap_or("Mapping")
    }

    /// The name that is written for a field's type.
    #[must_use]
    pub(crate) fn type_of<'a>(&'a self, field: &'a Field) -> &'a str {
        let kind = Kind::parse(&field.kind);
        let known = self.types.iter().find(|(known, _)| Some(*known) == kind);
        known.map_or(&field.kind, |(_, word)| word)
    }

    /// Replaces the service's name of a field's type by ours, if it means only one type.
    pub(crate) fn translate(&self, field: &mut Field) {
        let mut named = self.types.iter().filter(|(_, word)| *word == field.kind);
        if let (Some((kind, _)), None) = (named.next(), named.next()) {
            kind.word().clone_into(&mut field.kind);
        }
    }

    /// The `dialect` member of a connection document with the same meaning.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut members = Map::new();
        if let Some(key) = &self.mapping_key {
            members.insert("mappingKey".to_owned(), key.as_str().into());
        }
        members.insert("isBootstrap".to_owned(), self.is_bootstrap.as_ref().into());
        members.insert("dataFile".to_owned(), self.data_file.as_str().into());
        members.insert("metadataFile".to_owned(), self.metadata_file.as_str().into());
        if !self.types.is_empty() {
            let types = self.types.iter().map(|(kind, word)| (kind.word().to_owned(), json!(word)));
            members.insert("types".to_owned(), Value::Object(types.collect()));
        }
        Value::Object(members)
    }
}

/// Whether a file in the zip may have this name: a plain name with this extension.
#[must_use]
pub(crate) fn is_file_name(name: &str, ending: &str) -> bool {
    let stem = name.rsplit_once('.').filter(|(_, end)| end.eq_ignore_ascii_case(ending));
    stem.is_some_and(|(stem, _)| stem.starts_with(|first: char| first.is_ascii_alphanumeric()))
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
