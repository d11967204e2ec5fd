//! Checks of the connection's document, its mapping, its metadata.json and its webhook.

use std::collections::BTreeSet;

use super::{
    connectivity::Reachabilities,
    permissions,
    probes::{Probes, Unread, within},
    report::{CheckResult, capitalized},
};
use crate::{
    check::mapping_faults,
    config::{CONNECTIONS, Lookup},
    connection::{self, Connection},
    http::azure::blocked,
    messages,
    notify::{NotifyError, address, signing_key},
    schema::{self, Notify, PayloadFormat, Refresh},
};

pub(super) const DOCUMENT: &str = "connection";
pub(super) const MAPPING: &str = "mapping";
pub(super) const METADATA: &str = "metadata.json";
pub(super) const NOTIFY: &str = "notify";
/// The webhook that the app's settings name, if they name one.
const NOTIFY_OF_APP: &str = "notify of the app";
/// How a setting refers to a secret that the app's identity can read.
const REFERENCE: &str =
    "`@Microsoft.KeyVault(SecretUri=https://VAULT.vault.azure.net/secrets/NAME)`";

/// The document, `None` if it does not exist; or why it could not be read.
type Found = Result<Option<Vec<u8>>, Unread>;

/// Reads the document of a connection.
pub(super) async fn find(probes: &Probes, hosts: &Reachabilities, name: &str) -> Found {
    if !hosts.blobs.is_reachable() {
        return Err(Unread::Unreachable("blob"));
    }
    let document = format!("{name}.json");
    let read = probes.storage.blobs.read_small(CONNECTIONS, &document, connection::MAX_BYTES + 1);
    Ok(within(probes.limit, read).await??)
}

/// The results of document and mapping, and the connection if the document is valid.
pub(super) fn results(
    name: &str,
    found: Found,
    rights: &[CheckResult],
) -> ([CheckResult; 2], Option<Connection>) {
    let file = format!("{CONNECTIONS}/{name}.json");
    let mut of_container =
        rights.iter().filter(|result| result.name == permissions::READ_CONNECTIONS);
    let document = match found {
        // A container that cannot be read looks like one without the document.
        Ok(None) if of_container.any(|result| !result.passes()) => {
            CheckResult::skipped(DOCUMENT, permissions::READ_CONNECTIONS)
        }
        Err(Unread::Storage(error)) if let Some(code) = blocked(&error) => CheckResult::fail(
            DOCUMENT,
            format!("{file} cannot be read"),
            messages::sentence(messages::blocked(&code)),
        ),
        Err(why) => CheckResult::unknown(DOCUMENT, format!("{file} could not be read: {why}")),
        Ok(None) => {
            let remedy = format!(
                "Compare the name; upper and lower case matter. If the connection is new, upload its \
                 document: {}.",
                upload(name)
            );
            CheckResult::fail(DOCUMENT, format!("{file} does not exist"), remedy)
        }
        Ok(Some(content)) => match Connection::parse(name, &content) {
            Ok(connection) => return (valid(name, &connection), Some(connection)),
            Err(faults) => {
                let faults = schema::sentence(&faults);
                let remedy = format!("Correct these places, then upload it: {}.", upload(name));
                CheckResult::fail(DOCUMENT, format!("{file} is invalid: {faults}"), remedy)
            }
        },
    };
    ([document, CheckResult::skipped(MAPPING, DOCUMENT)], None)
}

/// The command that uploads a connection's document.
fn upload(name: &str) -> String {
    format!(
        "`az storage blob upload --auth-mode login --overwrite --account-name $ACCOUNT \
         --container-name {CONNECTIONS} --name {name}.json --file {name}.json`"
    )
}

/// The results of a valid document.
fn valid(name: &str, connection: &Connection) -> [CheckResult; 2] {
    let refresh = match connection.refresh {
        Refresh::Full => "full refresh (replaces all data)",
        Refresh::Incremental => "incremental refresh (adds and overwrites)",
    };
    let (connector, tenant) = (connection.caller.connector.as_ref(), &connection.caller.tenant);
    let file = format!("{CONNECTIONS}/{name}.json");
    let message = format!("{file} is valid: connector {connector}, tenant {tenant}, {refresh}");
    let faults =
        mapping_faults(connection.caller.target.schema(), &connection.mapping, &connection.checks);
    let mapping = if faults.is_empty() {
        CheckResult::pass(
            MAPPING,
            format!("{} columns are mapped; no rule is broken", connection.mapping.len()),
        )
    } else {
        let remedy = format!(
            "Correct \"mapping\" in {file}, then upload it: {}. `viva-import rules` explains each rule.",
            upload(name)
        );
        CheckResult::fail(MAPPING, faults.join("; "), remedy)
    };
    [CheckResult::pass(DOCUMENT, message), mapping]
}

