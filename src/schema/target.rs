//! The services that take an import, their connectors, what a file does to the data that is there, and what
//! is made of it for the push.

use schemars::JsonSchema;
use serde::Serialize;
use strum::{AsRefStr, EnumString, IntoStaticStr, VariantNames};
use utoipa::ToSchema;

/// The service that takes an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, AsRefStr, EnumString, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum Target {
    /// Viva Insights: where nobody names another.
    #[default]
    Viva,
}

/// A connector of the ingestion service.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, AsRefStr, IntoStaticStr, EnumString, VariantNames, JsonSchema,
)]
pub enum Connector {
    /// Organizational data.
    #[strum(serialize = "HR")]
    #[schemars(rename = "HR")]
    Hr,
    /// Answers of surveys.
    Survey,
}

impl Connector {
    /// The word of the paths that tell of an ingestion, which the page spells in its own way.
    #[must_use]
    pub(crate) fn word_of_ingestions(self) -> &'static str {
        match self {
            Self::Hr => "Hr",
            Self::Survey => "Survey",
        }
    }
}

/// Whether a file replaces everything or adds to it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    AsRefStr,
    IntoStaticStr,
    EnumString,
    VariantNames,
    JsonSchema,
    Serialize,
    ToSchema,
)]
#[strum(serialize_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub enum Refresh {
    /// Replaces everything: whoever is not in the file is deactivated.
    Full,
    /// Adds and overwrites by person and date.
    Incremental,
}

/// What the body of a push is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumString, VariantNames, JsonSchema)]
#[strum(serialize_all = "camelCase")]
#[schemars(rename_all = "camelCase")]
pub enum PayloadFormat {
    /// data.csv and metadata.json in one zip, as multipart/form-data.
    Zip,
    /// The CSV alone, its columns called as Viva's fields. What they are mapped to, and what it
    /// replaces, stands in the portal.
    Csv,
    /// The same rows as a JSON array of objects.
    Json,
}

impl PayloadFormat {
    /// What a file of this name is, by its extension.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Self> {
        name.rsplit_once('.')?.1.to_ascii_lowercase().parse().ok()
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Zip => "application/zip",
            Self::Csv => "text/csv",
            Self::Json => "application/json",
        }
    }
}
