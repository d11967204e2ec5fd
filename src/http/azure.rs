//! What the clients of the Azure SDK share: connections, retries, and what is told of their errors.

use std::{sync::Arc, time::Duration};

use azure_core::{
    Error,
    error::ErrorKind,
    http::{ClientOptions, ExponentialRetryOptions, RetryOptions, Transport},
};

use super::Destination;

/// Options under which neither a try nor all tries together wait for ever: the next try is begun
/// no later than `answer_timeout` after the end of the first.
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

/// Connections, on which no try waits longer for an answer. Where they may speak TLS, to make them
/// reads every certificate that this machine trusts, so they are shared where they can be.
pub(crate) fn transport(
    to: Destination,
    answer_timeout: Duration,
) -> azure_core::Result<Transport> {
    let client = super::build(super::client(to).read_timeout(answer_timeout), "Azure")
        .map_err(|error| Error::new(ErrorKind::Other, error))?;
    Ok(Transport::new(Arc::new(client)))
}

/// Tries of which none is begun later than `answer_timeout` after the first.
pub(crate) fn retries(answer_timeout: Duration) -> RetryOptions {
    RetryOptions::exponential(ExponentialRetryOptions {
        max_total_elapsed: answer_timeout.try_into().unwrap_or(time::Duration::MAX),
        ..Default::default()
    })
}

/// An error of storage or of a credential as one sentence for a log or a row.
///
/// Only the status and the service's own error code are told: bodies may quote what was sent.
#[must_use]
pub(crate) fn sentence(error: &Error) -> String {
    // When the retries have been used up, what was answered last stands behind that.
    let behind = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<Error>());
    if let Some(behind) = behind {
        let is_of_token = |error: &Error| matches!(error.kind(), ErrorKind::Credential);
        let what = sentence(behind);
        let told = is_of_token(behind) || !is_of_token(error);
        return if told { what } else { format!("no token could be had: {what}") };
    }
    match error.kind() {
        ErrorKind::HttpResponse { status, error_code, .. } => {
            let status = u16::from(*status);
            // The SDK puts the status where there is no code.
            let code = error_code.as_deref().filter(|code| *code != status.to_string());
            format!("it answered {status} ({})", code.unwrap_or("no error code"))
        }
        ErrorKind::Credential => {
            format!("no token could be had: {}", first_line(&error.to_string()))
        }
        ErrorKind::Connection | ErrorKind::Io | ErrorKind::DataConversion | ErrorKind::Other => {
            let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref());
            cause.map_or_else(|| first_line(&error.to_string()), super::broke)
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_retries_ended_on_is_told_and_not_that_they_ended() {
        let refused = Error::with_message(ErrorKind::Io, "connection refused");
        let retried = refused.with_context("retry policy expired");
        assert_eq!(sentence(&retried), "connection refused");
        let plain = Error::with_message(ErrorKind::Io, "first line\nsecond line");
        assert_eq!(sentence(&plain), "first line");
        let refused = Error::with_message(ErrorKind::Io, "connection refused");
        let no_token = Error::with_error(ErrorKind::Credential, refused, "could not sign in");
        let no_token = no_token.with_context("not retried");
        assert_eq!(sentence(&no_token), "no token could be had: connection refused");
    }

    #[test]
    fn an_answer_without_a_code_is_told_in_one_form() {
        for (code, told) in [
            (None, "it answered 403 (no error code)"),
            (Some("403"), "it answered 403 (no error code)"),
            (Some("AuthorizationFailure"), "it answered 403 (AuthorizationFailure)"),
        ] {
            let error_code = code.map(str::to_owned);
            let kind =
                ErrorKind::HttpResponse { status: 403.into(), error_code, raw_response: None };
            assert_eq!(sentence(&Error::with_message(kind, "a body")), told);
        }
    }
}
