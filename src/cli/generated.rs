//! Completion scripts and manual pages, made from the command line itself.

use std::{fs, path::PathBuf};

use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;
use serde_json::Value;

use super::Cli;
use crate::outcome::{CommandError, CommandOutput, Readers, save, shown};

/// The shell to complete in.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: Shell,
}

/// Where the manual pages go.
#[derive(Debug, Args)]
pub struct Man {
    /// Folder for the pages of all commands; it is created if it does not exist
    pub dir: Option<PathBuf>,
    /// Replace pages that exist
    #[arg(long, requires = "dir")]
    pub force: bool,
}

impl Completions {
    pub(super) fn run(&self) -> CommandOutput {
        let mut script = vec![];
        clap_complete::generate(self.shell, &mut Cli::command(), "viva-import", &mut script);
        document(&script)
    }
}

impl Man {
    /// # Errors
    /// A page exists, or cannot be written.
    pub(super) fn run(&self) -> Result<CommandOutput, CommandError> {
        let mut program = Cli::command().disable_help_subcommand(true);
        program.build();
        let Some(dir) = &self.dir else { return Ok(document(&page(&program)?)) };
        let commands: Vec<&Command> =
            [&program].into_iter().chain(program.get_subcommands()).collect();
        let path = |command: &&Command| {
            let name = command.get_display_name().unwrap_or(command.get_name());
            dir.join(format!("{name}.1"))
        };
        if let Some(path) = commands.iter().map(path).find(|path| !self.force && path.exists()) {
            return Err(CommandError::exists(&path));
        }
        fs::create_dir_all(dir).map_err(|error| CommandError::cannot_write(dir, &error))?;
        for command in &commands {
            let (path, page) = (path(command), page(command)?);
            save(&path, &page, Readers::AsUsual, self.force)
                .map_err(|error| CommandError::cannot_write(&path, &error))?;
        }
        let text = format!("{} manual pages are written to {}", commands.len(), shown(dir));
        Ok(CommandOutput::done(text, Value::Null))
    }
}

fn page(command: &Command) -> Result<Vec<u8>, CommandError> {
    let mut page = vec![];
    clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .map_err(|error| CommandError::Failed(format!("the page cannot be made: {error}")))?;
    Ok(page)
}

fn document(text: &[u8]) -> CommandOutput {
    let text = String::from_utf8_lossy(text).into_owned();
    CommandOutput::done(String::new(), Value::Null).with_document(text)
}
