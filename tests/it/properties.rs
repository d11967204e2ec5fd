//! Properties of the check for random files: valid files are accepted, a single defect is found at its place,
//! and no text contains a value.

use std::io::Read as _;

use proptest::prelude::*;
use serde_json::Value;
use viva_import::{
    check::{Check, Finding, Report},
    import::reason::Reason,
    messages, report,
    schema::{Id, Severity},
};

use self::{
    defects::{DEFECTS, Defect},
    draft::{Draft, NOTES, checked},
};
use crate::{
    corpus::bodies,
    sample::{COLUMNS, FEWEST_PEOPLE, Form, Random, Sample},
};
use viva_import::schema::Target;

mod defects;
mod draft;

/// A cell value that no text may contain.
const SECRET: &str = "hunter2";

fn few(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

prop_compose! {
    fn samples(most_people: u32, most_snapshots: u32)(
        seed in any::<u64>(),
        people in FEWEST_PEOPLE..=most_people,
        snapshots in 1..=most_snapshots,
        line_end in prop::sample::select(&["\n", "\r\n"][..]),
        delimiter in prop::sample::select(&b",,;\t|"[..]),
        has_mark in any::<bool>(),
        quoted_percent in prop::sample::select(&[0, 10, 100][..]),
        has_notes in any::<bool>(),
        order in Just((0..=NOTES).collect::<Vec<usize>>()).prop_shuffle(),
    ) -> Sample {
        let mut order = order;
        order.retain(|column| has_notes || *column != NOTES);
        let form = Form { line_end, delimiter, has_mark, quoted_percent, order };
        Sample { seed, people, snapshots, form }
    }
}

fn problems(report: &Report) -> u64 {
    report.count(Severity::Error) + report.count(Severity::Warning)
}

proptest! {
    #![proptest_config(few(64))]

    #[test]
    fn a_valid_file_is_accepted_in_every_form(sample in samples(200, 6)) {
        let draft = Draft::of(&sample);
        let (file, _) = draft.write();
        let mut options = draft.options();
        let (report, output) = checked(&file, &options);
        prop_assert_eq!(problems(&report), 0, "{}", report::text(&report, ""));
        prop_assert_eq!(report.baseline.rows, draft.rows.len() as u64 - 1);
        if !draft.has_notes() && sample.form.delimiter == b',' {
            prop_assert_eq!(output, file);
        } else {
            options.checks.delimiter = None;
            let (again, same) = checked(&output, &options);
            prop_assert_eq!((problems(&again), again.baseline), (0, report.baseline));
            prop_assert_eq!(output, same);
        }
    }
}

proptest! {
    #![proptest_config(few(32))]

    #[test]
    fn one_defect_is_found_in_its_row_without_other_errors(
        sample in samples(60, 3),
        place in any::<prop::sample::Index>(),
    ) {
        let valid = Draft::of(&sample);
        for defect in DEFECTS {
            let mut draft = valid.clone();
            let row = 2 + place.index(valid.rows.len() - 3);
            let rows = (defect.spoil)(&mut draft, row);
            let (file, lines) = draft.write();
            let lines: Vec<u64> = rows.iter().map(|row| lines[*row]).collect();
            let (report, _) = checked(&file, &draft.options());
            let is_found = report.findings.iter().any(|finding| is_of(defect, finding, &lines));
            prop_assert!(is_found, "{}: {:?} in {}", defect.what, lines, report::text(&report, ""));
            let errors = report.findings.iter().filter(|found| found.severity == Severity::Error);
            for other in errors.filter(|found| !is_of(defect, found, &lines)) {
                let follows = defect.follows.contains(&other.rule) || defect.is_far_reaching();
                prop_assert!(follows, "{}: {:?} in {}", defect.what, lines, report::text(&report, ""));
            }
        }
    }

    #[test]
    fn a_lenient_connection_skips_the_row_and_nothing_else(
        sample in samples(60, 3),
        place in any::<prop::sample::Index>(),
    ) {
        let valid = Draft::of(&sample);
        let by_row = |defect: &&Defect| {
            defect.rule.rule().by_row
                && defect.severity == Severity::Error
                && defect.follows.is_empty()
        };
        for defect in DEFECTS.iter().filter(by_row) {
            let mut draft = valid.clone();
            let row = 2 + place.index(valid.rows.len() - 3);
            (defect.spoil)(&mut draft, row);
            let mut options = draft.options();
            options.checks.lenient = true;
            let (report, output) = checked(&draft.write().0, &options);
            prop_assert!(report.is_accepted(), "{}: {}", defect.what, report::text(&report, ""));
            prop_assert_eq!(report.baseline.rows, valid.rows.len() as u64 - 2, "{}", defect.what);
            draft.rows[row].bytes = None;
            draft.rows[row].values = valid.rows[row].values.clone();
            let (_, all) = checked(&draft.write().0, &options);
            let skipped = all.len() - output.len();
            prop_assert!(skipped > COLUMNS.len(), "{}", defect.what);
            let start = all.iter().zip(&output).take_while(|(one, other)| one == other).count();
            prop_assert!(all[start + skipped..] == output[start..], "{}", defect.what);
        }
    }
}

fn is_of(defect: &Defect, found: &Finding, lines: &[u64]) -> bool {
    if defect.is_far_reaching() {
        let first = &found.rows[..found.rows.len().min(1)];
        return defect.follows.contains(&found.rule)
            && (found.severity, first) == (defect.severity, lines);
    }
    (found.rule, found.severity, found.rows.as_slice()) == (defect.rule, defect.severity, lines)
}

proptest! {
    #![proptest_config(few(2000))]

    #[test]
    fn no_bytes_break_a_guarantee(
        has_header in any::<bool>(),
        rest in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..2000),
            r#"([a-c@./";\t|é\u{feff} -]{0,9}[,,,,"]?[\r\n]{0,2}){0,60}"#.prop_map(String::into_bytes),
        ],
    ) {
        let header = if has_header { "PersonId,ManagerId,Organization\n" } else { "" };
        bodies::csv(&[header.as_bytes(), &rest].concat());
    }
}

