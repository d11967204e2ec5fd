//! A whole deployment on this machine: the emulator's account, the Functions host with the real
//! handler, and the mock service. The demo and the tests stand on the same stage.
//!
//! Azurite raises no events, so the stage also does what Event Grid does in Azure: a blob was created,
//! so a message goes to the arrivals queue.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::Path,
    time::Duration,
};

use azure_storage_queue::{QueueClient, models::QueueMessage};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    azurite::Azurite,
    host::{Host, HostError},
    service::Service,
};
use crate::{
    config::{ARRIVALS, Account, CONNECTIONS, INBOX, STORAGE},
    http::azure::sentence,
    import::Import,
    storage::{self, Storage, blob::Blob, import_table::ImportTable},
};

/// The setting that holds the mock service's token.
pub const TOKEN_SETTING: &str = "MOCK_SERVICE_TOKEN";

/// As the handler has it, unless it is set.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
/// The app as it is deployed: host.json, and a folder for each function beside it.
const HOST_JSON: &str = include_str!("../../host.json");
const FUNCTIONS: [(&str, &str); 10] = [
    ("intake", include_str!("../../function/intake/function.json")),
    ("schedule", include_str!("../../function/schedule/function.json")),
    ("sweep", include_str!("../../function/sweep/function.json")),
    ("drive", include_str!("../../function/drive/function.json")),
    ("status", include_str!("../../function/status/function.json")),
    ("status-json", include_str!("../../function/status-json/function.json")),
    ("imports", include_str!("../../function/imports/function.json")),
    ("health", include_str!("../../function/health/function.json")),
    ("doctor", include_str!("../../function/doctor/function.json")),
    ("signed-in", include_str!("../../function/signed-in/function.json")),
];

/// Why a deployment cannot be set up or used.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Storage failed.
    #[error("{operation}: {}", sentence(source))]
    Storage {
        /// What was tried, and with what.
        operation: String,
        /// Why it failed.
        source: azure_core::Error,
    },
    /// The folder of the app cannot be laid out.
    #[error("laying out the app's folder: {0}")]
    Folder(#[from] io::Error),
    /// The Functions host does not start.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A file that was put into the inbox is gone.
    #[error("{0} is not in the inbox")]
    Gone(String),
}

/// A running deployment; all of it stops when dropped.
pub struct Stage {
    /// The Functions host; [`Stage::restart`] makes a new one.
    pub host: Host,
    /// The mock service.
    pub service: Service,
    /// The account.
    pub storage: Storage,
    /// The imports.
    pub table: ImportTable,
    account: Account,
    settings: BTreeMap<String, String>,
    root: TempDir,
}

impl Stage {
    /// Sets everything up in an empty account of `azurite`, with `executable` as the handler.
    /// `settings` come on top of those that connect the parts.
    ///
    /// # Errors
    /// What could not be set up.
    pub async fn set(
        azurite: &Azurite,
        account: &str,
        executable: &Path,
        service: Service,
        token: &str,
        settings: &[(&str, &str)],
    ) -> Result<Self, StageError> {
        let connection_string = azurite.connection_string(account);
        let account = azurite.account(account);
        let storage = open(&account)?;
        let created = storage.create_if_missing().await;
        created.map_err(failed("creating the containers and the table"))?;
        let mut all = BTreeMap::from([
            (STORAGE.to_owned(), connection_string),
            ("INGESTION_ENDPOINT".to_owned(), service.endpoint().to_string()),
            (TOKEN_SETTING.to_owned(), token.to_owned()),
            // Once a year: a file is found here because an event tells of it, or by hand.
            ("IMPORT_SCHEDULE".to_owned(), "0 0 0 1 1 *".to_owned()),
            ("SWEEP_SCHEDULE".to_owned(), "0 0 0 1 1 *".to_owned()),
            ("DRIVE_SCHEDULE".to_owned(), "* * * * * *".to_owned()),
        ]);
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let root = laid_out(executable)?;
        let host = Host::start(root.path(), all.clone()).await?;
        let table = ImportTable::new(open(&account)?.imports);
        let stage = Self { host, service, storage, table, account, settings: all, root };
        let created = stage.queue(ARRIVALS)?.create(None).await;
        created.map_err(failed("creating the arrivals queue"))?;
        Ok(stage)
    }

    /// Ends the host and starts a new one, as an update of the platform does.
    ///
    /// # Errors
    /// Why it does not start.
    pub async fn restart(self) -> Result<Self, HostError> {
        let Self { host, service, storage, table, account, settings, root } = self;
        host.stop().await;
        let host = Host::start(root.path(), settings.clone()).await?;
        Ok(Self { host, service, storage, table, account, settings, root })
    }

    /// Stores a connection's document.
    ///
    /// # Errors
    /// Whatever storage says.
    pub async fn connect(&self, name: &str, document: &str) -> Result<(), StageError> {
        let document_name = format!("{name}.json");
        let content = document.as_bytes().to_vec();
        let put = self.storage.blobs.put(CONNECTIONS, &document_name, "application/json", content);
        put.await.map_err(failed(format!("storing the connection {name}")))
    }

