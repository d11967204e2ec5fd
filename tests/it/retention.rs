//! History costs nothing: nothing but pages reads ended imports, and rows of long ago are removed when their files
//! are gone.

use std::time::Duration;

use viva_import::{
    config::{INBOX, REPORTS},
    import::{Import, ImportId, State},
    storage::{import_table::properties, table::Write},
};

use crate::{
    proxy::Seen,
    world::{Kind, To, World},
};

/// The most rows of one transaction.
const AT_ONCE: usize = 100;

/// Days after which rows are removed by default, and some more, because a blob has the date of this machine.
const LONG_AFTER: i64 = 500;

/// A world with one file that was imported, and with more ended imports like it whose files are gone.
async fn with_history(imports: usize) -> World {
    let mut world = World::with(&[To::Full], Duration::ZERO).await;
    world.put(To::Full, "full/a.csv", Kind::Right).await;
    world.receive("full/a.csv").await;
    let one = world.rest().await.unwrap().remove(0);
    let old = (0..imports).map(|number| {
        let key = format!("9{:014}-{number:016x}", 98_204_051_208_999_usize + number);
        let mut old = Import { id: ImportId { key, ..one.id.clone() }, ..one.clone() };
        old.source.name = format!("full/old-{number}.csv");
        if number % 3 == 0 {
            (old.state, old.reason) = (State::Rejected, None);
        }
        Write::Insert(properties(&old))
    });
    for writes in old.collect::<Vec<_>>().chunks(AT_ONCE) {
        world.storage.imports.transact(writes).await.unwrap();
    }
    world
}

/// Whether an answer contains a row of the history.
fn reads_history(seen: &Seen) -> bool {
    let body = seen.answer.as_ref().map(|answer| String::from_utf8_lossy(&answer.body));
    body.is_some_and(|body| body.contains("full/old-"))
}

#[tokio::test]
async fn a_sweep_an_event_and_an_import_read_no_ended_import_however_many_there_are() {
    let mut requests = vec![];
    for imports in [10, 300] {
        let mut world = with_history(imports).await;
        let began = world.proxy.count();
        world.sweep().await;
        let swept = world.proxy.count();
        world.put(To::Full, "full/b.csv", Kind::Right).await;
        world.receive("full/b.csv").await;
        let received = world.proxy.count();
        let ended = world.rest().await.unwrap();
        assert_eq!(ended.len(), 2 + imports);
        let seen = world.proxy.seen();
        let reading: Vec<&String> =
            seen.iter().filter(|seen| reads_history(seen)).map(|seen| &seen.path).collect();
        assert!(reading.is_empty(), "{reading:?}");
        requests.push((swept - began, received - swept, world.proxy.count() - received));
    }
    assert_eq!(requests[0], requests[1]);
}

/// The names of the files that have a row, in order.
async fn names(world: &World) -> Vec<String> {
    let imports = world.imports().await;
    let mut names: Vec<String> = imports.into_iter().map(|import| import.source.name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_row_of_long_ago_is_removed_when_its_file_is_gone_and_its_neighbours_stay() {
    let mut world = World::with(&[To::Full], Duration::ZERO).await;
    for name in ["full/gone.csv", "full/rewritten.csv", "full/there.csv", "full/wrong.csv"] {
        let kind = if name == "full/wrong.csv" { Kind::Wrong } else { Kind::Right };
        world.put(To::Full, name, kind).await;
        world.receive(name).await;
        world.rest().await.unwrap();
    }
    let first = world.imports().await;
    let of = |name: &str| first.iter().find(|it| it.source.name == name).unwrap();
    let mut pausing = of("full/gone.csv").clone();
    pausing.id.key = format!("{}f", pausing.id.key);
    (pausing.source.name, pausing.pauses) = ("full/pausing.csv".to_owned(), true);
    world.storage.imports.transact(&[Write::Insert(properties(&pausing))]).await.unwrap();
    world.put(To::Full, "full/rewritten.csv", Kind::Right).await;
    world.receive("full/rewritten.csv").await;
    world.put(To::Full, "full/zlast.csv", Kind::Right).await;
    world.receive("full/zlast.csv").await;
    for name in ["full/gone.csv", "full/wrong.csv", "full/zlast.csv"] {
        world.delete(name).await;
    }
    let drives = 40;
    for _ in 0..drives {
        world.advance(60);
        world.drive().await;
    }
    let before = names(&world).await;
    world.sweep().await;
    assert_eq!(names(&world).await, before, "nothing ended long ago");

    world.advance(LONG_AFTER * 24 * 60 * 60);
    world.sweep().await;
    // A file that was rewritten is another content, which is still there; the last one is named by its connection.
    let left = ["full/pausing.csv", "full/rewritten.csv", "full/there.csv", "full/zlast.csv"];
    assert_eq!(names(&world).await, left, "{}", world.details().await);
    let blobs = world.storage.blobs.list(REPORTS, "").await.unwrap();
    let is_of = |name: &str| blobs.iter().any(|blob| blob.name.starts_with(&of(name).id.key));
    assert!(!is_of("full/wrong.csv") && is_of("full/there.csv"));

    let pushed = world.service.ingestions().len();
    world.sweep().await;
    assert_eq!(names(&world).await, left);
    assert_eq!(world.service.ingestions().len(), pushed, "no content is imported again");
    assert_eq!(world.storage.blobs.list(INBOX, "").await.unwrap().len(), 2);
}
