//! How a connection has its files checked: the members that say it, and what a document that stands
//! alone gives.

use encoding_rs::Encoding;
use serde_json::{Map, Value};

use super::{Connection, Reader, kind_of, mapping};
use crate::{
    check::{CheckOptions, Day, Metadata},
    schema::{
        Checks, Connector, Dialect, Fault, Id, Limits, Mapping, Severity, Unmapped, document,
    },
};

/// The members, all optional.
pub(super) const KNOWN: [&str; 5] =
    ["lenient", "unmappedColumns", "encoding", "delimiter", "rules"];

impl Reader {
    pub(super) fn checks(&mut self, members: &Map<String, Value>) -> Checks {
        Checks {
            lenient: self.boolean(members, "lenient"),
            unmapped: self.unmapped(members),
            encoding: self.encoding(members),
            delimiter: self.delimiter(members),
            rules: self.rules(members),
        }
    }

    fn unmapped(&mut self, members: &Map<String, Value>) -> Option<Unmapped> {
        let word = self.optional_text("", members, "unmappedColumns")?;
        let unmapped = word.parse().ok();
        if unmapped.is_none() {
            self.fault("/unmappedColumns", "must be \"drop\" or \"refuse\"");
        }
        unmapped
    }

    /// `None` is UTF-8, which is not converted.
    fn encoding(&mut self, members: &Map<String, Value>) -> Option<&'static Encoding> {
        let word = self.optional_text("", members, "encoding")?;
        let encoding = Encoding::for_label_no_replacement(word.as_bytes());
        if encoding.is_none() {
            let what = "must be an encoding's name, like \"utf-8\", \"utf-16\" or \"windows-1252\"";
            self.fault("/encoding", what);
        }
        encoding.filter(|encoding| *encoding != encoding_rs::UTF_8)
    }

    fn delimiter(&mut self, members: &Map<String, Value>) -> Option<u8> {
        let delimiter = match members.get("delimiter")?.as_str() {
            Some("tab") => Some(b'\t'),
            Some(text) => match text.as_bytes() {
                [byte @ (b',' | b';' | b'\t' | b'|')] => Some(*byte),
                _ => None,
            },
            None => None,
        };
        if delimiter.is_none() {
            self.fault("/delimiter", "must be \",\", \";\", \"|\" or \"tab\"");
        }
        delimiter.filter(|delimiter| *delimiter != b',')
    }

    fn rules(&mut self, members: &Map<String, Value>) -> Vec<(Id, Option<Severity>)> {
        let Some(value) = members.get("rules") else { return vec![] };
        let Some(rules) = value.as_object() else {
            self.fault("/rules", format!("must be an object, not {}", kind_of(value)));
            return vec![];
        };
        let mut lowered = vec![];
        for (name, level) in rules {
            let at = format!("/rules/{}", document::escaped(name));
            let Some(rule) = Id::parse(name) else {
                self.fault(&at, "is no rule; `viva-import rules` lists them");
                continue;
            };
            if !rule.is_adjustable() {
                self.fault(&at, "cannot be lowered: the import would fail or do harm");
                continue;
            }
            match level.as_str() {
                Some("warning") => lowered.push((rule, Some(Severity::Warning))),
                Some("hint") => lowered.push((rule, Some(Severity::Hint))),
                Some("off") => lowered.push((rule, None)),
                _ => self.fault(&at, "must be \"warning\", \"hint\" or \"off\""),
            }
        }
        lowered
    }
}

impl Connection {
    /// The options of its files.
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

/// The options a document gives: a connection, a mapping alone, or a metadata.json of Microsoft's; and
/// the connector, where it is a connection.
///
/// # Errors
/// Every fault of a document that is none of the three.
pub fn check_options(
    document: &[u8],
    limits: &Limits,
    today: Day,
) -> Result<(CheckOptions, Option<Connector>), Vec<Fault>> {
    let mut options = CheckOptions::without(limits, today);
    match Document::of(document) {
        Document::Metadata => options.take(Metadata::read(document, &options.dialect)),
        Document::Connection => {
            let options = Connection::parse("given", document)?.check_options(limits, today);
            let connector = options.connector;
            return Ok((options, Some(connector)));
        }
        Document::Mapping => options.mapping = Mapping::Fields(mapping(document)?),
    }
    Ok((options, None))
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
        if Dialect::FIXED_KEYS.iter().any(|key| top.get(key).is_some()) {
            Self::Metadata
        } else if top.get("tenantId").is_some() || top.get("mapping").is_some() {
            Self::Connection
        } else {
            Self::Mapping
        }
    }
}
