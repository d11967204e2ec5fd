//! Records of a CSV, one at a time, with what the `csv` crate forgives put back.
//!
//! The crate takes a quotation mark that is never closed for a field that goes to the end of the
//! file. Here a marker record is fed in after the file's last byte: if it does not come out again,
//! the record that swallowed it is the broken one. A record that grows beyond all measure is
//! stopped before it fills the memory. And its line numbers stand before the blank lines it skips
//! and before the second half of a CRLF, so records end at the line feed here and the carriage
//! return is taken off after.

use std::io::{self, Read};

use csv::{ByteRecord, ReaderBuilder, Terminator};

/// Longest record: 105 columns of 128 KB, the most the service allows, rounded up.
const MAX_RECORD_BYTES: u64 = 16 << 20;
/// Ends the last record, then is one of its own. No text file has NUL in it.
const END: &[u8] = b"\n\0end of file\0\n";

/// Records of `input`.
pub(super) struct Records<R> {
    reader: csv::Reader<Guarded<R>>,
    last_value: Vec<u8>,
}

/// What came next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A record, and the physical line it begins at.
    Record(u64),
    /// The end, rightly.
    End,
    /// The record that begins at this line has a quotation mark that is never closed.
    OpenQuote(u64),
    /// The record that begins at this line is longer than any may be.
    TooLong(u64),
}

impl<R: Read> Records<R> {
    pub(super) fn new(input: R) -> Self {
        let guarded = Guarded { input, input_bytes: 0, end: END, since_record: 0, too_long: false };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(256 << 10)
            .from_reader(guarded);
        Self { reader, last_value: vec![] }
    }

    /// Reads the next record into `record`.
    ///
    /// # Errors
    /// Where the input cannot be read.
    pub(super) fn next(&mut self, record: &mut ByteRecord) -> io::Result<Next> {
        loop {
            let line = self.reader.position().line();
            let read = self.reader.read_byte_record(record);
            if self.reader.get_ref().too_long {
                return Ok(Next::TooLong(line));
            }
            if !read.map_err(io::Error::other)? {
                return Ok(Next::End);
            }
            self.reader.get_mut().since_record = 0;
            let line_feeds = memchr::memchr_iter(b'\n', record.as_slice()).count() as u64;
            let end = self.reader.position().line();
            if self.is_at_the_end() {
                let marker = record.iter().next_back().unwrap_or_default();
                let alone = record.len() == 1 && *marker == *END.trim_ascii();
                return Ok(if alone { Next::End } else { Next::OpenQuote(end - line_feeds) });
            }
            self.take_off_carriage_return(record);
            if record.len() > 1 || !record[0].is_empty() {
                return Ok(Next::Record(end - line_feeds - 1));
            }
        }
    }

    /// Whether the last record took the marker's last byte: a record that only looks like the
    /// marker is one like any other.
    fn is_at_the_end(&self) -> bool {
        let guarded = self.reader.get_ref();
        guarded.end.is_empty()
            && self.reader.position().byte() == guarded.input_bytes + END.len() as u64
    }

    fn take_off_carriage_return(&mut self, record: &mut ByteRecord) {
        let Some(value) = record.iter().next_back().and_then(|value| value.strip_suffix(b"\r"))
        else {
            return;
        };
        self.last_value.clear();
        self.last_value.extend_from_slice(value);
        record.truncate(record.len() - 1);
        record.push_field(&self.last_value);
    }
}

/// Reads the input, then the end marker, and counts bytes between records.
struct Guarded<R> {
    input: R,
    input_bytes: u64,
    end: &'static [u8],
    since_record: u64,
    too_long: bool,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.since_record > MAX_RECORD_BYTES {
            self.too_long = true;
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = self.input.read(into)?;
        self.input_bytes += bytes as u64;
        if bytes == 0 {
            bytes = self.end.read(into)?;
        }
        self.since_record += bytes as u64;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
