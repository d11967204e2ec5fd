//! The storage account: blobs, queues, the table client, and the table of imports.

use std::{sync::Arc, time::Duration};

use azure_core::{
    Error,
    credentials::TokenCredential,
    error::ErrorKind,
    http::{ClientOptions, RetryOptions, Transport, headers::HeaderName},
};
use azure_storage_blob::{BlobServiceClient, BlobServiceClientOptions};
use azure_storage_queue::{
    QueueClient, QueueServiceClient, QueueServiceClientOptions,
    models::{QueueClientSendMessageOptions, QueueClientUpdateMessageOptions, QueueMessage},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use self::{
    blob::Blobs,
    shared_key::{Scheme, SharedKey},
    table::Table,
};
use crate::{
    config::{Account, CONNECTIONS, Endpoints, IMPORTS, INBOX, PACKAGES, REPORTS, StorageIdentity},
    http::{
        Destination,
        azure::{retries, transport},
    },
    identity,
};

pub mod blob;
pub mod import_table;
pub mod shared_key;
pub mod table;

/// A credential, or none if requests are signed with a key.
type SomeCredential = Option<Arc<dyn TokenCredential>>;

impl Account {
    /// The connections to the account that its clients share.
    fn transport(&self, answer_timeout: Duration) -> azure_core::Result<Transport> {
        let to = match self {
            Self::Emulator { .. } => Destination::LocalHttp, // see `Account::emulator`
            Self::Identity { .. } => Destination::Remote,
        };
        transport(to, answer_timeout)
    }

    /// The addresses, the credential and the signing policy of a client.
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
                    StorageIdentity::ManagedIdentity { client_id } => {
                        identity::managed_identity(client_id.as_deref(), answer_timeout)?
                    }
                    StorageIdentity::AzureCli => identity::azure_cli(None, answer_timeout)?,
                };
                (endpoints, Some(credential), options)
            }
        })
    }
}

/// The clients of a storage account.
pub struct Storage {
    /// Its blobs.
    pub blobs: Blobs,
    /// The imports table.
    pub imports: Table,
}

impl Storage {
    /// Creates the clients, without a request. A request without an answer is retried once, and fails after
    /// a little more than twice `answer_timeout`.
    ///
    /// # Errors
    /// If no credential can be created.
    pub fn open(account: &Account, answer_timeout: Duration) -> azure_core::Result<Self> {
        Self::retrying(account, answer_timeout, &retries(answer_timeout))
    }

    /// The same without retries: the first answer is the result.
    ///
    /// # Errors
    /// If no credential can be created.
    pub(crate) fn open_once(
        account: &Account,
        answer_timeout: Duration,
    ) -> azure_core::Result<Self> {
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

    /// Creates the containers and the table that do not exist.
    ///
    /// In Azure, the deployment creates them; the demo and the tests begin with an empty account.
    ///
    /// # Errors
    /// Any error of the service.
    pub async fn create_if_missing(&self) -> azure_core::Result<()> {
        for container in [INBOX, CONNECTIONS, PACKAGES, REPORTS] {
            self.blobs.create_container_if_missing(container).await?;
        }
        self.imports.create_if_missing().await
    }
}

/// A queue of the account, for the demo and its host; in Azure, the host reads the queue.
///
/// # Errors
/// If no credential can be created.
pub fn queue(account: &Account, name: &str) -> azure_core::Result<QueueClient> {
    queue_within(account, name, Duration::from_mins(1))
}

/// The same with the time that a request may wait for its answer, as in [`Storage::open`].
///
/// # Errors
/// If no credential can be created.
pub(crate) fn queue_within(
    account: &Account,
    name: &str,
    answer_timeout: Duration,
) -> azure_core::Result<QueueClient> {
    queue_retrying(account, name, answer_timeout, retries(answer_timeout))
}

/// The same without retries.
///
/// # Errors
/// If no credential can be created.
pub(crate) fn queue_once(
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

/// A message that was sent, to change or delete it.
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) receipt: String,
}

/// Sends a message as the host expects it, in base64, hidden for `delay`. It expires after `lifetime`, or never.
///
/// # Errors
/// Any error of the service.
pub(crate) async fn send_later(
    queue: &QueueClient,
    text: &str,
    delay: Duration,
    lifetime: Option<Duration>,
) -> azure_core::Result<Sent> {
    let message = QueueMessage { message_text: Some(STANDARD.encode(text)) };
    let seconds = |time: Duration| i32::try_from(time.as_secs()).ok();
    let options = QueueClientSendMessageOptions {
        visibility_timeout: seconds(delay),
        // By default, a message lives for a week.
        message_time_to_live: lifetime.map_or(Some(-1), seconds),
        ..QueueClientSendMessageOptions::default()
    };
    let sent = queue.send_message(message.try_into()?, Some(options)).await?.into_model()?;
    let sent = sent.items.unwrap_or_default().into_iter().next();
    let sent =
        sent.and_then(|sent| Some(Sent { id: sent.message_id?, receipt: sent.pop_receipt? }));
    sent.ok_or_else(|| {
        let why = "the queue service answered without the message";
        Error::with_message(ErrorKind::DataConversion, why)
    })
}

/// Changes a hidden message, and hides it for `delay` from now; returns its new receipt.
///
/// # Errors
/// Any error of the service; 404 or 400 if the message was shown or deleted since the receipt was given.
pub(crate) async fn change_message(
    queue: &QueueClient,
    id: &str,
    receipt: &str,
    text: &str,
    delay: Duration,
) -> azure_core::Result<String> {
    let message = QueueMessage { message_text: Some(STANDARD.encode(text)) };
    let options = QueueClientUpdateMessageOptions {
        queue_message: Some(message.try_into()?),
        ..QueueClientUpdateMessageOptions::default()
    };
    let seconds = i32::try_from(delay.as_secs()).unwrap_or(i32::MAX);
    let answer = queue.update_message(id, receipt, seconds, Some(options)).await?;
    answer.headers().get_str(&HeaderName::from_static("x-ms-popreceipt")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_that_storage_never_answers_fails() {
        // The kernel accepts the connections; no process reads from them.
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
            assert_eq!(crate::http::azure::sentence(&error), "no answer arrived in time");
        }
    }
}
