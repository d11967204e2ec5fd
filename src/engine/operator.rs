//! The operator actions `approve`, `retry`, `cancel` and `resume`.
//!
//! Each is a conditional write like any step, so it cannot undo what is in progress. The row records each
//! action with its time.

use std::fmt;

use azure_core::Error;

use super::{Engine, Step, log};
use crate::{
    http::azure::sentence,
    import::{Event, Import, ImportId, OperatorAction, to_the_second},
    messages,
    outcome::CommandError,
    storage::import_table::Stored,
};

/// The most attempts to write an action while steps change the row.
const TRIES: u32 = 5;

/// Who requests an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The command line.
    Command,
    /// The pages: the signed-in user, or `None` if they were opened with a key.
    Page(Option<String>),
    /// The API, opened with a key.
    Program,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command => f.write_str("by a command"),
            Self::Page(Some(name)) => write!(f, "by {name} on the console"),
            Self::Page(None) => f.write_str("by a console user with a key"),
            Self::Program => f.write_str("by an API client with a key"),
        }
    }
}

impl Actor {
    fn asks_for(&self, action: OperatorAction) -> String {
        let command = action.as_ref();
        match self {
            Self::Command => format!("by `viva-import {command}`"),
            Self::Page(_) | Self::Program => format!("{self} ({command})"),
        }
    }
}

impl Engine {
    /// Applies an operator action to one import.
    ///
    /// # Errors
    /// Storage failed, or the action does not apply (a conflict); the text says why.
    pub async fn grant(
        &self,
        key: &str,
        action: OperatorAction,
        by: &Actor,
    ) -> Result<String, CommandError> {
        let stored = self.find(key).await?;
        self.ask_for(stored, action, by).await
    }

    /// Resumes a paused connection.
    ///
    /// # Errors
    /// Storage failed, or the connection is not paused; the text says which.
    pub async fn resume(&self, connection: &str, by: &Actor) -> Result<String, CommandError> {
        self.resume_those(connection, by, |_| true).await
    }

    /// Resumes the imports of a connection that wait after a 403. Files that wait behind a rejected import
    /// keep waiting.
    ///
    /// # Errors
    /// Storage failed, or no import waits after a 403; the text says which.
    pub(crate) async fn resume_forbidden(
        &self,
        connection: &str,
        by: &Actor,
    ) -> Result<String, CommandError> {
        self.resume_those(connection, by, Import::is_forbidden).await
    }

    async fn resume_those(
        &self,
        connection: &str,
        by: &Actor,
        which: impl Fn(&Import) -> bool,
    ) -> Result<String, CommandError> {
        let imports = self.pausing(connection).await.map_err(|error| failed(&error))?;
        let pauses = |stored: &Stored| stored.import.pauses && which(&stored.import);
        let (mut done, mut conflicts, mut failures) = (vec![], vec![], vec![]);
        for stored in imports.into_iter().filter(pauses) {
            match self.ask_for(stored, OperatorAction::Resume, by).await {
                Ok(result) => done.push(result),
                Err(CommandError::Refused(why)) => conflicts.push(why),
                Err(CommandError::Failed(why)) => failures.push(why),
            }
        }
        match (&done[..], &conflicts[..], &failures[..]) {
            ([], [], []) => Err(conflict(messages::not_paused(connection))),
            ([], _, []) => Err(conflict(conflicts.join(" "))),
            // The conflicts are imports that somebody else has resumed meanwhile.
            (_, _, []) => Ok(messages::resumed(&done)),
            _ => Err(CommandError::Failed([done, conflicts, failures].concat().join(" "))),
        }
    }

    /// The imports that pause a connection, of every tenant that it has had.
    async fn pausing(&self, connection: &str) -> azure_core::Result<Vec<Stored>> {
        let mut pausing = vec![];
        for tenant in self.imports.tenants().await? {
            let record = self.imports.connection(&tenant, connection).await?;
            for pause in record.paused_by {
                let id = ImportId { tenant: tenant.clone(), key: pause.import.to_string() };
                pausing.extend(self.imports.get(&id).await?);
            }
        }
        Ok(pausing)
    }

    /// The import with this row key, or with this [`name`](ImportId::name) if two imports have the key.
    ///
    /// # Errors
    /// Storage failed, or there is no such import, or more than one.
    pub async fn find(&self, key: &str) -> Result<Stored, CommandError> {
        // The same content has two rows if its connection has changed its tenant.
        let found = match ImportId::parse(key) {
            Some(id) => self.imports.get(&id).await.map(|found| found.into_iter().collect()),
            // The keys of other rows have another form.
            None if ImportId::is_key(key) => self.imports.find(key).await,
            None => Ok(vec![]),
        };
        let mut found: Vec<Stored> = found.map_err(|error| failed(&error))?;
        match (found.pop(), found.pop()) {
            (None, _) => Err(conflict(messages::not_found(key))),
            (Some(stored), None) => Ok(stored),
            (Some(one), Some(other)) => {
                Err(conflict(messages::found_twice(key, &one.import.id, &other.import.id)))
            }
        }
    }

    /// Writes an action into the row, if it applies. If a step was faster and the action still applies to
    /// the same state, the write is repeated.
    async fn ask_for(
        &self,
        stored: Stored,
        action: OperatorAction,
        by: &Actor,
    ) -> Result<String, CommandError> {
        let before = stored.import.clone();
        if !before.takes(action) {
            return Err(conflict(messages::not_taken(action, &before)));
        }
        let is_as_it_was = |stored: &Stored| {
            let is_same = action == OperatorAction::Resume || stored.import.state == before.state;
            is_same && stored.import.takes(action)
        };
        let at = to_the_second((self.clock)());
        let by = by.asks_for(action);
        let event = Event::OperatorRequested { action, by: format!("{by} at {at}") };
        let (mut next, mut tries) = (Some(stored), 0);
        while let Some(stored) = next.take() {
            let saved = Box::pin(self.save(stored, event.clone())).await;
            match saved.map_err(|error| failed(&error))? {
                Step::Moved(stored) => {
                    self.announce(&stored.import).await;
                    log::asked(&stored.import, action, &by, (self.clock)());
                    return Ok(messages::taken(action, &stored.import));
                }
                Step::Resting if tries < TRIES => {
                    tries += 1;
                    let read =
                        self.imports.get(&before.id).await.map_err(|error| failed(&error))?;
                    next = read.filter(is_as_it_was);
                }
                Step::Resting => {}
            }
        }
        Err(conflict(messages::moved_on(&before)))
    }
}

fn conflict(why: String) -> CommandError {
    CommandError::Refused(why)
}

fn failed(error: &Error) -> CommandError {
    CommandError::Failed(format!("Storage failed: {}.", sentence(error)))
}