/// The content of metadata.json. Only the portal knows whether it is right, so it is never judged here.
pub(super) fn metadata(connection: Option<&Connection>, mapping_key: &str) -> CheckResult {
    let Some(connection) = connection else { return CheckResult::skipped(METADATA, DOCUMENT) };
    let connector = connection.caller.connector.as_ref();
    if connection.upload != PayloadFormat::Zip {
        let message = format!(
            "Not written: this connection pushes rows without metadata.json. The service uses the \
             mapping of the connector {connector} in the portal"
        );
        return CheckResult::info(METADATA, message);
    }
    let dialect = connection.dialect.or_key(mapping_key);
    let is_bootstrap = dialect.is_bootstrap.value(connection.refresh);
    let kinds: BTreeSet<&str> =
        connection.mapping.iter().map(|field| dialect.type_of(field)).collect();
    let kinds: Vec<&str> = kinds.into_iter().collect();
    let key = dialect.mapping_key();
    CheckResult::info(
        METADATA,
        format!(
            "Contains \"DatasetType\": \"{connector}\", \"IsBootstrap\": {is_bootstrap}, and the mapping \
             under \"{key}\" with the types {}. To compare it with your portal's template, run \
             `viva-import learn-template template.zip`",
            kinds.join(", ")
        ),
    )
}

/// Whether the settings hold the webhook's address and the signing secret; no request is sent. The app's
/// webhook applies if the document is invalid.
pub(super) fn notify(
    connection: Option<&Connection>,
    of_app: Option<&Notify>,
    setting: &Lookup,
) -> Vec<CheckResult> {
    let of_app = of_app.map(|notify| webhook(NOTIFY_OF_APP, notify, setting));
    let own = match connection.map(|connection| &connection.notify) {
        Some(Some(notify)) => webhook(NOTIFY, notify, setting),
        Some(None) => CheckResult::info(
            NOTIFY,
            "No notification is sent when a person is needed: the connection has no \"notify\"",
        ),
        None => CheckResult::skipped(NOTIFY, DOCUMENT),
    };
    std::iter::once(own).chain(of_app).collect()
}

