//! The parts of the help that clap does not make: groups of commands, exit codes and examples.

use clap::{Command, builder::Styles};

/// The commands as the help of the program lists them.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Files", &["check", "pack", "suggest-mapping", "learn-template"]),
    ("Service", &["push", "status", "errors", "ping", "certificate"]),
    ("Deployed app", &["doctor", "imports", "show", "approve", "retry", "cancel", "resume"]),
    ("Reference", &["rules", "reasons", "settings", "columns", "schema"]),
    ("Program", &["demo", "mock-service", "serve", "completions", "man", "help"]),
];

/// The program with its commands in groups. clap has one list.
pub(super) fn grouped(command: Command) -> Command {
    let header = *Styles::default().get_header();
    let literal = *Styles::default().get_literal();
    let mut lists = String::new();
    for (group, names) in GROUPS {
        lists.push_str(&format!("{header}{group}:{header:#}\n"));
        for name in names {
            let about = match command.find_subcommand(name) {
                Some(found) => found.get_about().map(ToString::to_string).unwrap_or_default(),
                None if *name == "help" => "Print the help of a command".to_owned(),
                None => continue,
            };
            lists.push_str(&format!("  {literal}{name:<15}{literal:#}  {about}\n"));
        }
        lists.push('\n');
    }
    command.help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n\
         {lists}{header}Options:{header:#}\n{{options}}{{after-help}}"
    ))
}

/// The sections at the end of a command's long help.
pub(super) fn sections(exit_codes: &[(u8, &str)], examples: &[(&str, &str)]) -> String {
    let header = *Styles::default().get_header();
    let mut text = format!("{header}Exit codes:{header:#}\n");
    for (code, meaning) in exit_codes {
        text.push_str(&format!("  {code}  {meaning}\n"));
    }
    text.push_str(&format!("\n{header}Examples:{header:#}\n"));
    let examples = examples.iter().map(|(what, command)| format!("  {what}\n    {command}"));
    text + &examples.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn each_command_is_in_one_group_and_its_line_fits_a_narrow_terminal() {
        let command = Cli::command();
        let mut listed: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        listed.sort_unstable();
        let mut present: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        present.push("help");
        present.sort_unstable();
        if cfg!(feature = "testbed") {
            assert_eq!(listed, present);
        }
        for command in command.get_subcommands() {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(about.len() <= 80 - 19 && !about.ends_with('.'), "{about}");
        }
    }
}
