//! A message of the arrivals queue, in every encoding that the host uses.
//!
//! With `dataType: binary` the host sends the bytes of the message as base64. Other settings and other
//! versions of the host send the text as JSON in a string (encoded twice), or the object itself.
//! The content is an Event Grid event, in its own schema or as a CloudEvent, alone or in an array.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::{
    engine::{Engine, IntakeOutcome, Origin},
    import::{diagnostics::EventIds, reason::Text},
    schema::document,
};

const BLOB_CREATED: &str = "Microsoft.Storage.BlobCreated";

/// With a hierarchical namespace, also by SFTP: a file is often uploaded, and then gets its final name.
const BLOB_RENAMED: &str = "Microsoft.Storage.BlobRenamed";

/// The blob of an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ArrivedBlob {
    container: String,
    name: String,
    /// What the blob may be called if there is none with that name.
    other_names: Vec<String>,
    ids: EventIds,
    /// The event, to be delivered again.
    pub(super) event: Value,
}

impl fmt::Display for ArrivedBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = format!("{}/{}", self.container, self.name);
        f.write_str(&file.replace(char::is_control, "\u{fffd}"))
    }
}

impl ArrivedBlob {
    /// The blob at a path. It is not documented whether a subject percent-encodes names, and one
    /// with an emoji may have a replacement character instead, so the decoded name and that of the URL are
    /// other names.
    fn new(
        Path { container, name }: Path,
        by_url: Option<Path>,
        ids: EventIds,
        event: Value,
    ) -> Self {
        let decoded = percent_decode_str(&name).decode_utf8_lossy().into_owned();
        let of_container = by_url.filter(|path| path.container == container);
        let mut other_names = vec![decoded];
        other_names.extend(of_container.map(|path| path.name));
        other_names.retain(|other| *other != name);
        other_names.dedup();
        Self { container, name, other_names, ids, event }
    }

    /// Receives the blob, by the first of its names that a blob has.
    pub(super) async fn arrive(&self, engine: &Engine) -> azure_core::Result<IntakeOutcome> {
        let arrive = |name| engine.arrive(&self.container, name, Origin::Event(self.ids.clone()));
        let first = arrive(&self.name).await?;
        if matches!(first, IntakeOutcome::Gone(_)) {
            for name in &self.other_names {
                let arrival = arrive(name).await?;
                if !matches!(arrival, IntakeOutcome::Gone(_)) {
                    return Ok(arrival);
                }
            }
        }
        Ok(first)
    }
}

