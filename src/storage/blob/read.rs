//! How the content of a blob is read: range by range, at one ETag.

use std::{collections::HashMap, num::NonZero, sync::Arc, time::Duration};

use azure_core::{
    Error, Result,
    error::ErrorKind,
    http::{AsyncResponseBody, Etag},
};
use azure_storage_blob::{
    BlobClient,
    models::{BlobClientDownloadOptions, BlobClientDownloadResult},
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};

use super::{Blobs, Content, Growth, PART_BYTES, if_there, quoted};

/// Ranged reads at the same time, including those whose result waits for the reader.
const PARALLEL_READS: usize = 4;
/// How often a body that breaks off is requested again without a byte of progress.
const MAX_BREAKS: u32 = 5;

/// A content whose beginning was read.
#[derive(Debug)]
pub struct Opened {
    /// Which content.
    pub of: Content,
    /// How it came to be.
    pub growth: Growth,
    metadata: HashMap<String, String>,
    first: Bytes,
}

impl Opened {
    /// The value of the metadata `key`, whose case is ignored.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        let mut metadata = self.metadata.iter();
        let (_, value) = metadata.find(|(name, _)| name.eq_ignore_ascii_case(key))?;
        Some(value)
    }

    /// All of it; the beginning is not requested again.
    pub fn read(&self, blobs: &Blobs) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
        let rest = blobs.read(&self.of, self.first.len() as u64);
        let first = Some(self.first.clone()).filter(|first| !first.is_empty());
        stream::iter(first.map(Ok)).chain(rest)
    }
}

impl Blobs {
    /// Reads the beginning of a content, which must still be there, in one request. An empty one needs none.
    ///
    /// # Errors
    /// Any error of the service; 412 if the blob has changed.
    pub async fn open(&self, of: Content) -> Result<Opened> {
        let Some(range) = self.ranges(&of, 0).next() else {
            let (metadata, first) = (HashMap::new(), Bytes::new());
            return Ok(Opened { of, growth: Growth::Written, metadata, first });
        };
        let BlobClientDownloadResult { body, properties, .. } = range.ask(0).await?;
        let growth = Growth::of(None, properties.blob_type.as_ref());
        let first = range.rest(body).await?;
        Ok(Opened { of, growth, metadata: properties.metadata, first })
    }

    /// Reads a content, which must still be there, range by range, from this byte on.
    ///
    /// At most a few ranges are requested ahead of the reader. A range whose answer breaks off is requested
    /// again from there. The stream ends with 412 if the blob has changed.
    pub fn read(
        &self,
        of: &Content,
        from: u64,
    ) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
        stream::iter(self.ranges(of, from)).map(Range::read).buffered(PARALLEL_READS)
    }

    fn ranges(&self, of: &Content, from: u64) -> impl Iterator<Item = Range> + Send + 'static {
        let client = Arc::new(self.client(&of.container, &of.name));
        let (etag, end) = (quoted(&of.etag), of.bytes);
        (from..end).step_by(PART_BYTES).map(move |start| {
            let bytes = usize::try_from(end - start).unwrap_or(PART_BYTES).min(PART_BYTES);
            Range { client: client.clone(), etag: etag.clone(), start, bytes }
        })
    }

    /// Reads at most the first `max_bytes` of a small blob in one request; `None` if it does not exist.
    ///
    /// # Errors
    /// Any error of the service but "not found".
    pub async fn read_small(
        &self,
        container: &str,
        name: &str,
        max_bytes: usize,
    ) -> Result<Option<Vec<u8>>> {
        if_there(read_first(&self.client(container, name), max_bytes).await)
    }
}

/// Reads the first `max_bytes` of a blob, or all of a smaller one. A body that breaks off is requested again
/// from its beginning, so two contents are never mixed.
async fn read_first(client: &BlobClient, max_bytes: usize) -> Result<Vec<u8>> {
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

/// The first `max_bytes` of a body, also if more is sent.
async fn first_bytes(mut body: AsyncResponseBody, max_bytes: usize) -> Result<Vec<u8>> {
    let mut content = vec![];
    while content.len() < max_bytes {
        let Some(bytes) = body.try_next().await? else { break };
        content.extend_from_slice(&bytes[..bytes.len().min(max_bytes - content.len())]);
    }
    Ok(content)
}

/// Waits before a body that broke off is requested again; fails if that would not help.
async fn pause_after_break(error: Error, breaks: u32) -> Result<()> {
    let is_broken = matches!(error.kind(), ErrorKind::Io | ErrorKind::Connection);
    if !is_broken || breaks > MAX_BREAKS {
        return Err(error);
    }
    tokio::time::sleep(Duration::from_millis(100 << breaks)).await;
    Ok(())
}

/// A range of a blob, which must still have this ETag.
struct Range {
    client: Arc<BlobClient>,
    etag: Etag,
    start: u64,
    bytes: usize,
}

impl Range {
    /// Reads the whole range. The SDK retries a request only until the headers of its answer arrive; this
    /// requests a body that breaks off again from there.
    async fn read(self) -> Result<Bytes> {
        let body = self.ask(0).await?.body;
        self.rest(body).await
    }

    /// The same when the first answer has arrived.
    async fn rest(self, mut body: AsyncResponseBody) -> Result<Bytes> {
        let mut content = Vec::with_capacity(self.bytes);
        let mut breaks = 0;
        loop {
            let before = content.len();
            let Err(error) = self.fill(&mut content, body).await else { return Ok(content.into()) };
            breaks = if content.len() > before { 1 } else { breaks + 1 };
            pause_after_break(error, breaks).await?;
            body = self.ask(content.len()).await?.body;
        }
    }

    /// Requests the missing bytes, in one request.
    async fn ask(&self, from: usize) -> Result<BlobClientDownloadResult> {
        let range = self.start + from as u64..self.start + self.bytes as u64;
        let options = BlobClientDownloadOptions {
            if_match: Some(self.etag.clone()),
            range: Some(range.into()),
            parallel: NonZero::new(1),
            partition_size: NonZero::new(self.bytes),
            ..Default::default()
        };
        self.client.download(Some(options)).await
    }

    async fn fill(&self, content: &mut Vec<u8>, mut body: AsyncResponseBody) -> Result<()> {
        while let Some(bytes) = body.try_next().await? {
            if bytes.len() > self.bytes - content.len() {
                let why = "the blob service sent more bytes than were requested";
                return Err(Error::with_message(ErrorKind::DataConversion, why));
            }
            content.extend_from_slice(&bytes);
        }
        if content.len() < self.bytes {
            let why = "the blob service repeatedly ended its answer early";
            return Err(Error::with_message(ErrorKind::Io, why));
        }
        Ok(())
    }
}
