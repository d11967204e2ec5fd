//! Whether the app works, and which connections need attention, for a monitor that asks every minute.
//!
//! The cost: one list of the documents, the rows of the timers, and for each tenant one query for its
//! connections and one for its live imports. A document is read again only if it changed. A single import
//! is read only if it is stuck or pauses its connection.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use azure_core::{Error, Result};
use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream, try_join};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};

use super::{AT_ONCE, Engine, missed_timers};
use crate::{
    config::CONNECTIONS,
    http::azure::sentence,
    import::{
        ImportId, State, connection_record::ConnectionRecord, lane::LiveImport, reason::ReasonCode,
    },
    messages::HealthReason,
    schema::{Refresh, is_connection_name},
    storage::blob::Blob,
};

/// The time limit for storage. Monitors do not wait much longer.
const LIMIT: Duration = Duration::from_secs(5);

/// The documents as they were read last, by connection.
pub(super) type KnownDocuments = Mutex<HashMap<String, KnownDocument>>;

/// What is kept of a document.
#[derive(Clone, Debug)]
pub(super) struct KnownDocument {
    etag: String,
    stored: OffsetDateTime,
    /// The tenant, and how often a file is expected; `None` if the document is invalid.
    read: Option<(String, Option<u32>)>,
}

/// A connection of a tenant, as the table has it.
struct Recorded {
    tenant: String,
    connection: String,
    record: ConnectionRecord,
}

