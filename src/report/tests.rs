//! The exact text of a report.

use time::macros::date;

use super::*;
use crate::{
    check::{Check, CheckOptions},
    import::reason::Reason,
    schema::{Field, Limits, Mapping, Target, Unmapped},
};

const EXPORT: &str = include_str!("rejected/export.csv");

/// The report of the export. All columns except the last one are mapped to fields with the same names.
fn report(show_values: bool) -> Report {
    let limits = Limits {
        max_file_bytes: 1 << 30,
        max_people_bytes: 1 << 30,
        max_shrink_percent: 10,
        max_days_back: 7,
        unmapped: Unmapped::Drop,
    };
    let mut options = CheckOptions::without(&limits, date!(2026 - 11 - 23).into());
    let kinds = ["EmailType", "DateTime_MMDDYYYY", "EmailType", "StringType", "int32", "String"];
    let names = EXPORT.lines().next().unwrap().split(',');
    let field = |(name, kind): (&str, &str)| Field {
        source: name.to_owned(),
        target: name.to_owned(),
        kind: kind.to_owned(),
    };
    options.mapping = Mapping::Fields(names.zip(kinds).map(field).collect());
    options.show_values = show_values;
    Check::open(EXPORT.as_bytes(), &options).and_then(Check::finish).unwrap()
}

#[test]
fn the_text_has_the_most_severe_findings_first() {
    assert_eq!(text(&report(false), "export.csv"), include_str!("rejected/report.txt"));
}

#[test]
fn the_text_has_values_if_a_person_asks_for_them() {
    assert_eq!(text(&report(true), "export.csv"), include_str!("rejected/values.txt"));
}

#[test]
fn the_page_has_the_same_findings() {
    assert_eq!(html(&report(false), "<export>.csv"), include_str!("rejected/report.html"));
}

#[test]
fn the_json_has_the_same_findings() {
    let expected: Value = serde_json::from_str(include_str!("rejected/report.json")).unwrap();
    assert_eq!(json(&report(false), "export.csv"), expected);
}

#[test]
fn the_reason_of_an_import_counts_the_errors_of_each_rule() {
    assert_eq!(
        messages::cause(&Reason::FileInvalid((&report(false)).into()), Target::Viva),
        "6 errors (F03 1, V01 1, V03 1, V06 1, V07 1, M04 1). Row 7 (F03): 8 columns in this row, 7 in \
         the header. Put a value that contains a comma in quotation marks"
    );
}
