//! Notifications that a person has to act: sent once, by a webhook, and no import waits for them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use time::{OffsetDateTime, macros::datetime};
use viva_import::{
    config::{Config, Lookup},
    engine::Engine,
    import::{NotificationKind, State},
    messages,
    storage::Storage,
    target,
    testbed::{
        SAMPLE_CONNECTION,
        deployment::{Stage, TOKEN_SETTING},
        service::{Call, Service, ServiceFault},
    },
};

use crate::{
    stage::{
        GOOD_CSV, TOKEN, a_second_later, azurite, csv_of, ended, log, new_account, rules, stage,
        until,
    },
    webhook::Webhook,
    world::{Kind, To, World, Wrong, deliver},
};

const BAD_CSV: &str = "Employee,EffectiveDate,Manager,Organization\n\
     ana@contoso.com,11/01/2026,,Executive\nsecret-person,11/01/2026,ana@contoso.com,Sales\n";

fn document(more: &str) -> String {
    let notify =
        format!("\"full\", \"notify\": {{ \"setting\": \"HOOK\", \"format\": \"{more}\" }}");
    SAMPLE_CONNECTION.replace("\"full\"", &notify)
}

async fn stage_with_hook(address: &str, settings: &[(&str, &str)]) -> Stage {
    let stage = stage(&[&[("HOOK", address)], settings].concat()).await;
    stage.connect("hr", &document("cloudEvents")).await.unwrap();
    stage
}

/// The notifications of a file's import, when the row contains `words`.
async fn notified(stage: &Stage, name: &str, words: &str) -> String {
    until(&format!("{name} notified of {words}"), async || {
        let imports = stage.imports().await.unwrap();
        let import = imports.into_iter().find(|import| import.source.name == name)?;
        let sent = messages::notifications(&import)?;
        (sent.contains(words) && import.notification.is_none()).then_some(sent)
    })
    .await
}

/// The import of a file has completed, and no notification is sent.
async fn silent(stage: &Stage, name: &str) {
    until(&format!("{name} without a notification"), async || {
        let imports = stage.imports().await.unwrap();
        let import = imports.into_iter().find(|import| import.source.name == name)?;
        let is_decided = import.state == State::Completed && import.notification.is_none();
        is_decided.then(|| assert_eq!(import.notifications_sent, []))
    })
    .await;
}

