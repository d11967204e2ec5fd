//! The `doctor` function: the doctor's lines of one connection, and with POST what waits after a
//! 403 goes on.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode, header::ACCEPT},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;

use super::failure;
use crate::{
    doctor::{Diagnosis, Doctor},
    host::csrf,
    schema::is_connection_name,
};

pub(super) fn door<S: Clone + Send + Sync + 'static>(doctor: Arc<Doctor>) -> Router<S> {
    Router::new().route("/api/doctor/{connection}", get(look).post(mend)).with_state(doctor)
}

/// The name, where the path can be read.
type Name = Result<Path<String>, PathRejection>;

async fn look(doctor: State<Arc<Doctor>>, name: Name, headers: HeaderMap) -> Response {
    examine(doctor, name, &headers, false).await
}

async fn mend(doctor: State<Arc<Doctor>>, name: Name, headers: HeaderMap) -> Response {
    // For programs; people press a button of the status page.
    if !csrf::is_meant(&headers, None, true) {
        let why = "a browser asks for this on the status page";
        return (StatusCode::FORBIDDEN, Json(json!({ "error": why }))).into_response();
    }
    examine(doctor, name, &headers, true).await
}

/// 200 whatever the verdict.
async fn examine(
    State(doctor): State<Arc<Doctor>>,
    name: Name,
    headers: &HeaderMap,
    resume: bool,
) -> Response {
    let Some(Path(name)) = name.ok().filter(|name| is_connection_name(name)) else {
        let why = "no connection can be called so";
        return (StatusCode::NOT_FOUND, Json(json!({ "error": why }))).into_response();
    };
    match examined(doctor, name, resume).await {
        Ok(diagnosis) if wants_text(headers) => diagnosis.text().into_response(),
        Ok(diagnosis) => Json(diagnosis.json()).into_response(),
        Err(broken) => broken,
    }
}

/// Asks the doctor in a task of its own: it puts away what it took out, even where nobody waits any
/// more.
pub(super) async fn examined(
    doctor: Arc<Doctor>,
    name: String,
    resume: bool,
) -> Result<Diagnosis, Response> {
    let examined = tokio::spawn(async move { doctor.examine(&name, resume).await });
    examined.await.map_err(|_| failure("the examination broke off"))
}

/// Whether `Accept` asks for text, and not for JSON.
fn wants_text(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/plain") && !accept.contains("application/json")
}
