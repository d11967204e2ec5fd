//! Parse, check, cut and deflate in one pass.

use std::io::{self, BufRead as _, BufReader, Read, Write};

use csv::ByteRecord;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::{
    Dialect,
    findings::Findings,
    header::{self, Columns, not_utf8},
    metadata,
    records::{Next, Records},
};
use crate::connection::Connection;

/// A classic zip entry ends here; a larger one needs the zip64 form, and deflated data may grow
/// a little.
const ZIP64_FROM_BYTES: u64 = 4_000_000_000;

/// What the check of a good file saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Data rows.
    pub rows: u64,
    /// What a person should know, though nothing is wrong.
    pub notice: Option<String>,
}

/// Checks the CSV in `input` (of `bytes` bytes) and writes the zip to `output`.
///
/// The inner result is the verdict; where it is a refusal the output is worthless.
///
/// # Errors
/// Where reading or writing fails.
pub fn check_and_zip(
    input: impl Read,
    output: impl Write,
    connection: &Connection,
    dialect: &Dialect,
    bytes: u64,
) -> io::Result<Result<Checked, Findings>> {
    let mut findings = Findings::default();
    let mut input = BufReader::with_capacity(256 << 10, input);
    refuse_other_formats(&mut input, &mut findings)?;
    if !findings.is_empty() {
        return Ok(Err(findings));
    }
    let mut records = Records::new(input);
    let mut record = ByteRecord::new();
    let Some(columns) = read_header(&mut records, &mut record, connection, &mut findings)? else {
        return Ok(Err(findings));
    };

    let mut zip = ZipWriter::new_stream(output);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    zip.start_file("metadata.json", options)?;
    zip.write_all(metadata::build(&columns, connection, &dialect.mapping_key).as_bytes())?;
    zip.start_file("data.csv", options.large_file(bytes >= ZIP64_FROM_BYTES))?;
    let mut data = csv::Writer::from_writer(zip);
    keep(&record, &columns, &mut data)?;
    let mut rows = 0_u64;
    loop {
        match records.next(&mut record)? {
            Next::Record(line) => {
                rows += 1;
                check(&record, line, &columns, &mut findings);
                if findings.is_empty() {
                    keep(&record, &columns, &mut data)?;
                }
            }
            Next::End => break,
            broken @ (Next::OpenQuote(_) | Next::TooLong(_)) => {
                note_broken(&broken, &mut findings);
                break;
            }
        }
    }
    if rows == 0 && findings.is_empty() {
        findings.add("F12", None, None, || {
            "the file has a header and no data rows; a full refresh of nothing would delete \
             everybody"
                .to_owned()
        });
    }
    if !findings.is_empty() {
        return Ok(Err(findings));
    }
    let zip = data.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    zip.finish()?;
    Ok(Ok(Checked { rows, notice: columns.notice }))
}

/// Recognizes by its first bytes what is no UTF-8 text at all, and steps over a byte order mark.
fn refuse_other_formats(
    input: &mut BufReader<impl Read>,
    findings: &mut Findings,
) -> io::Result<()> {
    let start = input.fill_buf()?;
    let utf16 = || "the file is UTF-16; export it as \"CSV UTF-8\"".to_owned();
    match start {
        [] => findings.add("F01", None, None, || "the file is empty".to_owned()),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, _, ..] | [_, 0, ..] => {
            findings.add("F04", Some(1), None, utf16);
        }
        [b'P', b'K', 3 | 5, 4 | 6, ..] => findings.add("F02", None, None, || {
            "the file is a zip archive, perhaps an Excel workbook, and not a CSV; export it as \
             \"CSV UTF-8\""
                .to_owned()
        }),
        [0x1F, 0x8B, ..] => findings.add("F02", None, None, || {
            "the file is gzip-compressed and not a CSV; put it in the inbox uncompressed".to_owned()
        }),
        [0xEF, 0xBB, 0xBF, ..] => input.consume(3),
        _ => {}
    }
    Ok(())
}

/// The header's columns, left in `record`; `None` where there is no use in reading on.
fn read_header(
    records: &mut Records<impl Read>,
    record: &mut ByteRecord,
    connection: &Connection,
    findings: &mut Findings,
) -> io::Result<Option<Columns>> {
    match records.next(record)? {
        Next::Record(_) => {
            let columns = header::hold(record, connection, findings);
            Ok(findings.is_empty().then_some(columns))
        }
        Next::End => {
            findings.add("F01", None, None, || "the file has nothing but blank lines".to_owned());
            Ok(None)
        }
        broken @ (Next::OpenQuote(_) | Next::TooLong(_)) => {
            note_broken(&broken, findings);
            Ok(None)
        }
    }
}

fn check(record: &ByteRecord, line: u64, columns: &Columns, findings: &mut Findings) {
    if record.len() != columns.width {
        findings.add("F03", Some(line), None, || {
            format!(
                "{} columns where the header has {}; a comma inside a value needs quotation marks \
                 around the value",
                record.len(),
                columns.width
            )
        });
    }
    if record.as_slice().is_ascii() {
        return;
    }
    for (position, value) in record.iter().enumerate() {
        if std::str::from_utf8(value).is_err() {
            findings.add("F04", Some(line), Some(columns.name(position)), not_utf8);
        }
    }
}

fn note_broken(broken: &Next, findings: &mut Findings) {
    match broken {
        Next::OpenQuote(line) => findings.add("F03", Some(*line), None, || {
            "a quotation mark is opened in this row and never closed; close it, or double it if it \
             belongs to the value"
                .to_owned()
        }),
        Next::TooLong(line) => findings.add("F03", Some(*line), None, || {
            "the row is longer than any may be; most likely a quotation mark is opened in it and \
             never closed"
                .to_owned()
        }),
        Next::Record(_) | Next::End => {}
    }
}

fn keep(
    record: &ByteRecord,
    columns: &Columns,
    data: &mut csv::Writer<impl Write>,
) -> io::Result<()> {
    let values = columns.kept.iter().map(|(position, _)| record.get(*position).unwrap_or_default());
    data.write_record(values).map_err(io::Error::other)
}

#[cfg(test)]
mod tests;
