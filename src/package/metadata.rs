//! `metadata.json`: what the service is told about `data.csv`.
//!
//! Source: "Import organizational data", section "metadata.json": the dataset's type on line 2,
//! `IsBootstrap` as a text on line 3, then the mapping, with only the fields that are in the file.

use serde_json::{Map, Value, json};

use crate::{
    connection::{Connector, Field},
    run::Refresh,
};

pub(super) fn build<'a>(
    fields: impl Iterator<Item = &'a Field>,
    connector: Connector,
    refresh: Refresh,
    mapping_key: &str,
) -> String {
    let mapping: Map<String, Value> = fields
        .map(|field| (field.source.clone(), json!({ "name": field.target, "type": field.kind })))
        .collect();
    let is_bootstrap = match refresh {
        Refresh::Full => "true",
        Refresh::Incremental => "false",
    };
    let metadata = json!({
        "DatasetType": connector.word(),
        "IsBootstrap": is_bootstrap,
        (mapping_key): mapping,
    });
    format!("{metadata:#}\n")
}
