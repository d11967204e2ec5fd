//! Why an import is in its state, as data: a code and bounded arguments.
//!
//! Code decides on [`Reason::code`] and [`Reason::class`]. `messages` makes the text for people, and no
//! code reads it back.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::{
    AsRefStr, Display, EnumDiscriminants, EnumString, IntoStaticStr, VariantArray, VariantNames,
};
use utoipa::ToSchema;

use super::types::State;
use crate::schema::Id;

pub(crate) use self::text::is_unprintable;
pub use self::{
    problems::{Problems, RuleCount},
    text::{List, Text},
};

mod problems;
mod text;

/// A request to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operation {
    /// Which scale unit has the tenant.
    ScaleUnit,
    /// Whether the connector would accept a push.
    Ping,
    /// The push of a file.
    Push,
    /// The status of an ingestion.
    Status,
    /// The error file of an ingestion.
    Errors,
    /// A token.
    SignIn,
}

/// Why it is unknown whether a push arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NoOutcome {
    /// The program ended during the push.
    ProgramEnded,
    /// There was no answer.
    NoAnswer(Text),
    /// A gateway answered instead of the service, with this status.
    Gateway(u16),
}

/// Where the service's error file of an import is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ErrorFile {
    /// In this blob of the reports container.
    Kept(Text),
    /// In the portal; `KEEP_SERVICE_ERRORS` is off.
    NotKept,
    /// In the portal; the download failed.
    Unavailable,
}

/// Why an import pauses its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, ToSchema)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum PauseCause {
    /// The service answered 403.
    Forbidden,
    /// The import was rejected, and later files build on it.
    Rejected,
    /// The import is stuck, and later files build on it.
    Stuck,
}

impl PauseCause {
    /// The cause for an import in this state that pauses its connection.
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

/// Who has to act.
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
    /// Nobody: the import waits for another one, which makes progress.
    Waiting,
    /// Nobody: something failed and is retried.
    Transient,
    /// A person: something has to be corrected or decided.
    ActionRequired,
    /// Nobody: the import has ended.
    Final,
}

