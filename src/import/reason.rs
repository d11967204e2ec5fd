//! Why an import is in its state, as data: a code and bounded arguments.
//!
//! Code decides on [`Reason::code`] and [`Reason::class`]. The text for people is made by
//! `messages`, and nothing reads it back.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::{
    AsRefStr, Display, EnumDiscriminants, EnumString, IntoStaticStr, VariantArray, VariantNames,
};
use utoipa::ToSchema;

use super::types::State;
use crate::{check::Report, schema::Severity};

pub use self::text::{List, Text};

mod text;

/// What the service was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operation {
    /// Which scale unit holds the tenant.
    ScaleUnit,
    /// Whether the connector would take a push.
    Ping,
    /// To take a file.
    Push,
    /// Where its work on a file stands.
    Status,
    /// Its error file.
    Errors,
}

/// Why nobody knows whether a push arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NoOutcome {
    /// The program ended while the push was under way.
    ProgramEnded,
    /// No answer came.
    NoAnswer(Text),
    /// A gateway answered in the service's place, with this status.
    Gateway(u16),
    /// The service answered with this success status and a body that cannot be read.
    Unreadable(u16, Text),
}

/// Where the service's own list of what it found in a file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ErrorFile {
    /// In this blob of the reports container.
    Kept(Text),
    /// In the portal; keeping it is not switched on.
    NotKept,
    /// In the portal; it could not be fetched.
    Unavailable,
}

/// What is wrong with a file: the first problem, and how often each rule is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problems {
    /// The row of the first, the header being row 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// Its column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<Text>,
    /// Its rule.
    pub rule: Text,
    /// What is wrong there; no value of a cell.
    pub message: Text,
    /// How many problems there are.
    pub count: u64,
    /// How many of each rule.
    pub rules: Vec<RuleCount>,
}

/// How often a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCount {
    /// The rule.
    pub rule: Text,
    /// How often.
    pub count: u64,
}

impl From<&Report> for Box<Problems> {
    fn from(report: &Report) -> Self {
        let first = report.first_problem();
        let counts = report.counts.by_rule(Severity::Error);
        Self::new(Problems {
            row: first.and_then(|first| first.rows.first().copied()),
            column: first.and_then(|first| first.column.as_ref()).map(Text::from),
            rule: first.map(|first| first.rule.name().into()).unwrap_or_default(),
            message: first.map(|first| (&first.message).into()).unwrap_or_default(),
            count: report.count(Severity::Error),
            rules: counts
                .map(|(rule, count)| RuleCount { rule: rule.name().into(), count })
                .collect(),
        })
    }
}

/// What an import that pauses its connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, ToSchema)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum PauseCause {
    /// The service lets nobody of the connection in.
    Forbidden,
    /// It was rejected, and those behind it build on it.
    Rejected,
    /// It is stuck, and those behind it build on it.
    Stuck,
}

impl PauseCause {
    /// The cause where an import in this state pauses its connection.
    #[must_use]
    pub fn of(state: State) -> Self {
        match state {
            State::Rejected => Self::Rejected,
            State::Stuck => Self::Stuck,
            State::Received
            | State::Packed
            | State::Pushing
            | State::Ingesting
            | State::Completed
            | State::Accepted
            | State::Superseded
            | State::Cancelled => Self::Forbidden,
        }
    }
}

/// Who has to do something about an import.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    AsRefStr,
    Display,
    EnumString,
    VariantNames,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum Class {
    /// Nobody: it waits for another import, which goes on.
    Waiting,
    /// Nobody: something has failed and is tried again.
    Transient,
    /// A person.
    ActionRequired,
    /// Nobody: it has ended.
    Final,
}

