//! A blob or a document that cannot be read concerns itself alone.

use azure_core::http::RequestContent;
use azure_storage_blob::models::{
    AccessTier, BlobClientAcquireLeaseResultHeaders as _, BlobClientUploadOptions,
};
use bytes::Bytes;
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};
use viva_import::{
    config::{CONNECTIONS, INBOX, PACKAGES},
    import::{Import, State, reason::ReasonCode},
    testbed::{
        SAMPLE_CONNECTION,
        deployment::{Stage, blob_created},
        host::Outcome,
        service::{Call, ServiceFault},
    },
};

use crate::{
    health::{proxied, proxied_with},
    persons::done,
    proxy::{Fault, Seen, Upstream},
    stage::{GOOD_CSV, ended, held, import_of, log, stage, until, why},
};

async fn set_tier(stage: &Stage, container: &str, name: &str, tier: AccessTier) {
    stage.storage.blobs.client(container, name).set_tier(tier, None).await.unwrap();
}

/// Uploads a file as some tools do: compressed, and labelled so.
async fn upload_gzip(stage: &Stage, name: &str) {
    let options = BlobClientUploadOptions {
        blob_content_encoding: Some("gzip".to_owned()),
        ..BlobClientUploadOptions::default()
    };
    let content = RequestContent::from(b"\x1F\x8B\x08\x00rows".to_vec());
    stage.storage.blobs.client(INBOX, name).upload(content, Some(options)).await.unwrap();
}

#[tokio::test]
async fn an_unreadable_blob_or_document_is_named_and_every_other_file_is_imported() {
    let stage = stage(&[]).await;
    // Of other tenants, so that a newer file does not replace the archived one.
    for (name, last) in [("cold", "b6"), ("packed", "b7"), ("zzz", "b8")] {
        let document = SAMPLE_CONNECTION.replace("f3a4b5", &format!("f3a4{last}"));
        stage.connect(name, &document).await.unwrap();
    }
    stage.drop_file("hr/archived.csv", GOOD_CSV.into()).await.unwrap();
    set_tier(&stage, INBOX, "hr/archived.csv", AccessTier::Archive).await;
    stage.drop_file("cold/a.csv", GOOD_CSV.into()).await.unwrap();
    set_tier(&stage, CONNECTIONS, "cold.json", AccessTier::Archive).await;
    upload_gzip(&stage, "packed/a.csv").await;
    stage.drop_file("zzz/a.csv", GOOD_CSV.into()).await.unwrap();
    stage.host.timer("sweep", false).await;

    assert_eq!(ended(&stage, "zzz/a.csv").await.state, State::Completed);
    let archived = ended(&stage, "hr/archived.csv").await;
    assert_eq!((archived.state, archived.code()), (State::Rejected, Some(ReasonCode::FileBlocked)));
    assert!(why(&archived).contains("archive tier (BlobArchived)"), "{}", why(&archived));
    let packed = ended(&stage, "packed/a.csv").await;
    assert!(why(&packed).contains("The file is compressed with gzip"), "{}", why(&packed));
    let cold = "event=connection_invalid reason=ConnectionInvalid connection=cold ";
    let warned = log(&stage);
    let warned = warned.lines().find(|line| line.contains(cold)).unwrap();
    assert!(warned.contains("BlobArchived"), "{warned}");
    // The status page, and what its alert is made of, know the other connections, too.
    let (headers, body) = (HeaderMap::new(), Bytes::new());
    let page = stage.host.http(Method::GET, "/api/status", headers, body).await;
    assert_eq!(page.status, 200);
    assert!(log(&stage).contains("event=idle reason=none connection=zzz "), "{}", log(&stage));

    set_tier(&stage, INBOX, "hr/archived.csv", AccessTier::Hot).await;
    done(&stage, "retry", &archived.id.name()).await;
    import_of(&stage, "hr/archived.csv", |import| import.state == State::Completed).await;
}

#[tokio::test]
async fn a_connection_that_storage_refuses_stops_no_other_one() {
    let (stage, proxy) = proxied().await;
    for name in ["bad", "zzz"] {
        stage.connect(name, SAMPLE_CONNECTION).await.unwrap();
        stage.drop_file(&format!("{name}/a.csv"), GOOD_CSV.into()).await.unwrap();
    }
    proxy.always(|seen: &Seen| seen.path.contains("bad.json"), Fault::Answer(409, None));
    let swept = stage.host.timer("sweep", false).await;
    assert!(matches!(swept, Outcome::Failed { .. }), "it is tried again, and health reports it");
    let imports = stage.imports().await.unwrap();
    let files: Vec<_> = imports.iter().map(|import| import.source.name.as_str()).collect();
    assert_eq!(files, ["zzz/a.csv"]);
    assert!(log(&stage).contains("Connection bad: the sweep failed: "), "{}", log(&stage));
    let (headers, body) = (HeaderMap::new(), Bytes::new());
    let page = stage.host.http(Method::GET, "/api/status", headers, body).await;
    assert_eq!(page.status, 200, "the page shows the other connections");
}

