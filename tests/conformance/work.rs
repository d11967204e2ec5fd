//! Messages, timers, and the life of the handler.

use viva_import::testbed::deployment::blob_created;

use super::{encoded, target, unique};
use crate::stage::until;

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_message_in_base64_is_received_and_the_file_has_a_row() {
    let target = target().await;
    let connection = target.connection().await;
    let name = format!("{connection}/a.csv");
    let event = blob_created(&target.file(&name).await);
    target.message(encoded(&event.to_string())).await;
    assert_eq!(target.row(&name).await.source.name, name);
    target.succeeded("intake").await;
    target.forget(&connection).await;
}

#[tokio::test]
async fn a_message_that_the_handler_or_the_host_cannot_read_goes_to_the_poison_queue() {
    let target = target().await;
    // The handler answers 500 each time, up to maxDequeueCount.
    let no_json = encoded(&unique());
    target.message(no_json.clone()).await;
    target.poisoned(&no_json).await;
    // The handler never gets this.
    let no_base64 = format!("{{{}}}", unique());
    target.message(no_base64.clone()).await;
    target.poisoned(&no_base64).await;
}

#[tokio::test]
async fn a_timer_by_hand_succeeds() {
    let target = target().await;
    let start = async |function: &str| {
        let path = format!("/admin/functions/{function}");
        target.ask("POST", &path, &[JSON], b"{\"input\":\"\"}").await.status
    };
    assert_eq!(start("nothing").await, 404);
    // A file without an event, which the timers find.
    let connection = target.connection().await;
    let name = format!("{connection}/a.csv");
    target.file(&name).await;
    for function in ["schedule", "advance", "sweep"] {
        assert_eq!(start(function).await, 202, "{function}");
        target.succeeded(function).await;
    }
    target.row(&name).await;
    target.forget(&connection).await;
}

#[tokio::test]
async fn a_handler_that_was_killed_is_started_again() {
    let target = target().await;
    let health = async || target.ask("GET", "/api/status", &[], b"").await.status;
    assert_eq!(health().await, 200);
    if !target.kill_handler().await {
        return;
    }
    until("an answer", async || (health().await == 200).then_some(())).await;
    let state = target.ask("GET", "/admin/host/status", &[], b"").await;
    assert!(state.body.contains("\"state\":\"Running\""), "{state:?}");
}
