//! The health for a monitor: whether storage answers and the timers run, and which connections need
//! attention.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use viva_import::{
    import::{Import, State},
    storage::table::Write,
    testbed::{
        SAMPLE_CONNECTION,
        deployment::Stage,
        host::HttpAnswer,
        service::{Call, Service, ServiceFault},
    },
};

use crate::{
    proxy::{Fault, Proxy, Seen, Upstream},
    stage::{
        BINARY, GOOD_CSV, TOKEN, a_second_later, azurite, csv_of, ended, new_account, rules, stage,
        until,
    },
    world::before,
};

/// Once a year.
const NEVER: &str = "0 0 0 1 1 *";
const TENANT: &str = "0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5";

async fn ask(stage: &Stage, method: Method) -> HttpAnswer {
    stage.host.http(method, "/api/health", HeaderMap::new(), bytes::Bytes::new()).await
}

async fn health(stage: &Stage) -> (u16, Value) {
    let answer = ask(stage, Method::GET).await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(body["status"] == "unavailable", !answer.status.is_success(), "{body}");
    assert_eq!(body["status"] == "ok", body["reasons"] == json!([]), "{body}");
    (answer.status.as_u16(), body)
}

/// The status and the codes, each with its connection or function.
fn codes((status, body): &(u16, Value)) -> (u16, Vec<(&str, &str)>) {
    let reasons = body["reasons"].as_array().unwrap().iter();
    let codes = reasons.map(|reason| {
        let text = |key: &str| reason[key].as_str().unwrap_or_default();
        assert!(!text("message").is_empty(), "{reason}");
        let about = ["connection", "function"].map(text).into_iter().find(|it| !it.is_empty());
        (text("code"), about.unwrap_or_default())
    });
    (*status, codes.collect())
}

/// Waits until exactly these reasons are reported.
async fn until_degraded(stage: &Stage, wanted: &[(&str, &str)]) -> Value {
    until(&format!("health with {wanted:?}"), async || {
        let health = health(stage).await;
        (codes(&health) == (200, wanted.to_vec())).then_some(health.1)
    })
    .await
}

/// A stage whose storage is behind a proxy, and whose timers never fire.
pub(crate) async fn proxied() -> (Stage, Proxy) {
    proxied_with(&[]).await
}

/// The same, with more settings. Its pushes reach the service directly, piece by piece.
pub(crate) async fn proxied_with(more: &[(&str, &str)]) -> (Stage, Proxy) {
    let (azurite, account) = (azurite().await, new_account());
    let service = Service::start(rules()).await.unwrap();
    let (proxy, settings) = before(azurite, &account, &service).await;
    let mut settings: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let endpoint = service.endpoint().to_string();
    settings.push(("ADVANCE_SCHEDULE", NEVER));
    settings.push(("INGESTION_ENDPOINT", &endpoint));
    settings.extend_from_slice(more);
    let set = Stage::set(azurite, &account, Path::new(BINARY), service, TOKEN, &settings);
    let stage = set.await.unwrap();
    stage.connect("hr", SAMPLE_CONNECTION).await.unwrap();
    (stage, proxy)
}

#[tokio::test]
async fn silent_storage_is_unavailable_after_five_seconds() {
    let (stage, proxy) = proxied().await;
    assert_eq!(health(&stage).await.0, 200);
    proxy.always(|_| true, Fault::Hang);
    let begin = Instant::now();
    let (silent, head) = tokio::join!(health(&stage), ask(&stage, Method::HEAD));
    let took = begin.elapsed();
    assert_eq!(codes(&silent), (503, vec![("storageSilent", "")]));
    assert_eq!(silent.1["reasons"][0]["message"], "Storage did not answer within 5 s.");
    assert_eq!((head.status.as_u16(), head.body.len()), (503, 0));
    assert!((5..20).contains(&took.as_secs()), "{took:?}");
    proxy.clear();
    proxy.release();
    assert_eq!(health(&stage).await.1["status"], "ok");
}

#[tokio::test]
async fn a_table_that_answers_is_not_enough_if_blobs_do_not() {
    let (stage, proxy) = proxied().await;
    proxy.always(|seen: &Seen| seen.upstream == Upstream::Blob, Fault::Hang);
    assert_eq!(codes(&health(&stage).await), (503, vec![("storageSilent", "")]));
}

#[tokio::test]
async fn slow_storage_is_degraded() {
    let (stage, proxy) = proxied().await;
    proxy.always(|seen: &Seen| seen.path.contains("/connections/hr.json"), Fault::Hang);
    let slow = health(&stage).await;
    assert_eq!(codes(&slow), (200, vec![("storageSlow", "")]), "{}", slow.1);
    proxy.clear();
    proxy.release();
    assert_eq!(health(&stage).await.1["status"], "ok");
}

