//! A blob or a document that cannot be read concerns itself alone.

use azure_core::http::RequestContent;
use azure_storage_blob::models::{AccessTier, BlobClientUploadOptions};
use bytes::Bytes;
use reqwest::{Method, header::HeaderMap};
use viva_import::{
    config::{CONNECTIONS, INBOX},
    import::{State, reason::ReasonCode},
    testbed::{SAMPLE_CONNECTION, deployment::Stage, host::Outcome},
};

use crate::{
    health::proxied,
    persons::done,
    proxy::{Fault, Seen},
    stage::{GOOD_CSV, ended, import_of, log, stage, why},
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
async fn an_unreadable_blob_or_document_is_named_and_every_other_file_goes_on() {
    let stage = stage(&[]).await;
    for name in ["cold", "packed", "zzz"] {
        stage.connect(name, SAMPLE_CONNECTION).await.unwrap();
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
    let cold = ended(&stage, "cold/a.csv").await;
    assert!(cold.needs_person() && why(&cold).contains("BlobArchived"), "{}", why(&cold));
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
    assert!(matches!(swept, Outcome::Failed { .. }), "it is tried again, and health tells of it");
    let imports = stage.imports().await.unwrap();
    let files: Vec<_> = imports.iter().map(|import| import.source.name.as_str()).collect();
    assert_eq!(files, ["zzz/a.csv"]);
    assert!(log(&stage).contains("Connection bad: the sweep failed: "), "{}", log(&stage));
}
