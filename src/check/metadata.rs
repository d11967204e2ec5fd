//! Microsoft's own metadata.json, taken literally: its fields are what the header must have.

use serde_json::{Map, Value};

use crate::schema::{Connector, Dialect, Field, Id, IsBootstrap, Refresh, Severity, document};

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
        let text = document::unmarked(document);
        if text.trim_ascii().is_empty() {
            metadata.fault(Id::F07, "metadata.json is empty".to_owned());
            return metadata;
        }
        let Ok(text) = std::str::from_utf8(text) else {
            metadata.fault(Id::F08, "metadata.json is not UTF-8; save it as UTF-8".to_owned());
            return metadata;
        };
        match document::parse(text) {
            Ok((Value::Object(members), repeated)) => {
                for pointer in repeated {
                    metadata.fault(Id::F08, format!("{pointer} stands twice in metadata.json"));
                }
                metadata.members(&members, dialect);
            }
            Ok(_) => metadata.fault(Id::F08, "metadata.json must be an object".to_owned()),
            Err(error) => metadata.fault(
                Id::F08,
                format!(
                    "metadata.json is not JSON: it breaks at line {}, column {}",
                    error.line(),
                    error.column()
                ),
            ),
        }
        metadata
    }

    fn fault(&mut self, rule: Id, message: String) {
        self.faults.push((rule, Severity::Error, message));
    }

    fn members(&mut self, members: &Map<String, Value>, dialect: &Dialect) {
        self.connector =
            members.get("DatasetType").and_then(Value::as_str).and_then(Connector::parse);
        if self.connector.is_none() {
            let message = "DatasetType must be \"HR\" for organizational data, or \"Survey\"";
            self.fault(Id::H10, message.to_owned());
        }
        self.refresh(members.get("IsBootstrap"), dialect);
        let key = dialect.mapping_key();
        let mut keys = std::iter::once(key).chain(MAPPING_KEYS);
        match keys.find_map(|key| members.get(key)?.as_object()) {
            Some(mapping) => {
                self.fields = mapping.iter().map(field).collect();
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
                           `viva-import learn` do it";
            self.faults.push((Id::F08, Severity::Warning, message.to_owned()));
        }
    }
}

fn field((source, entry): (&String, &Value)) -> Field {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    Field { source: source.clone(), target: text("name"), kind: text("type") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(document: &str) -> Vec<&'static str> {
        let metadata = Metadata::read(document.as_bytes(), &Dialect::default());
        metadata.faults.iter().map(|(rule, ..)| rule.name()).collect()
    }

    #[test]
    fn the_shape_of_microsofts_page_is_read_with_and_without_byte_order_mark() {
        let document = r#"{"DatasetType":"HR","IsBootstrap":"false",
            "Mapping":{"Employee":{"name":"PersonId","type":"EmailType"},"X":{"name":null}}}"#;
        let metadata = Metadata::read(document.as_bytes(), &Dialect::default());
        assert_eq!(metadata.refresh, Some(Refresh::Incremental));
        assert_eq!(metadata.fields[0].target, "PersonId");
        assert_eq!(
            (metadata.fields[1].source.as_str(), metadata.fields[1].target.as_str()),
            ("X", "")
        );
        assert_eq!(metadata.faults, []);
        assert_eq!(
            Metadata::read(format!("\u{feff}{document}").as_bytes(), &Dialect::default()),
            metadata
        );
        let other_key = document.replace("Mapping", "ColumnMap");
        assert_eq!(Metadata::read(other_key.as_bytes(), &Dialect::default()), metadata);
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
