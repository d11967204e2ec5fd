//! What an examination is done with, and how an answer is waited for.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use crate::{
    config::{Config, Lookup},
    engine::{Clock, OpenError},
    http::azure::sentence,
    storage::{Storage, import_table::ImportTable},
    target::Service,
};

/// How long one question may be left unanswered, whatever `REQUEST_TIMEOUT_SECONDS` says.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(20);

/// What an examination is done with, once the settings are sound.
pub(super) struct Probes {
    pub(super) config: Config,
    pub(super) storage: Storage,
    pub(super) imports: ImportTable,
    pub(super) service: Service,
    pub(super) clock: Clock,
    pub(super) setting: Arc<Lookup>,
    /// How long a question may be left unanswered.
    pub(super) limit: Duration,
}

impl Probes {
    /// Opens everything as [`crate::engine::Engine::open`] does, with clients that ask once.
    pub(super) fn open(setting: Arc<Lookup>, clock: Clock) -> Result<Self, OpenError> {
        let mut config = Config::read(|name| setting(name))?;
        let limit = config.service.answer_timeout.min(MAX_WAIT);
        config.service.answer_timeout = limit;
        let storage = Storage::open_once(&config.account, limit).map_err(OpenError::Storage)?;
        let service = Service::new(config.service.clone(), setting.clone())?;
        let imports = ImportTable::new(storage.imports.clone());
        Ok(Self { config, storage, imports, service, clock, setting, limit })
    }
}

/// A question was not answered in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {} s", .0.as_secs())]
pub(super) struct TooLate(pub(super) Duration);

/// Why something in the account could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error("there is no way to {0}")]
    NoWay(&'static str),
    #[error(transparent)]
    TooLate(#[from] TooLate),
    #[error("{}", sentence(.0))]
    Storage(#[from] azure_core::Error),
}

/// The answer to a question, if it comes in time.
pub(super) async fn within<T>(
    limit: Duration,
    question: impl Future<Output = T>,
) -> Result<T, TooLate> {
    timeout(limit, question).await.map_err(|_| TooLate(limit))
}
