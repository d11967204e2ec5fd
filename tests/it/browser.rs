//! The status pages in a real Chromium.
//!
//! Playwright and axe come from npm, once, into the folder of cargo's temporary files. Without a Chromium each
//! test prints that it is skipped.

use std::{
    io::{Write as _, stderr},
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{MappedMutexGuard, Mutex, MutexGuard},
};

use crate::stage::{PATIENCE, RUNTIME};

mod stories;

/// The packages that drive Chromium; `npm` fetches them.
const PACKAGES: [&str; 2] = ["playwright-core@1.64.1", "axe-core@4.14.1"];
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A browser, driven by commands, one per line: see tests/browser/drive.mjs. It ends with its standard input.
pub(crate) struct Browser {
    _process: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// The path of a program, as a shell would find it.
fn found(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The folder with playwright-core and axe-core.
async fn packages() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    std::fs::create_dir_all(&folder).unwrap();
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--prefer-offline"]);
    let output = npm.args(PACKAGES).current_dir(&folder).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder
}

/// The one browser, for one test at a time: it takes seconds to start and needs more memory than everything
/// else here. `None`, with a message, if there is no Chromium.
pub(crate) async fn browser() -> Option<MappedMutexGuard<'static, Browser>> {
    static BROWSER: Mutex<Option<Browser>> = Mutex::const_new(None);
    let mut browser = BROWSER.lock().await;
    if browser.is_none() {
        *browser = RUNTIME.spawn(Browser::start()).await.unwrap();
    }
    MutexGuard::try_map(browser, Option::as_mut).ok()
}

impl Browser {
    async fn start() -> Option<Self> {
        let Some(chromium) = PROGRAMS.into_iter().find_map(found) else {
            let why = "there is no Chromium (Debian: apt install chromium)";
            let mut out = stderr();
            writeln!(out, "SKIPPED, LOUDLY: {why}, so the status pages are not tested").unwrap();
            return None;
        };
        let mut process = Command::new("node")
            .arg("tests/browser/drive.mjs")
            .args([packages().await, chromium])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let commands = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        Some(Self { _process: process, commands, answers })
    }

    async fn send(&mut self, command: &str, mut given: Value) -> Value {
        given["command"] = json!(command);
        self.commands.write_all(format!("{given}\n").as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE, self.answers.next_line()).await;
        let answer = answer.unwrap().unwrap().unwrap_or_else(|| panic!("no browser: {given}"));
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["failed"], Value::Null, "{given}");
        answer["is"].take()
    }

    /// Opens a window without anything of the previous one.
    pub(crate) async fn open(&mut self, window: Value) {
        self.send("open", window).await;
    }

    /// Opens an address; returns the status of the answer.
    pub(crate) async fn go(&mut self, url: &str) -> u64 {
        self.send("go", json!({ "url": url })).await.as_u64().unwrap()
    }

    pub(crate) async fn click(&mut self, on: &str) {
        self.send("click", json!({ "on": on })).await;
    }

    pub(crate) async fn choose(&mut self, on: &str, value: &str) {
        self.send("choose", json!({ "on": on, "value": value })).await;
    }

    pub(crate) async fn press(&mut self, key: &str) {
        self.send("press", json!({ "key": key })).await;
    }

    pub(crate) async fn text(&mut self, of: &str) -> String {
        self.send("text", json!({ "of": of })).await.as_str().unwrap().to_owned()
    }

    pub(crate) async fn texts(&mut self, of: &str) -> Vec<String> {
        serde_json::from_value(self.send("texts", json!({ "of": of })).await).unwrap()
    }

    /// Waits until `of` contains these words, without a reload of the page.
    pub(crate) async fn until(&mut self, of: &str, has: &str) {
        self.send("until", json!({ "of": of, "has": has })).await;
    }

    async fn word(&mut self, command: &str) -> String {
        self.send(command, json!({})).await.as_str().unwrap().to_owned()
    }

    pub(crate) async fn url(&mut self) -> String {
        self.word("url").await
    }

    pub(crate) async fn focused(&mut self) -> String {
        self.word("focused").await
    }

    pub(crate) async fn source(&mut self) -> String {
        self.word("source").await
    }

    /// All addresses that were requested since the window was opened.
    pub(crate) async fn asked(&mut self) -> Vec<String> {
        serde_json::from_value(self.send("asked", json!({})).await).unwrap()
    }

    /// All requests since the window was opened: `method`, `url`, and the `origin` and `referer` that were
    /// sent.
    pub(crate) async fn requests(&mut self) -> Vec<Value> {
        serde_json::from_value(self.send("requests", json!({})).await).unwrap()
    }

    /// Opens an address as a link of the page would.
    pub(crate) async fn leave(&mut self, url: &str) {
        self.send("leave", json!({ "url": url })).await;
    }

    /// Checks that the page is accessible: no error in it, nothing wider than it, and no finding of axe.
    pub(crate) async fn is_for_everybody(&mut self, which: &str) {
        assert_eq!(self.send("errors", json!({})).await, json!([]), "{which}");
        assert_eq!(self.send("overflow", json!({})).await, json!(false), "{which}");
        assert_eq!(self.send("axe", json!({})).await, json!([]), "{which}");
    }

    /// Takes a picture of the page, if `VIVA_IMPORT_PICTURES` names a folder.
    pub(crate) async fn picture(&mut self, name: &str) {
        let Ok(folder) = std::env::var("VIVA_IMPORT_PICTURES") else { return };
        let file = Path::new(&folder).join(format!("{name}.png"));
        self.send("picture", json!({ "file": file })).await;
    }
}
