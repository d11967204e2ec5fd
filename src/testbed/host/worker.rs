//! The handler's process: started, watched, restarted, killed as by Azure/azure-functions-host
//! (`HttpWorkerProcess`, `WorkerProcess`, `HttpFunctionInvocationDispatcher`).
//!
//! One process, on one port for the life of the host. Exit code 0 is taken as a wish and nothing
//! happens; 200 is a wish to be restarted; anything else is an error, and the third error stops the
//! host. The process is always ended by SIGKILL: the real host knows no gentler way.
//!
//! What it prints is a part of the host's log, line by line: stdout is information, stderr is ranked by
//! its words. None of it belongs to an invocation: the host reads the pipes apart from the calls
//! (`WorkerConsoleLogService`).

use std::{
    io,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use azure_core::Uuid;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    net::TcpListener,
    process::{Child, Command},
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;
use tracing::Level;

use super::{HostError, LogLine, app::App, journal::Journal};

/// The exit code of a handler that asks for a restart.
const RESTART_ME: i32 = 200;
/// The error that stops the host.
const LAST_ERROR: usize = 3;
/// Errors further apart than this are counted anew.
const ERROR_WINDOW: Duration = Duration::from_mins(30);
/// How often a starting handler is asked whether it listens.
const PING_EVERY: Duration = Duration::from_millis(25);

/// How the process is doing.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) pid: Option<u32>,
    /// Whether calls may go out. Stays true after exit code 0: the host does not know better.
    pub(super) ready: bool,
    /// Why the host gave up.
    pub(super) stopped: Option<String>,
}

/// What the rest of the host wants of the process.
#[derive(Debug)]
enum Order {
    /// Kill it, start another, count nothing: a function took too long.
    Restart,
    /// Kill it as someone outside would.
    Kill,
    /// The host gives up.
    GiveUp(String),
    /// The host is shut down.
    Stop,
}

/// How the life of one process ended.
enum End {
    Restart,
    Error(String),
    GivenUp(String),
    Stopped,
}

/// The handle on the process.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) port: u16,
    orders: mpsc::UnboundedSender<Order>,
    state: watch::Receiver<State>,
    patience: Duration,
}

impl Worker {
    /// Starts the process and the task that looks after it; the task ends with the host.
    pub(super) async fn start(
        app: Arc<App>,
        client: reqwest::Client,
        log: Arc<Journal<LogLine>>,
    ) -> io::Result<(Self, impl Future<Output = ()>)> {
        let port = free_port().await?;
        let patience = app.handler.patience;
        let (orders, inbox) = mpsc::unbounded_channel();
        let (state, watched) = watch::channel(State::default());
        let mut keeper = Keeper { app, client, log, port, inbox, state };
        let first = keeper.spawn()?;
        let worker = Self { port, orders, state: watched, patience };
        Ok((worker, async move { keeper.keep(first).await }))
    }

    pub(super) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Waits until calls may go out. A host whose handler does not get there in time gives up.
    pub(super) async fn ready(&self) -> Result<(), HostError> {
        let limit = self.patience * 4;
        if timeout(limit, self.until(|state| state.ready || state.stopped.is_some())).await.is_err()
        {
            self.order(Order::GiveUp(format!("the handler was not ready within {limit:?}")));
            self.until(|state| state.stopped.is_some()).await;
        }
        match self.state().stopped {
            Some(why) => Err(HostError::Stopped(why)),
            None => Ok(()),
        }
    }

    /// Kills the process because a function took too long; returns when it is dead.
    pub(super) async fn restart(&self) {
        self.end(Order::Restart).await;
    }

    /// Kills the process as someone outside would; returns when it is dead.
    pub(super) async fn kill(&self) {
        self.end(Order::Kill).await;
    }

    /// Kills the process for good.
    pub(super) async fn stop(&self) {
        self.order(Order::Stop);
        self.until(|state| state.pid.is_none() && !state.ready).await;
    }

    /// Waits for the moment the host gives up.
    pub(super) async fn until_stopped(&self) {
        self.until(|state| state.stopped.is_some()).await;
    }

