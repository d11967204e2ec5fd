//! The memory of one import, and the one pure function that moves it on.
//!
//! [`Run::apply`] lists every legal pair of state and event; [`Run::action`] says what is to be
//! done next. No clock, no storage and no network are in here, so that the live path and the
//! recovery after a power cut cannot differ.
//!
//! ```text
//! Received --Packed--> Packed --Claimed--> Pushing --Accepted--> Ingesting --Completed--> Completed
//!    | Refused           | SlotTaken: later   | Busy, NotSent: Packed, later | ValidationFailed
//!    v                   v                    | AnswerLost: Packed, again    v
//! Rejected            (waits)                 | PushRefused: Stuck        Rejected
//! ```
//!
//! Laws kept here: an end stays an end; every live run is due; a step that died is due again.

use std::fmt;

use time::OffsetDateTime;

pub use self::policy::Policy;
use crate::ingestion::wire::Status;

mod policy;
mod story;

/// Which import: the tenant (the table's partition) and the row key.
///
/// The key is made of the content's own last-modified time, inverted so that lists come newest
/// first, and a hash of container, name and ETag: the same content is always the same row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId {
    /// The tenant's id, lower case.
    pub tenant: String,
    /// The row key.
    pub key: String,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.key)
    }
}

/// The ingestion service's own id of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestionId(pub String);

impl fmt::Display for IngestionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a file replaces everything or adds to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// Replaces everything: whoever is not in the file is deactivated.
    Full,
    /// Adds and overwrites by person and date.
    Incremental,
}

impl Refresh {
    /// The word of the connection document and of the table.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Incremental => "incremental",
        }
    }

    /// The refresh a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Full, Self::Incremental].into_iter().find(|refresh| refresh.word() == word)
    }
}

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The file is known and has not been read yet.
    Received,
    /// The zip is staged and waits to be pushed.
    Packed,
    /// The push is under way, or was when the power went.
    Pushing,
    /// The service has it and is at work.
    Ingesting,
    /// The service accepted it. What Viva shows, and when, is the service's own affair.
    Completed,
    /// The file is wrong, by our checks or by the service's.
    Rejected,
    /// Another content took its place before it was pushed.
    Superseded,
    /// It needs a person; the row says what for.
    Stuck,
}

impl State {
    const ALL: [Self; 8] = [
        Self::Received,
        Self::Packed,
        Self::Pushing,
        Self::Ingesting,
        Self::Completed,
        Self::Rejected,
        Self::Superseded,
        Self::Stuck,
    ];

    /// The word of the table.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Received => "Received",
            Self::Packed => "Packed",
            Self::Pushing => "Pushing",
            Self::Ingesting => "Ingesting",
            Self::Completed => "Completed",
            Self::Rejected => "Rejected",
            Self::Superseded => "Superseded",
            Self::Stuck => "Stuck",
        }
    }

    /// The state a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether nothing more happens to the import.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Rejected | Self::Superseded | Self::Stuck)
    }
}

/// The content an import is of, pinned by its ETag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The container.
    pub container: String,
    /// The blob's name.
    pub name: String,
    /// The content's ETag, bare.
    pub etag: String,
    /// Its length.
    pub bytes: u64,
    /// When it was written.
    pub last_modified: OffsetDateTime,
}

impl Source {
    /// The file as a person names it.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}/{}", self.container, self.name)
    }
}

/// The staged zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its blob in the packages container.
    pub blob: String,
    /// That blob's ETag, bare.
    pub etag: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
}

