//! A reason in one sentence, whatever import has it.

use super::finding::if_it_is_meant;
use crate::{
    config::{CONNECTIONS, REPORTS},
    import::reason::{ErrorFile, List, NoOutcome, Operation, PauseCause, Problems, Reason},
    schema::{Id, Target, Words},
};

/// How a reason ends that only a person can mend.
const TO_BE_MENDED: &str = "it has to be mended";
/// What to compare where a token is not accepted.
const COMPARE: &str = "compare INGESTION_SCOPE and the credential of the connection";

/// What a reason says by itself, in the words of the service that takes the import.
#[must_use]
#[expect(clippy::too_many_lines, reason = "one arm for each code")]
pub fn cause(reason: &Reason, target: Target) -> String {
    let words = target.words();
    match reason {
        Reason::WaitingForOlder { file, import } => {
            format!("{file} (import {import}) is older and goes first")
        }
        Reason::SlotTaken { import } => format!(
            "another import of this tenant is under way ({import}), and the service takes one at a \
             time"
        ),
        Reason::ConnectionPaused { connection, file, import, cause } => {
            let because = match cause {
                PauseCause::Forbidden => {
                    format!("the service answered 403 to {file} (import {import})")
                }
                PauseCause::Rejected => {
                    format!("{file} (import {import}) ended as Rejected and others build on it")
                }
                PauseCause::Stuck => {
                    format!("{file} (import {import}) ended as Stuck and others build on it")
                }
            };
            paused(connection, &because)
        }
        Reason::ServiceBusy { own: true } => {
            "the service is busy, probably with this very file, whose first push was never \
             answered; it is pushed again when the service is free"
                .to_owned()
        }
        Reason::ServiceBusy { own: false } => {
            "the service has not finished this tenant's previous import".to_owned()
        }
        Reason::StorageFailed { detail } => format!("storage: {detail}"),
        Reason::FileUnreadable => {
            "storage: the file could not be read though it is as it was".to_owned()
        }
        Reason::PackingTimedOut { seconds } => {
            format!("reading and packing took longer than {seconds} s")
        }
        Reason::PackageLost => "the staged zip was lost or damaged and is made again".to_owned(),
        Reason::PackageUnreadable { detail } => {
            format!("the staged zip could not be read: {detail}")
        }
        Reason::PackingFailed { detail } | Reason::ServiceUnreachable { detail } => {
            detail.to_string()
        }
        Reason::ServiceUnavailable { operation, status } => {
            format!("the service answered {status} to {}", to(*operation, words))
        }
        Reason::AnswerUnreadable { operation, detail } => {
            let detail = detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
            format!("the service's answer to {} could not be read{detail}", to(*operation, words))
        }
        Reason::SignInUnavailable { detail } | Reason::CredentialFailed { detail } => {
            format!("signing in to the service: {detail}")
        }
        Reason::PushOutcomeUnknown { cause } => format!(
            "the push was not answered ({}); it is repeated: the same content twice does no harm",
            no_outcome(cause)
        ),
        Reason::PushFailed { status } => format!(
            "the service answered {status} to the push; it is repeated: the same content twice does \
             no harm"
        ),
        Reason::PollRefused { operation, status } => {
            format!("{}; it is asked again until the deadline", refused(*operation, *status, words))
        }
        Reason::IngestionIdLost => "the row has lost the ingestion's id".to_owned(),
        Reason::NewerVersion { schema } => format!(
            "a newer version of this program wrote it (row shape {schema}), and this one leaves it alone"
        ),
        Reason::RowUnreadable { column } => format!(
            "the column {column} of its row is not understood, and this program leaves it alone"
        ),
        Reason::ConnectionInvalid { connection, faults } => format!(
            "{CONNECTIONS}/{connection}.json cannot be used: {}; {TO_BE_MENDED}",
            listed(faults)
        ),
        Reason::ConnectionMissing { connection } => {
            format!("{CONNECTIONS}/{connection}.json is not there any more; {TO_BE_MENDED}")
        }
        Reason::TenantChanged { connection } => format!(
            "{CONNECTIONS}/{connection}.json names another tenant than when the file arrived; \
             {TO_BE_MENDED}"
        ),
        Reason::MappingInvalid { connection, faults } => format!(
            "the mapping of {CONNECTIONS}/{connection}.json: {}; {TO_BE_MENDED}",
            listed(faults)
        ),
        Reason::TokenRejected { status: 401 } => {
            format!("the service answered 401; if it does so to a fresh token, {COMPARE}")
        }
        Reason::TokenRejected { .. } => format!(
            "the service answered with a sign-in page instead of data: it did not accept the token; \
             {COMPARE}"
        ),
        Reason::PollForbidden => format!(
            "the service has the file, and answers 403 to the question for its status: the connector \
             was removed in {}, or the client id entered there is another one now",
            words.product_in_full
        ),
        // The service does not say which.
        Reason::Forbidden => format!(
            "the service answered 403, which means one of three: the connector was never set up or \
             was removed in {}; the client id entered there is not the one that pushes; or the token \
             was not accepted. Compare the client id under Data connections with the credential of \
             the connection",
            words.product_in_full
        ),
        Reason::ServiceRefused { operation, status } => refused(*operation, *status, words),
        Reason::FileInvalid(problems) => all(problems, ""),
        Reason::DeletionBlocked(problems) => {
            all(problems, &format!("; {}", if_it_is_meant(Id::parse(&problems.rule))))
        }
        Reason::ValidationFailed { error_file } => {
            let detail = match error_file {
                ErrorFile::Kept(blob) => format!("its error file is {REPORTS}/{blob}"),
                ErrorFile::NotKept => format!("{} has its error file", words.portal),
                ErrorFile::Unavailable => {
                    format!("its error file could not be had; {} has it", words.portal)
                }
            };
            format!("the service's validation failed: {detail}")
        }
        Reason::FileMissing => "the file is not there any more".to_owned(),
        Reason::PackingNeverEnded => {
            "reading and packing did not come to an end in time; the log says more".to_owned()
        }
        Reason::QueueTimeout { last } => {
            format!("gave up waiting; the last reason: {}", cause(last, target))
        }
        Reason::PushesExhausted { pushes, last } => {
            format!("gave up after {pushes} failed pushes; the last: {}", cause(last, target))
        }
        Reason::IngestionTimeout { status } => {
            format!("the service has said {status} for longer than the deadline allows")
        }
        Reason::Completed => format!(
            "the service has accepted the file. It goes on processing it for hours; failures of that \
             show only in {}",
            words.portal
        ),
        Reason::OutcomeNotReported => {
            format!("the service has the file; its outcome shows only in {}", words.portal_in_full)
        }
        Reason::Replaced { import } => format!(
            "the file was replaced before it was read; its newer content is import {import}"
        ),
        Reason::Superseded { file, import, outcome_unknown } => {
            let lost = if *outcome_unknown { "; a push of it was never answered" } else { "" };
            format!(
                "{file} (import {import}) is newer and replaces everything, this file too{lost}"
            )
        }
        Reason::Cancelled { by, ingestion: Some(id), .. } => format!(
            "{by}; the service has it as ingestion {id} and may still take it in, which {} shows",
            words.portal
        ),
        Reason::Cancelled { by, outcome_unknown: true, .. } => {
            format!("{by}; a push of it was never answered, so the service may have it")
        }
        Reason::Cancelled { by, .. } => by.to_string(),
    }
}

