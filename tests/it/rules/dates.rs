//! V03 and V04: the two lists of forms, in columns of the one type and of the other.

use viva_import::schema::Id;

use super::case::{Case, case};

/// Dates of both types.
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

/// Dates of a month-first column, which no day-first one takes.
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

/// The other way round, but for years of two digits and years that come first.
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

/// A further column of the rule's type, with this value in line 3.
fn dated(rule: Id, value: &str) -> Case {
    let (kind, right) = if rule == Id::V03 {
        ("DateTime_MMDDYYYY", "12/31/2025")
    } else {
        ("DateTime_DDMMYYYY", "31/12/2025")
    };
    case(rule, format!("{value:?}"))
        .column("Spot", &[right])
        .cell("Spot", 3, value)
        .mapped(&format!(r#""Spot":{{"name":"Spot","type":"{kind}"}}"#))
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        // The list of the day-first type alone has years of two digits after slashes.
        dated(Id::V03, "12/31/25").error("Spot", &[3]),
        dated(Id::V03, "1/1/25").error("Spot", &[3]),
        dated(Id::V04, "31/12/25"),
        dated(Id::V04, "1/2/25"),
        // Under day first a year that comes first is followed by the day: worth a warning.
        dated(Id::V03, "2025-31-12").error("Spot", &[3]),
        dated(Id::V04, "2025-31-12").beside(&[Id::Q01]),
        dated(Id::V04, "2025-04-05").beside(&[Id::Q01]),
        dated(Id::V03, "31/12/2025").lenient().warning("Spot", &[3]),
        dated(Id::V04, "12/31/2025").lenient().warning("Spot", &[3]),
        case(Id::V03, "Viva's own")
            .column("HireDate", &["8/15/2015"])
            .cell("HireDate", 3, "42067")
            .error("HireDate", &[3]),
        case(Id::V03, "no date to stand on")
            .cell("EffectiveDate", 21, "31/10/2026")
            .error("EffectiveDate", &[21]),
    ];
    let right =
        [(Id::V03, &BOTH[..]), (Id::V04, &BOTH), (Id::V03, &MONTH_FIRST), (Id::V04, &DAY_FIRST)];
    for (rule, values) in right {
        cases.extend(values.iter().map(|value| dated(rule, value)));
    }
    let wrong = [
        (Id::V03, &DAY_FIRST[..]),
        (Id::V04, &MONTH_FIRST),
        (Id::V03, &NEITHER),
        (Id::V04, &NEITHER),
    ];
    for (rule, values) in wrong {
        cases.extend(values.iter().map(|value| dated(rule, value).error("Spot", &[3])));
    }
    cases
}
