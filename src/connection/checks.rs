//! The options with which a file is checked, from a connection or from another document.

use encoding_rs::Encoding;

use super::{Connection, mapping, members};
use crate::{
    check::{CheckOptions, Day, Metadata},
    schema::{Connector, Dialect, Fault, Limits, Mapping, document},
};

/// The encoding from which a file is converted; `None` for UTF-8, which is not converted.
pub(super) fn encoding(named: &members::Encoding) -> Option<&'static Encoding> {
    let encoding = Encoding::for_label_no_replacement(named.0.as_bytes());
    encoding.filter(|encoding| *encoding != encoding_rs::UTF_8)
}

/// The delimiter of columns; `None` for a comma, which is not converted.
pub(super) fn delimiter(named: &members::Delimiter) -> Option<u8> {
    match named.0.as_str() {
        "," => None,
        "tab" => Some(b'\t'),
        byte => Some(byte.as_bytes()[0]),
    }
}

impl Connection {
    /// The options with which its files are checked.
    #[must_use]
    pub fn check_options(&self, limits: &Limits, today: Day) -> CheckOptions {
        CheckOptions {
            mapping: Mapping::Fields(self.mapping.clone()),
            target: self.caller.target,
            connector: self.caller.connector,
            refresh: self.refresh,
            checks: self.checks.clone(),
            dialect: self.dialect.clone(),
            ..CheckOptions::without(limits, today)
        }
    }
}

/// The options of a document: a connection, a mapping, or Microsoft's metadata.json, which should follow
/// `dialect`; and the connector, if the document names one.
///
/// # Errors
/// All faults of a document that is none of the three.
pub fn check_options(
    document: &[u8],
    dialect: &Dialect,
    limits: &Limits,
    today: Day,
) -> Result<(CheckOptions, Option<Connector>), Vec<Fault>> {
    let mut options = CheckOptions::without(limits, today);
    match Document::of(document) {
        Document::Metadata => {
            let metadata = Metadata::read(document, dialect);
            let connector = metadata.connector;
            options.take(metadata);
            options.dialect.clone_from(dialect);
            options.document = Some(document.to_vec());
            return Ok((options, connector));
        }
        Document::Connection => {
            let options = Connection::draft("given", document)?.check_options(limits, today);
            let connector = options.connector;
            return Ok((options, Some(connector)));
        }
        Document::Mapping => {
            let mut fields = mapping(document)?;
            for field in &mut fields {
                dialect.translate(field);
            }
            options.mapping = Mapping::Fields(fields);
        }
    }
    Ok((options, None))
}

/// Which of the three a document is, by its members.
enum Document {
    Metadata,
    Connection,
    Mapping,
}

impl Document {
    fn of(document: &[u8]) -> Self {
        let top: serde_json::Value =
            serde_json::from_slice(document::unmarked(document)).unwrap_or_default();
        if Dialect::FIXED_KEYS.iter().any(|key| top.get(key).is_some()) {
            Self::Metadata
        } else if top.get("tenantId").is_some() || top.get("mapping").is_some() {
            Self::Connection
        } else {
            Self::Mapping
        }
    }
}
