//! The same with the real binary under the host, at the worst requests.

use std::path::Path;

use futures::future::join_all;
use tokio::time::timeout;
use viva_import::{
    config::PACKAGES,
    import::State,
    messages,
    testbed::{SAMPLE_CONNECTION, deployment::Stage, service::Service},
};

use crate::{
    proxy::{Fault, Moment, Proxy, Seen, Upstream},
    stage::{BINARY, GOOD_CSV, PATIENCE, TOKEN, azurite, ended, log, new_account, rules, until},
    world::before,
};

/// Where the power goes: a name, the request, the moment, and how often the service gets the file.
type Place = (&'static str, fn(&Seen) -> bool, Moment, usize);

const PLACES: [Place; 4] = [
    ("while the zip is staged", is_staged, Moment::After, 1),
    ("when the claim is written", is_claim, Moment::After, 1),
    ("when the push was accepted and not answered", Seen::is_push, Moment::After, 2),
    ("before the end is written", is_end, Moment::Before, 1),
];

fn is_staged(seen: &Seen) -> bool {
    seen.upstream == Upstream::Blob && seen.method == "PUT" && seen.path.contains("/packages/")
}

fn is_claim(seen: &Seen) -> bool {
    seen.path.contains("$batch")
        && String::from_utf8_lossy(&seen.sent).contains("\"State\":\"pushing\"")
}

fn is_end(seen: &Seen) -> bool {
    seen.upstream == Upstream::Table
        && String::from_utf8_lossy(&seen.sent).contains("\"State\":\"completed\"")
}

async fn stage() -> (Stage, Proxy) {
    let service = Service::start(rules()).await.unwrap();
    let account = new_account();
    let (proxy, settings) = before(azurite().await, &account, &service).await;
    let mut all = vec![
        ("POLL_MIN_SECONDS", "1"),
        ("POLL_MAX_SECONDS", "1"),
        ("BUSY_WAIT_SECONDS", "1"),
        ("CORRECTION_WAIT_SECONDS", "1"),
        ("LEASE_SECONDS", "12"),
        ("AzureFunctionsJobHost__extensions__queues__maxPollingInterval", "00:00:00.2"),
        ("AzureFunctionsJobHost__extensions__queues__visibilityTimeout", "00:00:00"),
    ];
    all.extend(settings.iter().map(|(name, value)| (*name, value.as_str())));
    let set = Stage::set(azurite().await, &account, Path::new(BINARY), service, TOKEN, &all);
    let stage = set.await.unwrap();
    stage.connect("hr", SAMPLE_CONNECTION).await.unwrap();
    (stage, proxy)
}

#[tokio::test]
async fn kill_9_at_the_worst_places_of_the_real_program_loses_nothing() {
    let walks = PLACES.into_iter().map(async |(place, which, moment, pushed)| {
        let (stage, proxy) = stage().await;
        proxy.next(which, Fault::PowerCut(moment));
        stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
        let cut = timeout(PATIENCE, proxy.power().cancelled()).await;
        assert!(cut.is_ok(), "{place}: there was no such request\n{}", log(&stage));
        let pid = stage.host.handler_pid();
        stage.host.kill_handler().await;
        let back = timeout(PATIENCE, proxy.power_back()).await;
        assert!(back.is_ok(), "{place}: a request stays open\n{}", log(&stage));
        until("the handler to be started again", async || {
            stage.host.handler_pid().filter(|now| Some(*now) != pid)
        })
        .await;
        let import = ended(&stage, "hr/a.csv").await;
        assert_eq!(import.state, State::Completed, "{place}: {}", messages::status(&import));
        assert_eq!(stage.imports().await.unwrap().len(), 1, "{place}");
        let ingestions = stage.service.ingestions();
        assert_eq!(ingestions.len(), pushed, "{place}");
        let last = ingestions.last().unwrap();
        assert_eq!((Some(&last.id), last.rows), (import.ingestion.as_ref().map(|id| &id.0), 2));
        assert!(stage.storage.blobs.list(PACKAGES, "").await.unwrap().is_empty(), "{place}");
    });
    join_all(walks).await;
}
