//! How many different values a column has, and whether those of one are among those of another.
//!
//! A sample by hash: a value is in it if the hash ends in so many zeros, and whenever the sample is
//! full one zero more is asked for. Samples of two columns hold the same values, so they can be
//! compared.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hasher as _},
};

/// Hashes of all columns together.
const MAX_HASHES: usize = 1 << 22;
/// Hashes of one column.
const MAX_OF_COLUMN: usize = 1 << 16;

/// A sample of a column's values, as hashes.
#[derive(Clone, Debug)]
pub(super) struct Distinct {
    hashes: HashSet<u64>,
    most: usize,
    zeros: u32,
}

/// The hash of a value; capitals and blanks around it do not count.
pub(super) fn hash(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for byte in value.trim_ascii() {
        hasher.write_u8(byte.to_ascii_lowercase());
    }
    hasher.finish()
}

impl Distinct {
    /// An empty sample of one of so many columns.
    pub(super) fn new(columns: usize) -> Self {
        let most = (MAX_HASHES / columns.max(1)).min(MAX_OF_COLUMN);
        Self { hashes: HashSet::new(), most, zeros: 0 }
    }

    pub(super) fn insert(&mut self, hash: u64) {
        if hash.trailing_zeros() < self.zeros {
            return;
        }
        self.hashes.insert(hash);
        while self.hashes.len() > self.most {
            self.zeros += 1;
            let zeros = self.zeros;
            self.hashes.retain(|hash| hash.trailing_zeros() >= zeros);
        }
    }

    /// About how many different values there are; exact while the sample holds all.
    pub(super) fn count(&self) -> u64 {
        (self.hashes.len() as u64) << self.zeros
    }

    /// How many of a hundred of these values are among the others; 0 where there are none.
    pub(super) fn percent_in(&self, others: &Self) -> usize {
        let zeros = self.zeros.max(others.zeros);
        let both = self.hashes.iter().filter(|hash| hash.trailing_zeros() >= zeros);
        let (all, shared) = both.fold((0, 0), |(all, shared), hash| {
            (all + 1, shared + usize::from(others.hashes.contains(hash)))
        });
        (100 * shared).checked_div(all).unwrap_or_default()
    }
}