/// Why an import waits, failed or has ended. The table keeps the code and the arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "code", content = "args", rename_all_fields = "camelCase")]
#[strum_discriminants(name(ReasonCode), vis(pub))]
#[strum_discriminants(doc = "The code of a [`Reason`], as in the table and the log.")]
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
    /// An older file for the same connector has not ended.
    WaitingForOlder {
        /// The older file.
        file: Text,
        /// The import of that file.
        import: Text,
    },
    /// Another import of the tenant is in progress.
    SlotTaken {
        /// The other import.
        import: Text,
    },
    /// Another import pauses the connection.
    ConnectionPaused {
        /// The connection.
        connection: Text,
        /// The file that pauses it.
        file: Text,
        /// The import of that file.
        import: Text,
        /// Why that import pauses it.
        cause: PauseCause,
    },
    /// The service has not finished the tenant's previous import.
    ServiceBusy {
        /// Whether the previous import may be this file: a push of it was never answered.
        own: bool,
    },
    /// Storage failed.
    StorageFailed {
        /// What failed.
        detail: Text,
    },
    /// The file could not be read, although it has not changed.
    FileUnreadable,
    /// The file has changed while it was read, and may not be complete yet.
    FileIncomplete,
    /// Reading and packing failed.
    PackingFailed {
        /// What failed.
        detail: Text,
    },
    /// Reading and packing took longer than a step may take.
    PackingTimedOut {
        /// The limit.
        seconds: u64,
    },
    /// The staged package was lost or damaged before it was pushed.
    PackageLost,
    /// The staged package could not be read.
    PackageUnreadable {
        /// What failed.
        detail: Text,
    },
    /// The service did not answer.
    ServiceUnreachable {
        /// What failed.
        detail: Text,
    },
    /// The service is overloaded, or a gateway answered instead.
    ServiceUnavailable {
        /// The request.
        operation: Operation,
        /// The status of the answer.
        status: u16,
    },
    /// The service's answer does not match its documentation.
    AnswerUnreadable {
        /// The request.
        operation: Operation,
        /// What is wrong with the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<Text>,
    },
    /// The issuer of tokens was not reached.
    SignInUnavailable {
        /// What failed.
        detail: Text,
    },
    /// It is unknown whether the push arrived. The push is repeated.
    PushOutcomeUnknown {
        /// Why it is unknown.
        cause: NoOutcome,
    },
    /// The service failed during the push. The push is repeated.
    PushFailed {
        /// The status of its answer.
        status: u16,
        /// The error codes in the answer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        codes: Vec<Text>,
    },
    /// The service answered a status poll with an error. The poll is repeated until the deadline.
    PollRefused {
        /// The request.
        operation: Operation,
        /// The status of the answer.
        status: u16,
        /// The error codes in the answer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        codes: Vec<Text>,
    },
    /// The row does not have the ingestion id.
    IngestionIdLost,
    /// A column of the row has an invalid value.
    RowUnreadable {
        /// The column.
        column: Text,
    },
    /// A newer version of the program wrote the row.
    NewerVersion {
        /// The schema version of the row.
        schema: u32,
    },
    /// The connection document is invalid.
    ConnectionInvalid {
        /// The connection.
        connection: Text,
        /// The faults of the document.
        faults: List,
    },
    /// The connection document does not exist any more.
    ConnectionMissing {
        /// The connection.
        connection: Text,
    },
    /// The connection document names another tenant than when the file arrived.
    TenantChanged {
        /// The connection.
        connection: Text,
    },
    /// The mapping of the connection is invalid for every file.
    MappingInvalid {
        /// The connection.
        connection: Text,
        /// The faults of the mapping.
        faults: List,
    },
    /// The credential of the connection gets no token.
    CredentialFailed {
        /// Why.
        detail: Text,
    },
    /// The service did not accept a fresh token.
    TokenRejected {
        /// The status of its answer: 401, a redirect to a sign-in, or 200 with a sign-in page.
        status: u16,
    },
    /// The service answered 403 to the status poll of a file that it has.
    PollForbidden,
    /// The service answered 403.
    Forbidden {
        /// The tenant that issued the token, if the connection names another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_tenant: Option<Text>,
    },
    /// The service answered with an error that a repetition does not resolve.
    ServiceRefused {
        /// The request.
        operation: Operation,
        /// The status of the answer.
        status: u16,
        /// The error codes in the answer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        codes: Vec<Text>,
    },
    /// The service answered a push with a success status and a body that is no ingestion: it probably has the file.
    PushAnswerUnreadable {
        /// The status of the answer.
        status: u16,
        /// What is wrong with the answer.
        detail: Text,
    },
    /// The service ended the ingestion with a status that is not documented.
    UndocumentedEnd {
        /// The status.
        status: Text,
    },
    /// The file has errors.
    FileInvalid(Box<Problems>),
    /// The file would delete people or columns, or undo what was accepted since it was written.
    DeletionBlocked(Box<Problems>),
    /// The service's validation of the file failed.
    ValidationFailed {
        /// Where its error file is.
        error_file: ErrorFile,
    },
    /// The file was deleted before it was read.
    FileMissing,
    /// Storage does not let the file be read until a person does something: it is archived, for example.
    FileBlocked {
        /// The error code of storage.
        code: Text,
    },
    /// Every try of a step ended the program, or a pack was not finished before the deadline.
    StepNeverEnded,
    /// The file waited longer than allowed.
    QueueTimeout {
        /// The last reason for waiting.
        last: Box<Reason>,
    },
    /// As many pushes failed as are allowed.
    PushesExhausted {
        /// The number of pushes.
        pushes: u32,
        /// Why the last push failed.
        last: Box<Reason>,
    },
    /// The service took longer than an ingestion may take.
    IngestionTimeout {
        /// The last status.
        status: Text,
    },
    /// The service accepted the file.
    Completed,
    /// The service accepted the file and reports no outcome.
    OutcomeNotReported,
    /// The file was replaced before it was read.
    Replaced {
        /// The import of the new content.
        import: Text,
    },
    /// A newer full file is ready.
    Superseded {
        /// The newer file.
        file: Text,
        /// The import of that file.
        import: Text,
        /// Whether a push of the older file was never answered.
        outcome_unknown: bool,
    },
    /// The service has the same content already.
    SameContent {
        /// The import that brought it.
        import: Text,
    },
    /// An operator cancelled the import.
    Cancelled {
        /// Who, how and when.
        by: Text,
        /// The ingestion id, if the service has the file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ingestion: Option<Text>,
        /// Whether a push of the file was never answered.
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

    /// The rules that a person can approve the file in spite of.
    #[must_use]
    pub(super) fn rules(&self) -> Vec<Id> {
        let Self::DeletionBlocked(problems) = self else { return vec![] };
        problems.rules.iter().filter_map(|broken| Id::parse(&broken.rule)).collect()
    }

    /// Whether the file is rejected only because it is older than what the service has.
    #[must_use]
    pub(super) fn is_only_old(&self) -> bool {
        let rules = self.rules();
        !rules.is_empty() && rules.into_iter().all(|rule| rule == Id::I05)
    }

    /// The arguments as JSON.
    #[must_use]
    pub fn args(&self) -> Option<Value> {
        serde_json::to_value(self).ok()?.get_mut(ARGS).map(Value::take)
    }
}

