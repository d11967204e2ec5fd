//! Reads the records of a CSV one at a time, as they are in the file, and writes records by RFC 4180.
//!
//! A value is quoted if its first byte is a quotation mark; a doubled mark then means one. All other
//! quotation marks are read literally and reported, never corrected. A record ends at a line feed outside
//! quotation marks. Lines are counted by line feeds, so a line number is the one that an editor shows. Values
//! are bytes; their encoding is checked elsewhere.
//!
//! One buffer is filled repeatedly, and records are slices of it. If it ends within a record, that record is
//! scanned again from its beginning after the next read. The buffer grows with the longest record, and
//! reading stops at a record that is too long.

use std::{
    io::{self, Read},
    ops::Range,
};

use memchr::{memchr_iter, memchr2};

use super::delimiter_scan::{MARK, Marks};

/// Longest record: 105 columns of 128 KB, the most that the service allows, rounded up.
pub(super) const MAX_RECORD_BYTES: usize = 16 << 20;
/// Most values of a record: four times the columns of the widest Excel sheet.
pub(super) const MAX_VALUES: usize = 1 << 16;
/// Bytes that are read at a time.
const BUFFER_BYTES: usize = 512 << 10;

/// The records of an input. All methods are about the last record, and are valid only after
/// [`Next::Record`]; `line` is always valid.
pub(super) struct Records<R> {
    input: R,
    delimiter: u8,
    buffer: Vec<u8>,
    buffer_bytes: usize,
    max_record_bytes: usize,
    /// The buffer has the end of the input.
    ended: bool,
    marks: Marks,
    /// The range of the record in the buffer, including its line end.
    record: Range<usize>,
    values: Vec<Value>,
    /// The values that are not a slice of the record, one after the other.
    rewritten: Vec<u8>,
    quoting: Quoting,
    line: u64,
    line_feeds: u64,
    /// Line feeds of the record that are part of a value.
    quoted_line_feeds: u64,
    blank_lines: u64,
}

/// The place of a value: in the record, or in the rewritten values.
struct Value {
    range: Range<usize>,
    is_rewritten: bool,
}

/// The result of reading the next record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A record was read.
    Record,
    /// The end of the input. Every further call returns it again.
    End,
    /// The record that begins at this line has a quotation mark that is never closed. No record follows.
    OpenQuote(u64),
    /// The record that begins at this line is too long or has too many values. No record follows.
    TooLong(u64),
}

/// The quotation marks of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quoting {
    /// The record has a quotation mark anywhere.
    pub(super) has_quotes: bool,
    /// Index of the first value that contains a quotation mark but is not quoted: `5" pipe`.
    pub(super) stray: Option<usize>,
    /// Index of the first value that continues after the closing mark: `"ab"c`, read as `abc`.
    pub(super) after: Option<usize>,
}

impl<R: Read> Records<R> {
    /// Reads `input`, which must not have a byte order mark. The delimiter can be any byte except a quotation
    /// mark, a carriage return and a line feed.
    pub(super) fn new(input: R, delimiter: u8) -> Self {
        Self::with_sizes(input, delimiter, BUFFER_BYTES, MAX_RECORD_BYTES)
    }

    fn with_sizes(input: R, delimiter: u8, buffer_bytes: usize, max_record_bytes: usize) -> Self {
        Self {
            input,
            delimiter,
            buffer: vec![],
            buffer_bytes,
            max_record_bytes,
            ended: false,
            marks: Marks::new(delimiter),
            record: 0..0,
            values: vec![],
            rewritten: vec![],
            quoting: Quoting::default(),
            line: 1,
            line_feeds: 0,
            quoted_line_feeds: 0,
            blank_lines: 0,
        }
    }

