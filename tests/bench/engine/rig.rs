//! The rig: an Azurite of its own, the mock service, and one emulated Functions host or more, each with its own
//! handler process.
//!
//! The handler may be any build of the program. It gets the settings of the host, except the account: a script in
//! its place sets that and then becomes the program, so that its requests are counted apart from those of the host.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use azure_storage_queue::models::QueueMessage;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use tempfile::TempDir;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::time::sleep;
use viva_import::{
    config::{ARRIVALS, Account, CONNECTIONS, Endpoints, INBOX, STEPS, STORAGE},
    storage::{self, Storage, table::Properties},
    testbed::{
        SAMPLE_CONNECTION,
        azurite::Azurite,
        deployment::{self, TOKEN_SETTING},
        host::{Host, HostStorage, Options, Outcome},
        service::{Rules, Service},
    },
};

use crate::{Result, process, wire::Wire};

const ACCOUNT: &str = "engine";
const TOKEN: &str = "the-token-of-the-benchmark";
/// No measure of speed: after this, something hangs.
const PATIENCE: Duration = Duration::from_mins(10);
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
/// How long the handler sends nothing when an import has come to rest.
const SILENCE: Duration = Duration::from_secs(3);
/// The steps are due at once or after a second. The timers run only when they are called.
const SETTINGS: [(&str, &str); 10] = [
    ("POLL_MIN_SECONDS", "1"),
    ("POLL_MAX_SECONDS", "1"),
    ("BUSY_WAIT_SECONDS", "1"),
    ("QUIET_SECONDS", "0"),
    ("RUST_LOG", "warn"),
    ("IMPORT_SCHEDULE", "0 0 0 1 1 *"),
    ("SWEEP_SCHEDULE", "0 0 0 1 1 *"),
    ("ADVANCE_SCHEDULE", "0 0 0 1 1 *"),
    // In the place of `advance` before steps came by queue.
    ("DRIVE_SCHEDULE", "0 0 0 1 1 *"),
    (TOKEN_SETTING, TOKEN),
];

/// A build of the program, and the host.json and the functions that belong to it.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) handler: PathBuf,
    /// A folder with `host.json` and `function`.
    pub(crate) app: PathBuf,
}

/// See the module. All of it stops when dropped.
pub(crate) struct Rig {
    pub(crate) service: Service,
    /// The account without a proxy.
    pub(crate) storage: Storage,
    pub(crate) hosts: Vec<Host>,
    /// The requests of the handlers, and those of the hosts, if they are recorded.
    pub(crate) wires: Option<(Wire, Wire)>,
    pub(crate) azurite_pid: u32,
    account: Account,
    settings: BTreeMap<String, String>,
    root: TempDir,
    options: Options,
    _azurite: Azurite,
}

