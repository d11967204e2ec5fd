//! The custom-handler contract, tested with the real binary.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    process::{Command, Output, Stdio},
    time::Duration,
};

use axum::{Router, http::StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use viva_import::{
    host::FUNCTIONS,
    import::State,
    testbed::{
        deployment,
        host::{Host, Outcome},
        service::{Call, ServiceFault},
    },
};

use crate::stage::{BINARY, GOOD_CSV, ended, good_csv, held, log, stage, until};

fn data(name: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value)])
}

#[test]
fn every_folder_of_a_function_has_its_route_and_every_route_its_folder() {
    let folders: BTreeSet<String> = std::fs::read_dir("function")
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("function.json").is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert_eq!(folders, FUNCTIONS.iter().map(ToString::to_string).collect());
}

#[tokio::test]
async fn every_timer_succeeds_for_the_host() {
    let stage = stage(&[]).await;
    for function in ["schedule", "advance"] {
        for past_due in [false, true] {
            let outcome = stage.host.timer(function, past_due).await;
            assert!(matches!(outcome, Outcome::Succeeded(_)), "{function}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_message_is_read_in_each_encoding_of_the_host() {
    let stage = stage(&[]).await;
    for (number, encode) in [
        (1, (|event| json!(STANDARD.encode(event))) as fn(String) -> Value),
        (2, |event| json!(Value::from(event).to_string())),
        (3, |event| serde_json::from_str(&event).unwrap()),
    ] {
        let name = format!("hr/{number}.csv");
        let blob = stage.drop_file(&name, good_csv(&name).into()).await.unwrap();
        let event = deployment::blob_created(&blob).to_string();
        let outcome = stage.host.invoke("intake", data("message", encode(event)), Map::new());
        let Outcome::Succeeded(answer) = outcome.await else { panic!("{number}") };
        assert!(answer.logs[0].starts_with("Received as import"), "{:?}", answer.logs);
        assert_eq!(ended(&stage, &name).await.state, State::Completed);
    }
}

#[tokio::test]
async fn a_cloud_event_is_read_too() {
    let stage = stage(&[]).await;
    let blob = stage.drop_file("hr/a b é.csv", GOOD_CSV.into()).await.unwrap();
    let event = json!({
        "specversion": "1.0",
        "id": "1",
        "source": "/subscriptions/0/storageAccounts/a",
        "type": "Microsoft.Storage.BlobCreated",
        // Some senders percent-encode the name.
        "subject": "/blobServices/default/containers/inbox/blobs/hr/a%20b%20%C3%A9.csv",
        "data": { "api": "PutBlob", "eTag": blob.etag },
    });
    stage.announce(&event).await.unwrap();
    assert_eq!(ended(&stage, "hr/a b é.csv").await.state, State::Completed);
}

#[tokio::test]
async fn a_file_is_found_by_the_url_if_the_subject_has_replacement_characters() {
    let stage = stage(&[]).await;
    let name = "hr/people \u{1f600}.csv";
    let blob = stage.drop_file(name, GOOD_CSV.into()).await.unwrap();
    let mut event = deployment::blob_created(&blob);
    event["subject"] =
        json!("/blobServices/default/containers/inbox/blobs/hr/people \u{fffd}\u{fffd}.csv");
    stage.announce(&event).await.unwrap();
    assert_eq!(ended(&stage, name).await.state, State::Completed);
}

#[tokio::test]
async fn a_file_is_received_whatever_operation_wrote_it() {
    let stage = stage(&[]).await;
    for api in ["PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose", "SftpCommit"] {
        let name = format!("hr/{api}.csv");
        let blob = stage.drop_file(&name, good_csv(&name).into()).await.unwrap();
        let event = deployment::blob_written(&blob, api);
        stage.announce(&event).await.unwrap();
        let import = ended(&stage, &name).await;
        assert_eq!(import.state, State::Completed, "{api}");
        let ids = serde_json::to_value(import.diagnostics.event.unwrap()).unwrap();
        assert_eq!(ids["api"], api);
        assert_eq!(ids["requestId"], event["data"]["requestId"]);
        assert_eq!(ids["sequencer"], event["data"]["sequencer"]);
    }
}

#[tokio::test]
async fn a_file_that_was_renamed_after_its_upload_is_received() {
    let stage = stage(&[]).await;
    let blob = stage.drop_file("hr/people a.csv", GOOD_CSV.into()).await.unwrap();
    let mut event = deployment::blob_written(&blob, "SftpRename");
    event["eventType"] = json!("Microsoft.Storage.BlobRenamed");
    let url = event["data"]["url"].take();
    event["data"] = json!({
        "api": "SftpRename",
        "destinationUrl": url,
        "sourceUrl": "https://mockaccount.blob.core.windows.net/inbox/hr/people%20a.csv.part",
    });
    stage.announce(&event).await.unwrap();
    assert_eq!(ended(&stage, "hr/people a.csv").await.state, State::Completed);
}

#[tokio::test]
async fn a_body_larger_than_any_default_is_accepted() {
    let stage = stage(&[]).await;
    let blob = stage.drop_file("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let mut event = deployment::blob_created(&blob);
    event["data"]["padding"] = json!("x".repeat(4 << 20));
    let outcome = stage.host.invoke("intake", data("message", event), Map::new()).await;
    assert!(matches!(outcome, Outcome::Succeeded(_)), "{outcome:?}");
}

#[tokio::test]
async fn a_ping_is_answered_at_once_during_a_push() {
    let stage = stage(&[]).await;
    stage.service.fault(Call::Push, ServiceFault::HoldBody { after_bytes: 10 });
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    held(&stage).await;
    let url = format!("http://127.0.0.1:{}/", stage.host.handler_port());
    let client = reqwest::Client::new();
    for _ in 0..20 {
        let answer = client.get(&url).timeout(Duration::from_secs(5)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    let requests = stage.service.requests();
    let is_open = |call| requests.iter().any(|it| it.call == Some(call) && it.status.is_none());
    assert!(is_open(Call::Push), "the push is over");
    stage.service.release();
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
}

/// An account whose services answer 403, so that no row can be written.
#[tokio::test]
async fn a_file_whose_row_cannot_be_written_is_not_acknowledged() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refusing = listener.local_addr().unwrap();
    let refuse = Router::new().fallback(async || StatusCode::FORBIDDEN);
    let server = tokio::spawn(async move { axum::serve(listener, refuse).await });
    let account = format!(
        "AccountName=a;AccountKey=a2V5;BlobEndpoint=http://{refusing}/a;\
         QueueEndpoint=http://{refusing}/a;TableEndpoint=http://{refusing}/a;"
    );
    let stage = stage(&[("ImportStorage", &account)]).await;
    let blob = stage.drop_file("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let event = deployment::blob_created(&blob);
    let outcome = stage.host.invoke("intake", data("message", event), Map::new()).await;
    assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
    assert!(log(&stage).contains("Azure Storage answered 403"));
    server.abort();
}

/// Runs `serve` with only these settings.
fn serve(settings: &[(&str, &str)]) -> Output {
    Command::new(BINARY)
        .arg("serve")
        .env_clear()
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

const ACCOUNT: (&str, &str) = ("ImportStorage__accountName", "hrdata");

#[test]
fn every_fatal_error_has_a_text_and_never_the_exit_code_0() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (settings, says) in [
        (vec![], "FUNCTIONS_CUSTOMHANDLER_PORT is not a port"),
        (vec![("FUNCTIONS_CUSTOMHANDLER_PORT", "1")], "ImportStorage__accountName is not set"),
        (
            vec![("FUNCTIONS_CUSTOMHANDLER_PORT", "1"), ACCOUNT, ("MAX_PUSH_FAILURES", "many")],
            "MAX_PUSH_FAILURES must be a whole number",
        ),
        (vec![("FUNCTIONS_CUSTOMHANDLER_PORT", port.as_str()), ACCOUNT], "cannot be opened"),
    ] {
        let output = serve(&settings);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(says), "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_terminated_handler_is_no_success_and_the_host_starts_it_again() {
    let stage = stage(&[]).await;
    stage.host.ready().await.unwrap();
    let pid = stage.host.handler_pid().unwrap();
    let port = stage.host.handler_port();
    let killed = Command::new("kill").arg(pid.to_string()).status().unwrap();
    assert!(killed.success());
    until("another process on the same port", async || {
        stage.host.handler_pid().filter(|now| *now != pid)
    })
    .await;
    stage.host.ready().await.unwrap();
    assert_eq!(stage.host.handler_port(), port);
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
}

#[tokio::test]
async fn a_handler_that_cannot_start_stops_the_host_and_the_log_has_the_reason() {
    let stage = stage(&[("INGESTION_ENDPOINT", "http://example.com")]).await;
    stage.host.until_stopped().await;
    assert!(log(&stage).contains("INGESTION_ENDPOINT must be an https address"));
    drop::<Host>(stage.host);
}
