//! Where the delimiters, line feeds and quotation marks of a text are: all that matters to how a CSV
//! is read.
//!
//! They are found 64 bytes at a time, without a branch for any of them, and some kilobytes ahead of
//! whoever asks: values are short, and a search that begins anew for each costs more than all else.

use std::ops::Range;

/// A quotation mark.
pub(super) const MARK: u8 = b'"';
/// Bytes that are looked at together.
const BLOCK: usize = 64;
/// How far ahead is looked: few enough positions to stay near the processor.
const AHEAD_BYTES: usize = 128 * BLOCK;

/// The marks of a text, from one of its bytes on.
pub(super) struct Marks {
    delimiter: u8,
    found: Vec<usize>,
    /// The next of those found.
    next: usize,
    /// Where those found are all there are.
    looked: Range<usize>,
}

impl Marks {
    /// Those of no text yet.
    pub(super) fn new(delimiter: u8) -> Self {
        Self { delimiter, found: vec![], next: 0, looked: 0..0 }
    }

    /// Begins with the byte at `start`, of a text that may be another one.
    pub(super) fn begin(&mut self, start: usize) {
        self.found.clear();
        self.next = 0;
        self.looked = start..start;
    }

    /// Goes on with the byte at `start` of the same text, or back to it.
    pub(super) fn go_to(&mut self, start: usize) {
        let is_behind = self.found[..self.next].last().is_some_and(|last| *last >= start);
        if is_behind || !(self.looked.start..=self.looked.end).contains(&start) {
            self.begin(start);
        }
        while self.found.get(self.next).is_some_and(|next| *next < start) {
            self.next += 1;
        }
    }

    /// Where the next one is; `None` where the text has no more.
    #[inline]
    pub(super) fn next(&mut self, text: &[u8]) -> Option<usize> {
        loop {
            if let Some(at) = self.found.get(self.next) {
                self.next += 1;
                return Some(*at);
            }
            if self.looked.end >= text.len() {
                return None;
            }
            self.look(text);
        }
    }

    fn look(&mut self, text: &[u8]) {
        self.found.clear();
        self.next = 0;
        let mut at = self.looked.end;
        let ahead = &text[at..text.len().min(at + AHEAD_BYTES)];
        self.looked = at..at + ahead.len();
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

    /// A bit for each byte that is one of the three, the first byte's lowest.
    fn places(&self, block: &[u8; BLOCK]) -> u64 {
        // Two loops without a branch, which the compiler makes vectors of.
        let mut is_mark = [0; BLOCK];
        for (is_mark, byte) in is_mark.iter_mut().zip(*block) {
            *is_mark = u8::from(byte == self.delimiter || byte == b'\n' || byte == MARK);
        }
        let (eights, _) = is_mark.as_chunks::<8>();
        eights.iter().rev().fold(0, |places, eight| places << 8 | bits(*eight))
    }
}

/// Eight bytes that are 0 or 1 as eight bits: multiplied so, byte `n` comes to stand at bit `56 + n`.
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
    fn it_can_be_gone_on_and_back() {
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
