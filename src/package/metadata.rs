//! `metadata.json`: what the service is told about `data.csv`.
//!
//! Source: "Import organizational data", section "metadata.json": the dataset's type on line 2,
//! `IsBootstrap` on line 3, then the mapping, with only the fields that are in the file. How they
//! are spelt is the connection's `dialect`.

use serde_json::{Map, Value, json};

use crate::{check::Terms, schema::Field};

pub(super) fn build<'a>(fields: impl Iterator<Item = &'a Field>, terms: &Terms) -> String {
    let Terms { connector, refresh, dialect, .. } = terms;
    let mapping: Map<String, Value> = fields
        .map(|field| {
            let entry = json!({ "name": field.target, "type": dialect.type_of(field) });
            (field.source.clone(), entry)
        })
        .collect();
    let metadata = json!({
        "DatasetType": connector.word(),
        "IsBootstrap": dialect.is_bootstrap.value(*refresh),
        (dialect.mapping_key()): mapping,
    });
    format!("{metadata:#}\n")
}
