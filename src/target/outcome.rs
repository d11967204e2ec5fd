//! What comes of a push.

use time::OffsetDateTime;

use super::ServiceError;
use crate::import::{
    IngestionId, Status,
    reason::{NoOutcome, Reason},
};

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
