//! Every reason with an example, for the README, the command line and the tests.

use super::{
    action::{Facts, action_of},
    reason::cause,
    sentence,
};
use crate::{
    import::{
        State, logged,
        reason::{
            Class, ErrorFile, NoOutcome, Operation, PauseCause, Problems, Reason, ReasonCode,
            RuleCount, Text,
        },
    },
    schema::Target,
};

/// A reason with an example.
#[derive(Debug)]
pub struct Entry {
    /// The code.
    pub code: ReasonCode,
    /// Who has to act.
    pub class: Class,
    /// The usual state of an import with this reason.
    pub state: State,
    /// The event word in the log.
    pub event: &'static str,
    /// Whether an alert fires. If all files of a connection have the reason, only the first one fires it.
    pub alert: bool,
    /// The message with example arguments.
    pub message: String,
    /// The recommended action.
    pub action: String,
}

impl Entry {
    fn of(code: ReasonCode) -> Self {
        let (state, reason) = example(code);
        let facts = Facts {
            id: "IMPORT",
            connection: "hr",
            pauses: code == ReasonCode::Forbidden,
            may_be_there: matches!(
                code,
                ReasonCode::IngestionTimeout
                    | ReasonCode::PushAnswerUnreadable
                    | ReasonCode::UndocumentedEnd
            ),
        };
        let (event, alert) = logged(state, code);
        Self {
            code,
            class: code.class(),
            state,
            event,
            alert,
            message: sentence(cause(&reason, Target::default())),
            action: action_of(state, Some(code), facts, Target::default()),
        }
    }
}

/// Every reason, in the order in which an import can have them.
#[must_use]
pub fn reasons() -> Vec<Entry> {
    use strum::VariantArray as _;
    ReasonCode::VARIANTS.iter().copied().map(Entry::of).collect()
}

