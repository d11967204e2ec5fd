//! Tests of the host with a small handler that misbehaves on request.

mod app;
mod ends;
mod front;
mod http;
mod process;
mod queue;
mod timers;

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use azure_core::Uuid;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use super::{
    options::{GRACE, HIDDEN},
    *,
};

/// The handler. Its only binding, `word`, is a command.
const HANDLER: &str = include_str!("tests/handler.js");

/// So many apps run at a time: more would only wait for each other to start.
static SLOTS: Semaphore = Semaphore::const_new(8);

/// An app in a temporary folder.
struct Deployed {
    root: PathBuf,
    slot: OnceCell<SemaphorePermit<'static>>,
    host: Value,
    settings: BTreeMap<String, String>,
}

impl Deployed {
    /// host.json and the handler.
    fn new() -> Self {
        let root = std::env::temp_dir().join(format!("viva-host-{}", Uuid::new_v4()));
        fs::create_dir(&root).unwrap();
        let handler = root.join("handler");
        fs::write(&handler, HANDLER).unwrap();
        fs::set_permissions(&handler, fs::Permissions::from_mode(0o755)).unwrap();
        let host = json!({
            "version": "2.0",
            "functionTimeout": "00:10:00",
            "extensions": { "queues": { "batchSize": 4, "maxPollingInterval": "00:00:00.200" } },
            "customHandler": {
                "description": {
                    "defaultExecutablePath": "handler",
                    "arguments": ["--port", "%FUNCTIONS_CUSTOMHANDLER_PORT%", "%NOWHERE%"],
                },
                "enableProxyingHttpRequest": true,
            },
        });
        Self { root, slot: OnceCell::new(), host, settings: BTreeMap::new() }
    }

    /// Sets the functionTimeout. On a busy machine every call takes some seconds.
    fn seconds_for_a_call(self, seconds: u32) -> Self {
        self.set("AzureFunctionsJobHost__functionTimeout", &format!("00:00:0{seconds}"))
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A function. The binding of its trigger is given without the direction.
    fn function(self, name: &str, mut trigger: Value) -> Self {
        trigger["direction"] = json!("in");
        let mut bindings = vec![trigger];
        if bindings[0]["type"] == "httpTrigger" {
            bindings.push(json!({ "type": "http", "direction": "out", "name": "res" }));
        }
        fs::create_dir_all(self.root.join(name)).unwrap();
        let json = json!({ "bindings": bindings }).to_string();
        fs::write(self.root.join(name).join("function.json"), json).unwrap();
        self
    }

    /// A function whose timer does not fire during a test.
    fn unscheduled(self) -> Self {
        self.function("Work", timer("0 0 0 1 1 *"))
    }

    fn write(&self) {
        fs::write(self.root.join("host.json"), self.host.to_string()).unwrap();
    }

    async fn start(&self) -> Host {
        self.start_with(Options::default()).await
    }

    async fn start_with(&self, options: Options) -> Host {
        self.slot.get_or_init(async || SLOTS.acquire().await.unwrap()).await;
        self.write();
        Host::start_with(&self.root, self.settings.clone(), options).await.unwrap()
    }

    /// The requests the handler has seen.
    fn requests(&self) -> Vec<Value> {
        let lines = fs::read_to_string(self.root.join("requests")).unwrap_or_default();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Deployed {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

impl Deployed {
    /// The requests for a path that the handler has seen.
    fn requests_for(&self, path: &str) -> Vec<Value> {
        self.requests().into_iter().filter(|request| request["url"] == path).collect()
    }

    /// Waits until the handler has seen a request for a path.
    async fn until_requested(&self, path: &str) {
        while self.requests_for(path).is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The body of a call that the handler has seen.
fn body_of(request: &Value) -> Value {
    serde_json::from_str(request["body"].as_str().unwrap()).unwrap()
}

/// An HTTP function with this route, for everybody.
fn http(route: &str) -> Value {
    json!({ "type": "httpTrigger", "name": "req", "route": route, "authLevel": "anonymous" })
}

fn timer(schedule: &str) -> Value {
    json!({ "type": "timerTrigger", "name": "timer", "schedule": schedule })
}

/// Sends the handler a command, as a binary binding would.
async fn command(host: &Host, word: &str) -> Outcome {
    let data = Map::from_iter([("word".to_owned(), json!(STANDARD.encode(word)))]);
    host.invoke("Work", data, Map::new()).await
}

fn failed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed { .. })
}

fn succeeded(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Succeeded(_))
}
