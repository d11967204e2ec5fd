//! The rows of one day, twelve bytes each, in chunks that are never moved.
//!
//! A file may have a few days of a million rows or thousands of a few, so chunks begin small.

use std::{iter, mem};

use crate::check::person_index::Person;

/// Rows in the first chunk. Each further chunk holds twice as many, up to the last size.
const FIRST_CHUNK: usize = 8;
const LAST_CHUNK: usize = 4096;

/// What a chunk takes beside its rows: its place in a list that may have doubled, and the
/// allocator's own.
const CHUNK_BYTES: usize = 2 * size_of::<Vec<Row>>() + 16;

/// A row of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Whose row it is.
    pub(super) person: Person,
    /// Whom it names as manager, if anybody.
    pub(super) manager: Option<Person>,
    /// Where it stands, counted from 1.
    pub(super) line: u32,
}

/// The rows of a day, in the order of the file.
pub(super) struct Snapshot {
    day: Option<i32>,
    filled: Vec<Vec<Row>>,
    open: Vec<Row>,
}

impl Snapshot {
    /// No rows yet of this day; `None` if the file has no days.
    pub(super) fn new(day: Option<i32>) -> Self {
        Self { day, filled: Vec::new(), open: Vec::new() }
    }

    /// The day.
    pub(super) fn day(&self) -> Option<i32> {
        self.day
    }

    /// The bytes the next row is going to allocate: none, if there is room in the open chunk.
    pub(super) fn growth(&self) -> usize {
        if self.open.len() < self.open.capacity() {
            0
        } else {
            self.next_chunk() * size_of::<Row>() + CHUNK_BYTES
        }
    }

    /// Remembers a row.
    pub(super) fn push(&mut self, row: Row) {
        if self.open.len() == self.open.capacity() {
            let next = Vec::with_capacity(self.next_chunk());
            let filled = mem::replace(&mut self.open, next);
            if !filled.is_empty() {
                self.filled.push(filled);
            }
        }
        self.open.push(row);
    }

    /// All rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.filled.iter().chain(iter::once(&self.open)).flatten()
    }

    fn next_chunk(&self) -> usize {
        (2 * self.open.capacity()).clamp(FIRST_CHUNK, LAST_CHUNK)
    }
}

#[cfg(test)]
mod tests;
