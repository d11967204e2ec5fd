//! The samples on Microsoft's pages get the right verdict.

use viva_import::{report, schema::Id};

use crate::rules::{
    case::{Case, MAPPING, case, metadata},
    hold,
};

/// The sample of an export in "Prepare organizational data".
const SAMPLE: &str = "\
PersonId,EffectiveDate,HireDate,ManagerId,LevelDesignation,Organization,Layer,Area
Emp1@contoso.com,12/1/2020,1/3/2014,Mgr1@contoso.com,Junior IC,Sales,8,Southeast
Emp2@contoso.com,11/1/2020,1/3/2014,Mgr1@contoso.com,Junior IC,Sales,8,Southeast
Emp3@contoso.com,12/1/2020,1/3/2014,Mgr2@contoso.com,Manager,Sales,7,Northeast
Emp4@contoso.com,10/1/2020,8/15/2015,Mgr3@contoso.com,Support,Sales,9,Midwest
Emp5@contoso.com,11/1/2020,8/15/2015,Mgr3@contoso.com,Support,Sales,9,Midwest
Emp6@contoso.com,12/1/2020,8/15/2015,Mgr3@contoso.com,Support,Sales,9,Midwest
";

/// The sample of the same page of Workplace Analytics.
const EARLIER_SAMPLE: &str = "\
PersonId,EffectiveDate,HireDate,ManagerId,TimeZone,LevelDesignation,Organization,Layer,Area
Emp1@contoso.com,10/1/2017,1/3/2014,Mgr1@contoso.com,Pacific Standard Time,5,Sales,8,Southeast
";

/// The only complete metadata.json in the documentation: business data.
const BUSINESS: &str = r#"{
  "DatasetType": "SalesData",
  "IsBootstrap": "false",
  "properties": { "DatasetName": "Deals" },
  "ColumnMap": {
    "StartDate": { "name": "StartDate", "type": "DateTime_MMDDYYYY" },
    "PersonId": { "name": "PersonId", "type": "EmailType" },
    "BusinessMetric1": { "name": " Metric1", "type": "int32" },
    "BusinessMetric2": { "name": " Metric2", "type": "double" }
  }
}"#;

const DEALS: &str = "StartDate,PersonId,BusinessMetric1,BusinessMetric2\n\
                     12/31/2025,ana@contoso.com,5,23.75\n";

/// The sample with a blank at the end of each line, from this line on.
fn trailing_blanks(first: usize) -> String {
    let lines = SAMPLE.lines().enumerate();
    lines.map(|(at, line)| format!("{line}{}\n", if at >= first { " " } else { "" })).collect()
}

#[test]
fn the_sample_of_an_export_is_accepted_with_warnings() {
    let beside = [Id::M08, Id::Q01];
    let managers = [2, 3, 4, 5, 6, 7];
    hold(&[
        case(Id::M06, "as printed").file(SAMPLE).warning(None, &managers).beside(&beside),
        case(Id::M08, "three dates without a head")
            .file(SAMPLE)
            .warning(None, &[])
            .times(3)
            .beside(&[Id::M06, Id::Q01]),
        case(Id::Q01, "every EffectiveDate can be read both ways")
            .file(SAMPLE)
            .hint("EffectiveDate", &[])
            .beside(&[Id::M06, Id::M08]),
        case(Id::M06, "blanks at the end of its rows")
            .file(trailing_blanks(1))
            .warning(None, &managers)
            .beside(&beside),
    ]);
    assert!(case(Id::M06, "as printed").file(SAMPLE).report().is_accepted());
}

#[test]
fn the_sample_with_a_blank_at_the_end_of_its_header_is_rejected() {
    let report = case(Id::H03, "as one page prints it").file(trailing_blanks(0)).report();
    let found = report.findings.iter().find(|finding| finding.rule == Id::H03).unwrap();
    assert_eq!(found.column.as_deref(), Some("Area "));
    assert!(!report.is_accepted());
}

#[test]
fn the_sample_on_one_line_is_rejected() {
    let line = SAMPLE.trim_end().replace('\n', " ");
    assert!(!case(Id::F12, "as the import pages print it").file(line).report().is_accepted());
}

#[test]
fn the_sample_of_workplace_analytics_is_rejected_for_its_time_zones() {
    hold(&[case(Id::H04, "as printed").file(EARLIER_SAMPLE).error("TimeZone", &[]).beside(&[
        Id::M06,
        Id::M08,
        Id::Q01,
        Id::Q05,
    ])]);
}

