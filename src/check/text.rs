//! What a file is by its first bytes, what is said where that is not UTF-8 with commas, and UTF-8
//! out of text that is not.
//!
//! Nothing here is certain but the marks of well-known formats: an encoding without a byte order
//! mark is guessed, and it is for the caller to say so.

use std::{
    error, fmt,
    io::{self, BufRead, BufReader, Read},
    ops::Range,
};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use memchr::memchr_iter;

use super::findings::Findings;
use crate::schema::Id;

/// Bytes of the file's beginning that [`look`] goes by: enough for a header's first names.
const LOOK_BYTES: usize = 512;
/// UTF-8 decoded at a time.
const TEXT_BYTES: usize = 64 << 10;

/// Signs of Windows-1252 that may stand inside a word: apostrophes, dashes, the dot of Catalan.
const SIGNS_IN_WORDS: &str = "’´–—·\u{A0}\u{AD}";
/// Signs of Windows-1252 that stand before or after one.
const SIGNS_BESIDE_WORDS: &str = "€„…‘“”•™¡£§©ª«®°º»¿";

/// What the first bytes of a file say it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing at all.
    Empty,
    /// UTF-8, with a byte order mark of three bytes or without; unless a later byte says otherwise.
    Utf8 {
        /// The mark is there.
        bom: bool,
    },
    /// UTF-16 of this endianness, with a byte order mark or without.
    Utf16(&'static Encoding),
    /// A zip archive, perhaps an Excel workbook.
    Zip,
    /// Compressed with gzip.
    Gzip,
    /// An old Excel workbook (.xls), or a newer one with a password.
    Excel,
    /// HTML or XML: a saved web page, or a table that only calls itself a CSV.
    Markup,
    /// Something else that is no text: it has NUL bytes.
    Binary,
}

/// Recognizes a file by its beginning, of which 512 bytes do and fewer may mislead.
pub(super) fn look(start: &[u8]) -> Look {
    let start = &start[..start.len().min(LOOK_BYTES)];
    match start {
        [] => Look::Empty,
        [0xEF, 0xBB, 0xBF, ..] => Look::Utf8 { bom: true },
        [0xFF, 0xFE, ..] => Look::Utf16(UTF_16LE),
        [0xFE, 0xFF, ..] => Look::Utf16(UTF_16BE),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Look::Zip,
        [0x1F, 0x8B, ..] => Look::Gzip,
        [0xD0, 0xCF, 0x11, 0xE0, ..] => Look::Excel,
        _ if is_markup(start) => Look::Markup,
        _ => without_mark(start),
    }
}

fn is_markup(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    [&b"<!doctype"[..], b"<html", b"<?xml", b"<table"]
        .iter()
        .any(|tag| start.get(..tag.len()).is_some_and(|bytes| bytes.eq_ignore_ascii_case(tag)))
}

/// Tells UTF-16 by the NUL bytes in every other place: a header is mostly ASCII.
fn without_mark(start: &[u8]) -> Look {
    let pairs = start.chunks_exact(2);
    let is_most = |nuls: usize| nuls * 2 > start.len() / 2;
    let is_big_endian = is_most(pairs.clone().filter(|pair| pair[0] == 0).count());
    let is_little_endian = is_most(pairs.filter(|pair| pair[1] == 0).count());
    match (is_big_endian, is_little_endian) {
        (true, false) => Look::Utf16(UTF_16BE),
        (false, true) => Look::Utf16(UTF_16LE),
        _ if start.contains(&0) => Look::Binary,
        _ => Look::Utf8 { bom: false },
    }
}

/// Whether bytes that are not UTF-8 look like Windows-1252, the encoding of Western Excel.
///
/// Letters with an accent stand alone or in twos and threes among ASCII ones, in the right case;
/// signs and quotation marks do not stand inside a word. That tells it from Cyrillic, Greek and
/// East Asian encodings, from those of old Macs and DOS, and from UTF-8 with a few bad bytes in
/// it. It cannot tell Windows-1252 from the Latin encodings that differ in some letters only
/// (Windows-1250, Windows-1254), so a person should be told what was assumed.
pub(super) fn looks_like_windows_1252(bytes: &[u8]) -> bool {
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
    let signs: Vec<char> = text.chars().collect();
    let is_plausible = |(index, sign): (usize, &char)| {
        let before = if index == 0 { ' ' } else { signs[index - 1] };
        let after = signs.get(index + 1).copied().unwrap_or(' ');
        match sign {
            '\t' | '\r' | '\n' | ' '..='~' => true,
            'ƒ' | 'µ' => false,
            _ if SIGNS_IN_WORDS.contains(*sign) => true,
            _ if SIGNS_BESIDE_WORDS.contains(*sign) => {
                !(before.is_ascii_alphabetic() && after.is_ascii_alphabetic())
            }
            _ if sign.is_uppercase() => !before.is_ascii_lowercase(),
            _ => sign.is_lowercase(),
        }
    };
    signs.iter().enumerate().all(is_plausible)
        && !signs.windows(4).any(|four| four.iter().all(|sign| !sign.is_ascii()))
}

