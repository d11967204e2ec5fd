//! The storage account that the settings name.

use azure_core::{credentials::Secret, http::Url};

use crate::http::is_loopback_http;

/// How the program connects to the account.
#[derive(Clone, Debug)]
pub enum Account {
    /// An emulator on this machine.
    Emulator {
        /// The account's name.
        name: String,
        /// Its key, base64.
        key: Secret,
        /// Base addresses of the three services.
        endpoints: Endpoints,
    },
    /// An account in Azure.
    Identity {
        /// Who signs in.
        who: StorageIdentity,
        /// Base addresses of the three services.
        endpoints: Endpoints,
    },
}

/// Who signs in to storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageIdentity {
    /// The app's managed identity.
    ManagedIdentity {
        /// The client id of the user-assigned identity; `None` for the system-assigned one.
        client_id: Option<String>,
    },
    /// The user who is signed in to the Azure CLI.
    AzureCli,
}

/// Base addresses of the account's services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Blob service.
    pub blob: Url,
    /// Queue service.
    pub queue: Url,
    /// Table service.
    pub table: Url,
}

impl Account {
    /// The account of an emulator's connection string; `None` for any other.
    #[must_use]
    pub fn emulator(connection_string: &str) -> Option<Self> {
        let part = |name: &str| {
            connection_string
                .split(';')
                .filter_map(|part| part.split_once('='))
                .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
                .map(|(_, value)| value.trim().to_owned())
        };
        let address = |name: &str| Url::parse(&part(name)?).ok().filter(is_loopback_http);
        Some(Self::Emulator {
            name: part("AccountName")?,
            key: Secret::new(part("AccountKey")?),
            endpoints: Endpoints {
                blob: address("BlobEndpoint")?,
                queue: address("QueueEndpoint")?,
                table: address("TableEndpoint")?,
            },
        })
    }
}
