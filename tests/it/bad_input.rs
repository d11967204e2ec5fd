//! Every file gets a state and a reason, whatever its contents: nothing panics, no file is lost, no retry is
//! endless, and no text contains a cell value.

use azure_storage_queue::models::{QueueClientGetPropertiesResultHeaders as _, QueueMessage};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::TryStreamExt as _;
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use time::OffsetDateTime;
use viva_import::{
    config::{ARRIVALS, Config, REPORTS, STEPS},
    import::{Import, ImportId, Source, State},
    storage::import_table::Saved,
    testbed::{
        SAMPLE_CONNECTION,
        deployment::{self, Stage},
        host::Outcome,
        service::{Call, ServiceFault},
    },
};

use crate::stage::{GOOD_CSV, ended, log, stage, until, why};

/// A cell value that no text may contain.
const SECRET: &str = "hunter2";

fn utf16(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[tokio::test]
async fn a_file_that_cannot_be_packed_is_rejected_with_file_row_and_column() {
    let header = "Employee,EffectiveDate,Manager,Organization";
    let row = format!("{SECRET}@contoso.com,11/01/2026,,{SECRET}");
    let files: [(&str, Vec<u8>, &str); 11] = [
        ("empty", vec![], "Rule F01: The file is empty"),
        ("header-only", format!("{header}\n").into(), "The file has a header but no data rows"),
        ("zip", b"PK\x03\x04\x14\x00".to_vec(), "The file is a zip archive"),
        ("utf-16", utf16(&format!("{header}\n{row}\n")), "The file is UTF-16"),
        ("no-header", format!("{row}\n{row}\n").into(), "Row 1 (H06): The first line has none"),
        (
            "other-header",
            format!("Id,Boss\n{SECRET},\n").into(),
            "Row 1 (H06): The first line has none",
        ),
        (
            "no-manager",
            format!("Employee,EffectiveDate,Organization\n{SECRET}@contoso.com,11/01/2026,A\n")
                .into(),
            "The file has no column \"Manager\"",
        ),
        (
            "too-many",
            format!("{header}\n{row}\n{row},{SECRET}\n").into(),
            "Row 3 (F03): 5 columns in this row, 4 in the header",
        ),
        (
            "open-quote",
            format!("{header}\n{row}\n\"{row}\n{row}\n").into(),
            ": A quotation mark in this row is never closed",
        ),
        (
            "latin-1",
            [format!("{header}\n{row}").as_bytes(), b"\xE9\n"].concat(),
            "Row 2, column Organization (",
        ),
        (
            "semicolons",
            format!("{header}\n{row}\n").replace(',', ";").into(),
            ": The columns are separated by semicolons",
        ),
    ];
    let stage = stage(&[]).await;
    for (name, content, _) in &files {
        stage.arrive(&format!("hr/{name}.csv"), content.clone()).await.unwrap();
    }
    for (name, _, says) in &files {
        let file = format!("hr/{name}.csv");
        let import = ended(&stage, &file).await;
        let why = why(&import);
        assert_eq!(import.state, State::Rejected, "{why}");
        assert!(why.contains(says), "{name}: {why}");
        assert!(import.error_count > 0);
        let (page, report) = report(&stage, &import).await;
        assert_eq!(report["verdict"], "rejected");
        assert!(page.contains("<h1>rejected: "), "{page}");
        assert!(!report.to_string().contains(SECRET) && !page.contains(SECRET), "{report}");
        assert!(!why.contains(SECRET), "{why}");
    }
    assert!(stage.service.ingestions().is_empty());
    assert!(!log(&stage).contains(SECRET));
}

#[tokio::test]
async fn a_page_blob_is_rejected_as_one() {
    let stage = stage(&[]).await;
    stage.arrive_as_pages("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let import = ended(&stage, "hr/a.csv").await;
    let why = why(&import);
    assert_eq!(import.state, State::Rejected, "{why}");
    assert!(why.contains("The file is a page blob"), "{why}");
}

/// The report as a page and as JSON.
async fn report(stage: &Stage, import: &Import) -> (String, Value) {
    let page = import.report.as_ref().unwrap();
    let read = async |name: &str| {
        let blob = stage.storage.blobs.look(REPORTS, name).await.unwrap().unwrap();
        let chunks: Vec<_> =
            stage.storage.blobs.read(&(&blob).into(), 0).try_collect().await.unwrap();
        String::from_utf8(chunks.concat()).unwrap()
    };
    let json = read(&page.replace(".html", ".json")).await;
    (read(page).await, serde_json::from_str(&json).unwrap())
}

#[tokio::test]
async fn an_invalid_connection_keeps_its_files_until_it_is_corrected() {
    let stage = stage(&[]).await;
    stage.connect("broken", "{ \"tenantId\": 5 }").await.unwrap();
    for name in ["broken/a.csv", "broken/b.csv", "broken/c.csv"] {
        stage.arrive(name, GOOD_CSV.into()).await.unwrap();
        until("an event that waits for nothing", async || {
            let waits = format!("inbox/{name} waits until its connection document is corrected");
            log(&stage).contains(&waits).then_some(())
        })
        .await;
    }
    assert!(matches!(stage.host.timer("sweep", false).await, Outcome::Succeeded(_)));
    let log = log(&stage);
    let warned = |line: &&str| line.contains(" event=connection_invalid reason=ConnectionInvalid ");
    let warned: Vec<&str> = log.lines().filter(warned).collect();
    assert_eq!(warned.len(), 1, "one log line: {log}");
    for place in ["/tenantId", "/connector", "/refresh", "/credential", "/mapping"] {
        assert!(warned[0].contains(place), "{place} in {}", warned[0]);
    }
    assert!(stage.imports().await.unwrap().is_empty(), "no file has a row");
    stage.connect("broken", SAMPLE_CONNECTION).await.unwrap();
    assert!(matches!(stage.host.timer("schedule", false).await, Outcome::Succeeded(_)));
    until("the import of the corrected connection", async || {
        let imports = stage.imports().await.unwrap();
        imports.into_iter().find(|import| import.state == State::Completed)
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_invalid_for_a_while_keeps_its_waiting_files() {
    let stage = stage(&[]).await;
    stage.service.always(Call::Push, Some(ServiceFault::Busy));
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let waits_for = async |words: &str| {
        until(words, async || {
            let import = stage.imports().await.unwrap().pop()?;
            Some(why(&import)).filter(|why| why.contains(words))
        })
        .await;
    };
    waits_for("has not finished").await;
    stage.connect("hr", "{").await.unwrap();
    waits_for("connections/hr.json is invalid").await;
    stage.connect("hr", SAMPLE_CONNECTION).await.unwrap();
    stage.service.always(Call::Push, None);
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
}

#[tokio::test]
async fn a_damaged_staged_zip_is_created_again() {
    let stage = stage(&[]).await;
    stage.service.always(Call::Push, Some(ServiceFault::Busy));
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let stored = until("a packed import", async || {
        let stored = stage.table.list().await.unwrap().pop()?;
        (stored.import.state == State::Packed).then_some(stored)
    })
    .await;
    // A changed hash in the row has the same effect as a damaged zip.
    let mut damaged = stored.import.clone();
    damaged.package.as_mut().unwrap().sha256 = "0".repeat(64);
    until("a row with another hash", async || {
        let stored = stage.table.list().await.unwrap().pop()?;
        let mut next = stored.import.clone();
        if next.state != State::Packed {
            return None;
        }
        next.package.clone_from(&damaged.package);
        matches!(
            stage.table.save(stored, next, OffsetDateTime::now_utc()).await.unwrap(),
            Saved::Done { .. }
        )
        .then_some(())
    })
    .await;
    stage.service.always(Call::Push, None);
    let import = ended(&stage, "hr/a.csv").await;
    assert_eq!((import.state, import.failed_pushes), (State::Completed, 0));
    assert_eq!(stage.service.ingestions().len(), 1);
}

#[tokio::test]
async fn a_file_of_no_connection_is_logged_and_acknowledged() {
    let stage = stage(&[]).await;
    let deleted = stage.drop_file("hr/deleted.csv", GOOD_CSV.into()).await.unwrap();
    stage.storage.blobs.delete_all("inbox", "hr/deleted.csv").await.unwrap();
    let mut events = vec![deployment::blob_created(&deleted)];
    for name in ["hr/notes.txt", "hr/export.xlsx", "stray.csv", "nobody/a.csv"] {
        let blob = stage.drop_file(name, b"x".to_vec()).await.unwrap();
        events.push(deployment::blob_created(&blob));
    }
    let mut marker = deployment::blob_created(&deleted);
    marker["subject"] = json!("/blobServices/default/containers/inbox/blobs/hr");
    events.push(marker);
    let mut elsewhere = deployment::blob_created(&deleted);
    elsewhere["subject"] = json!("/blobServices/default/containers/packages/blobs/hr/a.csv");
    events.push(elsewhere);
    let mut other = deployment::blob_created(&deleted);
    other["eventType"] = json!("Microsoft.Storage.BlobDeleted");
    events.push(other);
    for event in &events {
        stage.announce(event).await.unwrap();
    }
    stage.host.until_outcomes(|ended| receives(ended) == events.len()).await;
    let ended = stage.host.outcomes();
    assert!(ended.iter().all(|invocation| matches!(invocation.outcome, Outcome::Succeeded(_))));
    assert!(stage.imports().await.unwrap().is_empty());
    let log = log(&stage);
    for says in [
        "inbox/hr/deleted.csv does not exist any more",
        "inbox/hr/notes.txt is not a CSV in a folder of a connection",
        "inbox/hr/export.xlsx is not a CSV in a folder of a connection",
        "inbox/stray.csv is not a CSV in a folder of a connection",
        "connections/nobody.json does not exist",
        "inbox/hr is not a CSV in a folder of a connection",
        "packages/hr/a.csv is not a CSV in a folder of a connection",
    ] {
        assert!(log.contains(says), "{says} in {log}");
    }
}

#[tokio::test]
async fn each_event_that_is_skipped_is_logged_and_a_valid_one_beside_it_is_received() {
    let stage = stage(&[("RUST_LOG", "viva_import=debug")]).await;
    let blob = stage.drop_file("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    let mut deleted = deployment::blob_created(&blob);
    deleted["eventType"] = json!("Microsoft.Storage.BlobDeleted");
    let invalid = json!({ "eventType": "Microsoft.Storage.BlobCreated", "subject": SECRET });
    let good = deployment::blob_created(&blob);
    let opened = stage.drop_file("hr/opened.csv", vec![]).await.unwrap();
    let opened = deployment::blob_written(&opened, "SftpCreate");
    let events = json!([invalid, { "type": SECRET }, deleted, opened, good]);
    stage.announce(&events).await.unwrap();
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
    let log = log(&stage);
    for says in [
        "WARN",
        "Skipped an invalid event in the arrivals queue, 1 of 5: the subject of the event names no blob",
        "Skipped an event of another type: Microsoft.Storage.BlobDeleted",
        "Skipped an event of another type: unknown",
        "Skipped the event of inbox/hr/opened.csv: it was opened, and nothing is written yet",
    ] {
        assert!(log.contains(says), "{says} in {log}");
    }
    assert!(!log.contains(SECRET));
    assert_eq!(stage.imports().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_empty_file_is_rejected_when_its_upload_has_ended_and_not_when_it_begins() {
    let stage = stage(&[("RUST_LOG", "viva_import=debug")]).await;
    let opened = stage.drop_file("hr/a.csv", vec![]).await.unwrap();
    stage.announce(&deployment::blob_written(&opened, "SftpCreate")).await.unwrap();
    let skipped = "Skipped the event of inbox/hr/a.csv: it was opened, and nothing is written yet";
    until(skipped, async || log(&stage).contains(skipped).then_some(())).await;
    assert!(stage.imports().await.unwrap().is_empty());
    stage.announce(&deployment::blob_written(&opened, "SftpCommit")).await.unwrap();
    let import = ended(&stage, "hr/a.csv").await;
    assert_eq!(import.state, State::Rejected);
    assert!(why(&import).contains("Rule F01: The file is empty"), "{}", why(&import));
}

fn receives(ended: &[viva_import::testbed::host::Invocation]) -> usize {
    ended.iter().filter(|invocation| invocation.function == "intake").count()
}

#[tokio::test]
async fn a_message_without_an_event_goes_to_the_poison_queue_and_blocks_nothing() {
    let stage = stage(&[]).await;
    stage.announce(&json!({ "nothing": SECRET })).await.unwrap();
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
    let poison = stage.queue(&format!("{ARRIVALS}-poison")).unwrap();
    until("a message in the poison queue", async || {
        let properties = poison.get_properties(None).await.ok()?;
        (properties.approximate_messages_count().unwrap() == Some(1)).then_some(())
    })
    .await;
    assert!(log(&stage).contains("Invalid message in the arrivals queue: the event has no type"));
    assert!(!log(&stage).contains(SECRET));
}

#[tokio::test]
async fn a_file_that_is_replaced_before_it_is_read_is_superseded_by_its_new_content() {
    let stage = stage(&[]).await;
    let old = stage.drop_file("hr/a.csv", "Employee\n".into()).await.unwrap();
    stage.drop_file("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    // The row of the first content, as if the program had ended right after writing it.
    let tenant = "0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5".to_owned();
    let id = ImportId { tenant, key: "998000000000000-0000000000000000".to_owned() };
    let source = Source {
        container: old.container,
        name: old.name,
        etag: old.etag,
        bytes: old.bytes,
        last_modified: old.last_modified,
    };
    let now = OffsetDateTime::now_utc();
    let policy =
        Config::read(|name| (name == "ImportStorage__accountName").then(|| "anything".to_owned()));
    let import = Import::new(id, "hr", source, now, &policy.unwrap().policy);
    let message = json!({ "tenant": import.id.tenant, "key": import.id.key, "step": import.step });
    stage.table.insert(import, now).await.unwrap();
    let message = QueueMessage { message_text: Some(STANDARD.encode(message.to_string())) };
    let steps = stage.queue(STEPS).unwrap();
    steps.send_message(message.try_into().unwrap(), None).await.unwrap();
    until("the end of both imports", async || {
        let imports = stage.imports().await.unwrap();
        let mut states: Vec<&str> = imports.iter().map(|import| import.state.as_ref()).collect();
        states.sort_unstable();
        (states == ["completed", "superseded"]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_name_that_changes_the_direction_of_text_is_shown_as_an_escape_on_its_pages() {
    let stage = stage(&[]).await;
    let name = "hr/\u{202e}live.csv";
    stage.arrive(name, "Employee\n".into()).await.unwrap();
    let import = ended(&stage, name).await;
    for path in ["/api/console".to_owned(), format!("/api/console/{}", import.id.key)] {
        let page = stage.host.http(Method::GET, &path, HeaderMap::new(), Bytes::new()).await;
        let page = String::from_utf8(page.body.to_vec()).unwrap();
        assert!(page.contains("\\u{202e}live.csv</bdi>"), "{page}");
        assert!(!page.contains('\u{202e}'), "{page}");
    }
}
