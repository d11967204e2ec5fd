//! What an operator does about an import: the recommended action, and the result of each operator action.

use time::format_description::well_known::Rfc3339;

use super::{
    counted,
    import::{pause, status, why},
    sentence,
};
use crate::{
    import::{
        Import, ImportId, OperatorAction, State,
        reason::{Class, ReasonCode},
    },
    schema::Target,
};

/// The recommended action, in full sentences with the command to paste.
#[must_use]
pub fn action(import: &Import) -> String {
    let facts = Facts {
        id: &import.id.key,
        connection: &import.connection,
        pauses: import.pauses,
        may_be_there: import.ingestion.is_some() || import.push_outcome_unknown,
    };
    // While it is retried, the blocking reason still says what to correct.
    let code = if import.waits_for_correction() { import.blocked } else { import.code() };
    action_of(import.state, code, facts, import.target)
}

/// The recommended action below the checks of the doctor.
pub(crate) fn remedy(import: &Import) -> String {
    match import.state {
        State::Stuck => format!(
            "Correct the failed checks, and check the import history in {}. Then retry: `viva-import \
             retry {}`.",
            import.target.words().portal_in_full,
            import.id
        ),
        State::Received
        | State::Packed
        | State::Pushing
        | State::Ingesting
        | State::Completed
        | State::Accepted
        | State::Rejected
        | State::Superseded
        | State::Cancelled => action(import),
    }
}

/// What the recommended action depends on, besides state and reason.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    /// The import, as commands name it.
    pub(super) id: &'a str,
    pub(super) connection: &'a str,
    /// Whether it pauses its connection.
    pub(super) pauses: bool,
    /// Whether the service may have the file.
    pub(super) may_be_there: bool,
}

const NONE: &str = "No action is needed.";

pub(super) fn action_of(
    state: State,
    code: Option<ReasonCode>,
    facts: Facts<'_>,
    target: Target,
) -> String {
    let words = target.words();
    let (portal, product) = (words.portal_in_full, words.product);
    let Facts { id, connection, .. } = facts;
    let retry = format!("`viva-import retry {id}`");
    let resume = format!("`viva-import resume {connection}`");
    let correct = format!("Run `viva-import doctor {connection}` and correct what it reports.");
    match (state, code) {
        (_, Some(ReasonCode::NewerVersion)) => {
            "Update every instance of viva-import to the newer version.".to_owned()
        }
        (_, Some(ReasonCode::RowUnreadable)) => {
            "If a newer version wrote the row, update every instance of viva-import to that version. \
             If somebody edited the row, undo the edit."
                .to_owned()
        }
        (State::Rejected, Some(ReasonCode::DeletionBlocked)) => format!(
            "If that is intended, approve the file once: `viva-import approve {id}`. If not, upload a \
             complete and current export."
        ),
        (State::Rejected, _) if facts.pauses => format!(
            "Correct the mapping and retry, which keeps the order of the files: {retry}. Or continue \
             without this file: {resume}."
        ),
        (State::Rejected, Some(ReasonCode::ValidationFailed)) => format!(
            "Open the service's error file in {portal}, correct the export, and upload it again."
        ),
        (State::Rejected, Some(ReasonCode::FileInvalid)) => format!(
            "Correct the rows and columns in the report, and upload the export again. If only the \
             mapping was wrong, correct the mapping and retry the same file: {retry}."
        ),
        (State::Rejected, Some(ReasonCode::FileMissing)) => "Upload the file again.".to_owned(),
        (State::Rejected, Some(ReasonCode::FileBlocked)) => {
            format!("Make the file readable, then retry: {retry}.")
        }
        (State::Rejected, _) => format!("{correct} Then upload the file again, or retry: {retry}."),
        (State::Stuck, _) if !facts.may_be_there => {
            format!("{correct} Then retry, which reads and pushes the file again: {retry}.")
        }
        (State::Stuck, _) => format!(
            "Check the import history in {portal}: the service may have the file. Then retry, which \
             reads and pushes the file again: {retry}."
        ),
        (State::Packed | State::Superseded, _) if facts.pauses => format!(
            "Correct the connector in {}. Check it with `viva-import doctor {connection}`. Then \
             resume the connection: {resume}.",
            words.product_in_full
        ),
        (State::Packed, Some(ReasonCode::ConnectionPaused)) => {
            format!("Correct what pauses the connection. Then resume it: {resume}.")
        }
        (State::Ingesting, Some(code)) if code.class() == Class::ActionRequired => {
            format!("{correct} The import then resumes automatically.")
        }
        (State::Received | State::Packed, Some(code)) if code.class() == Class::ActionRequired => {
            format!("{correct} The import then resumes automatically. To retry it now: {retry}.")
        }
        (State::Received | State::Packed, Some(_)) => {
            format!("{NONE} The import resumes automatically. To retry it now: {retry}.")
        }
        (State::Received | State::Packed | State::Pushing, _) => {
            format!("{NONE} The import continues automatically.")
        }
        (State::Ingesting, _) => {
            format!("{NONE} The service processes the file and is polled until it has finished.")
        }
        (State::Completed, _) => format!(
            "{NONE} {product} shows the data hours later. Processing failures are shown only in {portal}."
        ),
        (State::Accepted, _) => format!("{NONE} The outcome is shown only in {portal}."),
        (State::Superseded, Some(ReasonCode::SameContent)) => {
            format!("{NONE} To push the file all the same: {retry}.")
        }
        (State::Superseded, _) => format!("{NONE} A newer file replaces this one."),
        (State::Cancelled, _) => format!("{NONE} To import the file after all, upload it again."),
    }
}

