//! Writes one deflate stream with several worker threads.
//!
//! The input is split into pieces of [`PIECE_BYTES`], which are deflated in parallel. Each piece has the
//! [`WINDOW_BYTES`] before it as dictionary and ends on a byte boundary (a sync flush), so that all pieces in
//! order are one ordinary stream. The pieces, and so the bytes, do not depend on the number of workers.
//! Queues are bounded: a writer that is ahead of the workers, or of the output, blocks.

use std::{
    io::{self, Write},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress, Status};

/// Bytes of a piece. Smaller pieces compress worse; larger ones need more memory without a gain.
const PIECE_BYTES: usize = 512 << 10;
/// How far back deflate can point.
const WINDOW_BYTES: usize = 32 << 10;
/// Most workers. Each needs about 4 MB.
const MAX_WORKERS: usize = 8;
/// Pieces that wait for a busy worker: enough to keep it busy while the writer does something else.
const WAITING_PIECES: usize = 3;

/// The compression level, 1 to 9. Level 6 takes a fifth more time and saves less than 1 % of the bytes; level
/// 4 saves no time and has 3 % more bytes.
pub const LEVEL: u32 = 5;

/// The number of workers for this machine.
#[must_use]
pub fn workers() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS)
}

/// A writer that deflates its input to `out`.
pub struct Deflate<W> {
    out: W,
    level: Compression,
    workers: usize,
    crew: Vec<Worker>,
    /// The window before the current piece, and the piece so far.
    piece: Vec<u8>,
    window_bytes: usize,
    /// Pieces sent to the workers, and results received; worker `n % workers` has piece `n`.
    given: usize,
    taken: usize,
    crc: Hasher,
    bytes: u64,
    spare: Vec<Vec<u8>>,
}

/// The checksum and length of the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The CRC-32.
    pub crc: u32,
    /// The length.
    pub bytes: u64,
}

struct Worker {
    give: SyncSender<Piece>,
    take: Receiver<io::Result<Deflated>>,
}

struct Piece {
    /// The window, followed by the bytes to deflate.
    text: Vec<u8>,
    window_bytes: usize,
    is_last: bool,
}

struct Deflated {
    bytes: Vec<u8>,
    crc: Hasher,
    /// The buffer of the piece, for reuse.
    text: Vec<u8>,
}

impl<W: Write> Deflate<W> {
    /// A stream with this level, 1 to 9, and at most this many workers.
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
    /// Writing failed.
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
    /// Starts a thread, which ends when the worker is dropped.
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

/// Deflates a small content at once.
///
/// # Errors
/// None is known.
pub(super) fn whole(content: &[u8], level: u32) -> io::Result<(Vec<u8>, Written)> {
    let piece = Piece { text: content.to_vec(), window_bytes: 0, is_last: true };
    let Deflated { bytes, crc, .. } = deflated(Compression::new(level), piece)?;
    Ok((bytes, Written { crc: crc.finalize(), bytes: content.len() as u64 }))
}

fn deflated(level: Compression, piece: Piece) -> io::Result<Deflated> {
    let (window, text) = piece.text.split_at(piece.window_bytes);
    let mut crc = Hasher::new();
    crc.update(text);
    // A new compressor for each piece: a reset one keeps state, so the bytes would depend on the worker.
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
            // If a flush fills the buffer completely, it may not be complete.
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
    io::Error::other("a compression thread ended unexpectedly")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::DeflateDecoder;
    use proptest::prelude::*;

    use super::*;

    /// Text with repetitions within the window and beyond it, and noise.
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
        assert_eq!(decoder.total_in(), deflated.len() as u64, "nothing follows the stream");
        text
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn the_bytes_depend_neither_on_workers_nor_on_write_sizes(
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
    fn a_text_that_ends_with_a_piece_is_complete() {
        for bytes in [PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES] {
            let text = text(bytes, 7);
            assert!(inflate(&deflate(&text, 1000, LEVEL, 3)) == text, "{bytes}");
        }
    }

    #[test]
    fn a_piece_uses_the_bytes_before_it() {
        // Repeated noise: a piece compresses well only with the bytes before it.
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
    fn a_failed_write_is_an_error() {
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
