//! Blobs: properties, read at an ETag, stage, put, list, delete.
//!
//! A reader never mixes two contents: if the blob changes, reading fails with 412. A writer stages blocks
//! and commits them at the end, so a blob is complete or does not exist. Both hold at most a few parts of
//! one mebibyte in memory, for a blob of any size.

use std::{collections::HashMap, num::NonZero, sync::Arc, time::Duration};

use azure_core::{
    Error, Result,
    error::ErrorKind,
    http::{AsyncResponseBody, Etag, RequestContent, StatusCode, headers::HeaderName},
};
use azure_storage_blob::{
    BlobClient, BlobServiceClient,
    models::{
        BlobClientDownloadOptions, BlobClientGetPropertiesResultHeaders as _,
        BlobClientUploadOptions, BlobContainerClientListBlobsOptions, BlobType,
        BlockBlobClientCommitBlockListOptions, BlockLookupList, CopyStatus, ListBlobsIncludeItem,
    },
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use time::OffsetDateTime;
use tokio::task::JoinSet;

/// The bytes of one ranged read and of one staged block. Smaller ones need more requests, larger ones more
/// memory. The largest blob has 50,000 blocks, which is 48 GiB.
const PART_BYTES: usize = 1 << 20;
/// The length of a page blob is a multiple of this; NUL bytes fill its end.
pub(crate) const PAGE_BYTES: u64 = 512;
/// Ranged reads at the same time, including those whose result waits for the reader.
const PARALLEL_READS: usize = 4;

/// How the content of a blob comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// It is written as a whole. Lists say this of every blob.
    Written,
    /// It is appended to, and complete when nobody appends any more.
    Appended,
    /// It is being copied, and not complete yet.
    Copied,
    /// It is a page blob, which is meant for disks.
    Paged,
}

impl Growth {
    fn of(copy: Option<&CopyStatus>, kind: Option<&BlobType>) -> Self {
        match (copy, kind) {
            (Some(CopyStatus::Pending), _) => Self::Copied,
            (_, Some(BlobType::AppendBlob)) => Self::Appended,
            (_, Some(BlobType::PageBlob)) => Self::Paged,
            _ => Self::Written,
        }
    }
}

/// The properties of a blob when they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// The container's name.
    pub container: String,
    /// The blob's full name with its slashes.
    pub name: String,
    /// The ETag without quotes, as Event Grid and listings write it.
    pub etag: String,
    /// Length in bytes.
    pub bytes: u64,
    /// When this content was written.
    pub last_modified: OffsetDateTime,
    /// How its content comes to be.
    pub growth: Growth,
}

/// The blobs of the account.
pub struct Blobs {
    service: BlobServiceClient,
}

impl Blobs {
    /// The blobs of the account of `service`.
    #[must_use]
    pub fn new(service: BlobServiceClient) -> Self {
        Self { service }
    }

