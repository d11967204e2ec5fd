//! Writes a zip around deflated data.
//!
//! The size of a small entry is known before it is written, so it is in the header before the data. The large
//! entry is streamed: its size is known only at its end, and the header cannot be changed then, because the
//! zip is hashed while it is written. So its checksum and sizes are in a data descriptor after the data. The
//! directory at the end, which readers use, has the sizes of all entries.
//!
//! Only numbers that do not fit into 32 bits are written in the zip64 form. A streamed entry that may be that
//! large says so in its header, because a reader of a pipe decides by the header how wide the numbers of the
//! data descriptor are. Every date is the first one that a zip can have, so that the same content has the same
//! bytes.
//!
//! Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.

use std::io::{self, Write};

use super::deflate::{self, Written};

/// General purpose bit 3: the sizes follow the data.
const SIZES_FOLLOW: u16 = 1 << 3;
/// General purpose bit 11: the name is UTF-8.
const UTF8_NAME: u16 = 1 << 11;
/// Compression method.
const DEFLATED: u16 = 8;
/// 1 January 1980, midnight, as DOS writes it.
const DATE: u32 = (1 << 5 | 1) << 16;
/// Created on Unix, so the attributes are those of Unix.
const UNIX: u16 = 3 << 8;
/// A file that the owner can write and everybody can read.
const ATTRIBUTES: u32 = 0o100_644 << 16;
/// The version of the format that supports deflated entries.
const PLAIN_VERSION: u16 = 20;
/// The version that supports zip64.
const ZIP64_VERSION: u16 = 45;
/// Marks a number that is written in 64 bits elsewhere.
const ELSEWHERE: u32 = u32::MAX;

/// A zip that is written to `out`. Only the directory is kept in memory.
pub struct Container<W> {
    out: W,
    at: u64,
    entries: Vec<Entry>,
}

/// An entry of the directory.
struct Entry {
    name: String,
    flags: u16,
    /// The offset of its header.
    at: u64,
    deflated_bytes: u64,
    written: Written,
}

/// An entry that is being written.
pub struct Open {
    entry: Entry,
    /// The offset of its data.
    from: u64,
    /// Its header says that its sizes have 64 bits.
    is_zip64: bool,
}

impl<W: Write> Container<W> {
    /// An empty zip.
    pub fn new(out: W) -> Self {
        Self { out, at: 0, entries: vec![] }
    }

    /// Writes a small entry.
    ///
    /// # Errors
    /// Writing failed.
    pub fn entry(&mut self, name: &str, content: &[u8], level: u32) -> io::Result<()> {
        let (deflated, written) = deflate::whole(content, level)?;
        let entry = self.header(name, 0, deflated.len() as u64, written, false)?;
        self.write_all(&deflated)?;
        self.entries.push(entry);
        Ok(())
    }

    /// Begins an entry of at most `most_bytes`. Then write its deflated data to the zip.
    ///
    /// # Errors
    /// Writing failed.
    pub fn begin(&mut self, name: &str, most_bytes: u64) -> io::Result<Open> {
        let is_zip64 = most_bytes >= ELSEWHERE.into();
        let entry = self.header(name, SIZES_FOLLOW, 0, Written::default(), is_zip64)?;
        Ok(Open { entry, from: self.at, is_zip64 })
    }

