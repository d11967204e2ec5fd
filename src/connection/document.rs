//! A connection document as types: what is read, and the JSON Schema that editors complete and check it by.
//!
//! It is read by `deserr`, whose errors are kinds and places: serde's derive ends at the first fault, with a
//! text that may quote the value.

use deserr::{Deserr, ValuePointerRef};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

use super::{
    faults::Faults,
    members::{
        AddressSetting, ClientId, DataFile, Days, Delimiter, Encoding, Mapping, MappingKey,
        MetadataFile, Rules, ScaleUnit, SecretSetting, TenantId, Text, Types,
    },
};
use crate::schema::{Connector, Format, IsBootstrap, Notify, PayloadFormat, Refresh, Unmapped};

/// Whose files these are, what they replace, how their columns are mapped, and who pushes them.
#[derive(Clone, Debug, Deserr, JsonSchema)]
#[deserr(error = Faults, rename_all = camelCase, deny_unknown_fields)]
#[schemars(
    title = "A connection of viva-import",
    rename_all = "camelCase",
    deny_unknown_fields,
    extend(
        "if" = json!({ "properties": { "refresh": { "const": "full" } }, "required": ["refresh"] }),
        "then" = json!({ "properties": { "stopAfterRejected": { "enum": [false, null] } } })
    )
)]
pub(super) struct ConnectionDocument {
    /// Where this schema is, for an editor. It says nothing to the program.
    #[expect(dead_code, reason = "an editor reads it")]
    #[deserr(default, rename = "$schema")]
    #[schemars(rename = "$schema")]
    pub(super) schema: Option<Text>,
    /// The Microsoft Entra tenant's id.
    pub(super) tenant_id: TenantId,
    /// Which of the service's connectors takes the data: organizational data, or answers of surveys.
    pub(super) connector: Connector,
    /// `full` replaces everything: whoever is not in the file is deactivated. `incremental` adds and
    /// overwrites by person and date.
    pub(super) refresh: Refresh,
    /// Who pushes. It names things and never holds a secret.
    pub(super) credential: CredentialDocument,
    /// The service's address of the tenant, for when it cannot be discovered.
    #[deserr(default)]
    pub(super) scale_unit: Option<ScaleUnit>,
    /// Whether incremental files wait for a person behind one that was rejected or is stuck.
    #[deserr(default)]
    pub(super) stop_after_rejected: Option<bool>,
    /// What is made of a file for the push; `zip` without it.
    #[deserr(default)]
    pub(super) upload: Option<PayloadFormat>,
    /// Where somebody is told when a person is needed.
    #[deserr(default)]
    pub(super) notify: Option<NotifyDocument>,
    /// A file is expected at least so often, in days.
    #[deserr(default)]
    pub(super) expected_every_days: Option<Days>,
    /// Whether rows that are not valid are left out, where the file would be rejected.
    #[deserr(default)]
    pub(super) lenient: Option<bool>,
    /// What becomes of columns that the mapping does not name; the setting `UNMAPPED_COLUMNS` without it.
    #[deserr(default)]
    pub(super) unmapped_columns: Option<Unmapped>,
    /// The file's encoding where it is not UTF-8, like `utf-16` or `windows-1252`; it is converted.
    #[deserr(default)]
    pub(super) encoding: Option<Encoding>,
    /// What separates the columns where it is no comma; it is converted.
    #[deserr(default)]
    pub(super) delimiter: Option<Delimiter>,
    /// Rules with a lower severity, or none: `viva-import rules` lists them.
    #[deserr(default)]
    pub(super) rules: Option<Rules>,
    /// How the service spells metadata.json, where it was seen to spell it otherwise.
    #[deserr(default)]
    pub(super) dialect: Option<DialectDocument>,
    /// The column's header in the file, then the service's field, or a name of your own, and its type: the
    /// value of `Mapping` in Microsoft's metadata.json.
    pub(super) mapping: Mapping,
}

/// Who pushes, and for whom: a document that says no more.
#[derive(Clone, Debug, Deserr)]
#[deserr(error = Faults, rename_all = camelCase, deny_unknown_fields)]
pub(super) struct CallerDocument {
    pub(super) tenant_id: TenantId,
    pub(super) connector: Connector,
    pub(super) credential: CredentialDocument,
    #[deserr(default)]
    pub(super) scale_unit: Option<ScaleUnit>,
}