impl Engine {
    /// Why the app, or a connection, is not healthy; empty if everything is healthy.
    pub(crate) async fn health(&self) -> Vec<HealthReason> {
        let deadline = Instant::now() + LIMIT;
        let asked = async {
            try_join!(
                missed_timers(&self.imports, &*self.setting, &self.config.policy, self.now()),
                self.blobs.list(CONNECTIONS, "")
            )
        };
        let (missed, listed) = match timeout_at(deadline, asked).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(error)) => return vec![failed(&error)],
            Err(_) => return vec![HealthReason::StorageSilent { limit: LIMIT }],
        };
        let missed = missed.into_iter();
        let mut reasons: Vec<HealthReason> = missed
            .map(|(timer, last)| HealthReason::TimerMissed { function: timer.name, last })
            .collect();
        match timeout_at(deadline, self.connection_reasons(listed)).await {
            Ok(Ok(found)) => reasons.extend(found),
            Ok(Err(error)) => reasons.push(failed(&error)),
            Err(_) => reasons.push(HealthReason::StorageSlow { limit: LIMIT }),
        }
        reasons
    }

    /// The reasons that concern connections, sorted by their names.
    async fn connection_reasons(&self, listed: Vec<Blob>) -> Result<Vec<HealthReason>> {
        let now = self.now();
        let policy = &self.config.policy;
        // Longer than a file waits for the files that are packed before it.
        let long_ago = now - 2 * policy.step_timeout;
        let (documents, records, mut late) =
            try_join!(self.known(listed), self.records(), self.imports.due(long_ago, policy))?;
        late.retain(|live| live.due.is_some_and(|due| due <= long_ago));
        first_of_queues(&mut late);

        let mut reasons: Vec<HealthReason> = count(late)
            .into_iter()
            .map(|(connection, imports)| HealthReason::NotTaken { connection, imports })
            .collect();
        reasons.extend(records.iter().flat_map(|it| blocked(it, &documents)));
        let of_documents = documents.iter().map(|(name, document)| {
            let own = |it: &&Recorded| it.connection == *name && document.is_of(it);
            let own: Vec<&Recorded> = records.iter().filter(own).collect();
            self.reasons_of(name, document, own, now)
        });
        reasons.extend(try_join_all(of_documents).await?.into_iter().flatten());
        reasons.sort_by(|one, other| one.connection().cmp(&other.connection()));
        Ok(reasons)
    }

    async fn reasons_of(
        &self,
        name: &str,
        document: &KnownDocument,
        records: Vec<&Recorded>,
        now: OffsetDateTime,
    ) -> Result<Vec<HealthReason>> {
        let connection = || name.to_owned();
        let mut reasons = vec![];
        if document.read.is_none() {
            reasons.push(HealthReason::Invalid { connection: connection() });
        }
        if self.is_paused(&records).await? {
            reasons.push(HealthReason::Paused { connection: connection() });
        }
        let every = document.read.as_ref().and_then(|(_, every)| *every);
        let arrived = records.iter().filter_map(|it| it.record.last_received).max();
        let expected = every
            .map(|days| arrived.unwrap_or(document.stored) + time::Duration::days(days.into()));
        if let Some(expected) = expected.filter(|expected| *expected < now) {
            reasons.push(HealthReason::Overdue { connection: connection(), expected });
        }
        let imports = self.count_stuck(&records).await?;
        if imports > 0 {
            reasons.push(HealthReason::Stuck { connection: connection(), imports });
        }
        Ok(reasons)
    }

    /// The number of stuck imports. An import whose row was deleted is not.
    async fn count_stuck(&self, records: &[&Recorded]) -> Result<usize> {
        let keys =
            records.iter().flat_map(|it| it.record.stuck.iter().map(|key| (&it.tenant, key)));
        let ids =
            keys.map(|(tenant, key)| ImportId { tenant: tenant.clone(), key: key.to_string() });
        let is_there = try_join_all(ids.map(async |id| self.imports.has(&id).await)).await?;
        Ok(is_there.into_iter().filter(|is_there| *is_there).count())
    }

    /// Whether an import pauses the connection. An import whose row was deleted does not.
    async fn is_paused(&self, records: &[&Recorded]) -> Result<bool> {
        for Recorded { tenant, record, .. } in records {
            for pause in &record.paused_by {
                let id = ImportId { tenant: tenant.clone(), key: pause.import.to_string() };
                let read = self.imports.get_readable(&id).await?;
                if read.is_some_and(|stored| stored.import.pauses) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The records of all connections.
    async fn records(&self) -> Result<Vec<Recorded>> {
        let tenants = self.imports.tenants().await?;
        let records = tenants.iter().map(async |tenant| {
            let records = self.imports.connections(tenant).await?.into_iter();
            let tenant = || tenant.clone();
            Ok::<Vec<Recorded>, Error>(
                records
                    .map(|(connection, record)| Recorded { tenant: tenant(), connection, record })
                    .collect(),
            )
        });
        Ok(try_join_all(records).await?.into_iter().flatten().collect())
    }

    /// All documents, by connection. An unchanged document is not read again.
    async fn known(&self, listed: Vec<Blob>) -> Result<BTreeMap<String, KnownDocument>> {
        let named = listed.into_iter().filter_map(|blob| {
            let name = blob.name.strip_suffix(".json").filter(|name| is_connection_name(name))?;
            Some((name.to_owned(), blob))
        });
        let known = stream::iter(named)
            .map(async |(name, blob)| {
                let before = self.remembered(|known| known.get(&name).cloned());
                if let Some(known) = before.filter(|known| known.etag == blob.etag) {
                    return Ok::<_, Error>(Some((name, known)));
                }
                let Some(read) = self.readable(&name).await? else { return Ok(None) };
                let read = read.ok().map(|it| (it.caller.tenant, it.expected_every_days));
                let known = KnownDocument { etag: blob.etag, stored: blob.last_modified, read };
                self.remembered(|all| all.insert(name.clone(), known.clone()));
                Ok(Some((name, known)))
            })
            .buffered(AT_ONCE);
        let known: Vec<_> = known.try_collect().await?;
        let known: BTreeMap<_, _> = known.into_iter().flatten().collect();
        self.remembered(|all| all.retain(|name, _| known.contains_key(name)));
        Ok(known)
    }

    fn remembered<T>(&self, by: impl FnOnce(&mut HashMap<String, KnownDocument>) -> T) -> T {
        by(&mut self.known_documents.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl KnownDocument {
    /// Whether a record belongs to this document: it has the same tenant, or has waiting files of another
    /// tenant, or the document is invalid.
    fn is_of(&self, recorded: &Recorded) -> bool {
        let tenant = self.read.as_ref().map(|(tenant, _)| tenant);
        tenant.is_none_or(|tenant| *tenant == recorded.tenant) || recorded.record.has_waiting()
    }
}

/// The reasons that block files of a connection and are not reported for the connection itself.
fn blocked(recorded: &Recorded, documents: &BTreeMap<String, KnownDocument>) -> Vec<HealthReason> {
    let connection = &recorded.connection;
    let is_invalid = documents.get(connection).is_some_and(|it| it.read.is_none());
    let waiting = recorded.record.notified.iter().filter(|known| known.waiting > 0);
    // A paused connection waits until it is resumed, which is reported as `paused`.
    let is_said = |reason| {
        reason == ReasonCode::Forbidden || reason == ReasonCode::ConnectionInvalid && is_invalid
    };
    let others = waiting.filter(|known| !is_said(known.reason));
    others
        .map(|known| HealthReason::Blocked {
            connection: connection.clone(),
            reason: known.reason,
            imports: known.waiting,
        })
        .collect()
}

/// Keeps the first import of each queue of incremental files: the others have nothing to do.
fn first_of_queues(due: &mut Vec<LiveImport>) {
    let mut queues = HashSet::new();
    due.retain(|live| {
        let is_in_queue = live.state == State::Packed
            && live.refresh == Some(Refresh::Incremental)
            && !live.holds_slot;
        !is_in_queue || queues.insert((live.id.tenant.clone(), live.connection.clone()))
    });
}

/// The number of imports of each connection.
fn count(imports: Vec<LiveImport>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for import in imports {
        *counts.entry(import.connection).or_insert(0) += 1;
    }
    counts
}

/// Storage failed. The details go to the log only, because the answer goes to a monitor.
fn failed(error: &Error) -> HealthReason {
    tracing::warn!("Storage failed during a health check: {}", sentence(error));
    HealthReason::StorageFailed { status: error.http_status() }
}