    /// Ends an entry.
    ///
    /// # Errors
    /// Writing failed, or the entry does not fit into 32 bits and its header does not say so.
    pub fn end(&mut self, open: Open, written: Written) -> io::Result<()> {
        let deflated_bytes = self.at - open.from;
        let mut record = Record::default();
        record.u32(0x0807_4B50).u32(written.crc);
        if open.is_zip64 {
            record.u64(deflated_bytes).u64(written.bytes);
        } else if deflated_bytes.max(written.bytes) < ELSEWHERE.into() {
            record.narrow(deflated_bytes).narrow(written.bytes);
        } else {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.write_all(&record.0)?;
        self.entries.push(Entry { deflated_bytes, written, ..open.entry });
        Ok(())
    }

    /// Writes the directory.
    ///
    /// # Errors
    /// Writing failed.
    pub fn finish(mut self) -> io::Result<()> {
        let from = self.at;
        let mut is_wide = false;
        let count = u16::try_from(self.entries.len()).unwrap_or(u16::MAX);
        for entry in std::mem::take(&mut self.entries) {
            is_wide |= entry.is_wide();
            self.write_all(&entry.in_directory().0)?;
        }
        let (end, bytes) = (self.at, self.at - from);
        let mut record = Record::default();
        if is_wide || from >= ELSEWHERE.into() {
            record.u32(0x0606_4B50).u64(44); // bytes of it that follow
            record.u16(UNIX | ZIP64_VERSION).u16(ZIP64_VERSION).u32(0).u32(0);
            record.u64(count.into()).u64(count.into()).u64(bytes).u64(from);
            record.u32(0x0706_4B50).u32(0).u64(end).u32(1);
        }
        record.u32(0x0605_4B50).u16(0).u16(0).u16(count).u16(count);
        record.narrow(bytes).narrow(from).u16(0);
        self.write_all(&record.0)?;
        self.flush()
    }

    fn header(
        &mut self,
        name: &str,
        flags: u16,
        deflated_bytes: u64,
        written: Written,
        is_zip64: bool,
    ) -> io::Result<Entry> {
        let flags = flags | if name.is_ascii() { 0 } else { UTF8_NAME };
        let entry = Entry { name: name.to_owned(), flags, at: self.at, deflated_bytes, written };
        let mut record = Record::default();
        record.u32(0x0403_4B50);
        if is_zip64 {
            // Both sizes, which are not known yet, in the extra field.
            record.u16(ZIP64_VERSION).common(&entry, [ELSEWHERE; 2]).u16(20);
            record.0.extend_from_slice(name.as_bytes());
            record.u16(1).u16(16).u64(0).u64(0);
        } else {
            let sizes = [entry.deflated_bytes, entry.written.bytes].map(narrow);
            record.u16(PLAIN_VERSION).common(&entry, sizes).u16(0);
            record.0.extend_from_slice(name.as_bytes());
        }
        self.write_all(&record.0)?;
        Ok(entry)
    }
}

impl<W: Write> Write for Container<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Entry {
    /// The numbers that do not fit into 32 bits, in the order of the extra field.
    fn wide(&self) -> impl Iterator<Item = u64> {
        let all = [self.written.bytes, self.deflated_bytes, self.at];
        all.into_iter().filter(|number| *number >= ELSEWHERE.into())
    }

    fn is_wide(&self) -> bool {
        self.wide().next().is_some()
    }

    fn in_directory(&self) -> Record {
        let version = if self.is_wide() { ZIP64_VERSION } else { PLAIN_VERSION };
        let mut extra = Record::default();
        if self.is_wide() {
            let bytes = 8 * u16::try_from(self.wide().count()).unwrap_or_default();
            extra.u16(1).u16(bytes);
            self.wide().for_each(|number| {
                extra.u64(number);
            });
        }
        let mut record = Record::default();
        let sizes = [self.deflated_bytes, self.written.bytes].map(narrow);
        record.u32(0x0201_4B50).u16(UNIX | version).u16(version).common(self, sizes);
        record.u16(u16::try_from(extra.0.len()).unwrap_or_default());
        record.u16(0).u16(0).u16(0).u32(ATTRIBUTES).narrow(self.at); // no comment, first disk, binary
        record.0.extend_from_slice(self.name.as_bytes());
        record.0.extend(extra.0);
        record
    }
}

/// A sequence of little-endian numbers.
#[derive(Default)]
struct Record(Vec<u8>);

impl Record {
    fn u16(&mut self, number: u16) -> &mut Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn u32(&mut self, number: u32) -> &mut Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn u64(&mut self, number: u64) -> &mut Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    /// Writes a number, or a mark if it is too large and written elsewhere.
    fn narrow(&mut self, number: u64) -> &mut Self {
        self.u32(narrow(number))
    }

    /// Writes the part that the header and the directory share, from the flags to the length of the name.
    fn common(&mut self, entry: &Entry, [deflated_bytes, bytes]: [u32; 2]) -> &mut Self {
        self.u16(entry.flags).u16(DEFLATED).u32(DATE).u32(entry.written.crc);
        self.u32(deflated_bytes).u32(bytes);
        self.u16(u16::try_from(entry.name.len()).unwrap_or_default())
    }
}

/// A number in 32 bits, or the mark that it is written elsewhere.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(ELSEWHERE)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _};

