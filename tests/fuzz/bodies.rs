//! What is promised of any bytes: each body panics where a promise is broken.
//!
//! The fuzz targets run them, and so does a plain test over the corpus.

use std::io::{Cursor, Read, Write as _};

use viva_import::{
    check::{Check, CheckOptions, Day, FileCheck, Finding, Metadata, Report, mapping_faults},
    connection::{self, Connection},
    package::check_and_zip,
    report,
    schema::{self, Checks, Field, Id, Kind, Limits, Mapping, Severity, Unmapped},
};
use zip::ZipArchive;

/// The least that is read at once: what a file is shows in its first 512 bytes.
const PIECE_BYTES: usize = 521;

/// Panics where the bytes break a promise.
pub type Body = fn(&[u8]);

/// A body by the name of its target and of its folder in the corpus.
pub const BODIES: [(&str, Body); 3] = [("csv", csv), ("mapping", mapping), ("zip", zip)];

/// A file is checked twice alike and without a panic, and what passes is right and loses nothing.
pub fn csv(file: &[u8]) {
    for options in every_options() {
        let (report, output) = checked(file, &options);
        let pieces = Check::open(Pieces(file), &options).and_then(Check::finish).unwrap();
        assert_eq!(report, pieces, "other pieces, another report");
        tells(&report);
        let lines = file.split(|byte| *byte == b'\n').count() as u64;
        let rows = report.findings.iter().flat_map(|finding| &finding.rows);
        assert!(rows.copied().all(|row| (1..=lines).contains(&row)), "a row beyond the file");
        if report.is_accepted() {
            passes_again(&report, &output, options.clone());
            if is_passed_through(file, &report, &options) {
                assert!(trimmed(file) == trimmed(&output), "other bytes than those of the file");
            }
            if options.mapping == Mapping::Names {
                is_packed(file, &report, &output, &options);
            }
        }
    }
}

/// A document is refused with its faults or taken, and what is packed by it passes as a zip.
pub fn mapping(document: &[u8]) {
    let refused = |faults: &[schema::Fault]| assert!(!schema::sentence(faults).is_empty());
    let _ = connection::mapping(document).inspect_err(|faults| refused(faults));
    let _ = Connection::parse("hr", document).inspect_err(|faults| refused(faults));
    let options = match connection::check_options(document, &limits(), today()) {
        Ok((options, _)) => options,
        Err(faults) => return refused(&faults),
    };
    let fields = match &options.mapping {
        Mapping::Fields(fields) | Mapping::Literal(fields) => fields.as_slice(),
        Mapping::Names => &[],
    };
    let file = file_of(fields, options.checks.delimiter.unwrap_or(b','));
    let (report, output) = checked(&file, &options);
    assert_eq!((&report, &output), (&checked(&file, &options).0, &output));
    tells(&report);
    if report.is_accepted() {
        assert_eq!(
            mapping_faults(options.target.schema(), fields, &options.checks),
            Vec::<String>::new()
        );
        let mut packed = vec![];
        check_and_zip(&*file, &mut packed, &options).unwrap();
        let metadata = Metadata::read(&unzipped(&packed, "metadata.json"), &options.dialect);
        assert_eq!((metadata.faults, metadata.refresh), (vec![], Some(options.refresh)));
        if options.checks == Checks::default() {
            let report = zip_report(&packed);
            assert!(report.is_accepted(), "{}", report::text(&report, "the zip"));
        }
    }
}

/// A zip is checked twice alike, whatever it is, and never called unreadable on a healthy disk.
pub fn zip(file: &[u8]) {
    let report = zip_report(file);
    tells(&report);
    assert_eq!(report, zip_report(file));
    if report.is_accepted() {
        let names = ZipArchive::new(Cursor::new(file)).unwrap().len();
        assert_eq!(names, 2);
    }
}

fn limits() -> Limits {
    Limits {
        max_file_bytes: 1 << 20,
        max_people_bytes: 1 << 26,
        max_shrink_percent: 10,
        unmapped: Unmapped::Drop,
    }
}

fn today() -> Day {
    Day::from(time::macros::date!(2026 - 11 - 23))
}

