//! How a blob of unknown length is written: block by block, or in one request if it is small.

use azure_core::{
    Error, Result,
    error::ErrorKind,
    http::{Etag, RequestContent, headers::HeaderName},
};
use azure_storage_blob::{
    BlobClient,
    models::{BlobClientUploadOptions, BlockBlobClientCommitBlockListOptions, BlockLookupList},
};
use tokio::task::JoinSet;

use super::{PART_BYTES, bare};

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
    pub(super) fn new(client: BlobClient) -> Self {
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

    /// Creates the blob from all bytes, a small one in one request; returns its ETag without quotes and its length.
    ///
    /// # Errors
    /// Any error of the service for this or for a block; then there is no blob.
    pub async fn commit(mut self, content_type: &str) -> Result<(String, u64)> {
        if self.blocks.is_empty() {
            let options = BlobClientUploadOptions {
                blob_content_type: Some(content_type.to_owned()),
                ..Default::default()
            };
            let content = RequestContent::from(self.filling);
            let answer = self.client.upload(content, Some(options)).await?;
            return Ok((bare(answer.etag.as_ref())?, self.bytes));
        }
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
