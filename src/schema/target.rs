//! The services that receive an import, their connectors, the kinds of refresh, and the formats of a push.

use schemars::JsonSchema;
use serde::Serialize;
use strum::{AsRefStr, EnumString, IntoStaticStr, VariantNames};
use utoipa::ToSchema;

/// The service that receives an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, AsRefStr, EnumString, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum Target {
    /// Viva Insights, the default.
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
    /// Survey answers.
    Survey,
}

impl Connector {
    /// Its name in the paths for the status of an ingestion, which Microsoft's page spells differently.
    #[must_use]
    pub(crate) fn word_of_ingestions(self) -> &'static str {
        match self {
            Self::Hr => "Hr",
            Self::Survey => "Survey",
        }
    }
}

/// Whether a file replaces the existing data or adds to it.
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
    /// Replaces all data, and deactivates people who are missing from the file.
    Full,
    /// Adds rows, and overwrites those with the same person and date.
    Incremental,
}

/// The format of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumString, VariantNames, JsonSchema)]
#[strum(serialize_all = "camelCase")]
#[schemars(rename_all = "camelCase")]
pub enum PayloadFormat {
    /// data.csv and metadata.json in one zip, as multipart/form-data.
    Zip,
    /// The CSV alone, with the names of Viva's fields. The portal has the mapping and the refresh.
    Csv,
    /// The same rows as a JSON array of objects.
    Json,
}

impl PayloadFormat {
    /// The format of a file, by its extension.
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
