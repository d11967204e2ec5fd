//! Arguments and environment become one of the commands; nothing else reads either.
#![expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment and hands out the clock"
)]

use std::{io::Write as _, path::PathBuf, process::ExitCode, sync::Arc};

use clap::Parser as _;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tracing_subscriber::{EnvFilter, fmt::writer::MakeWriterExt as _};
use viva_import::{
    azure::{Storage, sentence},
    check::{Asked, Summary, explain},
    cli::{self, Cli, Command, Failure, Format, RefreshWord},
    config::{self, Config, SETTINGS},
    connect, demo,
    drive::Road,
    host,
    ingestion::Service,
    learn,
    run::Refresh,
};

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve => {
            log();
            serve().await
        }
        Command::Demo(wishes) => demo::run(&wishes, setting).await,
        Command::Check(wishes) => match check(&wishes) {
            Ok(code) => Ok(code),
            Err(why) => {
                complain(&why);
                return ExitCode::from(2);
            }
        },
        Command::Connect(wishes) => return answer(connect::run(&wishes)),
        Command::Learn(wishes) => return answer(learn::run(&wishes)),
        Command::Rules { id } => explain(id.as_deref()).map(|text| say(&text)),
        Command::Allow { run } => ask(async |road| road.allow(&run).await).await,
        Command::Retry { run } => ask(async |road| road.retry(&run).await).await,
        Command::Cancel { run } => ask(async |road| road.cancel(&run).await).await,
        Command::Resume { connection } => ask(async |road| road.resume(&connection).await).await,
        Command::Settings => Ok(say(&settings_text())),
    };
    outcome.unwrap_or_else(|why| {
        complain(&why);
        ExitCode::FAILURE
    })
}

/// Checks a file on this machine; the exit code says what came of it.
fn check(wishes: &cli::Check) -> Result<ExitCode, String> {
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
    };
    let previous = wishes.against.as_ref().map(|path| {
        Summary::read(&read(path)?).map_err(|why| format!("{}: {why}", path.display()))
    });
    let asked = Asked {
        mapping: wishes.mapping.as_ref().map(read).transpose()?,
        refresh: wishes.refresh.map(|word| match word {
            RefreshWord::Full => Refresh::Full,
            RefreshWord::Incremental => Refresh::Incremental,
        }),
        lenient: wishes.lenient,
        previous: previous.transpose()?,
        show_values: wishes.show_values,
        today: OffsetDateTime::now_utc().date().into(),
        limits: config::limits(setting).map_err(|faults| faults.join("; "))?,
    };
    let report = asked.check(&wishes.file)?;
    let file = wishes.file.file_name().unwrap_or_default().to_string_lossy();
    say(&match wishes.format {
        Format::Text => report.text(&file),
        Format::Json => format!("{:#}", report.json(&file)),
        Format::Html => report.html(&file),
    });
    Ok(if report.is_accepted() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints what a command found out, or why it did not.
fn answer(outcome: Result<String, Failure>) -> ExitCode {
    let (why, code) = match outcome {
        Ok(text) => return say(&text),
        Err(Failure::Refused(why)) => (why, 1),
        Err(Failure::Undone(why)) => (why, 2),
    };
    complain(&why);
    ExitCode::from(code)
}

/// Asks something of the road, as the settings describe it, and prints what it says.
async fn ask(
    question: impl AsyncFnOnce(&Road) -> Result<String, String>,
) -> Result<ExitCode, String> {
    Ok(say(&question(&open_road()?).await?))
}

fn complain(why: &str) {
    #[expect(clippy::print_stderr, reason = "the last word of a command that failed")]
    {
        eprintln!("error: {why}");
    }
}

/// Prints a command's answer. A reader that has gone away is no reason to fail.
fn say(text: &str) -> ExitCode {
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
    ExitCode::SUCCESS
}

/// Answers the host. It never returns well: the host does not restart what exits with 0.
async fn serve() -> Result<ExitCode, String> {
    let port = setting("FUNCTIONS_CUSTOMHANDLER_PORT").and_then(|port| port.parse::<u16>().ok());
    let port = port.ok_or(
        "FUNCTIONS_CUSTOMHANDLER_PORT holds no port; `serve` is started by the Functions host, \
         `demo` shows it on this machine",
    )?;
    let road = open_road()?;
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| format!("port {port} cannot be listened on: {error}"))?;
    tracing::info!("viva-import {} listens on port {port}", env!("CARGO_PKG_VERSION"));
    host::serve(listener, Arc::new(road)).await.map_err(|error| error.to_string())?;
    Err("the door closed by itself".to_owned())
}

/// The road as the settings describe it.
fn open_road() -> Result<Road, String> {
    let config = Config::read(setting).map_err(|faults| faults.join("; "))?;
    let storage = Storage::open(&config.account, config.service.answer_timeout)
        .map_err(|error| format!("the storage account cannot be opened: {}", sentence(&error)))?;
    let service = Service::new(config.service.clone(), Arc::new(setting))
        .map_err(|_| "no TLS can be had on this machine".to_owned())?;
    Ok(Road::new(storage, service, config, Arc::new(OffsetDateTime::now_utc)))
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// One line for each event, without time and colour: the host adds its own. It takes lines of
/// stdout for information and lines of stderr for warnings and errors.
fn log() {
    let default = SETTINGS.iter().find(|setting| setting.name == "RUST_LOG");
    let default = default.and_then(|setting| setting.default).unwrap_or("info");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let warnings = std::io::stderr.with_max_level(tracing::Level::WARN);
    let rest = std::io::stdout.with_min_level(tracing::Level::INFO);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .without_time()
        .with_ansi(false)
        .with_target(false)
        .with_writer(warnings.and(rest))
        .init();
}

fn settings_text() -> String {
    let mut text = String::new();
    for setting in SETTINGS {
        text.push_str(&format!("{}\n    {}\n", setting.name, setting.about));
        if let Some(default) = setting.default {
            text.push_str(&format!("    default: {default}\n"));
        }
    }
    text
}