impl Rig {
    /// An empty account, without a host. If `recorded`, all requests go through proxies.
    pub(crate) async fn start(
        program: &Program,
        settings: &[(&str, &str)],
        recorded: bool,
    ) -> Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "a benchmark reads the environment")]
        let cache = Azurite::cache(|name| std::env::var(name).ok())?;
        let azurite = Azurite::start(&Azurite::fetch(&cache, |_| {}).await?, &[ACCOUNT]).await?;
        let azurite_pid = process::child_with("azurite.js")?;
        let account = azurite.account(ACCOUNT);
        let Account::Emulator { endpoints, .. } = &account else {
            return Err("the account is not that of an emulator".into());
        };
        let wires = if recorded {
            Some((Wire::start(endpoints).await?, Wire::start(endpoints).await?))
        } else {
            None
        };
        let of = |wire: Option<&Wire>| {
            let direct = azurite.connection_string(ACCOUNT);
            wire.map_or(direct.clone(), |wire| through(&direct, endpoints, &wire.endpoints))
        };
        let of_handler = of(wires.as_ref().map(|(handler, _)| handler));
        let of_host = of(wires.as_ref().map(|(_, host)| host));
        let rules = Rules { token: TOKEN.to_owned(), ..Rules::default() };
        let service = Service::start(rules).await?;
        let endpoint = service.endpoint().to_string();
        let connecting = [(STORAGE, of_host.as_str()), ("INGESTION_ENDPOINT", &endpoint)];
        let all = SETTINGS.iter().chain(&connecting).chain(settings);
        let settings = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let storage = Storage::open(&account, ANSWER_TIMEOUT)?;
        storage.create_if_missing().await?;
        for name in [ARRIVALS, STEPS] {
            storage::queue(&account, name)?.create(None).await?;
        }
        Ok(Self {
            service,
            storage,
            hosts: vec![],
            azurite_pid,
            root: app_folder(program, &of_handler)?,
            options: Options {
                storage: HostStorage::with_lease(Duration::from_secs(2)),
                ..Options::default()
            },
            wires,
            account,
            settings,
            _azurite: azurite,
        })
    }

    /// The same with one host, and the connection `hr`.
    pub(crate) async fn with_host(
        program: &Program,
        settings: &[(&str, &str)],
        recorded: bool,
    ) -> Result<Self> {
        let mut rig = Self::start(program, settings, recorded).await?;
        rig.connect("hr", 0, "full").await?;
        rig.add_hosts(1).await?;
        Ok(rig)
    }

    /// Starts more hosts, and waits until their handlers listen.
    pub(crate) async fn add_hosts(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let (settings, options) = (self.settings.clone(), self.options.clone());
            self.hosts.push(Host::start_with(self.root.path(), settings, options).await?);
        }
        for host in &self.hosts {
            host.ready().await?;
        }
        Ok(())
    }

    /// The process ids of the handlers.
    pub(crate) fn handlers(&self) -> Vec<u32> {
        self.hosts.iter().filter_map(Host::handler_pid).collect()
    }

    /// The process id of the only handler.
    pub(crate) fn handler(&self) -> Result<u32> {
        self.handlers().first().copied().ok_or_else(|| "the handler does not run".into())
    }

    /// Seconds so far: CPU of all handlers, of Azurite and of this process with the hosts and the service, and the
    /// time that Azurite, which has one thread for its work, waited for a core.
    pub(crate) fn used(&self) -> Result<[f64; 4]> {
        let handlers = self.handlers().into_iter().map(process::cpu);
        let azurite = self.azurite_pid;
        Ok([
            handlers.sum::<Result<f64>>()?,
            process::cpu(azurite)?,
            process::cpu(std::process::id())?,
            process::waited(azurite)?,
        ])
    }

    /// Stores the document of a connection to this tenant.
    pub(crate) async fn connect(&self, name: &str, tenant: usize, refresh: &str) -> Result<()> {
        let document = SAMPLE_CONNECTION
            .replace("c0d1e2f3a4b5", &format!("{tenant:012x}"))
            .replace("\"full\"", &format!("\"{refresh}\""));
        let name = format!("{name}.json");
        let put = self.storage.blobs.put(CONNECTIONS, &name, "application/json", document.into());
        Ok(put.await?)
    }

    /// Puts a file into the inbox. Returns its event.
    pub(crate) async fn put(&self, name: &str, content: String) -> Result<Value> {
        self.storage.blobs.put(INBOX, name, "text/csv", content.into()).await?;
        let blob = self.storage.blobs.look(INBOX, name).await?;
        Ok(deployment::blob_created(&blob.ok_or("a file was deleted")?))
    }

    /// Puts an event into the queue `arrivals`.
    pub(crate) async fn announce(&self, event: &Value) -> Result<()> {
        let message = QueueMessage { message_text: Some(STANDARD.encode(event.to_string())) };
        let queue = storage::queue(&self.account, ARRIVALS)?;
        queue.send_message(message.try_into()?, None).await?;
        Ok(())
    }

    /// The rows of the completed imports that need no more work and match this filter.
    pub(crate) async fn completed(&self, filter: &str) -> Result<Vec<Properties>> {
        let rows =
            self.storage.imports.query(&format!("State eq 'completed' and {filter}")).await?;
        // While an import needs work, the table has a short second row of it.
        let rows = rows.into_iter().map(|row| row.properties);
        let rows =
            rows.filter(|row| row.contains_key("FileETag") && !row.contains_key("NextAttempt"));
        Ok(rows.collect())
    }

    /// Waits until this file is completed. If the program has no steps by queue, runs the timer that moves it on, but
    /// only when a step is due: the runs without work are counted apart.
    pub(crate) async fn until_completed(&self, file: &str) -> Result<Properties> {
        let started = Instant::now();
        let filter = format!("File eq '{INBOX}/{file}'");
        while started.elapsed() < PATIENCE {
            sleep(Duration::from_millis(300)).await;
            let rows = self.storage.imports.query(&filter).await?;
            let mut rows = rows.into_iter().map(|row| row.properties);
            let Some(row) = rows.find(|row| row.contains_key("FileETag")) else { continue };
            let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
            let due = text("NextAttempt");
            if text("State") == "completed" && due.is_empty() {
                return Ok(row);
            }
            // The event itself takes it so far.
            let waits = !["received", "packed", "pushing"].contains(&text("State"));
            if self.is_driven() && waits && OffsetDateTime::parse(due, &Rfc3339)? <= now() {
                self.timer("drive").await?;
            }
        }
        Err(format!("{file} was not completed").into())
    }

    /// Whether a timer moves the imports on, as before steps came by queue.
    fn is_driven(&self) -> bool {
        self.root.path().join("drive").exists()
    }

    /// Waits until the handler has sent no request for a while.
    pub(crate) async fn until_silent(&self) {
        let Some((handler, _)) = &self.wires else { return sleep(SILENCE).await };
        let mut before = None;
        while before != Some(handler.count()) {
            before = Some(handler.count());
            sleep(SILENCE).await;
        }
    }

    /// Runs a timer once. Returns how long it took.
    pub(crate) async fn timer(&self, name: &str) -> Result<Duration> {
        let (host, started) = (self.hosts.first().ok_or("no host runs")?, Instant::now());
        match host.timer(name, false).await {
            Outcome::Succeeded(_) => Ok(started.elapsed()),
            failed @ (Outcome::Failed { .. } | Outcome::TimedOut) => {
                Err(format!("{name}: {failed:?}").into())
            }
        }
    }

    /// The timers of the app that look after imports, without the schedule of a person.
    pub(crate) fn timers(&self) -> Vec<&'static str> {
        if self.is_driven() { vec!["drive", "sweep"] } else { vec!["advance", "sweep"] }
    }
}

