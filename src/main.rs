//! Runs the command that the arguments name. Nothing else reads arguments, environment and terminal.
#![expect(
    clippy::disallowed_methods,
    reason = "only this file reads the environment and the clock; others get them as arguments"
)]

use std::{
    io::{ErrorKind, IsTerminal as _, Write},
    process::ExitCode,
    sync::Arc,
};

use anstream::{AutoStream, ColorChoice};
use terminal_size::{Height, Width, terminal_size_of};
use time::OffsetDateTime;
use tracing_subscriber::{
    filter::Targets,
    fmt::{self, writer::MakeWriterExt as _},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};
#[cfg(feature = "testbed")]
use viva_import::testbed;
use viva_import::{
    cli::{Cli, Command, GlobalArgs, UserCommand},
    commands::Context,
    config::SETTINGS,
    doctor::{Doctor, RunsAs},
    engine::Engine,
    host,
    outcome::{CommandError, CommandOutput, Layout, MAX_WIDTH, Progress, Tone},
};

/// Columns of a terminal that does not say how wide it is.
const DEFAULT_WIDTH: usize = 80;

#[tokio::main]
async fn main() -> ExitCode {
    // Before the arguments are read, because help and usage errors have colors, too.
    let arguments = std::env::args_os().map(|it| it.to_string_lossy().into_owned());
    color(&arguments.collect::<Vec<_>>()).write_global();
    let Cli { command, global } = Cli::read();
    let done = match command {
        Command::Serve => {
            log();
            serve().await
        }
        #[cfg(feature = "testbed")]
        Command::Demo(options) => testbed::run(&options.into(), setting).await,
        #[cfg(feature = "testbed")]
        Command::MockService(options) => testbed::run_mock_service(&options.into()).await,
        Command::User(command) => run(*command, global).await,
    };
    done.unwrap_or_else(|why| {
        complain(&why);
        ExitCode::from(2)
    })
}

/// The value of `--color`; clap rejects an invalid one later.
fn color(arguments: &[String]) -> ColorChoice {
    let next = arguments.iter().skip(1).map(String::as_str).chain([""]);
    let values = arguments.iter().zip(next).filter_map(|(flag, next)| {
        flag.strip_prefix("--color=").or_else(|| (flag == "--color").then_some(next))
    });
    match values.last() {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        Some(_) | None => ColorChoice::Auto,
    }
}

async fn run(command: UserCommand, global: GlobalArgs) -> Result<ExitCode, String> {
    let is_json = command.is_json();
    let out = std::io::stdout();
    let context = Context {
        setting: Arc::new(setting),
        clock: OffsetDateTime::now_utc,
        account: None,
        layout: layout(out.is_terminal(), terminal_size_of(&out), AutoStream::choice(&out)),
        progress: progress(global.quiet),
    };
    let result = Box::pin(command.run(&context)).await;
    if is_json {
        let (answer, code) = match &result {
            Ok(output) => (&output.json, output.exit_code()),
            Err(error) => (&error.json(), error.exit_code()),
        };
        print("", &format!("{answer:#}"))?;
        return Ok(ExitCode::from(code));
    }
    let output = match result {
        Ok(output) => output,
        Err(error) => {
            complain(&error.to_string());
            return Ok(ExitCode::from(error.exit_code()));
        }
    };
    let CommandOutput { text, document, failures, .. } = &output;
    failures.iter().map(CommandError::to_string).for_each(|error| complain(&error));
    print(context.layout.wrap(text).trim_end(), document.trim_end())?;
    Ok(ExitCode::from(output.exit_code()))
}

/// How text is laid out on a stream of this size: wrapped on a terminal, colored as `--color` and the
/// environment say.
fn layout(is_terminal: bool, size: Option<(Width, Height)>, color: ColorChoice) -> Layout {
    let width = size.map_or(DEFAULT_WIDTH, |(Width(columns), _)| columns.into());
    let width = is_terminal.then(|| width.min(MAX_WIDTH));
    Layout { width, is_colored: color != ColorChoice::Never }
}

fn progress(is_quiet: bool) -> Progress {
    // Windows sets no TERM.
    let can_redraw = setting("TERM").map_or(cfg!(windows), |terminal| terminal != "dumb");
    match is_quiet {
        true => Progress::Hidden,
        false if std::io::stderr().is_terminal() && can_redraw => Progress::Bars,
        false => Progress::Lines,
    }
}

/// Prints an answer: text, and below it a document as it is. A reader that is gone is no error; a full
/// disk is one.
fn print(text: &str, document: &str) -> Result<(), String> {
    let write = |mut out: Box<dyn Write>, text: &str| match text {
        "" => Ok(()),
        text => writeln!(out, "{text}").and_then(|()| out.flush()),
    };
    let written = write(Box::new(anstream::stdout()), text)
        .and_then(|()| write(Box::new(std::io::stdout()), document));
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("the answer could not be written: {error}"))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints an error: the first line says what happened, each line below it what to do.
fn complain(error: &str) {
    let out = std::io::stderr();
    let layout = layout(out.is_terminal(), terminal_size_of(&out), AutoStream::choice(&out));
    let mut lines = error.lines();
    let prefix = layout.paint(Tone::Bad, "error:") + " ";
    let mut text = layout.hang(&prefix, lines.next().unwrap_or_default());
    lines.for_each(|line| text.push_str(&layout.hang("  ", line)));
    // Nothing is left to do if this fails.
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// Answers the host. It never returns `Ok`, because the host does not restart a program that exits with
/// 0.
async fn serve() -> Result<ExitCode, String> {
    let port = setting("FUNCTIONS_CUSTOMHANDLER_PORT").and_then(|port| port.parse::<u16>().ok());
    let port = port.ok_or_else(|| {
        let demo = if cfg!(feature = "testbed") {
            " To see the app on this machine, run `viva-import demo`."
        } else {
            ""
        };
        format!(
            "FUNCTIONS_CUSTOMHANDLER_PORT is not a port\nThe Functions host starts `serve` and sets \
             it.{demo}"
        )
    })?;
    let orphaned = host::orphaned();
    // First, so that an early request waits a moment: after a refused one the host pauses.
    let listener = host::listen(port)
        .await
        .map_err(|error| format!("port {port} cannot be opened: {error}"))?;
    let engine = Engine::open(Arc::new(setting), Arc::new(OffsetDateTime::now_utc))
        .map_err(|error| error.to_string())?;
    let doctor = Doctor::new(Arc::new(setting), Arc::new(OffsetDateTime::now_utc), RunsAs::App);
    tracing::info!("viva-import {} listens on port {port}", env!("CARGO_PKG_VERSION"));
    tokio::select! {
        served = host::serve(listener, Arc::new(engine), Arc::new(doctor)) => {
            served.map_err(|error| error.to_string())?;
            Err("ended by SIGTERM, after the running requests".to_owned())
        }
        () = orphaned => Err("the Functions host has ended, so this program ends, too".to_owned()),
    }
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Logs one line for each event, without time and color: the host adds its own. It reads lines on
/// stdout as information, and lines on stderr as warnings and errors.
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
