//! Finds the delimiters, line feeds and quotation marks of a text: the only bytes that matter for the
//! structure of a CSV.
//!
//! The scan processes 64 bytes at a time without branches, some kilobytes ahead of the reader. Values are
//! short, and a new search for each of them would cost more than everything else.

use std::ops::Range;

/// A quotation mark.
pub(super) const MARK: u8 = b'"';
/// Bytes that are scanned together.
const BLOCK: usize = 64;
/// How far the scan is ahead of the reader. The positions must fit into the processor's cache.
const AHEAD_BYTES: usize = 128 * BLOCK;

/// The positions of these marks in a text, from one of its bytes on.
pub(super) struct Marks {
    delimiter: u8,
    found: Vec<usize>,
    /// The index of the next mark in `found`.
    next: usize,
    /// The bytes whose marks are all in `found`.
    scanned: Range<usize>,
}

impl Marks {
    /// The marks of an empty text.
    pub(super) fn new(delimiter: u8) -> Self {
        Self { delimiter, found: vec![], next: 0, scanned: 0..0 }
    }

    /// Starts at the byte `start` of a text, which can be a new one.
    pub(super) fn begin(&mut self, start: usize) {
        self.found.clear();
        self.next = 0;
        self.scanned = start..start;
    }

    /// Continues at the byte `start` of the same text, which can be before the current one.
    pub(super) fn go_to(&mut self, start: usize) {
        let is_behind = self.found[..self.next].last().is_some_and(|last| *last >= start);
        if is_behind || !(self.scanned.start..=self.scanned.end).contains(&start) {
            self.begin(start);
        }
        while self.found.get(self.next).is_some_and(|next| *next < start) {
            self.next += 1;
        }
    }

    /// The position of the next mark; `None` if the text has no more.
    #[inline]
    pub(super) fn next(&mut self, text: &[u8]) -> Option<usize> {
        loop {
            if let Some(at) = self.found.get(self.next) {
                self.next += 1;
                return Some(*at);
            }
            if self.scanned.end >= text.len() {
                return None;
            }
            self.scan(text);
        }
    }

    fn scan(&mut self, text: &[u8]) {
        self.found.clear();
        self.next = 0;
        let mut at = self.scanned.end;
        let ahead = &text[at..text.len().min(at + AHEAD_BYTES)];
        self.scanned = at..at + ahead.len();
        let (blocks, rest) = ahead.as_chunks::<BLOCK>();
        for block in blocks {
            push(self.places(block), at, &mut self.found);
            at += BLOCK;
        }
        if !rest.is_empty() {
            let mut block = [b' '; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            let of_rest = u64::MAX >> (BLOCK - rest.len());
            push(self.places(&block) & of_rest, at, &mut self.found);
        }
    }

    /// A bit for each byte that is a mark; the lowest bit is that of the first byte.
    fn places(&self, block: &[u8; BLOCK]) -> u64 {
        // Two loops without a branch, which the compiler vectorizes.
        let mut is_mark = [0; BLOCK];
        for (is_mark, byte) in is_mark.iter_mut().zip(*block) {
            *is_mark = u8::from(byte == self.delimiter || byte == b'\n' || byte == MARK);
        }
        let (eights, _) = is_mark.as_chunks::<8>();
        eights.iter().rev().fold(0, |places, eight| places << 8 | bits(*eight))
    }
}

/// Eight bytes that are 0 or 1 as eight bits: the multiplication moves byte `n` to bit `56 + n`.
fn bits(eight: [u8; 8]) -> u64 {
    u64::from_le_bytes(eight).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

fn push(mut places: u64, at: usize, into: &mut Vec<usize>) {
    while places > 0 {
        into.push(at + places.trailing_zeros() as usize);
        places &= places - 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_mark_is_found_once_and_in_order(
            text in prop::collection::vec(prop::sample::select(&b"a,;\"\n\r\x00\xFF"[..]), 0..3 * AHEAD_BYTES / 2),
            start in any::<prop::sample::Index>(),
        ) {
            let start = start.index(text.len() + 1);
            let mut marks = Marks::new(b';');
            marks.begin(start);
            let is_mark = |at: &usize| b";\n\"".contains(&text[*at]);
            for expected in (start..text.len()).filter(is_mark) {
                prop_assert_eq!(marks.next(&text), Some(expected));
            }
            prop_assert_eq!(marks.next(&text), None);
        }
    }

    #[test]
    fn the_scan_can_continue_at_any_byte() {
        let text = [b"a,b\n\n\nc,d\n".as_slice(), &[b'x'; 2 * AHEAD_BYTES], b",e\n"].concat();
        let mut marks = Marks::new(b',');
        let last = text.len() - 1;
        for (start, next) in [(0, 1), (6, 7), (2, 3), (8, 9), (10, last - 2), (last, last), (5, 5)]
        {
            marks.go_to(start);
            assert_eq!(marks.next(&text), Some(next), "from {start}");
        }
    }
}
