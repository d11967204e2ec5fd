//! The checker: applies Microsoft's rules before any data leaves the tenant.
//!
//! A file is read once, record by record, in constant memory: a buffer for the longest record, counters
//! for each column, and the index of people (`person_index` documents its size). Findings are counted and
//! grouped. They contain no cell value unless a person asked for values.
//!
//! [`Check`] returns the rows that may be sent, one by one: the original bytes if every column is mapped
//! and nothing changes, otherwise the mapped columns, rewritten.

use std::{
    collections::HashSet,
    io::{self, Cursor, Read},
    mem::take,
};

use self::{
    columns::Seen,
    findings::{Findings, Levels},
    header::Header,
    person_index::People,
    records::{Next, Records},
    text::FileFormat,
};
pub use self::{
    date::Day,
    file::{FileCheck, FileError},
    findings::{Counts, Finding},
    mapping::{Metadata, mapping_faults},
    options::CheckOptions,
    records::write_record,
    report::{Deletion, Report},
    survey::{Content, Dates, Heading, Profile, ProfileError},
};
pub(crate) use self::{
    file::{page_blob, too_large},
    findings::some_of,
    mapping::{has_plain_letters, metadata_members},
    report::deletions,
    value::personal,
};
use crate::schema::{Id, Refresh};

mod archive;
mod columns;
mod date;
mod delimiter_scan;
mod file;
mod findings;
mod header;
mod hierarchy;
mod mapping;
mod options;
mod person_index;
mod records;
mod report;
mod rows;
mod survey;
mod text;
mod value;

/// Bytes that are read to detect the format of a file.
const DETECT_BYTES: u64 = 4 << 10;

/// Most columns of a file. The header is checked as a whole, so its size must be bounded.
const MAX_COLUMNS: usize = 4096;

/// Counters of the rows so far.
#[derive(Debug, Default)]
struct RowCounts {
    /// Rows that may be sent.
    rows: u64,
    /// Those of them whose values were checked.
    checked: u64,
    /// Rows that are skipped.
    skipped: u64,
    /// The first row for which the index of people had no memory left.
    full_at: Option<u64>,
    /// Whether a row is kept whose person is not in the index, so that nobody can say who is missing.
    is_partial: bool,
    /// Dates on which a row has no manager.
    heads: HashSet<Option<i32>>,
    /// Whether one date has several such rows.
    has_several_heads: bool,
}

/// A file being checked.
pub struct Check<'a> {
    options: &'a CheckOptions,
    records: Records<Box<dyn Read + 'a>>,
    findings: Findings,
    header: Option<Header>,
    seen: Vec<Seen>,
    people: People,
    counts: RowCounts,
    /// The kept columns that have no value in the current record.
    blanks: Vec<usize>,
    /// The current record as it is sent, if it differs from the file.
    out: Vec<u8>,
    rewrites: bool,
    is_rewritten: bool,
    head: Vec<u8>,
    progress: Progress,
}

/// How far the file has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// There may be more rows.
    Rows,
    /// The end was reached.
    Done,
    /// Reading stopped before the end, because the rest is unusable or unreadable.
    Broken,
}

