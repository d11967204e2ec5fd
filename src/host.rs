//! The HTTP server for the Azure Functions host: the custom-handler contract.
//!
//! The host starts this program, requests `GET /` until it gets an answer, and then posts each invocation
//! to `/<function>`, JSON in and JSON out. The answer decides whether a queue message is deleted, so the
//! rules are strict:
//! - a success is always 200 with a JSON object; on an empty 2xx body the host hangs for ever;
//! - a failure is always 500; the host reads only the status;
//! - `intake` succeeds only after the file is in the table, or its event is in the queue again;
//! - `step` succeeds whatever happened to its import: the row says what is due next.
//!
//! Source: the host's own code, `DefaultHttpWorkerService` of Azure/azure-functions-host.

use std::{future::ready, sync::Arc};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, StatusCode, header::USER_AGENT},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    doctor::Doctor,
    engine::{self, Engine, Timer},
    http::azure::sentence,
    messages,
};

mod actions;
mod event_grid;
mod intake;
mod overview;
mod pages;
mod process;
mod request;
mod step;
mod v1;

pub use self::process::{listen, orphaned};

/// The functions and their routes; a test compares them with the folders of `function/`.
pub const FUNCTIONS: [&str; 11] = [
    "intake", "step", "schedule", "sweep", "advance", "query", "command", "status", "console",
    "signedin", "health",
];

/// Far more than a queue message can hold, even if it is encoded several times.
const MAX_BODY_BYTES: usize = 16 << 20;

/// The state of the routes.
#[derive(Clone)]
struct App {
    engine: Arc<Engine>,
    doctor: Arc<Doctor>,
}

/// Serves the host on `listener`, until the process is killed or gets SIGTERM: then it accepts no more requests and
/// returns when the running ones have ended.
///
/// # Errors
/// The listener failed.
pub async fn serve(
    listener: TcpListener,
    engine: Arc<Engine>,
    doctor: Arc<Doctor>,
) -> std::io::Result<()> {
    let app = App { engine: engine.clone(), doctor };
    let routes = routes(engine).merge(pages::routes(app)).layer(middleware::from_fn(numbered));
    axum::serve(listener, routes).with_graceful_shutdown(process::terminated()).await
}

/// Serves a request with the host's invocation id, which the log lines then contain.
async fn numbered(request: Request, next: Next) -> Response {
    let id = request.headers().get(INVOCATION_ID).and_then(|id| id.to_str().ok());
    match id
        .map(str::to_owned)
        .filter(|id| id.len() <= 64 && id.bytes().all(|it| it.is_ascii_graphic()))
    {
        Some(id) => engine::within(id, next.run(request)).await,
        None => next.run(request).await,
    }
}

/// Logs as what the host runs this invocation: Microsoft's support asks for it.
async fn announced(State(engine): State<Arc<Engine>>, request: Request, next: Next) -> Response {
    let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    engine.note_invocation(request.uri().path().trim_start_matches('/'), agent);
    next.run(request).await
}

/// Source: `DefaultHttpWorkerService` of the host.
const INVOCATION_ID: HeaderName = HeaderName::from_static("x-azure-functions-invocationid");

fn routes(engine: Arc<Engine>) -> Router {
    Router::new()
        .route("/intake", post(intake::intake))
        .route("/schedule", post(|engine| sweep(engine, Timer::SCHEDULE)))
        .route("/sweep", post(|engine| sweep(engine, Timer::SWEEP)))
        .route("/step", post(step::step))
        .route("/advance", post(advance))
        .route_layer(middleware::from_fn_with_state(engine.clone(), announced))
        .route("/", get(|| ready(Json(json!({ "program": "viva-import" })))))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(engine)
}

/// The weekly timer and the hourly one: both receive what is in the poison queue, and find files without an event.
async fn sweep(State(engine): State<Arc<Engine>>, timer: Timer) -> Response {
    // The files are found without the messages, too.
    if let Err(error) = intake::take_up_poison(&engine).await {
        engine::poison_failed(&format!("Could not receive messages: {}", sentence(&error)));
    }
    let swept = async {
        let found = engine.sweep().await?;
        engine.note_timer(timer).await.map(|()| found)
    };
    match swept.await {
        Ok(found) => success(&[messages::swept(found)]),
        Err(error) => failure(&format!("The sweep failed: {}", sentence(&error))),
    }
}

/// The timer that repairs what messages have lost.
async fn advance(State(engine): State<Arc<Engine>>) -> Response {
    let advanced = async {
        let sent = engine.advance().await?;
        engine.note_timer(Timer::ADVANCE).await.map(|()| sent)
    };
    match Box::pin(advanced).await {
        Ok(sent) => success(&[format!("Messages sent for overdue steps: {sent}")]),
        Err(error) => failure(&format!("Could not advance the imports: {}", sentence(&error))),
    }
}

fn success(logs: &[String]) -> Response {
    Json(json!({ "Outputs": {}, "Logs": logs, "ReturnValue": null })).into_response()
}

fn failure(why: &str) -> Response {
    tracing::error!("{why}");
    (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": why }))).into_response()
}
