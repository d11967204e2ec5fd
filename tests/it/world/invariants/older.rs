//! Nothing older is pushed after what is newer, unless a person approved it.

use std::collections::HashMap;

use serde_json::Value;
use viva_import::{
    import::{Import, State},
    schema::Id,
};

use super::Written;
use crate::world::{Kind, World, files::File};

/// An import and its file, when it was pushed and when it ended as completed, as numbers of requests.
#[derive(Clone, Copy)]
struct Completed<'a> {
    import: &'a Import,
    file: &'a File,
    pushed: usize,
    ended: usize,
}

/// What the service has of the lane of a tenant.
#[derive(Default)]
struct Lane<'a> {
    full: Option<Completed<'a>>,
    /// Since the full refresh.
    incremental: Vec<Completed<'a>>,
    /// All incremental files.
    changes: Vec<Completed<'a>>,
}

impl<'a> Lane<'a> {
    fn accept(&mut self, one: Completed<'a>) {
        if !one.file.to.is_full() {
            self.changes.push(one);
        }
        // An ingestion that took so long that something newer was pushed meanwhile.
        if self.full.is_some_and(|full| full.pushed > one.pushed) {
            return;
        }
        if one.file.to.is_full() {
            self.full = Some(one);
            self.incremental.retain(|change| change.pushed > one.pushed);
        } else {
            self.incremental.push(one);
        }
    }

    /// Whether a newer full refresh replaces an import, which nobody can approve.
    fn replaces(&self, import: &Import) -> bool {
        self.full.is_some_and(|full| full.import.order() > import.order())
    }

    /// Whether an import undoes something newer, which a person can approve (I05).
    fn is_undone_by(&self, import: &Import, file: &File) -> bool {
        let is_newer = |one: &&Completed<'_>| one.import.order() > import.order();
        if !file.to.is_full() {
            let mut own = self.changes.iter().filter(|one| one.file.to == file.to);
            return own.any(|one| is_newer(&one));
        }
        // Dates of incremental files say nothing: corrections are dated back.
        let has_later_day = self.full.is_some_and(|full| full.file.kind != Kind::Older);
        let is_older = file.kind == Kind::Older && has_later_day;
        is_older || self.incremental.iter().any(|one| is_newer(&one))
    }
}

impl World {
    pub(super) fn nothing_older_is_pushed_without_an_approval(
        &self,
        imports: &[Import],
        written: &[Written],
    ) -> Result<(), String> {
        let mut before: HashMap<(&str, &str), &Written> = HashMap::new();
        let mut completed: Vec<Completed<'_>> = vec![];
        let mut pushed: HashMap<(&str, &str), usize> = HashMap::new();
        for one in written {
            let id = (one.text("PartitionKey"), one.text("RowKey"));
            let last = before.insert(id, one);
            let was = last.map(Written::state);
            let is_it = |it: &&Import| (it.id.tenant.as_str(), it.id.key.as_str()) == id;
            let Some(import) = imports.iter().find(is_it) else { continue };
            let file = self.file_of(import)?;
            if one.state() == State::Completed && was != Some(State::Completed) {
                let pushed = pushed.get(&id).copied().unwrap_or_default();
                completed.push(Completed { import, file, pushed, ended: one.number });
            }
            if one.state() != State::Pushing || was == Some(State::Pushing) {
                continue;
            }
            pushed.insert(id, one.number);
            let is_repeated = last.is_some_and(|last| is_true(last, "PushOutcomeUnknown"));
            // What was completed during the same operation need not be known.
            let begun = self.begun.iter().rev().find(|begun| **begun < one.number);
            let is_known = |lane: &Lane<'_>| {
                let is_undone =
                    lane.is_undone_by(import, file) && !is_repeated && !is_approved(one);
                lane.replaces(import) || is_undone
            };
            let until = [begun.copied().unwrap_or_default(), one.number];
            if until.into_iter().all(|until| is_known(&lane(&completed, id.0, until))) {
                return Err(format!("{} was pushed after something newer", file.name));
            }
        }
        Ok(())
    }

    /// What was rejected because it is older is older than what was accepted, and was not approved.
    pub(super) fn is_rejected_as_older(
        &self,
        import: &Import,
        imports: &[Import],
    ) -> Result<bool, String> {
        let approves = import.approval.as_ref().is_some_and(|approval| approval.names(Id::I05));
        let file = self.file_of(import)?;
        for other in imports.iter().filter(|other| other.id.tenant == import.id.tenant) {
            let other_file = self.file_of(other)?;
            let has_later_day = other_file.to.is_full() && other_file.kind != Kind::Older;
            let is_older = file.kind == Kind::Older && has_later_day;
            if other.state == State::Completed && (is_older || other.order() > import.order()) {
                return Ok(!approves);
            }
        }
        Ok(false)
    }
}

/// What the service had of a tenant's lane when this number of requests had been made.
fn lane<'a>(completed: &[Completed<'a>], tenant: &str, until: usize) -> Lane<'a> {
    let mut lane = Lane::default();
    let of_tenant = completed.iter().filter(|one| one.import.id.tenant == tenant);
    for one in of_tenant.filter(|one| one.ended <= until) {
        lane.accept(*one);
    }
    lane
}

fn is_true(written: &Written, column: &str) -> bool {
    written.row.get(column) == Some(&Value::Bool(true))
}

/// Whether a person has approved that the import is older than what was accepted.
fn is_approved(claim: &Written) -> bool {
    let scope: Value = serde_json::from_str(claim.text("ApprovedFor")).unwrap_or_default();
    scope["rules"].as_array().is_some_and(|rules| rules.iter().any(|rule| rule == "I05"))
}
