//! The files of a world: each is known by its content.

use std::io::{Cursor, Read as _};

use super::To;

/// Stands in every cell that can hold it and must stand nowhere else.
pub(super) const MARKER: &str = "zq7marker";

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing is wrong with it.
    Right,
    /// Nothing but that a column is not in it which is in the right ones.
    Narrow,
    /// It has a date that is none.
    Wrong,
}

/// A file that was in the inbox at some time.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) to: To,
    /// The blob's name.
    pub(super) name: String,
    /// Bare.
    pub(super) etag: String,
    pub(super) content: Vec<u8>,
    pub(super) kind: Kind,
}

impl File {
    /// Data rows of every file.
    pub(super) const ROWS: u64 = 2;

    /// The `number`-th file of a world.
    pub(super) fn new(number: usize, to: To, name: &str, kind: Kind) -> Self {
        let head = format!("{MARKER}{number}@contoso.com");
        let date = if kind == Kind::Wrong { MARKER } else { "11/01/2025" };
        let (column, cell) =
            if kind == Kind::Narrow { ("", "") } else { (",Location", ",zq7marker") };
        let content = format!(
            "Employee,EffectiveDate,Manager,Organization{column}\n\
             {head},{date},,{MARKER}{number}{cell}\n\
             {MARKER}{number}b@contoso.com,11/01/2025,{head},{MARKER}{number}{cell}\n"
        );
        let (name, content) = (name.to_owned(), content.into_bytes());
        Self { to, name, etag: String::new(), content, kind }
    }
}

/// The content in a zip that was pushed.
pub(super) fn pushed_content(zip: &[u8]) -> Vec<u8> {
    let mut content = vec![];
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    archive.by_name("data.csv").unwrap().read_to_end(&mut content).unwrap();
    content
}
