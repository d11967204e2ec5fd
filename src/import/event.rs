//! What happens to an import, and what it wants done.

use std::fmt;

use time::OffsetDateTime;

use strum::{AsRefStr, EnumString, VariantNames};

use super::{
    ImportId, IngestionId, Package, State,
    reason::{ErrorFile, NoOutcome, Reason, Text},
};
use crate::{
    import::Status,
    schema::{Baseline, DeletionApproval, Refresh},
};

/// What happened to an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A pack begins; nobody else takes it up before `due`.
    PackStarted,
    /// The file is right and its zip is staged.
    Packed {
        /// The zip.
        package: Package,
        /// What the connection says the file is.
        refresh: Refresh,
        /// What the check saw.
        checked: Box<Checked>,
    },
    /// The file, or the connection it belongs to, is wrong.
    Refused {
        /// Why.
        reason: Reason,
        /// How many problems there are.
        problems: u64,
        /// The blob that lists them.
        report: Option<String>,
        /// What the file is, where nothing is wrong but that people or columns would be deleted.
        guarded: Option<Box<Baseline>>,
    },
    /// A person asks for something.
    OperatorRequested {
        /// What.
        action: OperatorAction,
        /// How, and when.
        by: String,
    },
    /// The blob has another content now.
    Replaced {
        /// The import of that.
        by: ImportId,
    },
    /// A newer file that replaces everything is ready.
    Superseded {
        /// That file.
        file: Text,
        /// Its import.
        import: Text,
    },
    /// An older file of the connection has not come to its end.
    WaitingForOlder {
        /// That file.
        file: Text,
        /// Its import.
        import: Text,
    },
    /// Its connection is paused.
    Paused {
        /// Why.
        reason: Reason,
    },
    /// Another import of the tenant is under way.
    SlotTaken {
        /// The row key of that import.
        by: String,
    },
    /// The intent to push is in the row and the tenant's slot is ours.
    Claimed {
        /// The service's address of this tenant.
        scale_unit: String,
    },
    /// The service accepted the push.
    Accepted {
        /// Its id.
        id: IngestionId,
        /// Its word.
        status: Status,
    },
    /// The service accepted the push, and reports no outcome of it.
    AcceptedForGood,
    /// The service has not finished the tenant's last import.
    Busy,
    /// The push surely was not taken, for a reason that will pass: no connection, or put off.
    NotSent {
        /// Why.
        reason: Reason,
        /// When the service wants to be asked again.
        retry_at: Option<OffsetDateTime>,
    },
    /// The push surely was not taken, for a reason that may be our own. A few more are tried.
    PushFailed {
        /// The status of the service's answer.
        status: u16,
    },
    /// The push surely was not taken, because its token was not.
    TokenRefused {
        /// The status of the service's answer.
        status: u16,
    },
    /// Nobody of the connection is let in.
    Forbidden,
    /// Whether the push arrived is unknown.
    AnswerLost {
        /// Why.
        cause: NoOutcome,
    },
    /// The service refuses, and asking again will not help.
    PushRefused {
        /// Why.
        reason: Reason,
    },
    /// The service told where its work stands.
    StatusReported {
        /// Its word.
        status: Status,
        /// Where its error file is, if the validation failed.
        error_file: Option<ErrorFile>,
    },
    /// Storage, identity or the network failed; nothing is decided.
    TransientFailure {
        /// Why.
        reason: Reason,
        /// When the other side wants to be asked again.
        retry_at: Option<OffsetDateTime>,
    },
    /// An older import of its connection waits for the same correction and is the one that is tried.
    StillWaiting,
    /// What it waited for may have been corrected: an older import of its connection has gone on.
    Corrected,
    /// The staged zip is gone.
    Discarded,
    /// Something became of its notification; the import itself stays where it is.
    Notification(NotificationEvent),
}

impl Event {
    /// Whether it shows that what blocked the import is over, if nothing blocks it after that: it was
    /// tried, and neither a person nor a newer file has taken it away.
    #[must_use]
    pub(crate) fn shows_correction(&self) -> bool {
        !matches!(
            self,
            Self::OperatorRequested { .. }
                | Self::Replaced { .. }
                | Self::Superseded { .. }
                | Self::Notification(_)
        )
    }
}

/// What becomes of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotificationEvent {
    /// No file has come since, though one is expected: there is one to send.
    Overdue,
    /// It is being sent.
    Began,
    /// It was sent.
    Sent,
    /// It could not be sent.
    Failed {
        /// Why.
        why: Text,
    },
    /// Nobody has to be notified after all.
    Dropped,
}

/// What a person may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumString, VariantNames)]
#[strum(serialize_all = "camelCase")]
pub enum OperatorAction {
    /// That a file passes though it deletes people or columns.
    Approve,
    /// That it is tried again, or at once.
    Retry,
    /// That it is given up.
    Cancel,
    /// That its connection goes on.
    Resume,
}

/// What the check of a file that passes saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Rows, people, columns.
    pub baseline: Baseline,
    /// Rows left out because the connection is lenient.
    pub rows_skipped: u64,
    /// Something a person should know though the file is right.
    pub notice: Option<String>,
    /// The blob that tells it in full.
    pub report: String,
    /// Who let the file pass though it deletes people or columns.
    pub approval: Option<DeletionApproval>,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read, check, stage.
    Pack,
    /// Claim the tenant's slot and push.
    Push,
    /// A push was under way and nobody knows what became of it.
    Recover,
    /// Ask the service.
    Poll,
    /// Delete the staged zip of an ended import.
    Discard,
    /// Nothing before then.
    Wait(OffsetDateTime),
    /// Nothing ever again.
    Done,
}

/// An event that cannot happen in the state the import is in.
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
        write!(f, "{:?} cannot happen to an import that is {}", self.event, self.state.as_ref())
    }
}

impl std::error::Error for IllegalEvent {}
