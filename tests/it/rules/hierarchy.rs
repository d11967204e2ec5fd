//! M01 to M08: the hierarchy of managers on each date.

use viva_import::schema::Id;

use super::case::{Case, case};

pub(super) fn cases() -> Vec<Case> {
    [rows(), loops(), tops()].into_iter().flatten().collect()
}

/// The row of a person on a day.
fn row(person: &str, day: &str, manager: &str) -> String {
    let manager = if manager.is_empty() { String::new() } else { format!("{manager}@contoso.com") };
    format!("{person}@contoso.com,{day},{manager},Sales")
}

const MAY: &str = "05/31/2026";
const OCTOBER: &str = "10/31/2026";

fn rows() -> Vec<Case> {
    let again = |rule, what: &str, line: &str| case(rule, what).add(line);
    vec![
        again(Id::M01, "another manager on another date", &row("p3", MAY, "p4")).beside(&[Id::M08]),
        again(
            Id::M01,
            "the same manager in capitals",
            "p3@contoso.com,10/31/2026,ANA@CONTOSO.COM,Legal",
        )
        .beside(&[Id::M02]),
        again(Id::M01, "another manager on one date", &row("p3", OCTOBER, "p4")).error(None, &[22]),
        again(Id::M01, "the date in another form", &row("p3", "2026-10-31", "p4"))
            .error(None, &[22]),
        again(Id::M01, "the person in capitals", &row("P3", OCTOBER, "p4")).error(None, &[22]),
        again(Id::M01, "lowered", &row("p3", OCTOBER, "p4"))
            .lowered(Id::M01, "warning")
            .warning(None, &[22]),
        again(Id::M01, "incremental", &row("p3", OCTOBER, "p4")).incremental().error(None, &[22]),
        again(Id::M02, "the next month", &row("p3", "11/30/2026", "ana")).beside(&[Id::M08]),
        again(Id::M02, "the same row twice", &row("p3", OCTOBER, "ana")).warning(None, &[22]),
        again(Id::M02, "without a date, twice", &row("p3", OCTOBER, "ana"))
            .without("EffectiveDate")
            .warning(None, &[22])
            .beside(&[Id::H13]),
        again(Id::M02, "thrice", &row("p3", OCTOBER, "ana"))
            .add(&row("p3", OCTOBER, "ana"))
            .warning(None, &[22, 23]),
        case(Id::M03, "no manager at the top"),
        case(Id::M03, "the head reports to herself")
            .cell("ManagerId", 2, "ana@contoso.com")
            .warning(None, &[2]),
        case(Id::M03, "in capitals").cell("ManagerId", 2, "Ana@Contoso.com").warning(None, &[2]),
        case(Id::M03, "somebody else does")
            .cell("ManagerId", 7, "p7@contoso.com")
            .warning(None, &[7])
            .beside(&[Id::M07]),
        case(Id::M06, "managers with rows"),
        case(Id::M06, "a manager who has left and had a row")
            .cell("ManagerId", 7, "gone@contoso.com")
            .add(&row("gone", MAY, ""))
            .beside(&[Id::C03]),
        case(Id::M06, "a manager without a row")
            .cell("ManagerId", 7, "gone@contoso.com")
            .warning(None, &[7]),
        case(Id::M06, "a guest without a row")
            .cell("ManagerId", 7, "x_f.com#EXT#@contoso.onmicrosoft.com")
            .warning(None, &[7]),
        case(Id::M06, "incremental").incremental().cell("ManagerId", 7, "gone@contoso.com"),
        case(Id::M06, "off").lowered(Id::M06, "off").cell("ManagerId", 7, "gone@contoso.com"),
        case(Id::M06, "a manager whose row is skipped")
            .lenient()
            .cell("ManagerId", 7, "p8@contoso.com")
            .cell("Organization", 8, "a,b")
            .warning(None, &[7])
            .beside(&[Id::F03, Id::C03]),
    ]
}

