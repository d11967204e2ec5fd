//! `metadata.json`: what the service is told about `data.csv`.
//!
//! Source: "Import organizational data", section "metadata.json": the dataset's type on line 2,
//! `IsBootstrap` as a text on line 3, then the mapping, with only the fields that are in the file.

use serde_json::{Map, Value, json};

use super::header::Columns;
use crate::{connection::Connection, run::Refresh};

pub(super) fn build(columns: &Columns, connection: &Connection, mapping_key: &str) -> String {
    let mapping: Map<String, Value> = columns
        .kept
        .iter()
        .map(|(_, field)| {
            (field.source.clone(), json!({ "name": field.target, "type": field.kind }))
        })
        .collect();
    let is_bootstrap = match connection.refresh {
        Refresh::Full => "true",
        Refresh::Incremental => "false",
    };
    let metadata = json!({
        "DatasetType": connection.connector.word(),
        "IsBootstrap": is_bootstrap,
        (mapping_key): mapping,
    });
    format!("{metadata:#}\n")
}
