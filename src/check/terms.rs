//! On which terms a file is checked: its mapping, what it does, and the limits.

use encoding_rs::Encoding;

use super::{
    date::Day,
    metadata::Metadata,
    rules::{Id, Severity},
    summary::Summary,
};
use crate::{
    connection::{self, Connection, Connector, Dialect, Fault, Field, json},
    run::Refresh,
};

/// What becomes of columns that the mapping does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmapped {
    /// They are cut and never leave.
    Drop,
    /// The file is refused.
    Refuse,
}

impl Unmapped {
    /// What a word of a setting or a connection says.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "drop" => Some(Self::Drop),
            "refuse" => Some(Self::Refuse),
            _ => None,
        }
    }
}

/// Limits that are settings, because nobody has seen the service's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub max_file_bytes: u64,
    /// Most memory for people and their managers, in bytes.
    pub max_people_bytes: u64,
    /// By how many per cent rows or people may fall from one full refresh to the next.
    pub max_shrink_percent: u64,
    /// Columns that are not mapped, where the connection does not say.
    pub unmapped: Unmapped,
}

/// How a connection wants its files checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// "Upload valid rows and exclude rows with invalid data".
    pub lenient: bool,
    /// Columns that are not mapped; the setting's word where it is `None`.
    pub unmapped: Option<Unmapped>,
    /// The file's encoding where it is not UTF-8; it is converted.
    pub encoding: Option<&'static Encoding>,
    /// What separates the columns where it is no comma; it is converted.
    pub delimiter: Option<u8>,
    /// Rules with a lower severity, or none.
    pub rules: Vec<(Id, Option<Severity>)>,
}

/// What a file's columns are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// A connection's: the file may lack fields and may have other columns.
    Fields(Vec<Field>),
    /// A metadata.json of Microsoft's, taken literally: fields and header are the same set.
    Literal(Vec<Field>),
    /// None: columns with Viva's own names are those fields, all others custom text.
    Names,
}

/// A person's word that a file may delete people or columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionApproval {
    /// Who, or how.
    pub by: String,
    /// What the file was when the person said so; `None` where the word goes for whatever it is.
    pub seen: Option<Summary>,
}

/// On which terms a file is checked.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What its columns are.
    pub mapping: Mapping,
    /// Which connector takes it.
    pub connector: Connector,
    /// What it does to the data that is there.
    pub refresh: Refresh,
    /// How strictly.
    pub checks: Checks,
    /// How the service is told what the file is.
    pub dialect: Dialect,
    /// How much.
    pub limits: Limits,
    /// The last accepted import it is held against.
    pub previous: Option<Summary>,
    /// Who let the file pass though it deletes people or columns.
    pub allowed: Option<DeletionApproval>,
    /// The day of the upload.
    pub today: Day,
    /// Whether the report shows values. Never in the road.
    pub show_values: bool,
    /// What was found before the file is read: in its metadata.json, or in its zip.
    pub(super) found: Vec<(Id, Severity, String)>,
}

impl Terms {
    /// The terms of a connection's file.
    #[must_use]
    pub fn of(connection: &Connection, limits: &Limits, today: Day) -> Self {
        Self {
            mapping: Mapping::Fields(connection.mapping.clone()),
            connector: connection.caller.connector,
            refresh: connection.refresh,
            checks: connection.checks.clone(),
            dialect: connection.dialect.clone(),
            ..Self::without(limits, today)
        }
    }

    /// The terms a document gives: a connection, a mapping alone, or a metadata.json of
    /// Microsoft's.
    ///
    /// # Errors
    /// Every fault of a document that is none of the three.
    pub fn read(document: &[u8], limits: &Limits, today: Day) -> Result<Self, Vec<Fault>> {
        let mut terms = Self::without(limits, today);
        match Document::of(document) {
            Document::Metadata => {
                terms.take(Metadata::read(document, &Dialect::default()));
            }
            Document::Connection => {
                terms = Self::of(&Connection::parse("given", document)?, limits, today);
            }
            Document::Mapping => {
                terms.mapping = Mapping::Fields(connection::mapping(document)?);
            }
        }
        Ok(terms)
    }

    /// The terms without any document: a full refresh of Viva's own names.
    #[must_use]
    pub fn without(limits: &Limits, today: Day) -> Self {
        Self {
            mapping: Mapping::Names,
            connector: Connector::Hr,
            refresh: Refresh::Full,
            checks: Checks::default(),
            dialect: Dialect::default(),
            limits: limits.clone(),
            previous: None,
            allowed: None,
            today,
            show_values: false,
            found: vec![],
        }
    }

    /// Takes a metadata.json literally.
    pub(super) fn take(&mut self, metadata: Metadata) {
        self.connector = metadata.connector.unwrap_or(Connector::Hr);
        self.refresh = metadata.refresh.unwrap_or(Refresh::Full);
        self.mapping = Mapping::Literal(metadata.fields);
        self.found.extend(metadata.faults);
    }

    /// What becomes of columns that are not mapped.
    pub(super) fn unmapped(&self) -> Unmapped {
        self.checks.unmapped.unwrap_or(self.limits.unmapped)
    }

    /// Whether columns that are not mapped are cut, so that nothing about them matters.
    pub(super) fn cuts(&self) -> bool {
        matches!(self.mapping, Mapping::Fields(_)) && self.unmapped() == Unmapped::Drop
    }

    pub(super) fn delimiter(&self) -> u8 {
        self.checks.delimiter.unwrap_or(b',')
    }
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
            serde_json::from_slice(json::unmarked(document)).unwrap_or_default();
        if top.get("DatasetType").is_some() || top.get("IsBootstrap").is_some() {
            Self::Metadata
        } else if top.get("tenantId").is_some() || top.get("mapping").is_some() {
            Self::Connection
        } else {
            Self::Mapping
        }
    }
}
