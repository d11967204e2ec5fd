//! Detects the format of a file by its first bytes, has the findings for files that are not UTF-8 with
//! commas, and converts other encodings to UTF-8.
//!
//! Only the signatures of well-known formats are certain. An encoding without a byte order mark is a guess,
//! and the caller must report it as one.

use std::{
    error, fmt,
    io::{self, BufRead, BufReader, Read},
    ops::Range,
};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use memchr::memchr_iter;

use super::findings::Findings;
use crate::schema::Id;

/// Bytes at the beginning of a file that [`detect`] uses: enough for the first names of a header.
const DETECT_BYTES: usize = 512;
/// UTF-8 decoded at a time.
const TEXT_BYTES: usize = 64 << 10;

/// Characters of Windows-1252 that can be inside a word: apostrophes, dashes, the dot of Catalan.
const SIGNS_IN_WORDS: &str = "’´–—·\u{A0}\u{AD}";
/// Characters of Windows-1252 that can be before or after a word.
const SIGNS_BESIDE_WORDS: &str = "€„…‘“”•™¡£§©ª«®°º»¿";

/// The format of a file by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileFormat {
    /// No bytes.
    Empty,
    /// UTF-8, unless a later byte is invalid.
    Utf8 {
        /// Whether it has a byte order mark.
        bom: bool,
    },
    /// UTF-16 of this endianness, with or without a byte order mark.
    Utf16(&'static Encoding),
    /// A zip archive, perhaps an Excel workbook.
    Zip,
    /// Compressed with gzip.
    Gzip,
    /// An old Excel workbook (.xls), or a newer one with a password.
    Excel,
    /// HTML or XML: a saved web page, or a table with a wrong extension.
    Markup,
    /// Anything else that is not text, because it has NUL bytes.
    Binary,
}

/// Detects the format of a file by its beginning. 512 bytes are enough; fewer can be misleading.
pub(super) fn detect(start: &[u8]) -> FileFormat {
    let start = &start[..start.len().min(DETECT_BYTES)];
    match start {
        [] => FileFormat::Empty,
        [0xEF, 0xBB, 0xBF, ..] => FileFormat::Utf8 { bom: true },
        [0xFF, 0xFE, ..] => FileFormat::Utf16(UTF_16LE),
        [0xFE, 0xFF, ..] => FileFormat::Utf16(UTF_16BE),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => FileFormat::Zip,
        [0x1F, 0x8B, ..] => FileFormat::Gzip,
        [0xD0, 0xCF, 0x11, 0xE0, ..] => FileFormat::Excel,
        _ if is_markup(start) => FileFormat::Markup,
        _ => without_mark(start),
    }
}

fn is_markup(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    [&b"<!doctype"[..], b"<html", b"<?xml", b"<table"]
        .iter()
        .any(|tag| start.get(..tag.len()).is_some_and(|bytes| bytes.eq_ignore_ascii_case(tag)))
}

/// Detects UTF-16 by NUL bytes at every other position, because a header is mostly ASCII.
fn without_mark(start: &[u8]) -> FileFormat {
    let pairs = start.chunks_exact(2);
    let is_most = |nuls: usize| nuls * 2 > start.len() / 2;
    let is_big_endian = is_most(pairs.clone().filter(|pair| pair[0] == 0).count());
    let is_little_endian = is_most(pairs.filter(|pair| pair[1] == 0).count());
    match (is_big_endian, is_little_endian) {
        (true, false) => FileFormat::Utf16(UTF_16BE),
        (false, true) => FileFormat::Utf16(UTF_16LE),
        _ if start.contains(&0) => FileFormat::Binary,
        _ => FileFormat::Utf8 { bom: false },
    }
}

/// Whether bytes that are not UTF-8 look like Windows-1252, the encoding of Western Excel.
///
/// In such text, at most three accented letters are next to each other among ASCII letters, in the right
/// case, and no symbol or quotation mark is inside a word. This excludes Cyrillic, Greek and East Asian
/// encodings, those of old Macs and DOS, and UTF-8 with a few invalid bytes. It does not exclude Latin
/// encodings that differ only in some letters (Windows-1250, Windows-1254), so the finding must name the
/// assumption.
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

/// Converts a text in another encoding to UTF-8, without its byte order mark.
pub(super) struct Decoded<R> {
    input: BufReader<R>,
    decoder: Decoder,
    text: Vec<u8>,
    /// The part of the text that is not returned yet.
    pending: Range<usize>,
    line_feeds: u64,
    ended: bool,
    /// Decodes the same bytes as UTF-8, until they are invalid.
    utf8: Option<Utf8>,
}

/// The state of decoding the same bytes as UTF-8.
struct Utf8 {
    decoder: Decoder,
    text: Vec<u8>,
    has_signs: bool,
}

/// The text is UTF-8 and not in the named encoding: the inner error of an
/// [`io::ErrorKind::InvalidData`] at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct IsUtf8 {
    /// The named encoding.
    encoding: &'static Encoding,
}

