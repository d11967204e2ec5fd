//! What an answer of the service means that is not the one hoped for.

use reqwest::StatusCode;
use time::OffsetDateTime;

use crate::{connection::json, http::Answer, run::Event};

/// What a 403 can mean; the service does not say which.
const FORBIDDEN: &str = "the service answered 403, which means one of three: the connector was \
     never set up or was removed in Viva Insights; the client id entered there is not the one that \
     pushes; or the token was not accepted. Compare the client id under Data connections with the \
     credential of the connection";

/// What a 401 means.
pub(super) const UNAUTHORIZED: &str = "the service answered 401; if it does so to a fresh token, compare \
     INGESTION_SCOPE and the credential of the connection";

/// Why there is no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It may be better later.
    Later {
        /// Why.
        why: String,
        /// When the service wants to be asked again.
        retry_at: Option<OffsetDateTime>,
    },
    /// Nobody of the connection is let in.
    Forbidden,
    /// Asking again will not help.
    Refused(String),
}

impl Trouble {
    pub(super) fn later(why: impl Into<String>) -> Self {
        Self::Later { why: why.into(), retry_at: None }
    }

    /// When the service wants to be asked again.
    #[must_use]
    pub fn retry_at(&self) -> Option<OffsetDateTime> {
        match self {
            Self::Later { retry_at, .. } => *retry_at,
            Self::Forbidden | Self::Refused(_) => None,
        }
    }

    /// Why, in words.
    #[must_use]
    pub fn why(self) -> String {
        match self {
            Self::Later { why, .. } | Self::Refused(why) => why,
            Self::Forbidden => FORBIDDEN.to_owned(),
        }
    }

    /// What it means for an import that has not been pushed.
    #[must_use]
    pub fn before_push(self) -> Event {
        match self {
            Self::Later { why, retry_at } => Event::Faulted { why, retry_at },
            Self::Forbidden => Event::Forbidden { why: FORBIDDEN.to_owned() },
            Self::Refused(why) => Event::PushRefused { why },
        }
    }

    /// What it means for a push that surely was not taken.
    pub(super) fn at_push(self) -> Event {
        match self {
            Self::Later { why, retry_at } => Event::NotSent { why, retry_at },
            Self::Forbidden | Self::Refused(_) => self.before_push(),
        }
    }

    /// What it means for an import that the service has: nothing is decided.
    #[must_use]
    pub fn after_push(self) -> Event {
        match self {
            Self::Later { why, retry_at } => Event::Faulted { why, retry_at },
            Self::Forbidden => Event::Faulted { why: FORBIDDEN.to_owned(), retry_at: None },
            Self::Refused(why) => Event::Faulted { why, retry_at: None },
        }
    }
}

/// What an answer means that is not the one hoped for.
pub(super) fn trouble(answer: &Answer, to: &str) -> Trouble {
    let status = answer.status.as_u16();
    match answer.status {
        StatusCode::FORBIDDEN => Trouble::Forbidden,
        StatusCode::UNAUTHORIZED => Trouble::Refused(UNAUTHORIZED.to_owned()),
        StatusCode::NOT_FOUND => Trouble::Refused(format!(
            "the service answered 404 to {to}: the tenant id, the scale unit or INGESTION_ENDPOINT \
             is wrong"
        )),
        other if other.is_success() => {
            Trouble::later(format!("the service's answer to {to} could not be read"))
        }
        other if other.is_redirection() => Trouble::Refused(format!(
            "the service answered {status} to {to}, a redirect, which is not followed with a \
             token; compare INGESTION_ENDPOINT"
        )),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Trouble::Later {
            why: format!("the service answered {status} to {to}"),
            retry_at: answer.retry_at,
        },
        other if other.is_server_error() => Trouble::Later {
            why: format!("the service answered {status} to {to}"),
            retry_at: answer.retry_at,
        },
        _ => Trouble::Refused(format!("the service answered {status} to {to}")),
    }
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

pub(super) fn sign_in_page() -> String {
    "the service answered with a sign-in page instead of data: it did not accept the token; compare \
     INGESTION_SCOPE and the credential of the connection"
        .to_owned()
}
