//! The whole road on one machine: the real storage emulator, the Functions host's part of the
//! contract, the real handler as its child, and a mock service of the ingestion service.
//!
//! Nothing leaves the machine but the one fetch of Azurite from npm, and nothing stays behind.

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
    service::{Call, ServiceFault},
};
use crate::{
    config::SETTINGS,
    connection::Connection,
    http::azure::sentence,
    import::{Import, State},
    messages,
    schema::{self, Fault, is_connection_name},
    storage::import_table::COLUMNS,
};

pub mod azurite;
pub mod deployment;
pub mod host;
mod mock_service;
pub mod service;

/// The connection whose sample document the demo brings.
pub const SAMPLE_CONNECTION: &str = include_str!("testbed/connection.json");
/// The sample file: four monthly snapshots of a small invented company.
pub const SAMPLE_CSV: &str = include_str!("testbed/sample.csv");

const ACCOUNT: &str = "mockaccount";
/// What the handler prints is filed under this by the host.
const CONSOLE: &str = "Host.Function.Console";
/// How often the table is looked at.
const GLANCE: Duration = Duration::from_millis(200);
/// What the handler has printed takes a moment through the host's pipe.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// How long an ingestion has each status: longer than the program waits between two polls.
const TIME_PER_STATUS: Duration = Duration::from_secs(2);
const A_SECOND_LATER: Duration = Duration::from_millis(1100);
/// Most characters of the summary that are shown.
const COLUMN_WIDTH: usize = 76;
/// Lines of the sample that the truncated file has.
const TRUNCATED_LINES: usize = 40;
/// A person watches: everything is asked for every second.
const HURRY: [(&str, &str); 8] = [
    ("POLL_MIN_SECONDS", "1"),
    ("POLL_MAX_SECONDS", "1"),
    ("BUSY_WAIT_SECONDS", "1"),
    ("CORRECTION_WAIT_SECONDS", "1"),
    ("STEP_TIMEOUT_SECONDS", "600"),
    ("AzureFunctionsJobHost__extensions__queues__maxPollingInterval", "00:00:00.5"),
    ("IMPORT_SCHEDULE", "0 0 6 * * 1"),
    ("SWEEP_SCHEDULE", "0 30 * * * *"),
];

/// What the demo shows.
#[derive(Debug)]
pub struct DemoOptions {
    /// The CSV to import; without it four are.
    pub file: Option<PathBuf>,
    /// The connection document it belongs to; the sample's without it.
    pub connection: Option<PathBuf>,
    /// How the mock service misbehaves.
    pub faults: Vec<Planned>,
    /// Whether the status page stays open.
    pub keep_running: bool,
}

/// How the mock service misbehaves at the next such call, or at every one.
#[derive(Clone, Debug)]
pub struct Planned {
    /// At which call.
    pub call: Call,
    /// How.
    pub fault: ServiceFault,
    /// Whether at every one.
    pub always: bool,
}

