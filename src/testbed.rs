//! Everything on one machine: the real storage emulator, an emulation of the Functions host, the real handler
//! as its child process, and a mock of the ingestion service.
//!
//! No data leaves the machine. The only connection to the outside is the download of Azurite from npm. Nothing
//! is left behind.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use azure_core::Uuid;
use futures::{
    StreamExt as _,
    future::{pending, ready},
};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

pub use self::mock_service::{MockServiceOptions, run_mock_service};
use self::{
    azurite::Azurite,
    deployment::{Stage, TOKEN_SETTING},
    service::{Call, Planned, ServiceFault},
};
use crate::{
    config::SETTINGS,
    connection::Connection,
    http::azure::sentence,
    import::{Import, State},
    messages,
    schema::{self, Fault, NO_GUID, is_connection_name},
    storage::import_table::COLUMNS,
};

pub mod azurite;
pub mod deployment;
pub mod host;
mod mock_service;
pub mod service;

/// The connection document of the sample file.
pub const SAMPLE_CONNECTION: &str = include_str!("testbed/connection.json");
/// The sample file: four monthly snapshots of a small fictitious company.
pub const SAMPLE_CSV: &str = include_str!("testbed/sample.csv");

const ACCOUNT: &str = "mockaccount";
/// The log category of the output of the handler.
const CONSOLE: &str = "Host.Function.Console";
/// How often the demo polls the table.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The last output of the handler takes a moment to arrive.
const LAST_OUTPUT: Duration = Duration::from_millis(200);
/// How long an ingestion has each status: longer than the program waits between two polls.
const TIME_PER_STATUS: Duration = Duration::from_secs(2);
/// Longer than the resolution of the time of a blob.
const A_SECOND_LATER: Duration = Duration::from_millis(1100);
/// Number of characters of the baseline that are shown.
const COLUMN_WIDTH: usize = 76;
/// Number of lines of the truncated file.
const TRUNCATED_LINES: usize = 40;
/// A person watches the demo, so the program polls everything every second.
const FAST_SETTINGS: [(&str, &str); 8] = [
    ("POLL_MIN_SECONDS", "1"),
    ("POLL_MAX_SECONDS", "1"),
    ("BUSY_WAIT_SECONDS", "1"),
    ("CORRECTION_WAIT_SECONDS", "1"),
    ("STEP_TIMEOUT_SECONDS", "600"),
    ("AzureFunctionsJobHost__extensions__queues__maxPollingInterval", "00:00:00.5"),
    ("IMPORT_SCHEDULE", "0 0 6 * * 1"),
    ("SWEEP_SCHEDULE", "0 30 * * * *"),
];

/// The options of the demo.
#[derive(Debug)]
pub struct DemoOptions {
    /// The CSV to import; without it, the demo imports four sample files.
    pub file: Option<PathBuf>,
    /// The connection document of the file; the default is that of the samples.
    pub connection: Option<PathBuf>,
    /// The faults of the mock service.
    pub faults: Vec<Planned>,
    /// Whether the status page stays open after the imports.
    pub keep_running: bool,
}

/// Imports one file, or four, and ends when the imports have ended.
///
/// The exit code for one file is 0 if the service accepted it, else 1. For the four sample files it is 0 if each
/// import ended as planned.
///
/// # Errors
/// A part is missing or could not be started.
pub async fn run(
    options: &DemoOptions,
    setting: impl Fn(&str) -> Option<String>,
) -> Result<ExitCode, String> {
    tokio::select! {
        shown = Box::pin(show(options, setting)) => shown,
        // Every started part stops when its handle is dropped.
        () = interrupted() => {
            say("Interrupted. Everything that the demo started has been stopped.");
            Ok(ExitCode::from(130))
        }
    }
}

