//! The checker: Microsoft's rules, before anything leaves the tenant.
//!
//! A file is read once, record by record, in flat memory: a buffer of the longest record, counters
//! for each column, and the memory of people (`person_index` says what it takes). What is found
//! is counted and grouped; a cell's value is told only where a person asked for values.
//!
//! [`Check`] gives back, row by row, what may leave: the bytes as they are where every column is
//! mapped and nothing is changed, otherwise the mapped columns written anew.

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
    text::Look,
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
    file::too_large,
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

/// Bytes that are looked at to recognize what a file is.
const LOOK_BYTES: u64 = 4 << 10;

/// Most columns of a file: each name is held against each.
const MAX_COLUMNS: usize = 4096;

/// What the rows have added up to so far.
#[derive(Debug, Default)]
struct RowCounts {
    /// Rows that may leave.
    rows: u64,
    /// Those of them whose values were looked at.
    checked: u64,
    /// Rows that are left out.
    dropped: u64,
    /// The row from which on the people found no memory.
    full_at: Option<u64>,
    /// Rows stay that are not among the people: who is missing there cannot be known.
    is_partial: bool,
    /// Dates of which a row without a manager was seen.
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
    /// The kept columns without a value in the present record.
    blanks: Vec<usize>,
    /// What of the present record leaves, where it is not the record as it stands.
    out: Vec<u8>,
    rewrites: bool,
    is_rewritten: bool,
    head: Vec<u8>,
    progress: Progress,
}

/// How far a file was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// There may be more rows.
    Rows,
    /// To its end.
    Done,
    /// Not to its end: it is no use, or it cannot be read on.
    Broken,
}

impl<'a> Check<'a> {
    /// Reads as far as the header.
    ///
    /// # Errors
    /// Where the input cannot be read.
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

    /// The columns that are kept, as header and field; none where the header was not understood.
    pub fn kept(&self) -> impl Iterator<Item = &crate::schema::Field> {
        self.header.iter().flat_map(|header| &header.columns).map(|column| &column.field)
    }

    /// What stands above the rows of what may leave: the header, and a byte order mark where
    /// the bytes pass through.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Whether nothing that refuses the file was found yet.
    #[must_use]
    pub(crate) fn is_sound(&self) -> bool {
        self.findings.is_sound()
    }

    /// The next row that may leave, checked; with its line end.
    ///
    /// # Errors
    /// Where the input cannot be read.
    pub fn next_row(&mut self) -> io::Result<Option<&[u8]>> {
        while self.progress == Progress::Rows {
            match self.read_on()? {
                Next::Record if self.row() => {
                    let rewritten = self.is_rewritten.then_some(&self.out);
                    return Ok(Some(rewritten.map_or_else(|| self.records.raw(), Vec::as_slice)));
                }
                Next::Record => self.counts.dropped += 1,
                end @ (Next::End | Next::OpenQuote(_) | Next::TooLong(_)) => self.end(end),
            }
        }
        Ok(None)
    }

