//! The connection's document, and what metadata.json is written from it.

use std::collections::BTreeSet;

use super::{
    connectivity::Reachabilities,
    permissions,
    probes::{Probes, Unread, within},
    report::CheckResult,
};
use crate::{
    check::mapping_faults,
    config::{CONNECTIONS, Lookup},
    connection::{self, Connection},
    notify::{NotifyError, address, signing_key},
    schema::{self, Notify, PayloadFormat, Refresh},
};

pub(super) const DOCUMENT: &str = "connection";
pub(super) const MAPPING: &str = "mapping";
pub(super) const METADATA: &str = "metadata.json";
pub(super) const NOTIFY: &str = "notify";
/// The webhook that the app's settings name, where they do.
const NOTIFY_OF_APP: &str = "notify of the app";

/// The document as it was read, `None` where there is none; why it could not be read.
type Found = Result<Option<Vec<u8>>, Unread>;

/// Reads the document of a connection.
pub(super) async fn find(bag: &Probes, ways: &Reachabilities, name: &str) -> Found {
    if !ways.blobs.is_open() {
        return Err(Unread::NoWay("blobs"));
    }
    let document = format!("{name}.json");
    let read = bag.storage.blobs.read_small(CONNECTIONS, &document, connection::MAX_BYTES + 1);
    Ok(within(bag.limit, read).await??)
}

/// The lines of document and mapping, and the connection where it can be used.
pub(super) fn lines(
    name: &str,
    found: Found,
    rights: &[CheckResult],
) -> ([CheckResult; 2], Option<Connection>) {
    let file = format!("{CONNECTIONS}/{name}.json");
    let mut of_rights = rights.iter().filter(|line| line.name == permissions::READ_CONNECTIONS);
    let document = match found {
        // Where there is no container there is no document either.
        Ok(None) if of_rights.any(|line| !line.is_no_obstacle()) => {
            CheckResult::unasked(DOCUMENT, permissions::READ_CONNECTIONS)
        }
        Err(why) => CheckResult::unknown(DOCUMENT, format!("{file} could not be read: {why}")),
        Ok(None) => {
            let remedy = format!(
                "store the connection as {file}, the README has its form; or type the name of one \
                 that is there, capitals count"
            );
            CheckResult::bad(DOCUMENT, format!("{file} is not there"), remedy)
        }
        Ok(Some(content)) => match Connection::parse(name, &content) {
            Ok(connection) => return (sound(&file, &connection), Some(connection)),
            Err(faults) => {
                let faults = schema::sentence(&faults);
                let remedy = format!("mend {file} at the places named and store it again");
                CheckResult::bad(DOCUMENT, format!("{file} cannot be used: {faults}"), remedy)
            }
        },
    };
    ([document, CheckResult::unasked(MAPPING, DOCUMENT)], None)
}

/// The lines of a document that can be read.
fn sound(file: &str, connection: &Connection) -> [CheckResult; 2] {
    let refresh = match connection.refresh {
        Refresh::Full => "full refresh, which replaces everything",
        Refresh::Incremental => "incremental refresh, which adds and overwrites",
    };
    let (connector, tenant) = (connection.caller.connector.as_ref(), &connection.caller.tenant);
    let told = format!("{file} is valid: {connector} of tenant {tenant}, {refresh}");
    let faults =
        mapping_faults(connection.caller.target.schema(), &connection.mapping, &connection.checks);
    let mapping = if faults.is_empty() {
        CheckResult::good(
            MAPPING,
            format!("{} columns are mapped, without a fault", connection.mapping.len()),
        )
    } else {
        let remedy = format!("mend the mapping in {file}; `viva-import rules ID` explains a rule");
        CheckResult::bad(MAPPING, faults.join("; "), remedy)
    };
    [CheckResult::good(DOCUMENT, told), mapping]
}

