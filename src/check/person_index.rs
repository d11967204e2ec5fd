//! The memory of people: who stands in which row of which day under which manager.
//!
//! An id is folded to small letters and remembered as a 128-bit hash under a key drawn for this
//! memory alone; no text of it is kept, and nothing that could be compared with another run. Rows
//! are kept by day. What is wrong with all that is for [`super::hierarchy`] to say.
//!
//! Memory is bounded: what would exceed the bound is refused before it is allocated. Measured, a
//! million people take 35 to 40 MB: 16 for the hashes, 6 to 11 for the table, 1 for marks, and 12
//! that only the checks take. A million rows take 12 MB where days have many rows, and 16 MB where
//! they have 1,600. By design it is never more than 24 MB, beside at most 1 kB for each day.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
    num::NonZeroU32,
    ops::Bound,
};

use hashbrown::HashTable;
use siphasher::sip128::{Hash128, SipHasher13};

use super::hierarchy::{Found, Hierarchy, Person, Row, Snapshot};

/// People in a block.
const BLOCK: usize = 4096;

/// What a block takes: hashes, marks, its place in the list, and the checks' share of its people.
const BLOCK_BYTES: usize =
    BLOCK * (size_of::<Hash128>() + size_of::<bool>() + Hierarchy::BYTES) + 2 * size_of::<Block>();

/// What a day takes beside its chunks: its places in a list that may have doubled and in the map.
const DAY_BYTES: usize = 3 * size_of::<Snapshot>() + 48;

/// The hash of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hash(Hash128);

/// The bound is reached: from here on nothing more is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// Everybody seen so far, and all rows.
pub(super) struct People {
    key: SipHasher13,
    table: HashTable<Person>,
    blocks: Vec<Block>,
    listed: u64,
    days: BTreeMap<Option<i32>, usize>,
    snapshots: Vec<Snapshot>,
    /// The snapshot of the last row: rows mostly come in runs of one day.
    current: usize,
    /// Who comes next mostly: whoever came next on the day before, under the manager of the row
    /// above.
    likely: [Option<Person>; 2],
    bytes: u64,
    max_bytes: u64,
    full: bool,
}

/// As many people as fit together, so that growth moves none of them.
struct Block {
    hashes: Vec<Hash128>,
    listed: Vec<bool>,
}

impl People {
    /// An empty memory that will not take more than `max_bytes`.
    pub(super) fn new(max_bytes: u64) -> Self {
        let table = HashTable::with_capacity(BLOCK);
        let drawn = RandomState::new();
        Self {
            key: SipHasher13::new_with_keys(drawn.hash_one(0), drawn.hash_one(1)),
            bytes: table.allocation_size() as u64,
            table,
            blocks: Vec::new(),
            listed: 0,
            days: BTreeMap::new(),
            snapshots: Vec::new(),
            current: 0,
            likely: [None; 2],
            max_bytes,
            full: false,
        }
    }

    /// The hash of an id. Ids that differ in nothing but capitals are one person.
    ///
    /// Hash both ids of a row before looking either up: the look-ups then wait for memory together.
    pub(super) fn hash(&self, id: &[u8]) -> Hash {
        if !id.is_ascii()
            && let Ok(text) = str::from_utf8(id)
        {
            return Hash(self.key.hash(text.to_lowercase().as_bytes()));
        }
        let mut small = [0; 64];
        let Some(small) = small.get_mut(..id.len()) else {
            return Hash(self.key.hash(&id.to_ascii_lowercase()));
        };
        small.copy_from_slice(id);
        small.make_ascii_lowercase();
        Hash(self.key.hash(small))
    }

    /// Who is known by this hash.
    pub(super) fn find(&self, Hash(hash): Hash) -> Option<Person> {
        let is_it = |person: &Person| hash_of(&self.blocks, *person) == hash;
        if let Some(person) = self.likely.into_iter().flatten().find(is_it) {
            return Some(person);
        }
        self.table.find(hash.h1, |person| hash_of(&self.blocks, *person) == hash).copied()
    }

    /// Who is known by this hash; if nobody yet, a new person.
    pub(super) fn add(&mut self, hash: Hash) -> Result<Person, Full> {
        if let Some(person) = self.find(hash) {
            return Ok(person);
        }
        if self.full {
            return Err(Full);
        }
        let index = self.table.len();
        let person = u32::try_from(index + 1).ok().and_then(NonZeroU32::new).map(Person);
        let person = person.ok_or_else(|| self.end())?;
        if index == self.table.capacity() {
            self.widen()?;
        }
        if index.is_multiple_of(BLOCK) {
            self.claim(BLOCK_BYTES)?;
            let hashes = Vec::with_capacity(BLOCK);
            self.blocks.push(Block { hashes, listed: vec![false; BLOCK] });
        }
        self.blocks[index / BLOCK].hashes.push(hash.0);
        self.table.insert_unique(hash.0.h1, person, |other| hash_of(&self.blocks, *other).h1);
        Ok(person)
    }

