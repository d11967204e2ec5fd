//! Guarantees for any bytes: each body panics if a guarantee is broken.
//!
//! The fuzz targets run the bodies, and so does an ordinary test with the corpus.

use std::io::{Cursor, Read, Write as _};

use viva_import::{
    check::{Check, CheckOptions, Day, FileCheck, Finding, Metadata, Report, mapping_faults},
    connection::{self, Connection},
    package::check_and_zip,
    report,
    schema::{self, Checks, Field, Id, Kind, Limits, Mapping, Severity, Target, Unmapped},
};
use zip::ZipArchive;

/// The size of a read. The format of a file is detected by its first 512 bytes.
const PIECE_BYTES: usize = 521;

/// Panics if the bytes break a guarantee.
pub type Body = fn(&[u8]);

/// The bodies, by the name of their target and their folder in the corpus.
pub const BODIES: [(&str, Body); 3] = [("csv", csv), ("mapping", mapping), ("zip", zip)];

/// Two checks of a file have the same report and do not panic. The output of an accepted file is valid and
/// complete.
pub fn csv(file: &[u8]) {
    for options in every_options() {
        let (report, output) = checked(file, &options);
        let pieces = Check::open(Pieces(file), &options).and_then(Check::finish).unwrap();
        assert_eq!(report, pieces, "the report depends on the sizes of reads");
        has_texts(&report);
        let lines = file.split(|byte| *byte == b'\n').count() as u64;
        let rows = report.findings.iter().flat_map(|finding| &finding.rows);
        assert!(
            rows.copied().all(|row| (1..=lines).contains(&row)),
            "a row after the end of the file"
        );
        if report.is_accepted() {
            passes_again(&report, &output, options.clone());
            if is_passed_through(file, &report, &options) {
                assert!(trimmed(file) == trimmed(&output), "the output differs from the file");
            }
            if options.mapping == Mapping::Names {
                is_packed(file, &report, &output, &options);
            }
        }
    }
}

/// A document is rejected with its faults, or is valid, and a file that is packed with it is a valid zip.
pub fn mapping(document: &[u8]) {
    let rejected = |faults: &[schema::Fault]| assert!(!schema::sentence(faults).is_empty());
    let _ = connection::mapping(document).inspect_err(|faults| rejected(faults));
    let _ = Connection::parse("hr", document).inspect_err(|faults| rejected(faults));
    let dialect = Target::default().schema().dialect();
    let options = match connection::check_options(document, &dialect, &limits(), today()) {
        Ok((options, _)) => options,
        Err(faults) => return rejected(&faults),
    };
    let fields = match &options.mapping {
        Mapping::Fields(fields) | Mapping::Literal(fields) => fields.as_slice(),
        Mapping::Names => &[],
    };
    let file = file_of(fields, options.checks.delimiter.unwrap_or(b','));
    let (report, output) = checked(&file, &options);
    assert_eq!((&report, &output), (&checked(&file, &options).0, &output));
    has_texts(&report);
    if report.is_accepted() {
        assert_eq!(
            mapping_faults(options.target.schema(), fields, &options.checks),
            Vec::<String>::new()
        );
        let mut packed = vec![];
        check_and_zip(&*file, &mut packed, &options).unwrap();
        let written = unzipped(&packed, "metadata.json");
        let metadata = Metadata::read(&written, &options.dialect);
        assert_eq!(metadata.refresh, Some(options.refresh));
        if let Mapping::Literal(_) = options.mapping {
            assert_eq!(written, document);
        } else {
            assert_eq!(metadata.faults, []);
        }
        if options.checks == Checks::default() {
            let report = zip_report(&packed);
            assert!(report.is_accepted(), "{}", report::text(&report, "the zip"));
        }
    }
}

/// Two checks of a zip have the same report, and a zip is never reported as an unreadable file if the disk works.
pub fn zip(file: &[u8]) {
    let report = zip_report(file);
    has_texts(&report);
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
        max_days_back: 7,
        unmapped: Unmapped::Drop,
    }
}

fn today() -> Day {
    Day::from(time::macros::date!(2026 - 11 - 23))
}

/// No mapping; the same with a lenient connection; four mapped columns of a file from Excel.
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

/// Asserts that a report has texts in every format, and that its numbers are consistent.
fn has_texts(report: &Report) {
    let texts = [
        report::text(report, "a.csv"),
        report::html(report, "a.csv"),
        report::json(report, "a.csv").to_string(),
    ];
    assert!(texts.iter().all(|text| !text.is_empty()));
    assert_eq!(report.is_accepted(), report.count(Severity::Error) == 0);
    for Finding { rows, count, values, .. } in &report.findings {
        assert!(rows.is_sorted() && rows.len() <= 10 && *count > 0 && values.is_empty());
    }
}

/// Asserts that the output is a valid file with the same people. If rows were skipped, the coverage of a column
/// may be too low.
fn passes_again(report: &Report, output: &[u8], mut options: CheckOptions) {
    options.checks.encoding = None;
    options.checks.delimiter = None;
    let (again, same) = checked(output, &options);
    if report.rows_skipped == 0 {
        assert!(again.is_accepted(), "{}", report::text(&again, "the output"));
        assert_eq!(again.baseline, report.baseline);
    }
    assert!(same == output, "checking the output changes it");
}

/// Whether no column is dropped, no quotation mark corrected, and no row or blank line skipped.
fn is_passed_through(file: &[u8], report: &Report, options: &CheckOptions) -> bool {
    let is_corrected =
        report.findings.iter().any(|finding| matches!(finding.rule, Id::F03 | Id::F13));
    let start = trimmed(file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file));
    let has_instruction = start.to_ascii_lowercase().windows(4).take(2).any(|word| word == b"sep=");
    options.mapping == Mapping::Names
        && report.rows_skipped == 0
        && !is_corrected
        && !has_instruction
}

/// The file without its byte order mark and without blank lines at the beginning and the end.
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
    assert!(unzipped(&packed, "data.csv") == output, "the zip has another content");
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
    asked.check(file.path(), |_| {}).unwrap()
}

/// A header and one valid row with these fields.
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

/// An input with small reads.
struct Pieces<'a>(&'a [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let most = into.len().min(PIECE_BYTES);
        self.0.read(&mut into[..most])
    }
}
