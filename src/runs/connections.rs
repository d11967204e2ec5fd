//! The row of a connection: what is said once for it, and not for each of its files.

use azure_core::{Error, Result, error::ErrorKind, http::Etag};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;

use super::{Runs, Saved, Stored};
use crate::{
    azure::table::{Properties, Write},
    run::{Occasion, Run, reason::ReasonCode},
};

/// How often a write is tried again that met another import's write to the row of the connection.
const TRIES: usize = 5;
const NOTIFIED: &str = "Notified";

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

    /// Whether another import of the connection waits for the same.
    async fn blocks_another(&self, run: &Run, reason: ReasonCode) -> Result<bool> {
        let siblings = self.of_connection(run).await?;
        let mut others = siblings.iter().filter(|other| other.run.id != run.id);
        Ok(others.any(|other| !other.run.state.is_end() && other.run.blocked == Some(reason)))
    }

    async fn connection(&self, run: &Run) -> Result<Connection> {
        let Some(row) = self.table.get(&run.id.tenant, &key(run)).await? else {
            return Ok(Connection { notified: vec![], etag: None });
        };
        let text = row.properties.get(NOTIFIED).and_then(|text| text.as_str());
        // What cannot be read was said by a newer version, or by nobody: then it is said once more.
        let notified = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        Ok(Connection { notified, etag: Some(row.etag) })
    }
}

fn key(run: &Run) -> String {
    format!("connection~{}", run.connection)
}

fn row(run: &Run, notified: &[Notified]) -> Properties {
    let notified = serde_json::to_string(notified).unwrap_or_default();
    [
        ("PartitionKey", json!(run.id.tenant)),
        ("RowKey", json!(key(run))),
        (NOTIFIED, json!(notified)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

impl Occasion {
    /// Whether it is said once for a connection, and not for each file.
    fn is_of_connection(self) -> bool {
        matches!(self, Self::Forbidden | Self::CredentialFailed | Self::ConnectionInvalid)
    }
}
