//! The file in a push's body: a part of `multipart/form-data`, or the body itself.

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;

use crate::schema::PayloadFormat;

/// The first part that has a file name, whatever the part is called; or rows without a form.
pub(super) struct FilePart {
    pub(super) name: String,
    pub(super) file_name: String,
    pub(super) upload: PayloadFormat,
    pub(super) zip: Bytes,
}

impl FilePart {
    /// Finds it; `None` also for a form that is not well formed up to the part's end.
    pub(super) async fn find(content_type: &str, body: Bytes) -> Option<Self> {
        for upload in [PayloadFormat::Csv, PayloadFormat::Json] {
            if content_type == upload.media_type() {
                let (name, file_name) = (String::new(), String::new());
                return Some(Self { name, file_name, upload, zip: body });
            }
        }
        let mut request =
            Request::builder().header(CONTENT_TYPE, content_type).body(Body::from(body)).ok()?;
        DefaultBodyLimit::disable().apply(&mut request);
        let mut form = Multipart::from_request(request, &()).await.ok()?;
        while let Some(field) = form.next_field().await.ok()? {
            if let Some(file_name) = field.file_name().map(str::to_owned) {
                let name = field.name()?.to_owned();
                let (upload, zip) = (PayloadFormat::Zip, field.bytes().await.ok()?);
                return Some(Self { name, file_name, upload, zip });
            }
        }
        None
    }
}