    /// Reads the next record.
    ///
    /// # Errors
    /// The input cannot be read.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        self.record.start = self.record.end;
        self.line += self.line_feeds;
        self.line_feeds = 0;
        self.blank_lines = 0;
        loop {
            if let Some(next) = self.scan() {
                return Ok(next);
            }
            if self.buffer.len() - self.record.start > self.max_record_bytes {
                return Ok(Next::TooLong(self.line));
            }
            self.fill()?;
        }
    }

    /// Reads more of the input after the bytes that are not scanned yet.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.record.start);
        self.record = 0..0;
        if self.buffer.len() == self.buffer_bytes {
            self.buffer_bytes = (2 * self.buffer_bytes).min(self.max_record_bytes + 1);
        }
        let room = self.buffer_bytes - self.buffer.len();
        self.buffer.reserve_exact(room);
        let read = self.input.by_ref().take(room as u64).read_to_end(&mut self.buffer)?;
        self.ended = read < room;
        self.marks.begin(0);
        Ok(())
    }

    /// Scans the next record in the buffer; `None` if more input is needed.
    fn scan(&mut self) -> Option<Next> {
        if !self.skip_blank_lines() {
            return self.ended.then_some(Next::End);
        }
        self.values.clear();
        self.rewritten.clear();
        self.quoting = Quoting::default();
        self.quoted_line_feeds = 0;
        let mut start = self.record.start;
        self.marks.go_to(start);
        let end = loop {
            let Some(end) = self.scan_value(start) else {
                return self.ended.then_some(Next::OpenQuote(self.line));
            };
            if self.buffer.get(end) != Some(&self.delimiter) {
                break self.buffer.len().min(end + 1);
            }
            if self.values.len() == MAX_VALUES {
                return Some(Next::TooLong(self.line));
            }
            start = end + 1;
        };
        if end - self.record.start > self.max_record_bytes {
            return Some(Next::TooLong(self.line));
        }
        self.record.end = end;
        // A record without a line feed is the last one, so the count does not matter.
        self.line_feeds = self.quoted_line_feeds + 1;
        Some(Next::Record)
    }

    /// Skips blank lines. Returns whether something follows them.
    fn skip_blank_lines(&mut self) -> bool {
        loop {
            let start = match &self.buffer[self.record.start..] {
                [b'\n', ..] => self.record.start + 1,
                [b'\r', b'\n', ..] => self.record.start + 2,
                [] | [b'\r'] => return false,
                _ => return true,
            };
            self.record = start..start;
            self.line += 1;
            self.blank_lines += 1;
        }
    }

    /// Scans the value that begins at `start` and returns its end: a delimiter, a line feed or the end of the
    /// file. `None` if the end, or the closing quotation mark, is not in the buffer.
    #[inline]
    fn scan_value(&mut self, start: usize) -> Option<usize> {
        let text = self.buffer.as_slice();
        match self.marks.next(text) {
            // The usual case: neither quoted nor the last value.
            Some(end) if text[end] == self.delimiter => {
                self.values.push(Value { range: start..end, is_rewritten: false });
                Some(end)
            }
            first => self.scan_any_value(start, first),
        }
    }

    /// The same for any value; `mark` is the first mark at or after its beginning.
    fn scan_any_value(&mut self, start: usize, mark: Option<usize>) -> Option<usize> {
        let (text, index) = (self.buffer.as_slice(), self.values.len());
        let quoted = match mark {
            Some(at) if at == start && text[at] == MARK => {
                Some(Quoted::at(start, text, &mut self.marks)?)
            }
            _ => None,
        };
        let mut mark = if quoted.is_some() { self.marks.next(text) } else { mark };
        let end = loop {
            match mark {
                Some(at) if text[at] == MARK => {
                    self.quoting.has_quotes = true;
                    if quoted.is_none() {
                        self.quoting.stray.get_or_insert(index);
                    }
                    mark = self.marks.next(text);
                }
                Some(at) => break at,
                None if self.ended => break text.len(),
                None => return None,
            }
        };
        let after = quoted.as_ref().map_or(start, |quoted| quoted.inner.end + 1);
        let is_last = text.get(end) != Some(&self.delimiter);
        let rest = match &text[after..end] {
            [.., b'\r'] if is_last => after..end - 1,
            _ => after..end,
        };
        let Some(quoted) = quoted else {
            self.values.push(Value { range: rest, is_rewritten: false });
            return Some(end);
        };
        self.quoting.has_quotes = true;
        self.quoted_line_feeds += memchr_iter(b'\n', &text[quoted.inner.clone()]).count() as u64;
        if !rest.is_empty() {
            self.quoting.after.get_or_insert(index);
        }
        self.values.push(if quoted.has_doubled || !rest.is_empty() {
            let from = self.rewritten.len();
            push_unescaped(&text[quoted.inner], &mut self.rewritten);
            self.rewritten.extend_from_slice(&text[rest]);
            Value { range: from..self.rewritten.len(), is_rewritten: true }
        } else {
            Value { range: quoted.inner, is_rewritten: false }
        });
        Some(end)
    }

    /// The physical line at which the record begins; the first of the file is 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The number of blank lines just before the record.
    pub(super) fn blank_lines(&self) -> u64 {
        self.blank_lines
    }

    /// The number of values in the record; at least one.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The value at `index`, without its quotation marks.
    pub(super) fn value(&self, index: usize) -> &[u8] {
        self.slice(&self.values[index])
    }

    /// All values, without their quotation marks.
    pub(super) fn values(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.values.iter().map(|value| self.slice(value))
    }

    fn slice(&self, value: &Value) -> &[u8] {
        let text = if value.is_rewritten { &self.rewritten } else { &self.buffer };
        &text[value.range.clone()]
    }

    /// The record as it is in the file, with its line end if it has one.
    pub(super) fn raw(&self) -> &[u8] {
        &self.buffer[self.record.clone()]
    }

    /// The quotation marks of the record.
    pub(super) fn quoting(&self) -> Quoting {
        self.quoting
    }

    /// Whether a value contains a line feed or a carriage return; the latter needs no quotation marks.
    pub(super) fn has_line_break(&self) -> bool {
        let text = self.raw();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        memchr2(b'\r', b'\n', text).is_some()
    }
}