    async fn end(&self, order: Order) {
        let pid = self.state().pid;
        self.order(order);
        if pid.is_some() {
            self.until(|state| state.pid != pid).await;
        }
    }

    fn order(&self, order: Order) {
        // A keeper that is gone has killed the process already.
        let _ = self.orders.send(order);
    }

    async fn until(&self, wanted: impl FnMut(&State) -> bool) {
        let _ = self.state.clone().wait_for(wanted).await;
    }
}

/// A port for the handler, which is only remembered: it is bound and closed again at once, as the
/// host does it. It is none of those that the kernel gives out, or a client of the same machine might
/// have it before the handler does.
async fn free_port() -> io::Result<u16> {
    let first = 20_000 + Uuid::new_v4().as_u128() % 10_000;
    for port in (first..30_000).chain(20_000..first) {
        let port = u16::try_from(port).map_err(io::Error::other)?;
        if TcpListener::bind(("127.0.0.1", port)).await.is_ok() {
            return Ok(port);
        }
    }
    Err(io::Error::other("no port from 20000 to 29999 is free"))
}

/// The task that owns the process.
struct Keeper {
    app: Arc<App>,
    client: reqwest::Client,
    log: Arc<Journal<LogLine>>,
    port: u16,
    inbox: mpsc::UnboundedReceiver<Order>,
    state: watch::Sender<State>,
}

impl Keeper {
    async fn keep(&mut self, first: Process) {
        let mut process = first;
        let mut errors: Vec<Instant> = Vec::new();
        let stopped = loop {
            let end = self.live(&mut process).await;
            process.kill().await;
            self.state.send_replace(State::default());
            match end {
                End::Stopped => return,
                End::GivenUp(why) => break why,
                End::Restart => {}
                End::Error(why) => {
                    self.log.host(Level::ERROR, &why);
                    let now = Instant::now();
                    if errors.last().is_some_and(|last| now.duration_since(*last) > ERROR_WINDOW) {
                        errors.clear();
                    }
                    errors.push(now);
                    if errors.len() >= LAST_ERROR {
                        break format!(
                            "Exceeded http worker restart retry count. Shutting down Functions \
                             Host. {why}"
                        );
                    }
                }
            }
            process = match self.spawn() {
                Ok(process) => process,
                Err(why) => break format!("the handler cannot be started: {why}"),
            };
        };
        self.log.host(Level::ERROR, &stopped);
        self.state.send_modify(|state| state.stopped = Some(stopped));
    }

    /// Watches one process until something ends its life, or it should end.
    async fn live(&mut self, process: &mut Process) -> End {
        let (client, port) = (self.client.clone(), self.port);
        let patience = self.app.handler.patience;
        let mut listening = Box::pin(timeout(patience, listens(client, port)));
        let (mut starting, mut running) = (true, true);
        loop {
            tokio::select! {
                exit = process.child.wait(), if running => {
                    let exit = match exit {
                        Ok(exit) => exit,
                        Err(why) => return End::Error(format!("the handler was lost: {why}")),
                    };
                    match exit.code() {
                        Some(0) => {
                            self.log.host(Level::INFO, "the handler exited with code 0");
                            self.state.send_modify(|state| state.pid = None);
                            running = false;
                        }
                        Some(RESTART_ME) => return End::Restart,
                        Some(_) | None => {
                            self.state.send_replace(State::default());
                            let last = process.last_words().await;
                            return End::Error(format!("the handler exited ({exit}). {last}"));
                        }
                    }
                }
                answer = &mut listening, if starting => {
                    if answer.is_err() {
                        return End::Error(format!("the handler did not listen in {patience:?}"));
                    }
                    starting = false;
                    self.state.send_modify(|state| state.ready = true);
                }
                order = self.inbox.recv() => match order {
                    Some(Order::Restart) => return End::Restart,
                    Some(Order::Kill) => {
                        // Its exit is then seen as any other.
                        let _ = process.child.start_kill();
                    }
                    Some(Order::GiveUp(why)) => return End::GivenUp(why),
                    Some(Order::Stop) | None => return End::Stopped,
                },
            }
        }
    }

