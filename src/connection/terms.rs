//! The terms on which a document has files checked.

use super::{Connection, mapping};
use crate::{
    check::{Day, Metadata, Terms},
    schema::{Connector, Dialect, Fault, Limits, Mapping, document},
};

impl Connection {
    /// The terms of its files.
    #[must_use]
    pub fn terms(&self, limits: &Limits, today: Day) -> Terms {
        Terms {
            mapping: Mapping::Fields(self.mapping.clone()),
            connector: self.caller.connector,
            refresh: self.refresh,
            checks: self.checks.clone(),
            dialect: self.dialect.clone(),
            ..Terms::without(limits, today)
        }
    }
}

/// The terms a document gives: a connection, a mapping alone, or a metadata.json of Microsoft's; and
/// the connector, where it is a connection.
///
/// # Errors
/// Every fault of a document that is none of the three.
pub fn terms(
    document: &[u8],
    limits: &Limits,
    today: Day,
) -> Result<(Terms, Option<Connector>), Vec<Fault>> {
    let mut terms = Terms::without(limits, today);
    match Document::of(document) {
        Document::Metadata => terms.take(Metadata::read(document, &Dialect::default())),
        Document::Connection => {
            let terms = Connection::parse("given", document)?.terms(limits, today);
            let connector = terms.connector;
            return Ok((terms, Some(connector)));
        }
        Document::Mapping => terms.mapping = Mapping::Fields(mapping(document)?),
    }
    Ok((terms, None))
}

/// Which of the three a document is, by the names at its top.
enum Document {
    Metadata,
    Connection,
    Mapping,
}

impl Document {
    fn of(document: &[u8]) -> Self {
        let top: serde_json::Value =
            serde_json::from_slice(document::unmarked(document)).unwrap_or_default();
        if top.get("DatasetType").is_some() || top.get("IsBootstrap").is_some() {
            Self::Metadata
        } else if top.get("tenantId").is_some() || top.get("mapping").is_some() {
            Self::Connection
        } else {
            Self::Mapping
        }
    }
}
