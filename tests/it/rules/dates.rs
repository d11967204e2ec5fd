//! V03 and V04: the two lists of forms, in columns of both types.

use viva_import::schema::Id;

use super::case::{Case, case};

/// Dates that are valid for both types.
const BOTH: [&str; 10] = [
    "",
    "\"Wednesday, March 14, 2012\"",
    "\"March 14, 2012\"",
    "\"march 4, 2012\"",
    "14-Mar-2012",
    "14-Mar-12",
    "4-MAR-12",
    "11/11/2025",
    "1/1/2025 00:00:00",
    "\"2/2/2025\"",
];

/// Dates that are valid in a month-first column only.
const MONTH_FIRST: [&str; 9] = [
    "12/31/2025",
    "3/14/2012",
    "3/14/2012 12:00:00 AM",
    "12/31/2025 (final)",
    "12-31-2025",
    "12-31-25",
    "2025-12-31",
    "2024-02-29",
    "02/29/2024",
];

/// Dates that are valid in a day-first column only, without two-digit years after slashes and without years
/// that come first.
const DAY_FIRST: [&str; 7] = [
    "31/12/2025",
    "14/3/2012",
    "14/3/2012 00:00",
    "31/12/2025 (final)",
    "31-12-2025",
    "31-12-25",
    "29/02/2024",
];

const NEITHER: [&str; 26] = [
    "42067",
    "42067.5",
    "20251231",
    "31.12.2025",
    "12.31.2025",
    "2025/12/31",
    "2025-12-31T00:00:00Z",
    "2025-12-31 00:00:00",
    "11-11-2025 00:00",
    "11/11/2025T00:00",
    "Dec 31 2025",
    "31 Dec 2025",
    "31-Dez-2025",
    "14-März-2012",
    "2025年12月31日",
    "令和7年12月31日",
    "02/30/2025",
    "30/02/2025",
    "02-29-25",
    "00/00/0000",
    "13/13/2025",
    " 11/11/2025",
    "11/11/2025 ",
    "11/11/20255",
    "December",
    "2025",
];

/// Another column of the rule's type, with this value in line 3.
fn dated(rule: Id, value: &str) -> Case {
    let (kind, valid) = if rule == Id::V03 {
        ("DateTime_MMDDYYYY", "12/31/2025")
    } else {
        ("DateTime_DDMMYYYY", "31/12/2025")
    };
    case(rule, format!("{value:?}"))
        .column("Spot", &[valid])
        .cell("Spot", 3, value)
        .mapped(&format!(r#""Spot":{{"name":"Spot","type":"{kind}"}}"#))
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        // Only the list of the day-first type has two-digit years after slashes.
        dated(Id::V03, "12/31/25").error("Spot", &[3]),
        dated(Id::V03, "1/1/25").error("Spot", &[3]),
        dated(Id::V04, "31/12/25"),
        dated(Id::V04, "1/2/25"),
        // In a day-first column, the day follows a year that comes first, which is a warning.
        dated(Id::V03, "2025-31-12").error("Spot", &[3]),
        dated(Id::V04, "2025-31-12").beside(&[Id::Q01]),
        dated(Id::V04, "2025-04-05").beside(&[Id::Q01]),
        dated(Id::V03, "31/12/2025").lenient().warning("Spot", &[3]),
        dated(Id::V04, "12/31/2025").lenient().warning("Spot", &[3]),
        case(Id::V03, "a reserved field")
            .column("HireDate", &["8/15/2015"])
            .cell("HireDate", 3, "42067")
            .error("HireDate", &[3]),
        case(Id::V03, "an invalid EffectiveDate")
            .cell("EffectiveDate", 21, "31/10/2026")
            .error("EffectiveDate", &[21]),
    ];
    let valid =
        [(Id::V03, &BOTH[..]), (Id::V04, &BOTH), (Id::V03, &MONTH_FIRST), (Id::V04, &DAY_FIRST)];
    for (rule, values) in valid {
        cases.extend(values.iter().map(|value| dated(rule, value)));
    }
    let invalid = [
        (Id::V03, &DAY_FIRST[..]),
        (Id::V04, &MONTH_FIRST),
        (Id::V03, &NEITHER),
        (Id::V04, &NEITHER),
    ];
    for (rule, values) in invalid {
        cases.extend(values.iter().map(|value| dated(rule, value).error("Spot", &[3])));
    }
    cases
}
