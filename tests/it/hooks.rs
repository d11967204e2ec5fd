//! Webhooks: notifications are signed, each success is notified if configured, and the app's own webhook is
//! used if a connection document is unusable.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    sync::atomic::Ordering,
};

use axum::{body::Bytes, http::HeaderMap};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use viva_import::{
    import::{Import, State},
    storage::import_table::properties,
    testbed::{
        SAMPLE_CONNECTION,
        deployment::{Stage, TOKEN_SETTING},
    },
};

use crate::{
    readers::is_here,
    stage::{GOOD_CSV, a_second_later, csv_of, ended, good_csv, log, stage, until},
    webhook::Webhook,
};

const BAD_CSV: &str = "Employee,EffectiveDate\nana@contoso.com,11/01/2026\n";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The sample connection with a webhook.
fn document(more: &str) -> String {
    let notify = format!("\"notify\": {{ \"setting\": \"HOOK\", \"format\": {more} }}");
    SAMPLE_CONNECTION.replace("\"connector\"", &format!("{notify}, \"connector\""))
}

/// HMAC-SHA256 as RFC 2104 defines it, with hashes only.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    assert!(key.len() <= 64);
    let padded = |with: u8| -> Vec<u8> {
        (0..64).map(|at| key.get(at).copied().unwrap_or_default() ^ with).collect()
    };
    let inner = Sha256::digest([&padded(0x36), message].concat());
    Sha256::digest([&padded(0x5c), &inner[..]].concat()).to_vec()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers[name].to_str().unwrap()
}

/// Whether a notification is signed with this key.
fn is_signed_by(key: &[u8], (headers, body): &(HeaderMap, Bytes)) -> bool {
    let [id, sent] = ["webhook-id", "webhook-timestamp"].map(|name| header(headers, name));
    assert!(!id.contains('.'), "{id}");
    let signed = [format!("{id}.{sent}.").as_bytes(), body].concat();
    let tag = BASE64_STANDARD.encode(hmac_sha256(key, &signed));
    header(headers, "webhook-signature") == format!("v1,{tag}")
}

