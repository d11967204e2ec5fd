//! A lane: the data of one connector of a tenant. Its contents go in the order of their dates, whichever connection
//! they belong to.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    Import, ImportId, Package, moment,
    reason::{ReasonCode, Text},
    types::State,
};
use crate::schema::{Baseline, Connector, Refresh, Target};

/// The place of a content in the order of its lane, oldest first: by last-modified time, which has whole seconds; then
/// by name; then by the time of arrival.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentOrder {
    /// When the content was written.
    #[serde(with = "moment")]
    pub written: OffsetDateTime,
    /// The name of the blob.
    pub name: String,
    /// When its row was created.
    #[serde(with = "moment")]
    pub received: OffsetDateTime,
    /// The row key of the import.
    pub import: Reverse<String>,
}

/// What other imports need to know of an import that is not finished: the import has not ended, or its zip is not
/// deleted, or its notification is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveImport {
    /// The tenant and the row key.
    pub id: ImportId,
    /// The connection of the file.
    pub connection: String,
    /// The service that takes the file.
    pub target: Target,
    /// The connector of its lane, if it is known.
    pub connector: Option<Connector>,
    /// The container of the file.
    pub container: String,
    /// The place in its lane.
    pub order: ContentOrder,
    /// The state.
    pub state: State,
    /// Full or incremental; known once packed.
    pub refresh: Option<Refresh>,
    /// The number of its next step.
    pub step: u32,
    /// When its next step is due.
    pub due: Option<OffsetDateTime>,
    /// When its notification is due.
    pub notification_due: Option<OffsetDateTime>,
    /// The reason of its connection that blocks it.
    pub blocked: Option<ReasonCode>,
    /// Whether it waits now until a person corrects what blocks it, and then resumes automatically.
    pub waits_for_correction: bool,
    /// Whether a person has to act before it goes on, for itself or for its connection.
    pub needs_person: bool,
    /// Whether it has its tenant's slot.
    pub holds_slot: bool,
}

impl Import {
    /// Whether something is still to do for it.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !self.state.is_end() || self.due.is_some() || self.notification.is_some()
    }

    /// The place in its lane.
    #[must_use]
    pub fn order(&self) -> ContentOrder {
        ContentOrder {
            written: self.source.last_modified,
            name: self.source.name.clone(),
            received: self.received,
            import: Reverse(self.id.key.clone()),
        }
    }
}

impl From<&Import> for LiveImport {
    fn from(import: &Import) -> Self {
        Self {
            id: import.id.clone(),
            connection: import.connection.clone(),
            target: import.target,
            connector: import.connector,
            container: import.source.container.clone(),
            order: import.order(),
            state: import.state,
            refresh: import.refresh,
            step: import.step,
            due: import.due,
            notification_due: import.notification.as_ref().map(|message| message.due),
            blocked: import.blocked,
            waits_for_correction: import.waits_for_correction() && import.waits_now(),
            needs_person: import.needs_person() || import.pauses || import.is_behind_a_pause(),
            holds_slot: import.holds_slot(),
        }
    }
}

impl LiveImport {
    /// Whether it waits now for the same correction as another import of its connection.
    #[must_use]
    pub(crate) fn waits_as(&self, other: &Import) -> bool {
        self.waits_for_correction && self.blocked == other.blocked
    }

    /// Whether it is in the lane of an import. Until its connector is known, it is if it is of the same connection.
    #[must_use]
    pub(super) fn is_in_lane_of(&self, import: &Import) -> bool {
        self.target == import.target
            && (self.connection == import.connection
                || self.connector.is_some() && self.connector == import.connector)
    }

    /// File and import, as the reason of another import names them.
    #[must_use]
    pub(super) fn called(&self) -> (Text, Text) {
        (format!("{}/{}", self.container, self.order.name).into(), (&self.id.key).into())
    }
}

/// What the service has of a lane, according to its answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneRecord {
    /// The last full refresh that was accepted.
    pub full: Option<LaneContent>,
    /// The newest incremental file that was accepted since then.
    pub incremental: Option<LaneContent>,
    /// What was accepted last.
    pub last: Option<LastPackage>,
    /// What the next file is compared with: the last full refresh together with the incremental files since then.
    pub baseline: Option<Baseline>,
}

/// An accepted content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneContent {
    /// The content.
    #[serde(flatten)]
    pub order: ContentOrder,
    /// The container of the file.
    pub container: String,
    /// When the service accepted the push.
    #[serde(with = "moment")]
    pub pushed: OffsetDateTime,
}

/// An accepted package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastPackage {
    /// The row key of the import.
    pub import: String,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
    /// Full or incremental.
    pub refresh: Refresh,
    /// When the service accepted the push.
    pub pushed: OffsetDateTime,
}

impl LaneRecord {
    /// Whether it names an import, whose row is then kept.
    #[must_use]
    pub(crate) fn names(&self, key: &str) -> bool {
        let contents = [&self.full, &self.incremental].into_iter().flatten();
        contents.into_iter().any(|content| content.order.import.0 == key)
            || self.last.as_ref().is_some_and(|last| last.import == key)
    }
}

impl LaneContent {
    /// File and import, as the reason of another import names them.
    #[must_use]
    pub(super) fn called(&self) -> (Text, Text) {
        let import = (&self.order.import.0).into();
        (format!("{}/{}", self.container, self.order.name).into(), import)
    }
}

impl LaneRecord {
    /// Records that the service accepted an import. An ingestion that took so long that a later push was made
    /// meanwhile is older than what that push brought. `package` is what was pushed.
    pub fn accept(&mut self, import: &Import, package: Option<&Package>) {
        let Some(refresh) = import.refresh else { return };
        let pushed = import.pushed.unwrap_or(import.received);
        let content = LaneContent {
            order: import.order(),
            container: import.source.container.clone(),
            pushed,
        };
        // A push that is dated after the end of this import has the time of a clock that was set back since.
        let is_later = |other: OffsetDateTime| {
            other > pushed && import.ended.is_some_and(|ended| other <= ended)
        };
        let is_overtaken = |by: Option<&LaneContent>| by.is_some_and(|by| is_later(by.pushed));
        if is_overtaken(self.full.as_ref()) {
            return;
        }
        match refresh {
            Refresh::Full => {
                self.full = Some(content);
                if !is_overtaken(self.incremental.as_ref()) {
                    self.incremental = None;
                }
                self.baseline.clone_from(&import.baseline);
            }
            Refresh::Incremental => {
                let newest = self.incremental.take().filter(|it| it.order > content.order);
                self.incremental = Some(newest.unwrap_or(content));
                self.baseline = match (self.baseline.take(), &import.baseline) {
                    (Some(before), Some(own)) => Some(before.and(own)),
                    (before, own) => before.or_else(|| own.clone()),
                };
            }
        }
        if self.last.as_ref().is_none_or(|last| !is_later(last.pushed)) {
            self.last = package.map(|package| LastPackage {
                import: import.id.key.clone(),
                sha256: package.sha256.clone(),
                refresh,
                pushed,
            });
        }
    }
}
