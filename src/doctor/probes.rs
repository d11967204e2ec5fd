//! The settings and clients of one check of a connection, and its time limit.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use crate::{
    config::{Config, Lookup},
    engine::{Clock, OpenError},
    http::azure::sentence,
    storage::{Storage, import_table::ImportTable},
    target::Service,
};

/// The longest time limit of one check, also if `REQUEST_TIMEOUT_SECONDS` is higher.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(20);

/// Who runs the doctor. The roles of the deployment give each of them what they need, and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunsAs {
    /// The app.
    App,
    /// A person with the command.
    Operator,
}

/// What the checks use, once the settings are valid.
pub(super) struct Probes {
    pub(super) config: Config,
    pub(super) storage: Storage,
    pub(super) imports: ImportTable,
    pub(super) service: Service,
    pub(super) clock: Clock,
    pub(super) setting: Arc<Lookup>,
    pub(super) runs_as: RunsAs,
    /// The time limit of one request.
    pub(super) limit: Duration,
}

impl Probes {
    /// Opens everything as [`crate::engine::Engine::open`] does, with clients that do not retry.
    pub(super) fn open(
        setting: Arc<Lookup>,
        clock: Clock,
        runs_as: RunsAs,
    ) -> Result<Self, OpenError> {
        let mut config = Config::read(|name| setting(name))?;
        let limit = config.service.answer_timeout.min(MAX_WAIT);
        config.service.answer_timeout = limit;
        let storage = Storage::open_once(&config.account, limit).map_err(OpenError::Storage)?;
        let service = Service::new(config.service.clone(), setting.clone())?;
        let imports = ImportTable::new(storage.imports.clone());
        Ok(Self { config, storage, imports, service, clock, setting, runs_as, limit })
    }
}

/// No answer arrived in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {} s", .0.as_secs())]
pub(super) struct TooLate(pub(super) Duration);

/// Why something in the storage account could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error("the {0} service of the storage account is not reachable")]
    Unreachable(&'static str),
    #[error(transparent)]
    TooLate(#[from] TooLate),
    #[error("{}", sentence(.0))]
    Storage(#[from] azure_core::Error),
}

/// The answer to a request, if it arrives within `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    request: impl Future<Output = T>,
) -> Result<T, TooLate> {
    timeout(limit, request).await.map_err(|_| TooLate(limit))
}