/// UTF-8 out of a text in another encoding, without its byte order mark.
pub(super) struct Decoded<R> {
    input: BufReader<R>,
    decoder: Decoder,
    text: Vec<u8>,
    /// What of the text is not handed out yet.
    pending: Range<usize>,
    line_feeds: u64,
    ended: bool,
    /// Reads along as UTF-8, until something is none.
    utf8: Option<Utf8>,
}

/// What is read along as UTF-8.
struct Utf8 {
    decoder: Decoder,
    text: Vec<u8>,
    has_signs: bool,
}

/// The text is UTF-8 and not what it is taken for: the inner error of an
/// [`io::ErrorKind::InvalidData`] at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct IsUtf8 {
    /// What it is taken for.
    encoding: &'static Encoding,
}

/// The text is not in the encoding it is taken for: the inner error of an
/// [`io::ErrorKind::InvalidData`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Malformed {
    /// What it is taken for.
    encoding: &'static Encoding,
    /// Physical line of the first bytes that are no character.
    line: u64,
}

/// Reads `input`, which is in `encoding` unless a byte order mark says otherwise.
///
/// Where bytes are no character of that encoding (half of a surrogate pair, one of the five
/// unused bytes of Windows-1252), reading fails with [`Malformed`]: a replacement character would
/// end up in somebody's name. Reading on after that is of no use.
///
/// A text in another encoding than UTF-16 that is UTF-8 from its beginning to its end, and not only
/// ASCII, fails there with [`IsUtf8`]: its accents were taken for two signs each.
pub(super) fn decoded<R: Read>(input: R, encoding: &'static Encoding) -> Decoded<R> {
    let is_utf16 = encoding == UTF_16LE || encoding == UTF_16BE;
    Decoded {
        input: BufReader::with_capacity(TEXT_BYTES, input),
        decoder: encoding.new_decoder(),
        text: vec![0; TEXT_BYTES],
        pending: 0..0,
        line_feeds: 0,
        ended: false,
        utf8: (!is_utf16).then(|| Utf8 {
            decoder: UTF_8.new_decoder_without_bom_handling(),
            text: vec![0; TEXT_BYTES],
            has_signs: false,
        }),
    }
}

impl Utf8 {
    /// Whether the text goes on as UTF-8.
    fn goes_on(&mut self, mut bytes: &[u8]) -> bool {
        self.has_signs |= !bytes.is_ascii();
        while !bytes.is_empty() {
            let (result, read, _) =
                self.decoder.decode_to_utf8_without_replacement(bytes, &mut self.text, false);
            if matches!(result, DecoderResult::Malformed(..)) {
                return false;
            }
            bytes = &bytes[read..];
        }
        true
    }
}

impl<R: Read> Decoded<R> {
    fn decode(&mut self) -> io::Result<()> {
        let bytes = self.input.fill_buf()?;
        let is_last = bytes.is_empty();
        let (result, read, written) =
            self.decoder.decode_to_utf8_without_replacement(bytes, &mut self.text, is_last);
        if self.utf8.as_mut().is_some_and(|utf8| !utf8.goes_on(&bytes[..read])) {
            self.utf8 = None;
        }
        self.input.consume(read);
        self.ended = is_last && result == DecoderResult::InputEmpty;
        let text = &self.text[..written];
        let encoding = self.decoder.encoding();
        let unused = if encoding == WINDOWS_1252 { unused_in_windows_1252(text) } else { None };
        let is_malformed = matches!(result, DecoderResult::Malformed(..)) || unused.is_some();
        let sound = &text[..unused.unwrap_or(written)];
        self.line_feeds += memchr_iter(b'\n', sound).count() as u64;
        if is_malformed {
            let malformed = Malformed { encoding, line: self.line_feeds + 1 };
            return Err(io::Error::new(io::ErrorKind::InvalidData, malformed));
        }
        if self.ended
            && encoding != UTF_8 // a byte order mark said so
            && self.utf8.as_ref().is_some_and(|utf8| utf8.has_signs)
        {
            return Err(io::Error::new(io::ErrorKind::InvalidData, IsUtf8 { encoding }));
        }
        self.pending = 0..written;
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.pending.is_empty() && !self.ended {
            self.decode()?;
        }
        let bytes = into.len().min(self.pending.len());
        let from = self.pending.start;
        into[..bytes].copy_from_slice(&self.text[from..from + bytes]);
        self.pending.start += bytes;
        Ok(bytes)
    }
}

