//! What storage lets the program do, each right by itself.
//!
//! The blob that is written is deleted again; where that is refused it stays, is told, and is the
//! same each time. The row that is written would have to be there already and is not.

use azure_core::{
    Error, Result, Uuid,
    error::ErrorKind,
    http::{Etag, StatusCode},
};
use azure_storage_queue::{QueueClient, models::QueueClientPeekMessagesOptions};
use serde_json::json;
use tokio::join;

use super::{
    connectivity::{Reachabilities, Reachability},
    probes::{Probes, TooLate, within},
    report::CheckResult,
};
use crate::{
    config::{ARRIVALS, CONNECTIONS, INBOX, PACKAGES, POISON, REPORTS},
    http::azure::sentence,
    storage::{self, table::Properties},
};

pub(super) const READ_INBOX: &str = "read inbox";
pub(super) const READ_CONNECTIONS: &str = "read connections";
pub(super) const WRITE_PACKAGES: &str = "write packages";
pub(super) const WRITE_REPORTS: &str = "write reports";
pub(super) const READ_IMPORTS: &str = "read imports";
pub(super) const WRITE_IMPORTS: &str = "write imports";
pub(super) const ARRIVALS_QUEUE: &str = "queue arrivals";
pub(super) const POISON_QUEUE: &str = "queue arrivals-poison";

const READER: &str = "Storage Blob Data Reader on the containers inbox and connections";
const WRITER: &str = "Storage Blob Data Contributor on the containers packages and reports";
const WRITER_ACTION: &str = "Storage Blob Data Contributor on the containers packages and reports, \
     or in a role of your own the action \
     Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete";
const TABLE: &str = "Storage Table Data Contributor on the table imports";
const QUEUE: &str = "Storage Queue Data Contributor on the queue arrivals, which the trigger of the host \
     wants too: it makes messages invisible for longer";

/// One name for every examination, so that nothing piles up where it cannot be deleted.
const PROBE: &str = "doctor/probe";
/// As many messages as one look shows.
const MAX_PEEK: i32 = 32;

/// Asks for every right; one line each, in the order of the constants.
pub(super) async fn lines(bag: &Probes, ways: &Reachabilities) -> Vec<CheckResult> {
    let read = async |about, container| {
        let listed = asked(bag, &ways.blobs, bag.storage.blobs.try_list(container)).await;
        listed.map_or_else(
            |none| none.line(about, READER),
            |()| CheckResult::good(about, "blobs can be listed and read"),
        )
    };
    let write = async |about, container| match asked(bag, &ways.blobs, probe(bag, container)).await
    {
        Ok(()) => deleted(bag, &ways.blobs, about, container).await,
        Err(none) => none.line(about, WRITER),
    };
    let (inbox, connections, packages, reports, [read_rows, write_rows], arrivals, poison) = join!(
        read(READ_INBOX, INBOX),
        read(READ_CONNECTIONS, CONNECTIONS),
        write(WRITE_PACKAGES, PACKAGES),
        write(WRITE_REPORTS, REPORTS),
        rows(bag, &ways.tables),
        arrivals(bag, &ways.queues),
        poison(bag, &ways.queues),
    );
    vec![inbox, connections, packages, reports, read_rows, write_rows, arrivals, poison]
}

