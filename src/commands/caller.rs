//! Who calls the service: from the command line, or from a connection document.

use serde_json::{Map, Value, json};

use super::{Desk, read};
use crate::{
    cli::{self, CredentialKind},
    config::{self, ServiceConfig},
    connection::Connection,
    outcome::CommandError,
    schema::{self, Caller, Fault},
    target::viva::Service,
};

/// Where a fault of the document that stands for the command line is there.
const FLAGS: [(&str, &str); 9] = [
    ("/tenantId", "--tenant"),
    ("/connector", "--connector"),
    ("/scaleUnit", "--scale-unit"),
    ("/credential/clientId", "--client-id"),
    ("/credential/identityClientId", "--identity"),
    ("/credential/file", "--certificate"),
    ("/credential/passwordSetting", "--password-from"),
    ("/credential/setting", "--secret-from or --token-from"),
    ("/credential", "--credential"),
];

/// Who calls, and the connection where one was named.
///
/// # Errors
/// What is missing or wrong, by the names of the command line.
pub(super) fn caller(wishes: &cli::Caller) -> Result<(Caller, Option<Connection>), CommandError> {
    if let Some(path) = &wishes.connection {
        let connection = Connection::parse("given", &read(path)?).map_err(|faults| {
            format!("{} cannot be used: {}", path.display(), schema::sentence(&faults))
        })?;
        return Ok((connection.caller.clone(), Some(connection)));
    }
    let mut document = json!({
        "tenantId": wishes.tenant,
        "connector": wishes.connector,
        "credential": credential(wishes),
    });
    if let Some(unit) = &wishes.scale_unit {
        document["scaleUnit"] = json!(unit);
    }
    let caller = Caller::parse(document.to_string().as_bytes());
    Ok((caller.map_err(|faults| by_flags(&faults))?, None))
}

impl Desk {
    /// The service that the settings, or the command line, name.
    ///
    /// # Errors
    /// The settings' faults.
    pub(super) fn service(&self, wishes: &cli::Caller) -> Result<Service, String> {
        let config = self.service_config(wishes)?;
        Service::new(config, self.setting.clone()).map_err(|error| error.to_string())
    }

    fn service_config(&self, wishes: &cli::Caller) -> Result<ServiceConfig, String> {
        let get = |name: &str| match &wishes.endpoint {
            Some(endpoint) if name == "INGESTION_ENDPOINT" => Some(endpoint.clone()),
            _ => (self.setting)(name),
        };
        config::service(get).map_err(|faults| {
            let faults = faults.to_string();
            match &wishes.endpoint {
                Some(_) => faults.replace("INGESTION_ENDPOINT", "--endpoint"),
                None => faults,
            }
        })
    }
}

/// The credential as a connection writes it.
fn credential(wishes: &cli::Caller) -> Value {
    let mut members = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            members.insert(key.to_owned(), value);
        }
    };
    let Some(kind) = wishes.credential else { return Value::Null };
    let (word, setting) = match kind {
        CredentialKind::ManagedIdentity => ("managedIdentity", None),
        CredentialKind::FederatedIdentity => ("federatedIdentity", None),
        CredentialKind::ClientCertificate => ("clientCertificate", None),
        CredentialKind::ClientSecret => ("clientSecret", Some(&wishes.secret_from)),
        CredentialKind::AzureCli => ("azureCli", None),
        CredentialKind::AccessToken => ("accessToken", Some(&wishes.token_from)),
    };
    put("kind", Some(json!(word)));
    put("clientId", wishes.client_id.as_ref().map(|id| json!(id)));
    put("identityClientId", wishes.identity.as_ref().map(|id| json!(id)));
    put("file", wishes.certificate.as_ref().map(|file| json!(file.display().to_string())));
    put("passwordSetting", wishes.password_from.as_ref().map(|name| json!(name)));
    put("setting", setting.map(|name| json!(name)));
    Value::Object(members)
}

/// Faults by the names of the command line.
fn by_flags(faults: &[Fault]) -> String {
    let told = faults.iter().map(|fault| {
        let flag = FLAGS.iter().find(|(at, _)| fault.at == *at);
        let at = flag.map_or(fault.at.as_str(), |(_, flag)| flag);
        if fault.is_unknown {
            return format!("{at}: this credential has no use for it");
        }
        format!("{at}: {}", fault.what)
    });
    told.collect::<Vec<_>>().join("; ").replace(char::is_control, "\u{fffd}")
}
