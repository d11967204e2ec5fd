//! Opens a zip, checks its directory, and unpacks its two files while they are read.
//!
//! It never writes to disk, never has more of the csv in memory than the reader's buffer, never reserves
//! memory by a size that the zip states, and never interprets the csv or the json.
//!
//! The directory is not trusted either: the zip crate reserves memory for as many entries as the end record
//! states, and keeps everything that it reads. So the end record is checked first, and the first read of
//! the directory is limited.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

use memchr::memmem;
use zip::{ZipArchive, read::ZipFile, result::ZipError};

pub(super) use self::listing::Fault;
use self::listing::Kind;
use crate::schema::{Id, document};

mod listing;

const DAMAGED: &str = "A file in the zip is damaged: its size, checksum or compressed data is wrong. \
    Upload the zip again. If this does not help, create the zip again.";

/// A zip with one csv and one json, whose directory is valid.
#[derive(Debug)]
pub(super) struct Archive<R> {
    zip: ZipArchive<R>,
    csv: usize,
    json: usize,
    warnings: Vec<Fault>,
}

/// Opens a zip whose csv may unpack to at most `max_bytes`, and whose two files should have these `names`.
/// Returns all faults of its directory at once, including warnings.
///
/// # Errors
///
/// Only if `input` itself cannot be read.
pub(super) fn open<R: Read + Seek>(
    input: R,
    max_bytes: u64,
    names: [&str; 2],
) -> io::Result<Result<Archive<R>, Vec<Fault>>> {
    let mut zip = match read_directory(input)? {
        Ok(zip) => zip,
        Err(fault) => return Ok(Err(vec![fault])),
    };
    let entries = listing::entries(&zip)?;
    let mut faults = listing::faults(&entries, max_bytes, names);
    let csv = listing::only(Kind::Csv, &entries);
    let json = listing::only(Kind::Json, &entries);
    faults.extend(directory_faults(&mut zip)?);
    Ok(match (csv, json) {
        (Some(csv), Some(json)) if !faults.iter().any(|fault| fault.is_error) => {
            Ok(Archive { zip, csv, json, warnings: faults })
        }
        _ => Err(faults),
    })
}

impl<R: Read + Seek> Archive<R> {
    /// Faults that are not errors, but that the service may not handle.
    pub(super) fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// The complete json, at most 1 MiB, including a byte order mark.
    ///
    /// # Errors
    ///
    /// Only if the input itself cannot be read.
    pub(super) fn metadata(&mut self) -> io::Result<Result<Vec<u8>, Fault>> {
        let mut json = Vec::new();
        let read = match self.unpack(self.json)? {
            Ok(mut file) => file.read_to_end(&mut json),
            Err(fault) => return Ok(Err(fault)),
        };
        if let Err(error) = read {
            return damage(&error).map(Err).ok_or(error);
        }
        Ok(if document::unmarked(&json).trim_ascii().is_empty() {
            Err(listing::empty_json())
        } else {
            Ok(json)
        })
    }

    /// The csv, unpacked as it is read.
    ///
    /// Read it to its end, where its checksum and size are compared. Damage is an error that [`damage`]
    /// recognizes.
    ///
    /// # Errors
    ///
    /// Only if the input itself cannot be read.
    pub(super) fn data(&mut self) -> io::Result<Result<impl Read, Fault>> {
        self.unpack(self.csv)
    }

    fn unpack(&mut self, index: usize) -> io::Result<Result<Unpacked<'_, R>, Fault>> {
        match self.zip.by_index(index) {
            Ok(file) => Ok(Ok(Unpacked { missing: file.size(), file })),
            Err(error) => damaged(error, DAMAGED).map(Err),
        }
    }
}

/// The fault of the zip that a read error represents; `None` if the disk failed.
pub(super) fn damage(error: &io::Error) -> Option<Fault> {
    error.get_ref()?.downcast_ref().cloned()
}

/// A file in the zip. The zip crate fails if the file is longer than its stated size, which stops a zip bomb.
/// This type fails if the file is shorter.
struct Unpacked<'a, R: Read> {
    file: ZipFile<'a, R>,
    missing: u64,
}

impl<R: Read> Read for Unpacked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let fault = || io::Error::new(ErrorKind::InvalidData, Fault::error(Id::F05, DAMAGED));
        match self.file.read(buffer) {
            Ok(0) if !buffer.is_empty() && self.missing > 0 => Err(fault()),
            Ok(count) => {
                self.missing = self.missing.saturating_sub(count as u64);
                Ok(count)
            }
            Err(error) if is_of_the_zip(&error) => Err(fault()),
            Err(error) => Err(error),
        }
    }
}

/// The fault in `message`, unless the input itself could not be read.
fn damaged(error: ZipError, message: &str) -> io::Result<Fault> {
    if let ZipError::Io(error) = error
        && !is_of_the_zip(&error)
    {
        return Err(error);
    }
    Ok(Fault::error(Id::F05, message))
}

