//! Which file goes first.

use viva_import::run::{Run, State};

use super::{Accepted, Written};
use crate::world::{File, To, World};

impl World {
    pub(super) fn order_is_kept(
        &self,
        imports: &[Run],
        written: &[Written],
        accepted: &[Accepted],
    ) -> Result<(), String> {
        let first = |key: &str, state: Option<State>| {
            let mut of_key = written.iter().filter(|written| written.text("RowKey") == key);
            of_key.find(|it| state.is_none_or(|state| it.state() == state)).map(|it| it.number)
        };
        let places = |file: &File| -> Vec<usize> {
            let all = accepted.iter().enumerate();
            all.filter(|(_, one)| one.file.etag == file.etag).map(|(place, _)| place).collect()
        };
        for (newer, older) in pairs(imports) {
            let (newer_file, older_file) = (self.file_of(newer)?, self.file_of(older)?);
            let (newer_places, older_places) = (places(newer_file), places(older_file));
            let (Some(newer_first), Some(older_last)) = (newer_places.first(), older_places.last())
            else {
                continue;
            };
            if older_last < newer_first {
                continue;
            }
            let is_broken = if newer_file.to == To::Changes {
                // Both were known before the operation began in which the newer one was claimed.
                let inserted = first(&older.id.key, None);
                let claimed = first(&newer.id.key, Some(State::Pushing));
                let begun = self.begun.iter().rev().find(|begun| Some(**begun) < claimed);
                inserted.zip(begun).is_some_and(|(inserted, begun)| inserted <= *begun)
            } else {
                newer.state == State::Completed
            };
            if is_broken {
                let (newer, older) = (&newer_file.name, &older_file.name);
                return Err(format!("{older} is older than {newer} and was accepted after it"));
            }
        }
        Ok(())
    }
}

/// Newer and older imports of the same connection.
fn pairs(imports: &[Run]) -> impl Iterator<Item = (&Run, &Run)> {
    imports.iter().flat_map(|newer| imports.iter().map(move |older| (newer, older))).filter(
        |(newer, older)| {
            newer.id.tenant == older.id.tenant
                && newer.connection == older.connection
                && newer.id.key < older.id.key
        },
    )
}
