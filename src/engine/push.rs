//! The step that pushes a packed import, and its result.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use azure_core::{Error, Result, error::ErrorKind};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};

use super::{Engine, Step, log, scheduling::Eligibility};
use crate::{
    config::PACKAGES,
    connection::Connection,
    http::azure::sentence,
    import::{
        Event, Import, Package,
        reason::{Reason, ReasonCode},
    },
    schema::PayloadFormat,
    storage::{
        blob::Blob,
        import_table::{Claim, Stored},
    },
    target::{Client, PushBody, PushOutcome, ServiceError, Tracking},
};

/// The pause before the result of a push is saved again.
const SAVE_PAUSE: Duration = Duration::from_secs(2);

impl Engine {
    /// Pushes an import if it is its turn.
    pub(super) async fn push_step(&self, mut stored: Stored) -> Result<Step> {
        let import = &stored.import;
        let Some(package) = import.package.clone() else {
            return self.save(stored, Event::Discarded).await;
        };
        let free = match self.eligibility(import).await? {
            Eligibility::Now(free) => free,
            Eligibility::Later(event) => return self.save(stored, event).await,
        };
        let connection = match self.connection_of_import(&mut stored.import).await? {
            Ok(connection) => connection,
            Err(event) => return self.save(stored, event).await,
        };
        let import = &stored.import;
        // The service may have this content already, so a push only repeats it.
        if !import.push_outcome_unknown
            && let Some(event) = self.would_delete(import).await?
        {
            return self.save(stored, event).await;
        }
        let staged = self.blobs.look(PACKAGES, &package.blob).await?;
        let Some(staged) = staged.filter(|staged| staged.etag == package.etag) else {
            return self.save(stored, Event::Discarded).await;
        };
        let client = self.service.client(&connection.caller, (self.clock)());
        let prepared = client.prepare().await;
        self.record(&mut stored.import, &client, prepared.is_err());
        let scale_unit = match prepared {
            Ok(scale_unit) => scale_unit,
            Err(error) => {
                let import = stored.import.clone();
                let saved = self.save(stored, before_push(error)).await;
                self.keep_answer(&import, &client).await;
                return saved;
            }
        };
        // The blocking reason is over, and others wait for the same; but only a push shows whether its
        // token is accepted.
        let stored = match stored.import.blocked {
            None | Some(ReasonCode::TokenRejected) => stored,
            Some(_) => match self.save(stored, Event::Corrected).await? {
                Step::Moved(stored) => *stored,
                Step::Resting => return Ok(Step::Resting),
            },
        };
        let before = stored.import.clone();
        let claimed = self.applied(before.clone(), Event::Claimed { scale_unit })?;
        let Some(claim) = self.imports.claim(free, stored, claimed).await? else {
            return Ok(Step::Resting);
        };
        log::moved(Some(&before), claim.import(), true, (self.clock)());
        self.push(claim, &connection, &staged, &package).await
    }

    /// Pushes a claimed import; once more with a fresh token if the first token was rejected. The right to
    /// push is used up then.
    async fn push(
        &self,
        claim: Claim,
        connection: &Connection,
        staged: &Blob,
        package: &Package,
    ) -> Result<Step> {
        let client = self.service.client(&connection.caller, (self.clock)());
        let mut event = self.push_once(claim.import(), &client, staged, package).await;
        if matches!(event, Event::TokenRejected { .. }) {
            // The cached token was dropped: this one is fresh.
            event = self.push_once(claim.import(), &client, staged, package).await;
        }
        let mut stored = claim.into_stored();
        let is_refused = matches!(
            event,
            Event::PushRefused { .. }
                | Event::PushFailed { .. }
                | Event::Forbidden { .. }
                | Event::TokenRejected { .. }
        );
        self.record(&mut stored.import, &client, is_refused);
        let import = stored.import.clone();
        // Until the result is saved, the push counts as one that was never answered.
        let saved = self.save_pushed(stored, event).await;
        if is_refused {
            self.keep_answer(&import, &client).await;
        }
        saved
    }