/// How the service is told what the columns are: nobody but the portal knows whether it is right.
pub(super) fn metadata(connection: Option<&Connection>, mapping_key: &str) -> CheckResult {
    let Some(connection) = connection else { return CheckResult::unasked(METADATA, DOCUMENT) };
    let connector = connection.caller.connector.as_ref();
    if connection.upload != PayloadFormat::Zip {
        let told = format!(
            "not written: rows go without it; the mapping of the connector {connector} in the \
             portal counts"
        );
        return CheckResult::note(METADATA, told);
    }
    let dialect = connection.dialect.or_key(mapping_key);
    let is_bootstrap = dialect.is_bootstrap.value(connection.refresh);
    let kinds: BTreeSet<&str> =
        connection.mapping.iter().map(|field| dialect.type_of(field)).collect();
    let kinds: Vec<&str> = kinds.into_iter().collect();
    let key = dialect.mapping_key();
    CheckResult::note(
        METADATA,
        format!(
            "says \"DatasetType\": \"{connector}\", \"IsBootstrap\": {is_bootstrap}, and the mapping under \
             \"{key}\" with the types {}; compare with the template of your portal, or let \
             `viva-import learn-template` do it",
            kinds.join(", ")
        ),
    )
}

/// Whether the webhook's address and the secret to sign by can be told from their settings; nobody is asked
/// anything. What the app names counts where the document cannot be used.
pub(super) fn notify(
    connection: Option<&Connection>,
    of_app: Option<&Notify>,
    setting: &Lookup,
) -> Vec<CheckResult> {
    let of_app = of_app.map(|notify| webhook(NOTIFY_OF_APP, notify, setting));
    let own = match connection.map(|connection| &connection.notify) {
        Some(Some(notify)) => webhook(NOTIFY, notify, setting),
        Some(None) => CheckResult::note(NOTIFY, "nobody is told when a person is needed"),
        None => CheckResult::unasked(NOTIFY, DOCUMENT),
    };
    std::iter::once(own).chain(of_app).collect()
}

