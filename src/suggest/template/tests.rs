//! Templates in different forms, and what is read from them.

use std::{io::Write as _, path::PathBuf};

use tempfile::TempDir;
use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;
use crate::schema::{Kind, Order};

const TEMPLATE: &str = r#"{
  "DatasetType": "HR",
  "IsBootstrap": "true",
  "Mapping": {
    "PersonId": { "name": "PersonId", "type": "EmailType" },
    "Organization": { "name": "Organization", "type": "string" },
    "EffectiveDate": { "name": "EffectiveDate", "type": "DateTime_MMDDYYYY" }
  }
}"#;

const CONNECTION: &str = r#"{
  "mapping": { "Mail": { "type": "Email", "name": "PersonId" },
               "Site": { "type": "String", "name": "Location" } },
  "tenantId": "11111111-2222-3333-4444-555555555555",
  "connector": "HR",
  "refresh": "full",
  "rules": { "Q01": "off" },
  "credential": { "kind": "managedIdentity" }
}"#;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

fn learn(template: impl AsRef<[u8]>) -> Result<Value, CommandError> {
    let path = Folder::new();
    Ok(run(&path.put("template", template), None, false)?.json)
}

fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(vec![]));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn the_dialect_of_a_template_is_read() {
    let result = learn(TEMPLATE).unwrap();
    let types = json!({
        "EmailType": "EmailType",
        "StringType": "string",
        "DateTime_MMDDYYYY": "DateTime_MMDDYYYY",
    });
    assert_eq!(
        result["dialect"],
        json!({
            "mappingKey": "Mapping",
            "isBootstrap": "text",
            "dataFile": "data.csv",
            "metadataFile": "metadata.json",
            "types": types,
        })
    );
    assert_eq!((&result["differs"], &result["written"]), (&json!(["StringType"]), &json!(false)));
    assert_eq!(result["onlyInTemplate"], Value::Null);
    let marked = format!("\u{feff}{TEMPLATE}").replace("Mapping", "ColumnMap");
    let other = learn(marked.replace("\"true\"", "false")).unwrap();
    assert_eq!(other["dialect"]["mappingKey"], "ColumnMap");
    assert_eq!(other["dialect"]["isBootstrap"], "boolean");
    let capital = learn(TEMPLATE.replace("true", "False")).unwrap();
    assert_eq!(capital["dialect"]["isBootstrap"], "capitalText");
}

#[test]
fn an_unknown_type_is_that_of_its_field() {
    for (field, word, kind) in [
        ("ManagerId", "Address", Some("EmailType")),
        ("Location", "Words", Some("StringType")),
        ("HireDate", "DateTime", Some("DateTime_MMDDYYYY")),
        ("HireDate", "Date_DD-MM-YYYY", Some("DateTime_DDMMYYYY")),
        ("HireDate", "DateTime_DDMMYYYY", Some("DateTime_DDMMYYYY")),
        ("HourlyRate", "number", Some("double")),
        ("Layer", "long", Some("int32")),
        ("Whatever", "number", None),
        ("Whatever", "bool", Some("Boolean")),
    ] {
        let mapping = json!({ field: { "name": field, "type": word } });
        let template = json!({ "DatasetType": "HR", "IsBootstrap": "true", "Mapping": mapping });
        let result = learn(template.to_string()).unwrap();
        let types = kind.map_or(Value::Null, |kind| json!({ kind: word }));
        assert_eq!(result["dialect"]["types"], types, "{field} {word}");
        let is_known = Kind::parse(word).is_some();
        let note = format!("\"{field}\" has the type \"{word}\", which is not known");
        let is_noted = result["notes"].to_string().replace('\\', "").contains(&note);
        assert_eq!(is_noted, !is_known, "{field} {word}: {result}");
    }
}

