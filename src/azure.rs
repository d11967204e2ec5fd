//! Azure Storage and identities: the account that holds inbox, connections, packages, reports and
//! the imports table.

use std::sync::Arc;

use azure_core::{
    Error,
    credentials::{Secret, TokenCredential},
    error::ErrorKind,
    http::{ClientOptions, Transport, Url},
};
use azure_storage_blob::{BlobServiceClient, BlobServiceClientOptions};
use azure_storage_queue::{QueueClient, QueueServiceClient, QueueServiceClientOptions};

use crate::http::{self, is_loopback_http};

use self::{
    blob::Blobs,
    shared_key::{Scheme, SharedKey},
    table::Table,
};

pub mod blob;
pub mod identity;
pub mod shared_key;
pub mod table;

/// Where the files arrive: `inbox/<connection>/....csv`.
pub const INBOX: &str = "inbox";
/// Where the connections are: `connections/<name>.json`.
pub const CONNECTIONS: &str = "connections";
/// Where the zips wait for their push; emptied when an import ends.
pub const PACKAGES: &str = "packages";
/// What was wrong with a file.
pub const REPORTS: &str = "reports";
/// The status table.
pub const IMPORTS: &str = "imports";
/// The queue that Event Grid fills and the `receive` function reads.
pub const ARRIVALS: &str = "arrivals";

/// How to reach the account.
#[derive(Clone, Debug)]
pub enum Account {
    /// The emulator on loopback.
    Emulator {
        /// The account's name.
        name: String,
        /// Its key, base64.
        key: Secret,
        /// Base addresses of the three services.
        endpoints: Endpoints,
    },
    /// Azure, as a managed identity.
    Identity {
        /// Client id of the user-assigned identity; `None` is the system-assigned.
        client_id: Option<String>,
        /// Base addresses of the three services.
        endpoints: Endpoints,
    },
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

/// Somebody who signs in, or nobody where requests are signed by key.
type SomeCredential = Option<Arc<dyn TokenCredential>>;

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

    /// Addresses, credential and signing policy of a client.
    fn access(
        &self,
        scheme: Scheme,
    ) -> azure_core::Result<(&Endpoints, SomeCredential, ClientOptions)> {
        Ok(match self {
            Self::Emulator { name, key, endpoints } => {
                (endpoints, None, emulated(name, key, scheme)?)
            }
            Self::Identity { client_id, endpoints } => {
                let credential = identity::managed_identity(client_id.as_deref())?;
                (endpoints, Some(credential), ClientOptions::default())
            }
        })
    }
}

/// The account, opened.
pub struct Storage {
    /// Its blobs.
    pub blobs: Blobs,
    /// The imports table.
    pub imports: Table,
}

impl Storage {
    /// Makes the clients; asks nothing yet.
    ///
    /// # Errors
    /// Where no credential can be made.
    pub fn open(account: &Account) -> azure_core::Result<Self> {
        let (endpoints, credential, client_options) = account.access(Scheme::Full)?;
        let options = BlobServiceClientOptions { client_options, ..Default::default() };
        let blobs = BlobServiceClient::new(endpoints.blob.clone(), credential, Some(options))?;
        let (endpoints, credential, options) = account.access(Scheme::Lite)?;
        Ok(Self {
            blobs: Blobs::new(blobs),
            imports: Table::new(endpoints.table.clone(), IMPORTS, credential, options),
        })
    }

    /// Creates the containers and the table where they are missing.
    ///
    /// In Azure the deployment makes them; the demo and the tests begin with an empty account.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn create_if_missing(&self) -> azure_core::Result<()> {
        for container in [INBOX, CONNECTIONS, PACKAGES, REPORTS] {
            self.blobs.create_container_if_missing(container).await?;
        }
        self.imports.create_if_missing().await
    }
}

/// A queue of the account.
///
/// # Errors
/// Where no credential can be made.
pub fn queue(account: &Account, name: &str) -> azure_core::Result<QueueClient> {
    let (endpoints, credential, client_options) = account.access(Scheme::Full)?;
    let options = QueueServiceClientOptions { client_options, ..Default::default() };
    QueueServiceClient::new(endpoints.queue.clone(), credential, Some(options))?.queue_client(name)
}

/// Signed by key, and not through a proxy that the environment may name.
fn emulated(name: &str, key: &Secret, scheme: Scheme) -> azure_core::Result<ClientOptions> {
    let client = http::client(true)
        .map_err(|error| Error::with_message(ErrorKind::Other, error.to_string()))?;
    Ok(ClientOptions {
        transport: Some(Transport::new(Arc::new(client))),
        per_try_policies: vec![SharedKey::policy(name, key, scheme)],
        ..Default::default()
    })
}

/// An error of storage or of a credential as one sentence for a log or a row.
///
/// Only the status and the service's own error code are told: bodies may quote what was sent.
#[must_use]
pub fn sentence(error: &Error) -> String {
    // When the retries have been used up, what was answered last stands behind that.
    let behind = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<Error>());
    if let Some(behind) = behind {
        return sentence(behind);
    }
    match error.kind() {
        ErrorKind::HttpResponse { status, error_code, .. } => {
            let code = error_code.as_deref().unwrap_or("no error code");
            format!("it answered {} ({code})", u16::from(*status))
        }
        ErrorKind::Credential => {
            format!("no token could be had: {}", first_line(&error.to_string()))
        }
        ErrorKind::Connection | ErrorKind::Io | ErrorKind::DataConversion | ErrorKind::Other => {
            first_line(&error.to_string())
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_retries_ended_on_is_told_and_not_that_they_ended() {
        let refused = Error::with_message(ErrorKind::Io, "connection refused");
        let retried = refused.with_context("retry policy expired");
        assert_eq!(sentence(&retried), "connection refused");
        let plain = Error::with_message(ErrorKind::Io, "first line\nsecond line");
        assert_eq!(sentence(&plain), "first line");
    }
}
