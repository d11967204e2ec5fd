//! A reason as text, whatever import has it.

use super::{counted, finding::approval_hint, number, sentence, sentence_case};
use crate::{
    config::{CONNECTIONS, REPORTS},
    import::reason::{ErrorFile, List, NoOutcome, Operation, PauseCause, Problems, Reason, Text},
    schema::{Id, Target, Words},
};

/// What to compare if the service does not accept the token.
const COMPARE: &str = "Compare INGESTION_SCOPE and the credential of the connection";

/// A reason in the words of the service that takes the import. One or more sentences, without the last
/// full stop, so that a caller can continue.
#[must_use]
pub fn cause(reason: &Reason, target: Target) -> String {
    let fact = fact(reason, target);
    if matches!(reason, Reason::PushOutcomeUnknown { .. } | Reason::PushFailed { .. }) {
        format!("{fact}. The push is repeated: pushing the same content twice is harmless")
    } else if matches!(reason, Reason::PollRefused { .. }) {
        format!("{fact}. The poll is repeated until the deadline")
    } else {
        fact
    }
}

/// The same without what happens next, also for an import that has ended because of it.
#[expect(clippy::too_many_lines, reason = "one arm for each code")]
fn fact(reason: &Reason, target: Target) -> String {
    let words = target.words();
    match reason {
        Reason::WaitingForOlder { file, import } => {
            format!("The older file {file} (import {import}) goes first")
        }
        Reason::SlotTaken { import } => format!(
            "Another import of this tenant is in progress ({import}). The service takes one at a time"
        ),
        Reason::ConnectionPaused { connection, file, import, cause } => {
            let because = match cause {
                PauseCause::Forbidden => {
                    format!("the service answered 403 to {file} (import {import})")
                }
                PauseCause::Rejected => {
                    format!("{file} (import {import}) was rejected, and later files build on it")
                }
                PauseCause::Stuck => {
                    format!("{file} (import {import}) is stuck, and later files build on it")
                }
            };
            format!("Connection {connection} is paused: {because}. {}", resume(connection))
        }
        Reason::ServiceBusy { own: true } => {
            "The service is busy, probably with this file, whose first push was never answered. The \
             push is repeated when the service is free"
                .to_owned()
        }
        Reason::ServiceBusy { own: false } => {
            "The service has not finished this tenant's previous import".to_owned()
        }
        Reason::StorageFailed { detail } => format!("Storage failed: {detail}"),
        Reason::FileUnreadable => {
            "Storage failed: the file could not be read, although it has not changed".to_owned()
        }
        Reason::FileIncomplete => {
            "The file changed while it was read, and may not be complete. It is read again when it has not changed \
             for `QUIET_SECONDS`"
                .to_owned()
        }
        Reason::PackingTimedOut { seconds } => {
            format!("Reading and packing took longer than {seconds} s")
        }
        Reason::PackageLost => {
            "The staged zip was lost or damaged. It is packed again".to_owned()
        }
        Reason::PackageUnreadable { detail } => {
            format!("The staged zip could not be read: {detail}")
        }
        Reason::PackingFailed { detail } => format!("Packing failed: {detail}"),
        Reason::ServiceUnreachable { detail } => format!("The service was not reached: {detail}"),
        Reason::ServiceUnavailable { operation, status } => {
            answered(*operation, *status, &[], words)
        }
        Reason::AnswerUnreadable { operation, detail } => {
            let detail = detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
            let request = request(*operation, words);
            format!("The service's answer to {request} could not be read{detail}")
        }
        Reason::SignInUnavailable { detail } => {
            format!("The sign-in service is not available: {detail}")
        }
        Reason::CredentialFailed { detail } => format!("The credential failed: {detail}"),
        Reason::PushOutcomeUnknown { cause } => {
            format!("It is unknown whether the push arrived: {}", no_outcome(cause))
        }
        Reason::PushFailed { status, codes } => answered(Operation::Push, *status, codes, words),
        Reason::IngestionIdLost => "The row does not have the ingestion id".to_owned(),
        Reason::NewerVersion { schema } => format!(
            "A newer version of viva-import wrote the row (schema version {schema}). This version does \
             not change it"
        ),
        Reason::RowUnreadable { column } => format!(
            "Column {column} of the row has an invalid value. viva-import does not change the row"
        ),
        Reason::ConnectionInvalid { connection, faults } => {
            format!("{}: {}. Correct it", document(connection, "is invalid"), listed(faults))
        }
        Reason::ConnectionMissing { connection } => {
            format!("{}. Store it again", document(connection, "does not exist any more"))
        }
        Reason::TenantChanged { connection } => format!(
            "{}. Correct `tenantId`, or cancel this import",
            document(connection, "names another tenant than when the file arrived")
        ),
        Reason::MappingInvalid { connection, faults } => {
            format!("{}: {}. Correct it", document(connection, "has an invalid mapping"), listed(faults))
        }
        Reason::TokenRejected { status: 401 } => {
            format!("The service answered 401: it did not accept the token. {COMPARE}")
        }
        Reason::TokenRejected { status: status @ 300..=399 } => format!(
            "The service answered {status}, a redirect to a sign-in: it did not accept the token. {COMPARE}"
        ),
        Reason::TokenRejected { .. } => format!(
            "The service answered with a sign-in page instead of data: it did not accept the token. \
             {COMPARE}"
        ),
        Reason::PollForbidden => format!(
            "The service has the file, but answered 403 to the status poll. Either the connector was \
             removed in {}, or its client id was changed there",
            words.product_in_full
        ),
        Reason::Forbidden { token_tenant: Some(tenant) } => format!(
            "The service answered 403 (forbidden). The token was issued by tenant {tenant}, and the \
             connection names another tenant. A managed identity gets tokens of its own tenant only: use \
             an app registration in the tenant of {}, or correct `tenantId`",
            words.product_in_full
        ),
        // The service does not say which.
        Reason::Forbidden { token_tenant: None } => format!(
            "The service answered 403 (forbidden). Possible causes: (1) the connector was never set up \
             or was removed in {}; (2) the client id there is not the one that pushes; (3) the token \
             was not accepted. Compare the client id under Data connections with the credential of \
             the connection",
            words.product_in_full
        ),
        Reason::ServiceRefused { operation, status, codes }
        | Reason::PollRefused { operation, status, codes } => {
            refused(*operation, *status, codes, words)
        }
        Reason::PushAnswerUnreadable { status, detail } => format!(
            "The service answered {status} to the push, but its answer could not be read: {detail}. It \
             probably has the file, so the push is not repeated. Check in {} whether it is imported",
            words.portal
        ),
        Reason::UndocumentedEnd { status } => format!(
            "The service ended the ingestion with the status {status}, which Microsoft does not document. \
             Check in {} what it means",
            words.portal
        ),
        Reason::FileInvalid(problems) => all(problems),
        Reason::DeletionBlocked(problems) => {
            format!("{} {}", sentence(all(problems)), approval_hint(Id::parse(&problems.rule)))
        }
        Reason::ValidationFailed { error_file } => {
            let detail = match error_file {
                ErrorFile::Kept(blob) => format!("The error file is {REPORTS}/{blob}"),
                ErrorFile::NotKept => format!("The error file is in {}", words.portal),
                ErrorFile::Unavailable => {
                    format!("The error file could not be downloaded; it is in {}", words.portal)
                }
            };
            format!("The service's validation of the file failed. {detail}")
        }
        Reason::FileMissing => "The file was deleted before it was read".to_owned(),
        Reason::FileBlocked { code } => format!("The file cannot be read. {}", blocked(code)),
        Reason::StepNeverEnded => {
            "A step of the import ended the program each time, or did not finish before the deadline. \
             Check the log"
                .to_owned()
        }
        Reason::QueueTimeout { last } => format!(
            "The file waited longer than QUEUE_TIMEOUT_SECONDS. The last reason: {}",
            fact(last, target)
        ),
        Reason::PushesExhausted { pushes, last } => format!(
            "{pushes} consecutive pushes failed (limit: MAX_PUSH_FAILURES). The last failure: {}",
            fact(last, target)
        ),
        Reason::IngestionTimeout { status } => format!(
            "The service has reported {status} for longer than INGESTION_TIMEOUT_SECONDS"
        ),
        Reason::Completed => format!(
            "The service accepted the file. Processing takes hours, and processing failures are shown \
             only in {}",
            words.portal
        ),
        Reason::OutcomeNotReported => {
            format!("The service has the file. The outcome is shown only in {}", words.portal_in_full)
        }
        Reason::Replaced { import } => format!(
            "The file was replaced before it was read. The new content is import {import}"
        ),
        Reason::Superseded { file, import, outcome_unknown } => {
            let lost = if *outcome_unknown { ". A push of this file was never answered" } else { "" };
            format!("The newer file {file} (import {import}) replaces all data, including this file{lost}")
        }
        Reason::SameContent { import } => {
            format!("The service has the same content already, from import {import}")
        }
        Reason::Cancelled { by, ingestion: Some(id), .. } => format!(
            "Cancelled {by}. The service has the file as ingestion {id} and may still import it; check \
             {}",
            words.portal
        ),
        Reason::Cancelled { by, outcome_unknown: true, .. } => format!(
            "Cancelled {by}. A push was never answered, so the service may have the file"
        ),
        Reason::Cancelled { by, .. } => format!("Cancelled {by}"),
    }
}

