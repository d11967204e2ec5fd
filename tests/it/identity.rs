//! Managed identities: access to storage over TLS and the push, with tokens of the app's identity endpoint.
//!
//! Azurite checks the shape, audience, issuer and times of a bearer token, but not its signature.

use std::{
    net::TcpListener,
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, http::StatusCode};
use azure_core::{
    credentials::Secret,
    http::{ClientOptions, Transport},
};
use azure_storage_blob::{BlobServiceClient, BlobServiceClientOptions};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use viva_import::{
    config::{Account, CONNECTIONS, IMPORTS, INBOX},
    import::{Import, State},
    storage::{
        Storage,
        blob::Blobs,
        import_table::ImportTable,
        shared_key::{Scheme, SharedKey},
        table::Table,
    },
    testbed::{
        SAMPLE_CONNECTION,
        azurite::Azurite,
        service::{Rules, Service},
    },
};

use crate::authority::{Asked, PUSH_TOKEN, SECRET_HEADER, certificates, identity_endpoint};
use crate::stage::{BINARY, GOOD_CSV, azurite_program, until};

const CLIENT_ID: &str = "aaaaaaaa-1111-2222-3333-444444444444";
const ACCOUNT: &str = "identityacct";

/// The account for its owner, who has the key and trusts the certificate authority.
fn owners_view(azurite: &Azurite, authority: &Path) -> Storage {
    let Account::Emulator { name, key, endpoints } = azurite.account(ACCOUNT) else { panic!() };
    let pem = std::fs::read(authority).unwrap();
    let trusting = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()])
        .build()
        .unwrap();
    let transport = Transport::new(Arc::new(trusting));
    let options = |key: &Secret, scheme| ClientOptions {
        transport: Some(transport.clone()),
        per_try_policies: vec![SharedKey::policy(&name, key, scheme)],
        ..Default::default()
    };
    let blob_options = BlobServiceClientOptions {
        client_options: options(&key, Scheme::Full),
        ..Default::default()
    };
    let blobs = BlobServiceClient::new(endpoints.blob, None, Some(blob_options)).unwrap();
    Storage {
        blobs: Blobs::new(blobs),
        imports: Table::new(endpoints.table, IMPORTS, None, options(&key, Scheme::Lite)),
    }
}

/// The handler as in Azure: no key anywhere, an identity endpoint in the environment.
fn handler(port: u16, settings: &[(&str, &str)]) -> Child {
    Command::new(BINARY)
        .arg("serve")
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
        .env("IDENTITY_HEADER", SECRET_HEADER)
        .env("POLL_MIN_SECONDS", "1")
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// An account that accepts only TLS and tokens; its owner also has the key.
pub(crate) struct Secured {
    folder: TempDir,
    azurite: Azurite,
    /// The account for its owner.
    pub(crate) storage: Storage,
}

impl Secured {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificates(folder.path());
        let file = |name: &str| folder.path().join(name).display().to_string();
        let (certificate, key) = (file("certificate.pem"), file("key.pem"));
        let arguments = ["--oauth", "basic", "--cert", &certificate, "--key", &key];
        let program = azurite_program().await;
        let azurite = Azurite::start_with(&program, &[ACCOUNT], &arguments).await.unwrap();
        let storage = owners_view(&azurite, &folder.path().join("authority.pem"));
        storage.create_if_missing().await.unwrap();
        Self { folder, azurite, storage }
    }

    pub(crate) async fn put(&self, container: &str, name: &str, content: &str) {
        let content = content.as_bytes().to_vec();
        self.storage.blobs.put(container, name, "text/plain", content).await.unwrap();
    }

    /// Another client of the account for its owner.
    pub(crate) fn owners_view(&self) -> Storage {
        owners_view(&self.azurite, &self.folder.path().join("authority.pem"))
    }

    /// The settings with its addresses and its certificate authority.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let Account::Emulator { endpoints, .. } = self.azurite.account(ACCOUNT) else { panic!() };
        vec![
            ("SSL_CERT_FILE", self.folder.path().join("authority.pem").display().to_string()),
            ("ImportStorage__blobServiceUri", endpoints.blob.to_string()),
            ("ImportStorage__queueServiceUri", endpoints.queue.to_string()),
            ("ImportStorage__tableServiceUri", endpoints.table.to_string()),
        ]
    }
}

