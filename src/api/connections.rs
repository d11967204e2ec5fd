//! Connections and their health.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::Moment;
use crate::{
    page::{ConnectionHealth, Health, Seen},
    schema::Refresh,
};

/// All connections, by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct Connections {
    /// The connections.
    pub value: Vec<ConnectionItem>,
}

/// A connection and its health.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionItem {
    /// The name.
    pub name: String,
    /// The health.
    pub health: Health,
    /// The health in full sentences.
    pub status_text: String,
    /// Whether its files replace all data (`full`) or change it; null if the connection document is invalid.
    pub refresh: Option<Refresh>,
    /// Whether its files wait for an operator to resume the connection.
    pub paused: bool,
    /// When the service last accepted an import of the connection.
    pub last_accepted: Option<Moment>,
    /// When the next file is expected.
    pub expected_by: Option<Moment>,
    /// What comes next, the soonest first.
    pub upcoming: Vec<Upcoming>,
}

/// Something that happens automatically.
#[derive(Debug, Serialize, ToSchema)]
pub struct Upcoming {
    /// What happens.
    pub what: String,
    /// When it happens.
    pub at: Moment,
}

impl ConnectionItem {
    /// A connection at `now`; `next_sweep` is the time of the next sweep.
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