/// The text is not in the named encoding: the inner error of an [`io::ErrorKind::InvalidData`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Malformed {
    /// The named encoding.
    encoding: &'static Encoding,
    /// Physical line of the first invalid bytes.
    line: u64,
}

/// Reads `input`, which is in `encoding` unless a byte order mark names another one.
///
/// If bytes are invalid in that encoding (half of a surrogate pair, one of the five unused bytes of
/// Windows-1252), reading fails with [`Malformed`], because a replacement character would damage a name. Do
/// not read on after that.
///
/// If `encoding` is not UTF-16, and the whole text is UTF-8 and not only ASCII, reading fails at its end with
/// [`IsUtf8`], because each accented letter was decoded as two characters.
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
    /// Decodes more bytes. Returns whether they are valid.
    fn accepts(&mut self, mut bytes: &[u8]) -> bool {
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
        if self.utf8.as_mut().is_some_and(|utf8| !utf8.accepts(&bytes[..read])) {
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
            && encoding != UTF_8 // by a byte order mark
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

/// Finds the control character that the decoder writes for a byte that Windows-1252 does not use.
fn unused_in_windows_1252(text: &[u8]) -> Option<usize> {
    memchr_iter(0xC2, text)
        .find(|at| matches!(text.get(at + 1), Some(0x81 | 0x8D | 0x8F | 0x90 | 0x9D)))
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Line {} has bytes that are invalid in {}, the assumed encoding of the file. Export the file \
             as \"CSV UTF-8\".",
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
            "The connection names the encoding {name}, but the file is UTF-8. Remove \"encoding\" from \
             the connection. Otherwise, accented letters are damaged."
        )
    }
}

impl error::Error for IsUtf8 {}

/// The delimiter of a header without commas: a semicolon, a tab or a vertical bar, whichever is most frequent
/// outside quotation marks.
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

/// The delimiter in `sep=;`, an instruction to Excel that can be the first line.
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

const LOOKS_LIKE_WINDOWS_1252: &str = "The text is not UTF-8. It looks like Windows-1252. Export the file \
    as \"CSV UTF-8\", or add \"encoding\": \"windows-1252\" to the connection.";
const NOT_UTF8: &str = "The text is not UTF-8. Export the file as \"CSV UTF-8\", or add its \"encoding\" to \
    the connection.";

/// The text of the finding for bytes that are not UTF-8.
pub(super) fn not_utf8(bytes: &[u8]) -> &'static str {
    if looks_like_windows_1252(bytes) { LOOKS_LIKE_WINDOWS_1252 } else { NOT_UTF8 }
}

/// Adds a finding if the file is not text; `is_converted` if the connection names its encoding.
pub(super) fn reject_unless_text(format: FileFormat, is_converted: bool, findings: &mut Findings) {
    let (rule, message) = match format {
        FileFormat::Utf8 { .. } => return,
        FileFormat::Utf16(_) if is_converted => return,
        FileFormat::Empty => (Id::F01, "The file is empty. Export it again."),
        FileFormat::Utf16(_) => (
            Id::F04,
            "The file is UTF-16. Export it as \"CSV UTF-8\", or add \"encoding\": \"utf-16\" to the \
             connection.",
        ),
        FileFormat::Zip => (
            Id::F02,
            "The file is a zip archive (perhaps an Excel workbook), not a CSV. Export it as \
             \"CSV UTF-8\".",
        ),
        FileFormat::Gzip => (Id::F02, "The file is compressed with gzip. Upload it uncompressed."),
        FileFormat::Excel => {
            (Id::F02, "The file is an Excel workbook, not a CSV. Export it as \"CSV UTF-8\".")
        }
        FileFormat::Markup => (
            Id::F02,
            "The file is a web page or XML, not a CSV. Perhaps a sign-in page was saved instead. Export \
             the file again.",
        ),
        FileFormat::Binary => (Id::F02, "The file is not text. Export it as \"CSV UTF-8\"."),
    };
    findings.reject(rule, &[], message.to_owned());
}

/// The text of the finding for another delimiter than a comma.
pub(super) fn delimiter_remedy(delimiter: u8) -> String {
    let (word, name) = match delimiter {
        b'\t' => ("tabs", "tab"),
        b';' => ("semicolons", ";"),
        b'|' => ("vertical bars", "|"),
        _ => return "Export the file with commas.".to_owned(),
    };
    format!(
        "The columns are separated by {word}. Export the file with commas, or add \"delimiter\": \
         \"{name}\" to the connection."
    )
}

/// The fault of the file that a read error represents; `None` if the read itself failed.
pub(super) fn fault_of(error: &io::Error) -> Option<(Id, String)> {
    let inner = error.get_ref()?;
    let malformed = inner.downcast_ref::<Malformed>().map(|fault| (Id::F04, fault.to_string()));
    malformed.or_else(|| Some((Id::Q09, inner.downcast_ref::<IsUtf8>()?.to_string())))
}

#[cfg(test)]
mod tests;