/// The JSON member of a reason that holds its arguments.
pub(crate) const ARGS: &str = "args";

impl ReasonCode {
    /// Whether it applies to every file of a connection, and is reported once.
    #[must_use]
    pub fn is_of_connection(self) -> bool {
        self == Self::Forbidden || self.ends_by_correction()
    }

    /// Whether it ends when a person corrects the connection, its credential or its permissions, without an
    /// operator action.
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

    /// Whether a reason of a connection still holds if an import has this reason since then.
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
            // The service accepted the credential before it gave such an answer.
            false
        } else if matches!(since, Self::ServiceUnavailable | Self::ServiceUnreachable) {
            // There was a token; whether the service accepts it is unknown.
            is_of_rights
        } else if since == Self::SignInUnavailable {
            is_of_rights || self == Self::CredentialFailed
        } else {
            true
        }
    }

    /// Whether the row of the import is unreadable for this version.
    #[must_use]
    pub(super) fn is_left_alone(self) -> bool {
        matches!(self, Self::NewerVersion | Self::RowUnreadable)
    }

    /// Whether the deadline stops, because the import waits for another one that has its own deadline.
    #[must_use]
    pub(super) fn stops_deadline(self) -> bool {
        matches!(self, Self::WaitingForOlder | Self::SlotTaken | Self::ConnectionPaused)
    }

    /// Who has to act.
    #[must_use]
    pub fn class(self) -> Class {
        match self {
            Self::WaitingForOlder
            | Self::SlotTaken
            | Self::ConnectionPaused
            | Self::ServiceBusy => Class::Waiting,
            Self::StorageFailed
            | Self::FileUnreadable
            | Self::FileIncomplete
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
            | Self::PushAnswerUnreadable
            | Self::UndocumentedEnd
            | Self::FileInvalid
            | Self::DeletionBlocked
            | Self::ValidationFailed
            | Self::FileMissing
            | Self::FileBlocked
            | Self::StepNeverEnded
            | Self::QueueTimeout
            | Self::PushesExhausted
            | Self::IngestionTimeout => Class::ActionRequired,
            Self::Completed
            | Self::OutcomeNotReported
            | Self::Replaced
            | Self::Superseded
            | Self::SameContent
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
            Reason::Forbidden { token_tenant: None },
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
