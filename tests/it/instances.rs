//! Several hosts of one app: at the same time, or one after another.

use std::mem::replace;

use bytes::Bytes;
use reqwest::{Client, Method, header::HeaderMap};
use viva_import::{
    import::{Import, State},
    testbed::{
        SAMPLE_CONNECTION,
        deployment::Stage,
        host::{Group, Options},
        service::{Call, ServiceFault},
    },
};

use crate::{
    crash::large_csv,
    stage::{GOOD_CSV, a_second_later, ended, held, import_of, stage},
};

#[tokio::test]
async fn instances_that_each_serve_a_group_of_functions_import_a_file_together() {
    let mut stage = stage(&[]).await;
    let start = async |group| {
        let options = Options { group, ..stage.host_options() };
        stage.another_host(options).await.unwrap()
    };
    let of_http = start(Group::Http).await;
    let of_intake = start(Group::Only("intake".to_owned())).await;
    let of_steps = start(Group::Only("step".to_owned())).await;
    drop(replace(&mut stage.host, of_http).die().await);
    // A file that is busy at first, so that there is more than one message.
    stage.service.fault(Call::Push, ServiceFault::Busy);
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
    let path = "/api/v1/imports";
    let shown = stage.host.http(Method::GET, path, HeaderMap::new(), Bytes::new()).await;
    assert!(String::from_utf8_lossy(&shown.body).contains("hr/a.csv"));
    for (host, function) in [(&stage.host, "query"), (&of_intake, "intake"), (&of_steps, "step")] {
        let ended = host.outcomes();
        assert!(!ended.is_empty() && ended.iter().all(|it| it.function == function), "{function}");
    }
}

/// A deployment whose host has begun to push a file.
async fn pushing() -> Stage {
    let stage = stage(&[("LEASE_SECONDS", "12")]).await;
    stage.service.fault(Call::Push, ServiceFault::HoldBody { after_bytes: 1 });
    // The sockets do not hold all of it.
    stage.arrive("hr/a.csv", large_csv().into()).await.unwrap();
    held(&stage).await;
    stage
}

/// The push that was cut off was never whole, so it is repeated.
async fn is_pushed_again(stage: &Stage) {
    stage.service.release();
    assert_eq!(ended(stage, "hr/a.csv").await.state, State::Completed);
    assert_eq!(stage.imports().await.unwrap().len(), 1);
    assert_eq!(stage.service.ingestions().len(), 1);
}

#[tokio::test]
async fn the_next_host_repeats_what_a_dead_host_and_its_orphan_were_pushing() {
    let mut stage = pushing().await;
    let next = stage.another_host(stage.host_options()).await.unwrap();
    let orphan = replace(&mut stage.host, next).die().await.unwrap();
    // The orphan notices that its host has closed the connection.
    a_second_later().await;
    is_pushed_again(&stage).await;
    // It ended the push when the connection of its host closed.
    assert!(orphan.pid().is_some());
}

#[tokio::test]
async fn a_push_that_a_change_of_the_settings_killed_is_repeated() {
    let stage = pushing().await;
    let stage = stage.change_settings(&[("MAX_PUSH_FAILURES", "9")]).await.unwrap();
    assert_eq!(stage.settings()["MAX_PUSH_FAILURES"], "9");
    is_pushed_again(&stage).await;
}

#[tokio::test]
async fn a_step_ends_on_a_drained_host_and_the_next_host_does_what_is_left() {
    const KEY: &str = "the-master-key";
    let stage = pushing().await;
    let other = SAMPLE_CONNECTION.replace("c0d1e2f3a4b5", "c0d1e2f3a4b6");
    stage.connect("other", &other).await.unwrap();
    let front = stage.host.open_front(KEY).await.unwrap();
    let url = format!("http://{}/admin/host/drain", front.address);
    let client = Client::builder().no_proxy().build().unwrap();
    let answer = client.post(url).header("x-functions-key", KEY).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    // A request for messages may be under way.
    a_second_later().await;
    stage.arrive("other/b.csv", GOOD_CSV.into()).await.unwrap();
    stage.service.release();
    let is_pushed = |import: &Import| import.state == State::Ingesting;
    let pushed = import_of(&stage, "hr/a.csv", is_pushed).await;
    assert!(!pushed.push_outcome_unknown, "its answer was saved");
    // Long enough for the poll that is due, and for the other file.
    for _ in 0..3 {
        a_second_later().await;
    }
    assert_eq!(stage.imports().await.unwrap(), [pushed], "nothing new has begun");

    let stage = stage.restart().await.unwrap();
    for name in ["hr/a.csv", "other/b.csv"] {
        assert_eq!(ended(&stage, name).await.state, State::Completed, "{name}");
    }
    assert_eq!(stage.service.ingestions().len(), 2, "neither was pushed twice");
}
