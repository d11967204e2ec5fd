//! Files on this machine, checked: one, several, or standard input.

use std::path::{Path, PathBuf};

use glob::MatchOptions;
use serde_json::{Value, json};

use super::{CheckFileOptions, Context, name_of, of_report};
use crate::{
    check::{FileCheck, FileError, Report},
    outcome::{CommandError, CommandOutput, shown},
    report,
};

/// What standard input is called in a report.
const STDIN: &str = "standard input";

/// Letters that make a path a pattern.
const WILDCARDS: [char; 3] = ['*', '?', '['];

/// How a pattern matches: as the shells of this system do.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: !cfg!(windows),
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// A file to check, or why there is none; with the name that it was given by.
type Input = (String, Result<PathBuf, CommandError>);

impl Context {
    /// Checks files. An error of one file does not stop the others.
    ///
    /// # Errors
    /// The options are invalid, or the only file cannot be checked.
    pub fn check(&self, options: &CheckFileOptions) -> Result<CommandOutput, CommandError> {
        let (asked, _) = self.asked(&options.rules, None, options.show_values)?;
        let mut inputs: Vec<Input> = options.files.iter().flat_map(|path| expanded(path)).collect();
        if inputs.len() > 1 && options.as_page {
            return Err(CommandError::Failed(format!(
                "`--format html` makes one page of one file, and {} files are given\n\
                 Check them one by one, or use `--format text` or `--format json`.",
                inputs.len()
            )));
        }
        if inputs.len() > 1 {
            return Ok(self.check_all(&asked, inputs));
        }
        let (name, file) = inputs.remove(0);
        let file = file?;
        let name = if is_stdin(&file) { name } else { name_of(&file) };
        let report = self.report_of(&asked, &file)?;
        let output = of_report(&report, &name, self.layout);
        Ok(if options.as_page {
            let page = report::html(&report, &name);
            CommandOutput { text: String::new(), ..output.with_document(page) }
        } else {
            output
        })
    }

    fn check_all(&self, asked: &FileCheck, inputs: Vec<Input>) -> CommandOutput {
        let mut all = CommandOutput::done(String::new(), Value::Null);
        let (mut answers, mut accepted) = (vec![], 0);
        for (name, file) in inputs {
            match file.and_then(|file| self.report_of(asked, &file)) {
                Ok(report) => {
                    let output = of_report(&report, &name, self.layout);
                    accepted += usize::from(output.is_done);
                    all.text.push_str(&output.text);
                    all.text.push('\n');
                    answers.push(output.json);
                }
                Err(error) => {
                    let mut problem = error.json();
                    problem["file"] = json!(name);
                    answers.push(problem);
                    all.failures.push(error);
                }
            }
        }
        let (count, failed) = (answers.len(), all.failures.len());
        let rejected = count - accepted - failed;
        all.text.push_str(&format!(
            "{count} files: {accepted} accepted, {rejected} rejected, {failed} not checked\n"
        ));
        all.json = Value::Array(answers);
        all.is_done = rejected == 0;
        all
    }

    fn report_of(&self, asked: &FileCheck, file: &Path) -> Result<Report, CommandError> {
        if is_stdin(file) {
            let task = self.progress.bytes("Checking standard input", None);
            let report = asked.check_stream(std::io::stdin().lock(), task.counter());
            return report.map_err(|error| CommandError::cannot_read(Path::new(STDIN), &error));
        }
        let total = std::fs::metadata(file).map(|about| about.len()).ok();
        let task = self.progress.bytes(format!("Checking {}", name_of(file)), total);
        asked.check(file, task.counter()).map_err(|error| match error {
            FileError::Unreadable { path, source } => CommandError::cannot_read(&path, &source),
            FileError::NotAFile(path) => CommandError::Failed(format!(
                "{} is a folder or a pipe\n\
                 Name a .csv or a .zip file. `-` reads a CSV from standard input.",
                shown(&path)
            )),
        })
    }
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// The files of a pattern, in alphabetical order, for shells that leave patterns to programs. Each
/// has its folder in its name, because two may have the same name.
fn expanded(path: &Path) -> Vec<Input> {
    if is_stdin(path) {
        return vec![(STDIN.to_owned(), Ok(path.to_owned()))];
    }
    let (name, pattern) = (shown(path), path.to_string_lossy());
    if !pattern.contains(WILDCARDS) || path.exists() {
        return vec![(name, Ok(path.to_owned()))];
    }
    let found = match glob::glob_with(&pattern, MATCHING) {
        Ok(found) => found,
        Err(error) => {
            let why = format!("{name} is not a valid pattern: {error}");
            return vec![(name, Err(why.into()))];
        }
    };
    let found: Vec<Input> = found
        .filter(|file| file.as_ref().map_or(true, |file| file.is_file()))
        .map(|file| match file {
            Ok(file) => (shown(&file), Ok(file)),
            Err(error) => {
                (shown(error.path()), Err(CommandError::cannot_read(error.path(), error.error())))
            }
        })
        .collect();
    if found.is_empty() {
        let why = format!("{name} matches no file\nCheck the path and the pattern.");
        return vec![(name, Err(why.into()))];
    }
    found
}
