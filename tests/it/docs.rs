//! README, `--help` and the code say the same.

use std::process::Command;

use clap::CommandFactory as _;
use viva_import::{
    cli::Cli,
    config::{self, SETTINGS},
    host::FUNCTIONS,
    messages,
    storage::import_table::{COLUMNS, CONNECTION_COLUMNS},
};

use crate::stage::BINARY;

fn readme() -> String {
    std::fs::read_to_string("README.md").unwrap()
}

/// Fails with the text to paste where the README lacks it.
fn readme_has(expected: &str) {
    assert!(readme().contains(expected), "the README lacks this:\n{expected}");
}

#[test]
fn the_table_of_settings_is_that_of_the_code() {
    let rows: String = SETTINGS
        .iter()
        .map(|setting| {
            let default = setting.default.map(|value| format!("`{value}`")).unwrap_or_default();
            format!("| `{}` | {default} | {} |\n", setting.name, setting.about)
        })
        .collect();
    readme_has(&rows);
}

#[test]
fn the_table_of_columns_is_that_of_the_code() {
    for columns in [COLUMNS, CONNECTION_COLUMNS] {
        let rows = columns
            .iter()
            .map(|it| format!("| `{}` | {} | {} |\n", it.name, it.kind.as_ref(), it.about));
        readme_has(&rows.collect::<String>());
    }
}

#[test]
fn the_table_of_reasons_is_that_of_the_code() {
    let rows = messages::reasons().into_iter().map(|it| {
        let (state, code, class) = (it.state.as_ref(), it.code, it.class);
        let event = format!("`{}`{}", it.event, if it.alert { ", alert" } else { "" });
        format!("| `{code}` | {class} | `{state}` | {event} | {} | {} |\n", it.message, it.action)
    });
    readme_has(&rows.collect::<String>());
}

/// The order of their keys is that of the code: see tests/it/shown.rs.
#[test]
fn every_key_of_an_import_and_a_connection_as_json_is_named() {
    let shown = |name: &str| -> serde_json::Value {
        let text = std::fs::read_to_string(format!("tests/shown/{name}")).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let (import, connections) = (shown("import.json"), shown("connections.json"));
    let keys = |json: &serde_json::Value| {
        let keys = json.as_object().unwrap().keys();
        keys.map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
    };
    let readme = readme().split_whitespace().collect::<Vec<_>>().join(" ");
    for (what, json, part) in [
        ("An import", &import, &import["history"][0]),
        ("A connection", &connections[0], &connections[0]["upcoming"][0]),
    ] {
        let expected = format!("{what} has the keys {} ({})", keys(json), keys(part));
        assert!(readme.contains(&expected), "the README lacks this:\n{expected}");
    }
}

#[test]
fn every_command_function_container_and_queue_is_named() {
    for command in Cli::command().get_subcommands() {
        readme_has(&format!("`viva-import {}", command.get_name()));
    }
    for function in FUNCTIONS {
        readme_has(&format!("| `{function}` |"));
    }
    for name in
        [config::INBOX, config::CONNECTIONS, config::PACKAGES, config::REPORTS, config::IMPORTS]
    {
        readme_has(&format!("`{name}`"));
    }
    readme_has(&format!("`{}`", config::ARRIVALS));
}

#[test]
fn the_first_screen_has_the_two_commands() {
    let readme = readme();
    let first_screen: String = readme.lines().take(40).collect::<Vec<_>>().join("\n");
    for command in ["cargo run -- demo", "cargo test"] {
        assert!(first_screen.contains(command), "{command}");
    }
}

#[test]
fn the_sample_connection_is_the_one_the_readme_explains() {
    let shown: String =
        viva_import::testbed::SAMPLE_CONNECTION.lines().take(8).collect::<Vec<_>>().join("\n");
    readme_has(&shown);
}

#[test]
fn help_and_settings_are_printed() {
    let run = |argument: &str| {
        let output = Command::new(BINARY).arg(argument).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let help = run("--help");
    for command in Cli::command().get_subcommands() {
        assert!(help.contains(command.get_name()));
    }
    let settings = run("settings");
    for setting in SETTINGS {
        assert!(settings.contains(setting.name) && settings.contains(setting.about));
    }
}

/// What the host does with the program is in host.json; the program counts on some of it.
#[test]
fn host_json_gives_a_step_twice_its_time() {
    let text = std::fs::read_to_string("host.json").unwrap();
    let host: serde_json::Value = serde_json::from_str(&text).unwrap();
    let timeout: Vec<u64> = host["functionTimeout"]
        .as_str()
        .unwrap()
        .split(':')
        .map(|part| part.parse().unwrap())
        .collect();
    let step = SETTINGS.iter().find(|setting| setting.name == "STEP_TIMEOUT_SECONDS").unwrap();
    let step: u64 = step.default.unwrap().parse().unwrap();
    assert!(2 * step < timeout[0] * 3600 + timeout[1] * 60 + timeout[2]);
    assert_eq!(host["customHandler"]["description"]["defaultExecutablePath"], "viva-import");
    assert_eq!(host["customHandler"]["description"]["arguments"][0], "serve");
}
