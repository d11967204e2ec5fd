//! Commands that a person can paste: into sh, on Windows into PowerShell.

use std::{borrow::Cow, path::Path};

/// A shell that a command is pasted into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// sh, bash, zsh.
    Sh,
    /// Windows PowerShell and PowerShell.
    PowerShell,
}

/// A part of a command.
#[derive(Clone, Copy, Debug)]
pub enum Argument<'a> {
    /// The program, its command or a flag, as it is.
    Word(&'a str),
    /// A value, which never begins with a dash.
    Value(&'a str),
    /// A file.
    File(&'a Path),
}

impl Shell {
    /// The shell of this system.
    pub const HERE: Self = if cfg!(windows) { Self::PowerShell } else { Self::Sh };

    /// The command as one line for this shell.
    #[must_use]
    pub fn command_line(self, arguments: &[Argument<'_>]) -> String {
        let words = arguments.iter().map(|argument| match argument {
            Argument::Word(word) => (*word).to_owned(),
            Argument::Value(value) => self.quote(value),
            Argument::File(path) => {
                let path = path.display().to_string();
                // Not a flag.
                let path = if path.starts_with('-') { format!("./{path}") } else { path };
                self.quote(&path)
            }
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn quote(self, text: &str) -> String {
        // No shell could take a NUL, and a control character would write to the terminal.
        let text = text.replace(char::is_control, "\u{fffd}");
        match self {
            Self::Sh => shlex::try_quote(&text).map_or_else(|_| text.clone(), Cow::into_owned),
            Self::PowerShell if is_plain(&text) => text,
            Self::PowerShell => {
                let mut quoted = String::from("'");
                for letter in text.chars() {
                    quoted.push(letter);
                    // PowerShell ends a text at a typographic quotation mark, too.
                    if matches!(letter, '\'' | '\u{2018}'..='\u{201b}') {
                        quoted.push(letter);
                    }
                }
                quoted + "'"
            }
        }
    }
}

/// Whether PowerShell takes a text as it is.
fn is_plain(text: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || r"_-./\:".contains(letter);
    text.starts_with(|first: char| is_plain(first) && first != '-') && text.chars().all(is_plain)
}

/// The command as one line for the shell of this system.
#[must_use]
pub fn command_line(arguments: &[Argument<'_>]) -> String {
    Shell::HERE.command_line(arguments)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const NAMES: [&str; 12] = [
        "export.csv",
        "my export.csv",
        "it's.csv",
        "\"quoted\".csv",
        "$HOME.csv",
        "a&b;c|d.csv",
        "-lenient.csv",
        "`id`.csv",
        "50% (new) [1]{2}.csv",
        "R\u{e9}union \u{4eba}\u{4e8b}.csv",
        "*?.csv",
        "~#!\\.csv",
    ];

    fn check(shell: Shell, name: &str) -> String {
        shell.command_line(&[
            Argument::Word("viva-import check"),
            Argument::File(Path::new(name)),
            Argument::Word("--mapping"),
            Argument::Value("it's"),
        ])
    }

    #[cfg(unix)]
    #[test]
    fn sh_takes_every_name_as_the_one_argument_it_is() {
        for name in NAMES {
            let line = check(Shell::Sh, name).replacen("viva-import", r"printf '%s\n'", 1);
            let output = Command::new("sh").args(["-c", &line]).output().unwrap();
            let shown = String::from_utf8(output.stdout).unwrap();
            let name = if name.starts_with('-') { format!("./{name}") } else { name.to_owned() };
            assert_eq!(shown, format!("check\n{name}\n--mapping\nit's\n"), "{line}");
        }
    }

    #[test]
    fn powershell_gets_single_quotes_which_are_doubled_inside() {
        for (name, quoted) in NAMES.into_iter().zip([
            "export.csv",
            "'my export.csv'",
            "'it''s.csv'",
            "'\"quoted\".csv'",
            "'$HOME.csv'",
            "'a&b;c|d.csv'",
            "./-lenient.csv",
            "'`id`.csv'",
            "'50% (new) [1]{2}.csv'",
            "'R\u{e9}union \u{4eba}\u{4e8b}.csv'",
            "'*?.csv'",
            "'~#!\\.csv'",
        ]) {
            let expected = format!("viva-import check {quoted} --mapping 'it''s'");
            assert_eq!(check(Shell::PowerShell, name), expected);
        }
        let typographic = check(Shell::PowerShell, "Ana\u{2019}s.csv");
        assert!(typographic.contains("'Ana\u{2019}\u{2019}s.csv'"), "{typographic}");
    }

    #[test]
    fn a_name_cannot_write_to_the_terminal() {
        for shell in [Shell::Sh, Shell::PowerShell] {
            let line = check(shell, "a\u{1b}[2J\nb.csv");
            assert!(!line.contains(char::is_control), "{line:?}");
        }
    }
}
