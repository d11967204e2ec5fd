//! The HTTP part: the paths, the check of the token, the file in a push, the form of the answers, and the cut of a
//! connection before an answer.

use std::{io, net::Shutdown, sync::Arc};

use axum::{
    body::Body,
    extract::{
        ConnectInfo, DefaultBodyLimit, FromRequest as _, Multipart, Request, State,
        connect_info::Connected,
    },
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{AppendHeaders, Html, IntoResponse, Json, Response},
    serve::{IncomingStream, Listener},
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::format_description};
use tokio::{
    io::Interest,
    net::{TcpListener, TcpStream},
};

use super::{
    Call, Ingestion, Seen, ServiceFault,
    state::{FilePart, Shared},
    zip_check,
};
use crate::schema::PayloadFormat;

/// An error answer, in the words of the service.
type ErrorAnswer = (StatusCode, &'static str);

const BUSY: ErrorAnswer = (StatusCode::BAD_REQUEST, "Previous ingestion is not complete.");
const CONNECTOR_ID: &str = "00000000-0000-4000-8000-0000000000c0";

/// Answers one request.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Response {
    // A separate task, not that of the connection: a request that has arrived completely counts, even if the
    // client has disconnected.
    let answered = tokio::spawn(async move { shared.handle(&connection, request).await });
    answered.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// The call in a path.
struct Requested {
    call: Call,
    tenant: String,
    connector: &'static str,
    id: String,
}

impl Requested {
    /// Reads method and path. The case of letters is ignored, because the documentation mixes it.
    fn read(head: &Parts, older_paths: bool) -> Option<Self> {
        let path = head.uri.path().to_ascii_lowercase();
        let parts: Vec<&str> = path.strip_prefix("/v1.0/")?.split('/').collect();
        let method = head.method.as_str();
        let (tenant, rest) = match parts.as_slice() {
            // The path of the scale unit contains no connector.
            ["tenants", t, "scopes", s, "scaleunit"] if t == s => (t, &["scaleunit"][..]),
            ["scopes", t, "ingress", "connectors", rest @ ..] => (t, rest),
            _ => return None,
        };
        let query = head.uri.query().unwrap_or_default().to_ascii_lowercase();
        let (call, connector, id) = match (method, rest, older_paths) {
            ("GET", ["scaleunit"], _) => (Call::ScaleUnit, "hr", ""),
            ("GET", ["status"], true) => (Call::Ping, query.strip_prefix("connectortype=")?, ""),
            ("GET", [connector], false) => (Call::Ping, *connector, ""),
            ("POST", [connector, "ingestions", "fileingestion"], _) => (Call::Push, *connector, ""),
            ("GET", [connector, "ingestions", "fileingestion", id], false)
            | ("GET", [connector, "ingestions", id], true) => (Call::Status, *connector, *id),
            ("GET", [connector, "ingestions", id, "errors"], false)
            | ("GET", [connector, "ingestions", "fileingestion", id, "errors"], true) => {
                (Call::Errors, *connector, *id)
            }
            _ => return None,
        };
        let connector = match connector {
            "hr" => "HR",
            "survey" => "Survey",
            _ => return None,
        };
        Some(Self { call, tenant: (*tenant).into(), connector, id: id.into() })
    }
}

impl Shared {
    async fn handle(&self, connection: &Connection, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let requested = Requested::read(&head, self.rules.older_paths);
        self.open.send_modify(|open| *open += 1);
        let (number, fault) =
            self.record(&head, requested.as_ref().map(|requested| requested.call));
        let answer = self.answer(connection, requested, fault.as_ref(), &head.headers, body).await;
        if let (Some(answer), Some(seen)) = (&answer, self.book().seen.get_mut(number)) {
            seen.status = Some(answer.status().as_u16());
        }
        self.open.send_modify(|open| *open -= 1);
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
            status: None,
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
        fault: Option<&ServiceFault>,
        headers: &HeaderMap,
        body: Body,
    ) -> Option<Response> {
        // The body is read before an error answer, because an earlier answer could be lost in a reset.
        let body = self.read(connection, fault, body).await?;
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
            Some(ServiceFault::Gateway { status, .. }) => Some(status.into_response()),
            _ => Some(answer),
        }
    }

    async fn read(
        &self,
        connection: &Connection,
        fault: Option<&ServiceFault>,
        body: Body,
    ) -> Option<Bytes> {
        let (mut hold, mut cut) = (None, None);
        if let Some(ServiceFault::HoldBody { after_bytes }) = fault {
            hold = Some(*after_bytes);
        } else if let Some(ServiceFault::CutMidBody { after_bytes }) = fault {
            cut = Some(*after_bytes);
        }
        let mut bytes = BytesMut::new();
        let mut stream = body.into_data_stream();
        loop {
            if cut.is_some_and(|after| bytes.len() >= after) {
                return None;
            }
            if hold.take_if(|after| bytes.len() >= *after).is_some() {
                self.hold(connection).await;
            }
            match stream.next().await {
                Some(Ok(chunk)) => bytes.extend_from_slice(&chunk),
                // The client disconnected before it had sent the whole body.
                Some(Err(_)) => return None,
                None => return cut.is_none().then(|| bytes.freeze()),
            }
        }
    }

    /// Waits for [`super::Service::release`], for a disconnect of the client, or for the end of the service.
    async fn hold(&self, connection: &Connection) {
        // Created before `held` changes, so that an immediate release is not missed.
        let released = self.released.notified();
        self.held.send_modify(|held| *held += 1);
        tokio::select! {
            () = released => {}
            _ = connection.disconnected() => {}
            () = self.stop.cancelled() => {}
        }
        self.held.send_modify(|held| *held -= 1);
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
        let mut answer = wire(&ingestion);
        if let Some(ServiceFault::StatusWord(word)) = fault {
            answer["Status"] = json!(word);
        }
        Ok(Json(answer).into_response())
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

/// The token of the `Authorization` header. `Authentication` in the documentation is a typing error.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn later(status: StatusCode, retry_after: Option<&String>) -> Response {
    let after = retry_after.map(|after| (header::RETRY_AFTER, after.clone()));
    (status, AppendHeaders(after), "Try again later.").into_response()
}

/// The answer of the faults that accept no push.
fn error_answer(fault: &ServiceFault) -> Option<Response> {
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
        ServiceFault::Gateway { status, reached: false } => status.into_response(),
        ServiceFault::StatusWord(_)
        | ServiceFault::AcceptThenCut
        | ServiceFault::Gateway { reached: true, .. }
        | ServiceFault::CutMidBody { .. }
        | ServiceFault::HoldBody { .. }
        | ServiceFault::Silent => return None,
    })
}

