//! One deflate stream, made on every core.
//!
//! What is written is cut into pieces of [`PIECE_BYTES`], which are deflated side by side: each
//! knows the [`WINDOW_BYTES`] before it, ends on a byte (a sync flush) and follows the one before
//! it, so that together they are one ordinary stream. Where pieces are cut does not depend on how
//! many workers there are, and so neither do the bytes. What waits is bounded: a writer that is
//! ahead of the workers, or of the output, waits.

use std::{
    io::{self, Write},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress, Status};

/// Bytes of a piece: smaller ones deflate worse, larger ones take memory and gain nothing.
const PIECE_BYTES: usize = 512 << 10;
/// How far back deflate can point.
const WINDOW_BYTES: usize = 32 << 10;
/// Most workers: each takes about 4 MB.
const MAX_WORKERS: usize = 8;
/// Pieces that wait for a worker while it is at one: enough to go on while whoever writes is away.
const WAITING_PIECES: usize = 3;

/// How hard to look for repetitions, 1 to 9. Six costs a fifth more time for less than a per cent of
/// the bytes; four saves none of the time for three per cent more of them.
pub const LEVEL: u32 = 5;

/// How many workers this machine is good for.
#[must_use]
pub fn workers() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS)
}

/// Deflates what is written to it into `out`.
pub struct Deflate<W> {
    out: W,
    level: Compression,
    workers: usize,
    crew: Vec<Worker>,
    /// The window before the piece, and the piece so far.
    piece: Vec<u8>,
    window_bytes: usize,
    /// Pieces handed to the crew, and those taken back; piece `n` is with worker `n` modulo all.
    given: usize,
    taken: usize,
    crc: Hasher,
    bytes: u64,
    spare: Vec<Vec<u8>>,
}

/// What was deflated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// CRC-32 of it.
    pub crc: u32,
    /// Its length.
    pub bytes: u64,
}

struct Worker {
    give: SyncSender<Piece>,
    take: Receiver<io::Result<Deflated>>,
}

struct Piece {
    /// The window, and behind it what is deflated.
    text: Vec<u8>,
    window_bytes: usize,
    is_last: bool,
}

struct Deflated {
    bytes: Vec<u8>,
    crc: Hasher,
    /// The piece, to be filled again.
    text: Vec<u8>,
}

