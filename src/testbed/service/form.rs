//! The body of a push: a form with a file, or rows without a zip.

use axum::{
    body::Body,
    extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request},
    http::header,
};
use bytes::Bytes;

use crate::schema::PayloadFormat;

/// The file in the body of a push: the first part of a form that has a file name, whatever its name is, or the
/// body itself if it consists of rows.
pub(super) struct FilePart {
    pub(super) name: String,
    pub(super) file_name: String,
    pub(super) upload: PayloadFormat,
    pub(super) zip: Bytes,
}

impl FilePart {
    /// Finds the file in the body of a push; `None` if the form is not well formed up to the end of the part.
    pub(super) async fn find(content_type: &str, body: Bytes) -> Option<Self> {
        for upload in [PayloadFormat::Csv, PayloadFormat::Json] {
            if essence(content_type).eq_ignore_ascii_case(upload.media_type()) {
                let (name, file_name) = (String::new(), String::new());
                return Some(Self { name, file_name, upload, zip: body });
            }
        }
        let mut request = Request::builder()
            .header(header::CONTENT_TYPE, content_type)
            .body(Body::from(body))
            .ok()?;
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

/// A media type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}