/// The result of the receiver in the guide for a notification.
fn by_guide((headers, body): &(HeaderMap, Bytes), secret: &str) -> bool {
    let guide = std::fs::read_to_string("src/guide/notifications.md").unwrap();
    let code = guide.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let check = "import json, sys\nit = json.load(sys.stdin)\n\
                 print(is_genuine(it['headers'], it['body'].encode(), it['secret']))\n";
    let headers: serde_json::Map<_, _> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()))
        .collect();
    let body = std::str::from_utf8(body).unwrap();
    let message = json!({ "headers": headers, "body": body, "secret": secret });
    let mut python = Command::new("python3");
    python.arg("-c").arg(format!("{code}{check}")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.spawn().unwrap();
    python.stdin.take().unwrap().write_all(message.to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    match output.stdout.trim_ascii() {
        b"True" => true,
        b"False" => false,
        other => panic!("{:?}", String::from_utf8_lossy(other)),
    }
}

/// The import of a file, when it is as wanted.
async fn import(stage: &Stage, name: &str, wanted: impl Fn(&Import) -> bool) -> Import {
    let found = until(name, async || {
        let imports = stage.imports().await.unwrap();
        imports.into_iter().find(|import| import.source.name == name && wanted(import))
    });
    found.await
}

/// Neither the log nor a row contains any of these.
async fn hides(stage: &Stage, secrets: &[&str]) {
    let rows: Vec<_> = stage.imports().await.unwrap().iter().map(properties).collect();
    let everything = format!("{rows:?}{}", log(stage));
    for secret in secrets {
        assert!(!everything.contains(secret), "{everything}");
    }
}

#[tokio::test]
async fn a_signature_is_valid_and_a_repetition_has_the_same_id_and_a_later_time() {
    let (webhook, address) = Webhook::start().await;
    webhook.failures.store(2, Ordering::SeqCst);
    let stage = stage(&[("HOOK", &address), ("SIGNED_BY", SECRET)]).await;
    let signed = document("\"cloudEvents\", \"signingSetting\": \"SIGNED_BY\"");
    stage.connect("hr", &signed).await.unwrap();
    stage.arrive("hr/bad.csv", BAD_CSV.into()).await.unwrap();
    webhook.until(1).await;
    let asked = webhook.asked();
    assert_eq!(asked.len(), 3, "two failures");
    let key = BASE64_STANDARD.decode(&SECRET["whsec_".len()..]).unwrap();
    let times: Vec<i64> = asked
        .iter()
        .map(|(headers, _)| header(headers, "webhook-timestamp").parse().unwrap())
        .collect();
    assert!(times[0] < times[1] && times[1] < times[2], "{times:?}");
    for message in &asked {
        assert!(is_signed_by(&key, message));
        assert!(!is_signed_by(SECRET.as_bytes(), message), "another secret");
        let event: serde_json::Value = serde_json::from_slice(&message.1).unwrap();
        assert_eq!(event["id"], header(&asked[0].0, "webhook-id"), "one event");
    }
    hides(&stage, &[SECRET, &SECRET["whsec_".len()..], "a-secret-signature"]).await;
    if !is_here("python3", "python3") {
        return;
    }
    let (headers, body) = asked[2].clone();
    assert!(by_guide(&asked[2], SECRET));
    assert!(!by_guide(&asked[2], "whsec_c2VjcmV0"), "another secret");
    let other = Bytes::from([&body[..], b" "].concat());
    assert!(!by_guide(&(headers.clone(), other), SECRET), "another body");
    let mut old = headers;
    let id = header(&old, "webhook-id").to_owned();
    let sent = times[2] - 400;
    let tag = hmac_sha256(&key, &[format!("{id}.{sent}.").as_bytes(), &body].concat());
    old.insert("webhook-timestamp", sent.into());
    let signature = format!("v1,{}", BASE64_STANDARD.encode(tag));
    old.insert("webhook-signature", signature.parse().unwrap());
    let old = (old, body);
    assert!(is_signed_by(&key, &old) && !by_guide(&old, SECRET), "a replay");
}

#[tokio::test]
async fn every_format_is_signed_and_nothing_is_sent_without_the_secret() {
    let (webhook, address) = Webhook::start().await;
    let stage = stage(&[
        ("HOOK", &address),
        ("SIGNED_BY", "whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg=="),
    ])
    .await;
    for (format, name) in [("teams", "teams"), ("slack", "slack")] {
        let more = format!("\"{format}\", \"signingSetting\": \"SIGNED_BY\"");
        stage.connect(name, &document(&more)).await.unwrap();
        stage.arrive(&format!("{name}/bad.csv"), BAD_CSV.into()).await.unwrap();
    }
    webhook.until(2).await;
    let unsigned = document("\"slack\", \"signingSetting\": \"NOT_THERE\"");
    stage.connect("hr", &unsigned).await.unwrap();
    stage.arrive("hr/bad.csv", BAD_CSV.into()).await.unwrap();
    until("that the secret is missing", async || {
        log(&stage)
            .contains("setting NOT_THERE, which has the signing secret, does not exist")
            .then_some(())
    })
    .await;
    let asked = webhook.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|message| is_signed_by(b"hunter2hunter2hunter2hunter2", message)));
    hides(&stage, &["aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg==", "a-secret-signature"]).await;
}