    /// The values of the row that [`Check::next_row`] gave last, in the order of
    /// [`Check::kept`], their quotation marks undone.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        let columns = self.header.iter().flat_map(|header| &header.columns);
        columns.map(|column| self.records.value(column.position))
    }

    /// Reads whatever is left and says what the whole file is.
    ///
    /// # Errors
    /// Where the input cannot be read.
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
                let message = format!("the first line is Excel's \"sep=\" and no header: {remedy}");
                self.refuse(Id::Q09, 1, message);
                return Ok(());
            }
            self.rewrites = true;
            next = self.read_on()?;
        }
        match next {
            Next::Record => self.hold_header(),
            Next::End if self.progress == Progress::Broken => {}
            Next::End => {
                let message = "the file has nothing but blank lines";
                self.findings.refuse(Id::F01, &[], message.to_owned());
                self.progress = Progress::Broken;
            }
            broken @ (Next::OpenQuote(_) | Next::TooLong(_)) => self.end(broken),
        }
        Ok(())
    }

    fn hold_header(&mut self) {
        let line = self.records.line();
        self.tell_blank_lines();
        if self.records.len() == 1
            && let Some(message) = self.one_column()
        {
            self.refuse(Id::Q09, line, message);
            return;
        }
        let columns = self.records.len();
        if columns > MAX_COLUMNS {
            let message = format!(
                "the header has {columns} columns; more than {MAX_COLUMNS} are not looked at, and \
                 the service takes 105"
            );
            self.refuse(Id::H12, line, message);
            return;
        }
        let names: Vec<&[u8]> = self.records.values().collect();
        let quoting = self.records.quoting();
        if quoting.after.or(quoting.stray).is_some() {
            let message = "a quotation mark stands inside a name of the header, or a name goes on \
                           after its closing one; mend the header";
            self.refuse(Id::F03, line, message.to_owned());
            return;
        }
        if !quoting.has_quotes && names.iter().any(|name| name.contains(&b'\r')) {
            let message = "the lines end in carriage returns alone; export the file with line \
                           feeds (LF or CRLF)";
            self.refuse(Id::F03, line, message.to_owned());
            return;
        }
        let Some(header) = header::hold(&names, line, self.options, &mut self.findings) else {
            self.progress = Progress::Broken;
            return;
        };
        self.rewrites |= !header.cut.is_empty() || self.options.delimiter() != b',';
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

    /// Why the header is one value, where that is no accident.
    fn one_column(&self) -> Option<String> {
        let (raw, value) = (self.records.raw(), self.records.value(0));
        let delimiter = self.options.delimiter();
        if let Some(other) = text::delimiter_of(raw).filter(|other| *other != delimiter) {
            return Some(text::delimiter_remedy(other));
        }
        let has_commas = value.contains(&b',');
        if has_commas && delimiter != b',' {
            let message = "the columns are separated by commas and not as the connection says; \
                           take \"delimiter\" out of it";
            return Some(message.to_owned());
        }
        has_commas.then(|| {
            "each row is one value in quotation marks, commas and all; export the file again, as \
             \"CSV UTF-8\""
                .to_owned()
        })
    }

    /// The next record. Text that is not in the encoding that was named is a fault of the file.
    fn read_on(&mut self) -> io::Result<Next> {
        let error = match self.records.next() {
            Err(error) => error,
            next => return next,
        };
        let Some((rule, message)) = text::fault_of(&error) else { return Err(error) };
        self.findings.refuse(rule, &[], message);
        self.progress = Progress::Broken;
        Ok(Next::End)
    }

    fn refuse(&mut self, rule: Id, line: u64, message: String) {
        self.progress = Progress::Broken;
        self.findings.refuse(rule, &[line], message);
    }

    fn end(&mut self, next: Next) {
        match next {
            Next::OpenQuote(line) => self.refuse(
                Id::F03,
                line,
                "a quotation mark is opened in this row and never closed; close it, or double it \
                 if it belongs to the value"
                    .to_owned(),
            ),
            Next::TooLong(line) => self.refuse(
                Id::F03,
                line,
                "the row is longer, or has more columns, than any may; most likely a quotation mark \
                 is opened in it and never closed"
                    .to_owned(),
            ),
            // Text in the wrong encoding has ended it already.
            Next::End if self.progress == Progress::Broken => {}
            Next::Record | Next::End => self.progress = Progress::Done,
        }
    }
}

/// Recognizes by its first bytes what is no text in the encoding that is expected, and takes off
/// the byte order mark, which is given back.
fn recognize<'a>(
    mut input: Box<dyn Read + 'a>,
    options: &CheckOptions,
    findings: &mut Findings,
) -> io::Result<(Box<dyn Read + 'a>, Vec<u8>)> {
    let mut start = vec![];
    // However little a first read gives, these bytes are looked at.
    input.by_ref().take(LOOK_BYTES).read_to_end(&mut start)?;
    let look = text::look(&start);
    text::refuse_unless_text(look, options.checks.encoding.is_some(), findings);
    let is_marked = look == (Look::Utf8 { bom: true }) && options.checks.encoding.is_none();
    let rest = if is_marked { start.split_off(text::UTF8_MARK.len()) } else { take(&mut start) };
    let input = Cursor::new(rest).chain(input);
    Ok(match options.checks.encoding {
        Some(encoding) => (Box::new(text::decoded(input, encoding)), start),
        None => (Box::new(input), start),
    })
}
