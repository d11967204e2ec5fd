//! What the program may do with blobs and rows, one check for each permission.
//!
//! A blob is written and deleted again. If it cannot be deleted, the check says so; the blob has the same
//! name each time, so there is never more than one. The check of writing rows replaces a row that does not
//! exist, so it writes nothing.

use azure_core::{
    Error, Result, Uuid,
    error::ErrorKind,
    http::{Etag, StatusCode},
};
use serde_json::json;
use tokio::join;

use super::{
    connectivity::{Reachabilities, Reachability},
    probes::{Probes, RunsAs, TooLate, within},
    report::{CheckResult, capitalized},
};
use crate::{
    config::{CONNECTIONS, INBOX, PACKAGES, REPORTS},
    http::azure::{sentence, storage_answer},
    storage::table::Properties,
};

pub(super) const READ_INBOX: &str = "read inbox";
pub(super) const READ_CONNECTIONS: &str = "read connections";
pub(super) const WRITE_PACKAGES: &str = "write packages";
pub(super) const WRITE_REPORTS: &str = "write reports";
pub(super) const READ_IMPORTS: &str = "read imports";
pub(super) const WRITE_IMPORTS: &str = "write imports";

const READER: &str = "Storage Blob Data Reader on the containers inbox and connections";
const WRITER: &str = "Storage Blob Data Contributor on the containers packages and reports";
const WRITER_ACTION: &str = "Storage Blob Data Contributor on the containers packages and reports \
     (a custom role needs the action \
     Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete)";
const TABLE: &str = "Storage Table Data Contributor on the table imports";

/// The same name each time, so that blobs that cannot be deleted do not pile up.
const PROBE: &str = "doctor/probe";
/// The error code of the table service if the table itself does not exist.
const NO_TABLE: &str = "TableNotFound";

/// Checks every permission; the results are in the order of the constants.
pub(super) async fn results(probes: &Probes, hosts: &Reachabilities) -> Vec<CheckResult> {
    let read = async |check, container| {
        let listed = asked(probes, &hosts.blobs, probes.storage.blobs.try_list(container)).await;
        listed.map_or_else(
            |failure| failure.result(check, READER),
            |()| CheckResult::pass(check, "Blobs can be listed and read"),
        )
    };
    let write = async |check, container| match asked(probes, &hosts.blobs, probe(probes, container))
        .await
    {
        Ok(()) => deleted(probes, &hosts.blobs, check, container).await,
        Err(failure) => failure.result(check, WRITER),
    };
    let (inbox, connections, packages, reports, [read_rows, write_rows]) = join!(
        read(READ_INBOX, INBOX),
        read(READ_CONNECTIONS, CONNECTIONS),
        write(WRITE_PACKAGES, PACKAGES),
        write(WRITE_REPORTS, REPORTS),
        rows(probes, &hosts.tables),
    );
    vec![inbox, connections, packages, reports, read_rows, write_rows]
}

/// Why a request to storage has no result.
pub(super) enum Failure {
    /// It was not sent, because the check of this name did not pass.
    Unreachable(&'static str),
    /// No answer arrived in time.
    Late(TooLate),
    /// It failed.
    Failed {
        error: Error,
        /// The setting that names the service.
        setting: &'static str,
        /// Who sent it.
        runs_as: RunsAs,
    },
}

impl Failure {
    /// The failed check; `role` is what it needs.
    pub(super) fn result(&self, check: &'static str, role: &str) -> CheckResult {
        match self {
            Self::Unreachable(host) => CheckResult::skipped(check, host),
            Self::Late(why) => CheckResult::fail(check, capitalized(&why.to_string()), UNAVAILABLE),
            Self::Failed { error, setting, runs_as } => {
                let message = capitalized(&sentence(error));
                CheckResult::fail(check, message, remedy(error, role, setting, *runs_as))
            }
        }
    }