/// Waits until the next file gets a later time. The times of blobs have whole seconds and determine the order.
pub(crate) async fn a_second_later() {
    sleep(Duration::from_millis(1100)).await;
}

#[expect(clippy::disallowed_methods, reason = "a benchmark has no other clock")]
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// A connection string with the addresses of a proxy.
fn through(direct: &str, endpoints: &Endpoints, proxy: &Endpoints) -> String {
    let mut through = direct.to_owned();
    for (from, to) in [
        (&endpoints.blob, &proxy.blob),
        (&endpoints.queue, &proxy.queue),
        (&endpoints.table, &proxy.table),
    ] {
        through = through.replace(from.as_str(), to.as_str());
    }
    through
}

/// A folder with the app, and a script in the place of the handler.
fn app_folder(program: &Program, connection_string: &str) -> Result<TempDir> {
    let root = tempfile::Builder::new().prefix("engine-").tempdir()?;
    fs::copy(program.app.join("host.json"), root.path().join("host.json"))?;
    for entry in fs::read_dir(program.app.join("function"))? {
        let entry = entry?;
        let file = entry.path().join("function.json");
        if file.exists() {
            let folder = root.path().join(entry.file_name());
            fs::create_dir(&folder)?;
            fs::copy(file, folder.join("function.json"))?;
        }
    }
    let handler = program.handler.canonicalize()?;
    let script = format!(
        "#!/bin/sh\nexport {STORAGE}='{connection_string}'\nexec '{}' \"$@\"\n",
        handler.display()
    );
    let path: &Path = &root.path().join("viva-import");
    fs::write(path, script)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(root)
}

/// A valid file of about this length, with a word that makes its content differ from others.
pub(crate) fn csv(bytes: usize, word: &str) -> String {
    let mut csv = "Employee,EffectiveDate,Manager,Organization\n".to_owned();
    csv.push_str(&format!("head@contoso.com,11/01/2026,,{word}\n"));
    for number in 0.. {
        if csv.len() >= bytes {
            break;
        }
        csv.push_str(&format!("p{number}@contoso.com,11/01/2026,head@contoso.com,{word}\n"));
    }
    csv
}
