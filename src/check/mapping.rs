//! The mapping of columns to fields: the rules that it breaks whatever the file, and Microsoft's
//! metadata.json, whose fields must be exactly the columns of the header.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::findings::{Findings, Levels};
use crate::schema::{
    Checks, Connector, Dialect, Field, Id, IsBootstrap, Kind, Refresh, Severity, TargetSchema,
    document,
};

/// The faults that make a mapping unusable for any file, each as `column: sentence (rule)`.
#[must_use]
pub fn mapping_faults(schema: &TargetSchema, fields: &[Field], checks: &Checks) -> Vec<String> {
    let mut findings = Findings::new(Levels::new(checks.lenient, &checks.rules), false);
    check_mapping(schema, fields, &mut findings);
    let (found, _) = findings.sorted(|_| String::new());
    let errors = found.iter().filter(|finding| finding.severity == Severity::Error);
    errors
        .map(|finding| {
            let column = finding.column.as_deref().unwrap_or("the mapping");
            format!("{column}: {} ({})", finding.message.trim_end_matches('.'), finding.rule)
        })
        .collect()
}

/// Adds a finding for each rule that the mapping breaks.
pub(super) fn check_mapping(schema: &TargetSchema, fields: &[Field], findings: &mut Findings) {
    let mut firsts: HashMap<String, &Field> = HashMap::new();
    for field in fields {
        name_of_column(field, findings);
        let target = &field.target;
        if target.trim().is_empty() {
            let message = "The column is mapped to an empty field name. Enter a name, or remove the \
                           column from the mapping.";
            findings.field(Id::H08, Severity::Error, &field.source, message.to_owned());
            continue;
        }
        let first = *firsts.entry(target.to_ascii_lowercase()).or_insert(field);
        // If columns are named like their fields, H01 already reports the equal names.
        let is_reported = first.source == first.target && field.source == *target;
        if !std::ptr::eq(first, field) && !is_reported {
            let message = format!(
                "The column is mapped to {target}, but so is \"{}\". Map one of them to another field.",
                first.source
            );
            findings.field(Id::H05, Severity::Error, &field.source, message);
        }
        name_of_target(schema, field, findings);
        kind_of_field(schema, field, findings);
    }
}

/// Whether a name has only characters that are allowed in a header.
pub(crate) fn has_plain_letters(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn name_of_column(field: &Field, findings: &mut Findings) {
    if !has_plain_letters(&field.source) && !field.source.trim().is_empty() {
        let message = "The name of the column must contain only A to Z, a to z, 0 to 9 and _. Rename \
                       the column.";
        findings.field(Id::H03, Severity::Error, &field.source, message.to_owned());
    }
}

fn name_of_target(schema: &TargetSchema, field: &Field, findings: &mut Findings) {
    let (source, target) = (&field.source, &field.target);
    if schema.reserved(target).is_some() {
        return;
    }
    let is_reported = target == source; // by the check of the column's name
    if let Some(right) = schema.misspelt(target) {
        findings.field(Id::H14, Severity::Error, source, format!(
            "The service does not recognize \"{target}\" as the field {right}. Spell it {right}."
        ));
    } else if schema.is_system(target) {
        findings.field(
            Id::H04,
            Severity::Error,
            source,
            format!(
                "\"{target}\" is a system field of the service. Use another name for the field."
            ),
        );
    } else if target.contains(char::is_whitespace) && !is_reported {
        findings.field(
            Id::H11,
            Severity::Error,
            source,
            format!("The field name \"{target}\" contains spaces. Remove them."),
        );
    } else if !has_plain_letters(target) && !is_reported {
        findings.field(Id::H03, Severity::Error, source, format!(
            "The field name \"{target}\" must contain only A to Z, a to z, 0 to 9 and _. Rename the \
             field."
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
                "The service does not support the type \"{}\". Use EmailType, StringType, \
                 DateTime_MMDDYYYY, DateTime_DDMMYYYY, double, int32 or Boolean.",
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
                "{target} must have the type {}, not {}. Correct the type in the mapping.",
                reserved.kind.word(),
                field.kind
            ),
        );
    }
}

/// The contents of a metadata.json, and its faults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Its fields. A target that is null is an empty string here.
    pub fields: Vec<Field>,
    /// The value of `DatasetType`, if it is valid.
    pub connector: Option<Connector>,
    /// The value of `IsBootstrap`, if it is valid.
    pub refresh: Option<Refresh>,
    /// The rules that it breaks whatever the file.
    pub faults: Vec<(Id, Severity, String)>,
}

