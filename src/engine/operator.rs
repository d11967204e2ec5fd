//! What persons ask for: `approve`, `retry`, `cancel`, `resume`.
//!
//! Each is a conditional write like any step, so that it cannot undo what is under way, and each
//! stands in the row with its time.

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

/// How often an action is written again while steps are faster.
const TRIES: u32 = 5;

/// How a person asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// By a command.
    Command,
    /// On the pages: the name of whoever is signed in, `None` where they were opened with a key.
    Page(Option<String>),
    /// By the API, with a key.
    Program,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command => f.write_str("by a command"),
            Self::Page(Some(name)) => write!(f, "by {name} on the console"),
            Self::Page(None) => f.write_str("by somebody with a key on the console"),
            Self::Program => f.write_str("by a program with a key"),
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
    /// Does what a person asks for with one import: lets it delete, tries it again, or gives it up.
    ///
    /// # Errors
    /// Storage failed, or the import does not take the action as it is now; a sentence says why.
    pub async fn grant(
        &self,
        key: &str,
        action: OperatorAction,
        by: &Actor,
    ) -> Result<String, CommandError> {
        let stored = self.find(key).await?;
        self.ask_for(stored, action, by).await
    }

    /// Lets a paused connection go on.
    ///
    /// # Errors
    /// Storage failed, or the connection is not paused; a sentence says which.
    pub async fn resume(&self, connection: &str, by: &Actor) -> Result<String, CommandError> {
        self.resume_those(connection, by, |_| true).await
    }

    /// Lets those imports of a connection go on that wait after a 403. What waits behind an import
    /// that was refused goes on waiting.
    ///
    /// # Errors
    /// Storage failed, or nothing waits for that; a sentence says which.
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
        let imports = self.imports.named(connection).await.map_err(|error| failed(&error))?;
        let pauses = |stored: &Stored| stored.import.pauses && which(&stored.import);
        let (mut done, mut refusals, mut failures) = (vec![], vec![], vec![]);
        for stored in imports.into_iter().filter(pauses) {
            match self.ask_for(stored, OperatorAction::Resume, by).await {
                Ok(told) => done.push(told),
                Err(CommandError::Refused(why)) => refusals.push(why),
                Err(CommandError::Failed(why)) => failures.push(why),
            }
        }
        match (&done[..], &refusals[..], &failures[..]) {
            ([], [], []) => Err(refused(messages::not_paused(connection))),
            ([], _, []) => Err(refused(refusals.join("; "))),
            // Of what somebody else has let go on meanwhile nothing is left to do.
            (_, _, []) => Ok(messages::resumed(&done)),
            _ => Err(CommandError::Failed([done, refusals, failures].concat().join("; "))),
        }
    }

    /// The import with this row key, or with this [`name`](ImportId::name) where two have the key.
    ///
    /// # Errors
    /// Storage failed, or there is none, or more than one.
    pub async fn find(&self, key: &str) -> Result<Stored, CommandError> {
        // The same content is there twice where its connection has changed its tenant meanwhile.
        let found = match ImportId::parse(key) {
            Some(id) => self.imports.get(&id).await.map(|found| found.into_iter().collect()),
            // Other rows have keys of another form.
            None if ImportId::is_key(key) => self.imports.find(key).await,
            None => Ok(vec![]),
        };
        let mut found: Vec<Stored> = found.map_err(|error| failed(&error))?;
        // What was taken in without a tenant takes no action where there is a row of a tenant.
        if found.iter().any(|stored| stored.import.id.has_tenant()) {
            found.retain(|stored| stored.import.id.has_tenant());
        }
        match (found.pop(), found.pop()) {
            (None, _) => Err(refused(messages::not_found(key))),
            (Some(stored), None) => Ok(stored),
            (Some(one), Some(other)) => {
                Err(refused(messages::found_twice(key, &one.import.id, &other.import.id)))
            }
        }
    }

    /// Writes an action into the row, if the import takes it. Where a step was faster and has changed
    /// nothing that the person went by, it is tried again.
    async fn ask_for(
        &self,
        stored: Stored,
        action: OperatorAction,
        by: &Actor,
    ) -> Result<String, CommandError> {
        let before = stored.import.clone();
        if !before.takes(action) {
            return Err(refused(messages::not_taken(action, &before)));
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
        Err(refused(messages::moved_on(&before)))
    }
}

fn refused(why: String) -> CommandError {
    CommandError::Refused(why)
}

fn failed(error: &Error) -> CommandError {
    CommandError::Failed(format!("storage: {}", sentence(error)))
}
