//! What the handler prints, line by line, as a part of the host's log.
//!
//! stdout is information; stderr is ranked by its words. None of it belongs to an invocation: the
//! host reads the pipes apart from the calls (`WorkerProcess`, `WorkerConsoleLogService`).

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio_util::task::AbortOnDropHandle;
use tracing::Level;

use super::journal::{Journal, LogLine};

/// Writes each line of a pipe to the log; the task's result is the last three.
pub(super) fn pump(
    pipe: impl AsyncRead + Unpin + Send + 'static,
    rank: fn(&str) -> Level,
    log: Arc<Journal<LogLine>>,
) -> AbortOnDropHandle<Vec<String>> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut last = Vec::new();
        let mut lines = BufReader::new(pipe).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\r');
            let (category, line) = sort(line);
            log.log(rank(line), category, line);
            last.push(line.to_owned());
            if last.len() > 3 {
                last.remove(0);
            }
        }
        last
    }))
}

/// The host keeps lines with two prefixes out of the function's log.
fn sort(line: &str) -> (&'static str, &str) {
    if let Some(line) = line.strip_prefix("LanguageWorkerConsoleLog") {
        return ("Worker", line);
    }
    match line.strip_prefix("azfuncjsonlog:") {
        Some(line) => ("Tooling", line),
        None => ("Host.Function.Console", line),
    }
}

/// The default for custom handlers: all of stderr is about errors.
pub(super) fn rank_error(line: &str) -> Level {
    if line.to_lowercase().contains("warn") { Level::WARN } else { Level::ERROR }
}

/// With `useStdErrorStreamForErrorsOnly` off.
pub(super) fn rank_mixed(line: &str) -> Level {
    let line = line.to_lowercase();
    let error = ["error", "fail", "severe", "unhandled exception"];
    if line.contains("warn") {
        Level::WARN
    } else if error.iter().any(|word| line.contains(word)) {
        Level::ERROR
    } else {
        Level::INFO
    }
}
