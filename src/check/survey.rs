//! What an unknown export is: its encoding, its delimiter, its header, and what its columns hold.
//!
//! The file is read once, in flat memory: counters for each column and a sample of hashes. Nothing
//! of a value is kept, and a first line that may be no header is never told.

use std::io::{Cursor, Read};

use encoding_rs::{Encoding, SHIFT_JIS, WINDOWS_1252};

use self::content::{Class, class};
use super::{
    LOOK_BYTES, MAX_COLUMNS,
    findings::{Findings, Levels},
    records::{Next, Records},
    text::{self, Look},
    value,
};

mod content;

pub use self::content::{Content, Dates};

/// Bytes in which the first line is looked for: wide headers are long.
const START_BYTES: u64 = 1 << 20;
/// The longest name that is told.
const MAX_NAME_BYTES: usize = 100;

/// An export, looked through.
#[derive(Debug)]
pub struct Profile {
    /// Its encoding where it is not UTF-8.
    pub encoding: Option<&'static Encoding>,
    /// What separates its columns.
    pub delimiter: u8,
    /// Its rows.
    pub rows: u64,
    /// Rows with more or fewer values than the header.
    pub uneven: u64,
    /// Its columns, in the file's order.
    pub columns: Vec<Heading>,
}

/// A column: what it is called and what it holds.
#[derive(Debug)]
pub struct Heading {
    /// Its header; `None` where it has none, or none that can be told.
    pub name: Option<String>,
    /// What its values are.
    pub content: Content,
}

/// Why a file cannot be looked through.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It is of no use as an export: why, for a person, without any value.
    #[error("{0}")]
    Unusable(String),
    /// It cannot be read.
    #[error("the export cannot be read: {0}")]
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
    /// Looks through a file.
    ///
    /// # Errors
    /// Where the input cannot be read, or the file is no use.
    pub fn of(mut input: impl Read) -> Result<Self, ProfileError> {
        let mut start = vec![];
        input.by_ref().take(LOOK_BYTES).read_to_end(&mut start)?;
        let look = text::look(&start);
        refuse_no_text(look)?;
        let encoding = if let Look::Utf16(encoding) = look { Some(encoding) } else { None };
        let marked = look == Look::Utf8 { bom: true };
        let rest = Cursor::new(start.split_off(if marked { text::UTF8_MARK.len() } else { 0 }));
        let input: Box<dyn Read> = match encoding {
            Some(encoding) => Box::new(text::decoded(rest.chain(input), encoding)),
            None => Box::new(rest.chain(input)),
        };
        count(input, encoding)
    }
}

fn refuse_no_text(look: Look) -> Outcome<()> {
    let mut findings = Findings::new(Levels::new(false, &[]), false);
    text::refuse_unless_text(look, true, &mut findings);
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
    let told = text::separator_line(line);
    let delimiter = told.unwrap_or_else(|| delimiter_of(line));
    if !b",;\t|".contains(&delimiter) {
        return refuse(
            "the columns are separated by a sign that no connection can name; export \
                       the file with commas",
        );
    }
    let mut records = Records::new(Cursor::new(start).chain(input), delimiter);
    if told.is_some() {
        records.next()?;
    }
    if records.next()? != Next::Record {
        return refuse(
            "the first line cannot be read: a quotation mark is never closed in it, or \
                       the file is blank",
        );
    }
    let quoting = records.quoting();
    if quoting.after.or(quoting.stray).is_some() || records.has_line_break() {
        return refuse(
            "the header has a quotation mark inside a name, or a line break; mend it, \
                       with each name on one line",
        );
    }
    if records.len() > MAX_COLUMNS {
        return refuse(
            "the header has far more columns than the service takes, 105; the line \
                       breaks may have been lost",
        );
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
                    "the row at line {line} does not end; most likely a quotation mark is opened \
                     in it and never closed"
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
    let names = names.iter().map(|name| named(name, encoding));
    let columns = names.zip(contents).map(|(name, content)| Heading { name, content }).collect();
    let survey = Profile { encoding, delimiter, rows, uneven, columns };
    survey.refuse_no_header()?;
    Ok(survey)
}

fn refuse<T>(why: &str) -> Outcome<T> {
    Err(ProfileError::Unusable(why.to_owned()))
}

impl Profile {
    /// A first line that is a row of people must not be taken for a header and told.
    fn refuse_no_header(&self) -> Outcome<()> {
        if self.rows == 0 {
            return refuse(
                "the file has one line only and so no rows, or its line breaks were \
                           lost",
            );
        }
        let names = || self.columns.iter().filter_map(|column| column.name.as_deref());
        if names().any(is_of_a_row) {
            return refuse(
                "the first line has a value in it, like a date, a number, n/a or an \
                           address; it must be the header, with each row on a line of its own",
            );
        }
        // A column of addresses under a name that is none has a header.
        let is_certain = |column: &Heading| {
            column.name.is_some() && 2 * column.content.emails > column.content.filled
        };
        if !self.columns.iter().any(is_certain) {
            return refuse(
                "no column that has a name in the first line holds email addresses, by \
                           which the service knows people; the first line must be the header, without a \
                           title above it, and the export must bring each person's address",
            );
        }
        Ok(())
    }
}

/// The first line that is not blank, in so far as it is there.
fn first_line(start: &[u8]) -> &[u8] {
    let mut lines = start.split(|byte| *byte == b'\n');
    lines.find(|line| !line.trim_ascii().is_empty()).unwrap_or_default()
}

/// What separates most in a header, outside of quotation marks.
fn delimiter_of(line: &[u8]) -> u8 {
    let count = |delimiter: u8| {
        let outside = line.split(|byte| *byte == b'"').step_by(2);
        outside.map(|part| memchr::memchr_iter(delimiter, part).count()).sum::<usize>()
    };
    // Of equals the last is taken: the comma.
    b"|\t;,".iter().copied().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

/// A name that can be told: a short text without control characters.
fn named(name: &[u8], encoding: Option<&'static Encoding>) -> Option<String> {
    // What was decoded already is UTF-8.
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

/// Which encodings all bytes are in so far.
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
            _ => refuse(
                "the file is neither UTF-8 nor in an encoding that can be recognized; \
                         export it as \"CSV UTF-8\"",
            ),
        }
    }
}

/// Words beside the digits of a value: of sums, of dates, of telephone numbers.
const UNITS: &str = "eur euro usd chf gbp jpy sek nok dkk pln kr 円 万円 年 月 日 令和 平成 昭和 \
    jan januar january jänner feb februar february mär mrz märz mar march apr april mai may jun \
    juni june jul juli july aug august sep sept september okt oct oktober october nov november \
    dez dec dezember december tel ext";

/// Whether a text is a value and no name of a column.
fn is_of_a_row(name: &str) -> bool {
    let text = name.trim().as_bytes();
    name.contains('@')
        || value::is_placeholder(text)
        || is_of_digits(name)
        || !matches!(class(text), Class::Text | Class::Indicator)
}

/// Digits with nothing beside them but signs and units: `+49 (0)30 1234`, `85.000 €`, `令和5年`.
fn is_of_digits(name: &str) -> bool {
    let small = name.to_lowercase();
    let mut words = small.split(|char: char| !char.is_alphabetic()).filter(|word| !word.is_empty());
    name.contains(char::is_numeric)
        && words.all(|word| UNITS.split_whitespace().any(|unit| unit == word))
}

#[cfg(test)]
mod tests;
