//! The body of a push on its way: counted, so that it is known whether the service can have all of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use azure_core::{Error, error::ErrorKind};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use tokio::time::sleep;

/// After how many bytes the upload pauses.
const PIECE_BYTES: usize = 256 << 10;
/// How long. Without these pauses, the HTTP library writes as long as the connection takes bytes. If the service
/// refuses a push early and closes the connection, the library then meets the reset before it reads the answer.
/// In a test on one machine nine of ten such answers were lost without pauses, and none with them. The pauses limit
/// an upload to some 100 MB/s.
const PAUSE: Duration = Duration::from_millis(1);

/// How many bytes of a body were handed to the connection, until it is sealed.
#[derive(Clone, Default)]
pub(super) struct Handed(Arc<AtomicU64>);

/// The bit of the counter that says that it is sealed.
const SEALED: u64 = 1 << 63;

impl Handed {
    /// Returns the number of bytes. The connection gets no more from now on, although the HTTP library may still
    /// ask for them. If they are fewer than the body has, the service cannot have taken the push.
    pub(super) fn seal(&self) -> u64 {
        self.0.fetch_or(SEALED, Ordering::SeqCst) & !SEALED
    }

    /// Counts bytes that are handed out now; false if that is not allowed any more.
    fn add(&self, bytes: u64) -> bool {
        self.0.fetch_add(bytes, Ordering::SeqCst) & SEALED == 0
    }
}

/// The content in pieces of at most [`PIECE_BYTES`], each made when it is asked for.
pub(crate) fn in_pieces<S>(content: S) -> impl Stream<Item = azure_core::Result<Bytes>> + Send
where
    S: Stream<Item = azure_core::Result<Bytes>> + Send,
{
    content.map_ok(|chunk| stream::iter(pieces(chunk).map(Ok))).try_flatten()
}

/// The content in pieces, counted in `handed`.
pub(super) fn counted<S>(
    content: S,
    handed: Handed,
) -> impl Stream<Item = azure_core::Result<Bytes>> + Send + 'static
where
    S: Stream<Item = azure_core::Result<Bytes>> + Send + 'static,
{
    let pieces = Box::pin(in_pieces(content));
    stream::unfold((pieces, handed, 0), async |(mut pieces, handed, since_pause)| {
        // The pause comes before a piece is asked for, so that the piece is not older than what let it out.
        let since_pause = if since_pause < PIECE_BYTES {
            since_pause
        } else {
            sleep(PAUSE).await;
            0
        };
        let piece = match pieces.next().await? {
            Ok(piece) if !handed.add(piece.len() as u64) => {
                Err(Error::with_message(ErrorKind::Io, "the push has already ended"))
            }
            piece => piece,
        };
        let bytes = piece.as_ref().map_or(0, Bytes::len);
        Some((piece, (pieces, handed, since_pause + bytes)))
    })
}

fn pieces(mut chunk: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let piece = chunk.split_to(chunk.len().min(PIECE_BYTES));
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_counted_in_pieces_and_nothing_goes_out_once_it_is_sealed() {
        let chunks = [vec![1; 3 * PIECE_BYTES + 1], vec![], vec![2; 5], vec![3; 7]];
        let all: Vec<u8> = chunks.concat();
        let chunks = chunks.map(|chunk| Ok(Bytes::from(chunk)));
        let handed = Handed::default();
        let mut body = Box::pin(counted(stream::iter(chunks), handed.clone()));
        let mut out = vec![];
        while out.len() < all.len() - 7 {
            let piece = body.next().await.unwrap().unwrap();
            assert!(piece.len() <= PIECE_BYTES);
            out.extend_from_slice(&piece);
        }
        assert_eq!(handed.seal(), all.len() as u64 - 7);
        body.next().await.unwrap().unwrap_err();
        assert!(all.starts_with(&out));
    }
}