/// The result of an operator action; `import` is the import after it.
pub(crate) fn taken(action: OperatorAction, import: &Import) -> String {
    let file = import.source.file();
    match action {
        OperatorAction::Approve => {
            format!("{file} is approved once. Its next step starts now.")
        }
        OperatorAction::Retry => format!(
            "{file} is retried. Its next step starts now, unless another import goes first."
        ),
        OperatorAction::Cancel => format!("{file}: {}", status(import)),
        OperatorAction::Resume => format!(
            "{file} (import {}) no longer pauses connection {}. Cause of the pause: {}",
            import.id,
            import.connection,
            sentence(pause(import))
        ),
    }
}

/// Why an operator action is a conflict, and what to do instead.
pub(crate) fn not_taken(action: OperatorAction, import: &Import) -> String {
    let (file, status) = (import.source.file(), status(import));
    if import.is_left_alone() {
        return format!("{file}: {}", sentence(why(import).unwrap_or_default()));
    }
    match action {
        OperatorAction::Approve => {
            format!("{file} needs no approval: it is not rejected because of deletions. {status}")
        }
        OperatorAction::Retry if import.state.is_end() => format!(
            "{file} has ended and cannot be retried. To import its content once more, upload the file \
             again. {status}"
        ),
        OperatorAction::Retry => format!(
            "{file} is in progress and cannot be retried. To stop it: `viva-import cancel {}`. {status}",
            import.id
        ),
        OperatorAction::Cancel if import.state == State::Pushing => {
            let until = import.due.and_then(|due| due.format(&Rfc3339).ok());
            format!(
                "{file} is being pushed and cannot be cancelled now. Cancel it after the push, which \
                 ends at {} at the latest.",
                until.unwrap_or_default()
            )
        }
        OperatorAction::Cancel => format!("{file} has already ended. {status}"),
        OperatorAction::Resume => not_paused(&import.connection),
    }
}

/// No import has the id that was given.
pub(crate) fn not_found(key: &str) -> String {
    format!(
        "Import {key} does not exist. `viva-import imports` lists the ids; an id is the RowKey in the \
         table."
    )
}

/// Two imports have the id that was given, because their connection has changed its tenant.
pub(crate) fn found_twice(key: &str, one: &ImportId, other: &ImportId) -> String {
    let (one, other) = (one.name(), other.name());
    format!("Two imports of different tenants have the id {key}. Specify {one} or {other}.")
}

/// An operator action was not written, because the import changed at the same time.
pub(crate) fn moved_on(import: &Import) -> String {
    format!("{} changed at the same time. Try again.", import.source.file())
}

/// The result of a sweep.
pub(crate) fn swept(files: usize) -> String {
    format!("Found {} without an event.", counted(files as u64, "file"))
}

/// A connection that is to be resumed is not paused.
pub(crate) fn not_paused(connection: &str) -> String {
    format!("Connection {connection} is not paused.")
}

/// The result of resuming a connection; `taken` has one text for each import that paused it.
pub(crate) fn resumed(taken: &[String]) -> String {
    format!("{}\nEach waiting file resumes at its next attempt.", taken.join("\n"))
}