/// What is missing or wrong in a message. The text does not quote the message.
#[derive(Debug, thiserror::Error)]
pub(super) enum EventError {
    #[error("no JSON envelope: {0}")]
    Envelope(#[source] serde_json::Error),
    #[error("the envelope has no Data")]
    Data,
    #[error("it has no event")]
    Event,
    #[error("the event has no type")]
    Type,
    #[error("the event has no subject")]
    Subject,
    #[error("the subject of the event names no blob")]
    Blob,
}

/// The blobs in the body of an invocation; none for events of another kind. Logs invalid events beside valid
/// ones.
///
/// # Errors
/// What is wrong with the body, or with its first event if every event is invalid.
pub(super) fn decode(body: &[u8]) -> Result<Vec<ArrivedBlob>, EventError> {
    events(content(&invocation(body)?)?)
}

/// The content of a message that the host delivers, and how often it has delivered it.
///
/// # Errors
/// What is wrong with the body.
pub(super) fn message(body: &[u8]) -> Result<(Value, u32), EventError> {
    let invocation = invocation(body)?;
    let count = invocation.pointer("/Metadata/DequeueCount");
    // The host writes numbers as text.
    let deliveries = count.and_then(Value::as_str).and_then(|count| count.parse().ok());
    let message = unwrap(content(&invocation)?, 3).ok_or(EventError::Event)?;
    Ok((message, deliveries.unwrap_or(1)))
}

fn invocation(body: &[u8]) -> Result<Value, EventError> {
    // For arbitrary JSON only the syntax can be wrong, and that error quotes no value.
    serde_json::from_slice(body).map_err(EventError::Envelope)
}

fn content(invocation: &Value) -> Result<Value, EventError> {
    let data = invocation.get("Data").and_then(Value::as_object);
    data.and_then(|data| data.values().next()).cloned().ok_or(EventError::Data)
}

/// The same for the text of a message as it is in the queue.
///
/// # Errors
/// As of [`decode`].
pub(super) fn decode_text(text: &str) -> Result<Vec<ArrivedBlob>, EventError> {
    events(Value::from(text))
}

fn events(message: Value) -> Result<Vec<ArrivedBlob>, EventError> {
    let message = unwrap(message, 3).ok_or(EventError::Event)?;
    let events = message.as_array().map_or(std::slice::from_ref(&message), Vec::as_slice);
    let (mut blobs, mut invalid) = (vec![], vec![]);
    for (event, number) in events.iter().zip(1..) {
        match blob(event) {
            Ok(blob) => blobs.extend(blob),
            Err(error) => invalid.push((number, error)),
        }
    }
    let count = events.len();
    if !invalid.is_empty() && invalid.len() == count {
        return Err(invalid.swap_remove(0).1);
    }
    for (number, error) in invalid {
        tracing::warn!(
            "Skipped an invalid event in the arrivals queue, {number} of {count}: {error}"
        );
    }
    Ok(blobs)
}

/// Removes up to `layers` encodings as text.
fn unwrap(message: Value, layers: usize) -> Option<Value> {
    let text = match message {
        Value::Object(_) | Value::Array(_) => return Some(message),
        Value::String(text) if layers > 0 => text,
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    let inner = serde_json::from_str(&text).ok().or_else(|| {
        let bytes = STANDARD.decode(text.trim()).ok()?;
        serde_json::from_slice(document::unmarked(&bytes)).ok()
    })?;
    unwrap(inner, layers - 1)
}

/// The blob of one event; `None` if the event is of another kind.
fn blob(event: &Value) -> Result<Option<ArrivedBlob>, EventError> {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    // `eventType` in Event Grid's own schema, `type` in a CloudEvent.
    let kind = text("eventType").or_else(|| text("type")).ok_or(EventError::Type)?;
    let data = |name: &str| event.get("data")?.get(name)?.as_str();
    // `topic` in Event Grid's own schema, `source` in a CloudEvent.
    let account = text("topic").or_else(|| text("source")).and_then(account);
    let by_url = |name| data(name).and_then(|url| Path::of_url(url, account));
    let by_subject =
        || Path::of_subject(text("subject").ok_or(EventError::Subject)?).ok_or(EventError::Blob);
    let (path, by_url) = match kind {
        BLOB_CREATED => (by_subject()?, by_url("url")),
        BLOB_RENAMED => (by_url("destinationUrl").map_or_else(by_subject, Ok)?, None),
        _ => {
            note_other_type(kind);
            return Ok(None);
        }
    };
    let data = |name: &str| data(name).map(Text::from);
    let ids = EventIds {
        id: text("id").map(Text::from),
        request_id: data("requestId"),
        api: data("api"),
        e_tag: data("eTag"),
        sequencer: data("sequencer"),
    };
    let blob = ArrivedBlob::new(path, by_url, ids, event.clone());
    if was_only_opened(event) {
        tracing::debug!("Skipped the event of {blob}: it was opened, and nothing is written yet");
        return Ok(None);
    }
    Ok(Some(blob))
}

/// Logs an event that is skipped. A type that is not Microsoft's may be any text, and is not logged.
fn note_other_type(kind: &str) {
    let rest = kind.strip_prefix("Microsoft.").unwrap_or("?");
    let is_type = rest.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '.');
    let named = if is_type { kind } else { "unknown" };
    tracing::debug!("Skipped an event of another type: {named}");
}

/// Whether the file was opened by Data Lake Storage or SFTP. Another event follows when it is closed.
fn was_only_opened(event: &Value) -> bool {
    let Some(data) = event.get("data") else { return false };
    let api = data.get("api").and_then(Value::as_str);
    let length = data.get("contentLength").and_then(Value::as_u64);
    matches!(api, Some("CreateFile" | "SftpCreate")) && length == Some(0)
}

/// The storage account in the resource id of a topic.
fn account(topic: &str) -> Option<&str> {
    let (_, account) = topic.rsplit_once("/storageAccounts/")?;
    account.split('/').next()
}

/// The container and the name of a blob.
#[derive(Debug, PartialEq, Eq)]
struct Path {
    container: String,
    name: String,
}

impl Path {
    /// The path in the subject of an event.
    fn of_subject(subject: &str) -> Option<Self> {
        let (_, path) = subject.split_once("/containers/")?;
        let (container, name) = path.split_once("/blobs/")?;
        Some(Self { container: container.to_owned(), name: name.to_owned() })
    }