/// The sample file as a program that logs would write it: it exists from the first line on.
async fn append(stage: &Stage, name: &str, content: &str) {
    let blob = stage.storage.blobs.client(INBOX, name).append_blob_client();
    if stage.storage.blobs.look(INBOX, name).await.unwrap().is_none() {
        blob.create(None).await.unwrap();
    }
    let bytes = content.as_bytes().to_vec();
    let length = bytes.len() as u64;
    blob.append_block(RequestContent::from(bytes), length, None).await.unwrap();
}

#[tokio::test]
async fn an_append_blob_is_imported_when_nobody_appends_any_more() {
    let stage = stage(&[("QUIET_SECONDS", "4")]).await;
    let (first, rest) = GOOD_CSV.split_at(60);
    append(&stage, "hr/a.csv", first).await;
    let blob = stage.storage.blobs.look(INBOX, "hr/a.csv").await.unwrap().unwrap();
    stage.announce(&blob_created(&blob)).await.unwrap();
    until("the event to be postponed", async || {
        log(&stage).contains("may not be complete").then_some(())
    })
    .await;
    append(&stage, "hr/a.csv", rest).await;
    assert!(stage.imports().await.unwrap().is_empty());
    let import = ended(&stage, "hr/a.csv").await;
    assert_eq!((import.state, import.rows), (State::Completed, Some(2)), "{}", why(&import));
    assert_eq!(stage.imports().await.unwrap().len(), 1);
    assert!(import.diagnostics.event.is_some());
}

#[tokio::test]
async fn a_sweep_waits_until_a_file_is_quiet_and_a_person_need_not() {
    let stage = stage(&[("QUIET_SECONDS", "3600")]).await;
    stage.drop_file("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    stage.host.timer("sweep", false).await;
    assert!(stage.imports().await.unwrap().is_empty());
    let json = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let path = "/api/v1/connections/hr:sweep";
    let swept = stage.host.http(Method::POST, path, json, "{}".into()).await;
    assert_eq!(swept.status, 200);
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
    // An event says that a block blob is complete.
    stage.arrive("hr/b.csv", GOOD_CSV.into()).await.unwrap();
    ended(&stage, "hr/b.csv").await;
}

#[tokio::test]
async fn a_tenant_whose_partition_is_throttled_delays_no_other_one() {
    let (stage, proxy) =
        proxied_with(&[("POLL_MIN_SECONDS", "1"), ("POLL_MAX_SECONDS", "1")]).await;
    let other = SAMPLE_CONNECTION.replace("f3a4b5", "f3a4b6");
    assert_ne!(other, SAMPLE_CONNECTION);
    stage.connect("other", &other).await.unwrap();
    stage.service.fault(Call::Push, ServiceFault::HoldBody { after_bytes: 1 });
    stage.arrive("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    held(&stage).await;
    let tenant = stage.imports().await.unwrap().remove(0).id.tenant;
    let is_of_tenant = move |seen: &Seen| {
        seen.upstream == Upstream::Table
            && (seen.path.contains(&tenant)
                || String::from_utf8_lossy(&seen.sent).contains(&tenant))
    };
    proxy.always(is_of_tenant, Fault::Answer(503, Some("1")));
    stage.service.release();
    stage.service.quiet().await;

    stage.arrive("other/a.csv", GOOD_CSV.into()).await.unwrap();
    let done = |import: &Import| import.state == State::Completed;
    let drives = async {
        loop {
            stage.host.timer("advance", false).await;
        }
    };
    tokio::select! {
        () = drives => {}
        () = async {
            import_of(&stage, "other/a.csv", done).await;
            let throttled = import_of(&stage, "hr/a.csv", |_| true).await;
            assert_eq!(throttled.state, State::Pushing, "its result is not saved yet");
            proxy.clear();
            import_of(&stage, "hr/a.csv", done).await;
        } => {}
    }
    let import = import_of(&stage, "hr/a.csv", done).await;
    assert!(!import.push_outcome_unknown && import.failed_pushes == 0, "{import:?}");
    assert_eq!(stage.service.ingestions().len(), 2);
}

#[tokio::test]
async fn a_lease_of_another_program_on_a_file_or_a_zip_does_no_harm() {
    let stage = stage(&[]).await;
    let lease = async |container: &str, name: &str| {
        let blob = stage.storage.blobs.client(container, name);
        let lease = blob.acquire_lease(-1, None).await.unwrap().lease_id().unwrap().unwrap();
        (blob, lease)
    };
    let blob = stage.drop_file("hr/a.csv", GOOD_CSV.into()).await.unwrap();
    lease(INBOX, "hr/a.csv").await;
    stage.service.fault(Call::Push, ServiceFault::HoldBody { after_bytes: 1 });
    stage.announce(&blob_created(&blob)).await.unwrap();
    held(&stage).await;
    let import = stage.imports().await.unwrap().remove(0);
    let zip = import.package.unwrap().blob;
    let (leased, id) = lease(PACKAGES, &zip).await;
    stage.service.release();
    let import = import_of(&stage, "hr/a.csv", |import| import.failures > 0).await;
    assert_eq!((import.state, import.due.is_some()), (State::Completed, true));
    leased.release_lease(id, None).await.unwrap();
    assert_eq!(ended(&stage, "hr/a.csv").await.state, State::Completed);
    assert!(stage.storage.blobs.list(PACKAGES, "").await.unwrap().is_empty());
}