/// An ingestion as the service writes it.
fn wire(ingestion: &Ingestion) -> Value {
    let failed = ingestion.status == "ValidationFailed";
    json!({
        "FriendlyName": "Data ingress",
        "Id": ingestion.id,
        "ConnectorId": CONNECTOR_ID,
        "Submitter": "System",
        "StartDate": stamp(ingestion.started),
        "Status": ingestion.status,
        "ErrorDetail": failed.then_some("The file failed validation."),
        "EndDate": ingestion.ended.map(stamp),
        "Type": "FileIngestion",
    })
}

fn stamp(at: OffsetDateTime) -> String {
    let ticks =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]Z");
    at.format(ticks).unwrap_or_default()
}

impl FilePart {
    /// Finds the file in the body of a push; `None` if the form is not well formed up to the end of the part.
    async fn find(content_type: &str, body: Bytes) -> Option<Self> {
        for upload in [PayloadFormat::Csv, PayloadFormat::Json] {
            if content_type == upload.media_type() {
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

/// A second handle of a connection, to cut or monitor it outside HTTP.
#[derive(Debug, Clone)]
pub(super) struct Connection(Arc<std::net::TcpStream>);

impl Connection {
    /// Ends the connection. A later answer does not reach the client.
    pub(super) fn cut(&self) {
        // This fails only if the client has already closed it.
        let _ = self.0.shutdown(Shutdown::Both);
    }

    /// Waits until the client has disconnected, without reading what it sent before.
    pub(super) async fn disconnected(&self) -> io::Result<()> {
        let stream = TcpStream::from_std(self.0.try_clone()?)?;
        while !stream.ready(Interest::READABLE).await?.is_read_closed() {
            // Only after a "would block" does the next `ready` wait for a change.
            let _ = stream
                .try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
        }
        Ok(())
    }
}

/// A listener that provides the second handle of each connection instead of the address of the client.
pub(super) struct Connections(pub(super) TcpListener);

impl Listener for Connections {
    type Io = TcpStream;
    type Addr = Connection;

    async fn accept(&mut self) -> (TcpStream, Connection) {
        loop {
            let (stream, _) = Listener::accept(&mut self.0).await;
            if let Ok(pair) = doubled(stream) {
                return pair;
            }
        }
    }

    fn local_addr(&self) -> io::Result<Connection> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn doubled(stream: TcpStream) -> io::Result<(TcpStream, Connection)> {
    let stream = stream.into_std()?;
    let second = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, Connection(Arc::new(second))))
}

impl Connected<IncomingStream<'_, Connections>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        stream.remote_addr().clone()
    }
}
