//! The files of a world: each is identified by its content.

use std::io::{Cursor, Read as _};

use super::To;

/// A text in every cell that can hold it. It must not appear anywhere else.
pub(super) const MARKER: &str = "zq7marker";

/// The content of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A valid file.
    Right,
    /// A valid file without a column that the other valid files have.
    Narrow,
    /// A valid file of two months before the others. It differs for full refreshes only: it is an older snapshot.
    Older,
    /// A file with an invalid date.
    Wrong,
}

/// A file that was uploaded at some time.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) to: To,
    /// The blob's name.
    pub(super) name: String,
    /// Without quotation marks.
    pub(super) etag: String,
    pub(super) content: Vec<u8>,
    pub(super) kind: Kind,
}

impl File {
    /// Data rows of every file.
    pub(super) const ROWS: u64 = 2;

    /// The file with this number in a world.
    pub(super) fn new(number: usize, to: To, name: &str, kind: Kind) -> Self {
        let head = format!("{MARKER}{number}@contoso.com");
        let day = if kind == Kind::Older { "09/01/2025" } else { "11/01/2025" };
        let date = if kind == Kind::Wrong { MARKER } else { day };
        let (column, cell) =
            if kind == Kind::Narrow { ("", "") } else { (",Location", ",zq7marker") };
        let content = format!(
            "Employee,EffectiveDate,Manager,Organization{column}\n\
             {head},{date},,{MARKER}{number}{cell}\n\
             {MARKER}{number}b@contoso.com,{day},{head},{MARKER}{number}{cell}\n"
        );
        let (name, content) = (name.to_owned(), content.into_bytes());
        Self { to, name, etag: String::new(), content, kind }
    }
}

/// The content of a zip that was pushed.
pub(crate) fn pushed_content(zip: &[u8]) -> Vec<u8> {
    let mut content = vec![];
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    archive.by_name("data.csv").unwrap().read_to_end(&mut content).unwrap();
    content
}
