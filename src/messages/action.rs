//! What a person does about an import: as one sentence on the page and in a message, and with the
//! command to type; and what is answered to an action.

use time::format_description::well_known::Rfc3339;

use super::import::{pause, status, why};
use crate::{
    import::{
        Import, ImportId, OperatorAction, State,
        reason::{Class, ReasonCode},
    },
    schema::Target,
};

/// What to do now.
#[must_use]
pub fn action(import: &Import) -> String {
    let may_be_there = import.ingestion.is_some() || import.push_outcome_unknown;
    let facts = Facts { has_tenant: import.id.has_tenant(), pauses: import.pauses, may_be_there };
    if import.waits_for_correction() && !import.waits_now() {
        return "Check the setup, which names what blocks it, and mend that; it then goes on by itself."
            .to_owned();
    }
    action_of(import.state, import.code(), facts, import.target)
}

/// What to do now in a terminal, with the command to type where one helps.
pub(crate) fn remedy(import: &Import) -> String {
    let (key, portal) = (&import.id.key, import.target.words().portal);
    match import.state {
        State::Rejected if import.is_guarded() => format!(
            "if it may delete what it says, `viva-import approve {key}`; else mend the export"
        ),
        // It is taken in anew, and not tried again.
        State::Rejected if !import.id.has_tenant() => action(import),
        State::Rejected => format!(
            "its report says what is wrong: mend the export and upload it, or mend the mapping and \
             `viva-import retry {key}`"
        ),
        State::Stuck => format!(
            "look into {portal}'s import history, mend what is crossed here, then \
             `viva-import retry {key}`"
        ),
        State::Received
        | State::Packed
        | State::Pushing
        | State::Ingesting
        | State::Completed
        | State::Accepted
        | State::Superseded
        | State::Cancelled => action(import),
    }
}

/// What decides beside state and reason.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) has_tenant: bool,
    /// Whether its connection waits for it.
    pub(super) pauses: bool,
    /// Whether the service may have the file.
    pub(super) may_be_there: bool,
}

pub(super) fn action_of(
    state: State,
    code: Option<ReasonCode>,
    facts: Facts,
    target: Target,
) -> String {
    let words = target.words();
    let (portal, product) = (words.portal_in_full, words.product);
    let text = match (state, code) {
        (_, Some(ReasonCode::NewerVersion)) => "Let every instance run the newer version.",
        (_, Some(ReasonCode::RowUnreadable)) => {
            "If a newer version wrote it, let every instance run that. If somebody changed the row, \
             undo that."
        }
        (State::Rejected, _) if !facts.has_tenant => {
            "Mend the connection; then look for files, or wait for the hour: the file is taken in \
             again, as an import of its own."
        }
        (State::Rejected, Some(ReasonCode::DeletionBlocked)) => {
            "If those people or columns are meant to be deleted, allow this file once. If not, \
             upload a complete export."
        }
        (State::Rejected, _) if facts.pauses => {
            "Mend the mapping and retry, which keeps its place; or resume the connection, and those \
             behind it go on without it."
        }
        (State::Rejected, Some(ReasonCode::ValidationFailed)) => {
            return format!(
                "Look into the service's error file, which {portal} has, mend the export and upload \
                 it again."
            );
        }
        (State::Rejected, Some(ReasonCode::FileInvalid)) => {
            "Correct the export where its report says so, and upload it again. If only the mapping \
             was wrong, mend that and retry, which reads this same file again."
        }
        (State::Rejected, _) => "Mend what is named and upload the file again, or retry.",
        (State::Stuck, _) if !facts.may_be_there => {
            "Look into what is named, then retry, which reads and pushes it again."
        }
        (State::Stuck, _) => {
            return format!(
                "Look at the import history in {portal}: the service may have the file. Then retry, \
                 which reads and pushes it again."
            );
        }
        (State::Packed | State::Superseded, _) if facts.pauses => {
            return format!(
                "Mend the connector in {}, check the setup, then resume the connection.",
                words.product_in_full
            );
        }
        (State::Packed, Some(ReasonCode::ConnectionPaused)) => {
            "See what pauses the connection, mend it, then resume the connection."
        }
        (State::Ingesting, Some(code)) if code.class() == Class::ActionRequired => {
            "Mend what is named; it then goes on by itself."
        }
        (State::Received | State::Packed, Some(code)) if code.class() == Class::ActionRequired => {
            "Mend what is named; it then goes on by itself. Retry asks at once."
        }
        (State::Received | State::Packed, Some(_)) => {
            "Nothing: it goes on by itself. Retry asks at once."
        }
        (State::Received | State::Packed | State::Pushing, _) => "Nothing: it goes on by itself.",
        (State::Ingesting, _) => {
            "Nothing: the service is at work, and is asked until it has ended."
        }
        (State::Completed, _) => {
            return format!(
                "Nothing. {product} shows the data hours later; what fails there shows only in {portal}."
            );
        }
        (State::Accepted, _) => {
            return format!("Nothing. What becomes of it shows only in {portal}.");
        }
        (State::Superseded, _) => "Nothing: a newer file has taken its place.",
        (State::Cancelled, _) => "Nothing. To import its content after all, upload it again.",
    };
    text.to_owned()
}

