//! Reading and writing large blobs over a connection that breaks, against real Azurite.

use std::time::Duration;

use azure_core::http::StatusCode;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use viva_import::{
    config::{Account, INBOX, STORAGE},
    storage::{
        Storage,
        blob::{Blob, Blobs},
    },
    testbed::service::Service,
};

use crate::{
    proxy::{Fault, Proxy, Seen},
    stage::{azurite, new_account, rules, until},
    world::before,
};

const MIB: usize = 1 << 20;
const NAME: &str = "large.csv";
/// Ranges that are requested at the same time.
const RANGES: usize = 4;
/// Blocks that are sent at the same time.
const BLOCKS: usize = 2;
/// Long enough for more requests than expected to arrive.
const A_WHILE: Duration = Duration::from_millis(300);

/// An account behind a proxy.
struct Line {
    proxy: Proxy,
    blobs: Blobs,
    /// The same blobs without the proxy.
    direct: Blobs,
    _service: Service,
}

impl Line {
    async fn new() -> Self {
        let (azurite, name) = (azurite().await, new_account());
        let service = Service::start(rules()).await.unwrap();
        let (proxy, settings) = before(azurite, &name, &service).await;
        let (_, behind) = settings.iter().find(|(name, _)| *name == STORAGE).unwrap();
        let open = |account| Storage::open(&account, Duration::from_mins(1)).unwrap();
        let direct = open(azurite.account(&name));
        direct.create_if_missing().await.unwrap();
        let blobs = open(Account::emulator(behind).unwrap()).blobs;
        Self { proxy, blobs, direct: direct.blobs, _service: service }
    }

    /// The properties of a new blob with this content.
    async fn put(&self, content: Vec<u8>) -> Blob {
        self.direct.put(INBOX, NAME, "text/csv", content).await.unwrap();
        self.direct.look(INBOX, NAME).await.unwrap().unwrap()
    }

    /// The length of each answer with the blob's content, in the order of the requests.
    fn answers(&self) -> Vec<usize> {
        let reads = self.proxy.seen().into_iter().filter(is_read);
        reads.map(|seen| seen.answer.map_or(0, |answer| answer.body.len())).collect()
    }

    fn asked(&self, which: fn(&Seen) -> bool) -> usize {
        self.proxy.seen().iter().filter(|seen| which(seen)).count()
    }

    /// Waits for this number of requests, and a while longer.
    async fn has_asked(&self, which: fn(&Seen) -> bool, times: usize) {
        until("the requests", async || (self.asked(which) >= times).then_some(())).await;
        tokio::time::sleep(A_WHILE).await;
    }
}

fn is_read(seen: &Seen) -> bool {
    seen.method == "GET" && seen.path.contains(NAME)
}

fn is_block(seen: &Seen) -> bool {
    seen.method == "PUT" && seen.path.contains("blockid=")
}

/// Bytes without repetition.
fn content(bytes: usize) -> Vec<u8> {
    let numbers = 0..u32::try_from(bytes / 4 + 1).unwrap();
    let mut content: Vec<u8> = numbers.flat_map(u32::to_be_bytes).collect();
    content.truncate(bytes);
    content
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_requested_again_from_there() {
    let line = Line::new().await;
    let content = content(6 * MIB + 5);
    let blob = line.put(content.clone()).await;
    for _ in 0..2 {
        line.proxy.next(is_read, Fault::CutMidBody);
    }
    let read: Vec<Bytes> = line.blobs.read(&(&blob).into(), 0).try_collect().await.unwrap();
    assert!(read.concat() == content, "another content, or another order");
    let mut answers = line.answers();
    answers.sort_unstable();
    assert_eq!(answers, [5, MIB / 2, MIB / 2, MIB, MIB, MIB, MIB, MIB, MIB]);
}

#[tokio::test]
async fn a_body_that_always_breaks_off_is_read_as_long_as_bytes_arrive() {
    let line = Line::new().await;
    let blob = line.put(content(64)).await;
    line.proxy.always(is_read, Fault::CutMidBody);
    // 32, 16, 8, 4, 2, 1 bytes arrive; then the last byte never does.
    let error = line.blobs.read(&(&blob).into(), 0).try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.http_status(), None);
    assert_eq!(line.answers(), [64, 32, 16, 8, 4, 2, 1, 1, 1, 1, 1]);
}

#[tokio::test]
async fn a_small_blob_is_read_in_one_request_and_from_the_beginning_if_that_breaks() {
    let line = Line::new().await;
    let read = async |max_bytes| line.blobs.read_small(INBOX, NAME, max_bytes).await.unwrap();
    assert_eq!(read(100).await, None);
    line.put(content(64)).await;
    assert_eq!(read(100).await, Some(content(64)));
    assert_eq!(read(10).await, Some(content(10)));
    assert_eq!(line.asked(|_| true), 3);
    line.proxy.next(is_read, Fault::CutMidBody);
    assert_eq!(read(100).await, Some(content(64)));
    assert_eq!(line.asked(|_| true), 5);
    line.put(vec![]).await;
    assert_eq!(read(100).await, Some(vec![]));
}

