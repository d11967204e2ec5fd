//! The order of pushes.

use viva_import::import::{Import, State};

use super::{Accepted, Written, asked};
use crate::world::{File, To, World};

impl World {
    pub(super) fn order_is_kept(
        &self,
        imports: &[Import],
        written: &[Written],
        accepted: &[Accepted],
    ) -> Result<(), String> {
        let first = |import: &Import, state: Option<State>| {
            let is_of = |it: &&Written| {
                it.text("RowKey") == import.id.key && it.text("PartitionKey") == import.id.tenant
            };
            let mut of_key = written.iter().filter(is_of);
            of_key.find(|it| state.is_none_or(|state| it.state() == state)).map(|it| it.number)
        };
        let places = |file: &File| -> Vec<usize> {
            let all = accepted.iter().enumerate();
            all.filter(|(_, one)| one.file.etag == file.etag).map(|(place, _)| place).collect()
        };
        for (newer, older) in pairs(imports) {
            let (newer_file, older_file) = (self.file_of(newer)?, self.file_of(older)?);
            let (newer_places, older_places) = (places(newer_file), places(older_file));
            // The operation before the claim of the newer import.
            let claimed = first(newer, Some(State::Pushing));
            let begun = self.begun.iter().rev().find(|begun| Some(**begun) < claimed);
            let known = |number: Option<usize>| {
                number.zip(begun).is_some_and(|(number, begun)| number <= *begun)
            };
            let is_bad = |state| known(first(older, Some(state)));
            if newer_file.to == To::Builds
                && !newer_places.is_empty()
                && (is_bad(State::Rejected) || is_bad(State::Stuck))
                && older.operator_actions.is_none()
            {
                let (newer, older) = (&newer_file.name, &older_file.name);
                return Err(format!("{newer} was pushed although {older} failed"));
            }
            let (Some(newer_first), Some(older_last)) = (newer_places.first(), older_places.last())
            else {
                continue;
            };
            if older_last < newer_first || asked(older, "retry") > 0 {
                continue;
            }
            let is_broken = if newer_file.to.is_full() {
                newer.state == State::Completed
            } else {
                known(first(older, None))
            };
            if is_broken {
                let (newer, older) = (&newer_file.name, &older_file.name);
                return Err(format!("{older} is older than {newer}, but was accepted after it"));
            }
        }
        self.nothing_older_undoes_a_lane(imports, accepted)
    }

    /// In a lane no full refresh comes after a newer content, and nothing after a newer full refresh, whichever
    /// connections they belong to; unless an operator asks.
    fn nothing_older_undoes_a_lane(
        &self,
        imports: &[Import],
        accepted: &[Accepted],
    ) -> Result<(), String> {
        let last = |file: &File| accepted.iter().rposition(|one| one.file.etag == file.etag);
        for (newer, older) in pairs_of_lanes(imports) {
            let (newer_file, older_file) = (self.file_of(newer)?, self.file_of(older)?);
            let is_full = newer_file.to.is_full() || older_file.to.is_full();
            let asked = asked(older, "retry") + asked(older, "approve");
            if is_full
                && newer.state == State::Completed
                && asked == 0
                && last(older_file) > last(newer_file)
            {
                let (newer, older) = (&newer_file.name, &older_file.name);
                return Err(format!("{older} is older than {newer}, and undoes it"));
            }
        }
        Ok(())
    }
}

/// Newer and older imports of the same connection.
fn pairs(imports: &[Import]) -> impl Iterator<Item = (&Import, &Import)> {
    pairs_of_lanes(imports).filter(|(newer, older)| newer.connection == older.connection)
}

/// Newer and older imports of the same tenant, which has one lane.
fn pairs_of_lanes(imports: &[Import]) -> impl Iterator<Item = (&Import, &Import)> {
    imports.iter().flat_map(|newer| imports.iter().map(move |older| (newer, older))).filter(
        |(newer, older)| newer.id.tenant == older.id.tenant && newer.order() > older.order(),
    )
}
