//! The body of a push, and what the answers of any service mean.

use reqwest::{StatusCode, header::LOCATION};
use time::OffsetDateTime;
use url::Url;

use crate::{
    http::Answer,
    import::{
        IngestionId, PollPath, Status,
        reason::{NoOutcome, Operation, Reason, Text},
    },
    schema::{PayloadFormat, document},
    target::trace,
};

/// The most bytes of an error file that are read.
pub(crate) const MAX_ERRORS_BYTES: usize = 16 << 20;

/// The body of a push. It is streamed with a Content-Length, and never held in memory.
pub struct PushBody<S> {
    /// Its format.
    pub upload: PayloadFormat,
    /// Its length in bytes.
    pub bytes: u64,
    /// The bytes.
    pub content: S,
}

/// Why there is no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceError {
    /// A later request may succeed.
    Later {
        /// Why.
        reason: Reason,
        /// When the service accepts the next request, if it says so.
        retry_at: Option<OffsetDateTime>,
    },
    /// The service answered 403.
    Forbidden {
        /// The tenant that issued the token, if it is not the tenant of the caller.
        token_tenant: Option<Text>,
    },
    /// The same request will not succeed later.
    Refused(Reason),
}

impl ServiceError {
    /// A later request may succeed, and the service does not say when.
    pub(crate) fn later(reason: Reason) -> Self {
        Self::Later { reason, retry_at: None }
    }

    pub(super) fn unreadable(operation: Operation, detail: impl Into<Text>) -> Self {
        Self::later(Reason::AnswerUnreadable { operation, detail: Some(detail.into()) })
    }

    /// When the service accepts the next request, if it says so.
    #[must_use]
    pub fn retry_at(&self) -> Option<OffsetDateTime> {
        match self {
            Self::Later { retry_at, .. } => *retry_at,
            Self::Forbidden { .. } | Self::Refused(_) => None,
        }
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Later { reason, .. } | Self::Refused(reason) => reason.clone(),
            Self::Forbidden { token_tenant } => {
                Reason::Forbidden { token_tenant: token_tenant.clone() }
            }
        }
    }
}

/// The error of an answer that is not a success.
pub(super) fn error_of(answer: &Answer, operation: Operation) -> ServiceError {
    let status = answer.status.as_u16();
    match answer.status {
        StatusCode::FORBIDDEN => ServiceError::Forbidden { token_tenant: None },
        _ if is_sign_in(answer) => ServiceError::Refused(Reason::TokenRejected { status }),
        other if other.is_success() => {
            ServiceError::later(Reason::AnswerUnreadable { operation, detail: None })
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => put_off(answer, operation),
        other if other.is_server_error() => put_off(answer, operation),
        _ => {
            let codes = trace::codes(&answer.body);
            ServiceError::Refused(Reason::ServiceRefused { operation, status, codes })
        }
    }
}

fn put_off(answer: &Answer, operation: Operation) -> ServiceError {
    let reason = Reason::ServiceUnavailable { operation, status: answer.status.as_u16() };
    ServiceError::Later { reason, retry_at: answer.retry_at }
}

/// Whether an answer means that the token was not accepted: 401, a sign-in page, or a redirect to a sign-in.
pub(super) fn is_sign_in(answer: &Answer) -> bool {
    let status = answer.status;
    status == StatusCode::UNAUTHORIZED
        || (status.is_success() && is_page(&answer.body))
        || (status.is_redirection()
            && location(answer).is_some_and(|host| host.starts_with("login.")))
}

/// The host to which a redirect leads.
fn location(answer: &Answer) -> Option<String> {
    let to = Url::parse(answer.headers.get(LOCATION)?.to_str().ok()?).ok()?;
    to.host_str().map(str::to_owned)
}

/// Whether a body that should be JSON is a page. A JSON document never begins like one.
pub(super) fn is_page(body: &[u8]) -> bool {
    document::unmarked(body).trim_ascii_start().first() == Some(&b'<')
}

/// Whether a body that may be a file of any type is a page.
pub(super) fn is_html(body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&body[..body.len().min(4096)]).to_ascii_lowercase();
    is_page(body) && start.contains("<html")
}