fn loops() -> Vec<Case> {
    let to = |case: Case, line: usize, manager: &str| {
        case.cell("ManagerId", line, &format!("{manager}@contoso.com"))
    };
    let chain = |rule, what: &str| to(to(case(rule, what), 4, "p3"), 5, "p4");
    let long = |rule, what: &str, last: &str| {
        to(
            (4..=21).fold(case(rule, what), |case, line| to(case, line, &format!("p{}", line - 1))),
            3,
            last,
        )
    };
    let two_dates = |rule| {
        case(rule, "ana to bo in May, bo to ana in October")
            .lines(&[
                "PersonId,EffectiveDate,ManagerId,Organization",
                &row("ana", MAY, "bo"),
                &row("bo", MAY, ""),
                &row("ana", OCTOBER, ""),
                &row("bo", OCTOBER, "ana"),
            ])
            .beside(&[Id::C03])
    };
    let one_date = |rule| {
        case(rule, "the same on one date").lines(&[
            "PersonId,EffectiveDate,ManagerId,Organization",
            &row("ana", MAY, "bo"),
            &row("bo", MAY, "ana"),
        ])
    };
    vec![
        chain(Id::M04, "a chain"),
        two_dates(Id::M04),
        one_date(Id::M04).error(None, &[2, 3]).times(1).beside(&[Id::M08]),
        to(chain(Id::M04, "beside others"), 3, "p4").error(None, &[3, 4]).times(1),
        to(chain(Id::M04, "incremental"), 3, "p4").incremental().error(None, &[3, 4]).times(1),
        to(chain(Id::M04, "lenient"), 3, "p4").lenient().error(None, &[3, 4]).times(1),
        to(chain(Id::M04, "lowered"), 3, "p4")
            .lowered(Id::M04, "warning")
            .warning(None, &[3, 4])
            .times(1),
        chain(Id::M05, "a chain"),
        two_dates(Id::M05),
        long(Id::M05, "a chain of 19", "ana"),
        to(chain(Id::M05, "three in a loop"), 3, "p5").error(None, &[3, 4, 5]).times(1),
        long(Id::M05, "nineteen in a loop", "p21")
            .error(None, &[3, 13, 14, 15, 16, 17, 18, 19, 20, 21])
            .times(1),
        to(to(chain(Id::M05, "two loops"), 3, "p5"), 8, "p7")
            .cell("ManagerId", 7, "p8@contoso.com")
            .error(None, &[3, 4, 5])
            .times(1)
            .beside(&[Id::M04]),
    ]
}

fn tops() -> Vec<Case> {
    let head = |day: &str| row("ana", day, "");
    vec![
        case(Id::M07, "one head on each of two dates").add(&head(MAY)).beside(&[Id::C03]),
        case(Id::M07, "another head on another date").add(&row("p3", MAY, "")).beside(&[Id::C03]),
        case(Id::M07, "two heads")
            .cell("ManagerId", 7, "")
            .warning(None, &[2, 7])
            .times(1)
            .beside(&[Id::C03]),
        case(Id::M07, "a head and one who reports to himself")
            .cell("ManagerId", 7, "p7@contoso.com")
            .warning(None, &[2, 7])
            .times(1)
            .beside(&[Id::M03]),
        case(Id::M07, "two heads on each of two dates")
            .cell("ManagerId", 7, "")
            .add(&head(MAY))
            .add(&row("p7", MAY, ""))
            .warning(None, &[2, 7, 22, 23])
            .times(2)
            .beside(&[Id::C03]),
        case(Id::M08, "one head"),
        case(Id::M08, "a head who reports to herself")
            .cell("ManagerId", 2, "ana@contoso.com")
            .beside(&[Id::M03]),
        case(Id::M08, "the head reports to the board, who has no row")
            .cell("ManagerId", 2, "board@contoso.com")
            .warning(None, &[])
            .beside(&[Id::M06]),
        case(Id::M08, "no head on one of two dates").add(&row("p3", MAY, "ana")).warning(None, &[]),
        case(Id::M08, "incremental").incremental().cell("ManagerId", 2, "board@contoso.com"),
        case(Id::M08, "no ManagerId at all").incremental().without("ManagerId"),
    ]
}
