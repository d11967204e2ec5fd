//! A connection document as types: what a proposal writes, and the JSON Schema that editors complete and
//! check it by.

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::notify::{Format, MAX_DAYS};
use crate::schema::{
    Connector, IsBootstrap, Kind, PayloadFormat, RULES, Refresh, Target, Unmapped,
};

const GUID: &str = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$";
const SETTING: &str = "^[A-Za-z_][A-Za-z0-9_]{0,63}$";
const PLAIN_NAME: &str = "^[A-Za-z0-9-]{1,64}$";
const NOT_BLANK: &str = "\\S";
const FILE_NAME: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,59}";

/// Whose files these are, what they replace, how their columns are mapped, and who pushes them.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(
    title = "A connection of viva-import",
    extend(
        "if" = json!({ "properties": { "refresh": { "const": "full" } }, "required": ["refresh"] }),
        "then" = json!({ "properties": { "stopAfterRejected": { "const": false } } })
    )
)]
pub struct ConnectionDocument {
    /// Where this schema is, for an editor. It says nothing to the program.
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub schema: Option<String>,
    /// The Microsoft Entra tenant's id.
    #[schemars(regex(pattern = GUID))]
    pub tenant_id: String,
    /// Which of the service's connectors takes the data: organizational data, or answers of surveys.
    pub connector: Connector,
    /// `full` replaces everything: whoever is not in the file is deactivated. `incremental` adds and
    /// overwrites by person and date.
    pub refresh: Refresh,
    /// Who pushes. It names things and never holds a secret.
    pub credential: CredentialDocument,
    /// The service's address of the tenant, for when it cannot be discovered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = PLAIN_NAME))]
    pub scale_unit: Option<String>,
    /// Whether incremental files wait for a person behind one that was rejected or is stuck.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub stop_after_rejected: Option<bool>,
    /// What is made of a file for the push; `zip` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "PayloadFormat")]
    pub upload: Option<PayloadFormat>,
    /// Where somebody is told when a person is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "NotifyDocument")]
    pub notify: Option<NotifyDocument>,
    /// A file is expected at least so often, in days.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = 1, max = MAX_DAYS))]
    pub expected_every_days: Option<u32>,
    /// Whether rows that are not valid are left out, where the file would be rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub lenient: Option<bool>,
    /// What becomes of columns that the mapping does not name; the setting `UNMAPPED_COLUMNS` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Unmapped")]
    pub unmapped_columns: Option<Unmapped>,
    /// The file's encoding where it is not UTF-8, like `utf-16` or `windows-1252`; it is converted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = NOT_BLANK))]
    pub encoding: Option<String>,
    /// What separates the columns where it is no comma; it is converted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "delimiters")]
    pub delimiter: Option<String>,
    /// Rules with a lower severity, or none: `viva-import rules` lists them.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "rules")]
    pub rules: Map<String, Value>,
    /// How the service spells metadata.json, where it was seen to spell it otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DialectDocument")]
    pub dialect: Option<DialectDocument>,
    /// The column's header in the file, then the service's field, or a name of your own, and its type: the
    /// value of `Mapping` in Microsoft's metadata.json.
    #[schemars(schema_with = "mapping")]
    pub mapping: Map<String, Value>,
}

impl ConnectionDocument {
    /// A document of organizational data with what it cannot do without, and no column mapped yet.
    #[must_use]
    pub fn new(tenant_id: &str, refresh: Refresh, credential: CredentialDocument) -> Self {
        Self {
            schema: None,
            tenant_id: tenant_id.to_owned(),
            connector: Connector::Hr,
            refresh,
            credential,
            scale_unit: None,
            stop_after_rejected: None,
            upload: None,
            notify: None,
            expected_every_days: None,
            lenient: None,
            unmapped_columns: None,
            encoding: None,
            delimiter: None,
            rules: Map::new(),
            dialect: None,
            mapping: Map::new(),
        }
    }
}

