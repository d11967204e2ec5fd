use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::Query, http};
use azure_core::http::{ClientOptions, Url};
use azure_storage_blob::BlobServiceClientOptions;
use percent_encoding::percent_decode_str;
use tokio::net::TcpListener;

use super::*;
use crate::http::{Destination, azure::transport};

/// The item of a list. With a hierarchical namespace, each directory is an empty blob with metadata.
fn item(name: &str, metadata: &str) -> String {
    format!(
        "<Blob><Name>{name}</Name><Properties>\
         <Last-Modified>Mon, 23 Nov 2026 06:00:00 GMT</Last-Modified><Etag>0x8DE</Etag>\
         <Content-Length>0</Content-Length><BlobType>BlockBlob</BlobType></Properties>\
         {metadata}</Blob>"
    )
}

/// Blobs of an account with a hierarchical namespace, and the requests that delete.
async fn hierarchical() -> (Blobs, Arc<Mutex<Vec<String>>>) {
    const DIRECTORY: &str = "<Metadata><hdi_isfolder>true</hdi_isfolder></Metadata>";
    const FILE: &str = "<Metadata><source>hdi_isfolder</source></Metadata>";
    let blobs = [
        ("hr", DIRECTORY),
        ("hr-japan", DIRECTORY),
        ("hr-japan/c.csv", FILE),
        ("hr/2026", DIRECTORY),
        ("hr/2026/11.csv", DIRECTORY),
        ("hr/2026/11.csv/a.csv", FILE),
        ("hr/b.csv", "<Metadata />"),
        ("hr/empty.csv", ""),
    ];
    let deleted = Arc::new(Mutex::new(vec![]));
    let noted = deleted.clone();
    let app = Router::new().fallback(
        async move |query: Query<HashMap<String, String>>, method: http::Method, uri: http::Uri| {
            if method == http::Method::DELETE {
                let name = uri.path().strip_prefix("/inbox/").unwrap();
                noted.lock().unwrap().push(percent_decode_str(name).decode_utf8().unwrap().into());
                return (http::StatusCode::ACCEPTED, String::new());
            }
            assert_eq!(query.get("include").map(String::as_str), Some("metadata"));
            let prefix = query.get("prefix").cloned().unwrap_or_default();
            let of_prefix = blobs.iter().filter(|(name, _)| name.starts_with(&prefix));
            let items: String = of_prefix.map(|(name, metadata)| item(name, metadata)).collect();
            let list = format!(
                "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults>\
                 <Blobs>{items}</Blobs><NextMarker /></EnumerationResults>"
            );
            (http::StatusCode::OK, list)
        },
    );
    (serve(app).await, deleted)
}

/// The blobs of this server.
async fn serve(app: Router) -> Blobs {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, app).into_future());
    let transport = transport(Destination::LocalHttp, Duration::from_mins(1)).unwrap();
    let client_options = ClientOptions { transport: Some(transport), ..ClientOptions::default() };
    let options = BlobServiceClientOptions { client_options, ..Default::default() };
    let url = Url::parse(&url).unwrap();
    Blobs::new(BlobServiceClient::new(url, None, Some(options)).unwrap())
}

#[tokio::test]
async fn directories_are_in_no_list() {
    let (blobs, _) = hierarchical().await;
    let listed = blobs.list("inbox", "hr/").await.unwrap();
    let listed: Vec<&str> = listed.iter().map(|blob| blob.name.as_str()).collect();
    assert_eq!(listed, ["hr/2026/11.csv/a.csv", "hr/b.csv", "hr/empty.csv"]);
}

#[tokio::test]
async fn directories_are_deleted_after_what_they_contain() {
    let files = ["hr/2026/11.csv/a.csv", "hr/b.csv", "hr/empty.csv"];
    for (prefix, names) in [
        ("hr/", [&files[..], &["hr/2026/11.csv", "hr/2026", "hr"]].concat()),
        ("hr/2026/11", vec![files[0], "hr/2026/11.csv"]),
        ("hr/b.csv", vec!["hr/b.csv"]),
    ] {
        let (blobs, deleted) = hierarchical().await;
        blobs.delete_all("inbox", prefix).await.unwrap();
        assert_eq!(*deleted.lock().unwrap(), names, "{prefix}");
    }
}

/// A blob whose properties are answered with this status and these headers.
async fn headed(status: u16, headers: &'static [(&'static str, &'static str)]) -> Blobs {
    const COMMON: [(&str, &str); 3] = [
        ("etag", "\"0x8DE\""),
        ("last-modified", "Mon, 23 Nov 2026 06:00:00 GMT"),
        ("content-length", "512"),
    ];
    let app = Router::new().fallback(async move |uri: http::Uri| {
        let list = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Blobs>{}</Blobs>\
             <NextMarker /></EnumerationResults>",
            item("hr/a.csv", "").replace("BlockBlob", "AppendBlob")
        );
        let is_list = uri.query().is_some_and(|query| query.contains("comp=list"));
        if is_list {
            return http::Response::new(list);
        }
        let mut answer = http::Response::new(String::new());
        *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
        for (name, value) in COMMON.iter().chain(headers) {
            answer.headers_mut().insert(*name, http::HeaderValue::from_static(value));
        }
        answer
    });
    serve(app).await
}

#[tokio::test]
async fn the_kind_of_a_blob_and_a_pending_copy_are_seen() {
    for (headers, growth) in [
        (&[("x-ms-blob-type", "BlockBlob")][..], Growth::Written),
        (&[("x-ms-blob-type", "AppendBlob")], Growth::Appended),
        (&[("x-ms-blob-type", "PageBlob")], Growth::Paged),
        (&[("x-ms-blob-type", "BlockBlob"), ("x-ms-copy-status", "pending")], Growth::Copied),
        (&[("x-ms-blob-type", "BlockBlob"), ("x-ms-copy-status", "success")], Growth::Written),
    ] {
        let blob = headed(200, headers).await.look("inbox", "hr/a.csv").await.unwrap().unwrap();
        assert_eq!((blob.growth, blob.bytes), (growth, 512), "{headers:?}");
    }
}

#[tokio::test]
async fn a_blob_with_a_key_of_its_owner_is_listed_and_its_metadata_says_why_it_is_blocked() {
    let code = &[("x-ms-error-code", "BlobUsesCustomerSpecifiedEncryption")];
    let blobs = headed(409, code).await;
    let blob = blobs.look("inbox", "hr/a.csv").await.unwrap().unwrap();
    assert_eq!((&*blob.name, blob.growth), ("hr/a.csv", Growth::Appended));
    let error = blobs.open(Content { bytes: 512, ..(&blob).into() }).await.unwrap_err();
    let blocked = crate::http::azure::blocked(&error);
    assert_eq!(blocked.as_deref(), Some("BlobUsesCustomerSpecifiedEncryption"));
}
