//! The mock service alone, with a command that pushes the sample file to it.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use azure_core::Uuid;
use serde_json::Value;
use tempfile::TempDir;

use super::{
    SAMPLE_CONNECTION, SAMPLE_CSV, interrupted, say,
    service::{Planned, Rules, Service},
};
use crate::outcome::{Argument, Shell, command_line};

/// The variable of the access token. It is the default of `--token-from`.
const TOKEN_VARIABLE: &str = "VIVA_ACCESS_TOKEN";

/// What the mock service does when it runs alone.
#[derive(Debug)]
pub struct MockServiceOptions {
    /// The port on 127.0.0.1; 0 for any free one.
    pub port: u16,
    /// How long an ingestion has each status.
    pub time_per_status: Duration,
    /// The faults of the service.
    pub faults: Vec<Planned>,
}

/// Runs the mock service alone, until it is interrupted.
///
/// # Errors
/// The port is taken, or the sample file cannot be written.
pub async fn run_mock_service(options: &MockServiceOptions) -> Result<ExitCode, String> {
    let MockServiceOptions { port, time_per_status, faults } = options;
    let token = Uuid::new_v4().to_string();
    let service = start(&token, faults, *time_per_status, *port).await?;
    let folder = sample_folder()
        .map_err(|error| format!("the sample file could not be written: {error}"))?;
    let endpoint = service.endpoint();
    say(&format!(
        "The mock service listens at {endpoint}. Nothing that you push to it leaves this machine.\n\
         An ingestion has each status for {} s. To stop the service, press Ctrl-C.\n\n\
         To push the sample file, paste this line into another terminal:\n\n{}\n\n\
         The commands `ping`, `status` and `errors` need the same {TOKEN_VARIABLE}, `--tenant`, \
         `--credential` and `--endpoint`.",
        time_per_status.as_secs(),
        push_line(folder.path(), &token, endpoint.as_str()),
    ));
    interrupted().await;
    Ok(ExitCode::SUCCESS)
}

/// Starts a mock service with these faults.
pub(super) async fn start(
    token: &str,
    faults: &[Planned],
    time_per_status: Duration,
    port: u16,
) -> Result<Service, String> {
    let rules = Rules { token: token.to_owned(), time_per_status, ..Rules::default() };
    let service = Service::start_at(rules, port).await;
    let service = service.map_err(|error| {
        format!("cannot listen on port {port}: {error}; choose another port with `--port`")
    })?;
    faults.iter().cloned().for_each(|planned| service.plan(planned));
    Ok(service)
}

/// A folder with the sample file and its connection document; it is deleted when dropped.
fn sample_folder() -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("viva-import-").tempdir()?;
    std::fs::write(folder.path().join("sample.csv"), SAMPLE_CSV)?;
    std::fs::write(folder.path().join("hr.json"), SAMPLE_CONNECTION)?;
    Ok(folder)
}

/// A line for the shell of this system that pushes the sample file and follows it to its end.
fn push_line(folder: &Path, token: &str, endpoint: &str) -> String {
    let (csv, mapping) = (folder.join("sample.csv"), folder.join("hr.json"));
    let (program, tenant) = (program(), sample_tenant());
    let push = command_line(&[
        Argument::File(&program),
        Argument::Word("push"),
        Argument::File(&csv),
        Argument::Word("--mapping"),
        Argument::File(&mapping),
        Argument::Word("--tenant"),
        Argument::Value(&tenant),
        Argument::Word("--credential accessToken --endpoint"),
        Argument::Value(endpoint),
        Argument::Word("--follow"),
    ]);
    match Shell::HERE {
        Shell::Sh => format!("{TOKEN_VARIABLE}={token} POLL_MIN_SECONDS=1 {push}"),
        // Without `&`, PowerShell prints a quoted path instead of running it.
        Shell::PowerShell => {
            format!("$env:{TOKEN_VARIABLE}='{token}'; $env:POLL_MIN_SECONDS='1'; & {push}")
        }
    }
}

pub(super) fn sample_tenant() -> String {
    let connection: Value = serde_json::from_str(SAMPLE_CONNECTION).unwrap_or_default();
    connection["tenantId"].as_str().unwrap_or_default().to_owned()
}

/// The name of this program if the shell found it on the `PATH`, else its full path.
fn program() -> PathBuf {
    let called = PathBuf::from(std::env::args_os().next().unwrap_or_default());
    let is_name = called.file_name() == Some(called.as_os_str());
    if is_name { called } else { std::env::current_exe().unwrap_or(called) }
}
