//! What is said about a file that is not what it should be: UTF-8 with commas.

use std::io;

use super::{
    findings::Findings,
    text::{self, IsUtf8, Look, Malformed},
};
use crate::schema::Id;

/// The byte order mark of UTF-8.
pub(super) const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

const WINDOWS_1252: &str = "not UTF-8, it looks like Windows-1252; export the file as \"CSV \
                            UTF-8\", or have it converted with \"encoding\": \"windows-1252\" in \
                            the connection";
const OTHER: &str = "not UTF-8; export the file as \"CSV UTF-8\", or name its encoding in the \
                     connection";

/// What to say of bytes that are not UTF-8.
pub(super) fn not_utf8(bytes: &[u8]) -> &'static str {
    if text::looks_like_windows_1252(bytes) { WINDOWS_1252 } else { OTHER }
}

/// Notes what a file is, if it is no text; `is_converted` where its encoding was named.
pub(super) fn hold(look: Look, is_converted: bool, findings: &mut Findings) {
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
pub(super) fn other_delimiter(delimiter: u8) -> String {
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
