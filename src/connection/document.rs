//! A connection document as types, for reading it and for the JSON Schema with which editors complete and check
//! it. The doc comments of its members are the descriptions in the schema.
//!
//! It is read with `deserr`, whose errors have a kind and a place. Serde's derive stops at the first fault,
//! and its text may quote the value.

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

/// The tenant and connector of a folder's files, their refresh, the mapping of their columns, and the
/// credential that pushes them.
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
    /// The address of this schema, for an editor. The program ignores it.
    #[expect(dead_code, reason = "an editor reads it")]
    #[deserr(default, rename = "$schema")]
    #[schemars(rename = "$schema")]
    pub(super) schema: Option<Text>,
    /// The id of the Microsoft Entra tenant: Azure portal, Microsoft Entra ID, Overview.
    pub(super) tenant_id: TenantId,
    /// The connector in Viva Insights: `HR` for organizational data, `Survey` for survey answers.
    pub(super) connector: Connector,
    /// `full` replaces all data, and deactivates people who are missing from the file. `incremental` adds and
    /// overwrites data by person and date.
    pub(super) refresh: Refresh,
    /// The credential that pushes. It never contains a secret, only the name of the setting that does.
    pub(super) credential: CredentialDocument,
    /// The tenant's scale unit, such as `novaprdwus2-01`. It is used only if the service does not report it.
    #[deserr(default)]
    pub(super) scale_unit: Option<ScaleUnit>,
    /// If `true`, later incremental files wait for a person after a file was rejected or is stuck. The default
    /// is `false`.
    #[deserr(default)]
    pub(super) stop_after_rejected: Option<bool>,
    /// The format in which a file is pushed. The default is `zip`.
    #[deserr(default)]
    pub(super) upload: Option<PayloadFormat>,
    /// The webhook that gets a notification when a person is needed. Without it, no notification is sent.
    #[deserr(default)]
    pub(super) notify: Option<NotifyDocument>,
    /// A file is expected at least every so many days. If none arrives, a notification is sent.
    #[deserr(default)]
    pub(super) expected_every_days: Option<Days>,
    /// If `true`, invalid rows are skipped. If `false`, the default, an invalid row rejects the whole file.
    #[deserr(default)]
    pub(super) lenient: Option<bool>,
    /// What happens to columns that are not in the mapping: `drop` removes them before the push, `refuse`
    /// rejects the file. The default is the setting `UNMAPPED_COLUMNS`.
    #[deserr(default)]
    pub(super) unmapped_columns: Option<Unmapped>,
    /// The file's encoding, such as `utf-16` or `windows-1252`; the file is converted. The default is UTF-8.
    #[deserr(default)]
    pub(super) encoding: Option<Encoding>,
    /// The character between the columns; the file is converted. The default is a comma.
    #[deserr(default)]
    pub(super) delimiter: Option<Delimiter>,
    /// Rules whose severity is lowered, or that are off. To list the rules, run `viva-import rules`.
    #[deserr(default)]
    pub(super) rules: Option<Rules>,
    /// How the service spells metadata.json, if it differs from the defaults. `viva-import learn-template`
    /// writes it from the portal's template.
    #[deserr(default)]
    pub(super) dialect: Option<DialectDocument>,
    /// For each column of the file: its header, then the field of the service, or a name of your own, and its
    /// type. It is the value of `Mapping` in Microsoft's metadata.json.
    pub(super) mapping: Mapping,
}

/// A document with only the members of [`crate::schema::ServiceIdentity`].
#[derive(Clone, Debug, Deserr)]
#[deserr(error = Faults, rename_all = camelCase, deny_unknown_fields)]
pub(super) struct CallerDocument {
    pub(super) tenant_id: TenantId,
    pub(super) connector: Connector,
    pub(super) credential: CredentialDocument,
    #[deserr(default)]
    pub(super) scale_unit: Option<ScaleUnit>,
}

