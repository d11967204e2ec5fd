//! The body of a push, and what the answers of any service mean.

use reqwest::StatusCode;
use time::OffsetDateTime;

use crate::{
    http::Answer,
    import::{
        IngestionId, Status,
        reason::{NoOutcome, Operation, Reason, Text},
    },
    schema::{PayloadFormat, document},
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
    Forbidden,
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
            Self::Forbidden | Self::Refused(_) => None,
        }
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        match self {
            Self::Later { reason, .. } | Self::Refused(reason) => reason,
            Self::Forbidden => &Reason::Forbidden,
        }
    }
}

/// The error of an answer that is not a success.
pub(super) fn error_of(answer: &Answer, operation: Operation) -> ServiceError {
    let status = answer.status.as_u16();
    match answer.status {
        StatusCode::FORBIDDEN => ServiceError::Forbidden,
        StatusCode::UNAUTHORIZED => ServiceError::Refused(Reason::TokenRejected { status }),
        other if other.is_success() => {
            ServiceError::later(Reason::AnswerUnreadable { operation, detail: None })
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => put_off(answer, operation),
        other if other.is_server_error() => put_off(answer, operation),
        _ => ServiceError::Refused(Reason::ServiceRefused { operation, status }),
    }
}

fn put_off(answer: &Answer, operation: Operation) -> ServiceError {
    let reason = Reason::ServiceUnavailable { operation, status: answer.status.as_u16() };
    ServiceError::Later { reason, retry_at: answer.retry_at }
}

/// Whether a body that should be JSON is a page.
pub(super) fn is_page(body: &[u8]) -> bool {
    document::unmarked(body).trim_ascii_start().first() == Some(&b'<')
}

/// Whether a body that may be a file of any type is a page.
pub(super) fn is_html(body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&body[..body.len().min(4096)]).to_ascii_lowercase();
    is_page(body) && start.contains("<html")
}

/// The outcome of one push. The service has the file after `Accepted`, and perhaps after `OutcomeUnknown`.
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
    /// The service failed at the push and does not have the file. The body may be the cause.
    Failed {
        /// The status of its answer.
        status: u16,
    },
    /// The service answered 403.
    Forbidden,
    /// The token was not accepted. It was dropped, so that the next request gets a new one.
    Unauthorized {
        /// The status of the answer: 401, or 200 with a sign-in page.
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

impl From<ServiceError> for PushOutcome {
    /// The outcome of a push that did not get as far as its request.
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Later { reason, retry_at } => Self::NotSent { reason, retry_at },
            ServiceError::Forbidden => Self::Forbidden,
            // A person corrects the credential of a token that is not accepted.
            ServiceError::Refused(reason) if reason.code().ends_by_correction() => {
                Self::NotSent { reason, retry_at: None }
            }
            ServiceError::Refused(reason) => Self::Rejected(reason),
        }
    }
}
