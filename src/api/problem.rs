//! The problem details of RFC 9457: why a request failed.

use serde::Serialize;
use strum::{AsRefStr, VariantArray};
use utoipa::ToSchema;

/// Why a request failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// The kind of the problem, for programs: `urn:viva-import:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:viva-import:problem:importNotFound")]
    pub kind: String,
    /// The kind in a few words.
    pub title: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// What is wrong with this request.
    pub detail: String,
    /// The kind in one word.
    pub code: ProblemCode,
}

/// The kinds of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsRefStr, VariantArray, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum ProblemCode {
    /// A parameter is unknown, occurs twice or has an invalid value.
    InvalidParameter,
    /// The body is not the JSON object of the operation.
    InvalidBody,
    /// The request comes from a web page.
    ForeignOrigin,
    /// The path does not exist.
    PathNotFound,
    /// The import does not exist.
    ImportNotFound,
    /// The import has no report.
    ReportNotFound,
    /// The connection does not exist.
    ConnectionNotFound,
    /// The path supports GET and not POST, or POST and not GET.
    MethodNotAllowed,
    /// The action does not apply to the current state.
    Conflict,
    /// The body is too large.
    BodyTooLarge,
    /// The body is not `application/json`.
    UnsupportedMediaType,
    /// The program failed.
    InternalError,
    /// Storage failed or did not answer.
    StorageUnavailable,
}

impl ProblemCode {
    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidParameter | Self::InvalidBody => 400,
            Self::ForeignOrigin => 403,
            Self::PathNotFound
            | Self::ImportNotFound
            | Self::ReportNotFound
            | Self::ConnectionNotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::BodyTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::InternalError => 500,
            Self::StorageUnavailable => 503,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::InvalidParameter => "Invalid parameter",
            Self::InvalidBody => "Invalid body",
            Self::ForeignOrigin => "Foreign origin",
            Self::PathNotFound => "Path not found",
            Self::ImportNotFound => "Import not found",
            Self::ReportNotFound => "Report not found",
            Self::ConnectionNotFound => "Connection not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::Conflict => "Conflict",
            Self::BodyTooLarge => "Body too large",
            Self::UnsupportedMediaType => "Unsupported media type",
            Self::InternalError => "Internal error",
            Self::StorageUnavailable => "Storage unavailable",
        }
    }
}

impl Problem {
    /// A problem of this kind.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:viva-import:problem:{}", code.as_ref()),
            title: code.title(),
            status: code.status(),
            detail: detail.into(),
            code,
        }
    }
}
