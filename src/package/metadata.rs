//! `metadata.json`: what the service is told about `data.csv`.
//!
//! Source: "Import organizational data", section "metadata.json": the dataset's type on line 2,
//! `IsBootstrap` on line 3, then the mapping, with only the fields that are in the file. How they
//! are spelt is the connection's [`Dialect`].

use serde_json::{Map, Value, json};

use crate::{
    connection::{Connector, Dialect, Field},
    run::Refresh,
};

pub(super) fn build<'a>(
    fields: impl Iterator<Item = &'a Field>,
    refresh: Refresh,
    dialect: &Dialect,
) -> String {
    let mapping: Map<String, Value> = fields
        .map(|field| {
            let entry = json!({ "name": field.target, "type": dialect.type_of(field) });
            (field.source.clone(), entry)
        })
        .collect();
    let metadata = json!({
        "DatasetType": Connector::Hr.word(),
        "IsBootstrap": dialect.is_bootstrap.value(refresh),
        (dialect.mapping_key()): mapping,
    });
    format!("{metadata:#}\n")
}