/// Why storage does not let a blob be read, and what to do, by its error code.
#[must_use]
pub(crate) fn blocked(code: &str) -> String {
    match code {
        "BlobArchived" => format!(
            "It is in the archive tier ({code}): move it to the hot tier (`az storage blob set-tier --tier Hot \
             --auth-mode login --account-name $ACCOUNT --container-name CONTAINER --name NAME`), which takes up to \
             15 hours"
        ),
        "BlobBeingRehydrated" => format!(
            "It is being moved out of the archive tier ({code}), which takes up to 15 hours: wait until it is in \
             the hot tier"
        ),
        _ => format!(
            "It is encrypted with a key that its writer provided ({code}): upload it without such a key"
        ),
    }
}

/// How a paused connection is resumed.
pub(super) fn resume(connection: &str) -> String {
    format!("Correct the cause, then run `viva-import resume {connection}`")
}

fn document(connection: &str, what: &str) -> String {
    format!("{CONNECTIONS}/{connection}.json {what}")
}

/// The first error of a file with its place: `Row 21, column Employee (V01): ...`.
#[must_use]
pub fn first(problems: &Problems) -> String {
    let Problems { row, column, rule, message, .. } = problems;
    let row = row.map(|row| format!("row {row}"));
    let column = column.as_deref().map(|column| format!("column {column}"));
    let place: Vec<String> = row.into_iter().chain(column).collect();
    let place = if place.is_empty() {
        format!("rule {rule}")
    } else {
        format!("{} ({rule})", place.join(", "))
    };
    format!("{}: {}", sentence_case(&place), message.trim_end_matches('.'))
}

