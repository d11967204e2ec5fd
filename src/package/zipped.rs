//! Check, cut and deflate in one pass.

use std::io::{self, Read, Write};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::metadata;
use crate::check::{Check, Report, Terms};

/// A classic zip entry ends here; a larger one needs the zip64 form, and deflated data may grow
/// a little.
const ZIP64_FROM_BYTES: u64 = 4_000_000_000;

/// Checks the CSV in `input` (of `bytes` bytes) and writes the zip to `output`.
///
/// Where the report refuses the file, the output is worthless.
///
/// # Errors
/// Where reading or writing fails.
pub fn check_and_zip(
    input: impl Read,
    output: impl Write,
    terms: &Terms,
    bytes: u64,
) -> io::Result<Report> {
    let mut check = Check::open(input, terms)?;
    let mut zip = ZipWriter::new_stream(output);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    zip.start_file(terms.dialect.metadata_file.as_str(), options)?;
    let metadata = metadata::build(check.kept(), terms);
    zip.write_all(metadata.as_bytes())?;
    // Text in another encoding may grow to three times its length.
    zip.start_file(
        terms.dialect.data_file.as_str(),
        options.large_file(3 * bytes >= ZIP64_FROM_BYTES),
    )?;
    zip.write_all(check.head())?;
    while check.is_sound() {
        match check.next_row()? {
            Some(row) => zip.write_all(row)?,
            None => break,
        }
    }
    let report = check.finish()?;
    if report.is_accepted() {
        zip.finish()?;
    }
    Ok(report)
}

#[cfg(test)]
mod tests;