/// The key of the mapping: on the HR, survey and blob pages, and in the sample for business data.
const MAPPING_KEYS: [&str; 2] = ["Mapping", "ColumnMap"];

impl Metadata {
    /// Reads the document, which should follow `dialect`.
    #[must_use]
    pub fn read(document: &[u8], dialect: &Dialect) -> Self {
        let mut metadata = Self::default();
        metadata.faults.extend(mark(document));
        if document::unmarked(document).trim_ascii().is_empty() {
            metadata
                .fault(Id::F07, "metadata.json is empty. Write the mapping into it.".to_owned());
            return metadata;
        }
        match metadata_members(document) {
            Ok((members, repeated)) => {
                for pointer in repeated {
                    metadata.fault(
                        Id::F08,
                        format!("metadata.json has {pointer} twice. Remove one of them."),
                    );
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
            let message = "DatasetType must be \"HR\" (organizational data) or \"Survey\". Correct it in \
                           metadata.json.";
            self.fault(Id::H10, message.to_owned());
        }
        self.refresh(members.get(Dialect::REFRESH_KEY), dialect);
        let key = dialect.mapping_key();
        let mut keys = std::iter::once(key).chain(MAPPING_KEYS);
        if let Some(mapping) = keys.find_map(|key| members.get(key)?.as_object()) {
            self.fields = mapping.iter().map(field_of).collect();
            for field in &mut self.fields {
                dialect.translate(field);
            }
        } else {
            let message = format!(
                "metadata.json has no object \"{key}\", which maps the columns to fields. Add it."
            );
            self.fault(Id::F08, message);
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
            let message = "IsBootstrap must be \"true\" (full refresh) or \"false\" (incremental), with \
                           the quotation marks. Correct it in metadata.json.";
            self.fault(Id::F08, message.to_owned());
        } else if value.is_some_and(Value::is_boolean)
            && dialect.is_bootstrap != IsBootstrap::Boolean
        {
            let message = "IsBootstrap has no quotation marks, but Microsoft's page writes it with them. \
                           Compare it with your portal's template: `viva-import learn-template \
                           template.zip`.";
            self.faults.push((Id::F08, Severity::Warning, message.to_owned()));
        }
    }
}

/// The warning about a byte order mark. RFC 8259, section 8.1, forbids writers to add one, and lets readers
/// refuse it.
pub(super) fn mark(document: &[u8]) -> Option<(Id, Severity, String)> {
    let is_marked = document::unmarked(document).len() < document.len();
    let message = "metadata.json begins with a byte order mark, which the service may refuse. Save it as \
                   UTF-8 without a byte order mark.";
    is_marked.then(|| (Id::F08, Severity::Warning, message.to_owned()))
}

/// The members of a metadata.json, and the JSON pointers of repeated members.
///
/// # Errors
/// The fault of the document, without any value of it.
pub(crate) fn metadata_members(
    document: &[u8],
) -> Result<(Map<String, Value>, Vec<String>), String> {
    let text = std::str::from_utf8(document::unmarked(document))
        .map_err(|_| "metadata.json is not UTF-8. Save it as UTF-8.")?;
    let (value, repeated) = document::parse(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!(
            "metadata.json is not valid JSON. Correct the error at line {line}, column {column}."
        )
    })?;
    let Value::Object(members) = value else {
        return Err("metadata.json must be a JSON object: { ... }.".to_owned());
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
    fn the_form_of_microsofts_page_is_read_with_and_without_byte_order_mark() {
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
        let marked = Metadata::read(format!("\u{feff}{document}").as_bytes(), &dialect());
        assert_eq!((&marked.fields, marked.refresh), (&metadata.fields, metadata.refresh));
        let [(Id::F08, Severity::Warning, message)] = &marked.faults[..] else {
            panic!("{marked:?}")
        };
        assert!(message.contains("without a byte order mark"), "{message}");
        let other_key = document.replace("Mapping", "ColumnMap");
        assert_eq!(Metadata::read(other_key.as_bytes(), &dialect()), metadata);
    }

    #[test]
    fn each_fault_of_a_document_has_its_rule() {
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
