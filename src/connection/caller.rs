//! Who calls the service, and for which tenant.
//!
//! A credential in a document never contains a secret. A secret, a token or a password is always in a setting,
//! which may be a Key Vault reference.

use super::{
    complete,
    document::{CallerDocument, CredentialDocument},
    members::{ClientId, SecretSetting},
    read,
};
use crate::schema::{Certificate, Credential, Fault, ServiceIdentity, Target};

impl ServiceIdentity {
    /// Reads a document with only these members.
    ///
    /// # Errors
    /// All faults of the document.
    pub fn parse(document: &[u8]) -> Result<Self, Vec<Fault>> {
        read::<CallerDocument>(document, complete).map(Self::from)
    }
}

impl From<CallerDocument> for ServiceIdentity {
    fn from(document: CallerDocument) -> Self {
        Self {
            target: Target::default(),
            tenant: document.tenant_id.0.to_ascii_lowercase(),
            connector: document.connector,
            credential: document.credential.into(),
            scale_unit: document.scale_unit.map(|unit| unit.0),
        }
    }
}

impl From<CredentialDocument> for Credential {
    fn from(document: CredentialDocument) -> Self {
        let id = |id: Option<ClientId>| id.map(|id| id.0);
        let name = |setting: Option<SecretSetting>| setting.map(|setting| setting.0);
        match document {
            CredentialDocument::ManagedIdentity { client_id } => {
                Self::ManagedIdentity { client_id: id(client_id) }
            }
            CredentialDocument::FederatedIdentity { client_id, identity_client_id } => {
                Self::FederatedIdentity { client_id: client_id.0, identity: id(identity_client_id) }
            }
            CredentialDocument::ClientCertificate {
                client_id,
                file,
                setting,
                password_setting,
            } => {
                let certificate = match file {
                    Some(path) => Certificate::File(path.0.into()),
                    None => Certificate::Setting(name(setting).unwrap_or_default()),
                };
                Self::ClientCertificate {
                    client_id: client_id.0,
                    certificate,
                    password: name(password_setting),
                }
            }
            CredentialDocument::ClientSecret { client_id, setting } => {
                Self::ClientSecret { client_id: client_id.0, setting: setting.0 }
            }
            CredentialDocument::AzureCli {} => Self::AzureCli,
            CredentialDocument::AccessToken { setting } => Self::AccessToken { setting: setting.0 },
        }
    }
}

#[cfg(test)]
mod tests;
