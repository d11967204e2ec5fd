//! The door: the Azure Functions custom-handler contract.
//!
//! The host starts this program, asks `GET /` until something answers, and then posts each
//! invocation to `/<function>`, JSON in and JSON out. What it makes of the answer decides whether
//! a queue message is deleted, so the rules are strict here:
//! - a success is always 200 with a JSON object; the host hangs for ever on an empty 2xx body;
//! - a failure is always 500; the host reads nothing of it but the status;
//! - `intake` succeeds only once the file is in the table.
//!
//! Source: the host's own code, `DefaultHttpWorkerService` of Azure/azure-functions-host.

use std::{future::ready, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    doctor::Doctor,
    engine::{self, Engine, IntakeOutcome, Timer},
    http::azure::sentence,
};

mod actions;
mod event_grid;
mod overview;
mod pages;
mod request;
mod v1;

/// The functions and their routes; a test ties them to the folders of `function/`.
pub const FUNCTIONS: [&str; 10] = [
    "intake", "schedule", "sweep", "drive", "query", "command", "status", "console", "signedin",
    "health",
];

/// Far more than a queue message can hold, however often it is encoded.
const MAX_BODY_BYTES: usize = 16 << 20;

/// What the pages are made of.
#[derive(Clone)]
struct App {
    engine: Arc<Engine>,
    doctor: Arc<Doctor>,
}

/// Answers the host on `listener`, until the process is killed: the host sends no other word.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(
    listener: TcpListener,
    engine: Arc<Engine>,
    doctor: Arc<Doctor>,
) -> std::io::Result<()> {
    let app = App { engine: engine.clone(), doctor };
    let doors = door(engine).merge(pages::door(app)).layer(middleware::from_fn(numbered));
    axum::serve(listener, doors).await
}

/// Serves a request under the host's id of its invocation, which the log then names.
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

/// Source: `DefaultHttpWorkerService` of the host.
const INVOCATION_ID: HeaderName = HeaderName::from_static("x-azure-functions-invocationid");

fn door(engine: Arc<Engine>) -> Router {
    Router::new()
        .route("/", get(|| ready(Json(json!({ "program": "viva-import" })))))
        .route("/intake", post(intake))
        .route("/schedule", post(|engine| sweep(engine, Timer::SCHEDULE)))
        .route("/sweep", post(|engine| sweep(engine, Timer::SWEEP)))
        .route("/drive", post(drive))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(engine)
}

/// A queue message that Event Grid put there: a blob was created.
async fn intake(State(engine): State<Arc<Engine>>, body: Bytes) -> Response {
    let blobs = match event_grid::decode(&body) {
        Ok(blobs) => blobs,
        // The host tries again and then moves the message to the poison queue, where it is kept.
        Err(error) => return failure(&format!("a message of the arrivals queue {error}")),
    };
    let mut logs = vec![];
    for blob in blobs {
        let arrival = match blob.arrive(&engine).await {
            Ok(arrival) => arrival,
            Err(error) => {
                let why = format!("{blob} could not be taken in: {}", sentence(&error));
                return failure(&why);
            }
        };
        logs.push(arrival.to_string());
        match arrival {
            IntakeOutcome::Ignored(why) | IntakeOutcome::Gone(why) => {
                engine::ignored(&why);
            }
            // The row is written: what fails from here on is driven again by the timer.
            IntakeOutcome::Received(id) | IntakeOutcome::Known(id) => {
                if let Err(error) = engine.follow(&id).await {
                    tracing::warn!("{blob}: the next step is tried later: {}", sentence(&error));
                }
            }
        }
    }
    success(&logs)
}

/// The weekly timer and the hourly one: both find what no event told of.
async fn sweep(State(engine): State<Arc<Engine>>, timer: Timer) -> Response {
    let swept = async {
        let found = engine.sweep().await?;
        engine.note_timer(timer).await.map(|()| found)
    };
    match swept.await {
        Ok(found) => success(&[format!("{found} files found that no event told of")]),
        Err(error) => failure(&format!("looking for files: {}", sentence(&error))),
    }
}

/// The minute timer.
async fn drive(State(engine): State<Arc<Engine>>) -> Response {
    let driven = async {
        let moved = engine.drive().await?;
        engine.note_timer(Timer::DRIVE).await.map(|()| moved)
    };
    match driven.await {
        Ok(moved) => success(&[format!("{moved} imports moved")]),
        Err(error) => failure(&format!("looking for due imports: {}", sentence(&error))),
    }
}

fn success(logs: &[String]) -> Response {
    Json(json!({ "Outputs": {}, "Logs": logs, "ReturnValue": null })).into_response()
}

fn failure(why: &str) -> Response {
    tracing::error!("{why}");
    (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": why }))).into_response()
}