#[tokio::test]
async fn an_empty_blob_needs_no_request() {
    let line = Line::new().await;
    let blob = line.put(vec![]).await;
    assert!(line.blobs.read(&(&blob).into(), 0).try_collect::<Vec<_>>().await.unwrap().is_empty());
    assert_eq!(line.asked(is_read), 0);
}

#[tokio::test]
async fn a_blob_that_changes_during_reading_ends_with_412_and_two_contents_are_never_mixed() {
    let line = Line::new().await;
    let old = content(12 * MIB);
    let blob = line.put(old.clone()).await;
    let mut reading = line.blobs.read(&(&blob).into(), 0).boxed();
    let mut read = reading.try_next().await.unwrap().unwrap().to_vec();
    line.put(vec![0; 12 * MIB]).await;
    let error = loop {
        match reading.try_next().await {
            Ok(bytes) => read.extend_from_slice(&bytes.unwrap()),
            Err(error) => break error,
        }
    };
    assert_eq!(error.http_status(), Some(StatusCode::PreconditionFailed));
    assert!(read.len() < old.len() && old.starts_with(&read));
}

#[tokio::test]
async fn at_most_the_planned_ranges_are_requested_and_none_while_the_reader_waits() {
    let line = Line::new().await;
    let blob = line.put(content(12 * MIB)).await;
    line.proxy.always(is_read, Fault::Hang);
    let mut reading = line.blobs.read(&(&blob).into(), 0).boxed();
    tokio::select! {
        _ = reading.try_next() => panic!("everything hangs"),
        () = line.has_asked(is_read, RANGES) => {}
    }
    assert_eq!(line.asked(is_read), RANGES);
    line.proxy.clear();
    line.proxy.release();
    assert_eq!(reading.try_next().await.unwrap().unwrap().len(), MIB);
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(line.asked(is_read), RANGES);
}

#[tokio::test]
async fn blocks_are_sent_in_parallel_and_keep_their_order_whichever_arrives_first() {
    let line = Line::new().await;
    let content = content(5 * MIB + 5);
    line.proxy.next(is_block, Fault::Hang);
    let mut staging = line.blobs.stage(INBOX, NAME);
    for piece in content.chunks(300_000) {
        staging.write(piece).await.unwrap();
    }
    let done = line.proxy.seen().iter().filter(|seen| is_block(seen) && seen.delivered).count();
    assert!(done >= 3, "later blocks did not wait for the first one: {done}");
    line.proxy.release();
    let (etag, bytes) = staging.commit("text/csv").await.unwrap();
    let blob = line.direct.look(INBOX, NAME).await.unwrap().unwrap();
    assert_eq!((blob.etag.clone(), blob.bytes), (etag, bytes));
    let read: Vec<Bytes> = line.direct.read(&(&blob).into(), 0).try_collect().await.unwrap();
    assert!(read.concat() == content, "another content, or another order");
}

#[tokio::test]
async fn a_writer_waits_if_enough_blocks_are_being_sent() {
    let line = Line::new().await;
    line.proxy.always(is_block, Fault::Hang);
    let block = content(MIB);
    let mut staging = line.blobs.stage(INBOX, NAME);
    for _ in 0..BLOCKS {
        staging.write(&block).await.unwrap();
    }
    let mut third = Box::pin(staging.write(&block));
    tokio::select! {
        _ = &mut third => panic!("everything hangs"),
        () = line.has_asked(is_block, BLOCKS) => {}
    }
    assert_eq!(line.asked(is_block), BLOCKS);
    line.proxy.clear();
    line.proxy.release();
    third.await.unwrap();
}

#[tokio::test]
async fn a_forbidden_block_is_an_error_and_creates_no_blob() {
    for blocks in [1, 6] {
        let line = Line::new().await;
        line.proxy.next(is_block, Fault::Answer(403, None));
        let mut staging = line.blobs.stage(INBOX, NAME);
        let written = async {
            for _ in 0..blocks {
                staging.write(&content(MIB)).await?;
            }
            staging.commit("text/csv").await
        };
        let error = written.await.unwrap_err();
        assert_eq!(error.http_status(), Some(StatusCode::Forbidden));
        assert!(line.asked(is_block) <= 1 + BLOCKS, "no block is sent after the error");
        assert_eq!(line.direct.look(INBOX, NAME).await.unwrap(), None);
    }
}
