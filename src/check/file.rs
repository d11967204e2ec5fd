//! A file on this machine, checked: a CSV, or the zip that would be sent.

use std::{
    cell::Cell,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    Check, CheckOptions, Day, Metadata, Report, archive,
    findings::{Findings, Levels},
};
use crate::schema::{Baseline, Dialect, Id, Limits, Refresh, Severity};

/// How a file is to be checked.
#[derive(Clone, Debug)]
pub struct FileCheck {
    /// The options of a document; without it those of a zip's own, or Viva's names.
    pub given: Option<CheckOptions>,
    /// How a zip should be written; as the document says where it is `None`.
    pub dialect: Option<Dialect>,
    /// What the file does, where it is not what the document says.
    pub refresh: Option<Refresh>,
    /// Whether rows that are not valid are left out, whatever the document says.
    pub lenient: bool,
    /// The last accepted import.
    pub previous: Option<Baseline>,
    /// Whether the report shows values.
    pub show_values: bool,
    /// The day of the upload.
    pub today: Day,
    /// The settings' limits.
    pub limits: Limits,
}

/// Why a file could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system does not let it be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else than a file.
    #[error("{} is a folder or a pipe; name a .csv or a .zip", .0.display())]
    NotAFile(PathBuf),
}

impl FileCheck {
    /// Checks the file at `path`.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn check(&self, path: &Path) -> Result<Report, FileError> {
        self.check_counted(path, |_| {})
    }

    /// Checks the file at `path`; `count` gets the bytes of a CSV as they are read.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn check_counted(&self, path: &Path, count: impl Fn(u64)) -> Result<Report, FileError> {
        let fail = |source| FileError::Unreadable { path: path.to_owned(), source };
        // Opening a pipe would wait for somebody who writes into it.
        let about = std::fs::metadata(path).map_err(fail)?;
        if !about.is_file() {
            return Err(FileError::NotAFile(path.to_owned()));
        }
        let file = File::open(path).map_err(fail)?;
        let about = file.metadata().map_err(fail)?;
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        match extension.to_str() {
            Some("csv") => {
                let options = self.options(None);
                if about.len() > self.limits.max_file_bytes {
                    return Ok(too_large(about.len(), &options));
                }
                let file = Counted { inner: file, count };
                Check::open(file, &options).and_then(Check::finish).map_err(fail)
            }
            Some("zip") => self.check_zip(file).map_err(fail),
            _ => {
                let message = "the file is neither .csv nor .zip; export it as \"CSV UTF-8\"";
                Ok(refused(&self.options(None), [(Id::F02, Severity::Error, message.to_owned())]))
            }
        }
    }

    /// Checks a CSV that can be read once, from a pipe; `count` gets its bytes as they are read.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn check_stream(&self, input: impl Read, count: impl Fn(u64)) -> io::Result<Report> {
        let options = self.options(None);
        let max_bytes = self.limits.max_file_bytes;
        let read = Cell::new(0);
        let input = input.take(max_bytes.saturating_add(1));
        let counted = |bytes| {
            read.set(read.get() + bytes);
            count(bytes);
        };
        let report = Check::open(Counted { inner: input, count: counted }, &options)
            .and_then(Check::finish)?;
        Ok(if read.get() > max_bytes { too_long(&options) } else { report })
    }

    /// Checks the zip that would be sent. Its own metadata.json is the mapping where none was given.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(crate) fn check_zip(&self, file: File) -> io::Result<Report> {
        let given = self.options(None);
        let dialect = self.dialect.as_ref().unwrap_or(&given.dialect);
        let names = [dialect.data_file.as_str(), dialect.metadata_file.as_str()];
        let mut archive = match archive::open(file, self.limits.max_file_bytes, names)? {
            Ok(archive) => archive,
            Err(faults) => return Ok(broken(&given, faults)),
        };
        let own = match archive.metadata()? {
            Ok(own) => own,
            Err(fault) => return Ok(broken(&given, [fault])),
        };
        let mut options = self.options(Some(&own));
        options.found.extend(
            archive
                .warnings()
                .iter()
                .map(|fault| (fault.rule, Severity::Warning, fault.message.clone())),
        );
        let data = match archive.data()? {
            Ok(data) => data,
            Err(fault) => return Ok(broken(&options, [fault])),
        };
        let checked = Check::open(data, &options).and_then(Check::finish);
        checked.or_else(|error| match archive::damage(&error) {
            Some(fault) => Ok(broken(&options, [fault])),
            None => Err(error),
        })
    }

    /// The options by which the file is checked; `own` is the metadata.json it brings itself.
    #[must_use]
    pub fn options(&self, own: Option<&[u8]>) -> CheckOptions {
        let mut options = CheckOptions::without(&self.limits, self.today);
        match (&self.given, own) {
            (Some(given), _) => options = given.clone(),
            (None, Some(own)) => {
                options
                    .take(Metadata::read(own, self.dialect.as_ref().unwrap_or(&options.dialect)));
            }
            (None, None) => {}
        }
        options.refresh = self.refresh.unwrap_or(options.refresh);
        options.checks.lenient |= self.lenient;
        options.previous.clone_from(&self.previous);
        options.show_values = self.show_values;
        options
    }
}

/// The report of a file that is not read at all.
fn refused(
    options: &CheckOptions,
    faults: impl IntoIterator<Item = (Id, Severity, String)>,
) -> Report {
    let levels = Levels::new(options.checks.lenient, &options.checks.rules);
    let mut findings = Findings::new(levels, false);
    for (rule, severity, message) in faults {
        findings.file(rule, severity, &[], message);
    }
    Report::unread(findings, options)
}

fn broken(options: &CheckOptions, faults: impl IntoIterator<Item = archive::Fault>) -> Report {
    refused(options, faults.into_iter().map(|fault| (fault.rule, fault.severity(), fault.message)))
}

/// The report of a file that is not read because of its size.
#[must_use]
pub(crate) fn too_large(bytes: u64, options: &CheckOptions) -> Report {
    let max_bytes = options.limits.max_file_bytes;
    let message = format!(
        "the file has {bytes} bytes, the most that is taken is {max_bytes}; split it, or raise \
         MAX_FILE_BYTES if the service takes more"
    );
    refused(options, [(Id::F09, Severity::Error, message)])
}

/// The report of a CSV from a pipe, which does not say how large it is.
fn too_long(options: &CheckOptions) -> Report {
    let message = format!(
        "The file has more than {} bytes, which is the limit. Split it, or raise MAX_FILE_BYTES if \
         the service accepts more.",
        options.limits.max_file_bytes
    );
    refused(options, [(Id::F09, Severity::Error, message)])
}

/// A reader that counts.
struct Counted<R, F> {
    inner: R,
    count: F,
}

impl<R: Read, F: Fn(u64)> Read for Counted<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.inner.read(buffer)?;
        (self.count)(bytes as u64);
        Ok(bytes)
    }
}
