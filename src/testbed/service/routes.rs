//! The HTTP part: the check of the token, and the answer to each call.

use std::{future::pending, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Json, Response},
};
use azure_core::Uuid;
use bytes::Bytes;
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};

use super::{
    Call, Ingestion, Seen, ServiceFault,
    body::Arrival,
    connection::Connection,
    faults::{BUSY, ErrorAnswer, error_answer, gateway_answer},
    form::FilePart,
    paths::Requested,
    state::Shared,
    zip_check,
};
use crate::schema::PayloadFormat;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");
const CONNECTOR_ID: &str = "00000000-0000-4000-8000-0000000000c0";

/// Answers one request.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Response {
    // A separate task, not that of the connection: a request that has arrived completely counts, even if the
    // client has disconnected.
    let answered = tokio::spawn(shared.handle(connection, request));
    answered.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

impl Shared {
    async fn handle(self: Arc<Self>, connection: Connection, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let requested = Requested::read(&head, self.rules.older_paths);
        let call = requested.as_ref().map(|requested| requested.call);
        let open = Arc::new(Open::new(self.clone()));
        let (number, fault) = self.record(&head, call);
        let client_request_id = head.headers.get(CLIENT_REQUEST_ID).cloned();
        // A task of its own, because the service continues after the gateway has answered.
        let served = tokio::spawn({
            let (open, connection) = (open.clone(), connection.clone());
            async move {
                let answer =
                    open.0.answer(&connection, requested, fault, &head.headers, body).await;
                drop(open);
                answer
            }
        });
        let limit = self.rules.max_push_seconds.filter(|_| call == Some(Call::Push));
        let mut answer = tokio::select! {
            served = served => served.unwrap_or(None),
            () = passed(limit) => Some(gateway_answer(StatusCode::GATEWAY_TIMEOUT)),
        };
        if let Some(answer) = &mut answer {
            let id = Uuid::new_v4().to_string();
            let headers = answer.headers_mut();
            headers.extend(HeaderValue::from_str(&id).map(|id| (REQUEST_ID, id)));
            headers.extend(client_request_id.map(|id| (CLIENT_REQUEST_ID, id)));
            if let Some(seen) = self.book().seen.get_mut(number) {
                seen.status = Some(answer.status().as_u16());
                seen.request_id = Some(id);
            }
        }
        answer.unwrap_or_else(|| {
            connection.cut();
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        })
    }

    /// Records the request and finds its fault.
    fn record(&self, head: &Parts, call: Option<Call>) -> (usize, Option<ServiceFault>) {
        let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        let mut book = self.book();
        book.seen.push(Seen {
            call,
            method: head.method.to_string(),
            path: head.uri.path().into(),
            bearer: bearer(&head.headers).map(Into::into),
            scale_unit: text("x-nova-scaleunit").map(Into::into),
            content_length: text("content-length").and_then(|length| length.parse().ok()),
            client_request_id: text(CLIENT_REQUEST_ID.as_str()).map(Into::into),
            accept: text("accept").map(Into::into),
            status: None,
            request_id: None,
        });
        let queued = book.queued.iter().position(|(of, _)| Some(*of) == call);
        let fault = match queued {
            Some(queued) => Some(book.queued.remove(queued).1),
            None => call.and_then(|call| book.always.get(&call).cloned()),
        };
        (book.seen.len() - 1, fault)
    }

    /// The answer, or `None` if the connection is to be cut.
    async fn answer(
        &self,
        connection: &Connection,
        requested: Option<Requested>,
        fault: Option<ServiceFault>,
        headers: &HeaderMap,
        body: Body,
    ) -> Option<Response> {
        let fault = fault.as_ref();
        // The body is read before an error answer, because an earlier answer could be lost in a reset.
        let body = match self.read(connection, fault, headers, body).await {
            Arrival::Complete(body) => body,
            Arrival::Early(mut answer) => {
                connection.reset_at_end();
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                return Some(answer);
            }
            Arrival::Cut => return None,
        };
        if let Some(answer) = fault.and_then(error_answer) {
            return Some(answer);
        }
        if fault == Some(&ServiceFault::Silent) {
            self.hold(connection).await;
            return None;
        }
        let answer = self.serve(requested, fault, headers, body).await.into_response();
        match fault {
            Some(ServiceFault::AcceptThenCut) => None,
            Some(ServiceFault::Gateway { status, .. }) => Some(gateway_answer(*status)),
            _ => Some(answer),
        }
    }