#[test]
fn metadata_of_business_data_is_not_metadata_of_people() {
    let beside = |own: Id| -> Vec<Id> {
        [Id::H04, Id::H10, Id::H11, Id::H13].into_iter().filter(|rule| *rule != own).collect()
    };
    let deals = |rule: Id| case(rule, "as printed").file(DEALS).by(BUSINESS).beside(&beside(rule));
    hold(&[
        deals(Id::H10).error(None, &[]),
        deals(Id::H11).error("BusinessMetric1", &[]).error("BusinessMetric2", &[]),
        deals(Id::H04).error("StartDate", &[]),
        deals(Id::H13).warning("EffectiveDate", &[]),
    ]);
}

#[test]
fn the_entry_of_the_import_page_is_read() {
    let mapping = MAPPING.replacen("\"PersonId\"", "\"Employee\"", 1);
    let entry = r#""Employee":{"name":"PersonId","type":"EmailType"}"#;
    assert!(mapping.contains(entry));
    let employees =
        || case(Id::H06, "as printed").header("Employee,EffectiveDate,ManagerId,Organization");
    hold(&[
        employees().by(metadata(&mapping)),
        employees().zipped(&metadata(&mapping)),
        employees().by(format!("{{{mapping}}}")),
    ]);
}

#[test]
fn every_type_that_is_printed_is_read() {
    let of = |kind: &str, values: &[&str]| {
        let spot = format!(r#"{MAPPING},"Spot":{{"name":"Spot","type":"{kind}"}}"#);
        let case = || case(Id::H09, kind).column("Spot", values);
        [case().by(metadata(&spot)), case().by(format!("{{{spot}}}"))]
    };
    let mut cases: Vec<Case> = vec![];
    for (kinds, values) in [
        (&["EmailType", "Email"][..], &["ana@contoso.com"][..]),
        (&["StringType", "String", "string"], &["here", "there"]),
        (&["double", "Double"], &["23.75", "1"]),
        (&["int32", "Integer"], &["8", "7"]),
        (&["Boolean"], &["TRUE", "FALSE"]),
        (&["DateTime_MMDDYYYY", "DateTime_MM/DD/YYYY"], &["12/31/2025"]),
        (&["DateTime_DDMMYYYY", "DateTime_DD/MM/YYYY"], &["31/12/2025"]),
    ] {
        cases.extend(kinds.iter().flat_map(|kind| of(kind, values)));
    }
    hold(&cases);
}

/// The date formats of the two error messages, in their order, each with the same date: 14 March 2012.
const WORDS: [&str; 4] =
    ["\"Wednesday, March 14, 2012\"", "\"March 14, 2012\"", "14-Mar-2012", "14-Mar-12"];
const MONTH_FIRST: [&str; 5] =
    ["03/14/2012", "03/14/2012 12:00", "03-14-2012", "03-14-12", "2012-03-14"];
const DAY_FIRST: [&str; 7] = [
    "14/03/2012",
    "14/03/2012 12:00",
    "14/3/2012",
    "14/3/12",
    "14-03-2012",
    "14-03-12",
    "2012-14-03",
];

#[test]
fn a_date_of_a_list_is_valid_only_in_a_column_of_its_type() {
    let of = |rule: Id, kind: &str, day: &str| {
        case(rule, format!("{day} as {kind}"))
            .column("HireDate", &["11-Nov-2011"])
            .cell("HireDate", 3, day)
            .mapped(&format!(r#""HireDate":{{"name":"HireDate","type":"{kind}"}}"#))
    };
    let month_first = |day: &str| of(Id::V03, "DateTime_MMDDYYYY", day);
    let day_first = |day: &str| of(Id::V04, "DateTime_DDMMYYYY", day);
    let mut cases: Vec<Case> = vec![];
    cases.extend(WORDS.map(month_first));
    cases.extend(WORDS.map(day_first));
    cases.extend(MONTH_FIRST.map(month_first));
    cases.extend(MONTH_FIRST.map(|day| day_first(day).error("HireDate", &[3])));
    cases.extend(DAY_FIRST.map(|day| month_first(day).error("HireDate", &[3])));
    // The file is accepted, but 2012-04-03 would be accepted too, and would be ambiguous.
    cases.extend(DAY_FIRST.map(|day| {
        let case = day_first(day);
        if day.starts_with("2012-") { case.beside(&[Id::Q01]) } else { case }
    }));
    hold(&cases);
}

#[test]
fn a_whole_file_on_one_line_is_recognized() {
    let line = SAMPLE.trim_end().replace('\n', " ");
    let report = case(Id::F12, "as the import pages print it").file(line).report();
    assert!(report.findings.iter().any(|finding| finding.rule == Id::F12));
    let shown =
        format!("{}{}", report::json(&report, "export.csv"), report::html(&report, "export.csv"));
    assert!(!shown.contains('@'), "{shown}");
}

#[test]
fn a_blank_at_the_end_of_the_header_is_reported_once() {
    hold(&[case(Id::H03, "as one page prints it")
        .file(trailing_blanks(0))
        .error("Area ", &[])
        .beside(&[Id::M06, Id::M08, Id::Q01])]);
}
