//! The file in a `multipart/form-data` body.

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;

/// The first part that has a file name, whatever the part is called.
pub(super) struct FilePart {
    pub(super) name: String,
    pub(super) file_name: String,
    pub(super) zip: Bytes,
}

impl FilePart {
    /// Finds it; `None` also for a form that is not well formed up to the part's end.
    pub(super) async fn find(content_type: &str, body: Bytes) -> Option<Self> {
        let mut request =
            Request::builder().header(CONTENT_TYPE, content_type).body(Body::from(body)).ok()?;
        DefaultBodyLimit::disable().apply(&mut request);
        let mut form = Multipart::from_request(request, &()).await.ok()?;
        while let Some(field) = form.next_field().await.ok()? {
            if let Some(file_name) = field.file_name().map(str::to_owned) {
                let name = field.name()?.to_owned();
                return Some(Self { name, file_name, zip: field.bytes().await.ok()? });
            }
        }
        None
    }
}