/// Imports one file with only an identity; returns the requests to the identity endpoint.
async fn import_as(client_id: Option<&str>) -> Vec<(String, Option<String>)> {
    let account = Secured::new().await;
    let credential = match client_id {
        Some(id) => json!({ "kind": "managedIdentity", "clientId": id }),
        None => json!({ "kind": "managedIdentity" }),
    };
    let mut connection: Value = serde_json::from_str(SAMPLE_CONNECTION).unwrap();
    connection["credential"] = credential;
    account.put(CONNECTIONS, "hr.json", &connection.to_string()).await;
    account.put(INBOX, "hr/a.csv", GOOD_CSV).await;

    let rules = Rules { token: PUSH_TOKEN.to_owned(), ..Rules::default() };
    let service = Service::start(rules).await.unwrap();
    let asked = Asked::default();
    let identity = identity_endpoint(asked.clone()).await;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut settings = account.settings();
    settings.push(("IDENTITY_ENDPOINT", identity));
    settings.push(("INGESTION_ENDPOINT", service.endpoint().to_string()));
    settings.push(("QUIET_SECONDS", "0".to_owned()));
    settings.extend(client_id.map(|id| ("ImportStorage__clientId", id.to_owned())));
    let settings: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let _handler = handler(port, &settings);

    let client = reqwest::Client::new();
    let call = async |function: &str| {
        let url = format!("http://127.0.0.1:{port}/{function}");
        client.post(url).body("{}").send().await.ok().filter(|answer| answer.status() == 200)
    };
    until("the schedule to find the file", async || call("schedule").await).await;
    let imports = ImportTable::new(account.storage.imports);
    let import = until("the end of the import", async || {
        let listed = imports.list().await.unwrap();
        for Import { id, step, .. } in listed.iter().map(|stored| &stored.import) {
            // As the host delivers the message of the queue.
            let message = json!({ "tenant": id.tenant, "key": id.key, "step": step });
            let body = json!({ "Data": { "message": STANDARD.encode(message.to_string()) } });
            let url = format!("http://127.0.0.1:{port}/step");
            client.post(url).body(body.to_string()).send().await.ok()?;
        }
        let imports = imports.list().await.unwrap();
        imports.into_iter().map(|stored| stored.import).find(|import| import.state.is_end())
    })
    .await;
    assert_eq!(import.state, State::Completed, "{:?}", import.reason);
    assert_eq!(service.ingestions().len(), 1);
    asked.lock().unwrap().clone()
}

#[tokio::test]
async fn an_identity_endpoint_that_never_answers_is_an_error() {
    // The kernel accepts the connections; no process reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let identity = format!("http://{}/msi/token", silent.local_addr().unwrap());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let _handler = handler(
        port,
        &[
            ("IDENTITY_ENDPOINT", &identity),
            ("ImportStorage__accountName", "hrdata"),
            ("REQUEST_TIMEOUT_SECONDS", "1"),
        ],
    );
    let client = reqwest::Client::new();
    let answer = until("an answer", async || {
        client.post(format!("http://127.0.0.1:{port}/schedule")).body("{}").send().await.ok()
    })
    .await;
    assert_eq!(answer.status(), 500);
    let why = answer.text().await.unwrap();
    assert!(why.contains("no token was issued"), "{why}");
}

#[tokio::test]
async fn an_identity_endpoint_that_is_being_updated_is_asked_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let updating = Router::new().fallback(async move || {
        counted.fetch_add(1, Ordering::Relaxed);
        StatusCode::NOT_FOUND
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let identity = format!("http://{}/msi/token", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, updating).into_future());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let _handler = handler(
        port,
        &[
            ("IDENTITY_ENDPOINT", &identity),
            ("ImportStorage__accountName", "hrdata"),
            ("REQUEST_TIMEOUT_SECONDS", "2"),
        ],
    );
    let client = reqwest::Client::new();
    let answer = until("an answer", async || {
        client.post(format!("http://127.0.0.1:{port}/advance")).body("{}").send().await.ok()
    })
    .await;
    let why = answer.text().await.unwrap();
    assert!(why.contains("the endpoint of the managed identity answered 404"), "{why}");
    assert!(asked.load(Ordering::Relaxed) >= 2, "within 2 s, it is asked again after 0.8 s");
}

const STORAGE: &str = "https://storage.azure.com";
const SERVICE: &str = "9d827643-d003-4cca-9dc8-71213a8f1644";

#[tokio::test]
async fn the_apps_own_identity_reaches_storage_and_pushes() {
    let asked = import_as(None).await;
    assert!(asked.contains(&(STORAGE.to_owned(), None)), "{asked:?}");
    assert!(asked.contains(&(SERVICE.to_owned(), None)), "{asked:?}");
}

#[tokio::test]
async fn a_user_assigned_identity_reaches_storage_and_pushes() {
    let asked = import_as(Some(CLIENT_ID)).await;
    let client_id = Some(CLIENT_ID.to_owned());
    assert!(asked.contains(&(STORAGE.to_owned(), client_id.clone())), "{asked:?}");
    assert!(asked.contains(&(SERVICE.to_owned(), client_id.clone())), "{asked:?}");
    assert!(asked.iter().all(|(_, id)| *id == client_id), "{asked:?}");
}
