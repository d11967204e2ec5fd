//! Every `--help` as a person reads it, compared with `tests/help.txt`.

use std::{path::Path, process::Command};

use clap::CommandFactory as _;
use viva_import::cli::Cli;

use crate::stage::BINARY;

/// The widest that help is on any terminal.
const WIDTH: usize = 100;

fn help(arguments: &[&str]) -> String {
    let mut command = Command::new(BINARY);
    // Without a terminal, clap takes the width from here.
    command.args(arguments).arg("--help").env("COLUMNS", WIDTH.to_string());
    let output = command.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    // clap leaves blanks at the ends of lines.
    let lines = text.lines().map(|line| format!("{}\n", line.trim_end()));
    format!("$ viva-import {} --help\n{}\n", arguments.join(" "), lines.collect::<String>())
        .replace("viva-import  --help", "viva-import --help")
}

#[test]
fn the_help_of_every_command_is_as_it_was_read_last() {
    let mut text = help(&[]);
    for command in Cli::command().get_subcommands() {
        text.push_str(&help(&[command.get_name()]));
    }
    let expected = std::fs::read_to_string("tests/help.txt").unwrap_or_default();
    if text != expected {
        let now = Path::new(env!("CARGO_TARGET_TMPDIR")).join("help.txt");
        std::fs::write(&now, text).unwrap();
        panic!("the help has changed: read {}, and copy it to tests/help.txt", now.display());
    }
}

#[test]
fn the_help_of_every_command_has_exit_codes_and_examples_and_fits_a_terminal() {
    for command in Cli::command().get_subcommands() {
        let help = help(&[command.get_name()]);
        let example = format!("viva-import {}", command.get_name());
        let (_, end) = help.split_once("\nExit codes:\n").unwrap();
        assert!(end.split_once("\nExamples:\n").unwrap().1.contains(&example), "{help}");
        for line in help.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        let summary = command.get_about().unwrap().to_string();
        assert!(!summary.contains("xit code") && !summary.ends_with('.'), "{summary}");
    }
}

#[test]
fn the_help_of_the_program_lists_every_command_in_a_group() {
    let help = help(&[]);
    for group in ["Files:", "Service:", "Deployed app:", "Reference:", "Program:"] {
        assert!(help.contains(&format!("\n{group}\n")), "{group}");
    }
    for command in Cli::command().get_subcommands() {
        let line = format!("\n  {:<17}{}\n", command.get_name(), command.get_about().unwrap());
        assert!(help.contains(&line), "{line}");
    }
}
