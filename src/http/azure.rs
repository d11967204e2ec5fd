//! What the clients of the Azure SDK share: connections, retries, and the text of their errors.

use std::{sync::Arc, time::Duration};

use azure_core::{
    Error,
    error::ErrorKind,
    http::{ClientOptions, ExponentialRetryOptions, RetryOptions, Transport, headers::HeaderName},
};

use super::Destination;

/// Options that limit each attempt and all attempts together: no attempt begins later than
/// `answer_timeout` after the end of the first.
pub(crate) fn client_options(
    to: Destination,
    answer_timeout: Duration,
) -> azure_core::Result<ClientOptions> {
    Ok(ClientOptions {
        transport: Some(transport(to, answer_timeout)?),
        retry: retries(answer_timeout),
        ..Default::default()
    })
}

/// Connections on which no attempt waits longer than `answer_timeout` for an answer.
///
/// With TLS, making them reads every certificate that this machine trusts, so they are shared if possible.
pub(crate) fn transport(
    to: Destination,
    answer_timeout: Duration,
) -> azure_core::Result<Transport> {
    let client = super::build(super::client(to).read_timeout(answer_timeout), "Azure")
        .map_err(|error| Error::new(ErrorKind::Other, error))?;
    Ok(Transport::new(Arc::new(client)))
}

/// Attempts of which none begins later than `answer_timeout` after the first.
pub(crate) fn retries(answer_timeout: Duration) -> RetryOptions {
    RetryOptions::exponential(ExponentialRetryOptions {
        max_total_elapsed: answer_timeout.try_into().unwrap_or(time::Duration::MAX),
        ..Default::default()
    })
}

/// An error of storage or of a credential as one sentence for a log or a row.
///
/// It contains only the status and the error code of the service, because a body may quote what was sent.
#[must_use]
pub(crate) fn sentence(error: &Error) -> String {
    // After the last retry, the error says only that; its source is the last answer.
    let source = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<Error>());
    if let Some(source) = source {
        let is_of_token = |error: &Error| matches!(error.kind(), ErrorKind::Credential);
        let what = sentence(source);
        let is_complete = is_of_token(source) || !is_of_token(error);
        return if is_complete { what } else { format!("{NO_TOKEN}: {what}") };
    }
    match error.kind() {
        ErrorKind::HttpResponse { status, error_code, .. } => {
            let status = u16::from(*status);
            // Without an error code, the SDK repeats the status.
            let code = error_code.as_deref().filter(|code| *code != status.to_string());
            format!("Azure Storage answered {status} ({})", code.unwrap_or("no error code"))
        }
        ErrorKind::Credential => {
            format!("{NO_TOKEN}: {}", first_line(&error.to_string()))
        }
        ErrorKind::Connection | ErrorKind::Io | ErrorKind::DataConversion | ErrorKind::Other => {
            let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref());
            cause.map_or_else(|| first_line(&error.to_string()), super::broke)
        }
    }
}

/// What storage said about a failed request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct StorageAnswer {
    /// The status of its answer.
    pub(crate) status: Option<u16>,
    /// Its error code.
    pub(crate) code: Option<String>,
    /// The id that it gave the request.
    pub(crate) request_id: Option<String>,
}

/// What storage said about a failed request; nothing if it did not answer.
pub(crate) fn storage_answer(error: &Error) -> StorageAnswer {
    let source = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<Error>());
    if let Some(source) = source {
        return storage_answer(source);
    }
    let ErrorKind::HttpResponse { status, error_code, raw_response } = error.kind() else {
        return StorageAnswer::default();
    };
    let headers = raw_response.as_ref().map(|response| response.headers());
    let id = headers.and_then(|headers| headers.get_optional_string(&REQUEST_ID));
    StorageAnswer { status: Some((*status).into()), code: error_code.clone(), request_id: id }
}

/// The codes by which storage says that nobody can read a blob.
const OF_ONE_BLOB: [&str; 3] =
    ["BlobArchived", "BlobBeingRehydrated", "BlobUsesCustomerSpecifiedEncryption"];

/// The code of storage, if it says that this blob cannot be read until a person does something.
pub(crate) fn blocked(error: &Error) -> Option<String> {
    storage_answer(error).code.filter(|code| OF_ONE_BLOB.contains(&code.as_str()))
}

/// Whether storage refused one request because of the blob or row that it is about. An account that is busy, away or
/// not permitted refuses others, too.
pub(crate) fn concerns_one(error: &Error) -> bool {
    storage_answer(error)
        .status
        .is_some_and(|status| (400..500).contains(&status) && !matches!(status, 401 | 403 | 429))
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const NO_TOKEN: &str = "no token was issued";

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use azure_core::http::{RawResponse, headers::Headers};

    use super::*;

    #[test]
    fn the_last_answer_is_the_reason_and_not_the_end_of_the_retries() {
        let refused = Error::with_message(ErrorKind::Io, "connection refused");
        let retried = refused.with_context("retry policy expired");
        assert_eq!(sentence(&retried), "connection refused");
        let plain = Error::with_message(ErrorKind::Io, "first line\nsecond line");
        assert_eq!(sentence(&plain), "first line");
        let refused = Error::with_message(ErrorKind::Io, "connection refused");
        let no_token = Error::with_error(ErrorKind::Credential, refused, "could not sign in");
        let no_token = no_token.with_context("not retried");
        assert_eq!(sentence(&no_token), "no token was issued: connection refused");
    }

    #[test]
    fn an_answer_without_a_code_has_one_text() {
        for (code, expected) in [
            (None, "Azure Storage answered 403 (no error code)"),
            (Some("403"), "Azure Storage answered 403 (no error code)"),
            (Some("AuthorizationFailure"), "Azure Storage answered 403 (AuthorizationFailure)"),
        ] {
            let error_code = code.map(str::to_owned);
            let kind =
                ErrorKind::HttpResponse { status: 403.into(), error_code, raw_response: None };
            assert_eq!(sentence(&Error::with_message(kind, "a body")), expected);
        }
    }

    #[test]
    fn the_id_of_a_failed_request_is_that_of_the_last_answer() {
        let mut headers = Headers::new();
        headers.insert(REQUEST_ID, "5f1c6c1e-0000-4000-8000-000000000001");
        let raw = RawResponse::from_bytes(503.into(), headers, vec![]);
        let kind = ErrorKind::HttpResponse {
            status: 503.into(),
            error_code: Some("ServerBusy".to_owned()),
            raw_response: Some(Box::new(raw)),
        };
        let busy = Error::with_message(kind, "a body").with_context("retry policy expired");
        let expected = StorageAnswer {
            status: Some(503),
            code: Some("ServerBusy".to_owned()),
            request_id: Some("5f1c6c1e-0000-4000-8000-000000000001".to_owned()),
        };
        assert_eq!(storage_answer(&busy), expected);
        let silent = Error::with_message(ErrorKind::Io, "connection refused");
        assert_eq!(storage_answer(&silent), StorageAnswer::default());
    }
}