    /// Creates a container unless it exists.
    ///
    /// # Errors
    /// Any error of the service but "already exists".
    pub(crate) async fn create_container_if_missing(&self, container: &str) -> Result<()> {
        match self.service.blob_container_client(container).create(None).await {
            Err(error) if error.http_status() == Some(StatusCode::Conflict) => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// The properties of a blob, `None` if it does not exist.
    ///
    /// # Errors
    /// Any error of the service but "not found".
    pub async fn look(&self, container: &str, name: &str) -> Result<Option<Blob>> {
        let answer = self.client(container, name).get_properties(None).await;
        if answer.as_ref().is_err_and(|error| error.http_status() == Some(StatusCode::Conflict)) {
            // The properties of a blob with a key of its owner are given only to those who have the key.
            let listed = self.list(container, name).await?;
            return Ok(listed.into_iter().find(|blob| blob.name == name));
        }
        let Some(properties) = if_there(answer)? else { return Ok(None) };
        Ok(Some(Blob {
            container: container.to_owned(),
            name: name.to_owned(),
            etag: bare(properties.etag()?.as_ref())?,
            bytes: properties.content_length()?.ok_or_else(|| missing("length"))?,
            last_modified: properties.last_modified()?.ok_or_else(|| missing("date"))?,
            growth: Growth::of(
                properties.copy_status()?.as_ref(),
                properties.blob_type()?.as_ref(),
            ),
        }))
    }

    /// The value of a blob's metadata `key`, whose case is ignored; `None` if there is no such key or no
    /// such blob.
    ///
    /// # Errors
    /// Any error of the service but "not found".
    pub async fn metadata(&self, container: &str, name: &str, key: &str) -> Result<Option<String>> {
        let answer = self.client(container, name).get_properties(None).await;
        let Some(properties) = if_there(answer)? else { return Ok(None) };
        let metadata = properties.metadata()?;
        let mut found = metadata.into_iter().filter(|(name, _)| name.eq_ignore_ascii_case(key));
        Ok(found.next().map(|(_, value)| value))
    }

    /// The blobs whose names begin with `prefix`, in the order of their names, without directories.
    ///
    /// # Errors
    /// Any error of the service but "no such container", which is an empty list.
    pub async fn list(&self, container: &str, prefix: &str) -> Result<Vec<Blob>> {
        let listed = self.list_all(container, prefix).await?.into_iter();
        Ok(listed.filter_map(|(blob, is_directory)| (!is_directory).then_some(blob)).collect())
    }

    /// The same with directories, and whether each is one. Only an account with a hierarchical namespace has
    /// directories; its blob service lists them as empty blobs with metadata.
    async fn list_all(&self, container: &str, prefix: &str) -> Result<Vec<(Blob, bool)>> {
        let options = BlobContainerClientListBlobsOptions {
            // An empty parameter makes the signature of a request invalid.
            prefix: (!prefix.is_empty()).then(|| prefix.to_owned()),
            include: Some(vec![ListBlobsIncludeItem::Metadata]),
            ..Default::default()
        };
        let items = self.service.blob_container_client(container).list_blobs(Some(options))?;
        let items: Vec<_> = if_there(items.try_collect().await)?.unwrap_or_default();
        items
            .into_iter()
            .map(|item| {
                let properties = item.properties.ok_or_else(|| missing("properties"))?;
                let blob = Blob {
                    container: container.to_owned(),
                    name: item.name.ok_or_else(|| missing("name"))?,
                    etag: bare(properties.etag.as_ref())?,
                    bytes: properties.content_length.ok_or_else(|| missing("length"))?,
                    last_modified: properties.last_modified.ok_or_else(|| missing("date"))?,
                    growth: Growth::of(
                        properties.copy_status.as_ref(),
                        properties.blob_type.as_ref(),
                    ),
                };
                let metadata = item.metadata.and_then(|metadata| metadata.values);
                let is_directory =
                    blob.bytes == 0 && metadata.is_some_and(|it| has_folder_mark(&it));
                Ok((blob, is_directory))
            })
            .collect()
    }

    /// Lists one blob of a container, only to find out whether that is permitted.
    ///
    /// # Errors
    /// Any error of the service, including "no such container".
    pub(crate) async fn try_list(&self, container: &str) -> Result<()> {
        let options =
            BlobContainerClientListBlobsOptions { maxresults: Some(1), ..Default::default() };
        let mut items = self.service.blob_container_client(container).list_blobs(Some(options))?;
        items.try_next().await.map(drop)
    }

    /// Reads a blob, which must still have the ETag of `blob`, range by range.
    ///
    /// At most a few ranges are requested ahead of the reader. A range whose answer breaks off is requested
    /// again from there. The stream ends with 412 if the blob has changed.
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

    /// Writes a small blob; an existing one is overwritten.
    ///
    /// # Errors
    /// Any error of the service.
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

    /// Begins a blob of unknown length; it does not exist before [`Staging::commit`].
    #[must_use]
    pub fn stage(&self, container: &str, name: &str) -> Staging {
        Staging::new(self.client(container, name))
    }

    /// Deletes every blob whose name begins with `prefix`, and then the directories, each after those in it.
    /// A prefix that ends with a slash also deletes the directory of this name.
    ///
    /// # Errors
    /// Any error of the service but "not found".
    pub async fn delete_all(&self, container: &str, prefix: &str) -> Result<()> {
        let top = prefix.strip_suffix('/').unwrap_or(prefix);
        let mut listed = self.list_all(container, top).await?;
        listed.retain(|(blob, is_directory)| {
            blob.name.starts_with(prefix) || (*is_directory && blob.name == top)
        });
        // A directory can only be deleted when it is empty.
        let (directories, files): (Vec<_>, Vec<_>) =
            listed.into_iter().partition(|(_, is_directory)| *is_directory);
        for (blob, _) in files.into_iter().chain(directories.into_iter().rev()) {
            if_there(self.client(container, &blob.name).delete(None).await)?;
        }
        Ok(())
    }

    /// The client of one blob.
    #[must_use]
    pub fn client(&self, container: &str, name: &str) -> BlobClient {
        self.service.blob_client(container, name)
    }
}

/// An answer, `None` if there is no such blob or container.
fn if_there<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Err(error) if error.http_status() == Some(StatusCode::NotFound) => Ok(None),
        answer => answer.map(Some),
    }
}

/// Whether metadata says that a blob is a directory. Source: Data Lake Storage and its driver of Hadoop.
fn has_folder_mark(metadata: &HashMap<String, String>) -> bool {
    metadata.iter().any(|(key, value)| {
        key.eq_ignore_ascii_case("hdi_isfolder") && value.eq_ignore_ascii_case("true")
    })
}

/// An ETag without quotes: listings and Event Grid write it so, headers write it with quotes.
fn bare(etag: Option<&Etag>) -> Result<String> {
    let etag = etag.ok_or_else(|| missing("ETag"))?;
    Ok(etag.as_ref().trim_matches('"').to_owned())
}

fn quoted(etag: &str) -> Etag {
    Etag::from(format!("\"{etag}\""))
}

fn missing(what: &str) -> Error {
    let why = format!("the blob service answered without the blob's {what}");
    Error::with_message(ErrorKind::DataConversion, why)
}

/// How often a body that breaks off is requested again without a byte of progress.
const MAX_BREAKS: u32 = 5;

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

    /// Requests the missing bytes, in one request.
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

/// Blocks that are sent at the same time, while the next one fills.
const PARALLEL_WRITES: usize = 2;

/// A blob that is written block by block. Dropping it stops the blocks that are being sent.
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

    /// Adds bytes. Sends a block when it is full, and waits if two are still being sent.
    ///
    /// # Errors
    /// Any error of the service for this block or an earlier one.
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

    /// Creates the blob from all bytes; returns its ETag without quotes and its length.
    ///
    /// # Errors
    /// Any error of the service for this or for a block; then there is no blob.
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
        // A task, so that it continues while the writer has nothing to write.
        self.under_way.spawn(async move {
            let length = block.len() as u64;
            client.stage_block(&id, length, RequestContent::from(block), None).await.map(drop)
        });
        Ok(())
    }

    /// Waits until at most `most` blocks are being sent.
    async fn wait_until_under_way(&mut self, most: usize) -> Result<()> {
        while self.under_way.len() > most
            && let Some(sent) = self.under_way.join_next().await
        {
            sent.map_err(|error| {
                Error::with_error(ErrorKind::Other, error, "the task that sent a block failed")
            })??;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
