//! What an answer of the service means that is not the one hoped for.

use reqwest::StatusCode;
use time::OffsetDateTime;

use crate::{
    http::Answer,
    import::reason::{Operation, Reason, Text},
    schema::document,
};

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
