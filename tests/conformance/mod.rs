//! What the handler and its callers may expect of the Functions host, seen only from outside: through HTTP, the
//! queue and the table. The tests run against the emulated host, or against a real one that `VIVA_IMPORT_HOST`
//! names (see tests/README.md). So they show whether the emulation behaves as the real host.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Once,
    time::Duration,
};

use azure_storage_queue::{QueueClient, models::QueueMessage};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use url::Url;
use viva_import::{
    config::{ARRIVALS, Account, CONNECTIONS, INBOX},
    import::Import,
    storage::{self, Storage, blob::Blob, import_table::ImportTable},
    testbed::{
        SAMPLE_CONNECTION,
        deployment::Stage,
        host::{Front, Outcome},
    },
};

use self::wire::{Answer, send};
use crate::stage::{stage, until};

mod http;
mod wire;
mod work;

/// The master key of the emulated host.
const KEY: &str = "the-master-key";
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// A host with the deployed app, and its storage.
struct Target {
    address: Url,
    /// The master key; `None` if the host requires no keys, as under `func start`.
    key: Option<String>,
    account: Account,
    storage: Storage,
    imports: ImportTable,
    kind: Kind,
}

enum Kind {
    Emulated(Box<(Stage, Front)>),
    /// With the folder of its app, if it is on this machine.
    Real(Option<PathBuf>),
}

/// The host of the environment, or an emulated one.
async fn target() -> Target {
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (address, key, account, kind) = if let Some(address) = given("VIVA_IMPORT_HOST") {
        let storage = given("VIVA_IMPORT_HOST_STORAGE").or_else(|| given("ImportStorage"));
        let Some(account) = storage.as_deref().and_then(Account::emulator) else {
            panic!("VIVA_IMPORT_HOST_STORAGE must be the connection string of a storage emulator");
        };
        let folder = given("VIVA_IMPORT_HOST_FOLDER").map(PathBuf::from);
        (address, given("VIVA_IMPORT_HOST_KEY"), account, Kind::Real(folder))
    } else {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            skipped("no real host was tried; set VIVA_IMPORT_HOST, see tests/README.md");
        });
        let stage = stage(&[]).await;
        let front = stage.host.open_front(KEY).await.unwrap();
        let account = Account::emulator(&stage.settings()["ImportStorage"]).unwrap();
        let kind = Kind::Emulated(Box::new((stage, front)));
        let Kind::Emulated(parts) = &kind else { unreachable!() };
        (format!("http://{}", parts.1.address), Some(KEY.to_owned()), account, kind)
    };
    let storage = Storage::open(&account, ANSWER_TIMEOUT).unwrap();
    let imports = Storage::open(&account, ANSWER_TIMEOUT).unwrap().imports;
    storage.create_if_missing().await.unwrap();
    let address = address.parse().unwrap();
    let imports = ImportTable::new(imports);
    let target = Target { address, key, account, storage, imports, kind };
    // The host creates it in neither case.
    target.queue(ARRIVALS).create(None).await.unwrap();
    target
}

fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED, LOUDLY: {why}");
}

impl Target {
    /// Sends a request with the master key.
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut all = headers.to_vec();
        if let Some(key) = &self.key {
            all.push(("x-functions-key", key));
        }
        send(&self.address, method, path, &all, body).await
    }

    fn queue(&self, name: &str) -> QueueClient {
        storage::queue(&self.account, name).unwrap()
    }

    /// Puts the text of a message, with its encoding, into the queue `arrivals`.
    async fn message(&self, text: String) {
        let message = QueueMessage { message_text: Some(text) };
        let queue = self.queue(ARRIVALS);
        queue.send_message(message.try_into().unwrap(), None).await.unwrap();
    }

    /// Stores a connection that no other test and no earlier run has, and returns its name. No real host can push
    /// with its credential.
    async fn connection(&self) -> String {
        let name = format!("conformance-{}", unique());
        let (document, content) = (format!("{name}.json"), SAMPLE_CONNECTION.into());
        let put = self.storage.blobs.put(CONNECTIONS, &document, "application/json", content);
        put.await.unwrap();
        name
    }

    /// Deletes what a test has stored for a connection, except the rows.
    async fn forget(&self, connection: &str) {
        let (document, file) = (format!("{connection}.json"), format!("{connection}/a.csv"));
        self.storage.blobs.delete_all(CONNECTIONS, &document).await.unwrap();
        self.storage.blobs.delete_all(INBOX, &file).await.unwrap();
    }

    /// Puts a file into the inbox, without an event.
    async fn file(&self, name: &str) -> Blob {
        let content = crate::stage::GOOD_CSV.into();
        self.storage.blobs.put(INBOX, name, "text/csv", content).await.unwrap();
        self.storage.blobs.look(INBOX, name).await.unwrap().unwrap()
    }

    /// Waits for the row of a file.
    async fn row(&self, name: &str) -> Import {
        until("the row of the file", async || {
            let imports = self.imports.list().await.unwrap().into_iter();
            imports.map(|stored| stored.import).find(|import| import.source.name == name)
        })
        .await
    }

    /// Waits until the queue of rejected messages contains this text.
    async fn poisoned(&self, text: &str) {
        let poison = self.queue(&format!("{ARRIVALS}-poison"));
        until("the message in the poison queue", async || {
            let received = poison.receive_messages(None).await.ok()?.into_model().unwrap();
            let texts = received.items.unwrap_or_default().into_iter();
            texts.filter_map(|message| message.message_text).any(|it| it == text).then_some(())
        })
        .await;
    }

    /// Kills the handler; false if that is not possible from here.
    async fn kill_handler(&self) -> bool {
        match &self.kind {
            Kind::Emulated(parts) => parts.0.host.kill_handler().await,
            Kind::Real(None) => {
                skipped("the handler is not killed; set VIVA_IMPORT_HOST_FOLDER");
                return false;
            }
            Kind::Real(Some(folder)) => {
                let pid = pid_of(&folder.join("viva-import"));
                let kill = Command::new("kill").args(["-9", &pid]).status().unwrap();
                assert!(kill.success());
            }
        }
        true
    }

    /// Waits until an invocation of a function has ended, if that is known here, and checks that all succeeded.
    async fn succeeded(&self, function: &str) {
        let Kind::Emulated(parts) = &self.kind else { return };
        let host = &parts.0.host;
        host.until_outcomes(|ended| ended.iter().any(|it| it.function == function)).await;
        let ended = host.outcomes();
        let mut own = ended.iter().filter(|it| it.function == function);
        assert!(own.all(|it| matches!(it.outcome, Outcome::Succeeded(_))), "{ended:?}");
    }
}

/// The process that runs this program.
fn pid_of(program: &Path) -> String {
    let program = program.canonicalize().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let mut own = processes
        .filter(|it| std::fs::read_link(it.path().join("exe")).is_ok_and(|exe| exe == program));
    let handler = own.next().unwrap(); // it has just answered
    handler.file_name().into_string().unwrap()
}

/// A word that no other test and no earlier run has used.
fn unique() -> String {
    azure_core::Uuid::new_v4().simple().to_string()
}

/// The text of a message with this content, as Event Grid sends it.
fn encoded(content: &str) -> String {
    STANDARD.encode(content)
}
