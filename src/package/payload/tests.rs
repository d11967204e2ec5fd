//! Files that become a zip, and files that are rejected with rule, row and column.

use std::io::Cursor;

use serde_json::Value;
use zip::ZipArchive;

use super::*;
use crate::{
    check::Day,
    connection::Connection,
    import::reason::Reason,
    messages, report,
    schema::{Dialect, Limits, Severity, Target, Unmapped},
};

mod rows;

fn connection(refresh: &str) -> Connection {
    let document = format!(
        r#"{{
          "tenantId": "11111111-2222-3333-4444-555555555555",
          "connector": "HR",
          "refresh": "{refresh}",
          "credential": {{ "kind": "managedIdentity" }},
          "mapping": {{
            "Mail": {{ "name": "PersonId", "type": "EmailType" }},
            "Boss": {{ "name": "ManagerId", "type": "EmailType" }},
            "Org": {{ "name": "Organization", "type": "StringType" }},
            "Level": {{ "name": "LevelDesignation", "type": "StringType" }}
          }}
        }}"#
    );
    Connection::parse("hr", document.as_bytes()).unwrap()
}

fn options(refresh: &str) -> CheckOptions {
    let limits = Limits {
        max_file_bytes: 1 << 30,
        max_people_bytes: 1 << 30,
        max_shrink_percent: 10,
        max_days_back: 7,
        unmapped: Unmapped::Drop,
    };
    let today = Day::from(time::macros::date!(2026 - 11 - 23));
    connection(refresh).check_options(&limits, today)
}

fn zip_of(csv: &[u8], refresh: &str) -> (Report, Vec<u8>) {
    let mut zip = vec![];
    let options = options(refresh);
    let report = check_and_zip(csv, &mut zip, &options).unwrap();
    (report, zip)
}

fn entries(zip: &[u8]) -> (String, Value, Vec<String>) {
    let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut names = vec![];
    let mut contents = vec![];
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        names.push(entry.name().unwrap().into_owned());
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        contents.push(content);
    }
    (contents.remove(1), serde_json::from_str(&contents[0]).unwrap(), names)
}

/// The first error as `rule line column`.
fn first_error(csv: &[u8]) -> String {
    let report = zip_of(csv, "full").0;
    let first = &report.findings[0];
    assert_eq!(first.severity, Severity::Error, "{}", report::text(&report, "f"));
    let row = first.rows.first().map_or_else(|| "-".to_owned(), ToString::to_string);
    format!("{} {row} {}", first.rule, first.column.as_deref().unwrap_or("-"))
}

#[test]
fn a_good_file_becomes_data_and_metadata() {
    let csv = b"Mail,Boss,Org,Level\na@x.com,b@x.com,\"Sales, East\",3\nb@x.com,,HQ,1\n";
    let (report, zip) = zip_of(csv, "full");
    assert_eq!(
        (report.is_accepted(), report.baseline.rows),
        (true, 2),
        "{}",
        report::text(&report, "f")
    );
    let (data, metadata, names) = entries(&zip);
    assert_eq!(names, ["metadata.json", "data.csv"]);
    assert_eq!(data.as_bytes(), csv);
    let keys: Vec<&String> = metadata.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["DatasetType", "IsBootstrap", "Mapping"]);
    assert_eq!(metadata["DatasetType"], "HR");
    assert_eq!(metadata["IsBootstrap"], "true");
    assert_eq!(
        metadata["Mapping"]["Mail"],
        serde_json::json!({ "name": "PersonId", "type": "EmailType" })
    );
}