/// Shows the road of one file, or of four, and ends when their imports have.
///
/// The exit code is 0 where the service accepted the file, 1 where it was refused or got stuck; of the
/// four each has its own end.
///
/// # Errors
/// What is missing or could not be started, in words.
pub async fn run(
    options: &DemoOptions,
    setting: impl Fn(&str) -> Option<String>,
) -> Result<ExitCode, String> {
    tokio::select! {
        shown = Box::pin(show(options, setting)) => shown,
        // Everything that was started stops as its handle is dropped.
        () = interrupted() => {
            say("interrupted; everything that was started has been stopped");
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
    say("starting the storage emulator (Azurite), the mock service and the Functions host");
    let azurite = Azurite::start(&program, &[ACCOUNT]).await.map_err(|error| error.to_string())?;
    let token = Uuid::new_v4().to_string();
    let service = mock_service::start(&token, &options.faults, TIME_PER_STATUS, 0).await?;
    let executable = std::env::current_exe().map_err(|error| error.to_string())?;
    let of_environment = settings_of_environment(&setting);
    let of_environment = of_environment.iter().map(|(name, value)| (*name, value.as_str()));
    let settings: Vec<_> = HURRY.into_iter().chain(of_environment).collect();
    let stage = Stage::set(&azurite, ACCOUNT, &executable, service, &token, &settings).await;
    let stage = stage.map_err(|error| error.to_string())?;
    stage.connect(&connection, &document).await.map_err(|error| error.to_string())?;
    stage.host.ready().await.map_err(|error| error.to_string())?;
    let key = Uuid::new_v4().to_string();
    let front = stage.host.open_front(&key).await.map_err(|error| error.to_string())?;
    say(&format!("the status page: http://{}/api/console?code={key}", front.address));
    if !options.keep_running {
        say("(it closes when this ends; `--keep-running` leaves it open)");
    }

    let started = Instant::now();
    let shown = Box::pin(drop_all(&stage, &connection, &files, started));
    let mut told = Box::pin(tell_log(&stage, started));
    let is_as_meant = tokio::select! {
        shown = shown => shown?,
        why = &mut told => return Err(why),
    };
    if options.keep_running {
        say("the status page stays open until you press Ctrl-C");
        return Err(told.await);
    }
    drop(told);
    drop(front);
    stage.host.stop().await;
    Ok(ExitCode::from(u8::from(!is_as_meant)))
}

/// Drops one file after the other, each once the one before is over, and tells what became of them;
/// whether that is what was meant.
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
        // The order of files is that of their dates, which have whole seconds.
        sleep(A_SECOND_LATER).await;
    }
    if let [import] = ended.as_slice() {
        print_row(stage, import).await?;
    } else {
        say("");
        for (import, file) in ended.iter().zip(files) {
            let told = messages::summary(import);
            say(&format!("{:<10} {} ({}): {told}", import.state.as_ref(), file.name, file.about));
        }
    }
    Ok(ended.iter().zip(files).all(|(import, file)| import.state == file.end))
}

/// What the environment sets holds for the handler too, but for what connects the parts.
fn settings_of_environment(
    setting: impl Fn(&str) -> Option<String>,
) -> Vec<(&'static str, String)> {
    let connects = |name: &str| {
        name.starts_with("ImportStorage")
            || name.ends_with("_SCHEDULE")
            // Nothing leaves this machine.
            || name.starts_with("NOTIFY_")
            || ["INGESTION_ENDPOINT", "AZURE_AUTHORITY_HOST"].contains(&name)
    };
    let others = SETTINGS.iter().map(|setting| setting.name).filter(|name| !connects(name));
    others.filter_map(|name| Some((name, setting(name)?))).collect()
}

/// The connection's name and the document the demo stores for it.
///
/// There is no managed identity here, so whoever pushes is replaced by the mock service's token.
fn connection(options: &DemoOptions) -> Result<(String, String), String> {
    let Some(path) = &options.connection else {
        return Ok(("hr".to_owned(), SAMPLE_CONNECTION.to_owned()));
    };
    let document = read(path)?;
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let name = stem.filter(|stem| is_connection_name(stem)).unwrap_or("demo");
    let faulty = |faults: &[Fault]| {
        format!("{} cannot be used: {}", path.display(), schema::sentence(faults))
    };
    Connection::parse(name, &document).map_err(|faults| faulty(&faults))?;
    let document = schema::document::unmarked(&document);
    let mut document: Value =
        serde_json::from_slice(document).map_err(|error| error.to_string())?;
    document["credential"] = json!({ "kind": "accessToken", "setting": TOKEN_SETTING });
    say(
        "the push is made with the mock service's token in the place of the connection's credential",
    );
    Ok((name.to_owned(), document.to_string()))
}

/// A file to drop.
struct Dropped {
    name: String,
    /// What it is, in a few words.
    about: &'static str,
    content: Vec<u8>,
    /// How often the service is busy when it comes.
    busy: u32,
    /// How its import ends.
    end: State,
}