    fn authorize(&self, call: Call, headers: &HeaderMap) -> Result<(), ErrorAnswer> {
        let token = &self.rules.token;
        if !bearer(headers).is_some_and(|bearer| token.is_empty() || bearer == token) {
            return Err((
                StatusCode::FORBIDDEN,
                "The token in the Authorization header is not accepted.",
            ));
        }
        match (call, headers.get("x-nova-scaleunit")) {
            (Call::ScaleUnit, None) => Ok(()),
            (Call::ScaleUnit, Some(_)) => Err((
                StatusCode::BAD_REQUEST,
                "The request for the scale unit must not name a scale unit.",
            )),
            (_, None) => Err((StatusCode::BAD_REQUEST, "The header x-nova-scaleunit is missing.")),
            (_, Some(unit)) if unit != self.rules.scale_unit.as_str() => {
                Err((StatusCode::NOT_FOUND, "This scale unit does not hold the tenant."))
            }
            (_, Some(_)) => Ok(()),
        }
    }

    async fn serve(
        &self,
        requested: Option<Requested>,
        fault: Option<&ServiceFault>,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response, ErrorAnswer> {
        let requested = requested.ok_or((StatusCode::NOT_FOUND, "There is no such path."))?;
        self.authorize(requested.call, headers)?;
        let unknown = (StatusCode::NOT_FOUND, "No such ingestion.");
        let ingestion = match requested.call {
            Call::ScaleUnit => return Ok(Json(&self.rules.scale_unit).into_response()),
            Call::Ping => return Ok(Json(json!({ "ConnectorId": CONNECTOR_ID })).into_response()),
            Call::Errors => {
                let errors = self.errors(&requested.tenant, &requested.id).ok_or(unknown)?;
                return Ok(errors.into_response());
            }
            Call::Push => self.push(requested, headers, body).await?,
            Call::Status => self.poll(&requested.tenant, &requested.id).ok_or(unknown)?,
        };
        let mut shown = ingestion;
        if let Some(ServiceFault::StatusWord(word) | ServiceFault::EndWord(word)) = fault {
            shown.status.clone_from(word);
        }
        match fault {
            Some(ServiceFault::StatusWord(_)) => shown.ended = None,
            Some(ServiceFault::EndWord(_)) => {
                shown.ended = shown.ended.or_else(|| Some(self.now()));
            }
            _ => {}
        }
        Ok(Json(wire(&shown, &self.rules.error_detail)).into_response())
    }

    async fn push(
        &self,
        requested: Requested,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Ingestion, ErrorAnswer> {
        if !headers.contains_key(header::CONTENT_LENGTH) {
            return Err((StatusCode::LENGTH_REQUIRED, "The header Content-Length is missing."));
        }
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        // As in the README of the samples of Microsoft.
        let no_file = (StatusCode::INTERNAL_SERVER_ERROR, "The form holds no file.");
        let part = FilePart::find(&kind, body).await.ok_or(no_file)?;
        let (upload, file) = (part.upload, part.zip.clone());
        let check = move || match upload {
            PayloadFormat::Zip => zip_check::check_zip(&file, requested.connector),
            PayloadFormat::Csv | PayloadFormat::Json => zip_check::check_rows(&file, upload),
        };
        // Not on an async thread, because the check of a large file takes long.
        let checked = tokio::task::spawn_blocking(check);
        let verdict = checked.await.map_err(|_| no_file)?;
        self.accept(&requested.tenant, requested.connector, part, verdict).ok_or(BUSY)
    }
}

/// Counts a request as open until it is dropped.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: Arc<Shared>) -> Self {
        shared.open.send_modify(|open| *open += 1);
        Self(shared)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open -= 1);
    }
}

/// Waits for this time, or forever.
async fn passed(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => pending().await,
    }
}

/// The token of the `Authorization` header. `Authentication` in the documentation is a typing error.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    // RFC 9110, section 11.1: the scheme has no case.
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim_start_matches(' '))
}

/// An ingestion as the service writes it.
fn wire(ingestion: &Ingestion, error_detail: &str) -> Value {
    let failed = ingestion.status == "ValidationFailed";
    json!({
        "FriendlyName": "Data ingress",
        "Id": ingestion.id,
        "ConnectorId": CONNECTOR_ID,
        "Submitter": "System",
        "StartDate": stamp(ingestion.started),
        "Status": ingestion.status,
        "ErrorDetail": failed.then_some(error_detail),
        "EndDate": ingestion.ended.map(stamp),
        "Type": "FileIngestion",
    })
}

fn stamp(at: OffsetDateTime) -> String {
    let ticks =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]Z");
    at.format(ticks).unwrap_or_default()
}