/// The credential that pushes.
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
        /// The client id of a user-assigned identity. Without it, the system-assigned identity is used.
        #[deserr(default)]
        client_id: Option<ClientId>,
    },
    /// An app registration with a federated credential for the app's managed identity.
    #[deserr(rename_all = camelCase)]
    FederatedIdentity {
        /// The client id of the app registration.
        client_id: ClientId,
        /// The client id of a user-assigned identity. Without it, the system-assigned identity is used.
        #[deserr(default)]
        identity_client_id: Option<ClientId>,
    },
    /// An app registration with a certificate, in a file or in a setting.
    #[deserr(rename_all = camelCase)]
    #[schemars(extend("oneOf" = one_of_members(&["file", "setting"])))]
    ClientCertificate {
        /// The client id of the app registration.
        client_id: ClientId,
        /// The file with the certificate and its private key, as PEM or PKCS#12.
        #[deserr(default)]
        file: Option<Text>,
        /// The name of the setting that holds the certificate and its private key.
        #[deserr(default)]
        setting: Option<SecretSetting>,
        /// The name of the setting that holds the password of the PKCS#12.
        #[deserr(default)]
        password_setting: Option<SecretSetting>,
    },
    /// An app registration with a client secret.
    #[deserr(rename_all = camelCase)]
    ClientSecret {
        /// The client id of the app registration.
        client_id: ClientId,
        /// The name of the setting that holds the secret.
        setting: SecretSetting,
    },
    /// The user who is signed in to the Azure CLI.
    AzureCli {},
    /// An access token that you got in another way.
    AccessToken {
        /// The name of the setting that holds the token.
        setting: SecretSetting,
    },
}

/// The schema's condition that exactly one of these members is set.
fn one_of_members(members: &[&str]) -> Value {
    let one =
        |key: &&str| json!({ "required": [key], "properties": { *key: { "type": "string" } } });
    members.iter().map(one).collect()
}

/// Unknown members whose value is probably a secret.
const SECRETS: [&str; 4] = ["secret", "clientSecret", "password", "token"];

/// The fault of an unknown member of a credential; for a secret, it says where the secret belongs.
fn unknown_in_credential(key: &str, known: &[&str], at: ValuePointerRef) -> Faults {
    if SECRETS.contains(&key) {
        let what = "must not be here, because it is a secret. Put it into a setting, best as a Key Vault \
                    reference, and name that setting";
        return Faults::at(at.push_key(key), what);
    }
    Faults::unknown(at, key, &[&["kind"], known].concat())
}

/// A webhook that gets notifications.
#[derive(Clone, Debug, Deserr, JsonSchema)]
#[deserr(error = Faults, rename_all = camelCase, deny_unknown_fields)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NotifyDocument {
    /// The name of the setting that holds the webhook's address, which is a secret.
    pub(super) setting: AddressSetting,
    /// The format of the notifications.
    pub(super) format: Format,
    /// The name of the setting that holds the secret with which notifications are signed. Without it, they are
    /// not signed.
    #[deserr(default)]
    pub(super) signing_setting: Option<SecretSetting>,
    /// If `true`, a notification is also sent for each import that the service has accepted. The default is
    /// `false`.
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

/// How metadata.json and the names in the zip are spelled.
#[derive(Clone, Debug, Default, Deserr, JsonSchema)]
#[deserr(error = Faults, rename_all = camelCase, deny_unknown_fields)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DialectDocument {
    /// The key of the mapping. The default is the setting `METADATA_MAPPING_KEY`.
    #[deserr(default)]
    pub(super) mapping_key: Option<MappingKey>,
    /// How `IsBootstrap` is written: `text` is `"true"`, `capitalText` is `"True"`, `boolean` is `true`.
    #[deserr(default)]
    pub(super) is_bootstrap: Option<IsBootstrap>,
    /// The name of the data file in the zip. The default is `data.csv`.
    #[deserr(default)]
    pub(super) data_file: Option<DataFile>,
    /// The name of the metadata file in the zip. The default is `metadata.json`.
    #[deserr(default)]
    pub(super) metadata_file: Option<MetadataFile>,
    /// How the service spells a type.
    #[deserr(default)]
    pub(super) types: Option<Types>,
}

/// The JSON Schema of a connection document. Subschemas are inlined, because editors show the description of
/// a referenced schema instead of the member's own.
#[must_use]
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12();
    let settings = settings.with(|settings| settings.inline_subschemas = true);
    let generator = settings.into_generator();
    let mut schema = generator.into_root_schema_for::<ConnectionDocument>().to_value();
    in_one_line(&mut schema);
    schema
}

/// Removes the line ends of the doc comments from the descriptions.
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
