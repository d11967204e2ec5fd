//! One range of a blob, read to its end.

use std::{num::NonZero, sync::Arc, time::Duration};

use azure_core::{
    Error, Result,
    error::ErrorKind,
    http::{AsyncResponseBody, Etag},
};
use azure_storage_blob::{BlobClient, models::BlobClientDownloadOptions};
use bytes::Bytes;
use futures::TryStreamExt as _;

/// How often a body that keeps breaking is asked for again without a byte of progress.
const MAX_BREAKS: u32 = 5;

/// Reads the first `max_bytes` of a blob, or all of a smaller one. A body that breaks half-way is
/// asked for again from its beginning, so two contents are never mixed.
pub(super) async fn read_first(client: &BlobClient, max_bytes: usize) -> Result<Vec<u8>> {
    let mut breaks = 0;
    loop {
        let options = BlobClientDownloadOptions {
            range: Some((0..max_bytes as u64).into()),
            parallel: NonZero::new(1),
            partition_size: NonZero::new(max_bytes),
            ..Default::default()
        };
        let body = client.download(Some(options)).await?.body;
        match first_bytes(body, max_bytes).await {
            Ok(content) => return Ok(content),
            Err(error) => {
                breaks += 1;
                pause_after_break(error, breaks).await?;
            }
        }
    }
}

/// The beginning of a body, however much is sent.
async fn first_bytes(mut body: AsyncResponseBody, max_bytes: usize) -> Result<Vec<u8>> {
    let mut content = vec![];
    while content.len() < max_bytes {
        let Some(bytes) = body.try_next().await? else { break };
        content.extend_from_slice(&bytes[..bytes.len().min(max_bytes - content.len())]);
    }
    Ok(content)
}

/// Waits before a body that broke is asked for again; fails where that would not help.
async fn pause_after_break(error: Error, breaks: u32) -> Result<()> {
    let is_broken = matches!(error.kind(), ErrorKind::Io | ErrorKind::Connection);
    if !is_broken || breaks > MAX_BREAKS {
        return Err(error);
    }
    tokio::time::sleep(Duration::from_millis(100 << breaks)).await;
    Ok(())
}

/// A range of a blob that must still have this ETag.
pub(super) struct Range {
    pub(super) client: Arc<BlobClient>,
    pub(super) etag: Etag,
    pub(super) start: u64,
    pub(super) bytes: usize,
}

impl Range {
    /// Reads the whole of it. The SDK retries a request only until the answer's headers arrive;
    /// here a body that breaks half-way is asked for again from where it broke.
    pub(super) async fn read(self) -> Result<Bytes> {
        let mut content = Vec::with_capacity(self.bytes);
        let mut breaks = 0;
        while content.len() < self.bytes {
            let before = content.len();
            let body = self.ask(before).await?;
            let Err(error) = self.fill(&mut content, body).await else { continue };
            breaks = if content.len() > before { 1 } else { breaks + 1 };
            pause_after_break(error, breaks).await?;
        }
        Ok(content.into())
    }

    /// Asks for what is missing, in one request.
    async fn ask(&self, from: usize) -> Result<AsyncResponseBody> {
        let range = self.start + from as u64..self.start + self.bytes as u64;
        let options = BlobClientDownloadOptions {
            if_match: Some(self.etag.clone()),
            range: Some(range.into()),
            parallel: NonZero::new(1),
            partition_size: NonZero::new(self.bytes),
            ..Default::default()
        };
        Ok(self.client.download(Some(options)).await?.body)
    }

    async fn fill(&self, content: &mut Vec<u8>, mut body: AsyncResponseBody) -> Result<()> {
        while let Some(bytes) = body.try_next().await? {
            if bytes.len() > self.bytes - content.len() {
                let why = "the blob service sent more than it was asked for";
                return Err(Error::with_message(ErrorKind::DataConversion, why));
            }
            content.extend_from_slice(&bytes);
        }
        if content.len() < self.bytes {
            let why = "the blob's body kept ending early";
            return Err(Error::with_message(ErrorKind::Io, why));
        }
        Ok(())
    }
}
