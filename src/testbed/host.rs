//! An emulation of the Azure Functions host. It starts the real handler from the real host.json and
//! function.json files, calls it as the host does, and evaluates its answers as the host does.
//!
//! The host cannot be installed everywhere, so this module implements its protocol after its sources
//! (Azure/azure-functions-host, Azure/azure-webjobs-sdk and the storage and timer extensions), including its
//! pitfalls: a call whose answer is an empty 2xx body hangs until the functionTimeout, a timeout kills the
//! process, a handler that exits with code 0 is not restarted, and the third crash stops the host.
//!
//! It connects to loopback only. It listens there only if a front end is opened, which requires a key as
//! `authLevel` says. Calls by [`Host::http`] need no key, as under `func start`.

mod app;
mod function;
mod invocation;
mod journal;
mod queue;
mod runtime;
mod settings;
mod timer;
mod worker;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use bytes::Bytes;
use futures::Stream;
use reqwest::{Method, header::HeaderMap};
use serde_json::{Map, Value};
use tokio::task::JoinSet;

pub use self::{
    app::App,
    invocation::Answer,
    journal::{Cause, HostError, HttpAnswer, Invocation, LogLine, Outcome},
    runtime::{Front, function_key},
};
use self::{
    journal::Journal,
    queue::Listener,
    runtime::Runtime,
    timer::{Timer, Why},
    worker::Worker,
};

/// A running host. Dropping it kills the handler.
#[derive(Debug)]
pub struct Host {
    runtime: Arc<Runtime>,
    timers: Vec<Arc<Timer>>,
    /// The task that owns the process, and every listener.
    tasks: JoinSet<()>,
}

impl Host {
    /// Starts the handler of the app in `root` and the listener of every function.
    ///
    /// `root` has the layout of a deployment: host.json, `<Function>/function.json`, the executable.
    /// `settings` are the app settings. They replace `%X%`, name connections, and are added to the
    /// environment of the handler. Those like `AzureFunctionsJobHost__functionTimeout` override host.json.
    /// `AzureWebJobs.<Function>.Disabled=true` prevents the start of a listener.
    ///
    /// Returns as soon as the process runs. Calls wait until it listens.
    ///
    /// # Errors
    /// The app has faults, or its executable cannot be started.
    pub async fn start(root: &Path, settings: BTreeMap<String, String>) -> Result<Self, HostError> {
        let app = Arc::new(App::read(root, &settings).map_err(HostError::App)?);
        let client = runtime::client()?;
        let log = Arc::new(Journal::new());
        let (worker, keeper) = Worker::start(app.clone(), client.clone(), log.clone())
            .await
            .map_err(HostError::Handler)?;
        let invocations = Journal::new();
        let runtime = Arc::new(Runtime { app: app.clone(), worker, log, invocations, client });
        let mut tasks = JoinSet::new();
        tasks.spawn(keeper);
        let mut timers = Vec::new();
        for function in &app.functions {
            if let Some(timer) = Timer::new(&runtime, function).map(Arc::new) {
                timers.push(timer.clone());
                if !function.disabled {
                    listen(&mut tasks, &runtime, async move { timer.listen().await });
                }
            }
            let listener = Listener::new(&runtime, function);
            let listener = listener.map_err(|source| {
                let function = function.name.clone();
                HostError::Queue { function, source }
            })?;
            if let Some(listener) = listener.filter(|_| !function.disabled) {
                listen(&mut tasks, &runtime, listener.listen());
            }
        }
        Ok(Self { runtime, timers, tasks })
    }

    /// Waits until the handler listens.
    ///
    /// # Errors
    /// Why the host has stopped.
    pub async fn ready(&self) -> Result<(), HostError> {
        self.runtime.worker.ready().await
    }

