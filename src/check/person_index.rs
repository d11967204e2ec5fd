//! The index of people: the person, day and manager of each row.
//!
//! An id is converted to lowercase and kept as a 128-bit hash with a random key, which is different for each
//! index. So no text of an id is kept, and hashes cannot be compared with those of another run. Rows are kept
//! by day. [`super::hierarchy`] finds the faults in them.
//!
//! Memory is bounded: an allocation that would exceed the bound is refused. As measured, a million people
//! need 35 to 40 MB: 16 for the hashes, 6 to 11 for the table, 1 for flags, and 12 that only the checks need.
//! A million rows need 12 MB if days have many rows, and 16 MB if days have 1,600 rows. By design they never
//! need more than 24 MB, plus at most 1 kB for each day.

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

/// The memory of a block: hashes, flags, its entry in the list, and what the checks need for its people.
const BLOCK_BYTES: usize =
    BLOCK * (size_of::<Hash128>() + size_of::<bool>() + Hierarchy::BYTES) + 2 * size_of::<Block>();

/// The memory of a day besides its chunks: its entries in a list that may have doubled, and in the map.
const DAY_BYTES: usize = 3 * size_of::<Snapshot>() + 48;

/// The hash of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hash(Hash128);

/// The bound is reached, and nothing more is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// All people and rows so far.
pub(super) struct People {
    key: SipHasher13,
    table: HashTable<Person>,
    blocks: Vec<Block>,
    listed: u64,
    days: BTreeMap<Option<i32>, usize>,
    snapshots: Vec<Snapshot>,
    /// The snapshot of the last row, because the next row usually has the same day.
    current: usize,
    /// The people who are likely in the next row: the one who came next on an earlier day, and the manager of
    /// the last row.
    likely: [Option<Person>; 2],
    bytes: u64,
    max_bytes: u64,
    full: bool,
}

/// A fixed number of people, so that growth moves none of them.
struct Block {
    hashes: Vec<Hash128>,
    listed: Vec<bool>,
}

impl People {
    /// An empty index that uses at most `max_bytes`.
    pub(super) fn new(max_bytes: u64) -> Self {
        let table = HashTable::with_capacity(BLOCK);
        let random = RandomState::new();
        Self {
            key: SipHasher13::new_with_keys(random.hash_one(0), random.hash_one(1)),
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

    /// The hash of an id. Ids that differ only in case are the same person.
    ///
    /// Hash both ids of a row before you look up either, so that the look-ups wait for memory in parallel.
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

    /// The person with this hash.
    pub(super) fn find(&self, Hash(hash): Hash) -> Option<Person> {
        let is_it = |person: &Person| hash_of(&self.blocks, *person) == hash;
        if let Some(person) = self.likely.into_iter().flatten().find(is_it) {
            return Some(person);
        }
        self.table.find(hash.h1, |person| hash_of(&self.blocks, *person) == hash).copied()
    }

    /// The person with this hash; a new person if there is none yet.
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

    /// Adds a data row. Lines count from 1 and ascend.
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

    /// The number of people with a row of their own. Managers without a row do not count.
    pub(super) fn count(&self) -> u64 {
        self.listed
    }

    /// The last day that has a row.
    pub(super) fn last_day(&self) -> Option<i32> {
        self.days.last_key_value().and_then(|(day, _)| *day)
    }

    /// The last day up to `latest` that has a row.
    pub(super) fn last_day_until(&self, latest: i32) -> Option<i32> {
        self.days.range(..=Some(latest)).next_back().and_then(|(day, _)| *day)
    }

    /// Bytes allocated, including those that the checks will need.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Passes each fault of the hierarchy to `find`: day by day, line by line, then those of the whole day.
    ///
    /// If the index is full, it passes only faults that the missing rows cannot change.
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

    /// Passes to `find` the lines of the rows before `since` whose person has no row on that day or later
    /// (I01): day by day, line by line.
    ///
    /// If the index is full, it passes nothing, because the missing rows may be the later ones.
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

    /// The index of the snapshot of this day; a new one if there is none yet.
    fn snapshot(&mut self, day: Option<i32>) -> Result<usize, Full> {
        if let Some(index) = self.days.get(&day) {
            return Ok(*index);
        }
        self.claim(DAY_BYTES)?;
        self.days.insert(day, self.snapshots.len());
        self.snapshots.push(Snapshot::new(day));
        Ok(self.snapshots.len() - 1)
    }

    /// Doubles the table. Until all entries have moved, both the old and the new table exist.
    fn widen(&mut self) -> Result<(), Full> {
        let old = self.table.allocation_size();
        self.claim(2 * old)?;
        self.table.reserve(1, |person| hash_of(&self.blocks, *person).h1);
        self.bytes -= old as u64;
        Ok(())
    }

    /// Reserves memory before it is allocated.
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
