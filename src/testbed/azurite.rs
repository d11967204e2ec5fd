//! The real storage emulator, Azurite. A pinned version is downloaded once from npm. It runs in memory, on
//! ports that the kernel assigns.

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

/// The version of Azurite.
const VERSION: &str = "3.37.0";
/// The oldest major version of Node.js on which it was tried.
const OLDEST_NODE: u32 = 20;
/// The well-known key of the emulator. It grants access only to emulators.
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// Azurite usually listens after a second or two.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// Runs Azurite, and exits when its standard input closes, that is when this program ends in any way. It does
/// not load the library of the telemetry, which is off, because that took half of the start.
const LAUNCHER: &str = "process.stdin.on('end', () => process.exit()).resume(); \
     const modules = require('module'); const load = modules._load; \
     modules._load = (name, ...more) => name === 'applicationinsights' ? {} : load(name, ...more); \
     require(process.argv[1])";

/// Why Azurite is not available.
#[derive(Debug, thiserror::Error)]
pub enum AzuriteError {
    /// The environment names no folder.
    #[error("no folder for Azurite: HOME is not set; set XDG_CACHE_HOME to a folder")]
    NoHome,
    /// Node.js is not installed, or cannot be started.
    #[error("Node.js was not found ({0}): {remedy}", remedy = remedy())]
    NoNode(#[source] io::Error),
    /// Node.js is too old.
    #[error("Node.js {0} is too old: {remedy}", remedy = remedy())]
    OldNode(String),
    /// A file in the folder cannot be written.
    #[error("could not write Azurite to {}: {source}", cache.display())]
    Cache {
        /// The folder.
        cache: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// npm cannot be started.
    #[error("npm was not found ({0}): install it with Node.js (https://nodejs.org)")]
    NoNpm(#[source] io::Error),
    /// npm failed.
    #[error("npm could not install Azurite {VERSION}: {0}")]
    Fetch(String),
    /// Azurite cannot be started, or its output cannot be read.
    #[error("could not start Azurite: {0}")]
    Start(#[from] io::Error),
    /// Azurite exited early.
    #[error("Azurite exited before it listened")]
    Ended,
    /// Azurite runs but does not listen.
    #[error("Azurite did not listen within a minute")]
    Late,
}

/// A running Azurite. It stops when dropped, and when this program ends.
#[derive(Debug)]
pub struct Azurite {
    endpoints: Endpoints,
    _child: Child,
}

impl Azurite {
    /// The folder in which Azurite is installed, from the environment variables that `setting` reads.
    ///
    /// # Errors
    /// The environment names no folder.
    pub fn cache(setting: impl Fn(&str) -> Option<String>) -> Result<PathBuf, AzuriteError> {
        let folder = |name: &str| setting(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let cache = folder("XDG_CACHE_HOME")
            .or_else(|| folder("LOCALAPPDATA"))
            .or_else(|| folder("HOME").map(|home| home.join(".cache")));
        let cache = cache.ok_or(AzuriteError::NoHome)?;
        Ok(cache.join("viva-import"))
    }

    /// Installs Azurite into a folder below `cache` unless it is already there. Returns the path of its
    /// program. Calls `say` before anything takes long.
    ///
    /// # Errors
    /// Node.js or npm is missing, or the error of npm.
    pub async fn fetch(cache: &Path, say: impl Fn(&str)) -> Result<PathBuf, AzuriteError> {
        require_node().await?;
        let folder = cache.join(format!("azurite-{VERSION}"));
        let program = folder.join("node_modules/azurite/dist/src/azurite.js");
        if program.is_file() {
            return Ok(program);
        }
        let unwritable = |source| AzuriteError::Cache { cache: cache.to_owned(), source };
        std::fs::create_dir_all(cache).map_err(unwritable)?;
        // If two programs install it at the same time, the second one waits and then finds it installed.
        let lock = File::create(cache.join("azurite.lock")).map_err(unwritable)?;
        while lock.try_lock().is_err() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        if program.is_file() {
            return Ok(program);
        }
        say(&format!(
            "Downloading Azurite {VERSION} from npm to {}. This happens once and takes half a minute.",
            cache.display()
        ));
        let partial = cache.join(format!("azurite-{VERSION}.partial"));
        let _ = std::fs::remove_dir_all(&partial); // from an interrupted installation
        std::fs::create_dir_all(&partial).map_err(unwritable)?;
        npm_install(&partial).await?;
        std::fs::rename(&partial, &folder).map_err(unwritable)?;
        Ok(program)
    }

    /// Starts Azurite with these accounts, which all have the well-known key of the emulator.
    ///
    /// # Errors
    /// Azurite did not start or does not listen.
    pub async fn start(program: &Path, accounts: &[&str]) -> Result<Self, AzuriteError> {
        Self::start_with(program, accounts, &[]).await
    }

    /// The same with more arguments, such as a certificate.
    ///
    /// # Errors
    /// Azurite did not start or does not listen.
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
        // The output is not needed from now on, but a full pipe would block Azurite.
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

    /// The connection string of one of its accounts, for the Functions host.
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
        "install Node.js {OLDEST_NODE} or later (https://nodejs.org), which runs the storage emulator"
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