    /// Calls a function with this data and metadata, unchanged except for the added entry `sys` of the
    /// host.
    pub async fn invoke(
        &self,
        function: &str,
        data: Map<String, Value>,
        mut metadata: Map<String, Value>,
    ) -> Outcome {
        let Some(known) = self.runtime.app.function(function) else {
            return Outcome::Failed { why: format!("there is no function '{function}'") };
        };
        metadata.insert("sys".to_owned(), Runtime::sys(&known.name));
        let body = invocation::body(data, metadata);
        let reason = "This function was programmatically called via the host APIs.";
        self.runtime.call(&known.name, Cause::Hand, reason, body).await
    }

    /// Fires a timer as soon as no run of it is in progress.
    pub async fn timer(&self, function: &str, past_due: bool) -> Outcome {
        let timer = self.timers.iter().find(|t| t.function.eq_ignore_ascii_case(function));
        let Some(timer) = timer else {
            return Outcome::Failed { why: format!("there is no timer '{function}'") };
        };
        timer.fire(if past_due { Why::PastDue } else { Why::Unscheduled }).await
    }

    /// Proxies a request, such as `GET /api/status?x=1`, to the httpTrigger function with its route.
    pub async fn http(
        &self,
        method: Method,
        path_and_query: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> HttpAnswer {
        self.runtime.http(method, path_and_query, headers, body).await
    }

    /// The handler's port: the same for the life of the host.
    #[must_use]
    pub fn handler_port(&self) -> u16 {
        self.runtime.worker.port
    }

    /// The handler's process id, while it runs.
    #[must_use]
    pub fn handler_pid(&self) -> Option<u32> {
        self.runtime.worker.state().pid
    }

    /// Kills the handler from outside, with SIGKILL, and returns when it is dead.
    ///
    /// For the host this is a crash. It starts the handler again on the same port, and stops at the
    /// third crash within half an hour.
    pub async fn kill_handler(&self) {
        self.runtime.worker.kill().await;
    }

    /// Every line of the log so far.
    #[must_use]
    pub fn log(&self) -> Vec<LogLine> {
        self.runtime.log.entries()
    }

    /// Every line of the log from the first one on, as soon as it is written.
    pub fn follow_log(&self) -> impl Stream<Item = LogLine> + use<> {
        self.runtime.log.follow()
    }

    /// Waits until the log contains a line for which `wanted` is true.
    pub async fn until_logged(&self, mut wanted: impl FnMut(&LogLine) -> bool) {
        self.runtime.log.until(|lines| lines.iter().any(&mut wanted)).await;
    }

    /// Every invocation that has ended, in the order in which they ended.
    #[must_use]
    pub fn outcomes(&self) -> Vec<Invocation> {
        self.runtime.invocations.entries()
    }

    /// Waits until `wanted` is true for the list of ended invocations.
    pub async fn until_outcomes(&self, mut wanted: impl FnMut(&[Invocation]) -> bool) {
        self.runtime.invocations.until(|ended| wanted(ended)).await;
    }

    /// Why the host has stopped, if it has: the third crash, or a handler that never listened.
    #[must_use]
    pub fn stopped(&self) -> Option<String> {
        self.runtime.worker.state().stopped
    }

    /// Waits until the host stops because of its handler.
    pub async fn until_stopped(&self) {
        self.runtime.worker.until_stopped().await;
    }

    /// Stops the listeners and kills the handler. Returns when it is dead.
    pub async fn stop(mut self) {
        self.runtime.worker.stop().await;
        self.tasks.shutdown().await;
    }

    /// Opens a front end that accepts requests with `key`.
    ///
    /// # Errors
    /// No port is available.
    pub async fn open_front(&self, key: &str) -> std::io::Result<Front> {
        Front::open(self.runtime.clone(), key).await
    }
}

/// Runs a listener until the host stops.
fn listen(
    tasks: &mut JoinSet<()>,
    runtime: &Arc<Runtime>,
    listener: impl Future<Output = ()> + Send + 'static,
) {
    let runtime = runtime.clone();
    tasks.spawn(async move {
        tokio::select! {
            () = listener => {}
            () = runtime.worker.until_stopped() => {}
        }
    });
}
