//! A thousand events at once: every import comes to its end, once, in order, a tenant's one at a
//! time.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    path::Path,
    time::Duration,
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::timeout;
use viva_import::{
    config::{POISON, STEPS_POISON},
    import::{Import, State},
    schema::Refresh,
    testbed::{
        SAMPLE_CONNECTION,
        azurite::Azurite,
        deployment::{self, Stage},
        host::Outcome,
        service::{Call, Service, ServiceFault},
    },
};

use crate::stage::{BINARY, TOKEN, azurite_program, peeked, rules};

/// The service takes one import of a tenant at a time, and each takes it some seconds: what lasts is
/// the longest line of one tenant. Six of the ten tenants have two incremental connections, a line
/// of 8 files; the others an incremental and a full one. The full ones bring most of the files, for
/// most of theirs are superseded and wait in no line.
const TENANTS: usize = 10;
const CONNECTIONS: usize = 20;
const INCREMENTAL: usize = 16;
const INCREMENTAL_FILES: usize = 4;
const FULL_FILES: usize = 34;
const FILES: usize = INCREMENTAL * INCREMENTAL_FILES + (CONNECTIONS - INCREMENTAL) * FULL_FILES;
/// How often the event of each file comes.
const TIMES: usize = 5;
const EVENTS: usize = TIMES * FILES;
/// No measure of speed: after this it hangs.
const PATIENCE: Duration = Duration::from_mins(10);

fn is_incremental(connection: usize) -> bool {
    connection < INCREMENTAL
}

/// A connection's document. The tenants go round among the connections.
fn document(connection: usize) -> String {
    let tenant = format!("0f2c1d3e-5b6a-4798-8a9b-0000000000{:02}", connection % TENANTS);
    let document = SAMPLE_CONNECTION.replace("0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5", &tenant);
    if is_incremental(connection) {
        document.replace("\"full\"", "\"incremental\"")
    } else {
        document
    }
}

/// The files' names. All have the same people, or a full one would delete those of others.
fn files() -> Vec<String> {
    let of = |connection: usize| {
        let files = if is_incremental(connection) { INCREMENTAL_FILES } else { FULL_FILES };
        (0..files).map(move |file| format!("c{connection:02}/{file:03}.csv"))
    };
    (0..CONNECTIONS).flat_map(of).collect()
}

fn content(name: &str) -> Vec<u8> {
    format!(
        "Employee,EffectiveDate,Manager,Organization\n\
         ana@contoso.com,11/01/2026,,{name}\nbo@contoso.com,11/01/2026,ana@contoso.com,{name}\n"
    )
    .into()
}

/// A stage with an Azurite of its own, which no other test has to share.
async fn stage() -> (Azurite, Stage) {
    let azurite = Azurite::start(&azurite_program().await, &["burst"]).await.unwrap();
    let service = Service::start(rules()).await.unwrap();
    // The waits are short; the host's concurrency is that of host.json.
    let settings = [
        ("POLL_MIN_SECONDS", "1"),
        ("POLL_MAX_SECONDS", "1"),
        ("BUSY_WAIT_SECONDS", "1"),
        ("RUST_LOG", "warn"),
    ];
    let set = Stage::set(&azurite, "burst", Path::new(BINARY), service, TOKEN, &settings);
    let stage = set.await.unwrap();
    for connection in 0..CONNECTIONS {
        stage.connect(&format!("c{connection:02}"), &document(connection)).await.unwrap();
    }
    (azurite, stage)
}

/// What is not at its end: how many of each connection are in which state, and why.
fn summary(imports: &[Import]) -> String {
    let mut open = BTreeMap::<_, (usize, &Import)>::new();
    for import in imports.iter().filter(|import| import.due.is_some()) {
        open.entry((&import.connection, import.state.as_ref())).or_insert((0, import)).0 += 1;
    }
    let lines = open.iter().map(|((connection, state), (count, import))| {
        format!("{connection}: {count} {state}, like {}: {:?}\n", import.source.name, import.reason)
    });
    format!("{} imports, not at their end:\n{}", imports.len(), lines.collect::<String>())
}

#[tokio::test]
async fn a_thousand_events_end_once_each_in_order_and_one_at_a_time_for_a_tenant() {
    let (_azurite, stage) = stage().await;
    // An order is only promised among files that have arrived: the service opens when all have.
    let away = ServiceFault::ServiceUnavailable { retry_after: None };
    stage.service.always(Call::ScaleUnit, Some(away));
    let names = files();
    assert_eq!((names.len(), EVENTS), (200, 1000));
    let dropped = stream::iter(&names).map(async |name| {
        let event = deployment::blob_created(&stage.drop_file(name, content(name)).await?);
        for _ in 1..TIMES {
            stage.announce(&event).await?;
        }
        stage.announce(&event).await
    });
    dropped.buffer_unordered(16).try_collect::<()>().await.unwrap();
    let received = stage.host.until_outcomes(|ended| {
        let received = ended.iter().filter(|invocation| {
            invocation.function == "intake" && matches!(invocation.outcome, Outcome::Succeeded(_))
        });
        received.count() == EVENTS
    });
    let received = timeout(PATIENCE, received).await;
    let imports = stage.imports().await.unwrap();
    assert!(received.is_ok(), "not all events were received: {}", summary(&imports));
    assert_eq!(imports.len(), names.len());

    stage.service.always(Call::ScaleUnit, None);
    let all_ended = async {
        // Seldom: the emulator has enough to do.
        while stage.imports().await.unwrap().iter().any(|import| import.due.is_some()) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let all_ended = timeout(PATIENCE, all_ended).await;
    let imports = stage.imports().await.unwrap();
    assert!(all_ended.is_ok(), "{}", summary(&imports));
    assert_eq!(imports.len(), names.len());

    let ingestions = stage.service.ingestions();
    let accepted: HashMap<&str, usize> =
        ingestions.iter().enumerate().map(|(at, ingestion)| (ingestion.id.as_str(), at)).collect();
    let mut completed = 0;
    for tenant in 0..TENANTS {
        // All connections of a tenant share a lane.
        let name = format!("tenant {tenant}");
        let is_of = |import: &&Import| {
            let connection: usize = import.connection[1..].parse().unwrap();
            connection % TENANTS == tenant
        };
        let mut imports: Vec<&Import> = imports.iter().filter(is_of).collect();
        imports.sort_by_key(|import| Reverse(import.order()));
        let of = |state| imports.iter().filter(move |import| import.state == state);
        completed += of(State::Completed).count();
        let superseded = of(State::Superseded).count();
        assert_eq!(of(State::Completed).count() + superseded, imports.len(), "{name}");
        assert_eq!(imports[0].state, State::Completed, "{name}: the newest");
        if imports.iter().all(|import| import.refresh == Some(Refresh::Incremental)) {
            assert_eq!(superseded, 0, "{name}");
        }
        let order: Vec<usize> = of(State::Completed)
            .map(|import| accepted[import.ingestion.as_ref().unwrap().0.as_str()])
            .collect();
        assert!(order.is_sorted_by(|newer, older| newer > older), "{name}: {order:?}");
    }
    assert_eq!(ingestions.len(), completed, "each is accepted once");

    let requests = stage.service.requests();
    assert!(!requests.iter().any(|request| request.status == Some(400)), "two at once");
    let failed = stage.host.outcomes();
    let failed = failed.iter().find(|ended| !matches!(ended.outcome, Outcome::Succeeded(_)));
    assert_eq!(failed, None);
    for queue in [POISON, STEPS_POISON] {
        assert_eq!(peeked(&stage, queue).await, 0, "{queue}");
    }
}
