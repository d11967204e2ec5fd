//! The mapping of columns to fields: the rules that it breaks in any file, and Microsoft's own
//! metadata.json taken literally, whose fields are what the header must have.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::findings::{Findings, Levels};
use crate::schema::{
    Checks, Connector, Dialect, Field, Id, IsBootstrap, Kind, Refresh, Severity, TargetSchema,
    document,
};

/// What makes a mapping unusable for any file, as sentences with their rules.
#[must_use]
pub fn mapping_faults(schema: &TargetSchema, fields: &[Field], checks: &Checks) -> Vec<String> {
    let mut findings = Findings::new(Levels::new(checks.lenient, &checks.rules), false);
    hold_mapping(schema, fields, &mut findings);
    let (found, _) = findings.sorted(|_| String::new());
    let errors = found.iter().filter(|finding| finding.severity == Severity::Error);
    errors
        .map(|finding| {
            let column = finding.column.as_deref().unwrap_or("the mapping");
            format!("{column}: {} ({})", finding.message, finding.rule)
        })
        .collect()
}

/// Notes what breaks a rule.
pub(super) fn hold_mapping(schema: &TargetSchema, fields: &[Field], findings: &mut Findings) {
    let mut firsts: HashMap<String, &Field> = HashMap::new();
    for field in fields {
        name_of_column(field, findings);
        let target = &field.target;
        if target.trim().is_empty() {
            let message = "the column is mapped to no field; name one";
            findings.field(Id::H08, Severity::Error, &field.source, message.to_owned());
            continue;
        }
        let first = *firsts.entry(target.to_ascii_lowercase()).or_insert(field);
        // Of columns called as their fields it is told already that they have the same name.
        let is_told = first.source == first.target && field.source == *target;
        if !std::ptr::eq(first, field) && !is_told {
            let message = format!(
                "the column is mapped to {target}, as \"{}\" is already; map one of them to another \
                 field",
                first.source
            );
            findings.field(Id::H05, Severity::Error, &field.source, message);
        }
        name_of_target(schema, field, findings);
        kind_of_field(schema, field, findings);
    }
}

/// Whether a name is made of what a header may have.
pub(crate) fn has_plain_letters(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn name_of_column(field: &Field, findings: &mut Findings) {
    if !has_plain_letters(&field.source) && !field.source.trim().is_empty() {
        let message = "the header has other characters than A to Z, a to z, 0 to 9 and _; rename \
                       the column";
        findings.field(Id::H03, Severity::Error, &field.source, message.to_owned());
    }
}

fn name_of_target(schema: &TargetSchema, field: &Field, findings: &mut Findings) {
    let (source, target) = (&field.source, &field.target);
    if schema.reserved(target).is_some() {
        return;
    }
    let is_told = target == source; // of the column's own name
    if let Some(right) = schema.misspelt(target) {
        findings.field(Id::H14, Severity::Error, source, format!(
            "the column is mapped to \"{target}\", which the service does not take for {right}; \
             spell it {right}"
        ));
    } else if schema.is_system(target) {
        findings.field(
            Id::H04,
            Severity::Error,
            source,
            format!(
                "\"{target}\" is a name the service keeps for itself; map the column to another"
            ),
        );
    } else if target.contains(char::is_whitespace) && !is_told {
        findings.field(
            Id::H11,
            Severity::Error,
            source,
            format!("the field's name \"{target}\" has blanks; leave them out"),
        );
    } else if !has_plain_letters(target) && !is_told {
        findings.field(Id::H03, Severity::Error, source, format!(
            "the field's name \"{target}\" has other characters than A to Z, a to z, 0 to 9 and _; \
             rename it"
        ));
    }
}

fn kind_of_field(schema: &TargetSchema, field: &Field, findings: &mut Findings) {
    let (source, target) = (&field.source, &field.target);
    let Some(kind) = Kind::parse(&field.kind) else {
        findings.field(
            Id::H09,
            Severity::Error,
            source,
            format!(
                "the type \"{}\" is none the service has; it has EmailType, StringType, \
                 DateTime_MMDDYYYY, DateTime_DDMMYYYY, double, int32 and Boolean",
                field.kind
            ),
        );
        return;
    };
    if let Some(reserved) = schema.reserved(target).filter(|field| !field.kind.is_like(kind)) {
        findings.field(
            Id::H09,
            Severity::Error,
            source,
            format!(
                "{target} is of type {}, not {}; change the type in the mapping",
                reserved.kind.word(),
                field.kind
            ),
        );
    }
}

/// What a metadata.json says, and what is wrong with it by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Its fields. A target that is null or empty is empty here.
    pub fields: Vec<Field>,
    /// What `DatasetType` says, where it says something.
    pub connector: Option<Connector>,
    /// What `IsBootstrap` says, where it says something.
    pub refresh: Option<Refresh>,
    /// What breaks a rule in any file.
    pub faults: Vec<(Id, Severity, String)>,
}

/// The mapping's key: on the HR, survey and blob pages, and in the sample for business data.
const MAPPING_KEYS: [&str; 2] = ["Mapping", "ColumnMap"];

impl Metadata {
    /// Reads the document, which should be written in `dialect`.
    #[must_use]
    pub fn read(document: &[u8], dialect: &Dialect) -> Self {
        let mut metadata = Self::default();
        if document::unmarked(document).trim_ascii().is_empty() {
            metadata.fault(Id::F07, "metadata.json is empty".to_owned());
            return metadata;
        }
        match metadata_members(document) {
            Ok((members, repeated)) => {
                for pointer in repeated {
                    metadata.fault(Id::F08, format!("{pointer} stands twice in metadata.json"));
                }
                metadata.members(&members, dialect);
            }
            Err(why) => metadata.fault(Id::F08, why),
        }
        metadata
    }

