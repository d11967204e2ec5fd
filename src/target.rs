//! The services that take an import.
//!
//! A service is a module of its own that knows its paths; what its answers mean for a push and for a
//! question is the same for all: [`PushOutcome`] and [`ServiceError`].

use std::{sync::Arc, time::Duration};

use azure_core::credentials::AccessToken;
use bytes::Bytes;
use futures::Stream;
use reqwest::StatusCode;
use time::OffsetDateTime;

use self::{session::Session, viva::Viva};

use crate::{
    config::{Lookup, ServiceConfig},
    http::{Answer, ClientError},
    import::{
        IngestionId, Status,
        reason::{NoOutcome, Operation, Reason, Text},
    },
    schema::{PayloadFormat, ServiceIdentity, Target, document},
};

mod session;
mod viva;
pub mod wire;

/// Most of an error file that is kept.
pub const MAX_ERRORS_BYTES: usize = 16 << 20;

/// The services that take an import. Each call goes to the one that its caller names.
pub struct Service {
    session: Session,
}

/// What is pushed. It is streamed and never held, with a Content-Length.
pub struct PushBody<S> {
    /// What its bytes are.
    pub upload: PayloadFormat,
    /// How many there are.
    pub bytes: u64,
    /// The bytes.
    pub content: S,
}

impl Service {
    /// A client of the services at the address that `config` names; `setting` finds what a credential
    /// takes from a setting.
    ///
    /// # Errors
    /// Where no HTTP client can be built.
    pub fn new(config: ServiceConfig, setting: Arc<Lookup>) -> Result<Self, ClientError> {
        Ok(Self { session: Session::new(config, setting)? })
    }

    /// A token of the caller.
    ///
    /// # Errors
    /// Where none can be had.
    pub async fn token(&self, caller: &ServiceIdentity) -> Result<AccessToken, ServiceError> {
        self.session.token(caller).await
    }

    /// The service's address of the tenant, as the service tells it.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn discover(
        &self,
        caller: &ServiceIdentity,
        now: OffsetDateTime,
    ) -> Result<String, ServiceError> {
        self.session.discover(caller, now).await
    }

    /// The service's address of the tenant: as the service tells it, else as the caller does.
    ///
    /// # Errors
    /// Where neither does.
    pub async fn scale_unit(
        &self,
        caller: &ServiceIdentity,
        now: OffsetDateTime,
    ) -> Result<String, ServiceError> {
        match self.discover(caller, now).await {
            Ok(scale_unit) => Ok(scale_unit),
            Err(error) => caller.scale_unit.clone().ok_or(error),
        }
    }

    /// Finds the tenant's scale unit and asks whether its connector would take a push.
    ///
    /// # Errors
    /// Where no push should be tried now, or ever.
    pub async fn prepare(
        &self,
        caller: &ServiceIdentity,
        now: OffsetDateTime,
    ) -> Result<String, ServiceError> {
        let scale_unit = self.scale_unit(caller, now).await?;
        // Where the question cannot be asked, the push itself will tell.
        self.ping(caller, &scale_unit, now).await?;
        Ok(scale_unit)
    }

    /// Asks whether the tenant's connector would take a push of this caller: `false` where the
    /// service does not know that question.
    ///
    /// # Errors
    /// Where it would not, or does not say.
    pub async fn ping(
        &self,
        caller: &ServiceIdentity,
        scale_unit: &str,
        now: OffsetDateTime,
    ) -> Result<bool, ServiceError> {
        match caller.target {
            Target::Viva => Viva(&self.session).ping(caller, scale_unit, now).await,
        }
    }

    /// Pushes a file once; what came of it. It takes no longer than `limit`.
    ///
    /// Whoever calls it has written down that it does, or waits for the answer itself: nothing in here
    /// remembers a push.
    pub async fn submit<S>(
        &self,
        caller: &ServiceIdentity,
        scale_unit: &str,
        body: PushBody<S>,
        limit: Duration,
        now: OffsetDateTime,
    ) -> PushOutcome
    where
        S: Stream<Item = azure_core::Result<Bytes>> + Send + 'static,
    {
        match caller.target {
            Target::Viva => Viva(&self.session).submit(caller, scale_unit, body, limit, now).await,
        }
    }

    /// Asks where the service's work on a push stands.
    ///
    /// # Errors
    /// Where there is no usable answer; the ingestion goes on all the same.
    pub async fn poll(
        &self,
        caller: &ServiceIdentity,
        scale_unit: Option<&str>,
        id: &IngestionId,
        now: OffsetDateTime,
    ) -> Result<Status, ServiceError> {
        match caller.target {
            Target::Viva => Viva(&self.session).poll(caller, scale_unit, id, now).await,
        }
    }

    /// Fetches the service's errors of a push whose validation failed, or their first 16 MiB.
    ///
    /// # Errors
    /// Where they cannot be had.
    pub async fn errors(
        &self,
        caller: &ServiceIdentity,
        scale_unit: Option<&str>,
        id: &IngestionId,
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, ServiceError> {
        match caller.target {
            Target::Viva => Viva(&self.session).errors(caller, scale_unit, id, now).await,
        }
    }
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

    fn unreadable(operation: Operation, detail: impl Into<Text>) -> Self {
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
fn error_of(answer: &Answer, operation: Operation) -> ServiceError {
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
fn is_page(body: &[u8]) -> bool {
    document::unmarked(body).trim_ascii_start().first() == Some(&b'<')
}

/// A page where a file of any type may be.
fn is_html(body: &[u8]) -> bool {
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
