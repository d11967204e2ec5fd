//! Azure Storage and identities: the account that holds inbox, connections, packages, reports and
//! the imports table.

use std::{sync::Arc, time::Duration};

use azure_core::{
    Error,
    credentials::{Secret, TokenCredential},
    error::ErrorKind,
    http::{ClientOptions, ExponentialRetryOptions, RetryOptions, Transport, Url},
};
use azure_storage_blob::{BlobServiceClient, BlobServiceClientOptions};
use azure_storage_queue::{QueueClient, QueueServiceClient, QueueServiceClientOptions};

use crate::http::{self, Destination, is_loopback_http};

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
/// Where the host puts what `receive` could not read.
pub const POISON: &str = "arrivals-poison";

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
    /// Azure.
    Identity {
        /// As whom.
        who: Who,
        /// Base addresses of the three services.
        endpoints: Endpoints,
    },
}

/// Who reaches storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// The app's managed identity.
    ManagedIdentity {
        /// Client id of the user-assigned identity; `None` is the system-assigned.
        client_id: Option<String>,
    },
    /// Whoever is signed in to the Azure CLI.
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

    /// Connections to the account, which its clients share.
    fn transport(&self, answer_timeout: Duration) -> azure_core::Result<Transport> {
        let to = match self {
            Self::Emulator { .. } => Destination::LocalHttp, // see `Account::emulator`
            Self::Identity { .. } => Destination::Remote,
        };
        transport(to, answer_timeout)
    }

    /// Addresses, credential and signing policy of a client.
    fn access(
        &self,
        scheme: Scheme,
        transport: Transport,
        answer_timeout: Duration,
    ) -> azure_core::Result<(&Endpoints, SomeCredential, ClientOptions)> {
        let options = ClientOptions { transport: Some(transport), ..Default::default() };
        Ok(match self {
            Self::Emulator { name, key, endpoints } => {
                let per_try_policies = vec![SharedKey::policy(name, key, scheme)];
                (endpoints, None, ClientOptions { per_try_policies, ..options })
            }
            Self::Identity { who, endpoints } => {
                let credential = match who {
                    Who::ManagedIdentity { client_id } => {
                        identity::managed_identity(client_id.as_deref(), answer_timeout)?
                    }
                    Who::AzureCli => identity::azure_cli(None, answer_timeout)?,
                };
                (endpoints, Some(credential), options)
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
    /// Makes the clients; asks nothing yet. A question that is never answered fails after a
    /// little more than twice `answer_timeout`: it is asked once more.
    ///
    /// # Errors
    /// Where no credential can be made.
    pub fn open(account: &Account, answer_timeout: Duration) -> azure_core::Result<Self> {
        Self::retrying(account, answer_timeout, &retries(answer_timeout))
    }

    /// The same, but nothing is asked twice: what was answered first is what is told.
    ///
    /// # Errors
    /// Where no credential can be made.
    pub fn open_once(account: &Account, answer_timeout: Duration) -> azure_core::Result<Self> {
        Self::retrying(account, answer_timeout, &RetryOptions::none())
    }

    fn retrying(
        account: &Account,
        answer_timeout: Duration,
        retry: &RetryOptions,
    ) -> azure_core::Result<Self> {
        let transport = account.transport(answer_timeout)?;
        let (endpoints, credential, client_options) =
            account.access(Scheme::Full, transport.clone(), answer_timeout)?;
        let client_options = ClientOptions { retry: retry.clone(), ..client_options };
        let options = BlobServiceClientOptions { client_options, ..Default::default() };
        let blobs = BlobServiceClient::new(endpoints.blob.clone(), credential, Some(options))?;
        let (endpoints, credential, options) =
            account.access(Scheme::Lite, transport, answer_timeout)?;
        let options = ClientOptions { retry: retry.clone(), ..options };
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

/// A queue of the account; only the doctor, the demo and its host speak to queues themselves.
///
/// # Errors
/// Where no credential can be made.
pub fn queue(account: &Account, name: &str) -> azure_core::Result<QueueClient> {
    let answer_timeout = Duration::from_mins(1);
    queue_retrying(account, name, answer_timeout, retries(answer_timeout))
}

/// The same, but nothing is asked twice.
///
/// # Errors
/// Where no credential can be made.
pub fn queue_once(
    account: &Account,
    name: &str,
    answer_timeout: Duration,
) -> azure_core::Result<QueueClient> {
    queue_retrying(account, name, answer_timeout, RetryOptions::none())
}

fn queue_retrying(
    account: &Account,
    name: &str,
    answer_timeout: Duration,
    retry: RetryOptions,
) -> azure_core::Result<QueueClient> {
    let transport = account.transport(answer_timeout)?;
    let (endpoints, credential, client_options) =
        account.access(Scheme::Full, transport, answer_timeout)?;
    let client_options = ClientOptions { retry, ..client_options };
    let options = QueueServiceClientOptions { client_options, ..Default::default() };
    QueueServiceClient::new(endpoints.queue.clone(), credential, Some(options))?.queue_client(name)
}

/// Options under which neither a try nor all tries together wait for ever: the next try is begun
/// no later than `answer_timeout` after the end of the first.
fn client_options(to: Destination, answer_timeout: Duration) -> azure_core::Result<ClientOptions> {
    Ok(ClientOptions {
        transport: Some(transport(to, answer_timeout)?),
        retry: retries(answer_timeout),
        ..Default::default()
    })
}

/// Connections, on which no try waits longer for an answer. Where they may speak TLS, to make them
/// reads every certificate that this machine trusts, so they are shared where they can be.
fn transport(to: Destination, answer_timeout: Duration) -> azure_core::Result<Transport> {
    let client = http::client(to)
        .read_timeout(answer_timeout)
        .build()
        .map_err(|error| Error::with_message(ErrorKind::Other, error.to_string()))?;
    Ok(Transport::new(Arc::new(client)))
}

/// Tries of which none is begun later than `answer_timeout` after the first.
fn retries(answer_timeout: Duration) -> RetryOptions {
    RetryOptions::exponential(ExponentialRetryOptions {
        max_total_elapsed: answer_timeout.try_into().unwrap_or(time::Duration::MAX),
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
        let is_of_token = |error: &Error| matches!(error.kind(), ErrorKind::Credential);
        let what = sentence(behind);
        let told = is_of_token(behind) || !is_of_token(error);
        return if told { what } else { format!("no token could be had: {what}") };
    }
    match error.kind() {
        ErrorKind::HttpResponse { status, error_code, .. } => {
            let status = u16::from(*status);
            // The SDK puts the status where there is no code.
            let code = error_code.as_deref().filter(|code| *code != status.to_string());
            format!("it answered {status} ({})", code.unwrap_or("no error code"))
        }
        ErrorKind::Credential => {
            format!("no token could be had: {}", first_line(&error.to_string()))
        }
        ErrorKind::Connection | ErrorKind::Io | ErrorKind::DataConversion | ErrorKind::Other => {
            let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref());
            cause.map_or_else(|| first_line(&error.to_string()), http::broke)
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
        let refused = Error::with_message(ErrorKind::Io, "connection refused");
        let no_token = Error::with_error(ErrorKind::Credential, refused, "could not sign in");
        let no_token = no_token.with_context("not retried");
        assert_eq!(sentence(&no_token), "no token could be had: connection refused");
    }

    #[test]
    fn an_answer_without_a_code_is_told_in_one_form() {
        for (code, told) in [
            (None, "it answered 403 (no error code)"),
            (Some("403"), "it answered 403 (no error code)"),
            (Some("AuthorizationFailure"), "it answered 403 (AuthorizationFailure)"),
        ] {
            let error_code = code.map(str::to_owned);
            let kind =
                ErrorKind::HttpResponse { status: 403.into(), error_code, raw_response: None };
            assert_eq!(sentence(&Error::with_message(kind, "a body")), told);
        }
    }

    #[tokio::test]
    async fn storage_that_takes_a_question_and_never_answers_is_given_up() {
        // The kernel takes the connections; nobody ever reads from them.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/a", silent.local_addr().unwrap());
        let account = Account::emulator(&format!(
            "AccountName=a;AccountKey=a2V5;BlobEndpoint={url};QueueEndpoint={url};\
             TableEndpoint={url}"
        ));
        let storage = Storage::open(&account.unwrap(), Duration::from_secs(1)).unwrap();
        let asked = async {
            tokio::join!(storage.blobs.look(INBOX, "hr/a.csv"), storage.imports.get("t", "r"))
        };
        let (blob, row) = tokio::time::timeout(Duration::from_mins(1), asked).await.unwrap();
        for error in [blob.unwrap_err(), row.unwrap_err()] {
            assert_eq!(sentence(&error), "no answer came in time");
        }
    }
}