#[test]
fn what_is_unusual_in_a_template_is_noted() {
    let entry = r#""Organization": { "name": "Organization", "type": "string" }"#;
    for (from, to, note) in [
        (
            "\"string\"",
            "\"EmailType\"",
            "will have the spelling of StringType there, not \"EmailType\"",
        ),
        ("\"HR\"", "5", "has no DatasetType"),
        ("\"true\"", "\"yes\"", "IsBootstrap is neither true nor false"),
        ("\"IsBootstrap\"", "\"isBootstrap\"", "IsBootstrap is missing"),
        ("\"DatasetType\"", "\"properties\": {}, \"DatasetType\"", "also has \"properties\""),
        ("\"type\": \"string\"", "\"type\": \"string\", \"format\": 1", "also has \"format\""),
        (entry, r#""Organization": {}"#, "has no name or no type"),
        (
            entry,
            r#""A": { "name": "A", "type": "string" }, "B": { "name": "B", "type": "String" }"#,
            "\"B\" has the type \"String\", but other fields of the same type have \"string\"",
        ),
    ] {
        let changed = TEMPLATE.replace(from, to);
        assert_ne!(changed, TEMPLATE);
        let result = learn(changed).unwrap()["notes"].to_string().replace('\\', "");
        assert!(result.contains(note), "{note} in {result}");
    }
}

#[test]
fn a_file_that_is_not_a_template_is_an_error() {
    for (template, says) in [
        (String::new().into_bytes(), "JSON"),
        (b"[]".to_vec(), "object"),
        (b"\xFF".to_vec(), "not UTF-8"),
        (vec![b' '; crate::connection::MAX_BYTES + 1], "larger than"),
        (TEMPLATE.replace("Organization\":", "PersonId\":").into(), "appears twice"),
        (CONNECTION.to_owned().into(), "so it is not a metadata.json"),
        (
            TEMPLATE.replace("\"HR\"", "\"SalesData\"").into(),
            "for \"SalesData\", not for HR or Survey",
        ),
        (TEMPLATE.replace("\"type\"", "\"kind\"").into(), "no mapping"),
        (
            TEMPLATE
                .replace("\"Mapping\"", "\"X\": {\"A\":{\"name\":\"A\",\"type\":\"B\"}}, \"Y\"")
                .into(),
            "several mappings",
        ),
        (b"PK\x03\x04".to_vec(), "the zip cannot be read"),
        (zipped(&[("data.csv", "x")]), "no metadata.json"),
        (zipped(&[("a.json", "{}"), ("b.json", "{}")]), "no metadata.json"),
        (
            zipped(&[
                ("hr/metadata.json", TEMPLATE),
                ("survey/metadata.json", &TEMPLATE.replace("HR", "Survey")),
            ]),
            "different files metadata.json",
        ),
    ] {
        let Err(CommandError::Refused(why)) = learn(template) else { panic!("{says}") };
        assert!(why.contains(says), "{why}");
    }
    let missing = run(&PathBuf::from("no-such-template.json"), None, false);
    assert!(matches!(missing, Err(CommandError::Failed(_))));
}

#[test]
fn the_names_in_a_zip_are_read() {
    for (files, names) in [
        (vec![("data.csv", ""), ("metadata.json", TEMPLATE)], ["data.csv", "metadata.json"]),
        (vec![("Metadata.json", TEMPLATE), ("Data.csv", "")], ["Data.csv", "Metadata.json"]),
        (
            vec![("a/metadata.json", TEMPLATE), ("b/metadata.json", TEMPLATE)],
            ["data.csv", "metadata.json"],
        ),
        (vec![("t/Data.csv", ""), ("t/meta.json", TEMPLATE)], ["Data.csv", "meta.json"]),
        (
            vec![
                ("metadata.json", TEMPLATE),
                ("other.json", "{}"),
                ("__MACOSX/._metadata.json", ""),
            ],
            ["data.csv", "metadata.json"],
        ),
    ] {
        let result = learn(zipped(&files)).unwrap();
        let found = [&result["dialect"]["dataFile"], &result["dialect"]["metadataFile"]];
        assert_eq!(found, names);
    }
}

#[test]
fn a_template_is_for_the_connector_of_its_connection() {
    let folder = Folder::new();
    for (theirs, ours, is_accepted) in [
        ("HR", Some("HR"), true),
        ("Survey", Some("Survey"), true),
        ("Survey", None, true),
        ("Survey", Some("HR"), false),
        ("HR", Some("Survey"), false),
        ("SalesData", Some("HR"), false),
        ("SalesData", None, false),
    ] {
        let template = folder.put("metadata.json", TEMPLATE.replace("HR", theirs));
        let stored = ours.map(|word| {
            folder.put("stored.json", CONNECTION.replace("\"HR\"", &format!("{word:?}")))
        });
        match run(&template, stored.as_deref(), true) {
            Ok(_) => assert!(is_accepted, "{theirs} {ours:?}"),
            Err(CommandError::Refused(why)) => {
                assert!(!is_accepted && why.contains(theirs), "{why}");
            }
            Err(CommandError::Failed(why)) => panic!("{why}"),
        }
    }
}

#[test]
fn types_that_only_the_mapping_has_are_noted() {
    let folder = Folder::new();
    let template = folder.put("metadata.json", TEMPLATE);
    for (kind, target, note) in [
        ("String", "Location", None),
        ("Double", "HourlyRate", Some("they are written as in the mapping: double")),
    ] {
        let mapped = CONNECTION.replace("\"String\"", &format!("{kind:?}"));
        let stored = folder.put("hr.json", mapped.replace("Location", target));
        let result = run(&template, Some(&stored), false).unwrap();
        let notes = result.json["notes"].to_string();
        assert_eq!(notes.contains("of these types"), note.is_some(), "{notes}");
        assert!(notes.contains(note.unwrap_or_default()), "{notes}");
        assert!(result.text.contains("was reformatted"), "{}", result.text);
    }
    assert_eq!(learn(TEMPLATE).unwrap()["notes"], json!([]));
}

#[test]
fn a_connection_keeps_everything_else_and_its_order() {
    let folder = Folder::new();
    let template = folder.put("info.zip", zipped(&[("Data.csv", ""), ("metadata.json", TEMPLATE)]));
    let stored = folder.put("hr.json", CONNECTION);
    let result = run(&template, Some(&stored), false).unwrap().json;
    assert_eq!(result["written"], true);
    assert_eq!(result["onlyInTemplate"], json!(["Organization", "EffectiveDate"]));
    assert_eq!(result["onlyInConnection"], json!(["Location"]));
    let text = fs::read_to_string(&stored).unwrap();
    let mut expected: Value = serde_json::from_str(CONNECTION).unwrap();
    expected["dialect"] = result["dialect"].clone();
    assert_eq!(text, format!("{expected:#}\n"));
    let connection = Connection::parse("hr", text.as_bytes()).unwrap();
    assert_eq!(connection.dialect.data_file, "Data.csv");
    // A template without a zip has no file names, so they stay the same.
    let again = folder.put("metadata.json", TEMPLATE);
    let again = run(&again, Some(&stored), false).unwrap().text;
    assert!(again.contains("already has this dialect"), "{again}");
    assert_eq!(fs::read_to_string(&stored).unwrap(), text);
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), 3);
}