/// Why a question to storage brought nothing.
enum Nothing {
    /// It was not asked, for this way is not open.
    NoWay(&'static str),
    /// It was not answered.
    Late(TooLate),
    /// It was refused, or failed; this setting names whom it was put to.
    Failed(Error, &'static str),
}

impl Nothing {
    fn line(&self, about: &'static str, role: &str) -> CheckResult {
        match self {
            Self::NoWay(way) => CheckResult::unasked(about, way),
            Self::Late(why) => CheckResult::bad(about, why.to_string(), AWAY),
            Self::Failed(error, setting) => {
                CheckResult::bad(about, sentence(error), remedy(error, role, setting))
            }
        }
    }

    fn is(&self, status: StatusCode) -> bool {
        matches!(self, Self::Failed(error, _) if error.http_status() == Some(status))
    }
}

async fn asked<T>(
    bag: &Probes,
    way: &Reachability,
    question: impl Future<Output = Result<T>>,
) -> std::result::Result<T, Nothing> {
    if !way.is_open() {
        return Err(Nothing::NoWay(way.about));
    }
    let answer = within(bag.limit, question).await.map_err(Nothing::Late)?;
    answer.map_err(|error| Nothing::Failed(error, way.setting))
}

const AWAY: &str =
    "try again in some minutes; if it stays so, look at Resource health of the storage account";

/// What to do about what storage said.
fn remedy(error: &Error, role: &str, setting: &str) -> String {
    let mut causes = std::iter::successors(Some(error), |error| {
        std::error::Error::source(*error).and_then(|cause| cause.downcast_ref())
    });
    if causes.any(|error| matches!(error.kind(), ErrorKind::Credential)) {
        return "give the app a managed identity, or correct ImportStorage__clientId; where there \
                is none, as on a laptop, let the app itself answer: POST /api/v1/connections/NAME:diagnose"
            .to_owned();
    }
    let ErrorKind::HttpResponse { status, error_code, .. } = error.kind() else {
        return AWAY.to_owned();
    };
    match (u16::from(*status), error_code.as_deref().unwrap_or_default()) {
        (403, "AuthorizationPermissionMismatch") => {
            format!("give the app's identity {role}; it takes up to ten minutes to count")
        }
        (403, "AuthorizationFailure") => {
            "the account's firewall does not let the app in: allow its network under Networking, or \
             give it a private endpoint for this service of the account"
                .to_owned()
        }
        (401, _) | (403, "AuthenticationFailed" | "InvalidAuthenticationInfo") => {
            "the token or key itself is not accepted: the identity must be of the account's tenant, \
             a key the account's own, and the clock right; see the clock of storage above"
                .to_owned()
        }
        (403, _) => format!(
            "give the app's identity {role}; if it has that, let its network in under Networking of \
             the account"
        ),
        (404, _) => format!(
            "create it, as the deployment does; or {setting} names another account than was meant"
        ),
        (409, _) => "a lease, a legal hold or a retention policy keeps what is there: lift it from \
             this container"
            .to_owned(),
        (429, _) | (503, "ServerBusy") => {
            "the account is throttled, for more is asked of it than it may be: try again in some \
             minutes; if it stays so, look under Metrics of the account who asks so much"
                .to_owned()
        }
        (500..=599, _) => format!("that is Azure's own trouble: {AWAY}"),
        _ => AWAY.to_owned(),
    }
}

/// Writes a small blob.
async fn probe(bag: &Probes, container: &str) -> Result<()> {
    bag.storage.blobs.put(container, PROBE, "text/plain", b"to be deleted".to_vec()).await
}

/// Deletes what was written, and tells of both.
async fn deleted(
    bag: &Probes,
    way: &Reachability,
    about: &'static str,
    container: &str,
) -> CheckResult {
    let probe = bag.storage.blobs.client(container, PROBE);
    match asked(bag, way, probe.delete(None)).await {
        Err(none) if !none.is(StatusCode::NotFound) => {
            let line = none.line(about, WRITER_ACTION);
            let told = format!("{container}/{PROBE} was written but not deleted: {}", line.message);
            CheckResult { message: told, ..line }
        }
        // Where it is not there another examination was faster.
        _ => CheckResult::good(about, "a blob can be written and deleted"),
    }
}

/// Reads a row, and replaces one, that are not there.
async fn rows(bag: &Probes, way: &Reachability) -> [CheckResult; 2] {
    let (table, key) = (&bag.storage.imports, Uuid::new_v4().to_string());
    let filter = format!("PartitionKey eq 'doctor' and RowKey eq '{key}'");
    let read = match asked(bag, way, table.query(&filter)).await {
        Ok(_) => CheckResult::good(READ_IMPORTS, "rows can be read"),
        Err(none) if none.is(StatusCode::NotFound) => {
            let write = CheckResult::unasked(WRITE_IMPORTS, READ_IMPORTS);
            return [none.line(READ_IMPORTS, TABLE), write];
        }
        Err(none) => none.line(READ_IMPORTS, TABLE),
    };
    let row = Properties::from_iter([
        ("PartitionKey".to_owned(), json!("doctor")),
        ("RowKey".to_owned(), json!(key)),
    ]);
    let write = match asked(bag, way, table.replace(&row, &Etag::from("*"))).await {
        Err(none) if !none.is(StatusCode::NotFound) && !none.is(StatusCode::PreconditionFailed) => {
            none.line(WRITE_IMPORTS, TABLE)
        }
        // It came as far as looking for the row.
        _ => CheckResult::good(WRITE_IMPORTS, "rows can be written"),
    };
    [read, write]
}

async fn arrivals(bag: &Probes, way: &Reachability) -> CheckResult {
    match asked(bag, way, peek(bag, ARRIVALS)).await {
        Ok(waiting) => {
            CheckResult::good(ARRIVALS_QUEUE, format!("can be read; {} wait", messages(waiting)))
        }
        Err(none) => none.line(ARRIVALS_QUEUE, QUEUE),
    }
}

async fn poison(bag: &Probes, way: &Reachability) -> CheckResult {
    match asked(bag, way, peek(bag, POISON)).await {
        Ok(0) => CheckResult::good(POISON_QUEUE, "empty"),
        Ok(waiting) => CheckResult::bad(
            POISON_QUEUE,
            format!("{} that `intake` could not take in lie there", messages(waiting)),
            "look in the log of `intake` for the reason; `sweep` finds their files all the same, so \
             that the messages can be deleted once that is mended",
        ),
        Err(none) if none.is(StatusCode::NotFound) => {
            CheckResult::good(POISON_QUEUE, "not there, so nothing was ever put into it")
        }
        Err(none) => none.line(POISON_QUEUE, QUEUE),
    }
}

/// How many messages a look at a queue shows.
async fn peek(bag: &Probes, name: &str) -> Result<usize> {
    let queue: QueueClient = storage::queue_once(&bag.config.account, name, bag.limit)?;
    let options =
        QueueClientPeekMessagesOptions { number_of_messages: Some(MAX_PEEK), ..Default::default() };
    let seen = queue.peek_messages(Some(options)).await?.into_model()?;
    Ok(seen.items.unwrap_or_default().len())
}

fn messages(count: usize) -> String {
    match count {
        0 => "no messages".to_owned(),
        1 => "1 message".to_owned(),
        32.. => "32 messages or more".to_owned(),
        _ => format!("{count} messages"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: Option<&str>) -> Error {
        let error_code = code.map(str::to_owned);
        let kind =
            ErrorKind::HttpResponse { status: status.into(), error_code, raw_response: None };
        Error::with_message(kind, "a body that nobody tells")
    }

    #[test]
    fn each_refusal_of_storage_has_its_own_remedy() {
        for (status, code, words) in [
            (403, Some("AuthorizationPermissionMismatch"), "give the app's identity Storage Table"),
            (403, Some("AuthorizationFailure"), "firewall"),
            (403, Some("AuthenticationFailed"), "the clock right"),
            (403, None, "if it has that, let its network in"),
            (401, None, "of the account's tenant"),
            (404, Some("TableNotFound"), "create it"),
            (404, None, "or ImportStorage names another account"),
            (409, Some("BlobImmutableDueToPolicy"), "retention policy"),
            (429, None, "throttled"),
            (503, Some("ServerBusy"), "throttled"),
            (500, Some("InternalError"), "Azure's own trouble"),
            (503, None, "Resource health"),
        ] {
            let failed = Nothing::Failed(refused(status, code), "ImportStorage");
            let line = failed.line(WRITE_IMPORTS, TABLE);
            assert!(line.message.starts_with(&format!("it answered {status}")), "{}", line.message);
            let remedy = line.remedy.unwrap();
            assert!(remedy.contains(words), "{remedy}");
        }
        let no_token = Error::with_message(ErrorKind::Credential, "no endpoint");
        let no_token = no_token.with_context("not retried");
        let line = Nothing::Failed(no_token, "ImportStorage").line(READ_INBOX, READER);
        assert!(line.remedy.unwrap().contains("give the app a managed identity"));
    }
}
