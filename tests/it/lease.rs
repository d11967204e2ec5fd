//! A running pack or push renews its lease; one that cannot sends nothing more, and another instance takes it up.

use std::{sync::Arc, time::Duration};

use time::OffsetDateTime;
use tokio::process::Command;
use viva_import::{
    engine::Engine,
    import::{Import, State},
    testbed::{
        deployment::Stage,
        service::{Call, ServiceFault},
    },
};

use crate::{
    crash::large_csv,
    health::proxied_with,
    proxy::{Fault, Seen, Upstream},
    stage::{GOOD_CSV, ended, held, import_of, log, stage, until},
    world::deliver,
};

/// Long enough for the answers of storage on a machine with much to do.
const LEASE: (&str, &str) = ("LEASE_SECONDS", "24");
/// Polls every second, as [`stage`] does.
const POLLS: [(&str, &str); 2] = [("POLL_MIN_SECONDS", "1"), ("POLL_MAX_SECONDS", "1")];
const HELD: ServiceFault = ServiceFault::HoldBody { after_bytes: 100_000 };
/// The message of work that is broken off.
const BROKEN_OFF: &str = "Broke off the step, because its lease was lost";

async fn only(stage: &Stage) -> Import {
    stage.imports().await.unwrap().remove(0)
}

/// Waits until the first lease of an import is over, and has been renewed. Returns the import.
async fn past_its_first_lease(stage: &Stage, first: &Import) -> Import {
    until("a renewed lease", async || {
        let import = only(stage).await;
        let is_over = first.due.is_some_and(|due| OffsetDateTime::now_utc() > due);
        (is_over && import.due != first.due).then_some(import)
    })
    .await
}

#[tokio::test]
async fn a_push_longer_than_its_lease_keeps_its_import() {
    let stage = stage(&[LEASE]).await;
    stage.service.fault(Call::Push, HELD);
    stage.arrive("hr/a.csv", large_csv().into()).await.unwrap();
    held(&stage).await;
    let first = only(&stage).await;
    let later = past_its_first_lease(&stage, &first).await;
    assert_eq!((later.state, later.attempts), (State::Pushing, first.attempts));
    assert_eq!(later.history, first.history);
    stage.service.release();
    let import = ended(&stage, "hr/a.csv").await;
    assert_eq!((import.state, import.attempts), (State::Completed, first.attempts));
    assert_eq!(stage.service.ingestions().len(), 1);
}

#[tokio::test]
async fn a_pack_longer_than_its_lease_keeps_its_import() {
    let (stage, proxy) =
        proxied_with(&[LEASE, POLLS[0], POLLS[1], ("ADVANCE_SCHEDULE", "* * * * * *")]).await;
    let is_content = |seen: &Seen| {
        seen.upstream == Upstream::Blob && seen.method == "GET" && seen.path.contains("/inbox/hr")
    };
    proxy.next(is_content, Fault::Delay(Duration::from_secs(34)));
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let first = import_of(&stage, "hr/a.csv", |import| import.attempts == 1).await;
    let later = past_its_first_lease(&stage, &first).await;
    assert_eq!((later.state, later.attempts), (State::Received, 1));
    let import = ended(&stage, "hr/a.csv").await;
    assert_eq!((import.state, import.attempts), (State::Completed, 2), "one pack and one push");
}

/// Suspends the handler, or lets it run again.
#[cfg(unix)]
async fn signal(stage: &Stage, signal: &str) {
    let pid = stage.host.handler_pid().unwrap().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().await.unwrap().success());
}

#[cfg(unix)]
#[tokio::test]
async fn a_frozen_push_sends_nothing_more_after_another_instance_has_taken_its_import() {
    let stage = stage(&[LEASE, ("AzureWebJobs.advance.Disabled", "true")]).await;
    stage.service.fault(Call::Push, HELD);
    stage.arrive("hr/a.csv", large_csv().into()).await.unwrap();
    held(&stage).await;
    signal(&stage, "-STOP").await;

    let settings = stage.settings().clone();
    let setting = move |name: &str| settings.get(name).cloned();
    let other = Engine::open(Arc::new(setting), Arc::new(OffsetDateTime::now_utc)).unwrap();
    until("the end by another instance", async || {
        deliver(&other).await.unwrap();
        let import = only(&stage).await;
        (import.state == State::Completed).then_some(())
    })
    .await;
    assert_eq!(stage.service.ingestions().len(), 1);

    signal(&stage, "-CONT").await;
    stage.service.release();
    stage.service.quiet().await;
    assert_eq!(stage.service.ingestions().len(), 1, "the frozen push did not arrive");
    until("the end of the step", async || log(&stage).contains(BROKEN_OFF).then_some(())).await;
    assert_eq!(only(&stage).await.state, State::Completed);
}

#[tokio::test]
async fn a_push_that_storage_leaves_is_broken_off_before_its_lease_ends() {
    let (stage, proxy) = proxied_with(&[LEASE, POLLS[0], POLLS[1]]).await;
    stage.service.fault(Call::Push, HELD);
    stage.arrive("hr/a.csv", large_csv().into()).await.unwrap();
    held(&stage).await;
    let first = only(&stage).await;
    proxy.always(|seen| seen.upstream == Upstream::Table, Fault::LoseRequest);
    until("the end of the step", async || log(&stage).contains(BROKEN_OFF).then_some(())).await;
    let left = only(&stage).await;
    assert_eq!((left.state, left.attempts), (State::Pushing, first.attempts));
    stage.service.release();
    stage.service.quiet().await;
    assert!(stage.service.ingestions().is_empty(), "half a body is no ingestion");

    proxy.clear();
    until("the end of the import", async || {
        stage.host.timer("advance", false).await;
        (only(&stage).await.state == State::Completed).then_some(())
    })
    .await;
    assert_eq!(stage.service.ingestions().len(), 1);
}

#[tokio::test]
async fn a_renewal_whose_answer_was_lost_costs_nothing() {
    let (stage, proxy) = proxied_with(&[LEASE, POLLS[0], POLLS[1]]).await;
    stage.service.fault(Call::Push, HELD);
    stage.arrive("hr/a.csv", large_csv().into()).await.unwrap();
    held(&stage).await;
    let first = only(&stage).await;
    // The renewal is written, and its writer learns nothing of it until the next one.
    let is_write = |seen: &Seen| seen.upstream == Upstream::Table && seen.method == "PUT";
    proxy.next(is_write, Fault::LoseAnswer);
    let later = past_its_first_lease(&stage, &first).await;
    assert_eq!((later.state, later.attempts), (State::Pushing, first.attempts));
    stage.service.release();
    until("the end of the import", async || {
        stage.host.timer("advance", false).await;
        (only(&stage).await.state == State::Completed).then_some(())
    })
    .await;
    let import = only(&stage).await;
    assert_eq!(import.attempts, first.attempts, "it was not pushed again");
    assert_eq!(stage.service.ingestions().len(), 1);
    assert!(!log(&stage).contains(BROKEN_OFF));
}