impl<W: Write> Deflate<W> {
    /// A stream of this level, 1 to 9, on at most so many workers.
    pub fn new(out: W, level: u32, workers: usize) -> Self {
        Self {
            out,
            level: Compression::new(level),
            workers: workers.max(1),
            crew: vec![],
            piece: Vec::new(),
            window_bytes: 0,
            given: 0,
            taken: 0,
            crc: Hasher::new(),
            bytes: 0,
            spare: vec![],
        }
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// Where writing fails.
    pub fn finish(mut self) -> io::Result<Written> {
        self.give(true)?;
        while self.taken < self.given {
            self.take()?;
        }
        Ok(Written { crc: self.crc.finalize(), bytes: self.bytes })
    }

    fn give(&mut self, is_last: bool) -> io::Result<()> {
        if self.given - self.taken == self.workers * (1 + WAITING_PIECES) {
            self.take()?;
        }
        let mut next =
            self.spare.pop().unwrap_or_else(|| Vec::with_capacity(WINDOW_BYTES + PIECE_BYTES));
        next.clear();
        next.extend_from_slice(&self.piece[self.piece.len().saturating_sub(WINDOW_BYTES)..]);
        let window_bytes = std::mem::replace(&mut self.window_bytes, next.len());
        let text = std::mem::replace(&mut self.piece, next);
        let place = self.given % self.workers;
        if place == self.crew.len() {
            self.crew.push(Worker::start(self.level)?);
        }
        self.crew[place].give.send(Piece { text, window_bytes, is_last }).map_err(|_| gone())?;
        self.given += 1;
        Ok(())
    }

    fn take(&mut self) -> io::Result<()> {
        let worker = &self.crew[self.taken % self.workers];
        let Deflated { bytes, crc, text } = worker.take.recv().map_err(|_| gone())??;
        self.taken += 1;
        self.crc.combine(&crc);
        self.spare.push(text);
        self.out.write_all(&bytes)
    }
}

impl<W: Write> Write for Deflate<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.window_bytes + PIECE_BYTES - self.piece.len();
        let taken = room.min(bytes.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        self.bytes += taken as u64;
        if taken == room {
            self.give(false)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Worker {
    /// Ends when whoever started it drops it.
    fn start(level: Compression) -> io::Result<Self> {
        let (give, pieces) = sync_channel(WAITING_PIECES);
        let (done, take) = sync_channel(1 + WAITING_PIECES);
        thread::Builder::new().name("deflate".to_owned()).spawn(move || {
            for piece in pieces {
                if done.send(deflated(level, piece)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { give, take })
    }
}

/// A small content, deflated at once.
///
/// # Errors
/// None that is known.
pub(super) fn whole(content: &[u8], level: u32) -> io::Result<(Vec<u8>, Written)> {
    let piece = Piece { text: content.to_vec(), window_bytes: 0, is_last: true };
    let Deflated { bytes, crc, .. } = deflated(Compression::new(level), piece)?;
    Ok((bytes, Written { crc: crc.finalize(), bytes: content.len() as u64 }))
}

fn deflated(level: Compression, piece: Piece) -> io::Result<Deflated> {
    let (window, text) = piece.text.split_at(piece.window_bytes);
    let mut crc = Hasher::new();
    crc.update(text);
    // A new one each time: one that is reset remembers, and the bytes would tell who was at work.
    let mut deflate = Compress::new(level, false);
    if !window.is_empty() {
        deflate.set_dictionary(window)?;
    }
    let mut bytes = Vec::with_capacity(text.len() / 3);
    let flush = if piece.is_last { FlushCompress::Finish } else { FlushCompress::Sync };
    let start = deflate.total_in();
    loop {
        let read = usize::try_from(deflate.total_in() - start).unwrap_or(text.len());
        let status = deflate.compress_vec(&text[read..], &mut bytes, flush)?;
        let is_done = if piece.is_last {
            status == Status::StreamEnd
        } else {
            // A flush that fills all the room there is may not be over.
            bytes.len() < bytes.capacity()
        };
        if is_done {
            break;
        }
        bytes.reserve(bytes.capacity() / 2 + 64);
    }
    Ok(Deflated { bytes, crc, text: piece.text })
}

fn gone() -> io::Error {
    io::Error::other("a thread that deflates ended too early")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::DeflateDecoder;
    use proptest::prelude::*;

    use super::*;

    /// Text that repeats itself within the window and beyond it, and noise.
    fn text(bytes: usize, seed: u64) -> Vec<u8> {
        let mut state = seed | 1;
        let mut text = Vec::with_capacity(bytes + 64);
        while text.len() < bytes {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            let back = 1 + (state >> 40) as usize % (2 * WINDOW_BYTES);
            if state >> 62 > 0 && back <= text.len() {
                let from = text.len() - back;
                text.extend_from_within(from..from + back.min(60));
            } else {
                text.extend(state.to_be_bytes());
            }
        }
        text.truncate(bytes);
        text
    }

    fn deflate(text: &[u8], at_a_time: usize, level: u32, workers: usize) -> Vec<u8> {
        let mut out = vec![];
        let mut deflate = Deflate::new(&mut out, level, workers);
        text.chunks(at_a_time).for_each(|chunk| deflate.write_all(chunk).unwrap());
        let written = deflate.finish().unwrap();
        assert_eq!(written, Written { crc: crc32fast::hash(text), bytes: text.len() as u64 });
        out
    }

    fn inflate(deflated: &[u8]) -> Vec<u8> {
        let mut text = vec![];
        let mut decoder = DeflateDecoder::new(deflated);
        decoder.read_to_end(&mut text).unwrap();
        assert_eq!(decoder.total_in(), deflated.len() as u64, "nothing stands behind the stream");
        text
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn whoever_deflates_it_and_however_it_comes_the_bytes_are_the_same(
            bytes in prop_oneof![0..2000_usize, 0..4 * PIECE_BYTES],
            at_a_time in prop_oneof![200..2000_usize, PIECE_BYTES / 2..3 * PIECE_BYTES],
            level in 1..=9_u32,
            workers in 2..=5_usize,
            seed: u64,
        ) {
            let text = text(bytes, seed);
            let alone = deflate(&text, text.len().max(1), level, 1);
            prop_assert!(inflate(&alone) == text);
            prop_assert!(deflate(&text, at_a_time, level, workers) == alone);
        }
    }

    #[test]
    fn a_text_that_ends_with_a_piece_is_whole() {
        for bytes in [PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES] {
            let text = text(bytes, 7);
            assert!(inflate(&deflate(&text, 1000, LEVEL, 3)) == text, "{bytes}");
        }
    }

    #[test]
    fn pieces_know_what_is_before_them() {
        // Noise that comes again and again: only who sees the one before can tell.
        let mut state = 7_u64;
        let mut random = || {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            (state >> 56) as u8
        };
        let noise: Vec<u8> = (0..WINDOW_BYTES / 2).map(|_| random()).collect();
        let again = noise.repeat(6 * PIECE_BYTES / noise.len());
        let bytes = |text| deflate(text, 1000, LEVEL, 2).len();
        let of_five = bytes(&again) - bytes(&again[..PIECE_BYTES]);
        assert!(of_five < 5 * noise.len() / 2, "{of_five} bytes for five pieces");
    }

    #[test]
    fn who_cannot_write_is_told_so() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut deflate = Deflate::new(Full, LEVEL, 2);
        let more_than_waits = 3 * (1 + WAITING_PIECES) * PIECE_BYTES;
        let written = deflate.write_all(&text(more_than_waits, 7));
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
