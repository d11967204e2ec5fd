//! Every `--help` as a person reads it, held against `tests/help.txt`.

use std::{path::Path, process::Command};

use clap::CommandFactory as _;
use viva_import::cli::Cli;

use crate::stage::BINARY;

fn help(arguments: &[&str]) -> String {
    let output = Command::new(BINARY).args(arguments).arg("--help").output().unwrap();
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
        let help = help(&[command.get_name()]);
        assert!(help.contains("Example: "), "{help}");
        text.push_str(&help);
    }
    let expected = std::fs::read_to_string("tests/help.txt").unwrap_or_default();
    if text != expected {
        let now = Path::new(env!("CARGO_TARGET_TMPDIR")).join("help.txt");
        std::fs::write(&now, text).unwrap();
        panic!("the help has changed: read {}, and copy it to tests/help.txt", now.display());
    }
}
