//! Records of a CSV, read one at a time, as they stand in the file, and written by the book.
//!
//! A value is quoted if its first byte is a quotation mark; doubled ones then stand for one. What
//! else a file does with quotation marks is read on literally and told, never repaired. Records end
//! at a line feed outside of quotation marks, and lines are counted by line feeds, so a line number
//! is the one an editor shows. Values are bytes: what encoding they are in is asked elsewhere.
//!
//! One buffer is filled again and again, and records are slices of it. Where it ends amid a record,
//! that record is scanned once more from its beginning after the next filling. The buffer grows with
//! its longest record, and a record that grows beyond all measure is stopped.

use std::{
    io::{self, Read},
    ops::Range,
};

use memchr::{memchr_iter, memchr2};

use super::delimiter_scan::{MARK, Marks};

/// Longest record: 105 columns of 128 KB, the most the service allows, rounded up.
const MAX_RECORD_BYTES: usize = 16 << 20;
/// Most values of a record: four times the columns of the widest Excel sheet.
const MAX_VALUES: usize = 1 << 16;
/// What is read at a time.
const BUFFER_BYTES: usize = 512 << 10;

/// Records of an input. What is asked of them is of the one that came last, and has no answer after
/// anything but [`Next::Record`]; only the line has.
pub(super) struct Records<R> {
    input: R,
    delimiter: u8,
    buffer: Vec<u8>,
    buffer_bytes: usize,
    max_record_bytes: usize,
    /// Nothing comes after what is in the buffer.
    ended: bool,
    marks: Marks,
    /// Where the record stands in the buffer, its line end included.
    record: Range<usize>,
    values: Vec<Value>,
    /// The values that are no slice of the record, one after the other.
    rewritten: Vec<u8>,
    quoting: Quoting,
    line: u64,
    line_feeds: u64,
    /// Those of the record that are part of a value.
    quoted_line_feeds: u64,
    blank_lines: u64,
}

/// Where a value stands: in the record, or among the rewritten ones.
struct Value {
    range: Range<usize>,
    is_rewritten: bool,
}

/// What came next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A record, to be read from the scanner.
    Record,
    /// The end, rightly. It comes again and again.
    End,
    /// The record that begins at this line has a quotation mark that is never closed. Nothing comes
    /// after it.
    OpenQuote(u64),
    /// The record that begins at this line is longer, or has more values, than any may. Nothing
    /// comes after it.
    TooLong(u64),
}

/// What the quotation marks of a record do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quoting {
    /// There is one in the record, wherever it stands.
    pub(super) has_quotes: bool,
    /// Index of the first value that is not quoted and has one inside: `5" pipe`.
    pub(super) stray: Option<usize>,
    /// Index of the first value that goes on after the closing one: `"ab"c`, read as `abc`.
    pub(super) after: Option<usize>,
}

impl<R: Read> Records<R> {
    /// Scans `input`, from which a byte order mark is taken off already. The delimiter is any byte
    /// but a quotation mark, a carriage return and a line feed.
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

    /// Goes on to the next record.
    ///
    /// # Errors
    /// Where the input cannot be read.
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

    /// Reads on behind what is not scanned yet.
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

    /// Scans the record that is next in the buffer; `None` where more has to be read for it.
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
        // Without one, the record ends the file and nothing comes after it.
        self.line_feeds = self.quoted_line_feeds + 1;
        Some(Next::Record)
    }

    /// Whether there is something after the blank lines.
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

    /// Scans the value that begins at `start` and tells where it ends: at a delimiter, a line feed
    /// or the end of the file. `None` where that, or the closing quotation mark, is not in sight.
    #[inline]
    fn scan_value(&mut self, start: usize) -> Option<usize> {
        let text = self.buffer.as_slice();
        match self.marks.next(text) {
            // Nearly always: neither quoted nor the last.
            Some(end) if text[end] == self.delimiter => {
                self.values.push(Value { range: start..end, is_rewritten: false });
                Some(end)
            }
            first => self.scan_any_value(start, first),
        }
    }

    /// The same, whatever the value is; `mark` is the first mark from its beginning on.
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

    /// Empty lines skipped just before the record.
    pub(super) fn blank_lines(&self) -> u64 {
        self.blank_lines
    }

    /// How many values the record has; at least one.
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

    /// The record as it stands in the file, with its line end if it has one.
    pub(super) fn raw(&self) -> &[u8] {
        &self.buffer[self.record.clone()]
    }

    /// What the quotation marks of the record do.
    pub(super) fn quoting(&self) -> Quoting {
        self.quoting
    }

    /// Whether a value has a line feed or a carriage return in it; the latter needs no quotes.
    pub(super) fn has_line_break(&self) -> bool {
        let text = self.raw();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        memchr2(b'\r', b'\n', text).is_some()
    }
}

/// The quoted part of a value.
struct Quoted {
    /// What stands between the quotation marks.
    inner: Range<usize>,
    has_doubled: bool,
}

impl Quoted {
    /// The one whose opening quotation mark is at `start` and came last; `None` where it is not
    /// closed.
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

/// Writes `inner` with one quotation mark for two.
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

/// Writes one record by RFC 4180, with commas and a line feed, and no quotation mark more than needed.
/// A record of a single empty value is written as `""`: an empty line is none.
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
        start = mark; // once more: doubled
    }
    out.extend_from_slice(&value[start..]);
    out.push(MARK);
}

#[cfg(test)]
mod tests;
