//! Packing: checks a CSV, writes it as a zip with its mapping, and stages the zip in storage.
//!
//! The blob is streamed at its ETag. Every record is parsed and checked, columns that are not mapped are
//! dropped, and `metadata.json` and `data.csv` are deflated into one zip (or the rows are written alone, as
//! CSV or JSON). No whole file is ever in memory, and no finding contains a cell value.
//!
//! ```text
//! blob --ranged reads--> [channel] --> blocking thread: parse, check, drop --pieces--> deflate, on every core
//!                                                                         <--in order--
//! staged blocks <--hash-- [channel] <-- the zip around it
//! ```

use std::io::{self, Read, Write};

use azure_core::http::StatusCode;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::{
    check::{CheckOptions, Report, page_blob, too_large},
    config::PACKAGES,
    import::Package,
    schema::PayloadFormat,
    storage::blob::{Blobs, Growth, Opened, Staging},
};

mod deflate;
mod payload;
mod zip_writer;

pub(crate) use self::payload::check_and_write;
pub use self::{
    deflate::{Deflate, LEVEL, Written, workers},
    payload::{check_and_copy, check_and_list, check_and_zip},
    zip_writer::{Container, Open},
};

/// Chunks in each channel between the network and the blocking thread. The number is small, because a chunk
/// that was read is as large as a range. Together with the ranges and blocks in flight, this is less than
/// 16 MiB.
const CHUNKS_IN_FLIGHT: usize = 2;
/// Bytes of the zip that the blocking thread sends at a time.
const OUTPUT_BYTES: usize = 256 << 10;

/// The result of packing.
#[derive(Debug)]
pub enum Outcome {
    /// The file is accepted, and its zip is staged.
    Staged(Package, Report),
    /// The file is rejected.
    Refused(Report),
    /// The blob has changed or no longer exists.
    Moved,
}

/// Packs a file into the blob `name` of the packages container.
///
/// # Errors
/// Storage or packing failed. Whether the file is valid remains unknown.
pub async fn pack(
    blobs: &Blobs,
    file: &Opened,
    options: CheckOptions,
    upload: PayloadFormat,
    name: &str,
) -> Result<Outcome, Failure> {
    if file.of.bytes > options.limits.max_file_bytes {
        return Ok(Outcome::Refused(too_large(file.of.bytes, &options)));
    }
    if file.growth == Growth::Paged {
        return Ok(Outcome::Refused(page_blob(&options)));
    }
    let (csv_in, csv_out) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let (zip_in, zip_out) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let work = {
        tokio::task::spawn_blocking(move || {
            let mut output = ChannelWriter { sender: zip_in, buffer: vec![] };
            let input = ChannelReader { receiver: csv_out, chunk: Bytes::new() };
            let report = check_and_write(input, &mut output, &options, upload)?;
            output.flush()?;
            io::Result::Ok(report)
        })
    };
    let (download, staged, work) = tokio::join!(
        download(blobs, file, csv_in),
        stage(blobs.stage(PACKAGES, name), zip_out),
        work
    );
    // In this order, because the blocking thread only notices that a channel closed, not why.
    match download {
        Err(error) if has_changed(&error) => return Ok(Outcome::Moved),
        answer => answer.map_err(Failure::Storage)?,
    }
    let (staging, sha256) = staged.map_err(Failure::Storage)?;
    let report = work.map_err(|_| Failure::Broken)?.map_err(Failure::Work)?;
    if !report.is_accepted() {
        return Ok(Outcome::Refused(report));
    }
    let (etag, bytes) = staging.commit(upload.media_type()).await.map_err(Failure::Storage)?;
    let package = Package { blob: name.to_owned(), etag, bytes, sha256 };
    Ok(Outcome::Staged(package, report))
}

/// Why packing failed.
#[derive(Debug)]
pub enum Failure {
    /// Storage failed.
    Storage(azure_core::Error),
    /// Reading or writing in the blocking thread failed.
    Work(io::Error),
    /// The blocking thread ended without a result.
    Broken,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Storage(error) => write!(f, "storage: {}", crate::http::azure::sentence(error)),
            Self::Work(error) => write!(f, "packing: {error}"),
            Self::Broken => f.write_str("packing: the thread ended unexpectedly"),
        }
    }
}

/// Whether a blob has another content than the one that was to be read, or none.
pub(crate) fn has_changed(error: &azure_core::Error) -> bool {
    matches!(error.http_status(), Some(StatusCode::PreconditionFailed | StatusCode::NotFound))
}

async fn download(
    blobs: &Blobs,
    file: &Opened,
    sender: mpsc::Sender<Bytes>,
) -> azure_core::Result<()> {
    let mut chunks = file.read(blobs).boxed();
    while let Some(chunk) = chunks.try_next().await? {
        if sender.send(chunk).await.is_err() {
            break; // the thread has finished
        }
    }
    Ok(())
}

async fn stage(
    mut staging: Staging,
    mut receiver: mpsc::Receiver<Vec<u8>>,
) -> azure_core::Result<(Staging, String)> {
    let mut hash = Sha256::new();
    while let Some(bytes) = receiver.recv().await {
        hash.update(&bytes);
        staging.write(&bytes).await?;
    }
    Ok((staging, format!("{:x}", hash.finalize())))
}

/// The blocking end of a channel of chunks. A closed channel looks like the end of the file. The caller must
/// check the result of the sender to know whether it is.
struct ChannelReader {
    receiver: mpsc::Receiver<Bytes>,
    chunk: Bytes,
}

impl Read for ChannelReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
        }
        let bytes = into.len().min(self.chunk.len());
        into[..bytes].copy_from_slice(&self.chunk.split_to(bytes));
        Ok(bytes)
    }
}

struct ChannelWriter {
    sender: mpsc::Sender<Vec<u8>>,
    buffer: Vec<u8>,
}

impl Write for ChannelWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= OUTPUT_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let full = std::mem::take(&mut self.buffer);
        self.sender.blocking_send(full).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
