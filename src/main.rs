//! Arguments and environment become one of the commands; nothing else reads either.
#![expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment and hands out the clock"
)]

use std::{
    io::{ErrorKind, IsTerminal as _, Write as _},
    process::ExitCode,
    sync::Arc,
};

use clap::Parser as _;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tracing_subscriber::{
    filter::Targets,
    fmt::{self, writer::MakeWriterExt as _},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};
#[cfg(feature = "testbed")]
use viva_import::testbed;
use viva_import::{
    cli::{ByHand, Cli, Command},
    commands::Context,
    config::SETTINGS,
    doctor::Doctor,
    engine::Engine,
    host,
    outcome::CommandError,
};

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve => {
            log();
            serve().await
        }
        #[cfg(feature = "testbed")]
        Command::Demo(options) => testbed::run(&options.into(), setting).await,
        #[cfg(feature = "testbed")]
        Command::MockService(options) => testbed::run_mock_service(&options.into()).await,
        Command::ByHand(command) => by_hand(*command).await,
    };
    done.unwrap_or_else(|why| {
        complain("error", &why);
        ExitCode::from(2)
    })
}

/// Why there is no answer, for a program.
fn problem(code: &str, detail: &str) -> Value {
    json!({ "type": format!("urn:viva-import:problem:{code}"), "code": code, "detail": detail })
}

async fn by_hand(command: ByHand) -> Result<ExitCode, String> {
    let is_json = command.is_json();
    let setting = Arc::new(setting);
    let context = Context { setting, clock: OffsetDateTime::now_utc, tell, note };
    let (answer, code) = match Box::pin(command.run(&context)).await {
        Ok(outcome) if is_json => (Some(outcome.json), u8::from(!outcome.is_done)),
        Ok(outcome) => {
            say(&outcome.text)?;
            return Ok(ExitCode::from(u8::from(!outcome.is_done)));
        }
        Err(CommandError::Refused(why)) if is_json => (Some(problem("refused", &why)), 1),
        Err(CommandError::Failed(why)) if is_json => (Some(problem("failed", &why)), 2),
        Err(CommandError::Refused(why)) => {
            complain("refused", &why);
            (None, 1)
        }
        Err(CommandError::Failed(why)) => return Err(why),
    };
    if let Some(answer) = answer {
        say(&format!("{answer:#}"))?;
    }
    Ok(ExitCode::from(code))
}

/// Prints an answer. A reader that has gone away is no reason to fail, a full disk is.
fn say(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("the answer could not be written: {error}"))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a command that failed")]
fn complain(what: &str, why: &str) {
    eprintln!("{what}: {why}");
}

/// Tells a person who watches how far a command is; a script does not.
fn tell(how_far: &str) {
    if std::io::stderr().is_terminal() {
        let _ = writeln!(std::io::stderr(), "{how_far}");
    }
}

/// Tells what must not be lost, beside the answer.
fn note(what: &str) {
    let _ = writeln!(std::io::stderr(), "{what}");
}

/// Answers the host. It never returns well: the host does not restart what exits with 0.
async fn serve() -> Result<ExitCode, String> {
    let port = setting("FUNCTIONS_CUSTOMHANDLER_PORT").and_then(|port| port.parse::<u16>().ok());
    let port = port.ok_or_else(|| {
        let demo = if cfg!(feature = "testbed") { ", `demo` shows it on this machine" } else { "" };
        format!(
            "FUNCTIONS_CUSTOMHANDLER_PORT holds no port; `serve` is started by the Functions host{demo}"
        )
    })?;
    // First: who knocks meanwhile waits a moment and is not refused, after which the host pauses.
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| format!("port {port} cannot be listened on: {error}"))?;
    let engine = Engine::open(Arc::new(setting), Arc::new(OffsetDateTime::now_utc))
        .map_err(|error| error.to_string())?;
    let doctor = Doctor::new(Arc::new(setting), Arc::new(OffsetDateTime::now_utc));
    tracing::info!("viva-import {} listens on port {port}", env!("CARGO_PKG_VERSION"));
    host::serve(listener, Arc::new(engine), Arc::new(doctor))
        .await
        .map_err(|error| error.to_string())?;
    Err("the door closed by itself".to_owned())
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// One line for each event, without time and colour: the host adds its own. It takes lines of
/// stdout for information and lines of stderr for warnings and errors.
fn log() {
    let default = SETTINGS.iter().find(|setting| setting.name == "RUST_LOG");
    let default = default.and_then(|setting| setting.default).map(str::to_owned);
    let mut given = [self::setting("RUST_LOG"), default].into_iter().flatten();
    let targets: Targets = given.find_map(|text| text.parse().ok()).unwrap_or_default();
    let warnings = std::io::stderr.with_max_level(tracing::Level::WARN);
    let rest = std::io::stdout.with_min_level(tracing::Level::INFO);
    let lines = fmt::layer()
        .without_time()
        .with_ansi(false)
        .with_target(false)
        .with_writer(warnings.and(rest));
    tracing_subscriber::registry().with(targets).with(lines).init();
}
