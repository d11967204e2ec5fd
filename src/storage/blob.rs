//! Blobs: look, read at an ETag, stage, put, list, delete.
//!
//! A reader is pinned: if the blob changes under it, it ends with 412 and never mixes two
//! contents. A writer stages blocks and commits them at the end: a blob is there whole or not.
//! Neither holds more than a few parts of a mebibyte each, however large the blob is.

use std::{num::NonZero, sync::Arc, time::Duration};

use azure_core::{
    Error, Result,
    error::ErrorKind,
    http::{AsyncResponseBody, Etag, RequestContent, StatusCode, headers::HeaderName},
};
use azure_storage_blob::{
    BlobClient, BlobServiceClient,
    models::{
        BlobClientDownloadOptions, BlobClientGetPropertiesResultHeaders as _,
        BlobClientUploadOptions, BlobContainerClientListBlobsOptions,
        BlockBlobClientCommitBlockListOptions, BlockLookupList,
    },
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use time::OffsetDateTime;
use tokio::task::JoinSet;

/// Bytes of one ranged read and of one staged block. Smaller ones take more requests, larger ones
/// more memory. The largest blob has 50,000 blocks, 48 GiB of these.
const PART_BYTES: usize = 1 << 20;
/// Ranged reads under way at once, those that wait for the reader among them.
const PARALLEL_READS: usize = 4;

/// A blob as a look at it showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// The container's name.
    pub container: String,
    /// The blob's name, slashes and all.
    pub name: String,
    /// The ETag without its quotes, as Event Grid and listings print it.
    pub etag: String,
    /// Length in bytes.
    pub bytes: u64,
    /// When this content was written.
    pub last_modified: OffsetDateTime,
}

/// The blobs of the account.
pub struct Blobs {
    service: BlobServiceClient,
}

impl Blobs {
    /// Blobs behind `service`.
    #[must_use]
    pub fn new(service: BlobServiceClient) -> Self {
        Self { service }
    }