/// Viva's own names; the same leniently; four mapped columns of a file as it comes from Excel.
pub fn every_options() -> [CheckOptions; 3] {
    let names = CheckOptions::without(&limits(), today());
    let mut lenient = names.clone();
    lenient.checks.lenient = true;
    let connection = br#"{
        "tenantId": "11111111-2222-3333-4444-555555555555",
        "connector": "HR",
        "refresh": "incremental",
        "credential": { "kind": "managedIdentity" },
        "encoding": "windows-1252",
        "delimiter": ";",
        "mapping": {
            "PersonId": { "name": "PersonId", "type": "Email" },
            "EffectiveDate": { "name": "EffectiveDate", "type": "DateTime_DDMMYYYY" },
            "ManagerId": { "name": "ManagerId", "type": "Email" },
            "Organization": { "name": "Organization", "type": "String" }
        }
    }"#;
    let mapped = Connection::parse("hr", connection).unwrap();
    [names, lenient, mapped.check_options(&limits(), today())]
}

fn checked(file: &[u8], options: &CheckOptions) -> (Report, Vec<u8>) {
    let mut check = Check::open(file, options).unwrap();
    let mut output = check.head().to_vec();
    while let Some(row) = check.next_row().unwrap() {
        output.extend_from_slice(row);
    }
    (check.finish().unwrap(), output)
}

/// A report can be told in every form, and its numbers agree with one another.
fn tells(report: &Report) {
    let told = [
        report::text(report, "a.csv"),
        report::html(report, "a.csv"),
        report::json(report, "a.csv").to_string(),
    ];
    assert!(told.iter().all(|text| !text.is_empty()));
    assert_eq!(report.is_accepted(), report.count(Severity::Error) == 0);
    for Finding { rows, count, values, .. } in &report.findings {
        assert!(rows.is_sorted() && rows.len() <= 10 && *count > 0 && values.is_empty());
    }
}

/// What passed is a right file with the same people. What was left out may have been what covered
/// a column.
fn passes_again(report: &Report, output: &[u8], mut options: CheckOptions) {
    options.checks.encoding = None;
    options.checks.delimiter = None;
    let (again, same) = checked(output, &options);
    if report.rows_skipped == 0 {
        assert!(again.is_accepted(), "{}", report::text(&again, "what passed"));
        assert_eq!(again.baseline, report.baseline);
    }
    assert!(same == output, "what passed is changed when it passes again");
}

/// Whether no column is cut, no quotation mark mended, and no row or blank line left out.
fn is_passed_through(file: &[u8], report: &Report, options: &CheckOptions) -> bool {
    let is_mended = report.findings.iter().any(|finding| matches!(finding.rule, Id::F03 | Id::F13));
    let start = trimmed(file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file));
    let has_instruction = start.to_ascii_lowercase().windows(4).take(2).any(|word| word == b"sep=");
    options.mapping == Mapping::Names && report.rows_skipped == 0 && !is_mended && !has_instruction
}

/// The file without its mark and without the blank lines around it, which count for nothing.
fn trimmed(file: &[u8]) -> &[u8] {
    let file = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let start = file.iter().position(|byte| !is_line_end(byte)).unwrap_or(file.len());
    let end = file.iter().rposition(|byte| !is_line_end(byte)).map_or(start, |end| end + 1);
    &file[start..end]
}

fn is_packed(file: &[u8], report: &Report, output: &[u8], options: &CheckOptions) {
    let mut packed = vec![];
    let same = check_and_zip(file, &mut packed, options).unwrap();
    assert_eq!(same, *report);
    assert!(unzipped(&packed, "data.csv") == output, "the zip has other bytes");
}

fn unzipped(zip: &[u8], name: &str) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut bytes = vec![];
    archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn zip_report(zip: &[u8]) -> Report {
    let mut file = tempfile::Builder::new().suffix(".zip").tempfile().unwrap();
    file.write_all(zip).unwrap();
    let asked = FileCheck {
        dialect: None,
        given: None,
        refresh: None,
        lenient: false,
        previous: None,
        show_values: false,
        today: today(),
        limits: limits(),
    };
    asked.check(file.path()).unwrap()
}

/// A header and one right row of the fields.
fn file_of(fields: &[Field], delimiter: u8) -> Vec<u8> {
    let value = |field: &Field| match Kind::parse(&field.kind) {
        Some(Kind::Email) => "ana@contoso.com",
        Some(Kind::Date(_)) => "14-Mar-2012",
        Some(Kind::Double | Kind::Integer) => "1",
        Some(Kind::Boolean) => "TRUE",
        Some(Kind::Text) | None => "IC",
    };
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(vec![]);
    writer.write_record(fields.iter().map(|field| &field.source)).unwrap();
    writer.write_record(fields.iter().map(value)).unwrap();
    writer.into_inner().unwrap()
}

/// An input that comes in pieces.
struct Pieces<'a>(&'a [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let most = into.len().min(PIECE_BYTES);
        self.0.read(&mut into[..most])
    }
}