/// The quoted part of a value.
struct Quoted {
    /// The bytes between the quotation marks.
    inner: Range<usize>,
    has_doubled: bool,
}

impl Quoted {
    /// The quoted part whose opening mark, the last mark returned, is at `start`; `None` if it is not closed.
    fn at(start: usize, text: &[u8], marks: &mut Marks) -> Option<Self> {
        let mut has_doubled = false;
        loop {
            let end = marks.next(text)?;
            if text[end] != MARK {
                continue;
            }
            if text.get(end + 1) != Some(&MARK) {
                return Some(Self { inner: start + 1..end, has_doubled });
            }
            has_doubled = true;
            marks.next(text)?;
        }
    }
}

/// Writes `inner` with each doubled quotation mark as one.
fn push_unescaped(inner: &[u8], into: &mut Vec<u8>) {
    let mut start = 0;
    let mut marks = memchr_iter(MARK, inner);
    while let Some(mark) = marks.next() {
        into.extend_from_slice(&inner[start..=mark]);
        start = mark + 2;
        marks.next();
    }
    into.extend_from_slice(&inner[start..]);
}

/// Writes one record by RFC 4180, with commas and a line feed, and quotes only values that need it.
/// A record with a single empty value is written as `""`, because an empty line is not a record.
pub fn write_record<'a>(out: &mut Vec<u8>, values: impl Iterator<Item = &'a [u8]>) {
    let start = out.len();
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_value(out, value);
    }
    if out.len() == start {
        out.extend_from_slice(b"\"\"");
    }
    out.push(b'\n');
}

fn write_value(out: &mut Vec<u8>, value: &[u8]) {
    if !value.iter().any(|byte| matches!(*byte, b',' | MARK | b'\r' | b'\n')) {
        out.extend_from_slice(value);
        return;
    }
    out.push(MARK);
    let mut start = 0;
    for mark in memchr_iter(MARK, value) {
        out.extend_from_slice(&value[start..=mark]);
        start = mark; // writes the mark again
    }
    out.extend_from_slice(&value[start..]);
    out.push(MARK);
}

#[cfg(test)]
mod tests;