    async fn push_once(
        &self,
        import: &Import,
        client: &Client<'_>,
        staged: &Blob,
        package: &Package,
    ) -> Event {
        let broken = Arc::new(OnceLock::new());
        let (bytes, sha256) = (staged.bytes, package.sha256.clone());
        let body = PushBody {
            // As it was staged, even if the connection has changed since.
            upload: PayloadFormat::of_file(&package.blob).unwrap_or(PayloadFormat::Zip),
            bytes,
            content: verified(self.blobs.read(staged), bytes, sha256, broken.clone()),
        };
        let now = (self.clock)();
        let (unit, limit) =
            (import.scale_unit.as_deref().unwrap_or_default(), import.time_left(now));
        let outcome = client.submit(unit, body, limit).await;
        event_of(outcome, broken.get())
    }

    /// Saves the result of a push. The ingestion id is stored nowhere else, so it is logged first, and the
    /// write is repeated until another instance may take up the import.
    async fn save_pushed(&self, stored: Stored, event: Event) -> Result<Step> {
        if let Event::Accepted { id, .. } = &event {
            log::accepted(&stored.import, id, (self.clock)());
        }
        loop {
            match self.save(stored.clone(), event.clone()).await {
                Err(error) if stored.import.time_left((self.clock)()) > SAVE_PAUSE => {
                    let what = "Could not save the push result, retrying";
                    self.log_storage(&stored.import, what, &error);
                    tokio::time::sleep(SAVE_PAUSE).await;
                }
                done => return done,
            }
        }
    }
}

/// The event of an error before the push.
fn before_push(error: ServiceError) -> Event {
    match error {
        ServiceError::Later { reason, retry_at } => Event::TransientFailure { reason, retry_at },
        ServiceError::Forbidden { token_tenant } => Event::Forbidden { token_tenant },
        // A person corrects a credential whose token is not accepted.
        ServiceError::Refused(reason) if reason.code().ends_by_correction() => {
            Event::TransientFailure { reason, retry_at: None }
        }
        ServiceError::Refused(reason) => Event::PushRefused { reason },
    }
}

/// Why this program ended a push, before the service can have received all of it.
#[derive(Debug)]
enum Broken {
    /// The staged zip could not be read.
    Unread(String),
    /// Its content has changed since it was staged.
    Damaged,
}

/// The result of a push as an event. A push that this program ended was not sent.
fn event_of(outcome: PushOutcome, broken: Option<&Broken>) -> Event {
    match (outcome, broken) {
        (PushOutcome::NotSent { .. }, Some(Broken::Unread(why))) => Event::NotSent {
            reason: Reason::PackageUnreadable { detail: why.into() },
            retry_at: None,
        },
        (PushOutcome::NotSent { .. }, Some(Broken::Damaged)) => Event::Discarded,
        (PushOutcome::NotSent { reason, retry_at }, None) => Event::NotSent { reason, retry_at },
        (PushOutcome::OutcomeUnknown(cause), _) => Event::AnswerLost { cause },
        (PushOutcome::Accepted { tracking: Some(Tracking { id, status }) }, _) => {
            Event::Accepted { id, status }
        }
        (PushOutcome::Accepted { tracking: None }, _) => Event::AcceptedForGood,
        (PushOutcome::AnswerUnreadable { status, detail }, _) => {
            Event::PushRefused { reason: Reason::PushAnswerUnreadable { status, detail } }
        }
        (PushOutcome::Busy, _) => Event::Busy,
        (PushOutcome::Failed { status, codes }, _) => Event::PushFailed { status, codes },
        (PushOutcome::Forbidden { token_tenant }, _) => Event::Forbidden { token_tenant },
        (PushOutcome::Unauthorized { status }, _) => Event::TokenRejected { status },
        (PushOutcome::Rejected(reason), _) => Event::PushRefused { reason },
    }
}

/// The staged zip, compared with its hash. The last bytes are sent only if the whole is unchanged; if not,
/// the push is broken off and the service accepts nothing.
fn verified(
    zip: impl Stream<Item = Result<Bytes>> + Send + 'static,
    bytes: u64,
    sha256: String,
    broken: Arc<OnceLock<Broken>>,
) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    let mut hash = Sha256::new();
    let mut seen = 0;
    zip.map(move |chunk| {
        let chunk = chunk.inspect_err(|error| {
            broken.get_or_init(|| Broken::Unread(sentence(error)));
        })?;
        seen += chunk.len() as u64;
        hash.update(&chunk);
        if seen < bytes || (seen == bytes && format!("{:x}", hash.finalize_reset()) == sha256) {
            return Ok(chunk);
        }
        broken.get_or_init(|| Broken::Damaged);
        let why = "the staged zip has changed";
        Err(Error::with_message(ErrorKind::DataConversion, why))
    })
}
