//! The profile of an unknown export: encoding, delimiter, header, and the contents of its columns.
//!
//! The file is read once, in constant memory: counters for each column and a sample of hashes. No part of a
//! value is kept, and no text of a first line that may not be the header is reported.

use std::io::{Cursor, Read};

use encoding_rs::{Encoding, SHIFT_JIS, WINDOWS_1252};

use self::content::{Class, class};
use super::{
    DETECT_BYTES, MAX_COLUMNS,
    findings::{Findings, Levels},
    header,
    records::{Next, Records},
    text::{self, FileFormat},
    value,
};

mod content;

pub use self::content::{Content, Dates};

/// Bytes in which the first line must end. Headers with many columns are long.
const START_BYTES: u64 = 1 << 20;
/// The longest name that is reported.
const MAX_NAME_BYTES: usize = 100;

/// The profile of an export.
#[derive(Debug)]
pub struct Profile {
    /// Its encoding, if it is not UTF-8.
    pub encoding: Option<&'static Encoding>,
    /// The delimiter of its columns.
    pub delimiter: u8,
    /// The number of its rows.
    pub rows: u64,
    /// Rows with more or fewer values than the header.
    pub uneven: u64,
    /// Its columns, in the file's order.
    pub columns: Vec<Heading>,
}

/// A column: its name and its contents.
#[derive(Debug)]
pub struct Heading {
    /// Its header; `None` if it has none, or none that can be reported.
    pub name: Option<String>,
    /// The counters of its values.
    pub content: Content,
}

/// Why a file has no profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It is not usable as an export: the reason and what to do, without any value.
    #[error("{0}")]
    Unusable(String),
    /// It cannot be read.
    #[error("cannot read the export: {0}")]
    Unreadable(#[source] std::io::Error),
}

type Outcome<T> = Result<T, ProfileError>;

impl From<std::io::Error> for ProfileError {
    fn from(error: std::io::Error) -> Self {
        match text::fault_of(&error) {
            Some((_, message)) => Self::Unusable(message),
            None => Self::Unreadable(error),
        }
    }
}

impl Profile {
    /// Reads a file and makes its profile.
    ///
    /// # Errors
    /// The input cannot be read, or the file is not usable.
    pub fn of(mut input: impl Read) -> Result<Self, ProfileError> {
        let mut start = vec![];
        input.by_ref().take(DETECT_BYTES).read_to_end(&mut start)?;
        let format = text::detect(&start);
        reject_no_text(format)?;
        let encoding = if let FileFormat::Utf16(encoding) = format { Some(encoding) } else { None };
        let marked = format == FileFormat::Utf8 { bom: true };
        let rest = Cursor::new(start.split_off(if marked { text::UTF8_MARK.len() } else { 0 }));
        let input: Box<dyn Read> = match encoding {
            Some(encoding) => Box::new(text::decoded(rest.chain(input), encoding)),
            None => Box::new(rest.chain(input)),
        };
        count(input, encoding)
    }
}

fn reject_no_text(format: FileFormat) -> Outcome<()> {
    let mut findings = Findings::new(Levels::new(false, &[]), false);
    text::reject_unless_text(format, true, &mut findings);
    let (found, _) = findings.sorted(|_| String::new());
    match found.into_iter().next() {
        Some(finding) => Err(ProfileError::Unusable(finding.message)),
        None => Ok(()),
    }
}

fn count(mut input: impl Read, encoding: Option<&'static Encoding>) -> Outcome<Profile> {
    let mut start = vec![];
    input.by_ref().take(START_BYTES).read_to_end(&mut start)?;
    let line = first_line(&start);
    let from_sep = text::separator_line(line);
    let delimiter = from_sep.unwrap_or_else(|| delimiter_of(line));
    if !b",;\t|".contains(&delimiter) {
        return reject(
            "The delimiter of the columns is not supported. Export the file with commas.",
        );
    }
    let mut records = Records::new(Cursor::new(start).chain(input), delimiter);
    if from_sep.is_some() {
        records.next()?;
    }
    if records.next()? != Next::Record {
        return reject(
            "The first line cannot be read: a quotation mark in it is never closed, or the file is \
             blank. Correct the first line.",
        );
    }
    let quoting = records.quoting();
    if quoting.after.or(quoting.stray).is_some() || records.has_line_break() {
        return reject(
            "A name in the header contains a quotation mark or a line break. Correct the header, with \
             each name on one line.",
        );
    }
    if records.len() > MAX_COLUMNS {
        return reject(&format!(
            "The header has more than {MAX_COLUMNS} columns, and the service accepts {} fields. Perhaps \
             the file has lost its line breaks. Export it again.",
            header::MAX_FIELDS
        ));
    }
    let names: Vec<Vec<u8>> = records.values().map(<[u8]>::to_vec).collect();
    let mut bytes = Bytes::default();
    for name in &names {
        bytes.see(name);
    }
    let mut contents = vec![Content::new(names.len()); names.len()];
    let (mut rows, mut uneven) = (0, 0);
    loop {
        match records.next()? {
            Next::Record => {}
            Next::End => break,
            Next::OpenQuote(line) | Next::TooLong(line) => {
                return Err(ProfileError::Unusable(format!(
                    "The row at line {line} does not end. Most likely, a quotation mark in it is never \
                     closed. Close it."
                )));
            }
        }
        if records.len() == 1 && value::is_blank(records.value(0)) && names.len() > 1 {
            continue;
        }
        rows += 1;
        uneven += u64::from(records.len() != names.len());
        for (content, value) in contents.iter_mut().zip(records.values()) {
            content.see(value);
            if !value.is_ascii() {
                bytes.see(value);
            }
        }
    }
    let encoding = match encoding {
        Some(encoding) => Some(encoding),
        None => bytes.encoding()?,
    };
    let names = names.iter().map(|name| readable(name, encoding));
    let columns = names.zip(contents).map(|(name, content)| Heading { name, content }).collect();
    let profile = Profile { encoding, delimiter, rows, uneven, columns };
    profile.reject_no_header()?;
    Ok(profile)
}

