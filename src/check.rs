//! The checker: Microsoft's rules, before anything leaves the tenant.
//!
//! A file is read once, record by record, in flat memory: a buffer of the longest record, counters
//! for each column, and the memory of people (`people`, which says what it takes). What is found
//! is counted and grouped; a cell's value is told only where a person asked for values.
//!
//! [`Check`] gives back, row by row, what may leave: the bytes as they are where every column is
//! mapped and nothing is changed, otherwise the mapped columns written anew.

use std::io::{self, BufRead as _, BufReader, Read};

use self::{
    columns::Seen,
    findings::{Findings, Levels},
    header::Header,
    people::People,
    records::{Next, Records},
    text::{Look, Malformed},
};
pub use self::{
    date::{Day, Order},
    fields::Kind,
    file::{Asked, too_large},
    findings::Finding,
    mapping::faults as mapping_faults,
    metadata::Metadata,
    report::Report,
    rules::{Id, RULES, Rule, Severity, explain},
    summary::{Column, Summary},
    terms::{Checks, Limits, Mapping, Terms, Unmapped},
};
use crate::run::Refresh;

mod archive;
mod columns;
mod date;
mod fields;
mod file;
mod findings;
mod formats;
mod header;
mod hierarchy;
mod mapping;
mod metadata;
mod output;
mod people;
mod records;
mod report;
mod rows;
mod rules;
mod snapshot;
mod summary;
mod terms;
mod text;
mod value;

/// Bytes that are looked at to recognize what a file is.
const LOOK_BYTES: usize = 64 << 10;

/// A file being checked.
pub struct Check<'a> {
    terms: &'a Terms,
    records: Records<Box<dyn Read + 'a>>,
    findings: Findings,
    header: Option<Header>,
    seen: Vec<Seen>,
    people: People,
    /// Rows that may leave.
    rows: u64,
    /// Rows whose values were looked at, the dropped ones too.
    checked: u64,
    dropped: u64,
    /// The row from which on the people found no memory.
    full_at: Option<u64>,
    /// What of the present record leaves, where it is not the record as it stands.
    out: Vec<u8>,
    rewrites: bool,
    is_rewritten: bool,
    head: Vec<u8>,
    is_over: bool,
}

impl<'a> Check<'a> {
    /// Reads as far as the header.
    ///
    /// # Errors
    /// Where the input cannot be read.
    pub fn open(input: impl Read + 'a, terms: &'a Terms) -> io::Result<Self> {
        let levels = Levels::new(terms.checks.lenient, &terms.checks.rules);
        let mut findings = Findings::new(levels, terms.show_values);
        let (input, bom) = recognize(Box::new(input), terms, &mut findings)?;
        let mut check = Self {
            terms,
            records: Records::new(input, terms.delimiter()),
            findings,
            header: None,
            seen: vec![],
            people: People::new(terms.limits.max_people_bytes),
            rows: 0,
            checked: 0,
            dropped: 0,
            full_at: None,
            out: vec![],
            rewrites: false,
            is_rewritten: false,
            head: bom,
            is_over: false,
        };
        check.is_over = !check.is_sound();
        for (rule, severity, message) in &terms.found {
            check.findings.file(*rule, *severity, &[], message.clone());
        }
        if !check.is_over {
            check.read_header()?;
        }
        Ok(check)
    }

    /// The columns that are kept, as header and field; none where the header was not understood.
    pub fn kept(&self) -> impl Iterator<Item = &crate::connection::Field> {
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
    pub fn is_sound(&self) -> bool {
        self.findings.is_sound()
    }

    /// The next row that may leave, checked; with its line end.
    ///
    /// # Errors
    /// Where the input cannot be read.
    pub fn next_row(&mut self) -> io::Result<Option<&[u8]>> {
        while !self.is_over {
            match self.read_on()? {
                Next::Record if self.row() => {
                    let rewritten = self.is_rewritten.then_some(&self.out);
                    return Ok(Some(rewritten.map_or_else(|| self.records.raw(), Vec::as_slice)));
                }
                Next::Record => self.dropped += 1,
                end @ (Next::End | Next::OpenQuote(_) | Next::TooLong(_)) => self.end(end),
            }
        }
        Ok(None)
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
            if self.terms.delimiter() != delimiter {
                let remedy = formats::other_delimiter(delimiter);
                let message = format!("the first line is Excel's \"sep=\" and no header: {remedy}");
                self.refuse(Id::Q09, 1, message);
                return Ok(());
            }
            self.rewrites = true;
            next = self.read_on()?;
        }
        match next {
            Next::Record => self.hold_header(),
            Next::End => {
                let message = "the file has nothing but blank lines";
                self.findings.file(Id::F01, Severity::Error, &[], message.to_owned());
                self.is_over = true;
            }
            broken @ (Next::OpenQuote(_) | Next::TooLong(_)) => self.end(broken),
        }
        Ok(())
    }

    fn hold_header(&mut self) {
        let names: Vec<&[u8]> = self.records.values().collect();
        let delimiter = text::delimiter_of(self.records.raw());
        if let (1, Some(delimiter)) = (names.len(), delimiter) {
            self.refuse(Id::Q09, self.records.line(), formats::other_delimiter(delimiter));
            return;
        }
        let Some(header) = header::hold(&names, self.terms, &mut self.findings) else {
            self.is_over = true;
            return;
        };
        if self.records.quoting().after.is_some() {
            rows::tell_after(self.records.line(), &mut self.findings);
        }
        self.rewrites |= !header.cut.is_empty() || self.terms.delimiter() != b',';
        if self.rewrites {
            self.head.clear();
            let names = header.columns.iter().map(|column| self.records.value(column.position));
            output::write_record(&mut self.head, names);
        } else {
            self.head.extend_from_slice(self.records.raw());
        }
        self.seen.resize_with(header.columns.len(), Seen::default);
        self.header = Some(header);
    }

    /// The next record. Text that is not in the encoding that was named is a fault of the file.
    fn read_on(&mut self) -> io::Result<Next> {
        let error = match self.records.next() {
            Err(error) => error,
            next => return next,
        };
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Malformed>()) {
            Some(malformed) => {
                self.findings.file(Id::F04, Severity::Error, &[], malformed.to_string());
                Ok(Next::End)
            }
            None => Err(error),
        }
    }

    fn refuse(&mut self, rule: Id, line: u64, message: String) {
        self.findings.file(rule, Severity::Error, &[line], message);
        self.is_over = true;
    }

    fn end(&mut self, next: Next) {
        self.is_over = true;
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
                "the row is longer than any may be; most likely a quotation mark is opened in it \
                 and never closed"
                    .to_owned(),
            ),
            Next::Record | Next::End => {}
        }
    }
}

/// Recognizes by its first bytes what is no text in the encoding that is expected, and takes off
/// the byte order mark, which is given back.
fn recognize<'a>(
    input: Box<dyn Read + 'a>,
    terms: &Terms,
    findings: &mut Findings,
) -> io::Result<(Box<dyn Read + 'a>, Vec<u8>)> {
    let mut input = BufReader::with_capacity(LOOK_BYTES, input);
    let look = text::look(input.fill_buf()?);
    formats::hold(look, terms.checks.encoding.is_some(), findings);
    if let Some(encoding) = terms.checks.encoding {
        return Ok((Box::new(text::decoded(input, encoding)), vec![]));
    }
    let mut mark = vec![];
    if look == (Look::Utf8 { bom: true }) {
        input.consume(formats::UTF8_MARK.len());
        mark.extend_from_slice(formats::UTF8_MARK);
    }
    Ok((Box::new(input), mark))
}
