//! The row of a connection: what is said once for it, and not for each of its files.

use azure_core::{Error, Result, error::ErrorKind, http::Etag};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;

use super::{Runs, Saved, Stored, is_refused_condition};
use crate::{
    azure::table::{Properties, Write},
    run::{Run, RunId, reason::ReasonCode},
};

/// How often a write is tried again that met another import's write to the row of the connection.
const TRIES: usize = 5;
const NOTIFIED: &str = "Notified";
/// Nothing was said.
const NOTHING: &str = "[]";

/// What was said of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Notified {
    reason: ReasonCode,
    #[serde(with = "time::serde::rfc3339")]
    since: OffsetDateTime,
}

/// The row as it was read.
struct Connection {
    notified: Vec<Notified>,
    etag: Option<Etag>,
}

/// What became of a write, and whether it is the first of its connection with its reason.
pub struct SavedOnce {
    /// What became of it.
    pub saved: Saved,
    /// Whether somebody has to be told.
    pub is_first: bool,
}

impl Runs {
    /// Saves an import that comes to wait for a person because of its connection, or does so no more.
    /// Only the first with a reason keeps its message; that, and its end, stand in the connection's row,
    /// which is written in the same transaction.
    ///
    /// # Errors
    /// Whatever storage says but "it has moved on".
    pub async fn save_once(
        &self,
        before: Stored,
        next: Run,
        now: OffsetDateTime,
    ) -> Result<SavedOnce> {
        for _ in 0..TRIES {
            let mut next = next.clone();
            let Connection { mut notified, etag } = self.connection(&next).await?;
            let known = notified.clone();
            let mut is_first = true;
            if let Some(reason) = next.blocked {
                is_first = notified.iter().all(|known| known.reason != reason);
                if is_first {
                    notified.push(Notified { reason, since: now });
                } else if next.message.as_ref().is_some_and(|it| it.occasion.is_of_connection()) {
                    next.message = None;
                }
            }
            let over = before.run.blocked.filter(|over| next.blocked != Some(*over));
            if let Some(over) = over
                && !self.blocks_another(&next, over).await?
            {
                notified.retain(|known| known.reason != over);
            }
            let row = row(&next, &notified);
            let write = (notified != known).then(|| match etag {
                Some(etag) => Write::Replace(row, etag),
                None => Write::Insert(row),
            });
            let saved = self.save_and(before.clone(), next, write).await?;
            let is_as_it_was = async || {
                let read = self.get(&before.run.id).await?;
                Ok::<bool, Error>(read.is_some_and(|it| it.etag == before.etag))
            };
            if matches!(saved, Saved::Done(_)) || !is_as_it_was().await? {
                return Ok(SavedOnce { saved, is_first });
            }
        }
        // What came of a step is not lost for that: it is saved again.
        let why = "the row of the connection is written by others all the time";
        Err(Error::with_message(ErrorKind::Other, why))
    }

    /// Notes that a file was rejected because its connection could not be used when it arrived. Whether
    /// it is the first since [`Self::forget_arrivals`]: where two come at once, each may be.
    ///
    /// # Errors
    /// Whatever storage says.
    pub async fn note_arrival(&self, run: &Run, now: OffsetDateTime) -> Result<bool> {
        let Some(reason) = run.code() else { return Ok(true) };
        let Connection { mut notified, etag } = self.connection(run).await?;
        if notified.iter().any(|known| known.reason == reason) {
            return Ok(false);
        }
        notified.push(Notified { reason, since: now });
        self.write(row(run, &notified), etag).await?;
        Ok(true)
    }

    /// A connection can be used: what is said of files without a tenant is said anew from now on.
    ///
    /// # Errors
    /// Whatever storage says.
    pub async fn forget_arrivals(&self, connection: &str) -> Result<()> {
        let (tenant, key) = (RunId::NO_TENANT, key_of(connection));
        let Some(found) = self.table.get(tenant, &key).await? else { return Ok(()) };
        if found.properties.get(NOTIFIED) == Some(&json!(NOTHING)) {
            return Ok(());
        }
        let forgotten = self.write(row_of(tenant, &key, NOTHING), Some(found.etag)).await;
        // Another instance was faster.
        forgotten.or_else(|error| if is_refused_condition(&error) { Ok(()) } else { Err(error) })
    }

    pub(super) async fn write(&self, row: Properties, etag: Option<Etag>) -> Result<()> {
        match etag {
            Some(etag) => self.table.replace(&row, &etag).await.map(drop),
            None => self.table.insert(&row).await.map(drop),
        }
    }

    /// Whether another import of the connection waits for the same.
    async fn blocks_another(&self, run: &Run, reason: ReasonCode) -> Result<bool> {
        let siblings = self.of_connection(run).await?;
        let mut others = siblings.iter().filter(|other| other.run.id != run.id);
        Ok(others.any(|other| !other.run.state.is_end() && other.run.blocked == Some(reason)))
    }

    async fn connection(&self, run: &Run) -> Result<Connection> {
        let Some(row) = self.table.get(&run.id.tenant, &key_of(&run.connection)).await? else {
            return Ok(Connection { notified: vec![], etag: None });
        };
        let text = row.properties.get(NOTIFIED).and_then(|text| text.as_str());
        // What cannot be read was said by a newer version, or by nobody: then it is said once more.
        let notified = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        Ok(Connection { notified, etag: Some(row.etag) })
    }
}

fn key_of(connection: &str) -> String {
    format!("connection~{connection}")
}

fn row(run: &Run, notified: &[Notified]) -> Properties {
    let notified = serde_json::to_string(notified).unwrap_or_default();
    row_of(&run.id.tenant, &key_of(&run.connection), &notified)
}

fn row_of(tenant: &str, key: &str, notified: &str) -> Properties {
    [("PartitionKey", tenant), ("RowKey", key), (NOTIFIED, notified)]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect()
}
