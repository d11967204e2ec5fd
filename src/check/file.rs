//! The check of a local file: a CSV, or a zip with data.csv and metadata.json.

use std::{
    cell::Cell,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    Check, CheckOptions, Day, Metadata, Report, archive,
    findings::{Findings, Levels},
    mapping,
};
use crate::schema::{Baseline, Dialect, Id, Limits, Refresh, Severity};

/// How to check a file.
#[derive(Clone, Debug)]
pub struct FileCheck {
    /// The options of a document. If `None`, the zip's own metadata.json or Viva's field names apply.
    pub given: Option<CheckOptions>,
    /// The expected dialect of a zip. If `None`, that of the document applies.
    pub dialect: Option<Dialect>,
    /// The refresh, if it is not the one in the document.
    pub refresh: Option<Refresh>,
    /// Whether invalid rows are skipped, whatever the document says.
    pub lenient: bool,
    /// The last accepted import.
    pub previous: Option<Baseline>,
    /// Whether the report shows values.
    pub show_values: bool,
    /// The day of the upload.
    pub today: Day,
    /// The limits from the settings.
    pub limits: Limits,
}

/// Why a file could not be checked.
#[derive(Debug)]
pub enum FileError {
    /// The operating system cannot read it.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not a file.
    NotAFile(PathBuf),
}

impl FileCheck {
    /// Checks the file at `path`; `count` gets the bytes of a CSV as they are read.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn check(&self, path: &Path, count: impl Fn(u64)) -> Result<Report, FileError> {
        let fail = |source| FileError::Unreadable { path: path.to_owned(), source };
        // Opening a pipe would wait until something writes to it.
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
                let message = "The file is neither .csv nor .zip. Export it as \"CSV UTF-8\".";
                Ok(rejected(&self.options(None), [(Id::F02, Severity::Error, message.to_owned())]))
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

    /// Checks a zip. Its metadata.json is the mapping if no other one was given.
    ///
    /// # Errors
    /// It cannot be read.
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
        if self.given.is_some() {
            // Its content is not read, but it is sent.
            options.found.extend(mapping::mark(&own));
        }
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

    /// The options for the check; `own` is the metadata.json in the zip.
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

/// The report of a file that is not read.
fn rejected(
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
    rejected(options, faults.into_iter().map(|fault| (fault.rule, fault.severity(), fault.message)))
}

/// The report of a file that is not read because it is too large.
#[must_use]
pub(crate) fn too_large(bytes: u64, options: &CheckOptions) -> Report {
    let max_bytes = options.limits.max_file_bytes;
    let message = format!(
        "The file has {bytes} bytes, and the limit is {max_bytes}. Split it, or raise MAX_FILE_BYTES if the \
         service accepts more."
    );
    rejected(options, [(Id::F09, Severity::Error, message)])
}

/// The report of a file that is not read because it is a page blob.
#[must_use]
pub(crate) fn page_blob(options: &CheckOptions) -> Report {
    let message =
        "The file is a page blob, whose end is filled with NUL bytes. Upload it as a block blob: \
                   `az storage blob upload --type block`."
            .to_owned();
    rejected(options, [(Id::F02, Severity::Error, message)])
}

/// The report of a CSV from a pipe, which does not say how large it is.
fn too_long(options: &CheckOptions) -> Report {
    let message = format!(
        "The file has more than {} bytes, which is the limit. Split it, or raise MAX_FILE_BYTES if \
         the service accepts more.",
        options.limits.max_file_bytes
    );
    rejected(options, [(Id::F09, Severity::Error, message)])
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
