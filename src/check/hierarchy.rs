//! The rows of a day, and the checks of their manager hierarchy.
//!
//! Each day has its own hierarchy: a loop that only closes across two days is not a loop. If a person has
//! several rows on a day, the first manager counts. Every chain is followed once and without recursion, so
//! the time is proportional to the number of rows, and a loop can have any length. This module does not
//! group, limit or rate its findings, and it knows no ids.

use std::{iter, mem, num::NonZeroU32};

/// A person, numbered in the order of first appearance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Person(pub(super) NonZeroU32);

impl Person {
    /// The index of this person in a list of all people.
    pub(super) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Rows in the first chunk. Each further chunk holds twice as many, up to the last size.
const FIRST_CHUNK: usize = 8;
const LAST_CHUNK: usize = 4096;

/// The memory of a chunk besides its rows: its entry in a list that may have doubled, and the allocator's
/// overhead.
const CHUNK_BYTES: usize = 2 * size_of::<Vec<Row>>() + 16;

/// A row of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The person of the row.
    pub(super) person: Person,
    /// The manager in the row, if any.
    pub(super) manager: Option<Person>,
    /// The line of the row, counted from 1.
    pub(super) line: u32,
}

/// The rows of a day, in the order of the file, in chunks that are never moved. A file may have a few days of
/// a million rows each, or thousands of days with a few rows each, so chunks start small.
pub(super) struct Snapshot {
    day: Option<i32>,
    filled: Vec<Vec<Row>>,
    open: Vec<Row>,
}

impl Snapshot {
    /// A day without rows so far; `None` if the file has no dates.
    pub(super) fn new(day: Option<i32>) -> Self {
        Self { day, filled: Vec::new(), open: Vec::new() }
    }

    /// The day.
    pub(super) fn day(&self) -> Option<i32> {
        self.day
    }

    /// The bytes that the next row will allocate: 0 if the open chunk has room.
    pub(super) fn growth(&self) -> usize {
        if self.open.len() < self.open.capacity() {
            0
        } else {
            self.next_chunk() * size_of::<Row>() + CHUNK_BYTES
        }
    }

    /// Adds a row.
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

/// Lines listed of a loop, or of the people at the top.
const SHOWN: usize = 10;

/// The mark of the person whose row is the first in a loop. Other marks are lines.
const HEAD: u32 = u32::MAX;

/// A fault of the hierarchy. Lines are physical lines of the file, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The row has another manager than earlier rows of the same person and day (M01).
    SecondManager {
        /// The line of the row.
        line: u64,
        /// The line of the person's first row on the day.
        first_line: u64,
    },
    /// The person has an earlier row on the same day, which does not contradict this one (M02).
    SecondRow {
        /// The line of the row.
        line: u64,
        /// The line of the person's first row on the day.
        first_line: u64,
    },
    /// The manager in the row is the person themselves (M03). This does not count as a loop.
    SelfReport {
        /// The line of the row.
        line: u64,
    },
    /// Two people report to each other (M04), or more people form a loop (M05).
    Loop {
        /// How many people, at least two.
        people: u64,
        /// The lines of at most ten people: the smallest line first, then manager after manager.
        lines: Vec<u64>,
    },
    /// The manager in the row has no row in the whole file (M06).
    UnknownManager {
        /// The line of the row.
        line: u64,
    },
    /// Several people are at the top on the day: they have no manager, or are their own (M07).
    SeveralRoots {
        /// The day.
        day: Option<i32>,
        /// How many people, at least two.
        roots: u64,
        /// The lines of at most ten people, ascending.
        lines: Vec<u64>,
    },
    /// Nobody is at the top on the day (M08).
    NoRoot {
        /// The day.
        day: Option<i32>,
    },
}

/// The positions of all people in the hierarchy of a day; reused for the next day.
pub(super) struct Hierarchy(Vec<Place>);

/// The position of a person on a day.
#[derive(Clone, Copy, Default)]
struct Place {
    /// The manager in the first row that has one.
    manager: Option<Person>,
    /// The line of the first row; 0 if there is none.
    line: u32,
    /// The line of the row whose chain was followed to this person, or [`HEAD`]; 0 if there is none yet.
    mark: u32,
}