#[tokio::test]
async fn storage_that_answers_403_is_unavailable_and_its_address_is_not_in_the_answer() {
    let (stage, proxy) = proxied().await;
    proxy.always(|seen: &Seen| seen.upstream == Upstream::Table, Fault::Answer(403, None));
    let failed = health(&stage).await;
    assert_eq!(codes(&failed), (503, vec![("storageFailed", "")]));
    let text = failed.1["reasons"][0]["message"].as_str().unwrap();
    assert!(text.contains("403") && !text.contains("127.0.0.1"), "{text}");
}

#[tokio::test]
async fn thirty_connections_cost_no_more_requests_than_one() {
    let (stage, proxy) = proxied().await;
    let cost = async || {
        let before = proxy.count();
        assert_eq!(health(&stage).await.1["status"], "ok");
        proxy.count() - before
    };
    stage.arrive("hr/good.csv", GOOD_CSV.into()).await.unwrap();
    until("the end of it", async || {
        stage.host.timer("advance", false).await;
        stage.imports().await.unwrap().pop().filter(|it| it.state == State::Completed)
    })
    .await;
    cost().await;
    let of_one = cost().await;
    assert!(of_one <= 15, "{of_one} requests");
    for number in 1..30 {
        stage.connect(&format!("hr{number}"), SAMPLE_CONNECTION).await.unwrap();
    }
    assert_eq!(cost().await, of_one + 29, "each document is read once");
    assert_eq!(cost().await, of_one);
    stage.connect("hr7", &SAMPLE_CONNECTION.replace("HireDate", "Hired")).await.unwrap();
    assert_eq!(cost().await, of_one + 1, "and once more after a change");
}

#[tokio::test]
async fn a_connection_that_needs_attention_is_degraded_until_it_is_corrected() {
    let stage = stage(&[("MAX_PUSH_FAILURES", "1"), ("SECOND_TOKEN", TOKEN)]).await;
    assert_eq!(codes(&health(&stage).await), (200, vec![]));

    // An invalid document.
    stage.connect("it", "{}").await.unwrap();
    let invalid = until_degraded(&stage, &[("invalid", "it")]).await;
    assert_eq!(invalid["status"], "degraded");
    stage.connect("it", SAMPLE_CONNECTION).await.unwrap();
    until_degraded(&stage, &[]).await;

    // The service answers 403, which pauses the connection.
    stage.service.always(Call::Ping, Some(ServiceFault::Forbidden));
    stage.arrive("hr/one.csv", GOOD_CSV.into()).await.unwrap();
    until_degraded(&stage, &[("paused", "hr")]).await;
    stage.service.always(Call::Ping, None);
    let resume = "action=resume&connection=hr";
    let mut form = HeaderMap::new();
    form.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    let resumed = stage.host.http(Method::POST, "/api/console", form, resume.into()).await;
    assert_eq!(resumed.status, 303);
    assert_eq!(ended(&stage, "hr/one.csv").await.state, State::Completed);
    until_degraded(&stage, &[]).await;

    // The credential gets no token.
    let other = SAMPLE_CONNECTION.replace("MOCK_SERVICE_TOKEN", "NO_SUCH_TOKEN");
    stage.connect("hr", &other).await.unwrap();
    a_second_later().await;
    stage.arrive("hr/two.csv", csv_of(5).into()).await.unwrap();
    let blocked = until_degraded(&stage, &[("blocked", "hr")]).await;
    let text = blocked["reasons"][0]["message"].as_str().unwrap();
    assert!(text.starts_with("1 import waits until a person corrects the cause"), "{text}");
    stage.connect("hr", SAMPLE_CONNECTION).await.unwrap();
    ended(&stage, "hr/two.csv").await;
    until_degraded(&stage, &[]).await;

    // A stuck import counts until a newer one is accepted.
    a_second_later().await;
    stage.service.fault(Call::Push, ServiceFault::InternalError);
    stage.arrive("hr/three.csv", csv_of(6).into()).await.unwrap();
    assert_eq!(ended(&stage, "hr/three.csv").await.state, State::Stuck);
    until_degraded(&stage, &[("stuck", "hr")]).await;
    a_second_later().await;
    stage.arrive("hr/four.csv", csv_of(7).into()).await.unwrap();
    assert_eq!(ended(&stage, "hr/four.csv").await.state, State::Completed);
    until_degraded(&stage, &[]).await;

    // A file is overdue.
    let weekly =
        SAMPLE_CONNECTION.replace("\"connector\"", "\"expectedEveryDays\": 7, \"connector\"");
    stage.connect("hr", &weekly).await.unwrap();
    until_degraded(&stage, &[]).await;
    let Value::Object(row) = json!({
        "PartitionKey": TENANT,
        "RowKey": "connection~hr",
        "LastReceived@odata.type": "Edm.DateTime",
        "LastReceived": "2026-01-01T00:00:00Z",
    }) else {
        unreachable!()
    };
    stage.storage.imports.transact(&[Write::Merge(row)]).await.unwrap();
    let overdue = until_degraded(&stage, &[("overdue", "hr")]).await;
    let text = overdue["reasons"][0]["message"].as_str().unwrap();
    assert!(text.contains("it was expected ") && text.ends_with(" days ago."), "{text}");

    // A connection that does not exist any more needs no attention.
    stage.storage.blobs.delete_all("connections", "hr.json").await.unwrap();
    until_degraded(&stage, &[]).await;
}