/// One import. Every field is a column of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which import.
    pub id: RunId,
    /// The connection it belongs to.
    pub connection: String,
    /// The content.
    pub source: Source,
    /// Where it stands.
    pub state: State,
    /// Full or incremental; known once packed.
    pub refresh: Option<Refresh>,
    /// Data rows; known once packed.
    pub rows: Option<u64>,
    /// How many problems were found in the file.
    pub problems: u64,
    /// The blob that lists them, in the reports container.
    pub report: Option<String>,
    /// The staged zip, as long as it is there.
    pub package: Option<Package>,
    /// The service's address of this tenant, once discovered.
    pub scale_unit: Option<String>,
    /// The service's id of the import, once accepted.
    pub ingestion: Option<IngestionId>,
    /// The service's own last word.
    pub service_status: Option<String>,
    /// Packs and pushes begun.
    pub attempts: u32,
    /// Failures in a row of the present state.
    pub failures: u32,
    /// When the next step is due; `None` when nothing is left to do.
    pub due: Option<OffsetDateTime>,
    /// When the present state ends as `Stuck`.
    pub deadline: Option<OffsetDateTime>,
    /// Whether a push's answer was lost: the service may have the content already.
    pub answer_lost: bool,
    /// When the row was made.
    pub received: OffsetDateTime,
    /// When the service accepted the push.
    pub pushed: Option<OffsetDateTime>,
    /// When the import ended.
    pub ended: Option<OffsetDateTime>,
    /// What went wrong last, or what it waits for, in one sentence.
    pub last_failure: Option<String>,
    /// What a person should know though nothing is wrong.
    pub notice: Option<String>,
}

/// What happened to an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A pack begins; nobody else takes it up before `due`.
    Began,
    /// The file is right and its zip is staged.
    Packed {
        /// The zip.
        package: Package,
        /// Data rows in it.
        rows: u64,
        /// What the connection says the file is.
        refresh: Refresh,
        /// Something a person should know though the file is right.
        notice: Option<String>,
    },
    /// The file, or the connection it belongs to, is wrong.
    Refused {
        /// Why, naming file, row and column.
        why: String,
        /// How many problems there are.
        problems: u64,
        /// The blob that lists them.
        report: Option<String>,
    },
    /// The blob has another content now.
    Replaced,
    /// Another import of the tenant is under way.
    SlotTaken {
        /// The row key of that import.
        by: String,
    },
    /// The intent to push is in the row and the tenant's slot is ours.
    Claimed {
        /// The service's address of this tenant.
        scale_unit: String,
    },
    /// The service accepted the push.
    Accepted {
        /// Its id.
        id: IngestionId,
        /// Its word.
        status: Status,
    },
    /// The service has not finished the tenant's last import.
    Busy,
    /// The push surely did not arrive, or was put off.
    NotSent {
        /// Why.
        why: String,
        /// When the service wants to be asked again.
        retry_at: Option<OffsetDateTime>,
    },
    /// Whether the push arrived is unknown.
    AnswerLost {
        /// Why.
        why: String,
    },
    /// The service refuses, and asking again will not help.
    PushRefused {
        /// Why, and what to do.
        why: String,
    },
    /// The service told where its work stands.
    Said {
        /// Its word.
        status: Status,
        /// What it says besides.
        detail: Option<String>,
        /// The blob its error file was kept in.
        report: Option<String>,
    },
    /// Storage, identity or the network failed; nothing is decided.
    Faulted {
        /// Why.
        why: String,
        /// When the other side wants to be asked again.
        retry_at: Option<OffsetDateTime>,
    },
    /// The staged zip is gone.
    Discarded,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read, check, stage.
    Pack,
    /// Claim the tenant's slot and push.
    Push,
    /// A push was under way and nobody knows what became of it.
    Recover,
    /// Ask the service.
    Follow,
    /// Delete the staged zip of an ended import.
    Discard,
    /// Nothing before then.
    Wait(OffsetDateTime),
    /// Nothing ever again.
    Rest,
}

/// An event that cannot happen in the state the run is in.
#[derive(Debug)]
pub struct IllegalEvent {
    state: State,
    event: Box<Event>,
}

impl fmt::Display for IllegalEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} cannot happen to an import that is {}", self.event, self.state.word())
    }
}

impl std::error::Error for IllegalEvent {}

