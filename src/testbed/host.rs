//! A stand-in for the Azure Functions host: it starts the real handler from the real host.json and
//! function.json files, calls it as the host would and judges its answers as the host would.
//!
//! The host cannot be installed everywhere, so what it does on the wire is written down here once,
//! after its sources (Azure/azure-functions-host, Azure/azure-webjobs-sdk and the storage and timer
//! extensions), with its sharp edges: an empty 2xx body hangs until the functionTimeout, a
//! timeout costs the whole process, exit code 0 is the end, the third crash stops the host.
//!
//! It speaks to loopback only, and listens there only where a front end is opened, which asks for a
//! key as `authLevel` says. Calls from within need none, as under `func start`.

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
    /// The keeper of the process and every listener.
    tasks: JoinSet<()>,
}

impl Host {
    /// Starts the handler of the app in `root` and the listener of every function.
    ///
    /// `root` is laid out as deployed: host.json, `<Function>/function.json`, the executable.
    /// `settings` are the app settings: they answer `%X%` and name connections, and the handler gets
    /// them on top of the environment it inherits. `AzureFunctionsJobHost__functionTimeout` and its
    /// kind override host.json; `AzureWebJobs.<Function>.Disabled=true` keeps a listener from
    /// starting.
    ///
    /// Returns as soon as the process runs; calls wait until it listens.
    ///
    /// # Errors
    /// Where the app is faulty or its executable cannot be started.
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
    /// Why the host has stopped instead.
    pub async fn ready(&self) -> Result<(), HostError> {
        self.runtime.worker.ready().await
    }

    /// Calls a function with this data and metadata, sent as they are; the host's own entry `sys`
    /// is added.
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

    /// Fires a timer now, once a run of it that is under way has ended.
    pub async fn timer(&self, function: &str, past_due: bool) -> Outcome {
        let timer = self.timers.iter().find(|t| t.function.eq_ignore_ascii_case(function));
        let Some(timer) = timer else {
            return Outcome::Failed { why: format!("there is no timer '{function}'") };
        };
        timer.fire(if past_due { Why::PastDue } else { Why::Unscheduled }).await
    }

    /// Proxies a request, such as `GET /api/status?x=1`, to the httpTrigger function of its route.
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

    /// Kills the handler as someone outside would, with SIGKILL, and returns when it is dead.
    ///
    /// The host takes it for a crash: it starts the handler again on the same port, and stops at
    /// the third within half an hour.
    pub async fn kill_handler(&self) {
        self.runtime.worker.kill().await;
    }

    /// Every line of the log so far.
    #[must_use]
    pub fn log(&self) -> Vec<LogLine> {
        self.runtime.log.entries()
    }

    /// Every line of the log from the first on, each as soon as it is written.
    pub fn follow_log(&self) -> impl Stream<Item = LogLine> + use<> {
        self.runtime.log.follow()
    }

    /// Waits until a line, past or to come, is as wanted.
    pub async fn until_logged(&self, mut wanted: impl FnMut(&LogLine) -> bool) {
        self.runtime.log.until(|lines| lines.iter().any(&mut wanted)).await;
    }

    /// Every invocation that has ended, in the order of their ends.
    #[must_use]
    pub fn outcomes(&self) -> Vec<Invocation> {
        self.runtime.invocations.entries()
    }

    /// Waits until the list of ended invocations is as wanted.
    pub async fn until_outcomes(&self, mut wanted: impl FnMut(&[Invocation]) -> bool) {
        self.runtime.invocations.until(|ended| wanted(ended)).await;
    }

    /// Why the host gave up, if it did: the third crash, or a handler that never listened.
    #[must_use]
    pub fn stopped(&self) -> Option<String> {
        self.runtime.worker.state().stopped
    }

    /// Waits until the host gives up.
    pub async fn until_stopped(&self) {
        self.runtime.worker.until_stopped().await;
    }

    /// Ends the listeners and kills the handler; returns when it is dead.
    pub async fn stop(mut self) {
        self.runtime.worker.stop().await;
        self.tasks.shutdown().await;
    }

    /// Opens a front end that lets in who brings `key`.
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn open_front(&self, key: &str) -> std::io::Result<Front> {
        Front::open(self.runtime.clone(), key).await
    }
}

/// Runs a listener until the host gives up.
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