/// What comes of an action that an import has taken, as it is since then.
pub(crate) fn taken(action: OperatorAction, import: &Import) -> String {
    let file = import.source.file();
    match action {
        OperatorAction::Approve => {
            format!("{file} may delete, this once; `drive` takes it up within its next minute")
        }
        OperatorAction::Retry => {
            format!("{file} is tried again within the next minute, unless another goes before it")
        }
        OperatorAction::Cancel => format!("{file}: {}", status(import)),
        OperatorAction::Resume => format!(
            "{file} (import {}) pauses {} no longer ({})",
            import.id,
            import.connection,
            pause(import)
        ),
    }
}

/// Why an import does not take an action, and what else may help.
pub(crate) fn not_taken(action: OperatorAction, import: &Import) -> String {
    let (file, status) = (import.source.file(), status(import));
    if import.is_left_alone() {
        return format!("{file}: {}", why(import).unwrap_or_default());
    }
    match action {
        OperatorAction::Approve => format!(
            "{file} was not refused for what it deletes, so there is nothing to allow; it is \
             {status}"
        ),
        OperatorAction::Retry if !import.id.has_tenant() => format!(
            "{file} has no tenant, because its connection could not be read when it arrived. Once \
             that is mended, `sweep` takes the file in within the hour"
        ),
        OperatorAction::Retry if import.state.is_end() => format!(
            "{file} is at its end: {status}. To import its content once more, upload it again: that \
             is an import of its own"
        ),
        OperatorAction::Retry => {
            format!("{file} is under way: {status}. `viva-import cancel` gives it up")
        }
        OperatorAction::Cancel if import.state == State::Pushing => {
            let until = import.due.and_then(|due| due.format(&Rfc3339).ok());
            format!(
                "{file} is being pushed and what comes of that must not be lost; try again when the \
                 push is over, at {} at the latest",
                until.unwrap_or_default()
            )
        }
        OperatorAction::Cancel => format!("{file} is at its end: {status}"),
        OperatorAction::Resume => not_paused(&import.connection),
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
    let (one, other) = (one.name(), other.name());
    format!("there are two imports {key}, of different tenants; say which: {one} or {other}")
}

/// That an action was not written because the import was moved on at the same time.
pub(crate) fn moved_on(import: &Import) -> String {
    format!("{} was moved on meanwhile; try again", import.source.file())
}

/// That nothing pauses a connection that is to be resumed.
pub(crate) fn not_paused(connection: &str) -> String {
    format!("no import of a connection {connection} pauses it")
}

/// What comes of a connection that was resumed; `taken` says it of each import that paused it.
pub(crate) fn resumed(taken: &[String]) -> String {
    format!("{}\n`drive` takes up each waiting file when its next attempt is due", taken.join("\n"))
}