    /// Creates a container unless it is there.
    ///
    /// # Errors
    /// Whatever the service says but "already exists".
    pub(crate) async fn create_container_if_missing(&self, container: &str) -> Result<()> {
        match self.service.blob_container_client(container).create(None).await {
            Err(error) if error.http_status() == Some(StatusCode::Conflict) => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Looks at a blob, `None` where there is none.
    ///
    /// # Errors
    /// Whatever the service says but "not found".
    pub async fn look(&self, container: &str, name: &str) -> Result<Option<Blob>> {
        let answer = self.client(container, name).get_properties(None).await;
        let Some(properties) = if_there(answer)? else { return Ok(None) };
        Ok(Some(Blob {
            container: container.to_owned(),
            name: name.to_owned(),
            etag: bare(properties.etag()?.as_ref())?,
            bytes: properties.content_length()?.ok_or_else(|| missing("length"))?,
            last_modified: properties.last_modified()?.ok_or_else(|| missing("date"))?,
        }))
    }

    /// What a blob's metadata says under `key`, whose capitals do not count; `None` where it says
    /// nothing or where there is no blob.
    ///
    /// # Errors
    /// Whatever the service says but "not found".
    pub async fn metadata(&self, container: &str, name: &str, key: &str) -> Result<Option<String>> {
        let answer = self.client(container, name).get_properties(None).await;
        let Some(properties) = if_there(answer)? else { return Ok(None) };
        let metadata = properties.metadata()?;
        let mut found = metadata.into_iter().filter(|(name, _)| name.eq_ignore_ascii_case(key));
        Ok(found.next().map(|(_, value)| value))
    }

    /// The blobs whose names begin with `prefix`, in name order.
    ///
    /// # Errors
    /// Whatever the service says but "no such container", which is an empty list.
    pub async fn list(&self, container: &str, prefix: &str) -> Result<Vec<Blob>> {
        let options = BlobContainerClientListBlobsOptions {
            // An empty parameter breaks the signature of a request.
            prefix: (!prefix.is_empty()).then(|| prefix.to_owned()),
            ..Default::default()
        };
        let items = self.service.blob_container_client(container).list_blobs(Some(options))?;
        let items: Vec<_> = if_there(items.try_collect().await)?.unwrap_or_default();
        items
            .into_iter()
            .map(|item| {
                let properties = item.properties.ok_or_else(|| missing("properties"))?;
                Ok(Blob {
                    container: container.to_owned(),
                    name: item.name.ok_or_else(|| missing("name"))?,
                    etag: bare(properties.etag.as_ref())?,
                    bytes: properties.content_length.ok_or_else(|| missing("length"))?,
                    last_modified: properties.last_modified.ok_or_else(|| missing("date"))?,
                })
            })
            .collect()
    }

    /// Asks for the list of a container's blobs, only to see whether it may be had.
    ///
    /// # Errors
    /// Whatever the service says, "no such container" among it.
    pub(crate) async fn try_list(&self, container: &str) -> Result<()> {
        let options =
            BlobContainerClientListBlobsOptions { maxresults: Some(1), ..Default::default() };
        let mut items = self.service.blob_container_client(container).list_blobs(Some(options))?;
        items.try_next().await.map(drop)
    }

    /// Reads a blob that must still have the ETag it was seen with, range by range.
    ///
    /// Nothing is asked for ahead of the reader but a few ranges. One that breaks
    /// half-way is asked for again from where it broke. Ends with 412 if the blob has changed.
    pub fn read(&self, blob: &Blob) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
        let client = Arc::new(self.client(&blob.container, &blob.name));
        let (etag, end) = (quoted(&blob.etag), blob.bytes);
        stream::iter((0..end).step_by(PART_BYTES))
            .map(move |start| {
                let bytes = usize::try_from(end - start).unwrap_or(PART_BYTES).min(PART_BYTES);
                Range { client: client.clone(), etag: etag.clone(), start, bytes }.read()
            })
            .buffered(PARALLEL_READS)
    }

    /// Reads a small blob in one request, at most the first `max_bytes` of it; `None` where there
    /// is none.
    ///
    /// # Errors
    /// Whatever the service says but "not found".
    pub async fn read_small(
        &self,
        container: &str,
        name: &str,
        max_bytes: usize,
    ) -> Result<Option<Vec<u8>>> {
        if_there(read_first(&self.client(container, name), max_bytes).await)
    }

    /// Writes a small blob, over what was there.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn put(
        &self,
        container: &str,
        name: &str,
        content_type: &str,
        content: Vec<u8>,
    ) -> Result<()> {
        let options = BlobClientUploadOptions {
            blob_content_type: Some(content_type.to_owned()),
            ..Default::default()
        };
        let client = self.client(container, name);
        client.upload(RequestContent::from(content), Some(options)).await.map(drop)
    }

    /// Begins a blob of unknown length; nothing is visible before [`Staging::commit`].
    #[must_use]
    pub fn stage(&self, container: &str, name: &str) -> Staging {
        Staging::new(self.client(container, name))
    }

    /// Deletes every blob whose name begins with `prefix`.
    ///
    /// # Errors
    /// Whatever the service says but "not found".
    pub async fn delete_all(&self, container: &str, prefix: &str) -> Result<()> {
        for blob in self.list(container, prefix).await? {
            if_there(self.client(container, &blob.name).delete(None).await)?;
        }
        Ok(())
    }

    pub(crate) fn client(&self, container: &str, name: &str) -> BlobClient {
        self.service.blob_client(container, name)
    }
}

/// An answer, `None` where there is no such blob or container.
fn if_there<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Err(error) if error.http_status() == Some(StatusCode::NotFound) => Ok(None),
        answer => answer.map(Some),
    }
}

/// Listings and Event Grid print ETags bare, headers in quotes; here they are always bare.
fn bare(etag: Option<&Etag>) -> Result<String> {
    let etag = etag.ok_or_else(|| missing("ETag"))?;
    Ok(etag.as_ref().trim_matches('"').to_owned())
}