    /// Remembers a data row. Lines count from 1 and ascend.
    pub(super) fn row(
        &mut self,
        day: Option<i32>,
        person: Person,
        manager: Option<Person>,
        line: u64,
    ) -> Result<(), Full> {
        let line = u32::try_from(line).ok().filter(|line| *line <= Hierarchy::LAST_LINE);
        let line = line.ok_or_else(|| self.end())?;
        if self.snapshots.get(self.current).is_none_or(|snapshot| snapshot.day() != day) {
            self.current = self.snapshot(day)?;
        }
        self.claim(self.snapshots[self.current].growth())?;
        self.snapshots[self.current].push(Row { person, manager, line });
        let after = person.0.checked_add(1).map(Person);
        self.likely = [after.filter(|person| person.index() < self.table.len()), manager];
        let listed = &mut self.blocks[person.index() / BLOCK].listed[person.index() % BLOCK];
        self.listed += u64::from(!*listed);
        *listed = true;
        Ok(())
    }

    /// How many people have a row of their own; who is only named as a manager does not count.
    pub(super) fn count(&self) -> u64 {
        self.listed
    }

    /// The last day there is a row of.
    pub(super) fn last_day(&self) -> Option<i32> {
        self.days.last_key_value().and_then(|(day, _)| *day)
    }

    /// Bytes allocated, with those the checks are going to take.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Tells what is wrong with the hierarchy: day by day, line by line, and then of the whole day.
    ///
    /// When the memory is full, only what the forgotten rows cannot change is told.
    pub(super) fn hierarchy(&self, mut find: impl FnMut(Found)) {
        let mut hierarchy = Hierarchy::new(self.table.len());
        for index in self.days.values() {
            let listed = |person| self.is_listed(person);
            hierarchy.check(&self.snapshots[*index], listed, |found| {
                if !self.full || found.holds_for_a_part() {
                    find(found);
                }
            });
        }
    }

    /// Tells the lines of the rows before `since` whose person has no row on that day or later
    /// (I01): day by day, line by line.
    ///
    /// When the memory is full nothing is told: the forgotten rows may be the later ones.
    pub(super) fn without_later_rows(&self, since: i32, mut find: impl FnMut(u64)) {
        if self.full {
            return;
        }
        let mut later = vec![false; self.table.len()];
        for index in self.days.range(Some(since)..).map(|(_, index)| *index) {
            for row in self.snapshots[index].rows() {
                later[row.person.index()] = true;
            }
        }
        let before = (Bound::Excluded(None), Bound::Excluded(Some(since)));
        for index in self.days.range(before).map(|(_, index)| *index) {
            for row in self.snapshots[index].rows() {
                if !later[row.person.index()] {
                    find(u64::from(row.line));
                }
            }
        }
    }

    fn is_listed(&self, person: Person) -> bool {
        self.blocks[person.index() / BLOCK].listed[person.index() % BLOCK]
    }

    /// Where the snapshot of this day is; a new one, if need be.
    fn snapshot(&mut self, day: Option<i32>) -> Result<usize, Full> {
        if let Some(index) = self.days.get(&day) {
            return Ok(*index);
        }
        self.claim(DAY_BYTES)?;
        self.days.insert(day, self.snapshots.len());
        self.snapshots.push(Snapshot::new(day));
        Ok(self.snapshots.len() - 1)
    }

    /// Doubles the table. Both the old and the new one are there until all have moved.
    fn widen(&mut self) -> Result<(), Full> {
        let old = self.table.allocation_size();
        self.claim(2 * old)?;
        self.table.reserve(1, |person| hash_of(&self.blocks, *person).h1);
        self.bytes -= old as u64;
        Ok(())
    }

    /// Asks for memory before it is taken.
    fn claim(&mut self, bytes: usize) -> Result<(), Full> {
        let bytes = self.bytes + bytes as u64;
        if self.full || bytes > self.max_bytes {
            return Err(self.end());
        }
        self.bytes = bytes;
        Ok(())
    }

    fn end(&mut self) -> Full {
        self.full = true;
        Full
    }
}

fn hash_of(blocks: &[Block], person: Person) -> Hash128 {
    blocks[person.index() / BLOCK].hashes[person.index() % BLOCK]
}

#[cfg(test)]
mod tests;