/// What a ping says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ping {
    /// The connector is ready for a push of this caller.
    Ready,
    /// The service did not say whether it is; only a push shows it.
    Unclear {
        /// The status of its answer.
        status: u16,
    },
}

/// The outcome of one push. The service has the file after `Accepted`, perhaps after `OutcomeUnknown`, and
/// probably after `AnswerUnreadable`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushOutcome {
    /// The service has accepted the file.
    Accepted {
        /// How to poll the ingestion; `None` if the service reports no outcome.
        tracking: Option<Tracking>,
    },
    /// The service has not finished the tenant's previous import.
    Busy,
    /// The service does not have the file, for a reason that passes or that a person corrects.
    NotSent {
        /// Why.
        reason: Reason,
        /// When the service accepts the next request, if it says so.
        retry_at: Option<OffsetDateTime>,
    },
    /// It is not known whether the push arrived.
    OutcomeUnknown(NoOutcome),
    /// The service answered with a success status, but neither with an ingestion nor with a sign-in page. It
    /// probably has the file, and nobody here knows its id, so the push must not be repeated unseen.
    AnswerUnreadable {
        /// The status of its answer.
        status: u16,
        /// What is wrong with the answer.
        detail: Text,
    },
    /// The service failed at the push and does not have the file. The body may be the cause.
    Failed {
        /// The status of its answer.
        status: u16,
        /// The error codes in its answer.
        codes: Vec<Text>,
    },
    /// The service answered 403.
    Forbidden {
        /// The tenant that issued the token, if it is not the tenant of the caller.
        token_tenant: Option<Text>,
    },
    /// The token was not accepted. It was dropped, so that the next request gets a new one.
    Unauthorized {
        /// The status of the answer: 401, a redirect to a sign-in, or 200 with a sign-in page.
        status: u16,
    },
    /// The service does not accept the push, and will not later.
    Rejected(Reason),
}

/// The ingestion of an accepted push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracking {
    /// The id of the ingestion.
    pub id: IngestionId,
    /// Its first status.
    pub status: Status,
}

/// The answer to a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polled {
    /// The status of the ingestion.
    pub status: Status,
    /// The path that worked.
    pub path: PollPath,
}

impl From<ServiceError> for PushOutcome {
    /// The outcome of a push that the service does not have.
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Later { reason, retry_at } => Self::NotSent { reason, retry_at },
            ServiceError::Forbidden { token_tenant } => Self::Forbidden { token_tenant },
            // A person corrects the credential of a token that is not accepted.
            ServiceError::Refused(reason) if reason.code().ends_by_correction() => {
                Self::NotSent { reason, retry_at: None }
            }
            ServiceError::Refused(reason) => Self::Rejected(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName};

    use super::*;

    fn answer(status: u16, header: (HeaderName, &str), body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(header.0, header.1.parse().unwrap());
        let (status, body) = (StatusCode::from_u16(status).unwrap(), body.into());
        Answer { status, headers, retry_at: None, body, is_whole: true }
    }

    #[test]
    fn an_answer_is_a_sign_in_by_its_body_or_where_it_leads() {
        let html = || (CONTENT_TYPE, "text/html");
        assert!(is_sign_in(&answer(200, html(), "\u{feff} <html>")));
        assert!(is_sign_in(&answer(401, html(), "")));
        // An ingestion is one whatever its type, and an empty answer is no page.
        assert!(!is_sign_in(&answer(200, html(), r#"{"Id":"42"}"#)));
        assert!(!is_sign_in(&answer(200, html(), "")));
        for (status, to, expected) in [
            (302, "https://login.microsoftonline.com/common/oauth2/authorize", true),
            (307, "https://login.microsoftonline.us/x", true),
            (302, "https://api2.orginsights.viva.office.com/login", false),
            (303, "/elsewhere", false),
        ] {
            assert_eq!(is_sign_in(&answer(status, (LOCATION, to), "")), expected, "{status} {to}");
        }
    }
}