/// Who pushes.
#[derive(Clone, Debug, Deserr, JsonSchema)]
#[deserr(error = Faults, tag = "kind", rename_all = camelCase, deny_unknown_fields = unknown_in_credential)]
#[schemars(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(super) enum CredentialDocument {
    /// The app's managed identity.
    #[deserr(rename_all = camelCase)]
    ManagedIdentity {
        /// Client id of a user-assigned one.
        #[deserr(default)]
        client_id: Option<ClientId>,
    },
    /// An app registration that trusts the app's managed identity.
    #[deserr(rename_all = camelCase)]
    FederatedIdentity {
        /// Client id of the app registration.
        client_id: ClientId,
        /// Client id of a user-assigned identity.
        #[deserr(default)]
        identity_client_id: Option<ClientId>,
    },
    /// An app registration with a certificate, in a file or in a setting.
    #[deserr(rename_all = camelCase)]
    #[schemars(extend("oneOf" = one_of_members(&["file", "setting"])))]
    ClientCertificate {
        /// Client id of the app registration.
        client_id: ClientId,
        /// The file with the certificate and its key, PEM or PKCS#12.
        #[deserr(default)]
        file: Option<Text>,
        /// The name of the setting that holds them.
        #[deserr(default)]
        setting: Option<SecretSetting>,
        /// The name of the setting that holds the password of a PKCS#12.
        #[deserr(default)]
        password_setting: Option<SecretSetting>,
    },
    /// An app registration with a secret.
    #[deserr(rename_all = camelCase)]
    ClientSecret {
        /// Client id of the app registration.
        client_id: ClientId,
        /// The name of the setting that holds the secret.
        setting: SecretSetting,
    },
    /// Whoever is signed in to the Azure CLI.
    AzureCli {},
    /// A token that somebody else obtained.
    AccessToken {
        /// The name of the setting that holds the token.
        setting: SecretSetting,
    },
}

/// That exactly one of these members is there.
fn one_of_members(members: &[&str]) -> Value {
    let one =
        |key: &&str| json!({ "required": [key], "properties": { *key: { "type": "string" } } });
    members.iter().map(one).collect()
}

/// Members under which somebody may have written a secret.
const SECRETS: [&str; 4] = ["secret", "clientSecret", "password", "token"];

/// Says of a secret where it belongs.
fn unknown_in_credential(key: &str, known: &[&str], at: ValuePointerRef) -> Faults {
    if SECRETS.contains(&key) {
        let what = "a secret never stands here: put it into a setting, best as a reference to a Key \
                    Vault, and name that setting";
        return Faults::at(at.push_key(key), what);
    }
    Faults::unknown(at, key, &[&["kind"], known].concat())
}

/// A webhook that is told.
#[derive(Clone, Debug, Deserr, JsonSchema)]
#[deserr(error = Faults, rename_all = camelCase, deny_unknown_fields)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NotifyDocument {
    /// The name of the setting that holds its address, which is a secret.
    pub(super) setting: AddressSetting,
    /// How the message is written.
    pub(super) format: Format,
    /// The name of the setting that holds the secret by which messages are signed; without it they are not.
    #[deserr(default)]
    pub(super) signing_setting: Option<SecretSetting>,
    /// Whether each import that the service accepted is told, too.
    #[deserr(default)]
    pub(super) completed: Option<bool>,
}

impl From<NotifyDocument> for Notify {
    fn from(document: NotifyDocument) -> Self {
        Self {
            setting: document.setting.0,
            format: document.format,
            signing_setting: document.signing_setting.map(|setting| setting.0),
            completed: document.completed.unwrap_or_default(),
        }
    }
}

/// How metadata.json and the zip are spelt.
#[derive(Clone, Debug, Default, Deserr, JsonSchema)]
#[deserr(error = Faults, rename_all = camelCase, deny_unknown_fields)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DialectDocument {
    /// The key of the mapping; the setting `METADATA_MAPPING_KEY` without it.
    #[deserr(default)]
    pub(super) mapping_key: Option<MappingKey>,
    /// How `IsBootstrap` is written: `"true"`, `"True"` or `true`.
    #[deserr(default)]
    pub(super) is_bootstrap: Option<IsBootstrap>,
    /// The data's name in the zip.
    #[deserr(default)]
    pub(super) data_file: Option<DataFile>,
    /// The metadata's name in the zip.
    #[deserr(default)]
    pub(super) metadata_file: Option<MetadataFile>,
    /// The service's word for a type.
    #[deserr(default)]
    pub(super) types: Option<Types>,
}

/// The JSON Schema of a connection document. What a member means stands beside it, since editors show
/// what a reference leads to in its place.
#[must_use]
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12();
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
