use serde_json::{Value, json};

use super::super::*;
use crate::{
    connection::Connection,
    schema::{Limits, Unmapped},
};

const HEADER: &str = "Worker,EffectiveDate,Boss,Desk,Unit\r\n";
const ROWS: &str = "ana@contoso.com,11/01/2026,,1.01,\"Head, Office\"\r\n\
     bo@contoso.com,11/01/2026,ana@contoso.com,2.02,\"the \"\"North\"\"\"\r\n";

fn options(mapping: &[(&str, &str, &str)]) -> CheckOptions {
    let mapping: serde_json::Map<String, Value> = mapping
        .iter()
        .map(|(source, target, kind)| {
            ((*source).to_owned(), json!({ "name": target, "type": kind }))
        })
        .collect();
    let document = json!({
        "tenantId": "0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5", "connector": "HR", "refresh": "full",
        "credential": { "kind": "managedIdentity" }, "mapping": mapping,
    });
    let connection = Connection::parse("hr", document.to_string().as_bytes()).unwrap();
    let limits = Limits {
        max_file_bytes: 1 << 20,
        max_people_bytes: 1 << 20,
        max_shrink_percent: 10,
        max_days_back: 7,
        unmapped: Unmapped::Drop,
    };
    connection.check_options(&limits, time::macros::date!(2026 - 11 - 23).into())
}

const WITHOUT_DESK: [(&str, &str, &str); 4] = [
    ("Worker", "PersonId", "EmailType"),
    ("EffectiveDate", "EffectiveDate", "DateTime_MMDDYYYY"),
    ("Boss", "ManagerId", "EmailType"),
    ("Unit", "Organization", "StringType"),
];

#[test]
fn the_csv_has_a_header_of_vivas_names_and_only_mapped_columns() {
    let mut output = vec![];
    let input = format!("{HEADER}{ROWS}");
    let report = check_and_copy(input.as_bytes(), &mut output, &options(&WITHOUT_DESK)).unwrap();
    assert!(report.is_accepted(), "{report:?}");
    assert_eq!(
        String::from_utf8(output).unwrap(),
        "PersonId,EffectiveDate,ManagerId,Organization\n\
         ana@contoso.com,11/01/2026,,\"Head, Office\"\n\
         bo@contoso.com,11/01/2026,ana@contoso.com,\"the \"\"North\"\"\"\n"
    );
}

#[test]
fn if_nothing_is_dropped_the_rows_are_unchanged_but_the_byte_order_mark_is_removed() {
    let mut all = WITHOUT_DESK.to_vec();
    all.push(("Desk", "Desk", "StringType"));
    let mut output = vec![];
    let input = format!("\u{feff}{HEADER}{ROWS}");
    let report = check_and_copy(input.as_bytes(), &mut output, &options(&all)).unwrap();
    assert!(report.is_accepted(), "{report:?}");
    let expected = format!("PersonId,EffectiveDate,ManagerId,Desk,Organization\r\n{ROWS}");
    assert_eq!(String::from_utf8(output).unwrap(), expected);
}

#[test]
fn the_json_is_an_array_of_rows_with_vivas_names_and_unquoted_values() {
    let mut output = vec![];
    let input = format!("{HEADER}{ROWS}");
    let report = check_and_list(input.as_bytes(), &mut output, &options(&WITHOUT_DESK)).unwrap();
    assert!(report.is_accepted(), "{report:?}");
    let rows: Value = serde_json::from_slice(&output).unwrap();
    let row = |person: &str, manager: &str, unit: &str| {
        json!({
            "PersonId": person, "EffectiveDate": "11/01/2026", "ManagerId": manager,
            "Organization": unit,
        })
    };
    let expected = json!([
        row("ana@contoso.com", "", "Head, Office"),
        row("bo@contoso.com", "ana@contoso.com", "the \"North\"")
    ]);
    assert_eq!(rows, expected);
}

#[test]
fn an_invalid_file_is_rejected_in_either_format() {
    let input = format!("{HEADER}not an address,11/01/2026,,1,x\r\n");
    let options = options(&WITHOUT_DESK);
    let copied = check_and_copy(input.as_bytes(), vec![], &options).unwrap();
    let listed = check_and_list(input.as_bytes(), vec![], &options).unwrap();
    assert!(!copied.is_accepted() && !listed.is_accepted());
}