    fn is(&self, status: StatusCode) -> bool {
        matches!(self, Self::Failed { error, .. } if error.http_status() == Some(status))
    }

    fn has_code(&self, code: &str) -> bool {
        matches!(self, Self::Failed { error, .. } if storage_answer(error).code.as_deref() == Some(code))
    }
}

/// The answer to a request, if its host is reachable and answers in time.
pub(super) async fn asked<T>(
    probes: &Probes,
    host: &Reachability,
    request: impl Future<Output = Result<T>>,
) -> std::result::Result<T, Failure> {
    if !host.is_reachable() {
        return Err(Failure::Unreachable(host.check));
    }
    let answer = within(probes.limit, request).await.map_err(Failure::Late)?;
    let (setting, runs_as) = (host.setting, probes.runs_as);
    answer.map_err(|error| Failure::Failed { error, setting, runs_as })
}

const UNAVAILABLE: &str = "Try again in some minutes. If it still fails, open the storage account in the \
     Azure portal, then Help, Resource health.";

/// What to do about an error of storage.
fn remedy(error: &Error, role: &str, setting: &str, runs_as: RunsAs) -> String {
    let mut causes = std::iter::successors(Some(error), |error| {
        std::error::Error::source(*error).and_then(|cause| cause.downcast_ref())
    });
    if causes.any(|error| matches!(error.kind(), ErrorKind::Credential)) {
        return "Assign the identity to the app (`az functionapp identity assign --name $APP \
                --resource-group $GROUP`), or correct ImportStorage__clientId. On a machine without a \
                managed identity, run `az login` and add `--account $ACCOUNT` to this command, or run the \
                check in the app: POST /api/v1/connections/NAME:diagnose."
            .to_owned();
    }
    let ErrorKind::HttpResponse { status, error_code, .. } = error.kind() else {
        return UNAVAILABLE.to_owned();
    };
    let whom = match runs_as {
        RunsAs::App => "the app's identity",
        RunsAs::Operator => "the user who runs this command",
    };
    let assign = format!(
        "Assign {whom} the role {role}. In the Azure portal: Access control (IAM), Add role assignment."
    );
    match (u16::from(*status), error_code.as_deref().unwrap_or_default()) {
        (403, "AuthorizationPermissionMismatch") => {
            format!("{assign} It takes effect within 10 minutes.")
        }
        (403, "AuthorizationFailure") => {
            "The firewall of the storage account blocks the app. Allow the app's network under Networking \
             of the account, or create a private endpoint for this service."
                .to_owned()
        }
        (401, _) | (403, "AuthenticationFailed" | "InvalidAuthenticationInfo") => {
            "The token or key itself is not accepted. Check that the identity belongs to the account's \
             tenant, that a key is the account's own, and that the check \"clock of storage\" passed."
                .to_owned()
        }
        (403, _) => format!(
            "{assign} If it has the role, allow the app's network under Networking of the account."
        ),
        (404, _) => format!(
            "Run the deployment again, which creates it (`azd up` or `terraform apply`). If it exists, \
             correct {setting}, which names another account."
        ),
        (409, _) => "A lease, a legal hold or a retention policy protects the blob. Remove it from this \
             container."
            .to_owned(),
        (429, _) | (503, "ServerBusy") => {
            "The account is throttled, because it gets too many requests. Try again in some minutes. If it \
             still fails, open the account's Metrics in the Azure portal to see the requests."
                .to_owned()
        }
        (500..=599, _) => format!("Azure Storage itself failed. {UNAVAILABLE}"),
        _ => UNAVAILABLE.to_owned(),
    }
}

/// Writes a small blob.
async fn probe(probes: &Probes, container: &str) -> Result<()> {
    probes.storage.blobs.put(container, PROBE, "text/plain", b"to be deleted".to_vec()).await
}

/// Deletes the small blob; the result covers both.
async fn deleted(
    probes: &Probes,
    host: &Reachability,
    check: &'static str,
    container: &str,
) -> CheckResult {
    let probe = probes.storage.blobs.client(container, PROBE);
    match asked(probes, host, probe.delete(None)).await {
        Err(failure) if !failure.is(StatusCode::NotFound) => {
            let result = failure.result(check, WRITER_ACTION);
            let message =
                format!("{container}/{PROBE} was written but not deleted: {}", result.message);
            CheckResult { message, ..result }
        }
        // If it does not exist, another run was faster.
        _ => CheckResult::pass(check, "Blobs can be written and deleted"),
    }
}

/// Reads a row and replaces a row; neither exists.
async fn rows(probes: &Probes, host: &Reachability) -> [CheckResult; 2] {
    let (table, key) = (&probes.storage.imports, Uuid::new_v4().to_string());
    let filter = format!("PartitionKey eq 'doctor' and RowKey eq '{key}'");
    let read = match asked(probes, host, table.query(&filter)).await {
        Ok(_) => CheckResult::pass(READ_IMPORTS, "Rows can be read"),
        Err(failure) if failure.is(StatusCode::NotFound) => {
            let write = CheckResult::skipped(WRITE_IMPORTS, READ_IMPORTS);
            return [failure.result(READ_IMPORTS, TABLE), write];
        }
        Err(failure) => failure.result(READ_IMPORTS, TABLE),
    };
    let row = Properties::from_iter([
        ("PartitionKey".to_owned(), json!("doctor")),
        ("RowKey".to_owned(), json!(key)),
    ]);
    let write = match asked(probes, host, table.replace(&row, &Etag::from("*"))).await {
        Err(failure) if failure.has_code(NO_TABLE) => failure.result(WRITE_IMPORTS, TABLE),
        Err(failure)
            if !failure.is(StatusCode::NotFound) && !failure.is(StatusCode::PreconditionFailed) =>
        {
            failure.result(WRITE_IMPORTS, TABLE)
        }
        // It was permitted, and failed because there is no such row.
        _ => CheckResult::pass(WRITE_IMPORTS, "Rows can be written"),
    };
    [read, write]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: Option<&str>) -> Error {
        let error_code = code.map(str::to_owned);
        let kind =
            ErrorKind::HttpResponse { status: status.into(), error_code, raw_response: None };
        Error::with_message(kind, "a body that is never shown")
    }

