//! The check of a pushed zip, or of rows without a zip: which statuses the ingestion will have, and its errors.

use std::collections::HashSet;
use std::io::{self, Cursor, Read};

use serde_json::Value;
use sha2::{Digest, Sha256};
use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};
use zip::result::{ZipError, ZipResult};

use crate::schema::PayloadFormat;

// The pages of Microsoft spell it ExtractionComplete. The README of its samples, which describes the stuck
// ingestions, spells it ExtractionCompleted (May 2023). Both are used, so that a client must accept both. A rule of
// this mock: an ingestion is MISNAMED unless its zip consists of one .csv and one .json at the root, in any case.
const CORRUPT: &[&str] = &[];
const MISNAMED: &[&str] = &["ExtractionCompleted"];
const INVALID: &[&str] = &["ExtractionComplete", "ValidationFailed"];
const GOOD: &[&str] = &["ExtractionComplete", "Completed"];

/// The contents of a zip, and the statuses that its ingestion will have.
#[derive(Default)]
pub(super) struct Verdict {
    pub(super) ahead: &'static [&'static str],
    pub(super) zip_sha256: String,
    pub(super) entries: Vec<String>,
    pub(super) is_bootstrap: Option<bool>,
    pub(super) mapping: Vec<(String, String)>,
    pub(super) rows: u64,
    pub(super) errors: String,
}

/// Reads the whole zip and checks it for this connector.
pub(super) fn check_zip(zip: &[u8], connector: &str) -> Verdict {
    let zip_sha256 = format!("{:x}", Sha256::digest(zip));
    let mut verdict = Verdict { ahead: CORRUPT, zip_sha256, ..Verdict::default() };
    // Invalid contents are in the verdict. An error here means that the zip is corrupt.
    let _ = verdict.read(zip, connector);
    verdict
}

/// Checks rows without a metadata.json. Their mapping is in the portal and not known here, so they only need a
/// column PersonId.
pub(super) fn check_rows(rows: &[u8], upload: PayloadFormat) -> Verdict {
    let zip_sha256 = format!("{:x}", Sha256::digest(rows));
    let mut verdict = Verdict { zip_sha256, ..Verdict::default() };
    let columns = match upload {
        PayloadFormat::Json => verdict.read_list(rows),
        PayloadFormat::Zip | PayloadFormat::Csv => verdict.read_table(rows),
    };
    if !columns.iter().any(|column| column == "PersonId") {
        verdict.fault(Some(1), "There is no column PersonId.");
    }
    verdict.ahead = if verdict.errors.is_empty() { GOOD } else { INVALID };
    verdict
}