/// The draft with the secret in all text values, or in all values.
fn with_secrets(mut draft: Draft, in_all: bool) -> Draft {
    for row in &mut draft.rows[1..] {
        for (value, (_, kind)) in row.values.iter_mut().zip(COLUMNS) {
            match kind {
                _ if value.is_empty() => {}
                "StringType" | "EmailType" => value.insert_str(0, SECRET),
                _ if in_all => value.push_str(SECRET),
                _ => {}
            }
        }
        row.values[NOTES].push_str(SECRET);
    }
    draft
}

fn reports(report: &Report) -> [String; 4] {
    let json = |value: Value| value.to_string();
    [
        report::text(report, "a.csv"),
        report::html(report, "a.csv"),
        json(report::json(report, "a.csv")),
        messages::cause(&Reason::FileInvalid(report.into()), Target::Viva)
            + &messages::notice(report).unwrap_or_default(),
    ]
}

#[test]
fn no_report_shows_a_value_unless_a_person_asks_for_values() {
    let mut random = Random(7);
    for (in_all, has_notes) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut sample = Sample { seed: 7, people: 30, snapshots: 2, form: Form::default() };
        sample.form.order.extend(has_notes.then_some(NOTES));
        let draft = with_secrets(Draft::of(&sample), in_all);
        for defect in DEFECTS {
            let mut draft = draft.clone();
            (defect.spoil)(&mut draft, 9);
            let (mut file, lines) = draft.write();
            // The report may show everything in the header.
            let rows = file.iter().position(|byte| *byte == b'\n').unwrap() + 1;
            for _ in 0..random.below(4) {
                let at = rows + random.below(file.len() - rows);
                match random.below(3) {
                    0 => drop(file.remove(at)),
                    1 => file[at] = random.one_of(b"\"\n\r,\0\xFF"),
                    _ => file.insert(at, random.one_of(b"\"\n\r,@\xFF")),
                }
            }
            let mut options = draft.options();
            let (report, _) = checked(&file, &options);
            for text in reports(&report) {
                assert!(!text.contains(SECRET), "{}: {text}", defect.what);
            }
            let last = *lines.last().unwrap() + file.len() as u64;
            assert!(report.findings.iter().flat_map(|found| &found.rows).all(|row| *row < last));
            options.show_values = true;
            let (shown, _) = checked(&file, &options);
            assert_eq!(shown.baseline, report.baseline);
        }
    }
}

