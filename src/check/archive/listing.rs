//! Checks the entries of the directory: one csv and one json at the root, with the usual compression, and
//! nothing else. Defines the fault of a zip.

use std::{
    error::Error,
    fmt,
    io::{self, Read, Seek},
};

use zip::read::ZipFileEntry;
use zip::{CompressionMethod, ZipArchive};

use crate::{
    check::mapping::MAX_METADATA_BYTES,
    schema::{Id, Severity},
};

const NAMES_SHOWN: usize = 3;
const NAME_CHARS: usize = 80;

/// A fault of the zip, as data for the report.
#[derive(Clone, Debug)]
pub(in crate::check) struct Fault {
    /// The rule.
    pub(in crate::check) rule: Id,
    /// Whether it rejects the file; otherwise it is a warning.
    pub(super) is_error: bool,
    /// What is wrong and what to do.
    pub(in crate::check) message: String,
}

impl Fault {
    pub(super) fn error(rule: Id, message: impl Into<String>) -> Self {
        Self { rule, is_error: true, message: message.into() }
    }

    /// Its severity.
    pub(in crate::check) fn severity(&self) -> Severity {
        if self.is_error { Severity::Error } else { Severity::Warning }
    }

    fn warning(rule: Id, message: impl Into<String>) -> Self {
        Self { is_error: false, ..Self::error(rule, message) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for Fault {}

/// An entry of the directory.
pub(super) struct Entry<'a> {
    file: ZipFileEntry<'a>,
    name: String,
    kind: Kind,
    /// The unpacked size that the directory states.
    pub(super) bytes: u64,
}

/// The kind of an entry, by its name.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Csv,
    Json,
    Folder,
    /// A file that macOS or Windows adds automatically.
    Litter,
    Other,
}

impl Kind {
    fn of(name: &str) -> Self {
        let mut parts = name.split(['/', '\\']);
        let last = parts.clone().next_back().unwrap_or_default();
        let is_litter = [".DS_Store", "Thumbs.db", "desktop.ini"]
            .iter()
            .any(|litter| litter.eq_ignore_ascii_case(last));
        if is_litter || last.starts_with("._") || parts.next() == Some("__MACOSX") {
            return Self::Litter;
        }
        match last.rsplit_once('.') {
            _ if last.is_empty() => Self::Folder,
            Some((_, extension)) if extension.eq_ignore_ascii_case("csv") => Self::Csv,
            Some((_, extension)) if extension.eq_ignore_ascii_case("json") => Self::Json,
            _ => Self::Other,
        }
    }
}

impl Entry<'_> {
    fn is_wanted(&self) -> bool {
        matches!(self.kind, Kind::Csv | Kind::Json)
    }

    fn has_path(&self) -> bool {
        self.name.contains(['/', '\\', ':'])
    }

    fn is_deflated(&self) -> bool {
        let method = self.file.compression();
        matches!(method, CompressionMethod::Deflated | CompressionMethod::Stored)
    }
}