fn quoted(etag: &str) -> Etag {
    Etag::from(format!("\"{etag}\""))
}

fn missing(what: &str) -> Error {
    let why = format!("the blob service sent a blob without its {what}");
    Error::with_message(ErrorKind::DataConversion, why)
}

/// How often a body that keeps breaking is asked for again without a byte of progress.
const MAX_BREAKS: u32 = 5;

/// Reads the first `max_bytes` of a blob, or all of a smaller one. A body that breaks half-way is
/// asked for again from its beginning, so two contents are never mixed.
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
struct Range {
    client: Arc<BlobClient>,
    etag: Etag,
    start: u64,
    bytes: usize,
}

impl Range {
    /// Reads the whole of it. The SDK retries a request only until the answer's headers arrive;
    /// here a body that breaks half-way is asked for again from where it broke.
    async fn read(self) -> Result<Bytes> {
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

/// Blocks under way at once, while the next one fills.
const PARALLEL_WRITES: usize = 2;

/// A blob being written block by block. Dropping it stops the blocks under way.
pub struct Staging {
    client: BlobClient,
    /// The ids of all blocks but the one that fills, in order.
    blocks: Vec<Vec<u8>>,
    under_way: JoinSet<Result<()>>,
    filling: Vec<u8>,
    bytes: u64,
}

impl Staging {
    fn new(client: BlobClient) -> Self {
        let filling = Vec::with_capacity(PART_BYTES);
        Self { client, blocks: vec![], under_way: JoinSet::new(), filling, bytes: 0 }
    }

    /// Adds bytes; sends a block when enough have come together, and waits where
    /// two are still under way.
    ///
    /// # Errors
    /// Whatever the service said to this block or one before it.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = PART_BYTES - self.filling.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.filling.extend_from_slice(now);
            bytes = later;
            if self.filling.len() == PART_BYTES {
                self.send_block().await?;
            }
        }
        Ok(())
    }

    /// Makes the blob of all that was written; its ETag (bare) and its length.
    ///
    /// # Errors
    /// Whatever the service says, or said to a block; then there is no blob.
    pub async fn commit(mut self, content_type: &str) -> Result<(String, u64)> {
        if !self.filling.is_empty() {
            self.send_block().await?;
        }
        self.wait_until_under_way(0).await?;
        let list =
            BlockLookupList { committed: None, latest: Some(self.blocks), uncommitted: None };
        let options = BlockBlobClientCommitBlockListOptions {
            blob_content_type: Some(content_type.to_owned()),
            ..Default::default()
        };
        let client = self.client.block_blob_client();
        let answer = client.commit_block_list(list.try_into()?, Some(options)).await?;
        let etag = answer.headers().get_optional_str(&HeaderName::from_static("etag"));
        Ok((bare(etag.map(Etag::from).as_ref())?, self.bytes))
    }

    async fn send_block(&mut self) -> Result<()> {
        self.wait_until_under_way(PARALLEL_WRITES - 1).await?;
        let block = std::mem::replace(&mut self.filling, Vec::with_capacity(PART_BYTES));
        let id = format!("{:08}", self.blocks.len()).into_bytes();
        self.blocks.push(id.clone());
        let client = self.client.block_blob_client();
        // A task: it goes on while the writer has nothing to write.
        self.under_way.spawn(async move {
            let length = block.len() as u64;
            client.stage_block(&id, length, RequestContent::from(block), None).await.map(drop)
        });
        Ok(())
    }

    /// Waits until at most so many blocks are under way.
    async fn wait_until_under_way(&mut self, most: usize) -> Result<()> {
        while self.under_way.len() > most
            && let Some(sent) = self.under_way.join_next().await
        {
            sent.map_err(|error| {
                Error::with_error(ErrorKind::Other, error, "a block was not sent to its end")
            })??;
        }
        Ok(())
    }
}
