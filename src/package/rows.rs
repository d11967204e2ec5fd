//! The rows by themselves, without a metadata.json: their columns are called as Viva's fields, and
//! the portal's stored mapping says the rest.
//!
//! Microsoft's C# sample sends a `.csv` so as `text/csv` and a `.json` as `application/json`; the
//! Data Factory template sends an array of row objects.

use std::io::{self, Read, Write};

use serde_json::Value;

use crate::check::{Check, Report, Terms, write_record};

/// Checks the CSV in `input` and writes what may leave of it to `output`, as CSV.
///
/// Where the report refuses the file, the output is worthless.
///
/// # Errors
/// Where reading or writing fails.
pub fn check_and_copy(
    input: impl Read,
    mut output: impl Write,
    terms: &Terms,
) -> io::Result<Report> {
    let mut check = Check::open(input, terms)?;
    let mut head = vec![];
    write_record(&mut head, check.kept().map(|field| field.target.as_bytes()));
    if check.head().ends_with(b"\r\n") {
        head.pop();
        head.extend_from_slice(b"\r\n"); // as the rows, which pass as they are
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

/// The same, as a JSON array with one object for each row. Every value is a text, as it is in the
/// CSV.
///
/// # Errors
/// Where reading or writing fails.
pub fn check_and_list(
    input: impl Read,
    mut output: impl Write,
    terms: &Terms,
) -> io::Result<Report> {
    let mut check = Check::open(input, terms)?;
    let mut between = "[\n";
    while check.is_sound() && check.next_row()?.is_some() {
        let values = check.kept().zip(check.values());
        let row: serde_json::Map<String, Value> = values
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

#[cfg(test)]
mod tests;
