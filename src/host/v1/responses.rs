//! What every operation may answer beside its result.

use utoipa::IntoResponses;

use crate::api::Problem;

/// As the client has it (`If-None-Match`).
#[derive(IntoResponses)]
#[response(status = 304)]
pub(super) struct NotModified;

/// Why a request was not served; `code` says it.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "they are described, and made elsewhere")]
pub(super) enum Problems {
    /// A parameter or the body is wrong.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// A page of a browser asks.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// It does not apply as things stand.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The body is not JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(Problem),
    /// The program failed.
    #[response(status = 500, content_type = "application/problem+json")]
    InternalError(Problem),
    /// Storage failed or did not answer.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}
