//! A complete deployment on this machine: an account of the emulator, the emulated Functions host with the
//! real handler, and the mock service. The demo and the tests use it.
//!
//! Azurite raises no events. So the stage also does the part of Event Grid: for each created blob, it puts a
//! message into the queue `arrivals`.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::Path,
    time::Duration,
};

use azure_core::http::RequestContent;
use azure_storage_queue::{QueueClient, models::QueueMessage};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    azurite::Azurite,
    host::{Host, HostError, HostStorage, Options, Orphan},
    service::Service,
};
use crate::{
    config::{ARRIVALS, Account, CONNECTIONS, INBOX, POISON, STEPS, STEPS_POISON, STORAGE},
    http::azure::sentence,
    import::Import,
    storage::{self, Storage, blob::Blob, import_table::ImportTable},
};

/// The setting that contains the token of the mock service.
pub const TOKEN_SETTING: &str = "MOCK_SERVICE_TOKEN";

/// What the URL of an event percent-encodes.
const ENCODED: AsciiSet =
    NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The default of the handler.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
/// The app as it is deployed: host.json, and a folder for each function.
const HOST_JSON: &str = include_str!("../../host.json");
const FUNCTIONS: [(&str, &str); 11] = [
    ("step", include_str!("../../function/step/function.json")),
    ("intake", include_str!("../../function/intake/function.json")),
    ("schedule", include_str!("../../function/schedule/function.json")),
    ("sweep", include_str!("../../function/sweep/function.json")),
    ("advance", include_str!("../../function/advance/function.json")),
    ("query", include_str!("../../function/query/function.json")),
    ("command", include_str!("../../function/command/function.json")),
    ("status", include_str!("../../function/status/function.json")),
    ("console", include_str!("../../function/console/function.json")),
    ("signedin", include_str!("../../function/signedin/function.json")),
    ("health", include_str!("../../function/health/function.json")),
];

/// Why a deployment cannot be set up or used.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Storage failed.
    #[error("{operation}: {}", sentence(source))]
    Storage {
        /// What failed, with its object.
        operation: String,
        /// Why it failed.
        source: azure_core::Error,
    },
    /// The folder of the app cannot be written.
    #[error("could not write the folder of the app: {0}")]
    Folder(#[from] io::Error),
    /// The Functions host does not start.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A file in the inbox was deleted.
    #[error("{0} is not in the inbox")]
    Gone(String),
}

/// A running deployment. All of it stops when dropped.
pub struct Stage {
    /// The Functions host. [`Stage::restart`] starts a new one.
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
    options: Options,
    /// Handlers of earlier hosts. They continue, as behind a real host.
    orphans: Vec<Orphan>,
}