fn webhook(about: &'static str, notify: &Notify, setting: &Lookup) -> CheckResult {
    let key = address(notify, setting).and_then(|_| signing_key(notify, setting));
    match key {
        Ok(key) => {
            let (name, format) = (&notify.setting, notify.format.as_ref());
            let told = format!("{name} holds an address, which is told in the form {format}");
            let signed = notify.signing_setting.as_ref().filter(|_| key.is_some());
            let signed = signed.map(|name| format!(", signed by the secret in {name}"));
            CheckResult::good(about, told + &signed.unwrap_or_default())
        }
        Err(error @ (NotifyError::NoSecret(_) | NotifyError::NoSigningSetting(_))) => {
            let remedy = "put the secret that the webhook checks signatures by into that setting, best as \
                          a reference to a Key Vault that the app's identity may read; until then nothing \
                          is sent";
            CheckResult::bad(about, error.to_string(), remedy)
        }
        Err(error) => {
            let remedy = "put the webhook's address into that setting, best as a reference to a \
                          Key Vault that the app's identity may read";
            CheckResult::bad(about, error.to_string(), remedy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{doctor::CheckStatus, schema::Format};

    const SAMPLE_CONNECTION: &str = include_str!("../testbed/connection.json");

    fn told(found: Found, is_readable: bool) -> (CheckStatus, String, bool) {
        let rights = [if is_readable {
            CheckResult::good(permissions::READ_CONNECTIONS, "can be read")
        } else {
            CheckResult::bad(permissions::READ_CONNECTIONS, "403", "give it the role")
        }];
        let ([document, mapping], connection) = lines("hr", found, &rights);
        assert_eq!(connection.is_none(), mapping.status == CheckStatus::Unknown);
        (document.status, document.message, connection.is_some())
    }

    #[test]
    fn a_document_is_sound_faulty_not_there_or_unknown() {
        let document = |text: &str| Ok(Some(text.as_bytes().to_vec()));
        for (found, is_readable, verdict, words) in [
            (document(SAMPLE_CONNECTION), true, CheckStatus::Pass, "full refresh"),
            (document("{}"), true, CheckStatus::Fail, "/tenantId: missing; /connector: missing"),
            (Ok(None), true, CheckStatus::Fail, "connections/hr.json is not there"),
            (
                Ok(None),
                false,
                CheckStatus::Unknown,
                "not asked until this is right: read connections",
            ),
            (Err(Unread::NoWay("blobs")), true, CheckStatus::Unknown, "there is no way to blobs"),
        ] {
            let (found, told, is_sound) = told(found, is_readable);
            assert_eq!((found, is_sound), (verdict, verdict == CheckStatus::Pass), "{told}");
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn a_webhook_is_told_by_its_setting_and_never_by_its_address() {
        let notify = "\"notify\": { \"setting\": \"HOOK\", \"format\": \"teams\" }, \"refresh\"";
        let document = SAMPLE_CONNECTION.replace("\"refresh\"", notify);
        let told = Connection::parse("hr", document.as_bytes()).unwrap();
        let silent = Connection::parse("hr", SAMPLE_CONNECTION.as_bytes()).unwrap();
        for (connection, value, verdict) in [
            (Some(&told), Some("https://example.com/secret"), CheckStatus::Pass),
            (Some(&told), Some("http://127.0.0.1:1/secret"), CheckStatus::Pass),
            (Some(&told), Some("http://example.com/secret"), CheckStatus::Fail),
            (
                Some(&told),
                Some("@Microsoft.KeyVault(SecretUri=https://v/secret)"),
                CheckStatus::Fail,
            ),
            (Some(&told), None, CheckStatus::Fail),
            (Some(&silent), None, CheckStatus::Info),
            (None, None, CheckStatus::Unknown),
        ] {
            let setting = move |_: &str| value.map(str::to_owned);
            let lines = super::notify(connection, None, &setting);
            assert_eq!(lines.len(), 1);
            assert_eq!(lines[0].status, verdict, "{lines:?}");
            assert!(!format!("{lines:?}").contains("/secret"), "{lines:?}");
            // What the app names is looked at whether or not it counts now.
            let of_app = told.notify.as_ref();
            let lines = super::notify(connection, of_app, &setting);
            let expected = if value.is_none() { CheckStatus::Fail } else { verdict };
            let is_own = connection.is_some_and(|connection| connection.notify.is_some());
            assert!(!is_own || lines[1].status == expected, "{lines:?}");
        }
    }

    #[test]
    fn a_secret_that_is_missing_is_told_like_an_address_that_is() {
        let notify = Notify {
            setting: "HOOK".to_owned(),
            format: Format::Slack,
            signing_setting: Some("SIGNED_BY".to_owned()),
            completed: false,
        };
        for (secret, verdict) in [
            (Some("whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg=="), CheckStatus::Pass),
            (None, CheckStatus::Fail),
        ] {
            let setting = move |name: &str| {
                let value =
                    if name == "HOOK" { Some("https://example.com/hunter2") } else { secret };
                value.map(str::to_owned)
            };
            let lines = super::notify(None, Some(&notify), &setting);
            assert_eq!(lines[0].status, CheckStatus::Unknown, "there is no document");
            assert_eq!(lines[1].status, verdict, "{lines:?}");
            let text = format!("{lines:?}");
            assert!(text.contains("SIGNED_BY") && !text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn what_metadata_json_says_is_told_and_not_judged() {
        let of = |document: &str| {
            let connection = Connection::parse("hr", document.as_bytes()).unwrap();
            metadata(Some(&connection), "ColumnMap")
        };
        let line = of(SAMPLE_CONNECTION);
        assert_eq!(line.status, CheckStatus::Info);
        let words = "\"IsBootstrap\": \"true\", and the mapping under \"ColumnMap\" with the types \
                     DateTime_MMDDYYYY, EmailType, StringType, double, int32;";
        assert!(line.message.contains(words), "{}", line.message);
        let rows = SAMPLE_CONNECTION.replace("\"refresh\"", "\"upload\": \"csv\", \"refresh\"");
        assert!(of(&rows).message.starts_with("not written"));
        assert_eq!(metadata(None, "Mapping").status, CheckStatus::Unknown);
    }
}