impl Found {
    /// Whether this stays true whatever other rows the file has.
    pub(super) fn holds_for_a_part(&self) -> bool {
        match self {
            Self::SecondManager { .. }
            | Self::SecondRow { .. }
            | Self::SelfReport { .. }
            | Self::Loop { .. } => true,
            Self::UnknownManager { .. } | Self::SeveralRoots { .. } | Self::NoRoot { .. } => false,
        }
    }
}

impl Hierarchy {
    /// Bytes for each person.
    pub(super) const BYTES: usize = size_of::<Place>();

    /// The last line that a row can have.
    pub(super) const LAST_LINE: u32 = HEAD - 1;

    /// An empty hierarchy for this many people.
    pub(super) fn new(people: usize) -> Self {
        Self(vec![Place::default(); people])
    }

    /// Passes each fault of the rows of a day, whose lines ascend, to `find`. `listed` returns whether a
    /// person has a row on any day.
    pub(super) fn check(
        &mut self,
        snapshot: &Snapshot,
        listed: impl Fn(Person) -> bool,
        mut find: impl FnMut(Found),
    ) {
        for row in snapshot.rows() {
            let place = &mut self.0[row.person.index()];
            if place.line == 0 {
                place.line = row.line;
            }
            place.manager = place.manager.or(row.manager);
        }
        let (mut roots, mut lines) = (0, Vec::new());
        for row in snapshot.rows() {
            let line = u64::from(row.line);
            let place = *self.place(row.person);
            let first = place.line == row.line;
            if !first {
                let first_line = u64::from(place.line);
                find(if row.manager.is_some() && row.manager != place.manager {
                    Found::SecondManager { line, first_line }
                } else {
                    Found::SecondRow { line, first_line }
                });
            }
            if row.manager == Some(row.person) {
                find(Found::SelfReport { line });
            } else if row.manager.is_some_and(|it| self.place(it).line == 0 && !listed(it)) {
                find(Found::UnknownManager { line });
            }
            if first {
                if place.manager.is_none_or(|manager| manager == row.person) {
                    roots += 1;
                    if lines.len() < SHOWN {
                        lines.push(line);
                    }
                }
                self.climb(row);
                if self.place(row.person).mark == HEAD {
                    find(self.found(row.person));
                }
            }
        }
        let day = snapshot.day();
        match roots {
            0 => find(Found::NoRoot { day }),
            1 => {}
            _ => find(Found::SeveralRoots { day, roots, lines }),
        }
        for row in snapshot.rows() {
            self.0[row.person.index()] = Place::default();
        }
    }

    /// Marks the chain of managers above a row up to the first marked person, and the head of the loop that
    /// it ends in, if any.
    ///
    /// No other row of that loop was processed before, because the loop would be marked then. So the loop is
    /// reported when its head is processed.
    fn climb(&mut self, row: &Row) {
        let mut person = row.person;
        while self.place(person).line != 0 && self.place(person).mark == 0 {
            self.0[person.index()].mark = row.line;
            match self.place(person).manager {
                Some(manager) if manager != person => person = manager,
                _ => return,
            }
        }
        if self.place(person).mark == row.line {
            let head = self.around(person).min_by_key(|person| self.place(*person).line);
            self.0[head.unwrap_or(person).index()].mark = HEAD;
        }
    }

    /// The loop whose head is this person.
    fn found(&self, head: Person) -> Found {
        let lines = self.around(head).map(|person| u64::from(self.place(person).line));
        Found::Loop { people: lines.clone().count() as u64, lines: lines.take(SHOWN).collect() }
    }

    /// Everybody in a loop, manager after manager.
    fn around(&self, start: Person) -> impl Iterator<Item = Person> + Clone {
        iter::successors(Some(start), move |person| {
            self.place(*person).manager.filter(|manager| *manager != start)
        })
    }

    fn place(&self, person: Person) -> &Place {
        &self.0[person.index()]
    }
}

#[cfg(test)]
mod tests;
