//! The services to which an import is pushed.
//!
//! Each service is a module of its own, which knows its paths. What the answers mean is the same for all:
//! [`PushOutcome`] for a push and [`ServiceError`] for other requests.

use std::{sync::Arc, time::Duration};

use azure_core::credentials::AccessToken;
use bytes::Bytes;
use futures::Stream;
use time::OffsetDateTime;

use self::{session::Session, viva::Viva};
use crate::{
    config::{Lookup, ServiceConfig},
    http::ClientError,
    import::{IngestionId, Status},
    schema::{ServiceIdentity, Target},
};

mod outcome;
mod session;
mod viva;
mod wire;

pub(crate) use self::outcome::MAX_ERRORS_BYTES;
pub use self::outcome::{PushBody, PushOutcome, ServiceError, Tracking};

/// The services to which an import is pushed. Each call goes to the one that its caller names. A tenant's
/// scale unit is found in the same way for all.
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

    /// A token of the caller.
    ///
    /// # Errors
    /// If no token is issued.
    pub async fn token(&self, caller: &ServiceIdentity) -> Result<AccessToken, ServiceError> {
        self.session.token(caller).await
    }

    /// The tenant's scale unit, as the service reports it.
    ///
    /// # Errors
    /// If the service does not report it.
    pub(crate) async fn discover(
        &self,
        caller: &ServiceIdentity,
        now: OffsetDateTime,
    ) -> Result<String, ServiceError> {
        self.session.discover(caller, now).await
    }

    /// The tenant's scale unit: as the service reports it, otherwise as the caller names it.
    ///
    /// # Errors
    /// If neither does.
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

    /// Finds the tenant's scale unit, and pings its connector.
    ///
    /// # Errors
    /// If no push should be tried now, or at all.
    pub(crate) async fn prepare(
        &self,
        caller: &ServiceIdentity,
        now: OffsetDateTime,
    ) -> Result<String, ServiceError> {
        let scale_unit = self.scale_unit(caller, now).await?;
        // If the service has no ping, the push shows whether the connector is ready.
        self.ping(caller, &scale_unit, now).await?;
        Ok(scale_unit)
    }

    /// Pings the tenant's connector: `true` if it is ready for a push of this caller, `false` if the service
    /// has no ping.
    ///
    /// # Errors
    /// If it is not ready, or does not say.
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

    /// Pushes a file once, within `limit`.
    ///
    /// Nothing here remembers a push: the caller records it before, or waits for the outcome.
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

    /// Polls the status of an ingestion.
    ///
    /// # Errors
    /// If there is no usable answer; the service continues with the ingestion.
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

    /// Downloads the first 16 MiB of the error file of an ingestion whose validation failed.
    ///
    /// # Errors
    /// If it is not available.
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