/// Whether the bytes caused the error: decoders report invalid bytes with these kinds, and files report
/// seeking to an invalid offset.
fn is_of_the_zip(error: &io::Error) -> bool {
    use ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

// Parts of the directory at the end of the zip.
const LOCAL: &[u8] = b"PK\x03\x04";
const END: &[u8] = b"PK\x05\x06";
const END64_LOCATOR: &[u8] = b"PK\x06\x07";
const END64_LOCATOR_BYTES: usize = 20;
/// Signature and stated length of a zip64 end record without extra data.
const END64: &[u8] = b"PK\x06\x06\x2c\0\0\0\0\0\0\0";
const END64_BYTES: usize = 56;
/// The offset of the number of entries in a zip64 end record.
const END64_COUNT: usize = 32;

/// Enough for the end records and the longest comment after them.
const TAIL_BYTES: u64 = 66 * 1024;
/// Most bytes that reading the directory may use; two files need some hundred bytes.
const RATION: u64 = 1024 * 1024;

const EMPTY: &str = "The file is empty, so it is not a zip. Upload it again.";
const NO_ZIP: &str = "The file is not a zip. Create one: `zip -X info.zip data.csv metadata.json`.";
const CUT_OFF: &str =
    "The zip is incomplete: the directory at its end is missing. Upload it again.";
const UNREADABLE: &str = "The directory of the zip cannot be read. It is damaged, or lists thousands of \
    files. Create a new zip: `zip -X info.zip data.csv metadata.json`.";
const PREFIXED: &str = "The file has other data before the zip, as a self-extracting archive has. Create a \
    plain zip.";
const TWICE: &str = "Two files in the zip have the same name. Create a new zip instead of adding files to \
    the old one.";
const OVERLAPPING: &str =
    "Files in the zip overlap, so it is damaged or manipulated. Create the zip again.";
const INCONSISTENT: &str = "The directory of the zip and the headers of its files differ. This check used \
    the directory; other programs may not. Create the zip again.";

/// Reads the directory without trusting the sizes in it.
fn read_directory<R: Read + Seek>(mut input: R) -> io::Result<Result<ZipArchive<R>, Fault>> {
    if let Some(message) = end_fault(&mut input)? {
        return Ok(Err(Fault::error(Id::F05, message)));
    }
    let rationed = ZipArchive::new(Rationed { input: &mut input, left: RATION }).map(drop);
    match rationed.and_then(|()| ZipArchive::new(input)) {
        Ok(zip) => Ok(Ok(zip)),
        Err(error) => damaged(error, UNREADABLE).map(Err),
    }
}

fn end_fault(input: &mut (impl Read + Seek)) -> io::Result<Option<&'static str>> {
    let bytes = input.seek(SeekFrom::End(0))?;
    let tail_start = bytes.saturating_sub(TAIL_BYTES);
    let tail = read_at(input, tail_start, TAIL_BYTES)?;
    if memmem::find(&tail, END).is_none() {
        let head = read_at(input, 0, LOCAL.len() as u64)?;
        let message = if head.is_empty() { EMPTY } else { NO_ZIP };
        return Ok(Some(if head == LOCAL { CUT_OFF } else { message }));
    }
    let is_plain = memmem::find_iter(&tail, END64_LOCATOR)
        .filter(|&at| tail[at..].get(END64_LOCATOR_BYTES..).is_some_and(|end| end.starts_with(END)))
        .all(|at| is_plain_zip64(&tail, tail_start, at));
    Ok((!is_plain).then_some(UNREADABLE))
}

/// Whether the zip64 end record is directly before its locator, where the zip crate finds no other one, and
/// states no more entries than a plain end record can.
fn is_plain_zip64(tail: &[u8], tail_start: u64, locator: usize) -> bool {
    let number = |at: usize| tail[at..].first_chunk().copied().map(u64::from_le_bytes);
    locator.checked_sub(END64_BYTES).is_some_and(|end64| {
        tail[end64..].starts_with(END64)
            && number(locator + 8) == Some(tail_start + end64 as u64)
            && number(end64 + END64_COUNT).is_some_and(|count| u16::try_from(count).is_ok())
    })
}

fn read_at(input: &mut (impl Read + Seek), start: u64, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.seek(SeekFrom::Start(start))?;
    input.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The faults in the positions and descriptions of the entries.
fn directory_faults<R: Read + Seek>(zip: &mut ZipArchive<R>) -> io::Result<Vec<Fault>> {
    let mut faults = Vec::new();
    if zip.offset() > 0 {
        faults.push(Fault::error(Id::F05, PREFIXED));
    }
    if zip.has_duplicate_names() {
        faults.push(Fault::error(Id::F05, TWICE));
    }
    match zip.has_overlapping_entries() {
        Ok(true) => faults.push(Fault::error(Id::F05, OVERLAPPING)),
        Ok(false) => {}
        Err(error) => faults.push(damaged(error, UNREADABLE)?),
    }
    if faults.is_empty()
        && let Err(error) = zip.validate_header_consistency()
    {
        faults.push(Fault { is_error: false, ..damaged(error, INCONSISTENT)? });
    }
    Ok(faults)
}

/// An input of which only a limited number of bytes can be read.
struct Rationed<'a, R> {
    input: &'a mut R,
    left: u64,
}

impl<R: Read> Read for Rationed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(ErrorKind::InvalidData.into());
        }
        let count = self.input.by_ref().take(self.left).read(buffer)?;
        self.left -= count as u64;
        Ok(count)
    }
}

impl<R: Seek> Seek for Rationed<'_, R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.input.seek(position)
    }
}

#[cfg(test)]
mod tests;
