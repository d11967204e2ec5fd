//! `viva-import suggest-mapping` and `viva-import learn-template` in the shell.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;
use viva_import::suggest::NO_TENANT;

use self::exports::{MARK, exports};
use crate::{
    rules::case::{MAPPING, metadata, zip},
    stage::BINARY,
};

mod exports;

fn run(command: &str, file: &Path, arguments: &[&str]) -> Output {
    Command::new(BINARY).arg(command).arg(file).args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn printed_by(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(both).unwrap()
}

fn put(desk: &TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = desk.path().join(name);
    fs::write(&path, content).unwrap();
    path
}

fn line(column: &Value) -> String {
    let word = |key: &str| column[key].as_str().unwrap_or_default();
    if column["field"].is_null() {
        return "not mapped".to_owned();
    }
    let certainty = if column["confident"] == true { "certain" } else { "uncertain" };
    let rename = column["rename"].as_str().map_or_else(String::new, |name| format!(" -> {name}"));
    format!("{} {} {certainty}{rename}", word("field"), word("type"))
}

#[test]
fn an_export_passes_the_check_with_its_proposed_connection() {
    for export in exports() {
        let desk = tempfile::tempdir().unwrap();
        let file = put(&desk, "export.csv", export.bytes());
        let out = desk.path().join("hr.json").display().to_string();
        let output = run("suggest-mapping", &file, &["--format", "json", "--out", &out]);
        assert_eq!(code(&output), 0, "{}: {}", export.what, printed_by(&output));
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        let columns = result["columns"].as_array().unwrap();
        for (found, (name, _, expected)) in columns.iter().zip(&export.columns) {
            assert_eq!(found["column"], **name, "{}", export.what);
            assert_eq!(line(found), *expected, "{}: {found}", export.what);
        }
        let written: Value = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
        assert_eq!(written, result["connection"]);
        assert_eq!(written["tenantId"], NO_TENANT);
        for key in ["encoding", "delimiter"] {
            assert_eq!(written.get(key), export.beside.get(key), "{}", export.what);
        }
        // The header with the new names.
        let mut renamed = export;
        for ((name, ..), column) in renamed.columns.iter_mut().zip(columns) {
            if let Some(to) = column["rename"].as_str() {
                *name = to.to_owned().leak();
            }
        }
        let file = put(&desk, "renamed.csv", renamed.bytes());
        let report = run("check", &file, &["--mapping", &out]);
        assert_eq!(code(&report), 0, "{}: {}", renamed.what, printed_by(&report));
    }
}

#[test]
fn no_value_of_an_export_is_shown() {
    let desk = tempfile::tempdir().unwrap();
    for export in exports() {
        let text = export.bytes();
        let headerless: Vec<u8> =
            text.split_inclusive(|byte| *byte == b'\n').skip(1).collect::<Vec<_>>().concat();
        let one_line: Vec<u8> =
            text.iter().map(|byte| if b"\r\n".contains(byte) { b' ' } else { *byte }).collect();
        let unclosed = [text.as_slice(), b"\"", &headerless].concat();
        let quoted = [b"\"", text.as_slice()].concat();
        for (kind, content) in [
            ("whole", text.clone()),
            ("headerless", headerless.clone()),
            ("one-line", one_line),
            ("unclosed", unclosed),
            ("quoted", quoted),
        ] {
            let file = put(&desk, "export.csv", content);
            for format in ["text", "json"] {
                let output = run("suggest-mapping", &file, &["--format", format]);
                let printed = printed_by(&output).to_lowercase();
                let what = format!("{kind} {}: {printed}", export.what);
                assert_eq!(code(&output), i32::from(kind != "whole"), "{what}");
                for value in
                    [MARK, "73519", "735-19", "/2019", "2019-", "2026-10", "山田", ".12.2030"]
                {
                    assert!(!printed.contains(value), "{value} in {what}");
                }
            }
        }
    }
}

#[test]
fn a_first_row_without_an_address_is_not_shown_as_a_header() {
    let desk = tempfile::tempdir().unwrap();
    let rest = "Tveit,Anna,a@x.com,,Rat,Bonn,Gicht\nTveit,Ole,b@x.com,,Rat,Bonn,Grippe\n";
    for missing in ["n/a", "fehlt", ""] {
        let csv = format!("Schmidt,Jana,{missing},,Vorstand,Berlin,Krebs\n{rest}");
        let file = put(&desk, "export.csv", csv);
        for format in ["text", "json"] {
            let output = run("suggest-mapping", &file, &["--format", format]);
            let printed = printed_by(&output);
            assert_eq!(code(&output), 1, "{printed}");
            for value in ["Schmidt", "Jana", "Vorstand", "Berlin", "Krebs", "Tveit", "Gicht"] {
                assert!(!printed.contains(value), "{value} in {printed}");
            }
        }
    }
}

#[test]
fn the_text_lists_the_next_steps() {
    let desk = tempfile::tempdir().unwrap();
    let csv =
        "Email,Hire Date,SSN\na@x.com,01/02/2019,\nb@x.com,02/03/2019,1\nc@x.com,03/04/2019,2,3\n";
    let file = put(&desk, "export.csv", csv);
    let text = printed_by(&run("suggest-mapping", &file, &[]));
    for part in [
        "certain     Email ",
        "uncertain   Hire Date ",
        "not mapped  SSN ",
        "\"Hire Date\" to Hire_Date",
        "No column is ManagerId",
        "No column is Organization",
        "No column is EffectiveDate",
        "Rows with more or fewer values than the header: 1",
        "Replace the zeros in \"tenantId\"",
        "`viva-import check",
        "\"tenantId\": \"00000000-0000",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn the_exit_code_is_the_result_and_no_file_is_overwritten() {
    let desk = tempfile::tempdir().unwrap();
    let good = put(&desk, "good.csv", exports()[0].bytes());
    let there = put(&desk, "there.json", "mine").display().to_string();
    let empty = put(&desk, "empty.csv", "");
    let missing = desk.path().join("missing.csv");
    let guid = "11111111-2222-3333-4444-555555555555";
    for (file, arguments, expected, part) in [
        (&good, vec!["--tenant", guid, "--refresh", "incremental"], 0, guid),
        (&good, vec!["--out", &there], 2, "there.json already exists"),
        (&good, vec!["--tenant", "contoso"], 2, "--tenant: must be"),
        (&good, vec!["--tenant", NO_TENANT], 2, "--tenant: must be"),
        (&good, vec!["--client-id", "x"], 2, "--client-id: must be"),
        (&good, vec!["--client-id", NO_TENANT], 2, "--client-id: must be"),
        (&empty, vec![], 1, "The file is empty"),
        (&missing, vec![], 2, "missing.csv cannot be read"),
        (&desk.path().to_path_buf(), vec![], 2, "is a folder"),
    ] {
        let output = run("suggest-mapping", file, &arguments);
        assert_eq!(code(&output), expected, "{}", printed_by(&output));
        assert!(printed_by(&output).contains(part), "{part}: {}", printed_by(&output));
    }
    assert_eq!(fs::read_to_string(&there).unwrap(), "mine");
    // No temporary file is left.
    assert_eq!(fs::read_dir(desk.path()).unwrap().count(), 3);
}

#[test]
fn the_dialect_of_a_template_is_saved_in_a_connection() {
    let desk = tempfile::tempdir().unwrap();
    let template = metadata(MAPPING).replace("\"Mapping\"", "\"ColumnMap\"");
    let template = zip(&[("data.csv", "PersonId\n"), ("metadata.json", &template)]);
    let template = put(&desk, "template.zip", template);
    let good = put(&desk, "export.csv", exports()[0].bytes());
    let out = desk.path().join("hr.json").display().to_string();
    assert_eq!(code(&run("suggest-mapping", &good, &["--out", &out])), 0);
    let output = run("learn-template", &template, &["--connection", &out]);
    let text = printed_by(&output);
    assert_eq!(code(&output), 0, "{text}");
    assert!(text.contains("\"ColumnMap\"   (default: \"Mapping\")"), "{text}");
    let document: Value = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
    assert_eq!(document["dialect"]["mappingKey"], "ColumnMap");
    let report = run("check", &good, &["--mapping", &out]);
    assert_eq!(code(&report), 0, "{}", printed_by(&report));
    let missing = desk.path().join("missing.json");
    for (template, arguments, expected) in [
        (&template, vec![], 0),
        (&template, vec!["--format", "json"], 0),
        (&good, vec![], 1),
        (&missing, vec![], 2),
        (&template, vec!["--connection", "missing.json"], 2),
    ] {
        let output = run("learn-template", template, &arguments);
        assert_eq!(code(&output), expected, "{}", printed_by(&output));
        assert!(!printed_by(&output).contains(MARK));
    }
}