#[expect(clippy::too_many_lines, reason = "one arm for each code")]
fn example(code: ReasonCode) -> (State, Reason) {
    let connection = || Text::from("hr");
    let (file, import) =
        (|| Text::from("inbox/hr/b.csv"), || Text::from("998204582878999-9b80105d"));
    let detail = || Text::from("there was no connection");
    let (operation, status) = (Operation::Push, 503);
    match code {
        ReasonCode::WaitingForOlder => {
            (State::Packed, Reason::WaitingForOlder { file: file(), import: import() })
        }
        ReasonCode::SlotTaken => (State::Packed, Reason::SlotTaken { import: import() }),
        ReasonCode::ConnectionPaused => {
            let (connection, cause) = (connection(), PauseCause::Forbidden);
            let (file, import) = (file(), import());
            (State::Packed, Reason::ConnectionPaused { connection, file, import, cause })
        }
        ReasonCode::ServiceBusy => (State::Packed, Reason::ServiceBusy { own: false }),
        ReasonCode::StorageFailed => {
            let detail = "it answered 503 (ServerBusy)".into();
            (State::Received, Reason::StorageFailed { detail })
        }
        ReasonCode::FileUnreadable => (State::Received, Reason::FileUnreadable),
        ReasonCode::FileIncomplete => (State::Received, Reason::FileIncomplete),
        ReasonCode::PackingFailed => {
            let detail = "the working thread ended without an answer".into();
            (State::Received, Reason::PackingFailed { detail })
        }
        ReasonCode::PackingTimedOut => (State::Received, Reason::PackingTimedOut { seconds: 810 }),
        ReasonCode::PackageLost => (State::Received, Reason::PackageLost),
        ReasonCode::PackageUnreadable => {
            (State::Packed, Reason::PackageUnreadable { detail: detail() })
        }
        ReasonCode::ServiceUnreachable => {
            (State::Packed, Reason::ServiceUnreachable { detail: detail() })
        }
        ReasonCode::ServiceUnavailable => {
            (State::Packed, Reason::ServiceUnavailable { operation, status })
        }
        ReasonCode::AnswerUnreadable => {
            let operation = Operation::Status;
            (State::Ingesting, Reason::AnswerUnreadable { operation, detail: None })
        }
        ReasonCode::SignInUnavailable => {
            let detail = "Microsoft Entra answered 503".into();
            (State::Packed, Reason::SignInUnavailable { detail })
        }
        ReasonCode::PushOutcomeUnknown => {
            let cause = NoOutcome::ProgramEnded;
            (State::Packed, Reason::PushOutcomeUnknown { cause })
        }
        ReasonCode::PushFailed => {
            (State::Packed, Reason::PushFailed { status: 500, codes: vec![] })
        }
        ReasonCode::PollRefused => {
            let (operation, status) = (Operation::Status, 404);
            (State::Ingesting, Reason::PollRefused { operation, status, codes: vec![] })
        }
        ReasonCode::IngestionIdLost => (State::Ingesting, Reason::IngestionIdLost),
        ReasonCode::NewerVersion => (State::Ingesting, Reason::NewerVersion { schema: 2 }),
        ReasonCode::RowUnreadable => {
            (State::Ingesting, Reason::RowUnreadable { column: "ReasonCode".into() })
        }
        ReasonCode::ConnectionInvalid => {
            let faults = ["/refresh: must be \"full\" or \"incremental\""].into_iter().collect();
            (State::Received, Reason::ConnectionInvalid { connection: connection(), faults })
        }
        ReasonCode::ConnectionMissing => {
            (State::Received, Reason::ConnectionMissing { connection: connection() })
        }
        ReasonCode::TenantChanged => {
            (State::Received, Reason::TenantChanged { connection: connection() })
        }
        ReasonCode::MappingInvalid => {
            let faults = ["no column is mapped to PersonId (H07)"].into_iter().collect();
            (State::Received, Reason::MappingInvalid { connection: connection(), faults })
        }
        ReasonCode::CredentialFailed => {
            let detail = "Microsoft Entra answered AADSTS7000222: the client secret has expired. Create a new one, and \
                          store it in the setting";
            (State::Packed, Reason::CredentialFailed { detail: detail.into() })
        }
        ReasonCode::TokenRejected => (State::Packed, Reason::TokenRejected { status: 401 }),
        ReasonCode::PollForbidden => (State::Ingesting, Reason::PollForbidden),
        ReasonCode::Forbidden => (State::Packed, Reason::Forbidden { token_tenant: None }),
        ReasonCode::PushAnswerUnreadable => {
            let detail = "it contains no Id".into();
            (State::Stuck, Reason::PushAnswerUnreadable { status: 200, detail })
        }
        ReasonCode::UndocumentedEnd => {
            (State::Stuck, Reason::UndocumentedEnd { status: "Failed".into() })
        }
        ReasonCode::ServiceRefused => {
            (State::Stuck, Reason::ServiceRefused { operation, status: 400, codes: vec![] })
        }
        ReasonCode::FileInvalid => {
            let message = "The email address has no dot after the @. Export the full domain, like \
                           contoso.com.";
            (State::Rejected, Reason::FileInvalid(Box::new(problems("V01", message))))
        }
        ReasonCode::DeletionBlocked => {
            let message = "39 people, was 61 (-36.0 %, limit -10 %).";
            (State::Rejected, Reason::DeletionBlocked(Box::new(problems("I04", message))))
        }
        ReasonCode::ValidationFailed => {
            let error_file = ErrorFile::NotKept;
            (State::Rejected, Reason::ValidationFailed { error_file })
        }
        ReasonCode::FileMissing => (State::Rejected, Reason::FileMissing),
        ReasonCode::FileBlocked => {
            (State::Rejected, Reason::FileBlocked { code: "BlobArchived".into() })
        }
        ReasonCode::StepNeverEnded => (State::Stuck, Reason::StepNeverEnded),
        ReasonCode::QueueTimeout => {
            let last = Box::new(Reason::ServiceBusy { own: false });
            (State::Stuck, Reason::QueueTimeout { last })
        }
        ReasonCode::PushesExhausted => {
            let last = Box::new(Reason::PushFailed { status: 500, codes: vec![] });
            (State::Stuck, Reason::PushesExhausted { pushes: 5, last })
        }
        ReasonCode::IngestionTimeout => {
            (State::Stuck, Reason::IngestionTimeout { status: "NotStarted".into() })
        }
        ReasonCode::Completed => (State::Completed, Reason::Completed),
        ReasonCode::OutcomeNotReported => (State::Accepted, Reason::OutcomeNotReported),
        ReasonCode::Replaced => (State::Superseded, Reason::Replaced { import: import() }),
        ReasonCode::Superseded => {
            let (file, import) = (file(), import());
            (State::Superseded, Reason::Superseded { file, import, outcome_unknown: false })
        }
        ReasonCode::SameContent => (State::Superseded, Reason::SameContent { import: import() }),
        ReasonCode::Cancelled => {
            let by = "by `viva-import cancel` at 2026-11-23T06:00:00Z".into();
            (State::Cancelled, Reason::Cancelled { by, ingestion: None, outcome_unknown: false })
        }
    }
}

/// An example with one error.
fn problems(rule: &str, message: &str) -> Problems {
    let is_of_a_cell = rule == "V01";
    Problems {
        row: is_of_a_cell.then_some(21),
        column: is_of_a_cell.then(|| "Employee".into()),
        rule: rule.into(),
        message: message.into(),
        count: 1,
        rules: vec![RuleCount { rule: rule.into(), count: 1 }],
    }
}