/// Entries with the same fault: the condition, their name, and what to do.
type Group = (fn(&Entry<'_>) -> bool, &'static str, &'static str);

const ERRORS: &[Group] = &[
    (
        |entry| entry.kind == Kind::Folder,
        "Folders in the zip",
        "Zip the two files themselves, not their folder.",
    ),
    (
        |entry| entry.kind == Kind::Litter,
        "Files that macOS or Windows added to the zip",
        "Zip only data.csv and metadata.json, on macOS with `zip -X info.zip data.csv metadata.json`.",
    ),
    (
        |entry| entry.kind == Kind::Other,
        "Files in the zip that are neither .csv nor .json",
        "Remove them.",
    ),
    (
        |entry| entry.is_wanted() && entry.has_path(),
        "Files that are not at the root of the zip",
        "Zip the two files themselves, without a folder.",
    ),
    (
        |entry| entry.file.is_symlink(),
        "Symbolic links in the zip",
        "Zip the files that they point to.",
    ),
    (
        |entry| entry.is_wanted() && entry.file.encrypted(),
        "Encrypted files in the zip",
        "Zip them without a password.",
    ),
    (
        |entry| entry.is_wanted() && !entry.file.encrypted() && !entry.is_deflated(),
        "Files in the zip with another compression method than Deflate",
        "Zip them with the default method.",
    ),
];

/// The entries in the order of the directory.
pub(super) fn entries<R: Read + Seek>(zip: &ZipArchive<R>) -> io::Result<Vec<Entry<'_>>> {
    (0..zip.len())
        .map(|index| {
            let file = zip.by_index_data(index)?;
            let name = file.name().unwrap_or_default().into_owned();
            Ok(Entry { kind: Kind::of(&name), bytes: file.size(), name, file })
        })
        .collect()
}

/// The index of the entry of this kind, if the zip has exactly one.
pub(super) fn only(kind: Kind, entries: &[Entry<'_>]) -> Option<usize> {
    let is_kind = |entry: &Entry<'_>| entry.kind == kind;
    let first = entries.iter().position(is_kind)?;
    (entries.iter().rposition(is_kind) == Some(first)).then_some(first)
}

/// The faults of the entries, errors before warnings; `names` are the expected names of the two files.
pub(super) fn faults(entries: &[Entry<'_>], max_bytes: u64, names: [&str; 2]) -> Vec<Fault> {
    let of_kind = |kind| entries.iter().filter(move |entry| entry.kind == kind);
    let mut faults = Vec::new();
    let (csvs, jsons) = (of_kind(Kind::Csv).count(), of_kind(Kind::Json).count());
    if (csvs, jsons) != (1, 1) {
        let message = format!(
            "The zip must contain exactly one .csv file and one .json file (found: {csvs} .csv, {jsons} \
             .json). Create a new zip: `zip -X info.zip data.csv metadata.json`."
        );
        faults.push(Fault::error(Id::F05, message));
    }
    let error = |message| Fault::error(Id::F05, message);
    faults.extend(ERRORS.iter().filter_map(|group| of_group(entries, group)).map(error));
    if of_kind(Kind::Csv).any(|entry| entry.bytes == 0) {
        let message = "The .csv file in the zip is empty. Export it again.";
        faults.push(Fault::error(Id::F06, message));
    }
    if of_kind(Kind::Json).any(|entry| entry.bytes == 0) {
        faults.push(empty_json());
    }
    if of_kind(Kind::Json).any(|entry| entry.bytes > MAX_METADATA_BYTES) {
        let message = "The .json file in the zip is larger than 1 MiB, so it is not a metadata.json. It \
            must contain the mapping and no data.";
        faults.push(Fault::error(Id::F08, message));
    }
    if of_kind(Kind::Csv).any(|entry| entry.bytes > max_bytes) {
        let message = format!(
            "The .csv file in the zip unpacks to more than {max_bytes} bytes, the limit. Export fewer \
             rows or columns, or raise MAX_FILE_BYTES if the service accepts more."
        );
        faults.push(Fault::error(Id::F09, message));
    }
    let is_misnamed = |entry: &&Entry<'_>| {
        entry.is_wanted() && !entry.has_path() && !names.contains(&&*entry.name)
    };
    let called = format!("Names other than {} and {}", names[0], names[1]);
    let remedy = "Rename the files, because the service once never finished with other names.";
    let misnamed = sentence(entries.iter().filter(is_misnamed), &called, remedy);
    faults.extend(misnamed.map(|message| Fault::warning(Id::F05, message)));
    faults
}

/// The fault of an empty json.
pub(super) fn empty_json() -> Fault {
    let message = "The .json file in the zip is empty. Write the mapping of the columns into it.";
    Fault::error(Id::F07, message)
}

fn of_group(entries: &[Entry<'_>], &(has, called, remedy): &Group) -> Option<String> {
    sentence(entries.iter().filter(|entry| has(entry)), called, remedy)
}

fn sentence<'a>(
    entries: impl Iterator<Item = &'a Entry<'a>>,
    called: &str,
    remedy: &str,
) -> Option<String> {
    let names: Vec<_> = entries.map(shown).collect();
    let count = names.len();
    let more = if count > NAMES_SHOWN { ", …" } else { "" };
    let names = names[..count.min(NAMES_SHOWN)].join(", ");
    (count > 0).then(|| format!("{called}: {count} ({names}{more}). {remedy}"))
}

/// The name, if it can be shown in a sentence.
fn shown(entry: &Entry<'_>) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ';
    let chars = entry.name.chars().count();
    if (1..=NAME_CHARS).contains(&chars) && entry.name.chars().all(is_plain) {
        format!("`{}`", entry.name)
    } else {
        format!("a name of {chars} characters that cannot be shown here")
    }
}
