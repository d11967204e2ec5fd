//! The tries of a step: each is counted in the row, and only a step that never ended is given up.

use std::collections::HashMap;

use serde_json::Value;
use viva_import::import::Import;

use super::Written;
use crate::{
    proxy::{Seen, Upstream},
    world::World,
};

/// After so many tries an import is stuck.
const MOST_TRIES: u64 = 8;

impl Written {
    fn number(&self, column: &str) -> u64 {
        self.row.get(column).and_then(Value::as_u64).unwrap_or_default()
    }
}

impl World {
    pub(super) fn tries_are_counted(
        &self,
        imports: &[Import],
        written: &[Written],
        seen: &[Seen],
    ) -> Result<(), String> {
        let mut known: HashMap<(&str, &str), &Written> = HashMap::new();
        for one in written {
            let key = one.text("RowKey");
            let Some(before) = known.insert((one.text("PartitionKey"), key), one) else { continue };
            let (tries, after) = (before.number("Tries"), one.number("Tries"));
            // The first try of a step that does not begin with a write is counted with its second.
            let is_next = (tries..=tries.max(1) + 1).contains(&after);
            if one.number("Step") == before.number("Step") && !is_next {
                return Err(format!("{key} had {tries} tries of its step, and then {after}"));
            }
            let is_given_up = one.state().is_end() && !before.state().is_end();
            // Times in this form sort by their values.
            let is_late = || {
                let deadline = before.text("Deadline");
                !deadline.is_empty() && deadline <= one.text("Ended")
            };
            if is_given_up
                && one.text("ReasonCode") == "StepNeverEnded"
                && tries < MOST_TRIES
                && !is_late()
            {
                return Err(format!("{key} was given up after {tries} tries"));
            }
        }
        self.steps_are_counted_before_the_service_is_asked(imports, written, seen)
    }

    /// A poll whose message had been delivered before may be what ended the program: it is written first.
    fn steps_are_counted_before_the_service_is_asked(
        &self,
        imports: &[Import],
        written: &[Written],
        seen: &[Seen],
    ) -> Result<(), String> {
        for (key, began) in &self.tried_again {
            let end = self.begun.iter().find(|begun| *begun > began);
            let is_within = |number: usize| number > *began && end.is_none_or(|end| number <= *end);
            let import = imports.iter().find(|import| import.id.key == *key);
            let Some(id) = import.and_then(|import| import.ingestion.as_ref()) else { continue };
            let polled = seen.iter().find(|seen| {
                let is_poll = seen.upstream == Upstream::Service && seen.method == "GET";
                is_poll && is_within(seen.number) && seen.path.contains(&id.0)
            });
            let Some(polled) = polled else { continue };
            let is_counted = written.iter().any(|it| {
                it.text("RowKey") == key && it.number > *began && it.number < polled.number
            });
            if !is_counted {
                return Err(format!("{key} was polled again, and the try was not written before"));
            }
        }
        Ok(())
    }
}
