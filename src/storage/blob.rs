//! Blobs: properties, read at an ETag, stage, put, list, delete.
//!
//! A reader never mixes two contents: if the blob changes, reading fails with 412. A writer stages blocks
//! and commits them at the end, or sends a small blob at once, so it is complete or does not exist. Both hold at most a few parts of
//! one mebibyte in memory, for a blob of any size.

use std::collections::HashMap;

use azure_core::{
    Error, Result,
    error::ErrorKind,
    http::{Etag, RequestContent, StatusCode},
};
use azure_storage_blob::{
    BlobClient, BlobServiceClient,
    models::{
        BlobClientGetPropertiesResultHeaders as _, BlobClientUploadOptions,
        BlobContainerClientListBlobsOptions, BlobType, CopyStatus, ListBlobsIncludeItem,
    },
};
use futures::TryStreamExt as _;
use time::OffsetDateTime;

pub use self::{read::Opened, stage::Staging};

mod read;
mod stage;

/// The bytes of one ranged read and of one staged block. Smaller ones need more requests, larger ones more
/// memory. The largest blob has 50,000 blocks, which is 48 GiB.
const PART_BYTES: usize = 1 << 20;

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

/// A content of a blob, to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The container's name.
    pub container: String,
    /// The blob's full name with its slashes.
    pub name: String,
    /// The ETag without quotes.
    pub etag: String,
    /// Length in bytes.
    pub bytes: u64,
}

impl From<&Blob> for Content {
    fn from(blob: &Blob) -> Self {
        Self {
            container: blob.container.clone(),
            name: blob.name.clone(),
            etag: blob.etag.clone(),
            bytes: blob.bytes,
        }
    }
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

    /// Deletes a blob.
    ///
    /// # Errors
    /// Any error of the service but "not found".
    pub(crate) async fn delete(&self, container: &str, name: &str) -> Result<()> {
        if_there(self.client(container, name).delete(None).await).map(drop)
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
            self.delete(container, &blob.name).await?;
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

#[cfg(test)]
mod tests;
