//! An emulation of the Azure Functions host. It starts the real handler from the real host.json and
//! function.json files, calls it as the host does, and evaluates its answers as the host does.
//!
//! The host cannot be installed everywhere, so this module implements its protocol after its sources
//! (Azure/azure-functions-host, Azure/azure-webjobs-sdk and the storage and timer extensions) and after what was
//! seen under a real host, including its pitfalls: a call whose answer is an empty 2xx body hangs until the
//! functionTimeout, a timeout kills the process, a handler that exits with code 0 is not restarted, and the third
//! crash stops the host. The tests in `tests/conformance` also run against a real host.
//!
//! It connects to loopback only. It listens there only if a front end is opened, which requires a key as
//! `authLevel` says. Calls by [`Host::http`] need no key, as under `func start`.

mod app;
mod auth;
mod front;
mod function;
mod invocation;
mod journal;
mod options;
mod path;
mod proxy;
mod queue;
mod runtime;
mod settings;
mod shared;
mod timer;
mod worker;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures::Stream;
use reqwest::{Method, header::HeaderMap};
use serde_json::{Map, Value};
use tokio::{sync::watch, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::Level;

pub use self::{
    app::App,
    front::{Front, function_key},
    invocation::Answer,
    journal::{Cause, HostError, HttpAnswer, Invocation, LogLine, Outcome},
    options::{Group, Options},
    shared::HostStorage,
    worker::Orphan,
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
    listeners: JoinSet<()>,
    /// The task that owns the process.
    _keeper: JoinSet<()>,
    root: PathBuf,
    options: Options,
}

impl Host {
    /// Starts a host that runs alone, with the times of the real host.
    ///
    /// # Errors
    /// As of [`Host::start_with`].
    pub async fn start(root: &Path, settings: BTreeMap<String, String>) -> Result<Self, HostError> {
        Self::start_with(root, settings, Options::default()).await
    }

    /// Starts the handler of the app in `root` and the listener of every function.
    ///
    /// `root` has the layout of a deployment: host.json, `<Function>/function.json`, the executable.
    /// `settings` are the app settings. They replace `%X%`, name connections, and are added to the
    /// environment of the handler. Those like `AzureFunctionsJobHost__functionTimeout` override host.json.
    /// `AzureWebJobs.<Function>.Disabled=true` prevents the start of a listener. If `%X%` has no setting, the
    /// host disables that function and runs the others.
    ///
    /// Returns as soon as the process runs. Calls wait until it listens.
    ///
    /// # Errors
    /// The app has faults, or its executable cannot be started.
    pub async fn start_with(
        root: &Path,
        settings: BTreeMap<String, String>,
        options: Options,
    ) -> Result<Self, HostError> {
        let app = Arc::new(App::read(root, &settings).map_err(HostError::App)?);
        let client = runtime::client()?;
        let log = Arc::new(Journal::new());
        for why in &app.unindexed {
            log.host(
                Level::WARN,
                format!("{why}. The function failed indexing and will be disabled."),
            );
        }
        let (worker, keeper) = Worker::start(app.clone(), client.clone(), log.clone())
            .await
            .map_err(HostError::Handler)?;
        let runtime = Arc::new(Runtime {
            app: app.clone(),
            worker,
            log,
            invocations: Journal::new(),
            client,
            storage: options.storage.clone(),
            group: options.group.clone(),
            hidden: options.hidden,
            stopping: CancellationToken::new(),
            gone: CancellationToken::new(),
            running: watch::Sender::new(0),
        });
        let gone = runtime.gone.clone();
        let (mut listeners, mut keepers, mut timers) = (JoinSet::new(), JoinSet::new(), Vec::new());
        keepers.spawn(async move {
            // When the host is dropped, too.
            let _gone = gone.drop_guard();
            keeper.await;
        });
        for function in &app.functions {
            let listens = !function.disabled && options.group.has(function);
            if let Some(timer) = Timer::new(&runtime, function).map(Arc::new) {
                timers.push(timer.clone());
                if listens {
                    listen(&mut listeners, &runtime, async move { timer.listen().await });
                }
            }
            let listener = Listener::new(&runtime, function);
            let listener = listener.map_err(|source| {
                let function = function.name.clone();
                HostError::Queue { function, source }
            })?;
            if let Some(listener) = listener.filter(|_| listens) {
                listen(&mut listeners, &runtime, listener.listen());
            }
        }
        let root = root.to_owned();
        Ok(Self { runtime, timers, listeners, _keeper: keepers, root, options })
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
        self.runtime.call_by_hand(&known.name, body).await
    }

    /// Lets the time of a timer come: it fires as soon as no run of it is in progress.
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

    /// Stops the listeners, as `POST /admin/host/drain` does. Running invocations and HTTP continue.
    pub fn drain(&self) {
        self.runtime.stopping.cancel();
    }

    /// Stops the host, as SIGTERM does.
    ///
    /// The listeners stop. When no invocation is in progress, the handler is killed. After a grace period of 10 s
    /// the host is gone without a signal to the handler, which is returned. Dropping it kills it.
    pub async fn stop(mut self) -> Option<Orphan> {
        self.drain();
        let ended = async {
            while self.listeners.join_next().await.is_some() {}
            self.runtime.idle().await;
        };
        if timeout(self.options.grace, ended).await.is_err() {
            return self.die().await;
        }
        self.runtime.gone.cancel();
        self.runtime.worker.stop().await;
        None
    }

    /// Ends the host as SIGKILL does. It releases no lock, messages in progress stay hidden, and the handler is
    /// returned if it runs. Dropping it kills it.
    pub async fn die(mut self) -> Option<Orphan> {
        self.runtime.gone.cancel();
        self.listeners.shutdown().await;
        self.runtime.worker.abandon().await
    }

    /// Starts a new host with other settings, as the platform does after a change of the settings: what runs is
    /// killed, with the handler, and the messages in progress stay hidden.
    ///
    /// # Errors
    /// As of [`Host::start_with`].
    pub async fn change_settings(
        self,
        settings: BTreeMap<String, String>,
    ) -> Result<Self, HostError> {
        let (root, options) = (self.root.clone(), self.options.clone());
        drop(self.die().await);
        Self::start_with(&root, settings, options).await
    }

    /// Opens a front end that accepts requests with `key`.
    ///
    /// # Errors
    /// No port is available.
    pub async fn open_front(&self, key: &str) -> std::io::Result<Front> {
        Front::open(self.runtime.clone(), self.timers.clone(), key).await
    }
}

/// Runs a listener until the host stops because of its handler.
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