impl Stage {
    /// Deploys to an empty account of `azurite`, with `executable` as the handler. `settings` are added to
    /// those that connect the parts, and override them.
    ///
    /// # Errors
    /// A part could not be started.
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
            // Once a year, so that only an event or a test starts the import of a file.
            ("IMPORT_SCHEDULE".to_owned(), "0 0 0 1 1 *".to_owned()),
            ("SWEEP_SCHEDULE".to_owned(), "0 0 0 1 1 *".to_owned()),
            ("ADVANCE_SCHEDULE".to_owned(), "0 */5 * * * *".to_owned()),
            // What a test or the demo stores is complete.
            ("QUIET_SECONDS".to_owned(), "0".to_owned()),
        ]);
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let root = app_folder(executable)?;
        // Short, so that another host takes over the timers soon.
        let host_storage = HostStorage::with_lease(Duration::from_secs(2));
        let options = Options { storage: host_storage, ..Options::default() };
        let host = Host::start_with(root.path(), all.clone(), options.clone()).await?;
        let table = ImportTable::new(open(&account)?.imports);
        let orphans = Vec::new();
        let settings = all;
        let stage =
            Self { host, service, storage, table, account, settings, root, options, orphans };
        // As the deployment does.
        for name in [ARRIVALS, POISON, STEPS, STEPS_POISON] {
            let created = stage.queue(name)?.create(None).await;
            created.map_err(failed(format!("creating the queue {name}")))?;
        }
        Ok(stage)
    }

    /// Stops the host and starts a new one, as an update of the platform does.
    ///
    /// # Errors
    /// The host does not start.
    pub async fn restart(mut self) -> Result<Self, HostError> {
        self.orphans.extend(self.host.stop().await);
        let (root, options) = (self.root.path(), self.options.clone());
        self.host = Host::start_with(root, self.settings.clone(), options).await?;
        Ok(self)
    }

    /// Changes settings. The platform kills the host with everything that runs, and starts a new one.
    ///
    /// # Errors
    /// The host does not start.
    pub async fn change_settings(mut self, settings: &[(&str, &str)]) -> Result<Self, HostError> {
        let changed =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.settings.extend(changed);
        self.host = self.host.change_settings(self.settings.clone()).await?;
        Ok(self)
    }

    /// Starts another host of the app, such as a second instance, or one for some of the functions. The hosts of
    /// the stage share what `options` of [`Stage::host_options`] contain.
    ///
    /// # Errors
    /// The host does not start.
    pub async fn another_host(&self, options: Options) -> Result<Host, HostError> {
        Host::start_with(self.root.path(), self.settings.clone(), options).await
    }

    /// The options of the host.
    #[must_use]
    pub fn host_options(&self) -> Options {
        self.options.clone()
    }

    /// Stores the document of a connection.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn connect(&self, name: &str, document: &str) -> Result<(), StageError> {
        let document_name = format!("{name}.json");
        let content = document.as_bytes().to_vec();
        let put = self.storage.blobs.put(CONNECTIONS, &document_name, "application/json", content);
        put.await.map_err(failed(format!("storing the connection {name}")))
    }

    /// Puts a file into the inbox, without an event.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn drop_file(&self, name: &str, content: Vec<u8>) -> Result<Blob, StageError> {
        let put = self.storage.blobs.put(INBOX, name, "text/csv", content).await;
        put.map_err(failed(format!("putting {name} into the inbox")))?;
        self.look(name).await
    }

    /// The present blob of a file in the inbox.
    async fn look(&self, name: &str) -> Result<Blob, StageError> {
        let blob = self.storage.blobs.look(INBOX, name).await;
        let blob =
            blob.map_err(failed(format!("reading the properties of {name} in the inbox")))?;
        blob.ok_or_else(|| StageError::Gone(name.to_owned()))
    }

    /// Puts a file with metadata into the inbox, and raises the event.
    ///
    /// # Errors
    /// Storage failed.
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
        // A change of metadata changes the ETag.
        self.announce(&blob_created(&self.look(name).await?)).await
    }

    /// Puts a file into the inbox as a page blob, and raises the event.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn arrive_as_pages(
        &self,
        name: &str,
        mut content: Vec<u8>,
    ) -> Result<(), StageError> {
        content.resize(content.len().next_multiple_of(512), 0);
        let length = content.len() as u64;
        let client = self.storage.blobs.client(INBOX, name).page_blob_client();
        let written = async {
            client.create(length, None).await?;
            let pages = RequestContent::from(content);
            client.upload_pages(pages, length, (0..length).into(), None).await
        };
        written.await.map_err(failed(format!("putting {name} into the inbox")))?;
        let mut event = blob_created(&self.look(name).await?);
        event["data"]["blobType"] = json!("PageBlob");
        self.announce(&event).await
    }

    /// The settings of the handler.
    #[must_use]
    pub fn settings(&self) -> &BTreeMap<String, String> {
        &self.settings
    }

    /// Puts a file into the inbox, and raises the event.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn arrive(&self, name: &str, content: Vec<u8>) -> Result<Blob, StageError> {
        let blob = self.drop_file(name, content).await?;
        self.announce(&blob_created(&blob)).await?;
        Ok(blob)
    }

    /// Puts an event into the queue `arrivals`.
    ///
    /// # Errors
    /// The queue failed.
    pub async fn announce(&self, event: &Value) -> Result<(), StageError> {
        let delivered = deliver(&self.queue(ARRIVALS)?, event).await;
        delivered.map_err(failed("putting an event into the queue arrivals"))
    }

    /// A queue of the account.
    ///
    /// # Errors
    /// Storage failed.
    pub fn queue(&self, name: &str) -> Result<QueueClient, StageError> {
        storage::queue(&self.account, name).map_err(failed(format!("opening the queue {name}")))
    }

    /// Every import, newest content first.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn imports(&self) -> Result<Vec<Import>, StageError> {
        let listed = self.table.list().await.map_err(failed("listing the imports"))?;
        Ok(listed.into_iter().map(|stored| stored.import).collect())
    }
}

/// The event of a created blob, in the Event Grid schema.
#[must_use]
pub fn blob_created(blob: &Blob) -> Value {
    blob_written(blob, "PutBlob")
}

/// The event of a blob that this operation of storage wrote, in the Event Grid schema.
///
/// Source: "Azure Blob Storage as an Event Grid source" in Microsoft's documentation.
#[must_use]
pub fn blob_written(blob: &Blob, api: &str) -> Value {
    let id = || azure_core::Uuid::new_v4().to_string();
    // The operations of Data Lake Storage have an endpoint of their own.
    let service = if matches!(api, "CreateFile" | "FlushWithClose") { "dfs" } else { "blob" };
    let path = utf8_percent_encode(&blob.name, &ENCODED);
    json!({
        "topic": "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers\
                  /Microsoft.Storage/storageAccounts/mockaccount",
        "subject": format!("/blobServices/default/containers/{}/blobs/{}", blob.container, blob.name),
        "eventType": "Microsoft.Storage.BlobCreated",
        "id": id(),
        "data": {
            "api": api,
            "clientRequestId": id(),
            "requestId": id(),
            "eTag": blob.etag,
            "contentType": "text/csv",
            "contentLength": blob.bytes,
            "blobType": "BlockBlob",
            "url": format!(
                "https://mockaccount.{service}.core.windows.net/{}/{path}",
                blob.container
            ),
            "sequencer": format!("{:032X}", blob.last_modified.unix_timestamp_nanos()),
            "storageDiagnostics": { "batchId": id() },
        },
        "dataVersion": "",
        "metadataVersion": "1",
        "eventTime": "2026-11-23T06:00:00.0000000Z",
    })
}

/// Puts an event into the queue as Event Grid does: one event in each message, as base64.
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

/// A folder with the app as it is deployed, and with the executable that host.json names.
fn app_folder(executable: &Path) -> io::Result<TempDir> {
    let root = tempfile::Builder::new().prefix("viva-import-").tempdir()?;
    std::fs::write(root.path().join("host.json"), HOST_JSON)?;
    for (name, function) in FUNCTIONS {
        std::fs::create_dir(root.path().join(name))?;
        std::fs::write(root.path().join(name).join("function.json"), function)?;
    }
    let handler = root.path().join("viva-import");
    // A link is fast. If the folder is on another disk, the file is copied.
    std::fs::hard_link(executable, &handler)
        .or_else(|_| std::fs::copy(executable, &handler).map(drop))?;
    Ok(root)
}
