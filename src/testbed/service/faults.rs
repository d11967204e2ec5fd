//! The faults of the mock service, and the answers of those that accept no push.

use axum::{
    http::{StatusCode, header},
    response::{AppendHeaders, Html, IntoResponse, Json, Response},
};
use azure_core::Uuid;
use serde_json::json;

/// An error answer, in the words of the service.
pub(super) type ErrorAnswer = (StatusCode, &'static str);

pub(super) const BUSY: ErrorAnswer =
    (StatusCode::BAD_REQUEST, "Previous ingestion is not complete.");

/// A fault in the answer of the service. It accepts no push unless the variant says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceFault {
    /// 200 with a sign-in page, as after the token has expired.
    SignInPage,
    /// 403: the connector does not exist, or belongs to another application.
    Forbidden,
    /// 401.
    Unauthorized,
    /// 404.
    NotFound,
    /// 400: another ingestion has not ended.
    Busy,
    /// 400 for another reason.
    BadRequest,
    /// 429.
    TooManyRequests {
        /// The `Retry-After` header, seconds or a date.
        retry_after: Option<String>,
    },
    /// 503.
    ServiceUnavailable {
        /// The `Retry-After` header, seconds or a date.
        retry_after: Option<String>,
    },
    /// 500.
    InternalError,
    /// 307 to this address.
    Redirect(String),
    /// 200 and JSON whose ids are null.
    NoId,
    /// 200 and incomplete JSON.
    Garbled,
    /// This status, with an empty JSON object.
    Status(u16),
    /// This status with an error body in JSON that has this code and an activity id, and the headers
    /// `x-ms-correlation-id` and `x-ms-activity-id`, as services of Azure answer.
    Refused {
        /// The status.
        status: u16,
        /// The code of the error.
        code: String,
    },
    /// Answers with the error of this fault after this much of the body, does not read the rest, and resets the
    /// connection. A shorter body is read completely and answered without a reset. If the fault has no error
    /// answer, the connection is cut.
    EarlyAnswer {
        /// The least number of bytes read.
        after_bytes: usize,
        /// The fault whose error answer is sent.
        fault: Box<ServiceFault>,
    },
    /// A normal answer, except that its `Status` is this word and its `EndDate` is null.
    StatusWord(String),
    /// A normal answer, except that its `Status` is this word and its `EndDate` is not null.
    EndWord(String),
    /// Handled normally, so a push is accepted, but the connection is cut before the answer.
    AcceptThenCut,
    /// A gateway answers with this status, 502 or 504, and a web page, instead of the service.
    Gateway {
        /// The status.
        status: StatusCode,
        /// Whether the request reached the service, so that a push is accepted.
        reached: bool,
    },
    /// The connection is cut after this much of the body, or all of a shorter one, was read.
    CutMidBody {
        /// The least number of bytes read.
        after_bytes: usize,
    },
    /// Reads this much of the body, then waits until [`Service::release`](super::Service::release) or until the
    /// client disconnects, and then continues normally: a complete body is accepted, an incomplete one is not. A
    /// shorter body is not held. The service notices a disconnect only after it has read all that the client
    /// sent. If that is more than the socket buffers hold, call `release`.
    HoldBody {
        /// The least number of bytes read.
        after_bytes: usize,
    },
    /// Reads the whole request and does not answer until [`Service::release`](super::Service::release) or until the
    /// client disconnects.
    Silent,
}

fn later(status: StatusCode, retry_after: Option<&String>) -> Response {
    let after = retry_after.map(|after| (header::RETRY_AFTER, after.clone()));
    (status, AppendHeaders(after), "Try again later.").into_response()
}

/// The answer of the gateway in front of the service, which sends web pages and has ids of its own.
pub(super) fn gateway_answer(status: StatusCode) -> Response {
    let page =
        format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
    (status, [("x-azure-ref", Uuid::new_v4().to_string())], Html(page)).into_response()
}

fn refusal(status: StatusCode, code: &str) -> Response {
    let (activity, correlation) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let message = format!("The service rejected the request with the code {code}.");
    let error = json!({ "error": { "code": code, "message": message }, "activityId": activity });
    let ids = [("x-ms-correlation-id", correlation), ("x-ms-activity-id", activity)];
    (status, ids, Json(error)).into_response()
}

fn status_of(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The answer of the faults that accept no push.
pub(super) fn error_answer(fault: &ServiceFault) -> Option<Response> {
    Some(match fault {
        ServiceFault::SignInPage => {
            Html("<html><title>Sign in to your account</title></html>").into_response()
        }
        ServiceFault::Forbidden => {
            (StatusCode::FORBIDDEN, "The connector is not set up.").into_response()
        }
        ServiceFault::Unauthorized => {
            (StatusCode::UNAUTHORIZED, "The token is not valid.").into_response()
        }
        ServiceFault::NotFound => (StatusCode::NOT_FOUND, "Not found.").into_response(),
        ServiceFault::Busy => BUSY.into_response(),
        ServiceFault::BadRequest => {
            (StatusCode::BAD_REQUEST, "The request is not valid.").into_response()
        }
        ServiceFault::TooManyRequests { retry_after } => {
            later(StatusCode::TOO_MANY_REQUESTS, retry_after.as_ref())
        }
        ServiceFault::ServiceUnavailable { retry_after } => {
            later(StatusCode::SERVICE_UNAVAILABLE, retry_after.as_ref())
        }
        ServiceFault::InternalError => {
            (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong.").into_response()
        }
        ServiceFault::Redirect(to) => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to.clone())]).into_response()
        }
        ServiceFault::NoId => {
            Json(json!({ "FriendlyName": "Data ingress", "Id": null, "ConnectorId": null }))
                .into_response()
        }
        ServiceFault::Garbled => {
            ([(header::CONTENT_TYPE, "application/json")], "{\"Id\":").into_response()
        }
        ServiceFault::Gateway { status, reached: false } => gateway_answer(*status),
        ServiceFault::Status(status) => (status_of(*status), Json(json!({}))).into_response(),
        ServiceFault::Refused { status, code } => refusal(status_of(*status), code),
        ServiceFault::EarlyAnswer { fault, .. } => return error_answer(fault),
        ServiceFault::StatusWord(_)
        | ServiceFault::EndWord(_)
        | ServiceFault::AcceptThenCut
        | ServiceFault::Gateway { reached: true, .. }
        | ServiceFault::CutMidBody { .. }
        | ServiceFault::HoldBody { .. }
        | ServiceFault::Silent => return None,
    })
}
