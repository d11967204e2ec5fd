//! Check, cut and deflate in one pass.

use std::io::{self, Read, Write};

use super::{
    deflate::{self, Deflate, LEVEL},
    metadata,
};
use crate::{
    check::{Check, Report, Terms},
    package::zip_writer::Container,
};

/// Checks the CSV in `input` and writes the zip to `output`, the same bytes on every machine.
///
/// Where the report refuses the file, the output is worthless.
///
/// # Errors
/// Where reading or writing fails.
pub fn check_and_zip(input: impl Read, output: impl Write, terms: &Terms) -> io::Result<Report> {
    let mut check = Check::open(input, terms)?;
    let mut zip = Container::new(output);
    let metadata = metadata::build(check.kept(), terms);
    zip.entry(&terms.dialect.metadata_file, metadata.as_bytes(), LEVEL)?;
    let entry = zip.begin(&terms.dialect.data_file)?;
    let mut data = Deflate::new(&mut zip, LEVEL, deflate::workers());
    data.write_all(check.head())?;
    while check.is_sound() {
        match check.next_row()? {
            Some(row) => data.write_all(row)?,
            None => break,
        }
    }
    let report = check.finish()?;
    if report.is_accepted() {
        let written = data.finish()?;
        zip.end(entry, written)?;
        zip.finish()?;
    }
    Ok(report)
}

#[cfg(test)]
mod tests;