    /// The path of the URL of a blob in `account`. The rest of the host and the query say nothing about the
    /// blob. A parser of URLs would change names with `..` or a backslash.
    fn of_url(url: &str, account: Option<&str>) -> Option<Self> {
        let (host, path) = url.split_once("://")?.1.split_once('/')?;
        let named = host.split('.').next()?;
        if account.is_some_and(|account| !account.eq_ignore_ascii_case(named)) {
            return None;
        }
        let path = percent_decode_str(path.split('?').next()?).decode_utf8().ok()?;
        let (container, name) = path.split_once('/')?;
        Some(Self { container: container.to_owned(), name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event_grid(kind: &str) -> Value {
        json!({
            "topic": "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/acct",
            "subject": "/blobServices/default/containers/inbox/blobs/hr/2026/people \u{e9}.csv",
            "eventType": kind,
            "id": "831e1650-001e-001b-66ab-eeb76e069631",
            "data": {
                "api": "PutBlockList", "eTag": "0x8D4BCC2E4835CD0",
                "requestId": "831e1650-001e-001b-66ab-eeb76e000000",
                "sequencer": "00000000000004420000000000028963"
            },
            "eventTime": "2026-11-24T10:00:04.1234567Z"
        })
    }

    fn cloud_event() -> Value {
        json!({
            "specversion": "1.0",
            "type": BLOB_CREATED,
            "subject": "/blobServices/default/containers/inbox/blobs/hr/2026/people \u{e9}.csv",
            "data": { "api": "PutBlob" }
        })
    }

    fn decoded(message: &Value) -> Result<Vec<ArrivedBlob>, EventError> {
        decode(json!({ "Data": { "message": message }, "Metadata": {} }).to_string().as_bytes())
    }

    #[test]
    fn an_event_is_decoded_in_every_encoding_of_the_host() {
        let with = |ids, event: &Value| {
            let (container, name) = ("inbox".to_owned(), "hr/2026/people \u{e9}.csv".to_owned());
            [ArrivedBlob { container, name, other_names: vec![], ids, event: event.clone() }]
        };
        let cloud = EventIds { api: Some("PutBlob".into()), ..EventIds::default() };
        let grid = EventIds {
            id: Some("831e1650-001e-001b-66ab-eeb76e069631".into()),
            request_id: Some("831e1650-001e-001b-66ab-eeb76e000000".into()),
            api: Some("PutBlockList".into()),
            e_tag: Some("0x8D4BCC2E4835CD0".into()),
            sequencer: Some("00000000000004420000000000028963".into()),
        };
        for (event, ids) in [(event_grid(BLOB_CREATED), grid), (cloud_event(), cloud)] {
            let expected = with(ids, &event);
            let text = event.to_string();
            let encoded_twice = Value::from(text.clone()).to_string();
            for message in [
                json!(STANDARD.encode(&text)),
                json!(text),
                json!(encoded_twice),
                json!(STANDARD.encode(format!("\u{feff}{text}"))),
                event.clone(),
                json!([event]),
            ] {
                assert_eq!(decoded(&message).unwrap(), expected, "{message}");
            }
        }
    }

    #[test]
    fn the_name_in_the_url_is_the_last_one_if_account_and_container_are_those_of_the_event() {
        let account = "/providers/Microsoft.Storage/storageAccounts/acct";
        let names = |topic: &str, subject: &str, url: Value| {
            let mut event = event_grid(BLOB_CREATED);
            event["topic"] = json!(topic);
            event["subject"] = json!(format!("/blobServices/default/containers/{subject}"));
            event["data"]["url"] = url;
            let blob = decoded(&event).unwrap().remove(0);
            [vec![blob.name], blob.other_names].concat()
        };
        let lossy = "inbox/blobs/hr/\u{fffd}.csv";
        let real = "https://acct.blob.core.windows.net/inbox/hr/%F0%9F%98%80.csv";
        let both = ["hr/\u{fffd}.csv", "hr/\u{1f600}.csv"];
        for url in [
            real,
            "https://ACCT.dfs.core.windows.net/inbox/hr/%F0%9F%98%80.csv?sv=2026&sig=secret",
            "https://acct.z20.blob.storage.azure.net/inbox/hr/\u{1f600}.csv",
        ] {
            assert_eq!(names(account, lossy, json!(url)), both, "{url}");
        }
        assert_eq!(names("", lossy, json!(real)), both);
        for url in [
            json!("https://other.blob.core.windows.net/inbox/hr/%F0%9F%98%80.csv"),
            json!("https://acct.blob.core.windows.net/packages/hr/%F0%9F%98%80.csv"),
            json!("https://acct.blob.core.windows.net/inbox"),
            json!("https://acct.blob.core.windows.net/inbox/hr/%FF.csv"),
            json!("/inbox/hr/a.csv"),
            json!(null),
            json!(5),
        ] {
            assert_eq!(names(account, lossy, url.clone()), both[..1], "{url}");
        }
        let url = json!("https://acct.blob.core.windows.net/inbox/hr/a%2520b.csv");
        assert_eq!(names(account, "inbox/blobs/hr/a%20b.csv", url), ["hr/a%20b.csv", "hr/a b.csv"]);
        let url = json!("https://acct.blob.core.windows.net/inbox/hr/..%2F%5Ca%3F%23b.csv");
        assert_eq!(names(account, "inbox/blobs/hr/../\\a?#b.csv", url), ["hr/../\\a?#b.csv"]);
    }

    #[test]
    fn an_event_of_another_kind_names_no_blob() {
        assert!(decoded(&event_grid("Microsoft.Storage.BlobDeleted")).unwrap().is_empty());
    }

    #[test]
    fn the_event_of_a_file_that_was_only_opened_names_no_blob() {
        for (api, length, blobs) in [
            ("CreateFile", 0, 0),
            ("SftpCreate", 0, 0),
            ("SftpCreate", 5, 1),
            ("SftpCommit", 0, 1),
            ("FlushWithClose", 0, 1),
            ("PutBlob", 0, 1),
        ] {
            let mut event = event_grid(BLOB_CREATED);
            event["data"]["api"] = json!(api);
            event["data"]["contentLength"] = json!(length);
            assert_eq!(decoded(&event).unwrap().len(), blobs, "{api} {length}");
        }
    }

    #[test]
    fn a_renamed_file_is_that_of_the_destination_url() {
        let mut event = event_grid(BLOB_RENAMED);
        event["data"] = json!({
            "api": "RenameFile",
            "destinationUrl": "https://acct.dfs.core.windows.net/inbox/hr/people%20%F0%9F%98%80.csv",
            "sourceUrl": "https://acct.dfs.core.windows.net/inbox/hr/people.csv.part",
        });
        let renamed = decoded(&event).unwrap().remove(0);
        assert_eq!(renamed.to_string(), "inbox/hr/people \u{1f600}.csv");
        for url in [json!(null), json!("https://other.dfs.core.windows.net/inbox/hr/a.csv")] {
            event["data"]["destinationUrl"] = url;
            let renamed = decoded(&event).unwrap().remove(0);
            assert_eq!(renamed.to_string(), "inbox/hr/2026/people \u{e9}.csv");
        }
        event["subject"] = json!("/");
        assert!(matches!(decoded(&event), Err(EventError::Blob)));
    }

    #[test]
    fn the_valid_events_of_an_array_are_read_and_an_array_without_one_is_an_error() {
        let (good, bad) = (event_grid(BLOB_CREATED), json!({ "eventType": BLOB_CREATED }));
        let other = event_grid("Microsoft.Storage.BlobDeleted");
        assert_eq!(decoded(&json!([bad, good, 5, good])).unwrap().len(), 2);
        assert!(decoded(&json!([bad, other])).unwrap().is_empty());
        assert!(decoded(&json!([])).unwrap().is_empty());
        assert!(matches!(decoded(&json!([bad, 5])), Err(EventError::Subject)));
    }

    #[test]
    fn an_invalid_message_is_an_error_that_does_not_quote_it() {
        for message in [
            json!("a secret"),
            json!(""),
            json!(5),
            json!(null),
            json!({ "secret": 1 }),
            json!({ "eventType": BLOB_CREATED }),
            json!({ "eventType": BLOB_CREATED, "subject": "secret" }),
        ] {
            let why = decoded(&message).unwrap_err().to_string();
            assert!(!why.contains("secret"), "{why}");
        }
        for body in ["", "null", "{", "{}", r#"{"Data":{}}"#, r#"{"Data":[]}"#] {
            decode(body.as_bytes()).unwrap_err();
        }
    }
}
