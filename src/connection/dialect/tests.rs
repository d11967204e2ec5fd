//! Valid dialects, and the faults of invalid ones.

use serde_json::{Value, json};

use super::*;
use crate::schema::IsBootstrap;
use crate::{
    check::mapping_faults,
    connection::Connection,
    schema::{Order, Target},
};

/// A connection with this dialect, whose columns are of these types.
fn parsed(dialect: &str, types: &[&str]) -> Result<Connection, Vec<String>> {
    let fields = types
        .iter()
        .enumerate()
        .map(|(at, word)| format!(r#""C{at}": {{ "name": "Custom{at}", "type": "{word}" }}"#));
    let fields = fields.collect::<Vec<_>>().join(",");
    let document = format!(
        r#"{{ "tenantId": "11111111-2222-3333-4444-555555555555", "connector": "HR",
              "refresh": "full", "credential": {{ "kind": "managedIdentity" }},
              "mapping": {{ {fields} }}, "dialect": {dialect} }}"#
    );
    Connection::parse("hr", document.as_bytes())
        .map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

#[test]
fn an_empty_dialect_is_the_default() {
    assert_eq!(parsed("{}", &["EmailType"]).unwrap().dialect, Target::default().schema().dialect());
}

#[test]
fn a_dialect_is_read_and_written_alike() {
    let dialect = Dialect {
        mapping_key: Some("ColumnMap".to_owned()),
        is_bootstrap: IsBootstrap::Boolean,
        data_file: "Data.csv".to_owned(),
        metadata_file: "meta.JSON".to_owned(),
        types: vec![
            (Kind::Email, "Mail".to_owned()),
            (Kind::Date(Order::DayFirst), "Date_DMY".to_owned()),
        ],
    };
    let document = dialect.document().to_string();
    assert_eq!(parsed(&document, &["EmailType"]).unwrap().dialect, dialect);
}

#[test]
fn the_dialects_types_are_read_in_the_mapping_and_written_in_metadata_json() {
    let dialect = r#"{ "types": { "EmailType": "Address", "StringType": "string" } }"#;
    let words = ["Address", "Email", "String", "double", "nonsense"];
    let connection = parsed(dialect, &words).unwrap();
    let read: Vec<&str> = connection.mapping.iter().map(|field| field.kind.as_str()).collect();
    assert_eq!(read, ["EmailType", "Email", "String", "double", "nonsense"]);
    let written: Vec<&str> =
        connection.mapping.iter().map(|field| connection.dialect.type_of(field)).collect();
    assert_eq!(written, ["Address", "Address", "string", "double", "nonsense"]);
    assert_eq!(
        mapping_faults(Target::Viva.schema(), &connection.mapping[..4], &connection.checks),
        [""; 0]
    );
    // Without `types`, they are passed on.
    let plain = parsed("{}", &words).unwrap();
    let through: Vec<&str> =
        plain.mapping.iter().map(|field| plain.dialect.type_of(field)).collect();
    assert_eq!(through, words);
}

#[test]
fn one_word_for_two_types_can_be_written_but_not_read() {
    let dialect =
        r#"{ "types": { "DateTime_MMDDYYYY": "DateTime", "DateTime_DDMMYYYY": "DateTime" } }"#;
    let connection = parsed(dialect, &["DateTime_DDMMYYYY"]).unwrap();
    assert_eq!(connection.dialect.type_of(&connection.mapping[0]), "DateTime");
    let faults = parsed(dialect, &["DateTime"]).unwrap_err().concat();
    let expected = "/mapping/C0/type: the dialect uses this type for several types. Write the one that \
                    is meant: DateTime_MMDDYYYY or DateTime_DDMMYYYY";
    assert_eq!(faults, expected);
    let shared = r#"{ "types": { "double": "double", "int32": "double" } }"#;
    assert_eq!(parsed(shared, &["double"]).unwrap().mapping[0].kind, "double");
}

#[test]
fn each_fault_of_a_dialect_has_its_place() {
    for (dialect, place) in [
        ("[]", "/dialect: must be an object"),
        (r#"{ "key": "Mapping" }"#, "/dialect/key: unknown"),
        (r#"{ "mappingKey": "" }"#, "/dialect/mappingKey: must be a text"),
        (r#"{ "mappingKey": "IsBootstrap" }"#, "/dialect/mappingKey: must be a text"),
        (r#"{ "isBootstrap": "True" }"#, "/dialect/isBootstrap: must be"),
        (r#"{ "isBootstrap": true }"#, "/dialect/isBootstrap: must be \"text\""),
        (r#"{ "dataFile": "data.json" }"#, "/dialect/dataFile: must be a file name"),
        (r#"{ "dataFile": "a/data.csv" }"#, "/dialect/dataFile: must be a file name"),
        (r#"{ "dataFile": "..\\data.csv" }"#, "/dialect/dataFile: must be a file name"),
        (r#"{ "dataFile": ".csv" }"#, "/dialect/dataFile: must be a file name"),
        (r#"{ "metadataFile": "data.csv" }"#, "/dialect/metadataFile: must be a file name"),
        (r#"{ "types": [] }"#, "/dialect/types: must be an object"),
        (
            r#"{ "types": { "a/b": "x" } }"#,
            "/dialect/types/a~1b: unknown; expected one of: EmailType",
        ),
        (r#"{ "types": { "EmailType": 5 } }"#, "/dialect/types/EmailType: must be a text"),
    ] {
        let faults = parsed(dialect, &["EmailType"]).unwrap_err();
        assert!(faults.len() == 1 && faults[0].starts_with(place), "{dialect}: {faults:?}");
    }
}

#[test]
fn the_spelling_of_is_bootstrap_is_recognized() {
    for (value, written) in [
        (json!("true"), Some(IsBootstrap::Text)),
        (json!("false"), Some(IsBootstrap::Text)),
        (json!("False"), Some(IsBootstrap::CapitalText)),
        (json!(false), Some(IsBootstrap::Boolean)),
        (json!("TRUE"), None),
        (json!(1), None),
        (Value::Null, None),
    ] {
        assert_eq!(IsBootstrap::of(&value), written, "{value}");
    }
}