    fn failed(error: Error) -> Failure {
        Failure::Failed { error, setting: "ImportStorage", runs_as: RunsAs::App }
    }

    #[test]
    fn each_error_of_storage_has_its_own_remedy() {
        for (status, code, words) in [
            (403, Some("AuthorizationPermissionMismatch"), "the role Storage Table"),
            (403, Some("AuthorizationFailure"), "firewall"),
            (403, Some("AuthenticationFailed"), "\"clock of storage\""),
            (403, None, "If it has the role, allow the app's network"),
            (401, None, "belongs to the account's tenant"),
            (404, Some("TableNotFound"), "`azd up`"),
            (404, None, "correct ImportStorage, which names another account"),
            (409, Some("BlobImmutableDueToPolicy"), "retention policy"),
            (429, None, "throttled"),
            (503, Some("ServerBusy"), "throttled"),
            (500, Some("InternalError"), "Azure Storage itself failed"),
            (503, None, "Resource health"),
        ] {
            let result = failed(refused(status, code)).result(WRITE_IMPORTS, TABLE);
            let message = format!("Azure Storage answered {status}");
            assert!(result.message.starts_with(&message), "{}", result.message);
            let remedy = result.remedy.unwrap();
            assert!(remedy.contains(words), "{remedy}");
        }
        let no_token = Error::with_message(ErrorKind::Credential, "no endpoint");
        let no_token = no_token.with_context("not retried");
        let result = failed(no_token).result(READ_INBOX, READER);
        assert!(result.remedy.unwrap().contains("az functionapp identity assign"));
    }
}
