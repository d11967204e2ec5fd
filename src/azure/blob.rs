//! Blobs: look, read at an ETag, stage, put, list, delete.
//!
//! A reader is pinned: if the blob changes under it, it ends with 412 and never mixes two
//! contents. A writer stages blocks and commits them at the end: a blob is there whole or not.

use std::{num::NonZero, time::Duration};

use azure_core::{
    Error, Result,
    error::ErrorKind,
    http::{Etag, RequestContent, StatusCode, headers::HeaderName},
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
use futures::{Stream, TryStreamExt as _, stream};
use time::OffsetDateTime;

/// Bytes of one ranged read and of one staged block.
const PARTITION_BYTES: usize = 4 << 20;
/// Ranged reads under way at once.
const PARALLEL_READS: usize = 4;
/// How often a body that keeps breaking is asked for again without a byte of progress.
const MAX_BREAKS: u32 = 5;

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
    pub async fn create_container_if_missing(&self, container: &str) -> Result<()> {
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
    pub async fn try_list(&self, container: &str) -> Result<()> {
        let options =
            BlobContainerClientListBlobsOptions { maxresults: Some(1), ..Default::default() };
        let mut items = self.service.blob_container_client(container).list_blobs(Some(options))?;
        items.try_next().await.map(drop)
    }

    /// Reads a blob that must still have the ETag it was seen with.
    ///
    /// The SDK retries a request only until the answer's headers arrive; here a body that breaks
    /// half-way is asked for again from where it broke. Ends with 412 if the blob has changed.
    pub fn read(&self, blob: &Blob) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
        let client = self.client(&blob.container, &blob.name);
        let reading = Reading {
            client,
            etag: quoted(&blob.etag),
            at: 0,
            end: blob.bytes,
            breaks: 0,
            body: None,
        };
        stream::try_unfold(reading, |mut reading| async move {
            Ok(reading.next().await?.map(|bytes| (bytes, reading)))
        })
    }

    /// Reads a small blob, at most the first `max_bytes` of it; `None` where there is none.
    ///
    /// # Errors
    /// Whatever the service says but "not found".
    pub async fn read_small(
        &self,
        container: &str,
        name: &str,
        max_bytes: usize,
    ) -> Result<Option<Vec<u8>>> {
        let Some(mut blob) = self.look(container, name).await? else { return Ok(None) };
        blob.bytes = blob.bytes.min(max_bytes as u64);
        let chunks: Vec<Bytes> = self.read(&blob).try_collect().await?;
        Ok(Some(chunks.concat()))
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
        Staging { client: self.client(container, name), blocks: vec![], buffer: vec![], bytes: 0 }
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

type Body = std::pin::Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

struct Reading {
    client: BlobClient,
    etag: Etag,
    at: u64,
    end: u64,
    breaks: u32,
    body: Option<Body>,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.at < self.end {
            let next = match &mut self.body {
                None => {
                    self.body = Some(self.open().await?);
                    continue;
                }
                Some(body) => body.try_next().await,
            };
            match next {
                Ok(Some(bytes)) => {
                    self.at += bytes.len() as u64;
                    self.breaks = 0;
                    return Ok(Some(bytes));
                }
                Ok(None) => {} // short: the connection ended early
                Err(error) if matches!(error.kind(), ErrorKind::Io | ErrorKind::Connection) => {
                    if self.breaks >= MAX_BREAKS {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
            self.breaks += 1;
            if self.breaks > MAX_BREAKS {
                return Err(Error::with_message(
                    ErrorKind::Io,
                    "the blob's body kept ending early",
                ));
            }
            self.body = None;
            tokio::time::sleep(Duration::from_millis(100 << self.breaks)).await;
        }
        Ok(None)
    }

    async fn open(&mut self) -> Result<Body> {
        let options = BlobClientDownloadOptions {
            if_match: Some(self.etag.clone()),
            range: Some((self.at..self.end).into()),
            parallel: NonZero::new(PARALLEL_READS),
            partition_size: NonZero::new(PARTITION_BYTES),
            ..Default::default()
        };
        Ok(Box::pin(self.client.download(Some(options)).await?.body))
    }
}

/// A blob being written block by block.
pub struct Staging {
    client: BlobClient,
    blocks: Vec<Vec<u8>>,
    buffer: Vec<u8>,
    bytes: u64,
}

impl Staging {
    /// Adds bytes; sends a block when enough have come together.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PARTITION_BYTES { self.send_block().await } else { Ok(()) }
    }

    /// Makes the blob of all that was written; its ETag (bare) and its length.
    ///
    /// # Errors
    /// Whatever the service says; then there is no blob.
    pub async fn commit(mut self, content_type: &str) -> Result<(String, u64)> {
        if !self.buffer.is_empty() {
            self.send_block().await?;
        }
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
        let block = std::mem::take(&mut self.buffer);
        let id = format!("{:08}", self.blocks.len()).into_bytes();
        let client = self.client.block_blob_client();
        client.stage_block(&id, block.len() as u64, RequestContent::from(block), None).await?;
        self.blocks.push(id);
        Ok(())
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