    fn fault(&mut self, rule: Id, message: String) {
        self.faults.push((rule, Severity::Error, message));
    }

    fn members(&mut self, members: &Map<String, Value>, dialect: &Dialect) {
        self.connector = members
            .get(Dialect::CONNECTOR_KEY)
            .and_then(Value::as_str)
            .and_then(|word| word.parse().ok());
        if self.connector.is_none() {
            let message = "DatasetType must be \"HR\" for organizational data, or \"Survey\"";
            self.fault(Id::H10, message.to_owned());
        }
        self.refresh(members.get(Dialect::REFRESH_KEY), dialect);
        let key = dialect.mapping_key();
        let mut keys = std::iter::once(key).chain(MAPPING_KEYS);
        match keys.find_map(|key| members.get(key)?.as_object()) {
            Some(mapping) => {
                self.fields = mapping.iter().map(field_of).collect();
                for field in &mut self.fields {
                    dialect.translate(field);
                }
            }
            None => {
                self.fault(Id::F08, format!("metadata.json has no \"{key}\" of columns to fields"));
            }
        }
    }

    fn refresh(&mut self, value: Option<&Value>, dialect: &Dialect) {
        let word = value.and_then(|value| match value {
            Value::String(word) => Some(word.to_ascii_lowercase()),
            Value::Bool(is_full) => Some(is_full.to_string()),
            Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        });
        self.refresh = match word.as_deref() {
            Some("true") => Some(Refresh::Full),
            Some("false") => Some(Refresh::Incremental),
            _ => None,
        };
        if self.refresh.is_none() {
            let message = "IsBootstrap must be the text \"true\" (full refresh) or \"false\" \
                           (incremental), in quotation marks";
            self.fault(Id::F08, message.to_owned());
        } else if value.is_some_and(Value::is_boolean)
            && dialect.is_bootstrap != IsBootstrap::Boolean
        {
            let message = "IsBootstrap stands without quotation marks, and Microsoft's page writes \
                           it as a text; compare with your portal's template, or let \
                           `viva-import learn-template` do it";
            self.faults.push((Id::F08, Severity::Warning, message.to_owned()));
        }
    }
}

/// The members of a metadata.json, and the pointers of those that stand twice; what is wrong with it, never
/// a value.
pub(crate) fn metadata_members(
    document: &[u8],
) -> Result<(Map<String, Value>, Vec<String>), String> {
    let text = std::str::from_utf8(document::unmarked(document))
        .map_err(|_| "metadata.json is not UTF-8; save it as UTF-8")?;
    let (value, repeated) = document::parse(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!("metadata.json is not JSON: it breaks at line {line}, column {column}")
    })?;
    let Value::Object(members) = value else {
        return Err("metadata.json must be an object".to_owned());
    };
    Ok((members, repeated))
}

fn field_of((source, entry): (&String, &Value)) -> Field {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    Field { source: source.clone(), target: text("name"), kind: text("type") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Target;

    fn dialect() -> Dialect {
        Target::default().schema().dialect()
    }

    fn faults(document: &str) -> Vec<&'static str> {
        let metadata = Metadata::read(document.as_bytes(), &dialect());
        metadata.faults.iter().map(|(rule, ..)| rule.name()).collect()
    }

    #[test]
    fn the_shape_of_microsofts_page_is_read_with_and_without_byte_order_mark() {
        let document = r#"{"DatasetType":"HR","IsBootstrap":"false",
            "Mapping":{"Employee":{"name":"PersonId","type":"EmailType"},"X":{"name":null}}}"#;
        let metadata = Metadata::read(document.as_bytes(), &dialect());
        assert_eq!(metadata.refresh, Some(Refresh::Incremental));
        assert_eq!(metadata.fields[0].target, "PersonId");
        assert_eq!(
            (metadata.fields[1].source.as_str(), metadata.fields[1].target.as_str()),
            ("X", "")
        );
        assert_eq!(metadata.faults, []);
        assert_eq!(Metadata::read(format!("\u{feff}{document}").as_bytes(), &dialect()), metadata);
        let other_key = document.replace("Mapping", "ColumnMap");
        assert_eq!(Metadata::read(other_key.as_bytes(), &dialect()), metadata);
    }

    #[test]
    fn what_is_wrong_by_itself_has_its_rule() {
        let good = r#""DatasetType":"HR","IsBootstrap":"true""#;
        let mapping = r#""Mapping":{"A":{"name":"PersonId","type":"Email"}}"#;
        for (document, expected) in [
            (String::new(), &["F07"][..]),
            (" \n".to_owned(), &["F07"]),
            ("{".to_owned(), &["F08"]),
            ("[]".to_owned(), &["F08"]),
            (format!("{{{good},{mapping}}}"), &[]),
            (format!("{{{good},{mapping},}}"), &["F08"]),
            (format!("{{{good}}}"), &["F08"]),
            (format!("{{{good},{mapping},{mapping}}}"), &["F08"]),
            (
                format!("{{\"DatasetType\":\"SalesData\",\"IsBootstrap\":\"true\",{mapping}}}"),
                &["H10"],
            ),
            (format!("{{\"DatasetType\":\"HR\",\"IsBootstrap\":true,{mapping}}}"), &["F08"]),
            (format!("{{\"IsBootstrap\":\"true\",{mapping}}}"), &["H10"]),
        ] {
            assert_eq!(faults(&document), expected, "{document}");
        }
    }
}
