//! Arguments and environment become one of the commands; nothing else reads either.
#![expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment and hands out the clock"
)]

use std::{process::ExitCode, sync::Arc};

use clap::Parser as _;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tracing_subscriber::{EnvFilter, fmt::writer::MakeWriterExt as _};
use viva_import::{
    azure::{Storage, sentence},
    cli::{Cli, Command},
    config::{Config, SETTINGS},
    demo,
    drive::Road,
    host,
    ingestion::Service,
};

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve => {
            log();
            serve().await
        }
        Command::Demo(wishes) => demo::run(&wishes, setting).await,
        Command::Settings => {
            print_settings();
            Ok(ExitCode::SUCCESS)
        }
    };
    outcome.unwrap_or_else(|why| {
        #[expect(clippy::print_stderr, reason = "the last word of a command that failed")]
        {
            eprintln!("error: {why}");
        }
        ExitCode::FAILURE
    })
}

/// Answers the host. It never returns well: the host does not restart what exits with 0.
async fn serve() -> Result<ExitCode, String> {
    let port = setting("FUNCTIONS_CUSTOMHANDLER_PORT").and_then(|port| port.parse::<u16>().ok());
    let port = port.ok_or(
        "FUNCTIONS_CUSTOMHANDLER_PORT holds no port; `serve` is started by the Functions host, \
         `demo` shows it on this machine",
    )?;
    let config = Config::read(setting).map_err(|faults| faults.join("; "))?;
    let storage = Storage::open(&config.account)
        .map_err(|error| format!("the storage account cannot be opened: {}", sentence(&error)))?;
    let service = Service::new(config.service.clone(), Arc::new(setting))
        .map_err(|_| "no TLS can be had on this machine".to_owned())?;
    let road = Road::new(storage, service, config, Arc::new(OffsetDateTime::now_utc));
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| format!("port {port} cannot be listened on: {error}"))?;
    tracing::info!("viva-import {} listens on port {port}", env!("CARGO_PKG_VERSION"));
    host::serve(listener, Arc::new(road)).await.map_err(|error| error.to_string())?;
    Err("the door closed by itself".to_owned())
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

#[expect(clippy::print_stdout, reason = "printing is what the command is for")]
fn print_settings() {
    for setting in SETTINGS {
        println!("{}", setting.name);
        println!("    {}", setting.about);
        if let Some(default) = setting.default {
            println!("    default: {default}");
        }
    }
}
