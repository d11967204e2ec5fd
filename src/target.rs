//! The services that take an import.
//!
//! A service is a module of its own that knows its paths; what its answers mean for a push and for a
//! question is the same for all: [`PushOutcome`] and [`ServiceError`].

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

/// The services that take an import. Each call goes to the one that its caller names; how a tenant's
/// address is found is the same for all.
pub struct Service {
    session: Session,
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
    pub(crate) async fn discover(
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
    pub(crate) async fn prepare(
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