async fn show(
    options: &DemoOptions,
    setting: impl Fn(&str) -> Option<String>,
) -> Result<ExitCode, String> {
    let (connection, document) = connection(options)?;
    let files = files(options)?;
    let cache = Azurite::cache(&setting).map_err(|error| error.to_string())?;
    let program = Azurite::fetch(&cache, say).await.map_err(|error| error.to_string())?;
    say("Starting the storage emulator (Azurite), the mock service and the Functions host.");
    let azurite = Azurite::start(&program, &[ACCOUNT]).await.map_err(|error| error.to_string())?;
    let token = Uuid::new_v4().to_string();
    let service = mock_service::start(&token, &options.faults, TIME_PER_STATUS, 0).await?;
    let executable = std::env::current_exe().map_err(|error| error.to_string())?;
    let of_environment = settings_of_environment(&setting);
    let of_environment = of_environment.iter().map(|(name, value)| (*name, value.as_str()));
    let settings: Vec<_> = FAST_SETTINGS.into_iter().chain(of_environment).collect();
    let stage = Stage::set(&azurite, ACCOUNT, &executable, service, &token, &settings).await;
    let stage = stage.map_err(|error| error.to_string())?;
    stage.connect(&connection, &document).await.map_err(|error| error.to_string())?;
    stage.host.ready().await.map_err(|error| error.to_string())?;
    let key = Uuid::new_v4().to_string();
    let front = stage.host.open_front(&key).await.map_err(|error| error.to_string())?;
    say(&format!("Status page: http://{}/api/console?code={key}", front.address));
    if !options.keep_running {
        say("It closes when the demo ends. `--keep-running` keeps it open.");
    }

    let started = Instant::now();
    let shown = Box::pin(drop_all(&stage, &connection, &files, started));
    let mut log = Box::pin(print_log(&stage, started));
    let is_as_meant = tokio::select! {
        shown = shown => shown?,
        why = &mut log => return Err(why),
    };
    if options.keep_running {
        say("The status page stays open until you press Ctrl-C.");
        return Err(log.await);
    }
    drop(log);
    drop(front);
    stage.host.stop().await;
    Ok(ExitCode::from(u8::from(!is_as_meant)))
}

/// Drops one file after the other, each after the import of the previous one has ended, and prints how they
/// ended. Returns whether each ended as planned.
async fn drop_all(
    stage: &Stage,
    connection: &str,
    files: &[Dropped],
    started: Instant,
) -> Result<bool, String> {
    let mut ended = vec![];
    for Dropped { name, content, busy, .. } in files {
        for _ in 0..*busy {
            stage.service.fault(Call::Push, ServiceFault::Busy);
        }
        let (name, bytes) = (format!("{connection}/{name}"), content.len());
        say(&format!("{} dropping inbox/{name} ({bytes} bytes)", seconds(started)));
        stage.arrive(&name, content.clone()).await.map_err(|error| error.to_string())?;
        ended.push(until_over(stage, &name).await?);
        // Files are ordered by their times, which have whole seconds.
        sleep(A_SECOND_LATER).await;
    }
    if let [import] = ended.as_slice() {
        print_row(stage, import).await?;
    } else {
        say("");
        for (import, file) in ended.iter().zip(files) {
            let summary = messages::summary(import);
            say(&format!(
                "{:<10} {} ({}): {summary}",
                import.state.as_ref(),
                file.name,
                file.about
            ));
        }
    }
    Ok(ended.iter().zip(files).all(|(import, file)| import.state == file.end))
}

/// The settings of the environment for the handler, except those that connect the parts.
fn settings_of_environment(
    setting: impl Fn(&str) -> Option<String>,
) -> Vec<(&'static str, String)> {
    let connects = |name: &str| {
        name.starts_with("ImportStorage")
            || name.ends_with("_SCHEDULE")
            // A notification would leave this machine.
            || name.starts_with("NOTIFY_")
            || ["INGESTION_ENDPOINT", "AZURE_AUTHORITY_HOST"].contains(&name)
    };
    let others = SETTINGS.iter().map(|setting| setting.name).filter(|name| !connects(name));
    others.filter_map(|name| Some((name, setting(name)?))).collect()
}

/// The name and the document of the connection.
///
/// This machine has no managed identity, so the token of the mock service replaces the credential. The mock
/// service accepts any tenant, so that of the sample replaces a placeholder.
fn connection(options: &DemoOptions) -> Result<(String, String), String> {
    let Some(path) = &options.connection else {
        return Ok(("hr".to_owned(), SAMPLE_CONNECTION.to_owned()));
    };
    let document = read(path)?;
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let name = stem.filter(|stem| is_connection_name(stem)).unwrap_or("demo");
    let faulty = |faults: &[Fault]| {
        format!(
            "{} is not a valid connection document: {}",
            path.display(),
            schema::sentence(faults)
        )
    };
    Connection::draft(name, &document).map_err(|faults| faulty(&faults))?;
    let document = schema::document::unmarked(&document);
    let mut document: Value =
        serde_json::from_slice(document).map_err(|error| error.to_string())?;
    document["credential"] = json!({ "kind": "accessToken", "setting": TOKEN_SETTING });
    if document["tenantId"] == NO_GUID {
        document["tenantId"] = mock_service::sample_tenant().into();
    }
    say("The push uses the token of the mock service instead of the credential of the connection.");
    Ok((name.to_owned(), document.to_string()))
}

/// A file to drop.
struct Dropped {
    name: String,
    /// A description in a few words.
    about: &'static str,
    content: Vec<u8>,
    /// How often the service is busy before it accepts the file.
    busy: u32,
    /// How its import is planned to end.
    end: State,
}