#[tokio::test]
async fn each_success_is_notified_only_if_configured() {
    let (webhook, address) = Webhook::start().await;
    let stage = stage(&[("HOOK", &address)]).await;
    let wants = document("\"cloudEvents\", \"completed\": true");
    stage.connect("hr", &wants).await.unwrap();
    stage.connect("other", &document("\"cloudEvents\"")).await.unwrap();
    // A file in progress when the webhook is added to the document is notified too.
    let blocked = SAMPLE_CONNECTION.replace(TOKEN_SETTING, "NO_SUCH_SETTING");
    stage.connect("late", &blocked).await.unwrap();
    stage.arrive("late/a.csv", GOOD_CSV.into()).await.unwrap();
    import(&stage, "late/a.csv", Import::waits_for_correction).await;
    stage.connect("late", &wants).await.unwrap();
    webhook.until(1).await;
    assert_eq!(webhook.all()[0].1["subject"], "inbox/late/a.csv");
    stage.arrive("other/a.csv", good_csv("Other").into()).await.unwrap();
    assert_eq!(ended(&stage, "other/a.csv").await.state, State::Completed);
    for (name, content) in [
        ("hr/a.csv", GOOD_CSV.to_owned()),
        ("hr/b.csv", BAD_CSV.to_owned()),
        ("hr/c.csv", csv_of(3)),
        ("hr/d.csv", csv_of(4)),
    ] {
        stage.arrive(name, content.into()).await.unwrap();
        let nothing_left = |import: &Import| import.state.is_end() && import.notification.is_none();
        import(&stage, name, nothing_left).await;
        a_second_later().await;
    }
    let import = import(&stage, "other/a.csv", |import| import.notification.is_none()).await;
    assert_eq!(import.notifications_sent, []);
    let kinds = ["completed", "completed", "rejected", "completed", "recovered", "completed"];
    assert_eq!(webhook.types(), kinds.map(|kind| format!("viva-import.{kind}")));
    let all = webhook.all();
    let ids: std::collections::BTreeSet<_> =
        all.iter().map(|(_, event)| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), all.len(), "each event has an id of its own");
    let (kind, event) = &all[1];
    assert_eq!(kind, "application/cloudevents+json");
    assert_eq!(event["source"], "/viva-import/connections/hr");
    assert_eq!(event["data"]["state"], "completed");
    assert!(event["data"]["message"].as_str().unwrap().starts_with("Completed: "), "{event}");
}

#[tokio::test]
async fn the_app_notifies_of_an_invalid_or_missing_document_but_not_for_a_valid_one() {
    let (webhook, address) = Webhook::start().await;
    let settings = [
        ("APP_HOOK", address.as_str()),
        ("NOTIFY_SETTING", "APP_HOOK"),
        ("NOTIFY_FORMAT", "cloudEvents"),
        ("NOTIFY_SIGNING_SETTING", "SIGNED_BY"),
        ("SIGNED_BY", "whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg=="),
    ];
    let stage = stage(&settings).await;
    // The document is valid and has no `notify`.
    stage.arrive("hr/bad.csv", BAD_CSV.into()).await.unwrap();
    let silent = |import: &Import| import.state == State::Rejected && import.notification.is_none();
    assert_eq!(import(&stage, "hr/bad.csv", silent).await.notifications_sent, []);
    let waits = SAMPLE_CONNECTION.replace(TOKEN_SETTING, "NO_SUCH_SETTING");
    stage.connect("gone", &waits).await.unwrap();
    stage.arrive("gone/a.csv", GOOD_CSV.into()).await.unwrap();
    let waits = |import: &Import| import.waits_for_correction() && import.notification.is_none();
    assert_eq!(import(&stage, "gone/a.csv", waits).await.notifications_sent, []);
    assert_eq!(webhook.types(), Vec::<String>::new());

    stage.storage.blobs.delete_all("connections", "gone.json").await.unwrap();
    webhook.until(1).await;
    stage.connect("wrong", "{}").await.unwrap();
    for name in ["wrong/a.csv", "wrong/b.csv"] {
        stage.arrive(name, GOOD_CSV.into()).await.unwrap();
        until("the end of its event", async || {
            let waits = format!("inbox/{name} waits until its connection document is corrected");
            log(&stage).contains(&waits).then_some(())
        })
        .await;
    }
    webhook.until(2).await;
    let kinds = ["viva-import.connection_invalid"; 2];
    assert_eq!(webhook.types(), kinds, "the second file reports nothing new");
    // A file that is received shows that the document was valid. The next invalid one is reported anew.
    stage.connect("wrong", SAMPLE_CONNECTION).await.unwrap();
    stage.arrive("wrong/c.csv", GOOD_CSV.into()).await.unwrap();
    import(&stage, "wrong/c.csv", |import| import.state.is_end()).await;
    stage.connect("wrong", "{}").await.unwrap();
    stage.arrive("wrong/d.csv", GOOD_CSV.into()).await.unwrap();
    webhook.until(3).await;
    let all = webhook.all();
    assert_eq!(all[0].1["data"]["connection"], "gone");
    assert!(all[1].1["data"]["message"].as_str().unwrap().contains("/tenantId: missing"));
    assert!(
        webhook
            .asked()
            .iter()
            .all(|message| is_signed_by(b"hunter2hunter2hunter2hunter2", message))
    );
    hides(&stage, &["aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg==", "a-secret-signature"]).await;
}
