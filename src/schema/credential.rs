//! Who calls the service: names of things, and never a secret.

use std::path::PathBuf;

use strum::VariantNames;

use super::target::{Connector, Target};

/// Who calls which service, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceIdentity {
    /// The service.
    pub target: Target,
    /// The Microsoft Entra tenant, lower case.
    pub tenant: String,
    /// Which of the service's connectors takes the data.
    pub connector: Connector,
    /// Who pushes.
    pub credential: Credential,
    /// The service's address of the tenant, for when it cannot be discovered.
    pub scale_unit: Option<String>,
}

/// Who pushes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, VariantNames)]
#[strum(serialize_all = "camelCase")]
pub enum Credential {
    /// The app's managed identity.
    ManagedIdentity {
        /// Client id of a user-assigned one; `None` is the app's own.
        client_id: Option<String>,
    },
    /// An app registration that trusts the app's managed identity.
    FederatedIdentity {
        /// Client id of the app registration.
        client_id: String,
        /// Client id of a user-assigned identity; `None` is the app's own.
        identity: Option<String>,
    },
    /// An app registration with a certificate.
    ClientCertificate {
        /// Client id of the app registration.
        client_id: String,
        /// Where the certificate and its key are.
        certificate: Certificate,
        /// The setting that holds the password of a PKCS#12.
        password: Option<String>,
    },
    /// An app registration with a secret.
    ClientSecret {
        /// Client id of the app registration.
        client_id: String,
        /// The setting that holds the secret.
        setting: String,
    },
    /// The person who is signed in to the Azure CLI.
    AzureCli,
    /// A token somebody else obtained.
    AccessToken {
        /// The setting that holds it.
        setting: String,
    },
}

/// Where a certificate and its key are, as PEM or PKCS#12.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Certificate {
    /// In this file.
    File(PathBuf),
    /// In this setting: PEM, or a PKCS#12 in base64.
    Setting(String),
}

impl Credential {
    /// The client id the document names: of the app registration, or of the identity that pushes
    /// itself.
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