    use zip::ZipArchive;

    use super::*;

    fn flags_at(zip: &[u8], at: usize) -> u16 {
        u16::from_le_bytes([zip[at + 6], zip[at + 7]])
    }

    #[test]
    fn sizes_are_before_a_small_entry_and_after_a_streamed_one() {
        let mut zip = vec![];
        let mut container = Container::new(&mut zip);
        container.entry("metadata.json", b"{}", 6).unwrap();
        let second = usize::try_from(container.at).unwrap();
        let open = container.begin("日本.csv", 4000).unwrap();
        let (deflated, written) = deflate::whole(&b"a,b\n".repeat(1000), 6).unwrap();
        container.write_all(&deflated).unwrap();
        container.end(open, written).unwrap();
        container.finish().unwrap();
        assert_eq!(flags_at(&zip, 0), 0);
        assert_eq!(flags_at(&zip, second), SIZES_FOLLOW | UTF8_NAME);
        let mut archive = ZipArchive::new(Cursor::new(&zip)).unwrap();
        for (index, name, content) in
            [(0, "metadata.json", "{}".to_owned()), (1, "日本.csv", "a,b\n".repeat(1000))]
        {
            let mut entry = archive.by_index(index).unwrap();
            assert_eq!(entry.name().unwrap(), name);
            assert_eq!(entry.unix_mode(), Some(0o100_644));
            let mut read = String::new();
            entry.read_to_string(&mut read).unwrap();
            assert_eq!(read, content);
        }
    }

    /// A reader of a pipe has the header alone when it comes to the data descriptor.
    #[test]
    fn a_streamed_entry_that_may_need_64_bits_says_so_before_its_data() {
        let (deflated, written) = deflate::whole(b"a,b\n", 6).unwrap();
        for (most, version, extra, descriptor) in [
            (u64::from(ELSEWHERE) - 1, PLAIN_VERSION, 0, 16),
            (ELSEWHERE.into(), ZIP64_VERSION, 20, 24),
        ] {
            let mut zip = vec![];
            let mut container = Container::new(&mut zip);
            let open = container.begin("data.csv", most).unwrap();
            container.write_all(&deflated).unwrap();
            let at = container.at;
            container.end(open, written).unwrap();
            assert_eq!(container.at - at, descriptor);
            container.finish().unwrap();
            let u16_at = |at: usize| u16::from_le_bytes([zip[at], zip[at + 1]]);
            assert_eq!((u16_at(4), u16_at(28)), (version, extra));
            let mut archive = ZipArchive::new(Cursor::new(&zip)).unwrap();
            let mut read = String::new();
            archive.by_index(0).unwrap().read_to_string(&mut read).unwrap();
            assert_eq!(read, "a,b\n");
        }
    }

    #[test]
    fn an_entry_that_outgrows_its_header_is_an_error() {
        let mut container = Container::new(io::sink());
        let open = container.begin("data.csv", 100).unwrap();
        let written = Written { crc: 0, bytes: ELSEWHERE.into() };
        let error = container.end(open, written).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    /// The record of the directory, without its name.
    fn in_directory(bytes: u64, deflated_bytes: u64, at: u64) -> Vec<u8> {
        let written = Written { crc: 0, bytes };
        let entry = Entry { name: String::new(), flags: 0, at, deflated_bytes, written };
        entry.in_directory().0
    }

    #[test]
    fn numbers_have_64_bits_only_if_they_need_them() {
        const PLAIN_BYTES: usize = 46;
        let most = u64::from(ELSEWHERE) - 1;
        assert_eq!(in_directory(most, most, most).len(), PLAIN_BYTES);
        for (numbers, wide) in [
            ([most + 1, 5, 6], &[most + 1][..]),
            ([most + 2, most + 3, 6], &[most + 2, most + 3]),
            ([7, 5, most + 1], &[most + 1]),
        ] {
            let record = in_directory(numbers[0], numbers[1], numbers[2]);
            let extra = &record[PLAIN_BYTES..];
            assert_eq!(extra[..4], [1, 0, 8 * u8::try_from(wide.len()).unwrap(), 0]);
            let expected: Vec<u8> = wide.iter().flat_map(|number| number.to_le_bytes()).collect();
            assert_eq!(extra[4..], expected);
        }
    }
}
