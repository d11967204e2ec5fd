//! Messages that `intake` could not process: the next sweep takes them up.

use azure_storage_queue::{QueueClient, models::QueueMessage};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use viva_import::{
    config::POISON,
    testbed::{
        SAMPLE_CONNECTION,
        deployment::{Stage, blob_created},
        host::Outcome,
    },
};

use crate::{
    health::proxied,
    proxy::{Fault, Seen},
    stage::{GOOD_CSV, ended, log, stage},
};

/// Text that no log may contain.
const SECRET: &str = "hunter2";

async fn poison(stage: &Stage) -> QueueClient {
    let queue = stage.queue(POISON).unwrap();
    queue.create(None).await.unwrap();
    queue
}

async fn put(queue: &QueueClient, text: String) {
    let message = QueueMessage { message_text: Some(text) };
    queue.send_message(message.try_into().unwrap(), None).await.unwrap();
}

/// Puts an event into the queue as the host does: with the encoding of the original message.
async fn put_event(queue: &QueueClient, event: &Value) {
    put(queue, STANDARD.encode(event.to_string())).await;
}

/// The number of messages, also of hidden ones.
pub(crate) async fn count(queue: &QueueClient) -> u32 {
    use azure_storage_queue::models::QueueClientGetPropertiesResultHeaders as _;
    let properties = queue.get_properties(None).await.unwrap();
    properties.approximate_messages_count().unwrap().unwrap().try_into().unwrap()
}

#[tokio::test]
async fn a_sweep_receives_the_events_and_leaves_and_counts_what_is_no_event() {
    let stage = stage(&[("QUIET_SECONDS", "3600")]).await;
    let queue = poison(&stage).await;
    // Without an event, a sweep would receive none of these before the hour is over.
    let good = stage.drop_file("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let beside = stage.drop_file("hr/b.csv", GOOD_CSV.into()).await.unwrap();
    put(&queue, SECRET.to_owned()).await;
    put(&queue, STANDARD.encode(json!({ "nothing": SECRET }).to_string())).await;
    put_event(&queue, &blob_created(&good)).await;
    put_event(&queue, &json!([{ "type": SECRET, "subject": SECRET }, {}, blob_created(&beside)]))
        .await;
    let mut gone = blob_created(&good);
    gone["subject"] = json!("/blobServices/default/containers/inbox/blobs/hr/gone.csv");
    gone["data"]["url"] = json!(null);
    put_event(&queue, &gone).await;

    let swept = stage.host.timer("sweep", false).await;
    assert!(matches!(swept, Outcome::Succeeded(_)), "{swept:?}");
    for name in ["hr/a.csv", "hr/b.csv"] {
        assert!(ended(&stage, name).await.state.is_end(), "{name}");
    }
    assert_eq!(count(&queue).await, 2);
    let log = log(&stage);
    let warned: Vec<&str> = log.lines().filter(|line| line.contains("event=poison")).collect();
    let [line] = warned[..] else { panic!("{log}") };
    assert!(line.contains("WARN") && line.ends_with(" messages=2"), "{line}");
    assert!(line.contains(" event=poison reason=none connection=none import=none "), "{line}");
    assert!(line.contains("that are no event of a blob: 2. "), "{line}");
    assert!(log.contains("inbox/hr/gone.csv does not exist any more"), "{log}");
    assert!(!log.contains(SECRET));
}

#[tokio::test]
async fn the_weekly_timer_takes_up_the_poison_too_and_a_message_is_gone_only_when_its_file_is_kept()
{
    let (stage, proxy) = proxied().await;
    stage.connect("zzz", SAMPLE_CONNECTION).await.unwrap();
    let queue = poison(&stage).await;
    for name in ["hr/a.csv", "zzz/a.csv"] {
        let blob = stage.drop_file(name, GOOD_CSV.into()).await.unwrap();
        put_event(&queue, &blob_created(&blob)).await;
    }
    proxy.always(|seen: &Seen| seen.path.contains("hr.json"), Fault::Answer(409, None));
    stage.host.timer("schedule", false).await;
    let files = async || {
        let imports = stage.imports().await.unwrap();
        imports.into_iter().map(|import| import.source.name).collect::<Vec<_>>()
    };
    assert_eq!(files().await, ["zzz/a.csv"]);
    assert_eq!(count(&queue).await, 1);
    let failed =
        "Queue arrivals-poison: Could not receive inbox/hr/a.csv: Azure Storage answered 409";
    assert!(log(&stage).contains(failed), "{}", log(&stage));
    assert!(!log(&stage).contains("event=poison"));
}

#[tokio::test]
async fn if_one_event_of_an_array_fails_the_others_are_received_before_the_answer() {
    let (stage, proxy) = proxied().await;
    stage.connect("zzz", SAMPLE_CONNECTION).await.unwrap();
    let mut events = vec![];
    for name in ["hr/a.csv", "zzz/a.csv"] {
        events.push(blob_created(&stage.drop_file(name, GOOD_CSV.into()).await.unwrap()));
    }
    proxy.always(|seen: &Seen| seen.path.contains("hr.json"), Fault::Answer(409, None));
    let message = Map::from_iter([("message".to_owned(), json!(events))]);
    let answer = stage.host.invoke("intake", message.clone(), Map::new()).await;
    assert!(matches!(answer, Outcome::Failed { .. }), "{answer:?}");
    let imports = stage.imports().await.unwrap();
    let files: Vec<_> = imports.iter().map(|import| import.source.name.as_str()).collect();
    assert_eq!(files, ["zzz/a.csv"]);
    // Delivered again, the message leads to one import of each file.
    proxy.clear();
    let answer = stage.host.invoke("intake", message, Map::new()).await;
    assert!(matches!(answer, Outcome::Succeeded(_)), "{answer:?}");
    assert_eq!(stage.imports().await.unwrap().len(), 2);
}