/// The files to drop: the given file, one sample file if there are faults, or the four sample files.
fn files(options: &DemoOptions) -> Result<Vec<Dropped>, String> {
    let Some(path) = &options.file else {
        let is_plain = options.faults.is_empty() && options.connection.is_none();
        return Ok(if is_plain { four_files() } else { vec![sample("sample.csv")] });
    };
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !name.to_ascii_lowercase().ends_with(".csv") {
        return Err(format!(
            "the name of {} must end with .csv, else no connection imports it",
            path.display()
        ));
    }
    Ok(vec![Dropped { content: read(path)?, ..sample(name) }])
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("could not read {}: {error}", path.display()))
}

/// The sample file with this name.
fn sample(name: &str) -> Dropped {
    Dropped {
        name: name.to_owned(),
        about: "a valid file",
        content: SAMPLE_CSV.as_bytes().to_vec(),
        busy: 0,
        end: State::Completed,
    }
}

/// The four sample files.
fn four_files() -> Vec<Dropped> {
    let truncated: String = SAMPLE_CSV.split_inclusive('\n').take(TRUNCATED_LINES).collect();
    vec![
        sample("good.csv"),
        Dropped {
            about: "edited by hand, with invalid cells",
            content: bad_sample().into_bytes(),
            end: State::Rejected,
            ..sample("bad.csv")
        },
        Dropped {
            about: "the service is busy at first",
            // The service has the first file already, and the same content is not pushed twice.
            content: SAMPLE_CSV.replacen("Sales", "Support", 1).into_bytes(),
            busy: 2,
            ..sample("busy.csv")
        },
        Dropped {
            about: "incomplete: a full refresh would deactivate the missing people",
            content: truncated.into_bytes(),
            end: State::Rejected,
            ..sample("truncated.csv")
        },
    ]
}

/// The sample file after a careless edit: a date in another format, text instead of numbers, an incomplete address.
fn bad_sample() -> String {
    let lines = SAMPLE_CSV.split_inclusive('\n').enumerate();
    lines
        .map(|(place, line)| match place {
            6 => line.replacen("08/01/2026", "2026-13-08", 1),
            11 | 12 => line.replacen(".50,", " per hour,", 1),
            20 => line.replacen("@contoso.com", "@", 1),
            _ => line.to_owned(),
        })
        .collect()
}

/// Waits until the import of a file has ended and its zip is deleted, or until it waits for a person.
async fn until_over(stage: &Stage, name: &str) -> Result<Import, String> {
    loop {
        let is_over =
            |import: &Import| import.source.name == name && (import.due.is_none() || import.pauses);
        let imports = stage.imports().await.map_err(|error| error.to_string())?;
        if let Some(import) = imports.into_iter().find(is_over) {
            sleep(LAST_OUTPUT).await;
            return Ok(import);
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// Prints the output of the handler. Returns only if the host stops, with the reason.
async fn print_log(stage: &Stage, started: Instant) -> String {
    let lines = stage.host.follow_log().filter(|line| ready(line.category == CONSOLE));
    let printed = lines.for_each(|line| {
        let message = line.message.trim_start();
        let message = message.strip_prefix("INFO").map_or(message, str::trim_start);
        say(&format!("{} {message}", seconds(started)));
        ready(())
    });
    tokio::select! {
        () = printed => {}
        () = stage.host.until_stopped() => {}
    }
    stage.host.stopped().unwrap_or_else(|| "the log of the Functions host ended".to_owned())
}

fn seconds(started: Instant) -> String {
    format!("{:5.1} s ", started.elapsed().as_secs_f32())
}

/// Prints the table row of the import, column by column.
async fn print_row(stage: &Stage, import: &Import) -> Result<(), String> {
    let row = stage.storage.imports.get(&import.id.tenant, &import.id.key).await;
    let row = row.map_err(|error| sentence(&error))?.ok_or("the table has no row of the import")?;
    say("");
    say("The row in the table `imports`:");
    for column in COLUMNS.iter().map(|it| it.name) {
        let value = match row.properties.get(column) {
            None => continue,
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        };
        // The texts are for people. The baseline is for the next import.
        let shown = if column == "Baseline" { COLUMN_WIDTH } else { value.len() };
        let short: String = value.chars().take(shown).collect();
        let more = if short.len() < value.len() { "..." } else { "" };
        say(&format!("  {column:<22} {short}{more}"));
    }
    Ok(())
}

/// Waits for Ctrl-C, for SIGTERM, or until the terminal is closed.
async fn interrupted() {
    let ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_err() {
            pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = (signal(SignalKind::terminate()), signal(SignalKind::hangup()));
        let (Ok(mut terminate), Ok(mut hangup)) = signals else { return ctrl_c.await };
        tokio::select! {
            () = ctrl_c => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
    #[cfg(not(unix))]
    ctrl_c.await;
}

/// Prints a line. A reader that has closed the pipe must not stop the demo.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