#[tokio::test]
async fn due_imports_without_steps_are_degraded() {
    let stage = stage(&[("ADVANCE_SCHEDULE", NEVER)]).await;
    stage.service.always(Call::Push, Some(ServiceFault::Busy));
    stage.arrive("hr/good.csv", GOOD_CSV.into()).await.unwrap();
    let stored = until("a busy service", async || {
        stage.table.list().await.unwrap().pop().filter(|stored| stored.import.busy_retries > 0)
    })
    .await;
    assert_eq!(codes(&health(&stage).await), (200, vec![]), "a wait needs no attention");
    let now = stored.import.received;
    let late = Import { due: Some(now - Duration::from_hours(1)), ..stored.import.clone() };
    stage.table.save(stored, late, now).await.unwrap();
    let late = health(&stage).await;
    assert_eq!(codes(&late), (200, vec![("notTaken", "hr")]));
    let text = late.1["reasons"][0]["message"].as_str().unwrap();
    assert!(text.starts_with("1 import is due"), "{text}");
}

#[tokio::test]
async fn a_timer_that_has_stopped_is_an_outage_unless_it_is_disabled() {
    let stage = stage(&[
        ("ADVANCE_SCHEDULE", "0 30 * * * *"),
        ("SWEEP_SCHEDULE", "0 30 * * * *"),
        ("IMPORT_SCHEDULE", "0 0 7 * * MON"),
        ("AzureWebJobs.schedule.Disabled", "true"),
    ])
    .await;
    assert_eq!(stage.table.timer("advance").await.unwrap(), None);
    stage.host.timer("sweep", false).await;
    let last = stage.table.timer("sweep").await.unwrap().unwrap();
    // A timer that has never run is expected from now on.
    for other in ["advance", "schedule"] {
        assert!(stage.table.timer(other).await.unwrap().is_some_and(|at| at >= last), "{other}");
    }
    assert_eq!(codes(&health(&stage).await), (200, vec![]));
    // After one missed run it may only be late.
    let earlier = last - time::Duration::hours(3);
    stage.table.note_timer("sweep", earlier).await.unwrap();
    let missed = health(&stage).await;
    assert_eq!(codes(&missed), (503, vec![("timerMissed", "sweep")]));
    let text = missed.1["reasons"][0]["message"].as_str().unwrap();
    assert!(text.contains("`sweep` has not run since"), "{text}");
    let doctor = tokio::process::Command::new(BINARY)
        .args(["doctor", "hr"])
        .envs(stage.settings())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(doctor.stdout).unwrap();
    assert!(said.contains("`sweep` has not run since"), "{said}");
    // Other reasons are reported beside it.
    stage.connect("it", "{}").await.unwrap();
    let both = health(&stage).await;
    assert_eq!(codes(&both), (503, vec![("timerMissed", "sweep"), ("invalid", "it")]));
    stage.host.timer("sweep", false).await;
    assert_eq!(codes(&health(&stage).await), (200, vec![("invalid", "it")]));
    stage.connect("it", SAMPLE_CONNECTION).await.unwrap();
    stage.table.note_timer("advance", earlier).await.unwrap();
    assert_eq!(codes(&health(&stage).await), (503, vec![("timerMissed", "advance")]));
    stage.host.timer("advance", false).await;
    assert_eq!(health(&stage).await.0, 200);
    // A disabled timer is not expected to run.
    stage.table.note_timer("schedule", last - time::Duration::days(30)).await.unwrap();
    assert_eq!(codes(&health(&stage).await), (200, vec![]));
}
