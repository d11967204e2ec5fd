//! The zip to be checked: opened, judged by its directory, and its two files unpacked as they are
//! read.
//!
//! It never writes to disk, never holds more of the csv than the reader's buffer, never reserves
//! memory by a size that the zip states, and never looks into the csv or the json.

mod directory;
mod listing;

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind, Read, Seek};

use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use listing::Kind;

use crate::schema::{Id, Severity, document};

const DAMAGED: &str = "a file in the zip is damaged: its size, checksum or compressed data are \
    wrong; upload the zip again, and if that does not help, zip the two files again";

/// A fault of the zip, as data for the report.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// The rule.
    pub(super) rule: Id,
    /// Whether the file is refused; else it is a warning.
    is_error: bool,
    /// What is wrong and what to do about it.
    pub(super) message: String,
}

impl Fault {
    fn error(rule: Id, message: impl Into<String>) -> Self {
        Self { rule, is_error: true, message: message.into() }
    }

    /// How much it matters.
    pub(super) fn severity(&self) -> Severity {
        if self.is_error { Severity::Error } else { Severity::Warning }
    }

    fn warning(rule: Id, message: impl Into<String>) -> Self {
        Self { is_error: false, ..Self::error(rule, message) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for Fault {}

/// A zip of one csv and one json whose directory is sound.
#[derive(Debug)]
pub(super) struct Archive<R> {
    zip: ZipArchive<R>,
    csv: usize,
    json: usize,
    warnings: Vec<Fault>,
}

/// Opens a zip whose csv may unpack to at most `max_bytes` and whose two files should have these
/// `names`; all faults of its directory come at
/// once, warnings among them.
///
/// # Errors
///
/// Only if `input` itself cannot be read.
pub(super) fn open<R: Read + Seek>(
    input: R,
    max_bytes: u64,
    names: [&str; 2],
) -> io::Result<Result<Archive<R>, Vec<Fault>>> {
    let mut zip = match directory::read(input)? {
        Ok(zip) => zip,
        Err(fault) => return Ok(Err(vec![fault])),
    };
    let entries = listing::entries(&zip)?;
    let mut faults = listing::faults(&entries, max_bytes, names);
    let csv = listing::only(Kind::Csv, &entries);
    let json = listing::only(Kind::Json, &entries);
    faults.extend(directory::faults(&mut zip)?);
    Ok(match (csv, json) {
        (Some(csv), Some(json)) if !faults.iter().any(|fault| fault.is_error) => {
            Ok(Archive { zip, csv, json, warnings: faults })
        }
        _ => Err(faults),
    })
}

impl<R: Read + Seek> Archive<R> {
    /// What the service may stumble over, though it does not refuse it.
    pub(super) fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// The whole json, at most 1 MiB, with its byte order mark if it has one.
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
    /// Read it to its end: its checksum and size are compared there. What is then found to be
    /// damaged comes as an error that [`damage`] knows.
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

/// The fault that an error of reading the csv stands for, if it is the zip's and not the disk's.
pub(super) fn damage(error: &io::Error) -> Option<Fault> {
    error.get_ref()?.downcast_ref().cloned()
}

/// A file of the zip. The zip crate fails where it grows beyond its stated size, so a bomb ends
/// there; that it is not shorter either is seen here.
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

/// Whether the bytes are at fault: the kinds by which decoders tell of them, and files of seeking
/// to an offset that cannot be.
fn is_of_the_zip(error: &io::Error) -> bool {
    use ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

#[cfg(test)]
mod tests;