/// That a connection is paused, and how it goes on.
pub(super) fn paused(connection: &str, because: &str) -> String {
    format!(
        "connection {connection} is paused, because {because}; once that is mended, `viva-import \
         resume {connection}` lets its files go on"
    )
}

/// The first problem of a file with its place: `row 21, Employee: ... (V01)`.
#[must_use]
pub fn first(problems: &Problems) -> String {
    first_with(problems, "")
}

fn first_with(problems: &Problems, remedy: &str) -> String {
    let Problems { row, column, rule, message, .. } = problems;
    let row = row.map(|row| format!("row {row}"));
    let place: Vec<String> = row.into_iter().chain(column.as_deref().map(str::to_owned)).collect();
    let place = if place.is_empty() { String::new() } else { format!("{}: ", place.join(", ")) };
    format!("{place}{message}{remedy} ({rule})")
}

fn all(problems: &Problems, remedy: &str) -> String {
    let first = first_with(problems, remedy);
    if problems.count < 2 {
        return first;
    }
    let rules = problems.rules.iter().map(|broken| format!("{} {}", broken.rule, broken.count));
    let rules: Vec<String> = rules.collect();
    format!("{first}; {} problems in all: {}", problems.count, rules.join(", "))
}

fn listed(list: &List) -> String {
    let first: Vec<&str> = list.first.iter().map(|entry| &**entry).collect();
    let more = if list.more > 0 { format!("; and {} more", list.more) } else { String::new() };
    first.join("; ") + &more
}

/// What was asked, as an answer is said to be to it.
fn to(operation: Operation, words: Words) -> String {
    match operation {
        Operation::ScaleUnit => format!("the question for the {}", words.route),
        Operation::Ping => "the question for the connector".to_owned(),
        Operation::Push => "the push".to_owned(),
        Operation::Status => "the question for the status".to_owned(),
        Operation::Errors => "the question for the error file".to_owned(),
    }
}

/// Why nobody knows whether a push arrived.
#[must_use]
pub(crate) fn no_outcome(cause: &NoOutcome) -> String {
    match cause {
        NoOutcome::ProgramEnded => "the program ended while the push was under way".to_owned(),
        NoOutcome::NoAnswer(detail) => detail.to_string(),
        NoOutcome::Gateway(status) => format!("the answer was {status}"),
        NoOutcome::Unreadable(status, detail) => format!("the answer was {status}, but {detail}"),
    }
}

fn refused(operation: Operation, status: u16, words: Words) -> String {
    let answered = format!("the service answered {status} to {}", to(operation, words));
    match status {
        404 => {
            format!("{answered}: the tenant id, the {} or INGESTION_ENDPOINT is wrong", words.route)
        }
        300..400 => format!(
            "{answered}, a redirect, which is not followed with a token; compare INGESTION_ENDPOINT"
        ),
        _ => answered,
    }
}
