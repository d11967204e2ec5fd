//! The process of the handler: started, monitored, restarted and killed as by Azure/azure-functions-host
//! (`HttpWorkerProcess`, `WorkerProcess`, `HttpFunctionInvocationDispatcher`).
//!
//! The host has one process, on one port for its whole life. After exit code 0 it does nothing. After exit
//! code 200 it restarts the process. Any other exit is an error, and the third error stops the host. The
//! host always ends the process with SIGKILL, like the real host.
//!
//! The output of the process goes to the log of the host, line by line. Lines of stdout are information, and
//! the words in a line of stderr determine its level. No line belongs to an invocation, because the host reads
//! the pipes independently of the calls (`WorkerConsoleLogService`).

use std::{
    io,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use azure_core::Uuid;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    net::TcpListener,
    process::{Child, Command},
    sync::{mpsc, oneshot, watch},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;
use tracing::Level;

use super::{HostError, LogLine, app::App, journal::Journal};

/// The exit code with which a handler requests a restart.
const RESTART_ME: i32 = 200;
/// The number of errors that stops the host.
const LAST_ERROR: usize = 3;
/// After this time without an error, the count starts again.
const ERROR_WINDOW: Duration = Duration::from_mins(30);
/// How often the host checks whether a starting handler listens.
const PING_EVERY: Duration = Duration::from_millis(25);

/// The state of the process.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) pid: Option<u32>,
    /// Whether calls can be sent. It stays true after exit code 0, as in the real host.
    pub(super) ready: bool,
    /// Why the host has stopped.
    pub(super) stopped: Option<String>,
}

/// A command of the rest of the host for the process.
#[derive(Debug)]
enum Order {
    /// A function took too long: kill the process, start another, and count no error.
    Restart,
    /// Kill the process, as from outside.
    Kill,
    /// The host stops for this reason.
    StopHost(String),
    /// The host shuts down.
    Stop,
    /// The host is gone, and the process continues without it.
    Abandon(oneshot::Sender<Orphan>),
}

/// A handler that has outlived its host. Dropping it kills it.
///
/// Its output has nowhere to go any more. Its parent is still this process: a handler that checks its parent does
/// not notice.
#[derive(Debug)]
pub struct Orphan(Child);

impl Orphan {
    /// The process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.0.id()
    }

    /// Waits until it exits.
    ///
    /// # Errors
    /// The operating system does not know the process.
    pub async fn until_exit(&mut self) -> io::Result<ExitStatus> {
        self.0.wait().await
    }
}

/// How a process ended.
enum End {
    Restart,
    Error(String),
    HostStops(String),
    Stopped,
    Abandoned(oneshot::Sender<Orphan>),
}

/// The handle of the process.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) port: u16,
    orders: mpsc::UnboundedSender<Order>,
    state: watch::Receiver<State>,
    patience: Duration,
}

impl Worker {
    /// Starts the process and the task that monitors it. The task ends with the host.
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

    /// Waits until calls can be sent. If that takes too long, the host stops.
    pub(super) async fn ready(&self) -> Result<(), HostError> {
        let limit = self.patience * 4;
        if timeout(limit, self.until(|state| state.ready || state.stopped.is_some())).await.is_err()
        {
            self.order(Order::StopHost(format!("the handler was not ready within {limit:?}")));
            self.until(|state| state.stopped.is_some()).await;
        }
        match self.state().stopped {
            Some(why) => Err(HostError::Stopped(why)),
            None => Ok(()),
        }
    }

    /// Kills the process because a function took too long. Returns when it is dead.
    pub(super) async fn restart(&self) {
        self.end(Order::Restart).await;
    }

    /// Kills the process, as from outside. Returns when it is dead.
    pub(super) async fn kill(&self) {
        self.end(Order::Kill).await;
    }

    /// Kills the process and starts no other.
    pub(super) async fn stop(&self) {
        self.order(Order::Stop);
        self.until(|state| state.pid.is_none() && !state.ready).await;
    }

    /// Lets the process continue without the host; `None` if it has exited.
    pub(super) async fn abandon(&self) -> Option<Orphan> {
        let (sender, orphan) = oneshot::channel();
        self.order(Order::Abandon(sender));
        orphan.await.ok()
    }

    /// Waits until the host stops because of its handler.
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
        // If the keeper has ended, the process is dead already.
        let _ = self.orders.send(order);
    }

    async fn until(&self, wanted: impl FnMut(&State) -> bool) {
        let _ = self.state.clone().wait_for(wanted).await;
    }
}

/// A free port for the handler. As in the real host, it is bound and closed immediately, so it is not
/// reserved. It is outside the range from which the kernel assigns ports, so that no client on this machine
/// gets it before the handler.
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
            if let End::Abandoned(sender) = end {
                self.state.send_replace(State::default());
                let _ = sender.send(Orphan(process.child));
                return;
            }
            process.kill().await;
            self.state.send_replace(State::default());
            match end {
                End::Stopped | End::Abandoned(_) => return,
                End::HostStops(why) => break why,
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

    /// Monitors one process until it ends or must be ended.
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
                            let last = process.last_lines().await;
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
                        // The loop then handles its exit like any other.
                        let _ = process.child.start_kill();
                    }
                    Some(Order::StopHost(why)) => return End::HostStops(why),
                    Some(Order::Abandon(orphan)) if running => return End::Abandoned(orphan),
                    Some(Order::Stop | Order::Abandon(_)) | None => return End::Stopped,
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
        // The host joins the arguments without quotes, so an argument with a space becomes two.
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

/// A running handler and the tasks that read its output.
struct Process {
    child: Child,
    stderr: Option<AbortOnDropHandle<Vec<String>>>,
    _stdout: Option<AbortOnDropHandle<Vec<String>>>,
}

impl Process {
    async fn kill(&mut self) {
        let _ = self.child.kill().await;
    }

    /// The last lines of stderr. The wait is limited, because a grandchild can keep the pipe open.
    async fn last_lines(&mut self) -> String {
        let Some(stderr) = self.stderr.take() else { return String::new() };
        match timeout(Duration::from_millis(500), stderr).await {
            Ok(Ok(lines)) => lines.join(" "),
            Ok(Err(_)) | Err(_) => String::new(),
        }
    }
}

/// Returns when a program listens on the port, whatever it answers.
async fn listens(client: reqwest::Client, port: u16) {
    loop {
        match client.get(format!("http://127.0.0.1:{port}/")).send().await {
            Err(why) if why.is_connect() => tokio::time::sleep(PING_EVERY).await,
            Ok(_) | Err(_) => return,
        }
    }
}

/// Writes each line of a pipe to the log. The result of the task is the last three.
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

/// The host does not write lines with two prefixes to the log of the function.
fn sort(line: &str) -> (&'static str, &str) {
    if let Some(line) = line.strip_prefix("LanguageWorkerConsoleLog") {
        return ("Worker", line);
    }
    match line.strip_prefix("azfuncjsonlog:") {
        Some(line) => ("Tooling", line),
        None => ("Host.Function.Console", line),
    }
}

/// The default for custom handlers: every line of stderr is an error or a warning.
fn rank_error(line: &str) -> Level {
    if line.to_lowercase().contains("warn") { Level::WARN } else { Level::ERROR }
}

/// If `useStdErrorStreamForErrorsOnly` is off.
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