#[tokio::test]
async fn a_rejected_file_a_stuck_one_and_the_next_success_are_notified_once_each() {
    let (webhook, address) = Webhook::start().await;
    let stage = stage_with_hook(&address, &[("MAX_PUSH_FAILURES", "1")]).await;
    stage.arrive("hr/first.csv", GOOD_CSV.into()).await.unwrap();
    assert_eq!(ended(&stage, "hr/first.csv").await.state, State::Completed);
    a_second_later().await;
    stage.arrive("hr/bad.csv", BAD_CSV.into()).await.unwrap();
    notified(&stage, "hr/bad.csv", "rejected at 20").await;
    a_second_later().await;
    stage.service.fault(Call::Push, ServiceFault::InternalError);
    stage.arrive("hr/stuck.csv", csv_of(3).into()).await.unwrap();
    notified(&stage, "hr/stuck.csv", "stuck at 20").await;
    a_second_later().await;
    stage.arrive("hr/good.csv", csv_of(4).into()).await.unwrap();
    notified(&stage, "hr/good.csv", "recovered at 20").await;
    a_second_later().await;
    stage.arrive("hr/again.csv", csv_of(5).into()).await.unwrap();
    silent(&stage, "hr/again.csv").await;
    silent(&stage, "hr/first.csv").await;
    let expected = ["viva-import.rejected", "viva-import.stuck", "viva-import.recovered"];
    assert_eq!(webhook.types(), expected);
    let all = webhook.all();
    let (kind, rejected) = &all[0];
    assert_eq!(kind, "application/cloudevents+json");
    assert_eq!(rejected["specversion"], "1.0");
    assert_eq!(rejected["source"], "/viva-import/connections/hr");
    assert_eq!(rejected["subject"], "inbox/hr/bad.csv");
    assert_eq!(rejected["data"]["state"], "rejected");
    assert_eq!(rejected["data"]["errorCount"], 1);
    let message = rejected["data"]["message"].as_str().unwrap();
    assert!(message.contains("Row 3, column Employee"), "{message}");
    let ids: std::collections::BTreeSet<_> =
        all.iter().map(|(_, event)| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    // Neither a notification nor the log contains a value or the address; the log has the fields for alerts.
    let log = log(&stage);
    let everything = format!("{all:?}{log}");
    assert!(!everything.contains("secret"), "{everything}");
    for (event, file) in [("rejected", "hr/bad.csv"), ("stuck", "hr/stuck.csv")] {
        let imports = stage.imports().await.unwrap();
        let id = imports.iter().find(|import| import.source.name == file).unwrap().id.clone();
        let fields = format!("connection=hr import={id} invocation=");
        let is_alert = |line: &str| {
            line.contains(&format!(" event={event} reason=")) && line.contains(&fields)
        };
        assert!(log.lines().any(is_alert), "{event} {fields}\n{log}");
    }
}

#[tokio::test]
async fn a_webhook_that_fails_is_retried_and_no_import_waits_for_it() {
    let (webhook, address) = Webhook::start().await;
    webhook.failures.store(2, Ordering::SeqCst);
    let stage = stage_with_hook(&address, &[]).await;
    stage.arrive("hr/bad.csv", BAD_CSV.into()).await.unwrap();
    let failing = until("a failure in the row", async || {
        let import = stage.imports().await.unwrap().pop()?;
        import.notification.filter(|message| message.failures > 0)
    });
    assert_eq!(failing.await.kind, NotificationKind::Rejected);
    a_second_later().await;
    stage.arrive("hr/good.csv", GOOD_CSV.into()).await.unwrap();
    assert_eq!(ended(&stage, "hr/good.csv").await.state, State::Completed);
    notified(&stage, "hr/bad.csv", "rejected at 20").await;
    let log = log(&stage);
    assert!(
        log.contains("Could not send the notification rejected: the webhook answered 502"),
        "{log}"
    );
    assert!(!log.contains("secret"), "{log}");
    assert_eq!(webhook.types().iter().filter(|kind| **kind == "viva-import.rejected").count(), 1);
}

#[tokio::test]
async fn an_invalid_mapping_is_notified_once_for_all_files_and_its_end_too() {
    let (webhook, address) = Webhook::start().await;
    let stage = stage_with_hook(&address, &[]).await;
    let right = document("cloudEvents").replace("\"full\"", "\"incremental\"");
    let wrong = right.replace("\"name\": \"PersonId\"", "\"name\": \"personid\"");
    stage.connect("hr", &wrong).await.unwrap();
    let names = ["hr/1.csv", "hr/2.csv", "hr/3.csv"];
    for (rows, name) in names.iter().enumerate() {
        stage.arrive(name, csv_of(rows + 2).into()).await.unwrap();
        a_second_later().await;
    }
    until("all wait for the mapping", async || {
        let imports = stage.imports().await.unwrap();
        let waits = imports.iter().filter(|import| import.waits_for_correction()).count();
        (waits == names.len()).then_some(())
    })
    .await;
    webhook.until(1).await;
    a_second_later().await;
    assert_eq!(webhook.types(), ["viva-import.connection_invalid"]);
    assert!(webhook.all()[0].1["data"]["message"].as_str().unwrap().contains("(H14)"));
    let warned = log(&stage).matches(" event=connection_invalid reason=MappingInvalid ").count();
    assert_eq!(warned, 1, "{}", log(&stage));
    // Without an operator action all imports resume.
    stage.connect("hr", &right).await.unwrap();
    for name in names {
        let import = ended(&stage, name).await;
        assert_eq!((import.state, import.operator_actions), (State::Completed, None));
    }
    webhook.until(2).await;
    a_second_later().await;
    assert_eq!(webhook.types(), ["viva-import.connection_invalid", "viva-import.recovered"]);
}

#[tokio::test]
async fn a_403_is_notified_once_for_all_waiting_files_and_its_end_too() {
    let (webhook, address) = Webhook::start().await;
    let stage = stage_with_hook(&address, &[]).await;
    let incremental = document("cloudEvents").replace("\"full\"", "\"incremental\"");
    stage.connect("hr", &incremental).await.unwrap();
    stage.service.always(Call::Ping, Some(ServiceFault::Forbidden));
    stage.arrive("hr/1.csv", csv_of(2).into()).await.unwrap();
    notified(&stage, "hr/1.csv", "forbidden at 20").await;
    a_second_later().await;
    stage.arrive("hr/2.csv", csv_of(3).into()).await.unwrap();
    until("the second waits", async || {
        let imports = stage.imports().await.unwrap();
        let second = imports.into_iter().find(|import| import.source.name == "hr/2.csv")?;
        second.is_behind_a_pause().then_some(())
    })
    .await;
    a_second_later().await;
    assert_eq!(webhook.types(), ["viva-import.forbidden"]);
    stage.service.always(Call::Ping, None);
    let stage_settings = stage.settings().clone();
    let mut resume = tokio::process::Command::new(crate::stage::BINARY);
    let output = resume.args(["resume", "hr"]).envs(&stage_settings).output().await.unwrap();
    assert!(output.status.success());
    notified(&stage, "hr/1.csv", "recovered at 20").await;
    silent(&stage, "hr/2.csv").await;
    assert_eq!(webhook.types(), ["viva-import.forbidden", "viva-import.recovered"]);
}

#[tokio::test]
async fn teams_and_slack_get_their_own_formats() {
    let (webhook, address) = Webhook::start().await;
    let sign_in = [
        ("APP_SERVICE_AUTH", "true"),
        ("WEBSITE_AUTH_ENABLED", "True"),
        ("WEBSITE_HOSTNAME", "viva.example.com"),
    ];
    let stage = stage_with_hook(&address, &sign_in).await;
    for (format, name) in [("teams", "hr/a&b_[c](d).csv"), ("slack", "hr/c&d.csv")] {
        stage.connect("hr", &document(format)).await.unwrap();
        stage.arrive(name, BAD_CSV.into()).await.unwrap();
        notified(&stage, name, "rejected at 20").await;
        a_second_later().await;
    }
    let all = webhook.all();
    let card = &all[0].1["attachments"][0];
    assert_eq!(card["contentType"], "application/vnd.microsoft.card.adaptive");
    assert_eq!(
        card["content"]["body"][0]["text"],
        "inbox/hr/a&b\\_\\[c\\]\\(d\\).csv was rejected"
    );
    let page = card["content"]["actions"][0]["url"].as_str().unwrap();
    assert!(
        page.starts_with(
            "https://viva.example.com/api/signedin/0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5.99"
        ),
        "{page}"
    );
    let text = all[1].1["text"].as_str().unwrap();
    assert!(text.starts_with("*inbox/hr/c&amp;d.csv was rejected*\nRejected: "), "{text}");
    assert!(text.contains("Correct the rows and columns in the report"), "{text}");
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_reported_without_quoting_it() {
    let stage = stage_with_hook("http://example.com/secret-path", &[]).await;
    stage.arrive("hr/bad.csv", BAD_CSV.into()).await.unwrap();
    until("the failure in the log", async || {
        log(&stage).contains("setting HOOK has no https address").then_some(())
    })
    .await;
    assert!(!log(&stage).contains("secret-path"));
}

/// An engine with the clock of the test.
async fn engine_at(clock: &Arc<AtomicI64>, hook: &str) -> (Arc<Engine>, Storage, Service) {
    let (account, service) = (new_account(), Service::start(rules()).await.unwrap());
    let azurite = azurite().await;
    let storage = Storage::open(&azurite.account(&account), Duration::from_mins(1)).unwrap();
    storage.create_if_missing().await.unwrap();
    let settings = [
        ("ImportStorage", azurite.connection_string(&account)),
        ("INGESTION_ENDPOINT", service.endpoint().to_string()),
        ("QUIET_SECONDS", "0".to_owned()),
        (TOKEN_SETTING, TOKEN.to_owned()),
        ("HOOK", hook.to_owned()),
    ];
    let setting: Arc<Lookup> = Arc::new(move |name: &str| {
        settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    });
    let config = Config::read(|name| setting(name)).unwrap();
    let opened = Storage::open(&config.account, Duration::from_mins(1)).unwrap();
    let client = target::Service::new(config.service.clone(), setting.clone()).unwrap();
    let clock = clock.clone();
    let now = move || OffsetDateTime::from_unix_timestamp(clock.load(Ordering::SeqCst)).unwrap();
    (Arc::new(Engine::new(opened, client, config, setting, Arc::new(now))), storage, service)
}

#[tokio::test]
async fn an_overdue_file_is_notified_once_until_a_file_arrives() {
    let (webhook, address) = Webhook::start().await;
    let start = datetime!(2026-11-23 06:00 UTC).unix_timestamp();
    let clock = Arc::new(AtomicI64::new(start));
    let day = 24 * 60 * 60;
    let (engine, storage, _service) = engine_at(&clock, &address).await;
    let document =
        document("cloudEvents").replace("\"connector\"", "\"expectedEveryDays\": 7, \"connector\"");
    let put = async |container, name, content: &str| {
        storage
            .blobs
            .put(container, name, "text/plain", content.as_bytes().to_vec())
            .await
            .unwrap();
    };
    put("connections", "hr.json", &document).await;
    let sweep = async || {
        engine.sweep().await.unwrap();
        for _ in 0..6 {
            deliver(&engine).await.unwrap();
            // A poll is due after half a minute.
            clock.fetch_add(60, Ordering::SeqCst);
        }
    };
    put("inbox", "hr/a.csv", GOOD_CSV).await;
    sweep().await;
    let imports = engine.imports().list().await.unwrap();
    assert_eq!(imports[0].import.state, State::Completed);
    clock.store(start + 6 * day, Ordering::SeqCst);
    sweep().await;
    assert_eq!(webhook.types(), Vec::<String>::new(), "it is not late yet");
    for days in [8, 9, 20] {
        clock.store(start + days * day, Ordering::SeqCst);
        sweep().await;
    }
    assert_eq!(webhook.types(), ["viva-import.overdue"]);
    // A file arrives, and it is the first success after that; then the next file is overdue.
    put("inbox", "hr/b.csv", &csv_of(3)).await;
    sweep().await;
    webhook.until(2).await;
    clock.store(start + 40 * day, Ordering::SeqCst);
    sweep().await;
    let kinds = webhook.types();
    assert_eq!(
        kinds,
        ["viva-import.overdue", "viva-import.recovered", "viva-import.overdue"],
        "once for each overdue file"
    );
    let overdue = &webhook.all()[0].1;
    assert_eq!(overdue["data"]["connection"], json!("hr"));
    let message = overdue["data"]["message"].as_str().unwrap();
    assert!(message.contains("inbox/hr/a.csv, which arrived on"), "{message}");
}

#[tokio::test]
async fn a_connection_that_never_had_a_file_is_notified_of_once_and_its_first_success_too() {
    let (webhook, address) = Webhook::start().await;
    webhook.failures.store(1, Ordering::SeqCst);
    // The time at which the documents are stored is that of the storage's clock.
    let start = OffsetDateTime::now_utc().unix_timestamp();
    let clock = Arc::new(AtomicI64::new(start));
    let (engine, storage, _service) = engine_at(&clock, &address).await;
    let expected = |document: &str| {
        document.replace("\"connector\"", "\"expectedEveryDays\": 7, \"connector\"")
    };
    let put = async |container, name, content: &str| {
        let content = content.as_bytes().to_vec();
        storage.blobs.put(container, name, "text/plain", content).await.unwrap();
    };
    put("connections", "hr.json", &expected(&document("cloudEvents"))).await;
    put("connections", "silent.json", &expected(SAMPLE_CONNECTION)).await;
    let sweep_after = async |hours: i64| {
        clock.store(start + hours * 60 * 60, Ordering::SeqCst);
        engine.sweep().await.unwrap();
    };
    sweep_after(6 * 24).await;
    assert_eq!(webhook.asked().len(), 0, "it is not late yet");
    for hours in [8 * 24, 8 * 24 + 1, 8 * 24 + 2, 9 * 24] {
        sweep_after(hours).await;
    }
    assert_eq!(webhook.types(), ["viva-import.overdue"]);
    let asked = webhook.asked();
    assert_eq!(asked.len(), 2, "tried again after an hour");
    assert_eq!(asked[0].1, asked[1].1, "as the same event");
    let event = &webhook.all()[0].1;
    assert_eq!(event["source"], "/viva-import/connections/hr");
    assert!(event.get("subject").is_none(), "{event}");
    assert_eq!((&event["data"]["file"], &event["data"]["import"]), (&json!(null), &json!(null)));
    assert!(event["data"]["message"].as_str().unwrap().starts_with("No file has arrived since 2"));
    put("inbox", "hr/a.csv", GOOD_CSV).await;
    engine.sweep().await.unwrap();
    for _ in 0..6 {
        deliver(&engine).await.unwrap();
        clock.fetch_add(60, Ordering::SeqCst);
    }
    assert_eq!(webhook.types(), ["viva-import.overdue", "viva-import.recovered"]);
}

#[tokio::test]
async fn a_webhook_that_is_added_after_the_last_file_is_notified_of_an_overdue_file() {
    let (webhook, address) = Webhook::start().await;
    let start = datetime!(2026-11-23 06:00 UTC).unix_timestamp();
    let clock = Arc::new(AtomicI64::new(start));
    let (engine, storage, _service) = engine_at(&clock, &address).await;
    let put = async |container, name, content: &str| {
        let content = content.as_bytes().to_vec();
        storage.blobs.put(container, name, "text/plain", content).await.unwrap();
    };
    put("connections", "hr.json", SAMPLE_CONNECTION).await;
    put("inbox", "hr/a.csv", GOOD_CSV).await;
    engine.sweep().await.unwrap();
    for _ in 0..6 {
        deliver(&engine).await.unwrap();
        clock.fetch_add(60, Ordering::SeqCst);
    }
    let notifies =
        document("cloudEvents").replace("\"connector\"", "\"expectedEveryDays\": 7, \"connector\"");
    put("connections", "hr.json", &notifies).await;
    clock.store(start + 8 * 24 * 60 * 60, Ordering::SeqCst);
    engine.sweep().await.unwrap();
    deliver(&engine).await.unwrap();
    assert_eq!(webhook.types(), ["viva-import.overdue"]);
}

#[tokio::test]
async fn the_end_of_an_invalid_mapping_is_notified_once_whichever_file_reported_it() {
    let mut world = World::with(&[To::Builds], Duration::ZERO).await;
    for name in ["builds/1.csv", "builds/2.csv"] {
        world.put(To::Builds, name, Kind::Right).await;
    }
    world.sweep().await;
    world.store(To::Builds, Some(Wrong::Mapping)).await;
    // The later file is read first, and reports the mapping. The earlier one succeeds first.
    world.message(0, false, 1).await;
    world.drive().await;
    assert_eq!(world.webhook.types(), ["viva-import.connection_invalid"]);
    world.store(To::Builds, None).await;
    let imports = world.rest().await.unwrap();
    world.check(&imports).await.unwrap();
    assert!(imports.iter().all(|import| import.state == State::Completed), "{imports:?}");
    let types = world.webhook.types();
    let recovered = types.iter().filter(|kind| *kind == "viva-import.recovered").count();
    assert_eq!(recovered, 1, "{types:?}");
}
