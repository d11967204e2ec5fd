//! The real storage emulator: fetched once from npm, pinned, and run in memory on ports the
//! kernel chooses.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use azure_core::credentials::Secret;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};
use url::Url;

use crate::config::{Account, Endpoints};

/// The one version of Azurite that is used.
const VERSION: &str = "3.37.0";
/// The oldest Node.js it was seen to run on.
const OLDEST_NODE: u32 = 20;
/// The emulator's well-known key; it opens nothing but emulators.
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// Azurite has its three ports after a second or two.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// Ends with this program: when our end of its standard input closes, however that came about. The
/// library of the telemetry, which is off, is not loaded: that took half of the start.
const LAUNCHER: &str = "process.stdin.on('end', () => process.exit()).resume(); \
     const modules = require('module'); const load = modules._load; \
     modules._load = (name, ...more) => name === 'applicationinsights' ? {} : load(name, ...more); \
     require(process.argv[1])";

/// Why there is no Azurite.
#[derive(Debug, thiserror::Error)]
pub enum AzuriteError {
    /// The environment names no folder.
    #[error("there is no home folder to keep Azurite in; set XDG_CACHE_HOME")]
    NoHome,
    /// Node.js is not there, or cannot be started.
    #[error("Node.js is not there: {remedy} ({0})", remedy = remedy())]
    NoNode(#[source] io::Error),
    /// Node.js is too old.
    #[error("Node.js {0} is too old: {remedy}", remedy = remedy())]
    OldNode(String),
    /// Something in the folder cannot be written.
    #[error("Azurite cannot be put into {}: {source}", cache.display())]
    Cache {
        /// The folder.
        cache: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// npm cannot be started.
    #[error("npm, which comes with Node.js, could not be started: {0}")]
    NoNpm(#[source] io::Error),
    /// npm failed.
    #[error("npm could not fetch Azurite {VERSION}; it said: {0}")]
    Fetch(String),
    /// Azurite cannot be started, or what it prints cannot be read.
    #[error("Azurite could not be started: {0}")]
    Start(#[from] io::Error),
    /// Azurite ended at once.
    #[error("Azurite ended before it listened")]
    Ended,
    /// Azurite went on and did not listen.
    #[error("Azurite did not listen within a minute")]
    Late,
}

/// A running Azurite; it stops when dropped, and when this program dies.
#[derive(Debug)]
pub struct Azurite {
    endpoints: Endpoints,
    _child: Child,
}

impl Azurite {
    /// The folder in which Azurite is kept, from the environment that `setting` looks up.
    ///
    /// # Errors
    /// Where the environment names no folder for it.
    pub fn cache(setting: impl Fn(&str) -> Option<String>) -> Result<PathBuf, AzuriteError> {
        let folder = |name: &str| setting(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let cache = folder("XDG_CACHE_HOME")
            .or_else(|| folder("LOCALAPPDATA"))
            .or_else(|| folder("HOME").map(|home| home.join(".cache")));
        let cache = cache.ok_or(AzuriteError::NoHome)?;
        Ok(cache.join("viva-import"))
    }

    /// Fetches Azurite into a folder below `cache` unless it is there; the path of its program.
    /// `say` is told before anything takes long.
    ///
    /// # Errors
    /// What is missing: Node.js, npm, or what npm said.
    pub async fn fetch(cache: &Path, say: impl Fn(&str)) -> Result<PathBuf, AzuriteError> {
        require_node().await?;
        let folder = cache.join(format!("azurite-{VERSION}"));
        let program = folder.join("node_modules/azurite/dist/src/azurite.js");
        if program.is_file() {
            return Ok(program);
        }
        let unwritable = |source| AzuriteError::Cache { cache: cache.to_owned(), source };
        std::fs::create_dir_all(cache).map_err(unwritable)?;
        // Two programs may want it at once: the second waits and finds it done.
        let lock = File::create(cache.join("azurite.lock")).map_err(unwritable)?;
        while lock.try_lock().is_err() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        if program.is_file() {
            return Ok(program);
        }
        say(&format!(
            "fetching Azurite {VERSION} from npm into {}, once; it takes half a minute",
            cache.display()
        ));
        let partial = cache.join(format!("azurite-{VERSION}.partial"));
        let _ = std::fs::remove_dir_all(&partial); // what an interrupted fetch left
        std::fs::create_dir_all(&partial).map_err(unwritable)?;
        npm_install(&partial).await?;
        std::fs::rename(&partial, &folder).map_err(unwritable)?;
        Ok(program)
    }

    /// Starts it with these accounts, all with the emulator's well-known key.
    ///
    /// # Errors
    /// What Azurite said instead of listening.
    pub async fn start(program: &Path, accounts: &[&str]) -> Result<Self, AzuriteError> {
        Self::start_with(program, accounts, &[]).await
    }

    /// The same with more arguments, such as a certificate.
    ///
    /// # Errors
    /// What Azurite said instead of listening.
    pub async fn start_with(
        program: &Path,
        accounts: &[&str],
        arguments: &[&str],
    ) -> Result<Self, AzuriteError> {
        let accounts: Vec<String> = accounts.iter().map(|name| format!("{name}:{KEY}")).collect();
        let mut child = Command::new("node")
            .arg("-e")
            .arg(LAUNCHER)
            .arg("--")
            .arg(program)
            .args([
                "--inMemoryPersistence",
                "--disableTelemetry",
                "--skipApiVersionCheck",
                "--silent",
            ])
            .args(["--blobPort", "0", "--queuePort", "0", "--tablePort", "0"])
            .args(arguments)
            .env("AZURITE_ACCOUNTS", accounts.join(";"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().ok_or(AzuriteError::Ended)?;
        let mut lines = BufReader::new(output).lines();
        let endpoints = tokio::time::timeout(START_TIMEOUT, listening(&mut lines))
            .await
            .map_err(|_| AzuriteError::Late)??;
        // Nobody reads what it prints from now on, but a full pipe would stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { endpoints, _child: child })
    }

    /// One of its accounts.
    #[must_use]
    pub fn account(&self, name: &str) -> Account {
        let of = |base: &Url| {
            let mut url = base.clone();
            url.set_path(name);
            url
        };
        Account::Emulator {
            name: name.to_owned(),
            key: Secret::new(KEY),
            endpoints: Endpoints {
                blob: of(&self.endpoints.blob),
                queue: of(&self.endpoints.queue),
                table: of(&self.endpoints.table),
            },
        }
    }

    /// The connection string of one of its accounts, as the Functions host wants it.
    #[must_use]
    pub fn connection_string(&self, name: &str) -> String {
        let Endpoints { blob, queue, table } = &self.endpoints;
        format!(
            "DefaultEndpointsProtocol=http;AccountName={name};AccountKey={KEY};\
             BlobEndpoint={blob}{name};QueueEndpoint={queue}{name};TableEndpoint={table}{name};"
        )
    }
}

async fn listening(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<Endpoints, AzuriteError> {
    let (mut blob, mut queue, mut table) = (None, None, None);
    loop {
        if let (Some(blob), Some(queue), Some(table)) = (&blob, &queue, &table) {
            let (blob, queue, table) = (Url::clone(blob), Url::clone(queue), Url::clone(table));
            return Ok(Endpoints { blob, queue, table });
        }
        let line = lines.next_line().await?.ok_or(AzuriteError::Ended)?;
        let Some((service, url)) = line.split_once(" service is successfully listening at ") else {
            continue;
        };
        let url = Url::parse(url.trim()).ok();
        match service {
            "Azurite Blob" => blob = url,
            "Azurite Queue" => queue = url,
            "Azurite Table" => table = url,
            _ => {}
        }
    }
}

fn remedy() -> String {
    format!(
        "install Node.js {OLDEST_NODE} or later with npm (https://nodejs.org), it runs the storage \
         emulator, and try again"
    )
}

async fn require_node() -> Result<(), AzuriteError> {
    let output = Command::new("node").arg("--version").stdin(Stdio::null()).output().await;
    let output = output.map_err(AzuriteError::NoNode)?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next();
    match major.and_then(|major| major.parse::<u32>().ok()) {
        Some(major) if major >= OLDEST_NODE => Ok(()),
        _ => Err(AzuriteError::OldNode(version)),
    }
}

async fn npm_install(folder: &Path) -> Result<(), AzuriteError> {
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let output = Command::new(npm)
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"])
        .arg("--prefix")
        .arg(folder)
        .arg(format!("azurite@{VERSION}"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(AzuriteError::NoNpm)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(AzuriteError::Fetch(said.trim().to_owned()))
}
