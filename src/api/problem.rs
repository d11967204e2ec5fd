//! Why a request was not served: problem details by RFC 9457.

use serde::Serialize;
use strum::{AsRefStr, VariantArray};
use utoipa::ToSchema;

/// Why a request was not served.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// The kind of the problem, for programs: `urn:viva-import:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:viva-import:problem:importNotFound")]
    pub kind: String,
    /// The same in a few words.
    pub title: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// What it is this time.
    pub detail: String,
    /// The kind of the problem, in one word.
    pub code: ProblemCode,
}

/// The kinds of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsRefStr, VariantArray, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum ProblemCode {
    /// A parameter of the query is unknown, stands twice or has a value that it cannot have.
    InvalidParameter,
    /// The body is not the JSON object that the operation takes.
    InvalidBody,
    /// A page of another site asks.
    ForeignOrigin,
    /// There is nothing at this path.
    PathNotFound,
    /// There is no such import.
    ImportNotFound,
    /// The import has no report.
    ReportNotFound,
    /// There is no such connection.
    ConnectionNotFound,
    /// The path takes GET where POST came, or the other way round.
    MethodNotAllowed,
    /// What is asked for does not apply as things stand.
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
            Self::PathNotFound => "Nothing at this path",
            Self::ImportNotFound => "No such import",
            Self::ReportNotFound => "No report",
            Self::ConnectionNotFound => "No such connection",
            Self::MethodNotAllowed => "Method not allowed",
            Self::Conflict => "Does not apply",
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