impl<'a> Check<'a> {
    /// Reads up to the header.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn open(input: impl Read + 'a, options: &'a CheckOptions) -> io::Result<Self> {
        let levels = Levels::new(options.checks.lenient, &options.checks.rules);
        let mut findings = Findings::new(levels, options.show_values);
        let (input, bom) = recognize(Box::new(input), options, &mut findings)?;
        let mut check = Self {
            options,
            records: Records::new(input, options.delimiter()),
            findings,
            header: None,
            seen: vec![],
            people: People::new(options.limits.max_people_bytes),
            counts: RowCounts::default(),
            blanks: vec![],
            out: vec![],
            rewrites: false,
            is_rewritten: false,
            head: bom,
            progress: Progress::Rows,
        };
        if !check.is_sound() {
            check.progress = Progress::Broken;
        }
        for (rule, severity, message) in &options.found {
            check.findings.file(*rule, *severity, &[], message.clone());
        }
        if check.progress == Progress::Rows {
            check.read_header()?;
        }
        Ok(check)
    }

    /// The columns that are kept, as header and field; none if the header is invalid.
    pub fn kept(&self) -> impl Iterator<Item = &crate::schema::Field> {
        self.header.iter().flat_map(|header| &header.columns).map(|column| &column.field)
    }

    /// What precedes the rows that may be sent: the header, and the byte order mark if the bytes pass
    /// through unchanged.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Whether no error was found so far.
    #[must_use]
    pub(crate) fn is_sound(&self) -> bool {
        self.findings.is_sound()
    }

    /// The next row that may be sent, checked; with its line end.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn next_row(&mut self) -> io::Result<Option<&[u8]>> {
        while self.progress == Progress::Rows {
            match self.read_on()? {
                Next::Record if self.row() => {
                    let rewritten = self.is_rewritten.then_some(&self.out);
                    return Ok(Some(rewritten.map_or_else(|| self.records.raw(), Vec::as_slice)));
                }
                Next::Record => self.counts.skipped += 1,
                end @ (Next::End | Next::OpenQuote(_) | Next::TooLong(_)) => self.end(end),
            }
        }
        Ok(None)
    }

    /// The values of the row that [`Check::next_row`] returned last, in the order of [`Check::kept`],
    /// unquoted.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        let columns = self.header.iter().flat_map(|header| &header.columns);
        columns.map(|column| self.records.value(column.position))
    }

    /// Reads the rest of the file and returns the report.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn finish(mut self) -> io::Result<Report> {
        while self.next_row()?.is_some() {}
        Ok(self.report())
    }

    fn read_header(&mut self) -> io::Result<()> {
        let mut next = self.read_on()?;
        if next == Next::Record
            && let Some(delimiter) = text::separator_line(self.records.raw())
        {
            if self.options.delimiter() != delimiter {
                let remedy = text::delimiter_remedy(delimiter);
                let message =
                    format!("The first line is Excel's \"sep=\" line, not the header. {remedy}");
                self.reject(Id::Q09, 1, message);
                return Ok(());
            }
            self.rewrites = true;
            next = self.read_on()?;
        }
        match next {
            Next::Record => self.check_header(),
            Next::End if self.progress == Progress::Broken => {}
            Next::End => {
                let message = "The file contains only blank lines. Export it again.";
                self.findings.reject(Id::F01, &[], message.to_owned());
                self.progress = Progress::Broken;
            }
            broken @ (Next::OpenQuote(_) | Next::TooLong(_)) => self.end(broken),
        }
        Ok(())
    }

    fn check_header(&mut self) {
        let line = self.records.line();
        self.report_blank_lines();
        if self.records.len() == 1
            && let Some(message) = self.one_column()
        {
            self.reject(Id::Q09, line, message);
            return;
        }
        let columns = self.records.len();
        if columns > MAX_COLUMNS {
            let message = format!(
                "The header has {columns} columns. At most {MAX_COLUMNS} are checked, and the service \
                 accepts {} fields. Export fewer columns.",
                header::MAX_FIELDS
            );
            self.reject(Id::H12, line, message);
            return;
        }
        let names: Vec<&[u8]> = self.records.values().collect();
        let quoting = self.records.quoting();
        if quoting.after.or(quoting.stray).is_some() {
            let message = "A name in the header contains a quotation mark, or continues after its \
                           closing quotation mark. Correct the header.";
            self.reject(Id::F03, line, message.to_owned());
            return;
        }
        if !quoting.has_quotes && names.iter().any(|name| name.contains(&b'\r')) {
            let message = "The lines end with a carriage return (CR) alone. Export the file with LF or \
                           CRLF line ends.";
            self.reject(Id::F03, line, message.to_owned());
            return;
        }
        let Some(header) = header::check(&names, line, self.options, &mut self.findings) else {
            self.progress = Progress::Broken;
            return;
        };
        self.rewrites |= !header.dropped.is_empty() || self.options.delimiter() != b',';
        if self.rewrites {
            self.head.clear();
            let names = header.columns.iter().map(|column| self.records.value(column.position));
            records::write_record(&mut self.head, names);
        } else {
            self.head.extend_from_slice(self.records.raw());
        }
        self.seen.resize_with(header.columns.len(), Seen::default);
        self.header = Some(header);
    }

    /// The cause of a header with only one value, if there is an obvious one.
    fn one_column(&self) -> Option<String> {
        let (raw, value) = (self.records.raw(), self.records.value(0));
        let delimiter = self.options.delimiter();
        if let Some(other) = text::delimiter_of(raw).filter(|other| *other != delimiter) {
            return Some(text::delimiter_remedy(other));
        }
        let has_commas = value.contains(&b',');
        if has_commas && delimiter != b',' {
            let message = "The columns are separated by commas, but the connection names another \
                           delimiter. Remove \"delimiter\" from the connection.";
            return Some(message.to_owned());
        }
        has_commas.then(|| {
            "Each row is one value in quotation marks, including its commas. Export the file again as \
             \"CSV UTF-8\"."
                .to_owned()
        })
    }

    /// The next record. Text that does not match the encoding in the connection is a fault of the file.
    fn read_on(&mut self) -> io::Result<Next> {
        let error = match self.records.next() {
            Err(error) => error,
            next => return next,
        };
        let Some((rule, message)) = text::fault_of(&error) else { return Err(error) };
        self.findings.reject(rule, &[], message);
        self.progress = Progress::Broken;
        Ok(Next::End)
    }

    fn reject(&mut self, rule: Id, line: u64, message: String) {
        self.progress = Progress::Broken;
        self.findings.reject(rule, &[line], message);
    }

    fn end(&mut self, next: Next) {
        match next {
            Next::OpenQuote(line) => self.reject(
                Id::F03,
                line,
                "A quotation mark in this row is never closed. Close it, or double it (\"\") if it is \
                 part of the value."
                    .to_owned(),
            ),
            Next::TooLong(line) => self.reject(
                Id::F03,
                line,
                format!(
                    "The row is longer than {} MiB or has more than {} columns. Most likely, a \
                     quotation mark in it is never closed. Close it.",
                    records::MAX_RECORD_BYTES >> 20,
                    records::MAX_VALUES
                ),
            ),
            // Text in the wrong encoding has already stopped the check.
            Next::End if self.progress == Progress::Broken => {}
            Next::Record | Next::End => self.progress = Progress::Done,
        }
    }
}

/// Rejects a file whose first bytes are not text in the expected encoding. Returns the rest of the input,
/// and the byte order mark that was removed from it.
fn recognize<'a>(
    mut input: Box<dyn Read + 'a>,
    options: &CheckOptions,
    findings: &mut Findings,
) -> io::Result<(Box<dyn Read + 'a>, Vec<u8>)> {
    let mut start = vec![];
    // A single read may return fewer bytes.
    input.by_ref().take(DETECT_BYTES).read_to_end(&mut start)?;
    let format = text::detect(&start);
    text::reject_unless_text(format, options.checks.encoding.is_some(), findings);
    let is_marked = format == (FileFormat::Utf8 { bom: true }) && options.checks.encoding.is_none();
    let rest = if is_marked { start.split_off(text::UTF8_MARK.len()) } else { take(&mut start) };
    let input = Cursor::new(rest).chain(input);
    Ok(match options.checks.encoding {
        Some(encoding) => (Box::new(text::decoded(input, encoding)), start),
        None => (Box::new(input), start),
    })
}