#[test]
fn show_values_shows_the_values() {
    let sample = Sample { seed: 7, people: 30, snapshots: 1, form: Form::default() };
    let draft = with_secrets(Draft::of(&sample), true);
    let mut options = draft.options();
    options.show_values = true;
    let (report, _) = checked(&draft.write().0, &options);
    let [text, html, json, reason] = reports(&report);
    assert!(text.contains(SECRET) && json.contains(SECRET) && html.contains(SECRET));
    assert!(!reason.contains(SECRET));
}

#[test]
fn a_sample_has_about_the_requested_size() {
    for bytes in [300_000_u64, 3_000_000] {
        let mut file = vec![];
        Sample::of_bytes(bytes).write(&mut file).unwrap();
        assert!((file.len() as u64).abs_diff(bytes) * 10 < bytes, "{}", file.len());
    }
}

#[test]
fn every_rule_that_a_row_can_break_has_a_defect() {
    // Every text is a string, so V02 has no defect.
    let rules = viva_import::schema::RULES.iter().map(|rule| rule.id);
    let of_rows = rules.filter(|id| id.rule().by_row && !matches!(id, Id::V02 | Id::V04));
    for id in of_rows {
        assert!(DEFECTS.iter().any(|defect| defect.rule == id), "{id}");
    }
}

fn small(header: &str, rows: &[&str]) -> String {
    std::iter::once(&header).chain(rows).map(|line| format!("{line}\n")).collect()
}

const HEADER: &str = "PersonId,ManagerId,Organization";
const ROWS: [&str; 2] = ["ana@contoso.com,,Executive", "bo@contoso.com,ana@contoso.com,Sales"];

#[test]
fn the_report_of_a_file_without_line_breaks_shows_no_value() {
    let mut options = bodies::every_options()[0].clone();
    let secret = format!("{SECRET}@contoso.com");
    for mapping in [options.mapping.clone(), Draft::of(&Sample::of_bytes(0)).options().mapping] {
        options.mapping = mapping;
        for file in [
            format!("{HEADER}{},{secret},{SECRET}", ROWS.join("")),
            format!("{HEADER},\"Notes\nana,bo\",{SECRET}\n"),
            format!("PersonId,{SECRET},Sales {SECRET},East\n"),
            format!("{HEADER}\n").replace("ManagerId", SECRET),
        ] {
            let (report, _) = checked(file.as_bytes(), &options);
            for text in reports(&report) {
                assert!(!text.contains(SECRET), "{text}");
            }
        }
    }
}

#[test]
fn the_detected_format_does_not_depend_on_the_size_of_the_first_read() {
    let options = &bodies::every_options()[0];
    for file in [format!("\u{feff}{}", small(HEADER, &ROWS)), "PK\x03\x04 and so on".to_owned()] {
        let (first, rest) = file.as_bytes().split_at(1);
        let check = Check::open(first.chain(rest), options).unwrap();
        assert_eq!(check.finish().unwrap(), checked(file.as_bytes(), options).0);
    }
}

#[test]
fn a_fault_of_the_header_has_the_line_of_the_header() {
    let options = &bodies::every_options()[0];
    for (start, line) in [("", 1), ("sep=,\n", 2), ("\n\r\n", 3)] {
        let file = format!("{start}{HEADER},\n{},\n", ROWS[0]);
        let (report, _) = checked(file.as_bytes(), options);
        let found = report.findings.iter().find(|found| found.rule == Id::H02).unwrap();
        assert_eq!(found.rows, [line], "{start:?}");
    }
}

#[test]
fn skipped_rows_do_not_count_for_coverage() {
    let mut options = bodies::every_options()[1].clone();
    options.checks.lenient = true;
    let bad = "no-address,ana@contoso.com,Sales";
    // Three of four people have no manager; the many other rows have one, but are skipped.
    let heads = ["bo@contoso.com,,Sales", "cy@contoso.com,,Sales"];
    let file = small(HEADER, &[&ROWS[..1], &heads, &[bad; 100]].concat());
    let (report, output) = checked(file.as_bytes(), &options);
    assert_eq!(report.is_accepted(), checked(&output, &options).0.is_accepted());
}