#[test]
fn a_connection_that_is_or_would_become_invalid_is_not_changed() {
    let folder = Folder::new();
    let template = folder.put("metadata.json", TEMPLATE);
    let shared = TEMPLATE.replace("\"EmailType\"", "\"text\"").replace("\"string\"", "\"text\"");
    let shared = folder.put("shared.json", shared);
    for (template, connection, says) in [
        (&template, "{".to_owned(), "is invalid: line 1"),
        (&template, CONNECTION.replace("\"HR\"", "\"X\""), "is invalid: /connector"),
        (
            &shared,
            CONNECTION.replace("\"String\"", "\"text\""),
            "would become invalid and was not changed: /mapping/Site/type: the dialect uses this type",
        ),
    ] {
        let stored = folder.put("hr.json", &connection);
        let outcome = run(template, Some(&stored), false);
        let Err(CommandError::Refused(why)) = outcome else { panic!("{says}") };
        assert!(why.contains(says), "{why}");
        assert_eq!(fs::read_to_string(&stored).unwrap(), connection);
    }
}

#[test]
fn a_zip_is_written_in_the_dialect_of_the_template() {
    let folder = Folder::new();
    let words = [("Mapping", "ColumnMap"), ("\"true\"", "true"), ("\"EmailType\"", "\"address\"")];
    let template =
        words.iter().fold(TEMPLATE.to_owned(), |text, (from, to)| text.replace(from, to));
    let template = folder.put("t.zip", zipped(&[("Data.csv", ""), ("Metadata.json", &template)]));
    let document =
        CONNECTION.replace("\"Email\"", "\"address\"").replace("Location", "Organization");
    let stored = folder.put("hr.json", document);
    run(&template, Some(&stored), false).unwrap();
    let connection = Connection::parse("hr", &fs::read(&stored).unwrap()).unwrap();
    let limits = crate::config::limits(|_| None).unwrap();
    let today = crate::check::Day::from(time::macros::date!(2026 - 11 - 23));
    let mut options = connection.check_options(&limits, today);
    options.refresh = Refresh::Incremental;
    let (csv, mut packed) = (b"Mail,Site\na@x.com,Oslo\n", vec![]);
    let report = crate::package::check_and_zip(&csv[..], &mut packed, &options);
    assert!(report.unwrap().is_accepted());
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(packed)).unwrap();
    assert!(archive.by_name("Data.csv").is_ok());
    let metadata: Value =
        serde_json::from_reader(archive.by_name("Metadata.json").unwrap()).unwrap();
    assert_eq!(
        metadata,
        json!({
            "DatasetType": "HR",
            "IsBootstrap": false,
            "ColumnMap": {
                "Mail": { "name": "PersonId", "type": "address" },
                "Site": { "name": "Organization", "type": "string" },
            },
        })
    );
    assert_eq!(connection.dialect.types[0], (Kind::Email, "address".to_owned()));
    assert!(connection.dialect.types.iter().all(|(kind, _)| *kind != Kind::Date(Order::DayFirst)));
}
