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
mod queue;
mod runtime;
mod settings;
mod timer;
mod worker;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::Stream;
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use tokio::{sync::watch, task::JoinSet};
use tracing::Level;

pub use self::{app::App, invocation::Answer, runtime::Front};
use self::{
    queue::Listener,
    runtime::Runtime,
    timer::{Timer, Why},
    worker::Worker,
};
use crate::http::{ClientError, chain};

/// What became of an invocation.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The handler's answer was accepted.
    Succeeded(Answer),
    /// The handler refused, answered wrongly or broke off.
    Failed {
        /// As a sentence.
        why: String,
    },
    /// The functionTimeout was over. Unless the call ended within the grace, the handler was killed
    /// and started again, and every other call in flight failed.
    TimedOut,
}

/// What started an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A message.
    Queue {
        /// The id of the message.
        message_id: String,
        /// How often it has been received, this time included.
        dequeue_count: i64,
    },
    /// A timer.
    Timer {
        /// Whether it was told that it is late.
        past_due: bool,
    },
    /// A request.
    Http {
        /// Its method and path.
        request: String,
    },
    /// [`Host::invoke`].
    Hand,
}

/// An invocation that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// The id the handler got in `X-Azure-Functions-InvocationId`.
    pub id: String,
    /// The function.
    pub function: String,
    /// What started it.
    pub cause: Cause,
    /// What became of it. A proxied request succeeds with any status.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// The answer to a proxied request.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpAnswer {
    /// 404 where no function has the route, 500 where the handler could not be reached.
    pub status: StatusCode,
    /// As the handler sent them.
    pub headers: HeaderMap,
    /// The whole of it; the real host streams.
    pub body: Bytes,
}

impl HttpAnswer {
    fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }
}

/// A line of the host's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub at: OffsetDateTime,
    /// As the host would rank it.
    pub level: Level,
    /// As the host would file it: `Host.Function.Console` is what the handler prints,
    /// `Function.<name>` is about an invocation, `Function.<name>.User` came in its answer.
    pub category: String,
    /// The line.
    pub message: String,
}

/// Why a host cannot start, or does not reach the handler.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The app is not one the host would run.
    #[error("{}", .0.join("\n"))]
    App(Vec<String>),
    /// The handler cannot be started.
    ///
    /// The real host swallows this and stops at the first invocation, two minutes later.
    #[error("the handler cannot be started: {0}")]
    Handler(#[source] std::io::Error),
    /// The client for the handler cannot be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The clients for the queue of a function cannot be made.
    #[error("the queue of the function {function} cannot be opened: {source}")]
    Queue {
        /// The function.
        function: String,
        /// Why.
        source: azure_core::Error,
    },
    /// The host gave up.
    #[error("the host has stopped: {0}")]
    Stopped(String),
    /// The handler was called and did not answer.
    #[error("{}", chain(.0))]
    Call(#[from] reqwest::Error),
}

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
}

/// What the host wrote down: a list that only grows, to read at once, to wait on or to follow.
#[derive(Debug)]
struct Journal<T>(watch::Sender<Vec<T>>);

impl<T: Clone> Journal<T> {
    fn new() -> Self {
        Self(watch::Sender::new(Vec::new()))
    }

    fn push(&self, entry: T) {
        self.0.send_modify(|entries| entries.push(entry));
    }

    fn entries(&self) -> Vec<T> {
        self.0.borrow().clone()
    }

    /// Waits until the list, from its beginning, is as wanted.
    async fn until(&self, wanted: impl FnMut(&Vec<T>) -> bool) {
        // The sender is borrowed here, so it cannot be gone.
        let _ = self.0.subscribe().wait_for(wanted).await;
    }

    /// Every entry from the first to the last, each as soon as it is there.
    fn follow(&self) -> impl Stream<Item = T> + use<T> {
        futures::stream::unfold((self.0.subscribe(), 0), async |(mut entries, next)| {
            let entry = {
                let entries = entries.wait_for(|entries| entries.len() > next).await.ok()?;
                entries[next].clone()
            };
            Some((entry, (entries, next + 1)))
        })
    }
}

impl Journal<LogLine> {
    fn log(&self, level: Level, category: &str, message: impl Into<String>) {
        let (at, category, message) = (now(), category.to_owned(), message.into());
        tracing::debug!(%level, category, "{message}");
        self.push(LogLine { at, level, category, message });
    }

    /// A line about the handler and the host itself.
    fn host(&self, level: Level, message: impl Into<String>) {
        self.log(level, "Host", message);
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

#[expect(
    clippy::disallowed_methods,
    reason = "the host is the one place of the demo that reads the clock"
)]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