    fn spawn(&self) -> io::Result<Process> {
        let Self { app, port, .. } = self;
        let id = Uuid::new_v4();
        let variables = [
            ("FUNCTIONS_HTTPWORKER_PORT", port.to_string()),
            ("FUNCTIONS_HTTPWORKER_ID", id.to_string()),
            ("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string()),
            ("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", id.to_string()),
            ("FUNCTIONS_APP_ROOT_PATH", app.root.to_string_lossy().into_owned()),
        ];
        // The host joins the arguments without quotes: one that holds a space becomes two.
        let arguments = app.settings.expand(&app.handler.arguments.join(" "), &variables);
        let mut child = Command::new(&app.handler.executable)
            .args(arguments.split_whitespace())
            .envs(app.settings.iter())
            .envs(variables)
            .current_dir(&app.handler.directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let rank = if app.handler.stderr_is_for_errors { rank_error } else { rank_mixed };
        let stdout = out.map(|pipe| pump(pipe, |_| Level::INFO, self.log.clone()));
        let stderr = err.map(|pipe| pump(pipe, rank, self.log.clone()));
        self.state.send_modify(|state| state.pid = child.id());
        self.log.host(Level::INFO, format!("the handler was started on port {port}"));
        Ok(Process { child, stderr, _stdout: stdout })
    }
}

/// A running handler and the tasks that read what it prints.
struct Process {
    child: Child,
    stderr: Option<AbortOnDropHandle<Vec<String>>>,
    _stdout: Option<AbortOnDropHandle<Vec<String>>>,
}

impl Process {
    async fn kill(&mut self) {
        let _ = self.child.kill().await;
    }

    /// The last lines of stderr. A grandchild may hold the pipe open, so not for ever.
    async fn last_words(&mut self) -> String {
        let Some(stderr) = self.stderr.take() else { return String::new() };
        match timeout(Duration::from_millis(500), stderr).await {
            Ok(Ok(lines)) => lines.join(" "),
            Ok(Err(_)) | Err(_) => String::new(),
        }
    }
}

/// Returns when something listens on the port, whatever it answers.
async fn listens(client: reqwest::Client, port: u16) {
    loop {
        match client.get(format!("http://127.0.0.1:{port}/")).send().await {
            Err(why) if why.is_connect() => tokio::time::sleep(PING_EVERY).await,
            Ok(_) | Err(_) => return,
        }
    }
}

/// Writes each line of a pipe to the log; the task's result is the last three.
fn pump(
    pipe: impl AsyncRead + Unpin + Send + 'static,
    rank: fn(&str) -> Level,
    log: Arc<Journal<LogLine>>,
) -> AbortOnDropHandle<Vec<String>> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut last = Vec::new();
        let mut lines = BufReader::new(pipe).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\r');
            let (category, line) = sort(line);
            log.log(rank(line), category, line);
            last.push(line.to_owned());
            if last.len() > 3 {
                last.remove(0);
            }
        }
        last
    }))
}

/// The host keeps lines with two prefixes out of the function's log.
fn sort(line: &str) -> (&'static str, &str) {
    if let Some(line) = line.strip_prefix("LanguageWorkerConsoleLog") {
        return ("Worker", line);
    }
    match line.strip_prefix("azfuncjsonlog:") {
        Some(line) => ("Tooling", line),
        None => ("Host.Function.Console", line),
    }
}

/// The default for custom handlers: all of stderr is about errors.
fn rank_error(line: &str) -> Level {
    if line.to_lowercase().contains("warn") { Level::WARN } else { Level::ERROR }
}

/// With `useStdErrorStreamForErrorsOnly` off.
fn rank_mixed(line: &str) -> Level {
    let line = line.to_lowercase();
    let error = ["error", "fail", "severe", "unhandled exception"];
    if line.contains("warn") {
        Level::WARN
    } else if error.iter().any(|word| line.contains(word)) {
        Level::ERROR
    } else {
        Level::INFO
    }
}
