//! The events of an import, and the action it needs next.

use std::fmt;

use time::OffsetDateTime;

use strum::{AsRefStr, EnumString, VariantNames};

use super::{
    ImportId, IngestionId, Package, PollPath, State,
    reason::{ErrorFile, NoOutcome, Reason, Text},
};
use crate::{
    import::Status,
    schema::{Baseline, DeletionApproval, Refresh},
};

/// An event of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A pack starts; no other instance takes it up before `due`.
    PackStarted,
    /// A step is tried again that once ended the program, or seems to have.
    TriedAgain,
    /// The running pack or push keeps the import for another lease.
    Renewed,
    /// The file is valid and its zip is staged.
    Packed {
        /// The zip.
        package: Package,
        /// The refresh mode of the connection.
        refresh: Refresh,
        /// The result of the check.
        checked: Box<Checked>,
    },
    /// The file, or its connection, is invalid.
    Rejected {
        /// Why.
        reason: Reason,
        /// The number of errors.
        problems: u64,
        /// The blob of the report.
        report: Option<String>,
        /// The contents of the file, if its only errors are deletions.
        guarded: Option<Box<Baseline>>,
    },
    /// An operator requested an action.
    OperatorRequested {
        /// The action.
        action: OperatorAction,
        /// Who, how and when.
        by: String,
    },
    /// The blob has a new content.
    Replaced {
        /// The import of the new content.
        by: ImportId,
    },
    /// A newer full file is ready.
    Superseded {
        /// The newer file.
        file: Text,
        /// The import of that file.
        import: Text,
    },
    /// The service has the same bytes already, and nothing has come since.
    SameContent {
        /// The import that brought them.
        import: Text,
    },
    /// An older file of the lane has not ended.
    WaitingForOlder {
        /// The older file.
        file: Text,
        /// The import of that file.
        import: Text,
    },
    /// The connection is paused.
    Paused {
        /// Why.
        reason: Reason,
    },
    /// Another import of the tenant is in progress.
    SlotTaken {
        /// The row key of that import.
        by: String,
    },
    /// The intent to push is in the row, and the import has the tenant's slot.
    Claimed {
        /// The tenant's scale unit.
        scale_unit: String,
    },
    /// The service accepted the push.
    Accepted {
        /// The ingestion id.
        id: IngestionId,
        /// The reported status.
        status: Status,
    },
    /// The service accepted the push and reports no outcome.
    AcceptedForGood,
    /// The service has not finished the tenant's previous import.
    Busy,
    /// The push was certainly not accepted, for a temporary reason: no connection, or an overloaded service.
    NotSent {
        /// Why.
        reason: Reason,
        /// When the service wants the next attempt.
        retry_at: Option<OffsetDateTime>,
    },
    /// The push was certainly not accepted, possibly because of an error here. A few more attempts follow.
    PushFailed {
        /// The status of the service's answer.
        status: u16,
        /// The error codes in the answer.
        codes: Vec<Text>,
    },
    /// The push was certainly not accepted, because the token was not.
    TokenRejected {
        /// The status of the service's answer.
        status: u16,
    },
    /// The service answered 403.
    Forbidden {
        /// The tenant that issued the token, if the connection names another one.
        token_tenant: Option<Text>,
    },
    /// It is unknown whether the push arrived.
    AnswerLost {
        /// Why.
        cause: NoOutcome,
    },
    /// The service answered with an error that a repetition does not resolve.
    PushRefused {
        /// Why.
        reason: Reason,
    },
    /// The service reported a status.
    StatusReported {
        /// The status.
        status: Status,
        /// The path that worked.
        path: PollPath,
        /// Where the error file is, if the validation failed.
        error_file: Option<ErrorFile>,
    },
    /// Storage, identity or the network failed; nothing is decided.
    TransientFailure {
        /// Why.
        reason: Reason,
        /// When the other side wants the next attempt.
        retry_at: Option<OffsetDateTime>,
    },
    /// An older import of its connection waits for the same correction; only that one is retried.
    StillWaiting,
    /// The cause may have been corrected: an older import of its connection has resumed.
    Corrected,
    /// The staged zip is gone.
    Discarded,
    /// A change of its notification; the import itself does not change.
    Notification(NotificationEvent),
}

impl Event {
    /// Whether the event shows that the blocking reason is over, if nothing blocks the import after it: the
    /// import was tried, and neither an operator nor a newer file ended its wait.
    #[must_use]
    pub(crate) fn shows_correction(&self) -> bool {
        !matches!(
            self,
            Self::OperatorRequested { .. }
                | Self::Replaced { .. }
                | Self::Superseded { .. }
                | Self::SameContent { .. }
                | Self::Renewed
                | Self::Notification(_)
        )
    }
}

/// A change of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotificationEvent {
    /// A file is overdue: there is a notification to send.
    Overdue,
    /// The sending starts.
    Began,
    /// The notification was sent.
    Sent,
    /// The notification could not be sent.
    Failed {
        /// Why.
        why: Text,
    },
    /// The notification is not needed.
    Dropped,
}

/// An operator action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumString, VariantNames)]
#[strum(serialize_all = "camelCase")]
pub enum OperatorAction {
    /// Accept the file although it deletes people or columns.
    Approve,
    /// Start again, or try now.
    Retry,
    /// End the import.
    Cancel,
    /// Resume the connection that the import pauses.
    Resume,
}

/// The result of checking a file that is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Rows, people and columns.
    pub baseline: Baseline,
    /// The number of invalid rows that were skipped, because the connection is lenient.
    pub rows_skipped: u64,
    /// What a person should know that is not an error.
    pub notice: Option<String>,
    /// The blob of the report.
    pub report: String,
    /// Who approved that the file deletes people or columns.
    pub approval: Option<DeletionApproval>,
}

/// The next action of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read, check and stage the file.
    Pack,
    /// Claim the tenant's slot and push.
    Push,
    /// A push was in progress and its result is unknown.
    Recover,
    /// Poll the service.
    Poll,
    /// Delete the staged zip of an ended import.
    Discard,
    /// Nothing before this time.
    Wait(OffsetDateTime),
    /// Nothing, ever.
    Done,
}

/// An event that is not possible in the current state.
#[derive(Debug)]
pub struct IllegalEvent {
    state: State,
    event: Box<Event>,
}

impl IllegalEvent {
    pub(super) fn new(state: State, event: Event) -> Self {
        Self { state, event: Box::new(event) }
    }
}

impl fmt::Display for IllegalEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {:?} is not possible in state {}", self.event, self.state.as_ref())
    }
}

impl std::error::Error for IllegalEvent {}
