//! The errors that the proxy answers itself, each in the form of the service behind it.
//!
//! Source: "Status and error codes" and "Perform entity group transactions" in Microsoft's documentation of Azure
//! Storage. The table service has no header with the error code, and a transaction fails inside an answer 202.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use super::Upstream;

const TABLE_JSON: &str = "application/json;odata=minimalmetadata;streaming=true;charset=utf-8";

/// The answer with this status to a request for `path`.
pub(super) fn error(
    upstream: Upstream,
    path: &str,
    status: u16,
    retry_after: Option<&'static str>,
) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    let mut answer = match upstream {
        Upstream::Blob => in_xml(status, "BlobNotFound"),
        Upstream::Queue => in_xml(status, "MessageNotFound"),
        Upstream::Table if path.ends_with("/$batch") && status.is_client_error() => {
            of_transaction(status)
        }
        Upstream::Table => {
            (status, [(header::CONTENT_TYPE, TABLE_JSON)], table_body(status, "")).into_response()
        }
        Upstream::Service => status.into_response(),
    };
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    answer
}

/// The answer of the blob or the queue service, with the code for what is not there.
fn in_xml(status: StatusCode, not_found: &'static str) -> Response {
    let code = match status.as_u16() {
        403 => "AuthorizationPermissionMismatch",
        404 => not_found,
        409 => "LeaseIdMismatchWithBlobOperation",
        412 => "ConditionNotMet",
        503 => "ServerBusy",
        _ => "InternalError",
    };
    let body = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>No.\n\
         RequestId:c1d2\nTime:2026-11-24T10:00:04.1234567Z</Message></Error>"
    );
    let headers = [("x-ms-error-code", code), ("content-type", "application/xml")];
    (status, headers, body).into_response()
}

fn table_body(status: StatusCode, of_write: &str) -> String {
    let code = match status.as_u16() {
        403 => "AuthorizationPermissionMismatch",
        404 => "ResourceNotFound",
        409 => "EntityAlreadyExists",
        412 => "UpdateConditionNotSatisfied",
        503 => "ServerBusy",
        _ => "InternalError",
    };
    format!(
        r#"{{"odata.error":{{"code":"{code}","message":{{"lang":"en-US","value":"{of_write}No.\nRequestId:c1d2\nTime:2026-11-24T10:00:04.1234567Z"}}}}}}"#
    )
}

/// The failure of the first write of a transaction.
fn of_transaction(status: StatusCode) -> Response {
    let body = format!(
        "--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_2\r\n\r\n\
         --changesetresponse_2\r\nContent-Type: application/http\r\n\
         Content-Transfer-Encoding: binary\r\n\r\n\
         HTTP/1.1 {status}\r\nX-Content-Type-Options: nosniff\r\nDataServiceVersion: 3.0;\r\n\
         Content-Type: {TABLE_JSON}\r\n\r\n{}\r\n--changesetresponse_2--\r\n--batchresponse_1--\r\n",
        table_body(status, "0:")
    );
    let kind = "multipart/mixed; boundary=batchresponse_1";
    (StatusCode::ACCEPTED, [(header::CONTENT_TYPE, kind)], body).into_response()
}
