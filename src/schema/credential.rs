//! The credentials for the service: names of identities and settings, never a secret.

use std::path::PathBuf;

use strum::VariantNames;

use super::target::{Connector, Target};

/// The identity that calls a service, and the tenant and connector for which it calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceIdentity {
    /// The service.
    pub target: Target,
    /// The Microsoft Entra tenant, lower case.
    pub tenant: String,
    /// The connector of the service that receives the data.
    pub connector: Connector,
    /// The credential for the push.
    pub credential: Credential,
    /// The tenant's scale unit, if it cannot be discovered.
    pub scale_unit: Option<String>,
}

/// The credential for the push.
#[derive(Clone, Debug, PartialEq, Eq, Hash, VariantNames)]
#[strum(serialize_all = "camelCase")]
pub enum Credential {
    /// The app's managed identity.
    ManagedIdentity {
        /// Client id of a user-assigned identity; `None` means the system-assigned one.
        client_id: Option<String>,
    },
    /// An app registration that trusts the app's managed identity.
    FederatedIdentity {
        /// Client id of the app registration.
        client_id: String,
        /// Client id of a user-assigned identity; `None` means the system-assigned one.
        identity: Option<String>,
    },
    /// An app registration with a certificate.
    ClientCertificate {
        /// Client id of the app registration.
        client_id: String,
        /// The place of the certificate and its private key.
        certificate: Certificate,
        /// The setting with the password of a PKCS#12 file.
        password: Option<String>,
    },
    /// An app registration with a secret.
    ClientSecret {
        /// Client id of the app registration.
        client_id: String,
        /// The setting with the secret.
        setting: String,
    },
    /// The user who is signed in to the Azure CLI.
    AzureCli,
    /// A token from another program.
    AccessToken {
        /// The setting with the token.
        setting: String,
    },
}

/// The place of a certificate and its private key, as PEM or PKCS#12.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Certificate {
    /// A file.
    File(PathBuf),
    /// A setting with PEM text, or with PKCS#12 in base64.
    Setting(String),
}

impl Credential {
    /// The client id in the document: that of the app registration, or of the managed identity that pushes
    /// without one.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::ManagedIdentity { client_id } => client_id.as_deref(),
            Self::FederatedIdentity { client_id, .. }
            | Self::ClientCertificate { client_id, .. }
            | Self::ClientSecret { client_id, .. } => Some(client_id),
            Self::AzureCli | Self::AccessToken { .. } => None,
        }
    }
}