/// Why an import waits, fails or has ended. The table keeps the code and the arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "code", content = "args", rename_all_fields = "camelCase")]
#[strum_discriminants(name(ReasonCode), vis(pub))]
#[strum_discriminants(doc = "The code of a [`Reason`], as the table and the log have it.")]
#[strum_discriminants(derive(
    Hash,
    Display,
    IntoStaticStr,
    EnumString,
    VariantArray,
    Serialize,
    Deserialize,
    ToSchema
))]
pub enum Reason {
    /// An older incremental file of the connection has not ended.
    WaitingForOlder {
        /// That file.
        file: Text,
        /// Its import.
        import: Text,
    },
    /// Another import of the tenant is under way.
    SlotTaken {
        /// That import.
        import: Text,
    },
    /// Another import pauses the connection.
    ConnectionPaused {
        /// The connection.
        connection: Text,
        /// The file of that import.
        file: Text,
        /// That import.
        import: Text,
        /// What it waits for.
        cause: PauseCause,
    },
    /// The service has not finished the tenant's previous import.
    ServiceBusy {
        /// That may be this very file: a push of it was never answered.
        own: bool,
    },
    /// Storage failed.
    StorageFailed {
        /// How.
        detail: Text,
    },
    /// A file that is as it was could not be read.
    FileUnreadable,
    /// Reading and packing failed.
    PackingFailed {
        /// How.
        detail: Text,
    },
    /// Reading and packing took longer than a step may take.
    PackingTimedOut {
        /// How long that is.
        seconds: u64,
    },
    /// The staged package was lost or damaged before it was pushed.
    PackageLost,
    /// The staged package could not be read.
    PackageUnreadable {
        /// How.
        detail: Text,
    },
    /// The service gave no answer.
    ServiceUnreachable {
        /// How.
        detail: Text,
    },
    /// The service puts off, or a gateway answers in its place.
    ServiceUnavailable {
        /// What was asked.
        operation: Operation,
        /// The status of the answer.
        status: u16,
    },
    /// The service's answer is not what its documentation says.
    AnswerUnreadable {
        /// What was asked.
        operation: Operation,
        /// What is wrong with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<Text>,
    },
    /// Whoever issues tokens could not be asked.
    SignInUnavailable {
        /// How.
        detail: Text,
    },
    /// Nobody knows whether the push arrived. It is repeated.
    PushOutcomeUnknown {
        /// Why.
        cause: NoOutcome,
    },
    /// The service failed at the push. It is repeated.
    PushFailed {
        /// The status of its answer.
        status: u16,
    },
    /// The service refuses to say where its work stands. It is asked again until the deadline.
    PollRefused {
        /// What was asked.
        operation: Operation,
        /// The status of its answer.
        status: u16,
    },
    /// The row does not say which ingestion it is.
    IngestionIdLost,
    /// A column of the row holds what nobody writes there.
    RowUnreadable {
        /// The column.
        column: Text,
    },
    /// A newer version of the program wrote the row.
    NewerVersion {
        /// The version of its shape.
        schema: u32,
    },
    /// The connection's document cannot be used.
    ConnectionInvalid {
        /// The connection.
        connection: Text,
        /// What is wrong with it.
        faults: List,
    },
    /// The connection has no document any more.
    ConnectionMissing {
        /// The connection.
        connection: Text,
    },
    /// The connection's document names another tenant than when the file arrived.
    TenantChanged {
        /// The connection.
        connection: Text,
    },
    /// The connection's mapping would be refused with every file.
    MappingInvalid {
        /// The connection.
        connection: Text,
        /// What is wrong with it.
        faults: List,
    },
    /// The connection's credential gets no token.
    CredentialFailed {
        /// Why.
        detail: Text,
    },
    /// The service did not accept a fresh token.
    TokenRejected {
        /// The status of its answer: 401, or 200 with a sign-in page.
        status: u16,
    },
    /// The service answered 403 to the question for the status of a file that it has.
    PollForbidden,
    /// The service answered 403.
    Forbidden,
    /// The service refuses, and asking again will not help.
    ServiceRefused {
        /// What was asked.
        operation: Operation,
        /// The status of its answer.
        status: u16,
    },
    /// The file breaks rules.
    FileInvalid(Box<Problems>),
    /// The file would delete people or columns.
    DeletionBlocked(Box<Problems>),
    /// The service's validation of the file failed.
    ValidationFailed {
        /// Where its error file is.
        error_file: ErrorFile,
    },
    /// The file was gone before it was read.
    FileMissing,
    /// Each try of reading and packing ended with the program.
    PackingNeverEnded,
    /// It has waited for longer than a file may wait.
    QueueTimeout {
        /// For what, last.
        last: Box<Reason>,
    },
    /// So many pushes failed that no more are tried.
    PushesExhausted {
        /// How many.
        pushes: u32,
        /// Why the last one failed.
        last: Box<Reason>,
    },
    /// The service has worked for longer than an ingestion may take.
    IngestionTimeout {
        /// Its last word.
        status: Text,
    },
    /// The service has accepted the file.
    Completed,
    /// The service has accepted the file and reports no outcome.
    OutcomeNotReported,
    /// Another content took the place of the file before it was read.
    Replaced {
        /// The import of that.
        import: Text,
    },
    /// A newer file that replaces everything is ready.
    Superseded {
        /// That file.
        file: Text,
        /// Its import.
        import: Text,
        /// Whether a push of this one was never answered.
        outcome_unknown: bool,
    },
    /// A person gave it up.
    Cancelled {
        /// How, and when.
        by: Text,
        /// The service's id, where it has the file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ingestion: Option<Text>,
        /// Whether a push of it was never answered.
        outcome_unknown: bool,
    },
}