/// The files to drop: the one that is named, the sample under the faults that are, or the four.
fn files(options: &DemoOptions) -> Result<Vec<Dropped>, String> {
    let Some(path) = &options.file else {
        let is_plain = options.faults.is_empty() && options.connection.is_none();
        return Ok(if is_plain { four_files() } else { vec![sample("sample.csv")] });
    };
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !name.to_ascii_lowercase().ends_with(".csv") {
        return Err(format!(
            "{} is not named .csv, so no connection would take it",
            path.display()
        ));
    }
    Ok(vec![Dropped { content: read(path)?, ..sample(name) }])
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The sample under this name.
fn sample(name: &str) -> Dropped {
    Dropped {
        name: name.to_owned(),
        about: "all is right with it",
        content: SAMPLE_CSV.as_bytes().to_vec(),
        busy: 0,
        end: State::Completed,
    }
}

/// The four: good, bad, busy, truncated.
fn four_files() -> Vec<Dropped> {
    let truncated: String = SAMPLE_CSV.split_inclusive('\n').take(TRUNCATED_LINES).collect();
    vec![
        sample("good.csv"),
        Dropped {
            about: "somebody has edited it by hand",
            content: bad_sample().into_bytes(),
            end: State::Rejected,
            ..sample("bad.csv")
        },
        Dropped { about: "the service is busy when it comes", busy: 2, ..sample("busy.csv") },
        Dropped {
            about: "the export broke off, and a full refresh deletes whoever is missing",
            content: truncated.into_bytes(),
            end: State::Rejected,
            ..sample("truncated.csv")
        },
    ]
}

/// The sample as a hand leaves it: dates another way round, words for numbers, an address cut off.
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

/// Waits until the import of a file has ended and its zip is deleted, or waits for a person.
async fn until_over(stage: &Stage, name: &str) -> Result<Import, String> {
    loop {
        let is_over =
            |import: &Import| import.source.name == name && (import.due.is_none() || import.pauses);
        let imports = stage.imports().await.map_err(|error| error.to_string())?;
        if let Some(import) = imports.into_iter().find(is_over) {
            sleep(LAST_WORDS).await;
            return Ok(import);
        }
        sleep(GLANCE).await;
    }
}

/// Prints what the handler says, as it says it; ends only if the host gives up, with the reason.
async fn tell_log(stage: &Stage, started: Instant) -> String {
    let lines = stage.host.follow_log().filter(|line| ready(line.category == CONSOLE));
    let told = lines.for_each(|line| {
        let message = line.message.trim_start();
        let message = message.strip_prefix("INFO").map_or(message, str::trim_start);
        say(&format!("{} {message}", seconds(started)));
        ready(())
    });
    tokio::select! {
        () = told => {}
        () = stage.host.until_stopped() => {}
    }
    stage.host.stopped().unwrap_or_else(|| "the Functions host fell silent".to_owned())
}

fn seconds(started: Instant) -> String {
    format!("{:5.1} s ", started.elapsed().as_secs_f32())
}

/// Prints the import's row of the table, column by column.
async fn print_row(stage: &Stage, import: &Import) -> Result<(), String> {
    let row = stage.storage.imports.get(&import.id.tenant, &import.id.key).await;
    let row = row.map_err(|error| sentence(&error))?.ok_or("the row is not in the table")?;
    say("");
    say("The row in the table `imports`:");
    for column in COLUMNS.iter().map(|it| it.name) {
        let value = match row.properties.get(column) {
            None => continue,
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        };
        // A person reads the sentences whole; the summary is for the next import.
        let shown = if column == "Baseline" { COLUMN_WIDTH } else { value.len() };
        let short: String = value.chars().take(shown).collect();
        let more = if short.len() < value.len() { "..." } else { "" };
        say(&format!("  {column:<22} {short}{more}"));
    }
    Ok(())
}

/// Ctrl-C, a polite kill, or the terminal is closed.
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

/// A reader that has gone away is no reason to stop half-way.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
