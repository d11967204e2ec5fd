//! The rows of a day, and the checks of the manager hierarchy in them.
//!
//! Who reports to whom is a matter of one day: a loop that only closes across two days is none.
//! Where a person has several rows of a day, the first manager named counts. Every chain is
//! climbed once, without recursion, so a day costs time in proportion to its rows, and a loop may
//! be of any length. Nothing is grouped, capped or judged here, and no id is known.

use std::{iter, mem, num::NonZeroU32};

/// Somebody, by the order of first sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Person(pub(super) NonZeroU32);

impl Person {
    /// The place of this person in a list of all.
    pub(super) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

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

/// The rows of a day, in the order of the file, in chunks that are never moved. A file may have a few
/// days of a million rows or thousands of a few, so chunks begin small.
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

/// Lines shown of a loop, or of the people at the top.
const SHOWN: usize = 10;

/// The mark of the person whose row comes first in a loop. Other marks are lines.
const HEAD: u32 = u32::MAX;

/// What is wrong with the hierarchy. Lines are physical lines of the file, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The row names another manager than earlier rows of the same person and day (M01).
    SecondManager {
        /// Of the row.
        line: u64,
        /// Of the person's first row of the day.
        first_line: u64,
    },
    /// The person has an earlier row of the same day, which does not contradict this one (M02).
    SecondRow {
        /// Of the row.
        line: u64,
        /// Of the person's first row of the day.
        first_line: u64,
    },
    /// The row names its own person as manager (M03), which does not count as a loop.
    SelfReport {
        /// Of the row.
        line: u64,
    },
    /// People report to each other (M04), or in a longer loop (M05).
    Loop {
        /// How many, at least two.
        people: u64,
        /// Of the first ten at most: the smallest line of all, then manager after manager.
        lines: Vec<u64>,
    },
    /// The manager named has no row in the whole file (M06).
    UnknownManager {
        /// Of the row.
        line: u64,
    },
    /// Several people of the day are at the top: they name nobody, or themselves (M07).
    SeveralRoots {
        /// The day.
        day: Option<i32>,
        /// How many, at least two.
        roots: u64,
        /// Of the first ten at most, ascending.
        lines: Vec<u64>,
    },
    /// Nobody of the day is at the top (M08).
    NoRoot {
        /// The day.
        day: Option<i32>,
    },
}

/// The places of all people in the hierarchy of a day, used again for the next.
pub(super) struct Hierarchy(Vec<Place>);

/// Where a person stands on a day.
#[derive(Clone, Copy, Default)]
struct Place {
    /// The first manager named.
    manager: Option<Person>,
    /// The line of the first row; 0 if there is none.
    line: u32,
    /// The line of the row from which the chain was climbed to here, [`HEAD`], or 0 if nobody came.
    mark: u32,
}

impl Found {
    /// Whether this stays true whatever further rows the file may have.
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
    /// Bytes taken for each person.
    pub(super) const BYTES: usize = size_of::<Place>();

    /// The last line a row may stand on.
    pub(super) const LAST_LINE: u32 = HEAD - 1;

    /// An empty hierarchy of this many people.
    pub(super) fn new(people: usize) -> Self {
        Self(vec![Place::default(); people])
    }

    /// Tells what is wrong with the rows of a day, whose lines ascend. `listed` says who has a row
    /// on any day.
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

    /// Marks the chain above a row as far as nobody came before, and the head of a loop it ends in.
    ///
    /// The rows of that loop are all still to come, or this is the first: had a chain been climbed
    /// from one of them, the loop would be marked. So it can be told when its head's turn comes.
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

    /// The loop of which this person is the head.
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
