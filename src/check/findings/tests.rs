//! Counting and listing of findings, and the severities that a connection can lower.

use super::*;

fn findings(lenient: bool, lowered: &[(Id, Option<Severity>)]) -> Findings {
    Findings::new(Levels::new(lenient, lowered), false)
}

#[test]
fn an_error_counts_and_is_listed_however_many_hints_there_are() {
    let mut findings = findings(false, &[]);
    for position in 0..2 * MAX_GROUPS {
        findings.column(Id::Q04, Severity::Hint, position, String::new());
    }
    findings.value(Id::V01, 5, 0, "no address", b"x");
    assert!(!findings.is_sound());
    let (found, counts) = findings.sorted(|position| position.to_string());
    assert_eq!((found.len(), found[0].rule), (MAX_GROUPS, Id::V01));
    assert_eq!(counts.of(Severity::Hint), 2 * MAX_GROUPS as u64);
    assert_eq!(counts.by_rule(Severity::Error).collect::<Vec<_>>(), [(Id::V01, 1)]);
}

#[test]
fn errors_that_are_not_listed_are_counted() {
    let mut findings = findings(false, &[]);
    for position in 0..=MAX_GROUPS {
        findings.value(Id::V01, 5, position, "no address", b"x");
        findings.value(Id::V01, 6, position, "no address", b"x");
    }
    let (found, counts) = findings.sorted(|position| position.to_string());
    assert_eq!((found.len(), found[0].count), (MAX_GROUPS, 2));
    assert_eq!(counts.of(Severity::Error), 2 * (MAX_GROUPS as u64 + 1));
}

#[test]
fn the_first_rows_are_listed_in_whatever_order_they_come() {
    let mut findings = findings(false, &[]);
    for line in (2..100).rev() {
        findings.row(Id::M02, line, "", String::new);
    }
    let (found, _) = findings.sorted(|_| String::new());
    assert_eq!(found[0].rows, (2..12).collect::<Vec<u64>>());
    assert_eq!(found[0].count, 98);
}

#[test]
fn a_connection_lowers_and_never_raises() {
    let warning = Some(Severity::Warning);
    for (rule, lowered, expected) in [
        (Id::V01, None, Some(Severity::Error)),
        (Id::V01, Some(warning), Some(Severity::Warning)),
        (Id::V01, Some(None), None),
        (Id::Q02, Some(warning), Some(Severity::Hint)),
    ] {
        let lowered: Vec<_> = lowered.map(|level| (rule, level)).into_iter().collect();
        let mut findings = findings(false, &lowered);
        let skips = findings.value(rule, 2, 0, "reason", b"x");
        let (found, _) = findings.sorted(|_| String::new());
        assert_eq!(found.first().map(|finding| finding.severity), expected, "{rule}");
        assert!(!skips);
    }
}

#[test]
fn an_unreadable_file_is_rejected_whatever_is_lowered() {
    let mut findings = findings(true, &[(Id::Q09, None)]);
    findings.reject(Id::Q09, &[1], "no commas".to_owned());
    assert!(!findings.is_sound());
}

#[test]
fn control_characters_of_names_do_not_reach_a_terminal() {
    let mut findings = findings(false, &[]);
    findings.field(Id::H09, Severity::Error, "a\u{1b}[2J", "of type \u{1b}[5m".to_owned());
    let (found, _) = findings.sorted(|_| String::new());
    let shown = format!("{} {}", found[0].message, found[0].column.as_ref().unwrap());
    assert!(!shown.contains(char::is_control), "{shown:?}");
}
