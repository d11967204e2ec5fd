//! The step that pushes a packed import, and its result.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use azure_core::{Error, Result, error::ErrorKind};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, future::ready, stream};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::{Engine, Step, chain::Chain, lease::Lease, log, scheduling::Eligibility};
use crate::{
    config::PACKAGES,
    connection::Connection,
    http::azure::sentence,
    import::{
        Event, Import, Package,
        reason::{Reason, ReasonCode},
    },
    package::has_changed,
    schema::PayloadFormat,
    storage::{
        blob::{Content, Opened},
        import_table::{Claim, Stored},
    },
    target::{Client, PushBody, PushOutcome, ServiceError, Tracking, in_pieces},
};

/// The pause before the result of a push is saved again.
const SAVE_PAUSE: Duration = Duration::from_secs(2);

impl Engine {
    /// Pushes an import if it is its turn.
    pub(super) async fn push_step(&self, mut stored: Stored, chain: &mut Chain) -> Result<Step> {
        let import = &stored.import;
        let Some(package) = import.package.clone() else {
            return self.save(stored, Event::Discarded).await;
        };
        let free = match self.eligibility(import).await? {
            Eligibility::Now(free) => free,
            Eligibility::Later(event) => return self.save(stored, event).await,
        };
        let connection =
            match self.connection_of_import(&mut stored.import, &mut chain.connection).await? {
                Ok(connection) => connection,
                Err(event) => return self.save(stored, event).await,
            };
        let staged = match self.blobs.open(content_of(&package)).await {
            Ok(staged) => staged,
            Err(error) if has_changed(&error) => return self.save(stored, Event::Discarded).await,
            Err(error) => return Err(error),
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
        let lease = self.lease();
        let claimed = self.applied(before.clone(), Event::Claimed { scale_unit })?;
        let Some(claim) = self.imports.claim(free, stored, claimed).await? else {
            return Ok(Step::Resting);
        };
        log::moved(Some(&before), claim.import(), true, (self.clock)());
        Box::pin(self.push(claim, lease, &connection, &staged, &package)).await
    }

    /// Pushes a claimed import; once more with a fresh token if the first token was rejected. The right to
    /// push is used up then.
    async fn push(
        &self,
        claim: Claim,
        lease: Lease,
        connection: &Connection,
        staged: &Opened,
        package: &Package,
    ) -> Result<Step> {
        let until = (self.clock)() + self.config.policy.step_timeout;
        let deadline = Instant::now() + self.config.policy.step_limit();
        let lease = Arc::new(lease);
        let client = self.service.client(&connection.caller, (self.clock)());
        let import = claim.import().clone();
        let work = Box::pin(async {
            let once = || {
                let limit = deadline.saturating_duration_since(Instant::now());
                self.push_once(&import, &lease, &client, staged, package, limit)
            };
            let event = once().await;
            // The cached token was dropped: the next one is fresh.
            if matches!(event, Event::TokenRejected { .. }) { once().await } else { event }
        });
        let done = self.under(&lease, claim.into_stored(), work).await;
        // Another instance takes the import up, and counts the push as one that was never answered.
        let Some((mut stored, event)) = done else { return Ok(Step::Resting) };
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
        let saved = Box::pin(self.save_pushed(stored, event, until)).await;
        if is_refused {
            self.keep_answer(&import, &client).await;
        }
        saved
    }

    async fn push_once(
        &self,
        import: &Import,
        lease: &Arc<Lease>,
        client: &Client<'_>,
        staged: &Opened,
        package: &Package,
        limit: Duration,
    ) -> Event {
        let broken = Arc::new(OnceLock::new());
        let (bytes, sha256) = (package.bytes, package.sha256.clone());
        let body = PushBody {
            // As it was staged, even if the connection has changed since.
            upload: PayloadFormat::of_file(&package.blob).unwrap_or(PayloadFormat::Zip),
            bytes,
            content: verified(
                staged.read(&self.blobs),
                bytes,
                sha256,
                broken.clone(),
                lease.clone(),
            ),
        };
        let unit = import.scale_unit.as_deref().unwrap_or_default();
        let outcome = client.submit(unit, body, limit).await;
        event_of(outcome, broken.get())
    }

    /// Saves the result of a push. The ingestion id is stored nowhere else, so it is logged first, and the
    /// write is repeated until the time of the step is over, or another instance has taken up the import.
    async fn save_pushed(
        &self,
        stored: Stored,
        event: Event,
        until: OffsetDateTime,
    ) -> Result<Step> {
        if let Event::Accepted { id, .. } = &event {
            log::accepted(&stored.import, id, (self.clock)());
        }
        loop {
            match self.save_result(stored.clone(), event.clone()).await {
                Err(error) if (self.clock)() + SAVE_PAUSE < until => {
                    let what = "Could not save the push result, retrying";
                    self.log_storage(&stored.import, what, &error);
                    tokio::time::sleep(SAVE_PAUSE).await;
                }
                done => return done,
            }
        }
    }
}

/// The staged zip of an import.
fn content_of(package: &Package) -> Content {
    Content {
        container: PACKAGES.to_owned(),
        name: package.blob.clone(),
        etag: package.etag.clone(),
        bytes: package.bytes,
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

/// The staged zip, compared with its hash. The last bytes are sent only if the whole is unchanged and the lease is
/// held; if not, the push is broken off and the service accepts nothing.
fn verified(
    zip: impl Stream<Item = Result<Bytes>> + Send + 'static,
    bytes: u64,
    sha256: String,
    broken: Arc<OnceLock<Broken>>,
    lease: Arc<Lease>,
) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    let mut hash = Sha256::new();
    let mut seen = 0;
    let checked = zip.map(move |chunk| {
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
    });
    // The last chunk may be long on its way, so each piece of it waits for the lease, and so does the end of the
    // body, which follows the last piece.
    let end = stream::once(ready(Ok(Bytes::new())));
    in_pieces(checked).chain(end).and_then(move |piece| {
        let lease = lease.clone();
        async move {
            lease.held().await;
            Ok(piece)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn no_more_bytes_of_a_push_are_sent_once_its_lease_is_lost() {
        let content = Bytes::from(vec![7; 600 << 10]);
        let sha256 = format!("{:x}", Sha256::digest(&content));
        let bytes = content.len();
        // Lost in the middle of a chunk, and before the end of the body.
        for lost_after in [1, bytes] {
            let seconds = Arc::new(AtomicI64::new(0));
            let wall = seconds.clone();
            let clock =
                move || OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(wall.load(SeqCst));
            let lease = Arc::new(Lease::new(Arc::new(clock), Duration::from_mins(2)));
            let zip = stream::iter([Ok(content.clone())]);
            let broken = Arc::new(OnceLock::new());
            let mut body =
                Box::pin(verified(zip, bytes as u64, sha256.clone(), broken, lease.clone()));
            let mut sent = 0;
            while sent < lost_after {
                sent += body.next().now_or_never().flatten().unwrap().unwrap().len();
            }
            assert_eq!(sent == bytes, lost_after == bytes);
            seconds.store(100, SeqCst);
            assert!(body.next().now_or_never().is_none(), "after {sent} of {bytes}");
        }
    }
}
