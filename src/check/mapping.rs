//! The mapping of columns to fields: the rules that it breaks whatever the file, and Microsoft's
//! metadata.json, whose fields must be exactly the columns of the header.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::findings::{Findings, Levels, some_of};
use crate::schema::{
    Checks, Connector, Dialect, Field, Id, Kind, Refresh, Severity, TargetSchema, document,
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

/// The largest metadata.json, in bytes.
pub(super) const MAX_METADATA_BYTES: u64 = 1024 * 1024;

/// The key of the mapping: on the HR, survey and blob pages, and in the sample for business data.
const MAPPING_KEYS: [&str; 2] = ["Mapping", "ColumnMap"];

impl Metadata {
    /// Reads the document, which should follow `dialect`.
    #[must_use]
    pub fn read(document: &[u8], dialect: &Dialect) -> Self {
        let mut metadata = Self::default();
        if document.len() as u64 > MAX_METADATA_BYTES {
            let message =
                "metadata.json is larger than 1 MiB. It must contain the mapping and no data.";
            metadata.fault(Id::F08, message.to_owned());
            return metadata;
        }
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
        let is_bootstrap = members.get(Dialect::REFRESH_KEY).unwrap_or(&Value::Null);
        self.refresh(is_bootstrap);
        let expected = dialect.mapping_key();
        let mut keys = std::iter::once(expected).chain(MAPPING_KEYS);
        let Some((key, mapping)) = keys.find_map(|key| Some((key, members.get(key)?.as_object()?)))
        else {
            let message = format!(
                "metadata.json has no object \"{expected}\", which maps the columns to fields. Add it."
            );
            return self.fault(Id::F08, message);
        };
        self.fields = mapping.iter().map(field_of).collect();
        for field in &mut self.fields {
            dialect.translate(field);
        }
        // Another dataset has another form.
        if self.connector.is_some() {
            self.form(key, is_bootstrap, dialect);
            self.extra(key, members, mapping);
        }
    }

    fn refresh(&mut self, value: &Value) {
        let word = match value {
            Value::String(word) => word.to_ascii_lowercase(),
            Value::Bool(is_full) => is_full.to_string(),
            Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => String::new(),
        };
        self.refresh = match word.as_str() {
            "true" => Some(Refresh::Full),
            "false" => Some(Refresh::Incremental),
            _ => None,
        };
        if self.refresh.is_none() {
            let message = "IsBootstrap must be \"true\" (full refresh) or \"false\" (incremental), with \
                           the quotation marks. Correct it in metadata.json.";
            self.fault(Id::F08, message.to_owned());
        }
    }

    /// Adds a warning about each member that is spelled otherwise than in the dialect.
    fn form(&mut self, key: &str, is_bootstrap: &Value, dialect: &Dialect) {
        let expected = dialect.mapping_key();
        let renamed =
            (key != expected).then(|| format!("calls the mapping {key} instead of {expected}"));
        let value = self.refresh.map(|refresh| dialect.is_bootstrap.value(refresh));
        let respelled = value
            .filter(|value| value != is_bootstrap)
            .map(|value| format!("writes IsBootstrap as {is_bootstrap} instead of {value}"));
        for what in [respelled, renamed].into_iter().flatten() {
            let message = format!("metadata.json {what}. {COMPARE}");
            self.faults.push((Id::F08, Severity::Warning, message));
        }
    }

    /// Adds a hint about the members that have no meaning here.
    fn extra(&mut self, key: &str, members: &Map<String, Value>, mapping: &Map<String, Value>) {
        let is_known = |name: &str| Dialect::FIXED_KEYS.contains(&name) || name == key;
        let extra = members.keys().filter(|name| !is_known(name)).map(|name| vec![name.as_str()]);
        let in_columns = mapping.iter().flat_map(|(column, entry)| {
            let names = entry.as_object().into_iter().flat_map(Map::keys);
            let names = names.filter(|name| !["name", "type"].contains(&name.as_str()));
            names.map(move |name| vec![key, column, name])
        });
        let pointer = |path: Vec<&str>| -> String {
            path.into_iter().map(|name| format!("/{}", document::escaped(name))).collect()
        };
        let extra: Vec<String> = extra.chain(in_columns).map(pointer).collect();
        if !extra.is_empty() {
            let extra = some_of(&extra).replace(char::is_control, "\u{fffd}");
            let message = format!(
                "metadata.json has members that Microsoft's page does not have: {extra}. {COMPARE}"
            );
            self.faults.push((Id::F08, Severity::Hint, message));
        }
    }
}

/// What to do about an unusual metadata.json.
const COMPARE: &str =
    "Compare it with your portal's template: `viva-import learn-template template.zip`.";

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
        let dialect = dialect().or_key("ColumnMap");
        assert_eq!(Metadata::read(other_key.as_bytes(), &dialect), metadata);
    }

    #[test]
    fn each_fault_of_a_document_has_its_rule() {
        let good = r#""DatasetType":"HR","IsBootstrap":"true""#;
        let mapping = r#""Mapping":{"A":{"name":"PersonId","type":"Email"}}"#;
        for (document, expected) in [
            (String::new(), &["F07"][..]),
            (" \n".to_owned(), &["F07"]),
            (" ".repeat((1 << 20) + 1), &["F08"]),
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