/// Finds what the decoder makes of a byte that Windows-1252 does not use: a control character.
fn unused_in_windows_1252(text: &[u8]) -> Option<usize> {
    memchr_iter(0xC2, text)
        .find(|at| matches!(text.get(at + 1), Some(0x81 | 0x8D | 0x8F | 0x90 | 0x9D)))
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {} has bytes that are no character in {}, which the file seems to be written \
             in; export it as \"CSV UTF-8\"",
            self.line,
            self.encoding.name()
        )
    }
}

impl error::Error for Malformed {}

impl fmt::Display for IsUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.encoding.name();
        write!(
            f,
            "the connection says that the file is {name}, and it is UTF-8; take \"encoding\" out \
             of the connection, or its accents become other signs"
        )
    }
}

impl error::Error for IsUtf8 {}

/// The delimiter of a header in which a comma separates nothing: a semicolon, a tab or a vertical
/// bar, whichever is there most often outside of quotation marks.
pub(super) fn delimiter_of(line: &[u8]) -> Option<u8> {
    let count = |delimiter: u8| {
        let outside = line.split(|byte| *byte == b'"').step_by(2);
        outside.flat_map(|part| memchr_iter(delimiter, part)).count()
    };
    if count(b',') > 0 {
        return None;
    }
    b"|\t;".iter().copied().filter(|delimiter| count(*delimiter) > 0).max_by_key(|d| count(*d))
}

/// The delimiter named by `sep=;`, an instruction to Excel that may stand in the first line.
pub(super) fn separator_line(line: &[u8]) -> Option<u8> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let (delimiter, name) = line.split_last()?;
    let separates = (delimiter.is_ascii_punctuation() || *delimiter == b'\t') && *delimiter != b'"';
    (separates && name.eq_ignore_ascii_case(b"sep=")).then_some(*delimiter)
}

/// The byte order mark of UTF-8.
pub(super) const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

const LOOKS_LIKE_WINDOWS_1252: &str = "not UTF-8, it looks like Windows-1252; export the file as \
    \"CSV UTF-8\", or have it converted with \"encoding\": \"windows-1252\" in the connection";
const NOT_UTF8: &str = "not UTF-8; export the file as \"CSV UTF-8\", or name its encoding in the \
    connection";

/// What to say of bytes that are not UTF-8.
pub(super) fn not_utf8(bytes: &[u8]) -> &'static str {
    if looks_like_windows_1252(bytes) { LOOKS_LIKE_WINDOWS_1252 } else { NOT_UTF8 }
}

/// Notes what a file is, if it is no text; `is_converted` where its encoding was named.
pub(super) fn refuse_unless_text(look: Look, is_converted: bool, findings: &mut Findings) {
    let (rule, message) = match look {
        Look::Utf8 { .. } => return,
        Look::Utf16(_) if is_converted => return,
        Look::Empty => (Id::F01, "the file is empty"),
        Look::Utf16(_) => (
            Id::F04,
            "the file is UTF-16; export it as \"CSV UTF-8\", or have it converted with \
             \"encoding\": \"utf-16\" in the connection",
        ),
        Look::Zip => (
            Id::F02,
            "the file is a zip archive, perhaps an Excel workbook, and not a CSV; export it as \
             \"CSV UTF-8\"",
        ),
        Look::Gzip => (Id::F02, "the file is gzip-compressed and not a CSV; bring it uncompressed"),
        Look::Excel => {
            (Id::F02, "the file is an Excel workbook and not a CSV; export it as \"CSV UTF-8\"")
        }
        Look::Markup => (
            Id::F02,
            "the file is a web page or XML and not a CSV; perhaps a sign-in page was saved in its \
             place",
        ),
        Look::Binary => (Id::F02, "the file is no text; export it as \"CSV UTF-8\""),
    };
    findings.refuse(rule, &[], message.to_owned());
}

/// What to do about another delimiter than a comma.
pub(super) fn delimiter_remedy(delimiter: u8) -> String {
    let (word, name) = match delimiter {
        b'\t' => ("tabs", "tab"),
        b';' => ("semicolons", ";"),
        b'|' => ("bars", "|"),
        _ => return "export the file with commas".to_owned(),
    };
    format!(
        "the columns are separated by {word}; export the file with commas, or have it converted \
         with \"delimiter\": \"{name}\" in the connection"
    )
}

/// The fault of the file that an error of reading it stands for; `None` where reading failed.
pub(super) fn fault_of(error: &io::Error) -> Option<(Id, String)> {
    let inner = error.get_ref()?;
    let malformed = inner.downcast_ref::<Malformed>().map(|fault| (Id::F04, fault.to_string()));
    malformed.or_else(|| Some((Id::Q09, inner.downcast_ref::<IsUtf8>()?.to_string())))
}

#[cfg(test)]
mod tests;