#[test]
fn type_and_refresh_are_on_the_lines_of_microsofts_page() {
    let (_, zip) = zip_of(b"Mail\na@x.com\n", "incremental");
    let mut archive = ZipArchive::new(Cursor::new(&zip)).unwrap();
    let mut text = String::new();
    archive.by_name("metadata.json").unwrap().read_to_string(&mut text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], r#"  "DatasetType": "HR","#);
    assert_eq!(lines[2], r#"  "IsBootstrap": "false","#);
}

#[test]
fn only_mapped_columns_are_sent_and_only_fields_of_the_file_are_mapped() {
    let csv = b"Salary,Mail,Boss,Org,Note\n9,a@x.com,,HQ,n\n";
    let (report, zip) = zip_of(csv, "full");
    let notice = messages::notice(&report).unwrap();
    let expected = "Mapped columns that are not in the file: Level. Dropped columns that are not mapped: \
                    Salary, Note.";
    assert!(notice.starts_with(expected), "{notice}");
    let (data, metadata, _) = entries(&zip);
    assert_eq!(data, "Mail,Boss,Org\na@x.com,,HQ\n");
    let mapped: Vec<&String> = metadata["Mapping"].as_object().unwrap().keys().collect();
    assert_eq!(mapped, ["Mail", "Boss", "Org"]);
}

#[test]
fn if_every_column_is_mapped_the_bytes_are_unchanged() {
    for csv in [
        "Mail,Boss,Org\na@x.com,,HQ\n",
        "Mail,Boss,Org\na@x.com,,HQ",
        "\u{feff}Mail,Boss,Org\r\né@x.com,,\"HQ\"\r\n",
        "\"Mail\",Boss,Org\na@x.com,,\"H \"\"Q\"\"\"\n",
    ] {
        let (report, zip) = zip_of(csv.as_bytes(), "full");
        assert!(report.is_accepted(), "{}", report::text(&report, "f"));
        assert_eq!(entries(&zip).0, csv);
    }
}

#[test]
fn an_irregular_csv_is_written_by_rfc_4180() {
    for (csv, expected) in [
        // Blank lines at the end are not rows.
        ("Mail,Boss,Org\na@x.com,,HQ\n\r\n\n", "Mail,Boss,Org\na@x.com,,HQ\n"),
        ("Mail,Boss,Org\na@x.com,,5\" pipe\n", "Mail,Boss,Org\na@x.com,,\"5\"\" pipe\"\n"),
        ("Mail,Boss,Org,X\na@x.com,,\"H\"\"Q\",x\n", "Mail,Boss,Org\na@x.com,,\"H\"\"Q\"\n"),
        // A dropped column needs no name.
        ("Mail,Boss,Org,,org\na@x.com,,HQ,,\n", "Mail,Boss,Org\na@x.com,,HQ\n"),
    ] {
        let (report, zip) = zip_of(csv.as_bytes(), "full");
        assert!(report.is_accepted(), "{}", report::text(&report, "f"));
        assert_eq!(entries(&zip).0, expected);
    }
}

#[test]
fn another_encoding_and_delimiter_are_converted_if_the_connection_names_them() {
    let mut options = options("full");
    options.checks.encoding = Some(encoding_rs::WINDOWS_1252);
    options.checks.delimiter = Some(b';');
    let csv = b"sep=;\r\nMail;Boss;Org\r\na@x.com;;Caf\xE9, East\r\n";
    let mut zip = vec![];
    let report = check_and_zip(&csv[..], &mut zip, &options).unwrap();
    assert!(report.is_accepted(), "{}", report::text(&report, "f"));
    assert_eq!(entries(&zip).0, "Mail,Boss,Org\na@x.com,,\"Café, East\"\n");
}

#[test]
fn a_lenient_connection_skips_invalid_rows_and_reports_them() {
    let mut options = options("full");
    options.checks.lenient = true;
    let csv = b"Mail,Boss,Org\na@x.com,,HQ\nb,a@x.com,HQ\nc@x.com,a@x.com\n\nd@x.com,a@x.com,HQ\n";
    let mut zip = vec![];
    let report = check_and_zip(&csv[..], &mut zip, &options).unwrap();
    assert!(report.is_accepted(), "{}", report::text(&report, "f"));
    assert_eq!((report.baseline.rows, report.baseline.people, report.rows_skipped), (2, 2, 2));
    assert!(messages::notice(&report).unwrap().contains("Skipped invalid rows: 2."));
    assert_eq!(entries(&zip).0, "Mail,Boss,Org\na@x.com,,HQ\nd@x.com,a@x.com,HQ\n");
}

#[test]
fn the_same_file_makes_the_same_zip() {
    let csv = b"Mail,Boss,Org\na@x.com,,HQ\n";
    assert_eq!(zip_of(csv, "full").1, zip_of(csv, "full").1);
}

#[test]
fn an_invalid_file_is_rejected_with_rule_row_and_column() {
    let utf16: Vec<u8> = "\u{feff}Mail,Boss".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (csv, expected) in [
        (&b""[..], "F01 - -"),
        (b"\xEF\xBB\xBF", "F01 - -"),
        (b"\n\n", "F01 - -"),
        (&utf16, "F04 - -"),
        (b"M\0a\0i\0l\0", "F04 - -"),
        (b"PK\x03\x04rest of a zip", "F02 - -"),
        (b"\x1F\x8B\x08gzip", "F02 - -"),
        (b"<!DOCTYPE html><html>", "F02 - -"),
        (b"Mail,Boss,Org\n", "F12 - -"),
        (b"Mail,Boss,Org\na@x.com,,HQ\nb@x.com,,HQ,x\n", "F03 3 -"),
        (b"Mail,Boss,Org\na@x.com,HQ\n", "F03 2 -"),
        (b"Mail,Boss,Org\na@x.com,,\"HQ\nb@x.com,,HQ\n", "F03 2 -"),
        (b"Mail,Boss,Org\na@x.com,,\"HQ\"x\n", "F03 2 -"),
        (b"Mail,Boss,Org\na@x.com,,HQ\nb@x.com,,\xE9\n", "F04 3 Org"),
        (b"Mail,Boss,Org,Note\na@x.com,,\xE9,\n", "F04 2 Org"),
        // The bytes of one character are in two values, so neither is valid.
        (b"Mail,Boss,Org\na@x.com,\xC3,\xA9\n", "F04 2 Boss"),
        (b"Mail,Boss,Org\xE9\na,,b\n", "F04 1 column 3"),
        (b"Mail,Boss,Org,Org\na@x.com,,b,\n", "H01 1 Org"),
        (b"a@x.com,b@x.com,HQ\nc@x.com,,HQ\n", "H06 1 -"),
        (b"Mail;Boss;Org\na;b;c\n", "Q09 1 -"),
        (b"sep=;\nMail;Boss;Org\na;b;c\n", "Q09 1 -"),
        (b"Mail,Boss\na@x.com,\n", "H13 - Organization"),
        (b"Mail,Boss,Org\ra@x.com,,HQ\r", "F03 1 -"),
    ] {
        assert_eq!(first_error(csv), expected, "{}", String::from_utf8_lossy(csv));
    }
}

#[test]
fn a_rejection_counts_everything_and_quotes_no_value() {
    let mut csv = b"Mail,Boss,Org\n".to_vec();
    for _ in 0..1000 {
        csv.extend_from_slice(b"secret@x.com,HQ\n");
    }
    csv.extend_from_slice(b"secret,,HQ\n");
    let report = zip_of(&csv, "full").0;
    assert_eq!(report.findings[0].rows, (2..12).collect::<Vec<u64>>());
    let text = messages::cause(&Reason::FileInvalid((&report).into()), Target::Viva);
    assert_eq!(
        text,
        "1,001 errors (F03 1,000, V01 1). Row 2 (F03): 2 columns in this row, 3 in the header. Put a \
         value that contains a comma in quotation marks"
    );
    for shown in [
        report::json(&report, "f").to_string(),
        report::text(&report, "f"),
        report::html(&report, "f"),
    ] {
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[test]
fn the_report_of_a_file_without_a_header_does_not_show_its_first_person() {
    let csv = b"secret@x.com,boss@x.com,HQ\nc@x.com,,HQ\n";
    let report = zip_of(csv, "full").0;
    assert!(!report::json(&report, "f").to_string().contains("secret"));
}

#[test]
fn invalid_bytes_of_dropped_columns_do_not_matter() {
    let (report, zip) = zip_of(b"Mail,Boss,Org,Note\xE9\na@x.com,,HQ,\xE9\n", "full");
    assert!(report.is_accepted(), "{}", report::text(&report, "f"));
    assert_eq!(entries(&zip).0, "Mail,Boss,Org\na@x.com,,HQ\n");
}

#[test]
fn a_header_that_differs_only_in_case_is_pointed_out() {
    let report = zip_of(b"Mail,boss ,Org\na@x.com,,b\n", "full").0;
    let text = report::text(&report, "f");
    assert!(text.contains("column 2 differs only in case or spaces"), "{text}");
}

#[test]
fn an_incremental_file_needs_only_its_person_id() {
    assert!(zip_of(b"Mail\na@x.com\n", "incremental").0.is_accepted());
    assert!(!zip_of(b"Org\nHQ\n", "incremental").0.is_accepted());
}

#[test]
fn metadata_and_names_follow_the_dialect() {
    let dialect = Dialect {
        mapping_key: None,
        is_bootstrap: crate::schema::IsBootstrap::Boolean,
        data_file: "Data.csv".to_owned(),
        metadata_file: "meta.json".to_owned(),
        types: vec![(crate::schema::Kind::Text, "string".to_owned())],
    };
    let csv = b"Mail,Boss,Org\na@x.com,,HQ\n";
    let mut zip = vec![];
    let mut options = options("full");
    options.dialect = dialect.or_key("ColumnMap");
    check_and_zip(&csv[..], &mut zip, &options).unwrap();
    let (_, metadata, names) = entries(&zip);
    assert_eq!(names, ["meta.json", "Data.csv"]);
    assert_eq!(metadata["IsBootstrap"], true);
    assert_eq!(metadata["ColumnMap"]["Org"]["type"], "string");
    assert_eq!(metadata["ColumnMap"]["Mail"]["type"], "EmailType");
}