    /// Puts a file into the inbox, and tells nobody.
    ///
    /// # Errors
    /// Whatever storage says.
    pub async fn drop_file(&self, name: &str, content: Vec<u8>) -> Result<Blob, StageError> {
        let put = self.storage.blobs.put(INBOX, name, "text/csv", content).await;
        put.map_err(failed(format!("putting {name} into the inbox")))?;
        self.look(name).await
    }

    /// A file of the inbox as it is.
    async fn look(&self, name: &str) -> Result<Blob, StageError> {
        let blob = self.storage.blobs.look(INBOX, name).await;
        let blob = blob.map_err(failed(format!("looking at {name} in the inbox")))?;
        blob.ok_or_else(|| StageError::Gone(name.to_owned()))
    }

    /// Puts a file with metadata into the inbox, and Event Grid tells of it.
    ///
    /// # Errors
    /// Whatever storage says.
    pub async fn arrive_with(
        &self,
        name: &str,
        content: Vec<u8>,
        metadata: (&str, &str),
    ) -> Result<(), StageError> {
        self.drop_file(name, content).await?;
        let metadata = HashMap::from([(metadata.0.to_owned(), metadata.1.to_owned())]);
        let client = self.storage.blobs.client(INBOX, name);
        let set = client.set_metadata(&metadata, None).await;
        set.map_err(failed(format!("setting the metadata of {name}")))?;
        // Metadata is a part of the content that an ETag stands for.
        self.announce(&blob_created(&self.look(name).await?)).await
    }

    /// The settings the handler has.
    #[must_use]
    pub fn settings(&self) -> &BTreeMap<String, String> {
        &self.settings
    }

    /// Puts a file into the inbox, and Event Grid tells of it.
    ///
    /// # Errors
    /// Whatever storage says.
    pub async fn arrive(&self, name: &str, content: Vec<u8>) -> Result<Blob, StageError> {
        let blob = self.drop_file(name, content).await?;
        self.announce(&blob_created(&blob)).await?;
        Ok(blob)
    }

    /// Delivers an event to the arrivals queue.
    ///
    /// # Errors
    /// Whatever the queue says.
    pub async fn announce(&self, event: &Value) -> Result<(), StageError> {
        let delivered = deliver(&self.queue(ARRIVALS)?, event).await;
        delivered.map_err(failed("putting an event into the arrivals queue"))
    }

    /// A queue of the account.
    ///
    /// # Errors
    /// Whatever storage says.
    pub fn queue(&self, name: &str) -> Result<QueueClient, StageError> {
        storage::queue(&self.account, name).map_err(failed(format!("opening the queue {name}")))
    }

    /// Every import, newest content first.
    ///
    /// # Errors
    /// Whatever storage says.
    pub async fn imports(&self) -> Result<Vec<Import>, StageError> {
        let listed = self.table.list().await.map_err(failed("listing the imports"))?;
        Ok(listed.into_iter().map(|stored| stored.import).collect())
    }
}

/// The event of a blob, in Event Grid's own schema.
#[must_use]
pub fn blob_created(blob: &Blob) -> Value {
    json!({
        "topic": "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers\
                  /Microsoft.Storage/storageAccounts/mockaccount",
        "subject": format!("/blobServices/default/containers/{}/blobs/{}", blob.container, blob.name),
        "eventType": "Microsoft.Storage.BlobCreated",
        "id": azure_core::Uuid::new_v4().to_string(),
        "data": {
            "api": "PutBlob",
            "eTag": blob.etag,
            "contentType": "text/csv",
            "contentLength": blob.bytes,
            "blobType": "BlockBlob",
            "url": format!(
                "https://mockaccount.blob.core.windows.net/{}/{}",
                blob.container, blob.name
            ),
        },
        "dataVersion": "",
        "metadataVersion": "1",
        "eventTime": "2026-11-23T06:00:00.0000000Z",
    })
}

/// Puts an event on the queue as Event Grid does: one event, base64.
async fn deliver(queue: &QueueClient, event: &Value) -> azure_core::Result<()> {
    let message = QueueMessage { message_text: Some(STANDARD.encode(event.to_string())) };
    queue.send_message(message.try_into()?, None).await.map(drop)
}

fn open(account: &Account) -> Result<Storage, StageError> {
    Storage::open(account, ANSWER_TIMEOUT).map_err(failed("opening the storage account"))
}

fn failed(operation: impl Into<String>) -> impl FnOnce(azure_core::Error) -> StageError {
    |source| StageError::Storage { operation: operation.into(), source }
}

/// The app's folder as it is deployed, with the executable that host.json names.
fn laid_out(executable: &Path) -> io::Result<TempDir> {
    let root = tempfile::Builder::new().prefix("viva-import-").tempdir()?;
    std::fs::write(root.path().join("host.json"), HOST_JSON)?;
    for (name, function) in FUNCTIONS {
        std::fs::create_dir(root.path().join(name))?;
        std::fs::write(root.path().join(name).join("function.json"), function)?;
    }
    let handler = root.path().join("viva-import");
    // A link costs nothing; where the folder is on another disk the file is copied.
    std::fs::hard_link(executable, &handler)
        .or_else(|_| std::fs::copy(executable, &handler).map(drop))?;
    Ok(root)
}
