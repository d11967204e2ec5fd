//! What a person is answered who asks for something: that it was done, or why it was not.

use time::format_description::well_known::Rfc3339;

use super::import::{pause, status, why};
use crate::import::{Import, ImportId, OperatorAction, State};

/// What comes of a wish that an import has taken, as it is since then.
pub(crate) fn taken(wish: OperatorAction, run: &Import) -> String {
    let file = run.source.file();
    match wish {
        OperatorAction::Allow => {
            format!("{file} may delete, this once; `drive` takes it up within its next minute")
        }
        OperatorAction::Retry => {
            format!("{file} is tried again within the next minute, unless another goes before it")
        }
        OperatorAction::Cancel => format!("{file}: {}", status(run)),
        OperatorAction::Resume => format!(
            "{file} (import {}) pauses {} no longer ({})",
            run.id,
            run.connection,
            pause(run)
        ),
    }
}

/// Why an import does not take a wish, and what else may help.
pub(crate) fn not_taken(wish: OperatorAction, run: &Import) -> String {
    let (file, status) = (run.source.file(), status(run));
    if run.is_left_alone() {
        return format!("{file}: {}", why(run).unwrap_or_default());
    }
    match wish {
        OperatorAction::Allow => format!(
            "{file} was not refused for what it deletes, so there is nothing to allow; it is \
             {status}"
        ),
        OperatorAction::Retry if !run.id.has_tenant() => format!(
            "{file} has no tenant, because its connection could not be read when it arrived. Once \
             that is mended, `sweep` takes the file in within the hour"
        ),
        OperatorAction::Retry if run.state.is_end() => format!(
            "{file} is at its end: {status}. To import its content once more, upload it again: that \
             is an import of its own"
        ),
        OperatorAction::Retry => {
            format!("{file} is under way: {status}. `viva-import cancel` gives it up")
        }
        OperatorAction::Cancel if run.state == State::Pushing => {
            let until = run.due.and_then(|due| due.format(&Rfc3339).ok());
            format!(
                "{file} is being pushed and what comes of that must not be lost; try again when the \
                 push is over, at {} at the latest",
                until.unwrap_or_default()
            )
        }
        OperatorAction::Cancel => format!("{file} is at its end: {status}"),
        OperatorAction::Resume => not_paused(&run.connection),
    }
}

/// That an import that is asked for does not exist.
pub(crate) fn not_found(key: &str) -> String {
    format!(
        "there is no import {key}; its id is the RowKey in the table, and `viva-import imports` lists \
         them"
    )
}

/// That an import that is asked for exists twice, because its connection has changed its tenant.
pub(crate) fn found_twice(key: &str, one: &ImportId, other: &ImportId) -> String {
    let (one, other) = (one.path(), other.path());
    format!("there are two imports {key}, of different tenants; say which: {one} or {other}")
}

/// That a wish was not written because the import was moved on at the same time.
pub(crate) fn moved_on(run: &Import) -> String {
    format!("{} was moved on meanwhile; try again", run.source.file())
}

/// That nothing pauses a connection that is to be resumed.
pub(crate) fn not_paused(connection: &str) -> String {
    format!("no import of a connection {connection} pauses it")
}

/// What comes of a connection that was resumed; `taken` says it of each import that paused it.
pub(crate) fn resumed(taken: &[String]) -> String {
    format!("{}\n`drive` takes up each waiting file when its next attempt is due", taken.join("\n"))
}
