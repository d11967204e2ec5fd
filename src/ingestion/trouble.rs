//! What an answer of the service means that is not the one hoped for.

use reqwest::StatusCode;
use time::OffsetDateTime;

use crate::{
    http::Answer,
    import::{
        Event,
        reason::{Operation, Reason, Text},
    },
    schema::json,
};

/// Why there is no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
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

impl Trouble {
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

    /// What it means for an import that has not been pushed.
    #[must_use]
    pub fn before_push(self) -> Event {
        match self {
            Self::Later { reason, retry_at } => Event::Faulted { reason, retry_at },
            Self::Forbidden => Event::Forbidden,
            // A token that is not accepted is a matter of the credential, which somebody corrects.
            Self::Refused(reason) if reason.code().ends_by_correction() => {
                Event::Faulted { reason, retry_at: None }
            }
            Self::Refused(reason) => Event::PushRefused { reason },
        }
    }

    /// What it means for a push that surely was not taken.
    pub(super) fn at_push(self) -> Event {
        match self {
            Self::Later { reason, retry_at } => Event::NotSent { reason, retry_at },
            Self::Refused(reason) if reason.code().ends_by_correction() => {
                Event::NotSent { reason, retry_at: None }
            }
            Self::Forbidden | Self::Refused(_) => self.before_push(),
        }
    }

    /// What it means for an import that the service has: nothing is decided.
    #[must_use]
    pub fn after_push(self) -> Event {
        let mut reason = self.reason().clone();
        if let Reason::ServiceRefused { operation, status } = reason {
            reason = Reason::PollRefused { operation, status };
        } else if reason == Reason::Forbidden {
            reason = Reason::PollForbidden;
        }
        Event::Faulted { retry_at: self.retry_at(), reason }
    }
}

/// What an answer means that is not the one hoped for.
pub(super) fn trouble(answer: &Answer, operation: Operation) -> Trouble {
    let status = answer.status.as_u16();
    match answer.status {
        StatusCode::FORBIDDEN => Trouble::Forbidden,
        StatusCode::UNAUTHORIZED => Trouble::Refused(Reason::TokenRejected { status }),
        other if other.is_success() => {
            Trouble::later(Reason::AnswerUnreadable { operation, detail: None })
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => put_off(answer, operation),
        other if other.is_server_error() => put_off(answer, operation),
        _ => Trouble::Refused(Reason::ServiceRefused { operation, status }),
    }
}

fn put_off(answer: &Answer, operation: Operation) -> Trouble {
    let reason = Reason::ServiceUnavailable { operation, status: answer.status.as_u16() };
    Trouble::Later { reason, retry_at: answer.retry_at }
}

/// A page where JSON should be.
pub(super) fn is_page(body: &[u8]) -> bool {
    json::unmarked(body).trim_ascii_start().first() == Some(&b'<')
}

/// A page where a file of any type may be.
pub(super) fn is_html(body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&body[..body.len().min(4096)]).to_ascii_lowercase();
    is_page(body) && start.contains("<html")
}
