//! Connections, and how they fare.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::Moment;
use crate::{
    page::{ConnectionHealth, Health, Seen},
    schema::Refresh,
};

/// Every connection, by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct Connections {
    /// The connections.
    pub value: Vec<ConnectionItem>,
}

/// A connection, and how it fares.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionItem {
    /// Its name.
    pub name: String,
    /// How it fares.
    pub health: Health,
    /// The same in sentences.
    pub status_text: String,
    /// What its files do to the data that is there; null where its document cannot be used.
    pub refresh: Option<Refresh>,
    /// Whether its files wait for an import of it.
    pub paused: bool,
    /// When the service accepted an import of it last.
    pub last_accepted: Option<Moment>,
    /// When a file is expected.
    pub expected_by: Option<Moment>,
    /// What comes next, the soonest first.
    pub upcoming: Vec<Upcoming>,
}

/// Something that comes by itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct Upcoming {
    /// What.
    pub what: String,
    /// When.
    pub at: Moment,
}

impl ConnectionItem {
    /// What was seen of a connection, at `now`; its inbox is looked through at `next_sweep`.
    #[must_use]
    pub fn new(seen: &Seen, next_sweep: Option<OffsetDateTime>, now: OffsetDateTime) -> Self {
        let health = ConnectionHealth::of(seen, now);
        let upcoming = health.upcoming(seen, next_sweep, now);
        Self {
            name: seen.document.name.clone(),
            health: health.health,
            status_text: health.text(now),
            refresh: seen.document.read.as_ref().ok().map(|connection| connection.refresh),
            paused: seen.is_paused,
            last_accepted: health.last_accepted.map(Moment),
            expected_by: health.expected.map(Moment),
            upcoming: upcoming
                .into_iter()
                .map(|(what, at)| Upcoming { what, at: Moment(at) })
                .collect(),
        }
    }
}
