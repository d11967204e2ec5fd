//! What is pushed, and what the answers of a service mean, whichever it is.

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

/// Most of an error file that is kept.
pub(crate) const MAX_ERRORS_BYTES: usize = 16 << 20;

/// What is pushed. It is streamed and never held, with a Content-Length.
pub struct PushBody<S> {
    /// What its bytes are.
    pub upload: PayloadFormat,
    /// How many there are.
    pub bytes: u64,
    /// The bytes.
    pub content: S,
}

/// Why there is no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceError {
    /// It may be better later.
    Later {
        /// Why.
        reason: Reason,
        /// When the service wants to be asked again.
        retry_at: Option<OffsetDateTime>,
    },
    /// Nobody of the connection is let in.
    Forbidden,
    /// Asking again will not help.
    Refused(Reason),
}

impl ServiceError {
    /// It may be better later, and the service does not say when.
    pub(crate) fn later(reason: Reason) -> Self {
        Self::Later { reason, retry_at: None }
    }

    pub(super) fn unreadable(operation: Operation, detail: impl Into<Text>) -> Self {
        Self::later(Reason::AnswerUnreadable { operation, detail: Some(detail.into()) })
    }

    /// When the service wants to be asked again.
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

/// What an answer means that is not the one hoped for.
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

/// A page where JSON should be.
pub(super) fn is_page(body: &[u8]) -> bool {
    document::unmarked(body).trim_ascii_start().first() == Some(&b'<')
}

/// A page where a file of any type may be.
pub(super) fn is_html(body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&body[..body.len().min(4096)]).to_ascii_lowercase();
    is_page(body) && start.contains("<html")
}

/// What came of one push. Only the first and, perhaps, the fourth mean that the service has the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushOutcome {
    /// The service has taken the file.
    Accepted {
        /// How to ask what becomes of it; `None` where the service reports no outcome.
        tracking: Option<Tracking>,
    },
    /// The service has not finished the tenant's previous import.
    Busy,
    /// The push surely was not taken, for a reason that will pass or that somebody corrects.
    NotSent {
        /// Why.
        reason: Reason,
        /// When the service wants to be asked again.
        retry_at: Option<OffsetDateTime>,
    },
    /// Nobody knows whether the push arrived.
    OutcomeUnknown(NoOutcome),
    /// The service failed at the push and surely has not taken it. The reason may be our own.
    Failed {
        /// The status of its answer.
        status: u16,
    },
    /// Nobody of the connection is let in.
    Forbidden,
    /// The token was not accepted; the one at hand was forgotten, so that the next is fresh.
    Unauthorized {
        /// The status of the answer: 401, or 200 with a sign-in page.
        status: u16,
    },
    /// The service refuses, and asking again will not help.
    Rejected(Reason),
}

/// How to ask what becomes of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracking {
    /// The service's id of it.
    pub id: IngestionId,
    /// Its first word.
    pub status: Status,
}

impl From<ServiceError> for PushOutcome {
    /// What an error means for a push that surely was not taken.
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Later { reason, retry_at } => Self::NotSent { reason, retry_at },
            ServiceError::Forbidden => Self::Forbidden,
            // A token that is not accepted is a matter of the credential, which somebody corrects.
            ServiceError::Refused(reason) if reason.code().ends_by_correction() => {
                Self::NotSent { reason, retry_at: None }
            }
            ServiceError::Refused(reason) => Self::Rejected(reason),
        }
    }
}