impl Verdict {
    fn read(&mut self, zip: &[u8], connector: &str) -> ZipResult<()> {
        // ZipArchive of .NET, which the service uses, reads the directory and the entries only where the offsets
        // say. It finds nothing there if bytes before the archive are not counted.
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let mut archive = ZipArchive::with_config(config, Cursor::new(zip))?;
        // .NET opens such a zip. It is not known what the service does with it.
        if archive.has_duplicate_names() {
            return Err(ZipError::InvalidArchive("two entries have the same name".into()));
        }
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index)?;
            // At the end of an entry its checksum is compared.
            io::copy(&mut entry, &mut io::sink())?;
            self.entries.push(entry.name()?.into_owned());
        }
        let (Some(csv), Some(json), 2) =
            (self.only(".csv"), self.only(".json"), self.entries.len())
        else {
            self.ahead = MISNAMED;
            return Ok(());
        };
        let mut text = Vec::new();
        archive.by_name(&json)?.read_to_end(&mut text)?;
        self.read_metadata(&text, connector);
        self.read_rows(archive.by_name(&csv)?);
        self.ahead = if self.errors.is_empty() { GOOD } else { INVALID };
        Ok(())
    }

    /// The only entry at the root whose name has this end. The pages of Microsoft print `data.csv` and `Data.csv`,
    /// `metadata.json`, `Metadata.json` and `meta.json`. It is not known which names the service accepts.
    fn only(&self, end: &str) -> Option<String> {
        let is_found = |name: &&String| {
            name.to_ascii_lowercase().ends_with(end) && !name.contains(['/', '\\'])
        };
        let mut found = self.entries.iter().filter(is_found);
        found.next().filter(|_| found.next().is_none()).cloned()
    }

    fn read_metadata(&mut self, text: &[u8], connector: &str) {
        let Ok(metadata) = serde_json::from_slice::<Value>(without_mark(text)) else {
            return self.fault(None, "metadata.json is not valid JSON.");
        };
        if metadata["DatasetType"] != connector {
            self.fault(None, &format!("DatasetType in metadata.json is not {connector}."));
        }
        // All spellings of a template, because it is not known which the service accepts.
        let value = &metadata["IsBootstrap"];
        let text = value.as_str().and_then(|text| text.to_ascii_lowercase().parse().ok());
        self.is_bootstrap = value.as_bool().or(text);
        if self.is_bootstrap.is_none() {
            self.fault(None, "IsBootstrap in metadata.json is neither \"true\" nor \"false\".");
        }
        // The page on HR data has Mapping, the sample on the page on business data ColumnMap.
        let mapping = metadata.get("Mapping").or_else(|| metadata.get("ColumnMap"));
        let Some(mapping) = mapping.and_then(Value::as_object) else {
            return self.fault(None, "metadata.json has no Mapping.");
        };
        for (column, field) in mapping {
            let (Some(name), Some(_)) = (field["name"].as_str(), field["type"].as_str()) else {
                self.fault(None, &format!("The mapping of {column} lacks its name or type."));
                continue;
            };
            self.mapping.push((column.clone(), name.into()));
        }
    }

    fn read_rows(&mut self, csv: impl Read) {
        let header = self.read_table(csv);
        self.compare(&header);
    }

    /// The members of the first row object.
    fn read_list(&mut self, rows: &[u8]) -> Vec<String> {
        let Ok(rows) =
            serde_json::from_slice::<Vec<serde_json::Map<String, Value>>>(without_mark(rows))
        else {
            self.fault(None, "The body is not a JSON array of objects.");
            return vec![];
        };
        self.rows = rows.len() as u64;
        rows.first().map(|row| row.keys().cloned().collect()).unwrap_or_default()
    }

    /// The header.
    fn read_table(&mut self, csv: impl Read) -> Vec<String> {
        let mut reader = csv::Reader::from_reader(csv);
        let header = reader.headers().map(|header| header.iter().map(Into::into).collect());
        let header: Vec<String> = header.unwrap_or_default();
        if header.is_empty() {
            self.fault(Some(1), "The header cannot be read.");
        }
        for record in reader.records() {
            self.rows += 1;
            let row = Some(self.rows + 1);
            match record.map_err(csv::Error::into_kind) {
                Ok(_) => {}
                Err(csv::ErrorKind::UnequalLengths { expected_len, len, .. }) => self.fault(
                    row,
                    &format!("The row has {len} columns and the header {expected_len}."),
                ),
                Err(_) => self.fault(row, "The row is not UTF-8."),
            }
        }
        header
    }

    fn compare(&mut self, header: &[String]) {
        if header.len() != self.mapping.len() {
            let mapped = self.mapping.len();
            let message = format!(
                "metadata.json maps {mapped} fields and the file has {} columns.",
                header.len()
            );
            self.fault(Some(1), &message);
        }
        let columns: HashSet<_> = header.iter().cloned().collect();
        let mapped: HashSet<_> = self.mapping.iter().map(|(column, _)| column.clone()).collect();
        for column in header.iter().filter(|column| !mapped.contains(*column)) {
            self.fault(Some(1), &format!("Column {column} is not in metadata.json."));
        }
        for column in mapped.difference(&columns) {
            self.fault(Some(1), &format!("Field {column} of metadata.json is not in the file."));
        }
    }

    /// Adds a line to the error stream. The header is row 1.
    fn fault(&mut self, row: Option<u64>, message: &str) {
        if self.errors.is_empty() {
            self.errors.push_str("Row,Level,Message\r\n");
        }
        let row = row.map(|row| row.to_string()).unwrap_or_default();
        let message = message.replace('"', "\"\"");
        self.errors.extend([&row, ",Error,\"", &message, "\"\r\n"]);
    }
}

/// The text after its byte order mark, which the readers of .NET skip. The reader of the rows skips it too.
fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}