/// The number of errors by rule, and the first of them.
fn all(problems: &Problems) -> String {
    let first = first(problems);
    if problems.count < 2 {
        return first;
    }
    let rules =
        problems.rules.iter().map(|broken| format!("{} {}", broken.rule, number(broken.count)));
    let rules: Vec<String> = rules.collect();
    format!("{} ({}). {first}", counted(problems.count, "error"), rules.join(", "))
}

fn listed(list: &List) -> String {
    let first: Vec<&str> = list.first.iter().map(|entry| entry.trim_end_matches('.')).collect();
    let more = if list.more > 0 { format!("; and {} more", list.more) } else { String::new() };
    first.join("; ") + &more
}

/// The request to the service, as the object of a sentence.
fn request(operation: Operation, words: Words) -> String {
    match operation {
        Operation::ScaleUnit => format!("the request for the {}", words.route),
        Operation::Ping => "the ping of the connector".to_owned(),
        Operation::Push => "the push".to_owned(),
        Operation::Status => "the status poll".to_owned(),
        Operation::Errors => "the request for the error file".to_owned(),
        Operation::SignIn => "the request for a token".to_owned(),
    }
}

fn answered(operation: Operation, status: u16, codes: &[Text], words: Words) -> String {
    let codes: Vec<&str> = codes.iter().map(|code| &**code).collect();
    let codes = if codes.is_empty() { String::new() } else { format!(" ({})", codes.join(", ")) };
    format!("The service answered {status}{codes} to {}", request(operation, words))
}

/// Why it is unknown whether a push arrived.
#[must_use]
pub(crate) fn no_outcome(cause: &NoOutcome) -> String {
    match cause {
        NoOutcome::ProgramEnded => "the program ended during the push".to_owned(),
        NoOutcome::NoAnswer(detail) => detail.to_string(),
        NoOutcome::Gateway(status) => format!("a gateway answered {status}"),
    }
}

fn refused(operation: Operation, status: u16, codes: &[Text], words: Words) -> String {
    let answered = answered(operation, status, codes, words);
    match status {
        404 => {
            format!("{answered}: the tenant id, the {} or INGESTION_ENDPOINT is wrong", words.route)
        }
        413 => format!("{answered}: the file is larger than the service accepts"),
        300..400 => format!(
            "{answered}. viva-import does not follow redirects, because it would send the token to \
             another address. Compare INGESTION_ENDPOINT"
        ),
        _ => answered,
    }
}
