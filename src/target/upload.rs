//! The body of a push on its way: counted, so that it is known whether the service can have all of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::time::sleep;

/// After how many bytes the upload pauses.
const PAUSE_BYTES: u64 = 256 << 10;
/// How long. Without these pauses, the HTTP library writes as long as the connection takes bytes. If the service
/// refuses a push early and closes the connection, the library then meets the reset before it reads the answer.
/// In a test on one machine nine of ten such answers were lost without pauses, and none with them. The pauses limit
/// an upload to some 100 MB/s.
const PAUSE: Duration = Duration::from_millis(1);

/// How many bytes of a body were handed to the connection.
#[derive(Clone, Default)]
pub(super) struct Handed(Arc<AtomicU64>);

impl Handed {
    /// Whether fewer than `bytes` were: then the service cannot have taken the push.
    pub(super) fn is_less_than(&self, bytes: u64) -> bool {
        self.0.load(Ordering::SeqCst) < bytes
    }
}

/// The content, counted in `handed`.
pub(super) fn counted<S>(
    content: S,
    handed: Handed,
) -> impl Stream<Item = azure_core::Result<Bytes>> + Send + 'static
where
    S: Stream<Item = azure_core::Result<Bytes>> + Send + 'static,
{
    let mut since_pause = 0;
    content.then(move |chunk| {
        let bytes = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        let pauses = since_pause >= PAUSE_BYTES;
        since_pause = if pauses { bytes } else { since_pause + bytes };
        let handed = handed.clone();
        async move {
            if pauses {
                sleep(PAUSE).await;
            }
            handed.0.fetch_add(bytes, Ordering::SeqCst);
            chunk
        }
    })
}