impl Reason {
    /// The code.
    #[must_use]
    pub fn code(&self) -> ReasonCode {
        self.into()
    }

    /// The class of the code.
    #[must_use]
    pub fn class(&self) -> Class {
        self.code().class()
    }

    /// What belongs to the code, as JSON.
    #[must_use]
    pub fn args(&self) -> Option<Value> {
        serde_json::to_value(self).ok()?.get_mut(ARGS).map(Value::take)
    }
}

/// The member of a reason's JSON that holds its arguments.
pub(crate) const ARGS: &str = "args";

impl ReasonCode {
    /// Whether it is the same for every file of a connection, and is said once.
    #[must_use]
    pub fn is_of_connection(self) -> bool {
        self == Self::Forbidden || self.ends_by_correction()
    }

    /// Whether it ends when somebody corrects the connection, its credential or its rights, without a
    /// word to this program.
    #[must_use]
    pub(crate) fn ends_by_correction(self) -> bool {
        matches!(
            self,
            Self::ConnectionInvalid
                | Self::ConnectionMissing
                | Self::TenantChanged
                | Self::MappingInvalid
                | Self::CredentialFailed
                | Self::TokenRejected
                | Self::PollForbidden
        )
    }

    /// Whether a reason of a connection still holds for an import that waits for this one since.
    #[must_use]
    pub(super) fn holds_behind(self, since: Self) -> bool {
        let is_of_rights =
            matches!(self, Self::TokenRejected | Self::PollForbidden | Self::Forbidden);
        if matches!(
            since,
            Self::ServiceBusy
                | Self::PushFailed
                | Self::PushOutcomeUnknown
                | Self::PollRefused
                | Self::AnswerUnreadable
        ) {
            // Who gets such an answer was let in.
            false
        } else if matches!(since, Self::ServiceUnavailable | Self::ServiceUnreachable) {
            // There was a token to ask with; whether it is accepted is not said.
            is_of_rights
        } else if since == Self::SignInUnavailable {
            is_of_rights || self == Self::CredentialFailed
        } else {
            true
        }
    }

    /// Whether the row of the import is not understood.
    #[must_use]
    pub(super) fn is_left_alone(self) -> bool {
        matches!(self, Self::NewerVersion | Self::RowUnreadable)
    }

    /// Whether the deadline stops, because another import is waited for, which has one of its own.
    #[must_use]
    pub(super) fn stops_deadline(self) -> bool {
        matches!(self, Self::WaitingForOlder | Self::SlotTaken | Self::ConnectionPaused)
    }

    /// Who has to do something.
    #[must_use]
    pub fn class(self) -> Class {
        match self {
            Self::WaitingForOlder
            | Self::SlotTaken
            | Self::ConnectionPaused
            | Self::ServiceBusy => Class::Waiting,
            Self::StorageFailed
            | Self::FileUnreadable
            | Self::PackingFailed
            | Self::PackingTimedOut
            | Self::PackageLost
            | Self::PackageUnreadable
            | Self::ServiceUnreachable
            | Self::ServiceUnavailable
            | Self::AnswerUnreadable
            | Self::SignInUnavailable
            | Self::PushOutcomeUnknown
            | Self::PushFailed
            | Self::PollRefused
            | Self::IngestionIdLost => Class::Transient,
            Self::NewerVersion
            | Self::RowUnreadable
            | Self::ConnectionInvalid
            | Self::ConnectionMissing
            | Self::TenantChanged
            | Self::MappingInvalid
            | Self::CredentialFailed
            | Self::TokenRejected
            | Self::PollForbidden
            | Self::Forbidden
            | Self::ServiceRefused
            | Self::FileInvalid
            | Self::DeletionBlocked
            | Self::ValidationFailed
            | Self::FileMissing
            | Self::PackingNeverEnded
            | Self::QueueTimeout
            | Self::PushesExhausted
            | Self::IngestionTimeout => Class::ActionRequired,
            Self::Completed
            | Self::OutcomeNotReported
            | Self::Replaced
            | Self::Superseded
            | Self::Cancelled => Class::Final,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_read_back_from_its_code_and_arguments() {
        let last = Box::new(Reason::ServiceUnavailable { operation: Operation::Push, status: 503 });
        for reason in [
            Reason::Forbidden,
            Reason::QueueTimeout { last },
            Reason::ConnectionInvalid { connection: "hr".into(), faults: List::from_iter(["a"]) },
            Reason::PushOutcomeUnknown { cause: NoOutcome::Gateway(502) },
        ] {
            let json = serde_json::to_value(&reason).unwrap();
            assert_eq!(json["code"], <&str>::from(reason.code()));
            assert_eq!(serde_json::from_value::<Reason>(json).unwrap(), reason);
        }
    }
}