fn reject<T>(why: &str) -> Outcome<T> {
    Err(ProfileError::Unusable(why.to_owned()))
}

impl Profile {
    /// Rejects a first line that is a row of data, so that its values are not reported as names.
    fn reject_no_header(&self) -> Outcome<()> {
        if self.rows == 0 {
            return reject(
                "The file has one line only, so it has no rows, or its line breaks were lost. Export it \
                 again.",
            );
        }
        let names = || self.columns.iter().filter_map(|column| column.name.as_deref());
        if names().any(is_of_a_row) {
            return reject(
                "The first line contains a value, like a date, a number, n/a or an address. It must be \
                 the header, and each row must be on its own line.",
            );
        }
        // A column of addresses whose name is not an address has a header.
        let is_certain = |column: &Heading| {
            column.name.is_some() && 2 * column.content.emails > column.content.filled
        };
        if !self.columns.iter().any(is_certain) {
            return reject(
                "No column with a name in the first line contains email addresses, which identify people \
                 for the service. The first line must be the header, without a title above it, and the \
                 export must contain the address of each person.",
            );
        }
        Ok(())
    }
}

/// The first line that is not blank, up to the end of the bytes.
fn first_line(start: &[u8]) -> &[u8] {
    let mut lines = start.split(|byte| *byte == b'\n');
    lines.find(|line| !line.trim_ascii().is_empty()).unwrap_or_default()
}

/// The most frequent delimiter in a header, outside quotation marks.
fn delimiter_of(line: &[u8]) -> u8 {
    let count = |delimiter: u8| {
        let outside = line.split(|byte| *byte == b'"').step_by(2);
        outside.map(|part| memchr::memchr_iter(delimiter, part).count()).sum::<usize>()
    };
    // Of equal counts, the last one wins: the comma.
    b"|\t;,".iter().copied().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

/// A name that can be reported: a short text without control characters.
fn readable(name: &[u8], encoding: Option<&'static Encoding>) -> Option<String> {
    // Text that was decoded before is UTF-8.
    let text = match (std::str::from_utf8(name), encoding) {
        (Ok(text), _) => text.to_owned(),
        (Err(_), Some(encoding)) => {
            encoding.decode_without_bom_handling_and_without_replacement(name)?.into_owned()
        }
        (Err(_), None) => return None,
    };
    let is_plain = !text.trim().is_empty() && text.len() <= MAX_NAME_BYTES;
    (is_plain && !text.contains(char::is_control)).then_some(text)
}

/// The encodings in which all bytes so far are valid.
struct Bytes {
    utf8: bool,
    windows_1252: bool,
    shift_jis: bool,
}

impl Default for Bytes {
    fn default() -> Self {
        Self { utf8: true, windows_1252: true, shift_jis: true }
    }
}

impl Bytes {
    fn see(&mut self, value: &[u8]) {
        if value.is_ascii() {
            return;
        }
        let is_japanese =
            || SHIFT_JIS.decode_without_bom_handling_and_without_replacement(value).is_some();
        self.utf8 = self.utf8 && std::str::from_utf8(value).is_ok();
        self.windows_1252 = self.windows_1252 && text::looks_like_windows_1252(value);
        self.shift_jis = self.shift_jis && is_japanese();
    }

    fn encoding(&self) -> Outcome<Option<&'static Encoding>> {
        match self {
            Self { utf8: true, .. } => Ok(None),
            Self { windows_1252: true, .. } => Ok(Some(WINDOWS_1252)),
            Self { shift_jis: true, .. } => Ok(Some(SHIFT_JIS)),
            _ => reject(
                "The file is neither UTF-8 nor in another encoding that can be recognized. Export it as \
                 \"CSV UTF-8\".",
            ),
        }
    }
}

/// Words next to the digits of a value, in amounts, dates and telephone numbers.
const UNITS: &str = "eur euro usd chf gbp jpy sek nok dkk pln kr 円 万円 年 月 日 令和 平成 昭和 \
    jan januar january jänner feb februar february mär mrz märz mar march apr april mai may jun \
    juni june jul juli july aug august sep sept september okt oct oktober october nov november \
    dez dec dezember december tel ext";

/// Whether a text is a value, not the name of a column.
fn is_of_a_row(name: &str) -> bool {
    let text = name.trim().as_bytes();
    name.contains('@')
        || value::is_placeholder(text)
        || is_of_digits(name)
        || !matches!(class(text), Class::Text | Class::Indicator)
}

/// Whether a text is digits with only punctuation, symbols and units: `+49 (0)30 1234`, `85.000 €`, `令和5年`.
fn is_of_digits(name: &str) -> bool {
    let small = name.to_lowercase();
    let mut words = small.split(|char: char| !char.is_alphabetic()).filter(|word| !word.is_empty());
    name.contains(char::is_numeric)
        && words.all(|word| UNITS.split_whitespace().any(|unit| unit == word))
}

#[cfg(test)]
mod tests;