fn webhook(check: &'static str, notify: &Notify, setting: &Lookup) -> CheckResult {
    let key = address(notify, setting).and_then(|_| signing_key(notify, setting));
    match key {
        Ok(key) => {
            let (name, format) = (&notify.setting, notify.format.as_ref());
            let message = format!(
                "The setting {name} holds the webhook's address; notifications have the format {format}"
            );
            let signed = notify.signing_setting.as_ref().filter(|_| key.is_some());
            let signed = signed.map(|name| format!(" and are signed with the secret in {name}"));
            CheckResult::pass(check, message + &signed.unwrap_or_default())
        }
        Err(error @ (NotifyError::NoSecret(_) | NotifyError::NoSigningSetting(_))) => {
            let remedy = format!(
                "Put the secret with which the webhook verifies signatures into this setting, best as a \
                 Key Vault reference: {REFERENCE}. Until then, no notification is sent."
            );
            CheckResult::fail(check, capitalized(&error.to_string()), remedy)
        }
        Err(error) => {
            let remedy = format!(
                "Put the webhook's address into this setting, best as a Key Vault reference: {REFERENCE}."
            );
            CheckResult::fail(check, capitalized(&error.to_string()), remedy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{doctor::CheckStatus, schema::Format};

    const SAMPLE_CONNECTION: &str = include_str!("../testbed/connection.json");

    fn document_check(found: Found, is_readable: bool) -> (CheckStatus, String, bool) {
        let rights = [if is_readable {
            CheckResult::pass(permissions::READ_CONNECTIONS, "Blobs can be listed and read")
        } else {
            CheckResult::fail(permissions::READ_CONNECTIONS, "403", "Assign the role.")
        }];
        let ([document, mapping], connection) = results("hr", found, &rights);
        assert_eq!(connection.is_none(), mapping.status == CheckStatus::Unknown);
        (document.status, document.message, connection.is_some())
    }

    #[test]
    fn a_document_is_valid_invalid_missing_or_unknown() {
        let document = |text: &str| Ok(Some(text.as_bytes().to_vec()));
        for (found, is_readable, status, words) in [
            (document(SAMPLE_CONNECTION), true, CheckStatus::Pass, "full refresh"),
            (document("{}"), true, CheckStatus::Fail, "/tenantId: missing; /connector: missing"),
            (Ok(None), true, CheckStatus::Fail, "connections/hr.json does not exist"),
            (
                Ok(None),
                false,
                CheckStatus::Unknown,
                "because the check \"read connections\" did not pass",
            ),
            (
                Err(Unread::Unreachable("blob")),
                true,
                CheckStatus::Unknown,
                "the blob service of the storage account is not reachable",
            ),
        ] {
            let (found, message, is_valid) = document_check(found, is_readable);
            assert_eq!((found, is_valid), (status, status == CheckStatus::Pass), "{message}");
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn a_webhook_is_named_by_its_setting_and_never_by_its_address() {
        let notify = "\"notify\": { \"setting\": \"HOOK\", \"format\": \"teams\" }, \"refresh\"";
        let document = SAMPLE_CONNECTION.replace("\"refresh\"", notify);
        let notifying = Connection::parse("hr", document.as_bytes()).unwrap();
        let silent = Connection::parse("hr", SAMPLE_CONNECTION.as_bytes()).unwrap();
        for (connection, value, status) in [
            (Some(&notifying), Some("https://example.com/hunter2"), CheckStatus::Pass),
            (Some(&notifying), Some("http://127.0.0.1:1/hunter2"), CheckStatus::Pass),
            (Some(&notifying), Some("http://example.com/hunter2"), CheckStatus::Fail),
            (
                Some(&notifying),
                Some("@Microsoft.KeyVault(SecretUri=https://v/hunter2)"),
                CheckStatus::Fail,
            ),
            (Some(&notifying), None, CheckStatus::Fail),
            (Some(&silent), None, CheckStatus::Info),
            (None, None, CheckStatus::Unknown),
        ] {
            let setting = move |_: &str| value.map(str::to_owned);
            let results = super::notify(connection, None, &setting);
            assert_eq!(results.len(), 1);
            assert_eq!(results[0].status, status, "{results:?}");
            assert!(!format!("{results:?}").contains("hunter2"), "{results:?}");
            // The app's webhook is checked even if it does not apply now.
            let of_app = notifying.notify.as_ref();
            let results = super::notify(connection, of_app, &setting);
            let expected = if value.is_none() { CheckStatus::Fail } else { status };
            let is_own = connection.is_some_and(|connection| connection.notify.is_some());
            assert!(!is_own || results[1].status == expected, "{results:?}");
        }
    }

    #[test]
    fn a_missing_signing_secret_fails_like_a_missing_address() {
        let notify = Notify {
            setting: "HOOK".to_owned(),
            format: Format::Slack,
            signing_setting: Some("SIGNED_BY".to_owned()),
            completed: false,
        };
        for (secret, status) in [
            (Some("whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg=="), CheckStatus::Pass),
            (None, CheckStatus::Fail),
        ] {
            let setting = move |name: &str| {
                let value =
                    if name == "HOOK" { Some("https://example.com/hunter2") } else { secret };
                value.map(str::to_owned)
            };
            let results = super::notify(None, Some(&notify), &setting);
            assert_eq!(results[0].status, CheckStatus::Unknown, "there is no document");
            assert_eq!(results[1].status, status, "{results:?}");
            let text = format!("{results:?}");
            assert!(text.contains("SIGNED_BY") && !text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn the_content_of_metadata_json_is_shown_and_not_judged() {
        let of = |document: &str| {
            let connection = Connection::parse("hr", document.as_bytes()).unwrap();
            metadata(Some(&connection), "ColumnMap")
        };
        let result = of(SAMPLE_CONNECTION);
        assert_eq!(result.status, CheckStatus::Info);
        let words = "\"IsBootstrap\": \"true\", and the mapping under \"ColumnMap\" with the types \
                     DateTime_MMDDYYYY, EmailType, StringType, double, int32.";
        assert!(result.message.contains(words), "{}", result.message);
        let rows = SAMPLE_CONNECTION.replace("\"refresh\"", "\"upload\": \"csv\", \"refresh\"");
        assert!(of(&rows).message.starts_with("Not written"));
        assert_eq!(metadata(None, "Mapping").status, CheckStatus::Unknown);
    }
}