impl Run {
    /// A new import of `source`, due at once.
    #[must_use]
    pub fn new(
        id: RunId,
        connection: &str,
        source: Source,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Self {
        Self {
            id,
            connection: connection.to_owned(),
            source,
            state: State::Received,
            refresh: None,
            rows: None,
            problems: 0,
            report: None,
            package: None,
            scale_unit: None,
            ingestion: None,
            service_status: None,
            attempts: 0,
            failures: 0,
            due: Some(now),
            deadline: Some(now + policy.wait_deadline),
            answer_lost: false,
            received: now,
            pushed: None,
            ended: None,
            last_failure: None,
            notice: None,
        }
    }

    /// What is to be done at `now`.
    #[must_use]
    pub fn action(&self, now: OffsetDateTime) -> Action {
        let Some(due) = self.due else { return Action::Rest };
        if due > now {
            return Action::Wait(due);
        }
        match self.state {
            State::Received => Action::Pack,
            State::Packed => Action::Push,
            State::Pushing => Action::Recover,
            State::Ingesting => Action::Follow,
            State::Completed | State::Rejected | State::Superseded | State::Stuck => {
                Action::Discard
            }
        }
    }

    /// Whether the import occupies its tenant's one slot at the service.
    #[must_use]
    pub fn holds_slot(&self) -> bool {
        matches!(self.state, State::Pushing | State::Ingesting)
    }

    /// The import after `event`.
    ///
    /// # Errors
    /// Where the event cannot happen in this state; nothing is changed then.
    pub fn apply(
        mut self,
        event: Event,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Result<Self, IllegalEvent> {
        use State::{Completed, Ingesting, Packed, Pushing, Received, Rejected, Stuck, Superseded};
        Ok(match (self.state, event) {
            (Received, Event::Began) => {
                self.attempts += 1;
                self.due = Some(now + policy.step_timeout);
                self
            }
            (Received, Event::Packed { package, rows, refresh, notice }) => {
                self.package = Some(package);
                self.rows = Some(rows);
                self.refresh = Some(refresh);
                self.last_failure = None;
                self.notice = notice;
                self.enter(Packed, now, Some(now + policy.wait_deadline))
            }
            (Received, Event::Refused { why, problems, report }) => {
                self.problems = problems;
                self.report = report;
                self.end(Rejected, Some(why), now)
            }
            (Received, Event::Replaced) => {
                let why = "the file was replaced before it was read; its newer content is an \
                           import of its own";
                self.end(Superseded, Some(why.to_owned()), now)
            }
            (Packed, Event::SlotTaken { by }) => {
                let wait = policy.busy_wait(&self.id, self.attempts);
                let why = format!(
                    "waits: another import of this tenant is under way ({by}), and the service \
                     takes one at a time"
                );
                self.later(now + wait, why, now)
            }
            (Packed, Event::Claimed { scale_unit }) => {
                self.attempts += 1;
                self.scale_unit = Some(scale_unit);
                self.state = Pushing;
                self.due = Some(now + policy.step_timeout);
                self
            }
            (Pushing, Event::Accepted { id, status }) => {
                self.ingestion = Some(id);
                self.service_status = Some(status.to_string());
                self.pushed = Some(now);
                self.answer_lost = false;
                let run = self.enter(Ingesting, now, Some(now + policy.ingestion_deadline));
                run.still_ingesting(&status, now, policy)
            }
            (Pushing, Event::Busy) => {
                self.state = Packed;
                self.failures = 0;
                self.busy(now, policy)
            }
            (Pushing, Event::AnswerLost { why }) => {
                self.state = Packed;
                self.answer_lost = true;
                let why = format!(
                    "the push was not answered ({why}), so it is repeated: pushing the same \
                     content twice does no harm"
                );
                self.failed(why, None, now, policy)
            }
            (Pushing, Event::NotSent { why, retry_at }) => {
                self.state = Packed;
                self.failed(why, retry_at, now, policy)
            }
            (Packed | Pushing, Event::PushRefused { why }) => self.end(Stuck, Some(why), now),
            (Ingesting, Event::Said { status, detail, report }) => {
                self.service_status = Some(status.to_string());
                self.failures = 0;
                match status {
                    Status::Completed => self.end(Completed, None, now),
                    Status::ValidationFailed => {
                        self.report = report;
                        let why = detail.unwrap_or_else(|| "no reason given".to_owned());
                        let why = format!("the service's validation failed: {why}");
                        self.end(Rejected, Some(why), now)
                    }
                    Status::NotStarted | Status::ExtractionComplete | Status::Unknown(_) => {
                        self.still_ingesting(&status, now, policy)
                    }
                }
            }
            (
                Received | Packed | Pushing | Ingesting | Completed | Rejected | Superseded | Stuck,
                Event::Faulted { why, retry_at },
            ) => self.failed(why, retry_at, now, policy),
            // The staged zip was lost before its push: it is made once more.
            (Packed, Event::Discarded) => {
                self.package = None;
                self.enter(Received, now, Some(now + policy.wait_deadline))
            }
            (Completed | Rejected | Superseded | Stuck, Event::Discarded) => {
                self.package = None;
                self.due = None;
                self
            }
            (state, event) => return Err(IllegalEvent { state, event: Box::new(event) }),
        })
    }

    fn enter(
        mut self,
        state: State,
        now: OffsetDateTime,
        deadline: Option<OffsetDateTime>,
    ) -> Self {
        self.state = state;
        self.failures = 0;
        self.due = Some(now);
        self.deadline = deadline;
        self
    }

    /// An end is due once more where a staged zip is left to delete.
    fn end(mut self, state: State, why: Option<String>, now: OffsetDateTime) -> Self {
        self.last_failure = why;
        self.ended = Some(now);
        let mut run = self.enter(state, now, None);
        run.due = run.package.is_some().then_some(now);
        run
    }

    fn later(mut self, due: OffsetDateTime, why: String, now: OffsetDateTime) -> Self {
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            let why = format!("gave up waiting; the last reason: {why}");
            return self.end(State::Stuck, Some(why), now);
        }
        self.last_failure = Some(why);
        self.due = Some(due);
        self
    }

    fn busy(self, now: OffsetDateTime, policy: &Policy) -> Self {
        let wait = policy.busy_wait(&self.id, self.attempts);
        let why = if self.answer_lost {
            "waits: the service is busy, probably with this very file, whose first push was never \
             answered; it is pushed again when the service is free"
        } else {
            "waits: the service has not finished this tenant's previous import"
        };
        self.later(now + wait, why.to_owned(), now)
    }

    fn failed(
        mut self,
        why: String,
        retry_at: Option<OffsetDateTime>,
        now: OffsetDateTime,
        policy: &Policy,
    ) -> Self {
        self.failures = self.failures.saturating_add(1);
        if self.state.is_end() {
            // Only the clean-up failed: what the import came to stays as it is.
            self.due = Some(now + policy.backoff(&self.id, self.failures));
            return self;
        }
        if self.state == State::Packed && self.failures >= policy.push_failures {
            let why = format!("gave up after {} failed pushes; the last: {why}", self.failures);
            return self.end(State::Stuck, Some(why), now);
        }
        let backoff = now + policy.backoff(&self.id, self.failures);
        self.later(retry_at.map_or(backoff, |at| at.max(now)), why, now)
    }

    fn still_ingesting(mut self, status: &Status, now: OffsetDateTime, policy: &Policy) -> Self {
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            let why = format!(
                "the service has said {status} for longer than the deadline allows; look at the \
                 import history in the Viva Insights portal, and push the file again if it is not \
                 there"
            );
            return self.end(State::Stuck, Some(why), now);
        }
        self.last_failure = None;
        self.due = Some(now + policy.poll_wait(self.pushed.unwrap_or(now), now));
        self
    }
}

#[cfg(test)]
mod tests;