/// Who pushes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum CredentialDocument {
    /// The app's managed identity.
    ManagedIdentity {
        /// Client id of a user-assigned one.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(with = "String", regex(pattern = GUID))]
        client_id: Option<String>,
    },
    /// An app registration that trusts the app's managed identity.
    FederatedIdentity {
        /// Client id of the app registration.
        #[schemars(regex(pattern = GUID))]
        client_id: String,
        /// Client id of a user-assigned identity.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(with = "String", regex(pattern = GUID))]
        identity_client_id: Option<String>,
    },
    /// An app registration with a certificate, in a file or in a setting.
    #[schemars(extend("oneOf" = json!([{ "required": ["file"] }, { "required": ["setting"] }])))]
    ClientCertificate {
        /// Client id of the app registration.
        #[schemars(regex(pattern = GUID))]
        client_id: String,
        /// The file with the certificate and its key, PEM or PKCS#12.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(with = "String", regex(pattern = NOT_BLANK))]
        file: Option<String>,
        /// The name of the setting that holds them.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(with = "String", regex(pattern = SETTING))]
        setting: Option<String>,
        /// The name of the setting that holds the password of a PKCS#12.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(with = "String", regex(pattern = SETTING))]
        password_setting: Option<String>,
    },
    /// An app registration with a secret.
    ClientSecret {
        /// Client id of the app registration.
        #[schemars(regex(pattern = GUID))]
        client_id: String,
        /// The name of the setting that holds the secret.
        #[schemars(regex(pattern = SETTING))]
        setting: String,
    },
    /// Whoever is signed in to the Azure CLI.
    AzureCli {},
    /// A token that somebody else obtained.
    AccessToken {
        /// The name of the setting that holds the token.
        #[schemars(regex(pattern = SETTING))]
        setting: String,
    },
}

/// A webhook that is told.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotifyDocument {
    /// The name of the setting that holds its address, which is a secret.
    #[schemars(regex(pattern = SETTING))]
    pub setting: String,
    /// How the message is written.
    pub format: Format,
}

/// How metadata.json and the zip are spelt.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DialectDocument {
    /// The key of the mapping; the setting `METADATA_MAPPING_KEY` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = NOT_BLANK), extend("not" = json!({ "enum": ["DatasetType", "IsBootstrap"] })))]
    pub mapping_key: Option<String>,
    /// How `IsBootstrap` is written: `"true"`, `"True"` or `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "IsBootstrap")]
    pub is_bootstrap: Option<IsBootstrap>,
    /// The data's name in the zip.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "csv_name")]
    pub data_file: Option<String>,
    /// The metadata's name in the zip.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "json_name")]
    pub metadata_file: Option<String>,
    /// The service's word for a type.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "types")]
    pub types: Map<String, Value>,
}

fn delimiters(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": [",", ";", "|", "tab", "\t"] })
}

fn csv_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 64, "pattern": format!("{FILE_NAME}\\.[cC][sS][vV]$") })
}

fn json_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 64, "pattern": format!("{FILE_NAME}\\.[jJ][sS][oO][nN]$") })
}

/// The rules that a connection may lower, each with what it is about.
fn rules(_: &mut SchemaGenerator) -> Schema {
    let adjustable = RULES.iter().filter(|rule| rule.id.is_adjustable()).map(|rule| {
        let levels = json!({ "description": rule.about, "enum": ["warning", "hint", "off"] });
        (rule.id.name().to_owned(), levels)
    });
    json_schema!({
        "type": "object",
        "properties": adjustable.collect::<Map<String, Value>>(),
        "additionalProperties": false
    })
}

fn types(_: &mut SchemaGenerator) -> Schema {
    let word =
        |kind: Kind| (kind.word().to_owned(), json!({ "type": "string", "pattern": NOT_BLANK }));
    json_schema!({
        "type": "object",
        "properties": Kind::ALL.into_iter().map(word).collect::<Map<String, Value>>(),
        "additionalProperties": false
    })
}

/// Any header; fields and types that the service knows are proposed, and others taken.
fn mapping(_: &mut SchemaGenerator) -> Schema {
    let text = json!({ "type": "string", "pattern": NOT_BLANK });
    let fields: Vec<&str> = Target::default().schema().fields().collect();
    let kinds = Kind::ALL.map(Kind::word);
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "propertyNames": { "pattern": NOT_BLANK, "not": { "const": "DatasetType" } },
        "additionalProperties": {
            "type": "object",
            "properties": {
                "name": { "anyOf": [{ "enum": fields }, text] },
                "type": { "anyOf": [{ "enum": kinds }, text] }
            },
            "required": ["name", "type"],
            "additionalProperties": false
        }
    })
}

/// The JSON Schema of a connection document. What a member means stands beside it, since editors show
/// what a reference leads to in its place.
#[must_use]
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let settings = settings.with(|settings| settings.inline_subschemas = true);
    let generator = settings.into_generator();
    let mut schema = generator.into_root_schema_for::<ConnectionDocument>().to_value();
    in_one_line(&mut schema);
    schema
}

/// Takes out of descriptions the ends of lines that the code has.
fn in_one_line(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (key, value) in members {
                match value.as_str() {
                    Some(text) if key == "description" => *value = text.replace('\n', " ").into(),
                    Some(_) | None => in_one_line(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(in_one_line),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
