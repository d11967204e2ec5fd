//! The service's JSON.
//!
//! Source: "Import organizational data using API-based import (first import)", section "About the
//! Viva Insights HR data ingress API", on Microsoft Learn. Keys are documented in Pascal case and read without
//! regard to case. An unknown status is not an error.

use serde_json::Value;

use crate::{
    import::Status,
    schema::{document, is_plain_name},
};

/// The longest id that is kept, in characters.
const LONGEST_ID: usize = 512;
/// What .NET writes for a time that was never set.
const NO_DATE: &str = "0001-01-01";

/// An ingestion in the answer to a push or a poll. `ErrorDetail` is not read, because it may quote the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ingestion {
    /// `Id`: any text that is not blank, bounded.
    pub(super) id: String,
    /// `Status`, as an end if there is an `EndDate`.
    pub(super) status: Status,
}

/// Why a body is not an ingestion, without quoting it.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// It cannot be read as JSON.
    #[error("it is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// It has no `Id`.
    #[error("it contains no Id")]
    NoId,
}

impl Ingestion {
    /// Reads the body of an answer.
    ///
    /// # Errors
    /// If it is not an ingestion.
    pub(super) fn parse(body: &[u8]) -> Result<Self, WireError> {
        // For JSON of any shape, only a syntax error is possible, whose text quotes no value.
        let body: Value =
            serde_json::from_slice(document::unmarked(body)).map_err(WireError::NotJson)?;
        let text = |name: &str| {
            let value = field(&body, name)?;
            let value = value.as_u64().map_or_else(
                || value.as_str().map(|text| text.trim().to_owned()),
                |number| Some(number.to_string()),
            )?;
            (!value.is_empty()).then_some(value)
        };
        let has_ended = text("EndDate").is_some_and(|end| !end.starts_with(NO_DATE));
        // Points alone would be another path.
        let id = text("Id").filter(|id| !id.bytes().all(|byte| byte == b'.'));
        let id = id.ok_or(WireError::NoId)?.chars().take(LONGEST_ID).collect();
        // An `Id` is enough: the status can be polled.
        let status = text("Status").map_or(Status::NotStarted, |it| Status::parse(&it, has_ended));
        Ok(Self { id, status })
    }
}

/// A member of a JSON object by its name, in upper or lower case.
fn field<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let mut members = object.as_object()?.iter();
    members.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Whether the answer to a ping contains a connector's id.
#[must_use]
pub(super) fn has_connector(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body)
        .is_ok_and(|body| field(&body, "ConnectorId").is_some_and(Value::is_string))
}

/// The scale unit without its quotes, if it can be a header value.
#[must_use]
pub(super) fn scale_unit(body: &[u8]) -> Option<String> {
    let unit = std::str::from_utf8(body).ok()?.trim().trim_matches('"');
    is_plain_name(unit).then(|| unit.to_owned())
}

/// Whether the body of a 400 says that the tenant's previous ingestion is still running.
#[must_use]
pub(super) fn is_busy(body: &[u8]) -> bool {
    String::from_utf8_lossy(body)
        .to_ascii_lowercase()
        .contains("previous ingestion is not complete")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The answer as Microsoft's page prints it.
    const PRINTED: &str = r#"{
      "FriendlyName": "Data ingress", "Id": "42", "ConnectorId": "7", "Submitter": "System",
      "StartDate": "2023-05-08T19:07:07.4994043Z", "Status": "NotStarted",
      "ErrorDetail": null, "EndDate": null, "Type": "FileIngestion" }"#;

    #[test]
    fn the_printed_answer_is_read_also_in_other_case_and_with_new_keys() {
        let expected = Ingestion { id: "42".to_owned(), status: Status::NotStarted };
        for body in [
            PRINTED,
            &format!("\u{feff}{PRINTED}"),
            &PRINTED.replacen("null", r#""text""#, 1),
            &PRINTED.replacen("null", r#"{"Code":1}"#, 1),
            r#"{"id":"42","status":"notstarted","new":[]}"#,
            r#"{"Id":42,"Status":"NotStarted"}"#,
        ] {
            assert_eq!(Ingestion::parse(body.as_bytes()).unwrap(), expected);
        }
    }

    #[test]
    fn an_id_without_a_status_is_enough_to_ask_for_it() {
        for body in [r#"{"Id":"42"}"#, r#"{"Id":"42","Status":null}"#] {
            let ingestion = Ingestion::parse(body.as_bytes()).unwrap();
            assert_eq!(ingestion.status, Status::NotStarted);
        }
    }

    #[test]
    fn a_status_code_alone_is_no_success() {
        for body in [
            "",
            "null",
            "<html>sign in</html>",
            "{",
            "[]",
            r#"{"Id":"","Status":"NotStarted"}"#,
            r#"{"Id":null,"Status":"NotStarted"}"#,
            r#"{"Id":"..","Status":"NotStarted"}"#,
        ] {
            Ingestion::parse(body.as_bytes()).unwrap_err();
        }
        assert!(has_connector(br#"{"ConnectorId":"7"}"#));
        assert!(!has_connector(b"{}") && !has_connector(b"<html>"));
    }

    #[test]
    fn an_id_of_any_shape_is_kept() {
        for id in ["{0e7d1f2a-0000-4000-8000-000000000001}", "job_2026_001", "a/b c", "\u{e9}"] {
            let body = json!({ "Id": format!(" {id} "), "Status": "NotStarted" }).to_string();
            assert_eq!(Ingestion::parse(body.as_bytes()).unwrap().id, id);
        }
        let long = json!({ "Id": "x".repeat(9_999) }).to_string();
        assert_eq!(Ingestion::parse(long.as_bytes()).unwrap().id.len(), LONGEST_ID);
    }

    #[test]
    fn a_word_that_is_not_documented_is_an_end_by_its_end_date_or_by_itself() {
        let status = |status: &str, end: Value| {
            let body = json!({ "Id": "42", "Status": status, "EndDate": end }).to_string();
            Ingestion::parse(body.as_bytes()).unwrap().status
        };
        let date = || json!("2026-11-30T07:00:00Z");
        let ended = |word: &str| Status::UnknownEnd(word.into());
        assert_eq!(status("Failed", Value::Null), ended("Failed"));
        assert_eq!(status("Data processing", date()), ended("Data processing"));
        assert_eq!(
            status("Data processing", Value::Null),
            Status::Unknown("Data processing".into())
        );
        assert_eq!(
            status("Paused", json!("0001-01-01T00:00:00")),
            Status::Unknown("Paused".into())
        );
        // A documented word means what is documented.
        assert_eq!(status("Completed", Value::Null), Status::Completed);
        assert_eq!(status("ExtractionComplete", date()), Status::ExtractionComplete);
    }

    #[test]
    fn a_scale_unit_must_be_a_header_value() {
        assert_eq!(scale_unit(b"\"novaprdwus2-02\""), Some("novaprdwus2-02".to_owned()));
        assert_eq!(scale_unit(b"novaprdwus2-02\n"), Some("novaprdwus2-02".to_owned()));
        for body in [&b"\"\""[..], b"<html>", b"\"a b\"", b"\"a\\r\\nx: y\"", b"\xFF", &[b'a'; 65]]
        {
            assert_eq!(scale_unit(body), None);
        }
    }

    #[test]
    fn busy_is_recognized_by_its_text() {
        assert!(is_busy(b"Previous ingestion is not complete."));
        assert!(is_busy(br#"{"message":"Bad request: PREVIOUS INGESTION IS NOT COMPLETE"}"#));
        assert!(!is_busy(b"Bad request"));
    }
}
