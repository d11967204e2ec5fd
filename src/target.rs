//! The services to which an import is pushed.
//!
//! Each service is a module of its own, which knows its paths. What the answers mean is the same for all:
//! [`PushOutcome`] for a push and [`ServiceError`] for other requests.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::Stream;
use time::OffsetDateTime;

use self::{client::Question, outcome::is_sign_in, session::Session, viva::Viva};
use crate::{
    config::{Lookup, ServiceConfig},
    http::ClientError,
    import::{IngestionId, PollPath, reason::Operation},
    schema::{ServiceIdentity, Target},
};

mod client;
mod outcome;
mod session;
mod trace;
mod upload;
mod viva;
mod wire;

pub use self::{
    client::Client,
    outcome::{Ping, Polled, PushBody, PushOutcome, ServiceError, Tracking},
};
pub(crate) use self::{outcome::MAX_ERRORS_BYTES, trace::answer_text, upload::in_pieces};

/// The services to which an import is pushed. A [`Client`] sends each request to the one that its caller names. A
/// tenant's scale unit is found in the same way for all.
pub struct Service {
    session: Session,
}

impl Service {
    /// A client of the services at the address that `config` names; `setting` returns the settings that a
    /// credential names.
    ///
    /// # Errors
    /// If no HTTP client can be created.
    pub fn new(config: ServiceConfig, setting: Arc<Lookup>) -> Result<Self, ClientError> {
        Ok(Self { session: Session::new(config, setting)? })
    }

    /// A client for one caller. It dates its requests from `now` on.
    #[must_use]
    pub fn client<'a>(&'a self, caller: &'a ServiceIdentity, now: OffsetDateTime) -> Client<'a> {
        Client::new(&self.session, caller, now)
    }
}

impl Client<'_> {
    /// The tenant's scale unit, as the service reports it.
    ///
    /// # Errors
    /// If the service does not report it.
    pub(crate) async fn discover(&self) -> Result<String, ServiceError> {
        let tenant = &self.caller.tenant;
        let path = format!("tenants/{tenant}/scopes/{tenant}/scaleUnit");
        let question = Question::json(Operation::ScaleUnit, None);
        let (_, answer) = self.ask(&question, &[path]).await?;
        if !answer.status.is_success() || is_sign_in(&answer) {
            return Err(self.error_of(&answer, Operation::ScaleUnit));
        }
        wire::scale_unit(&answer.body).ok_or_else(|| {
            ServiceError::unreadable(Operation::ScaleUnit, "it contains no scale unit")
        })
    }

    /// The tenant's scale unit: as the service reports it, otherwise as the caller names it.
    ///
    /// # Errors
    /// If neither does.
    pub async fn scale_unit(&self) -> Result<String, ServiceError> {
        match self.discover().await {
            Ok(scale_unit) => Ok(scale_unit),
            Err(error) => self.caller.scale_unit.clone().ok_or(error),
        }
    }

    /// Finds the tenant's scale unit, and pings its connector.
    ///
    /// # Errors
    /// If no push should be tried now.
    pub(crate) async fn prepare(&self) -> Result<String, ServiceError> {
        let scale_unit = self.scale_unit().await?;
        // If the ping does not say whether the connector is ready, the push does.
        self.ping(&scale_unit).await?;
        Ok(scale_unit)
    }

    /// Pings the tenant's connector.
    ///
    /// # Errors
    /// If the service did not answer, does not accept the caller (401, 403), or asks for a pause (429, 503).
    pub async fn ping(&self, scale_unit: &str) -> Result<Ping, ServiceError> {
        match self.caller.target {
            Target::Viva => Viva(self).ping(scale_unit).await,
        }
    }

    /// Pushes a file once, within `limit`.
    ///
    /// Nothing here remembers a push: the caller records it before, or waits for the outcome.
    pub async fn submit<S>(
        &self,
        scale_unit: &str,
        body: PushBody<S>,
        limit: Duration,
    ) -> PushOutcome
    where
        S: Stream<Item = azure_core::Result<Bytes>> + Send + 'static,
    {
        match self.caller.target {
            Target::Viva => Viva(self).submit(scale_unit, body, limit).await,
        }
    }

    /// Polls the status of an ingestion, first at the path that worked before.
    ///
    /// # Errors
    /// If there is no usable answer; the service continues with the ingestion.
    pub async fn poll(
        &self,
        scale_unit: Option<&str>,
        id: &IngestionId,
        known: Option<PollPath>,
    ) -> Result<Polled, ServiceError> {
        match self.caller.target {
            Target::Viva => Viva(self).poll(scale_unit, id, known).await,
        }
    }

    /// Downloads the first 16 MiB of the error file of an ingestion whose validation failed.
    ///
    /// # Errors
    /// If it is not available.
    pub async fn errors(
        &self,
        scale_unit: Option<&str>,
        id: &IngestionId,
    ) -> Result<Vec<u8>, ServiceError> {
        match self.caller.target {
            Target::Viva => Viva(self).errors(scale_unit, id).await,
        }
    }
}
