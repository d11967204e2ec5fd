//! Writes the payload of a push: checks a CSV and drops unmapped columns in one pass, and writes a zip with
//! `metadata.json`, or the rows alone as CSV or JSON.
//!
//! Without `metadata.json`, the columns have the names of Viva's fields, and the mapping in the portal
//! applies. Microsoft's C# sample sends a `.csv` as `text/csv` and a `.json` as `application/json`; the Data
//! Factory template sends an array of row objects.

use std::{
    borrow::Cow,
    io::{self, Read, Write},
};

use serde_json::{Map, Value, json};

use super::{
    deflate::{self, Deflate, LEVEL},
    zip_writer::Container,
};
use crate::{
    check::{Check, CheckOptions, Report, write_record},
    schema::{Dialect, Field, PayloadFormat},
};

/// Checks the CSV in `input`, and writes the rows that may be sent to `output` in this format.
///
/// If the report rejects the file, do not use the output.
///
/// # Errors
/// Reading or writing failed.
pub(crate) fn check_and_write(
    input: impl Read,
    output: impl Write,
    options: &CheckOptions,
    format: PayloadFormat,
) -> io::Result<Report> {
    match format {
        PayloadFormat::Zip => check_and_zip(input, output, options),
        PayloadFormat::Csv => check_and_copy(input, output, options),
        PayloadFormat::Json => check_and_list(input, output, options),
    }
}

/// Checks the CSV in `input`, and writes the zip to `output`. The bytes are the same on every machine.
///
/// If the report rejects the file, do not use the output.
///
/// # Errors
/// Reading or writing failed.
pub fn check_and_zip(
    input: impl Read,
    output: impl Write,
    options: &CheckOptions,
) -> io::Result<Report> {
    let mut check = Check::open(input, options)?;
    let mut zip = Container::new(output);
    let metadata = match &options.document {
        Some(document) => Cow::from(document),
        None => metadata_json(check.kept(), options).into_bytes().into(),
    };
    zip.entry(&options.dialect.metadata_file, &metadata, LEVEL)?;
    // One byte of another encoding has three in UTF-8 at most.
    let most_bytes = options.limits.max_file_bytes.saturating_mul(3);
    let entry = zip.begin(&options.dialect.data_file, most_bytes)?;
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

/// Checks the CSV in `input`, and writes the rows that may be sent to `output`, as CSV with the names of the
/// fields as header.
///
/// If the report rejects the file, do not use the output.
///
/// # Errors
/// Reading or writing failed.
pub fn check_and_copy(
    input: impl Read,
    mut output: impl Write,
    options: &CheckOptions,
) -> io::Result<Report> {
    let mut check = Check::open(input, options)?;
    let mut head = vec![];
    write_record(&mut head, check.kept().map(|field| field.target.as_bytes()));
    if check.head().ends_with(b"\r\n") {
        head.pop();
        head.extend_from_slice(b"\r\n"); // like the rows, which are unchanged
    }
    output.write_all(&head)?;
    while check.is_sound() {
        match check.next_row()? {
            Some(row) => output.write_all(row)?,
            None => break,
        }
    }
    check.finish()
}

/// Checks the CSV in `input`, and writes the rows that may be sent to `output`, as a JSON array with an object
/// for each row. Every value is a string, as in the CSV.
///
/// If the report rejects the file, do not use the output.
///
/// # Errors
/// Reading or writing failed.
pub fn check_and_list(
    input: impl Read,
    mut output: impl Write,
    options: &CheckOptions,
) -> io::Result<Report> {
    let mut check = Check::open(input, options)?;
    let mut between = "[\n";
    while check.is_sound() && check.next_row()?.is_some() {
        let values = check.kept().zip(check.values());
        let row: Map<String, Value> = values
            .map(|(field, value)| {
                (field.target.clone(), String::from_utf8_lossy(value).into_owned().into())
            })
            .collect();
        output.write_all(between.as_bytes())?;
        serde_json::to_writer(&mut output, &row)?;
        between = ",\n";
    }
    output.write_all(b"\n]\n")?;
    check.finish()
}

/// The text of `metadata.json`, which describes `data.csv` to the service: the dataset's type on line 2,
/// `IsBootstrap` on line 3, then the mapping with only the fields that are in the file. The `dialect` of the
/// connection has the spelling.
///
/// Source: "Import organizational data", section "metadata.json".
fn metadata_json<'a>(fields: impl Iterator<Item = &'a Field>, options: &CheckOptions) -> String {
    let CheckOptions { connector, refresh, dialect, .. } = options;
    let mapping: Map<String, Value> = fields
        .map(|field| {
            let entry = json!({ "name": field.target, "type": dialect.type_of(field) });
            (field.source.clone(), entry)
        })
        .collect();
    let metadata = json!({
        (Dialect::CONNECTOR_KEY): connector.as_ref(),
        (Dialect::REFRESH_KEY): dialect.is_bootstrap.value(*refresh),
        (dialect.mapping_key()): mapping,
    });
    format!("{metadata:#}\n")
}

#[cfg(test)]
mod tests;
