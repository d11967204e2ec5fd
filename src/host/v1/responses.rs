//! The answers that every operation can give besides its result.

use utoipa::IntoResponses;

use crate::api::Problem;

/// Unchanged since the client's copy (`If-None-Match`).
#[derive(IntoResponses)]
#[response(status = 304)]
pub(super) struct NotModified;

/// Why a request failed; see `code`.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "they are described, and made elsewhere")]
pub(super) enum Problems {
    /// A parameter or the body is invalid.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// The request comes from a web page.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// The resource does not exist.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// The action does not apply to the current state.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The body is not `application/json`.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(Problem),
    /// The program failed.
    #[response(status = 500, content_type = "application/problem+json")]
    InternalError(Problem),
    /// Storage failed or did not answer.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}
