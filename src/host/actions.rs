//! What persons ask for on the status page, and programs of the doctor.

use std::{future::Future, pin::Pin, sync::Arc};

use axum::{
    Form, Json, Router,
    extract::{
        Path, State,
        rejection::{FormRejection, PathRejection},
    },
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT, LOCATION},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use serde_json::json;

use super::{
    App, failure,
    request::{self, Visit},
};
use crate::{
    doctor::{Diagnosis, Doctor},
    engine::Actor,
    http::azure::sentence,
    import,
    outcome::CommandError,
    schema::is_connection_name,
};

/// What a form asks for.
#[derive(Debug, Deserialize)]
pub(super) struct ActionForm {
    #[serde(rename = "do", default)]
    what: String,
    connection: Option<String>,
    token: Option<String>,
}

pub(super) type SubmittedForm = Result<Form<ActionForm>, FormRejection>;

pub(super) async fn ask_for_connection(
    State(app): State<App>,
    visit: Visit,
    action: SubmittedForm,
) -> Response {
    ask(&app, visit, action, None).await
}

pub(super) async fn ask_for_import(
    State(app): State<App>,
    Path(key): Path<String>,
    visit: Visit,
    action: SubmittedForm,
) -> Response {
    ask(&app, visit, action, Some(&key)).await
}

/// Does what a form asks for, if it is one of ours.
async fn ask(app: &App, visit: Visit, action: SubmittedForm, key: Option<&str>) -> Response {
    let Ok(Form(action)) = action else {
        return visit.not_understood("the request holds no form with `do` in it");
    };
    if let Err(why) = visit.is_meant(action.token.as_deref()) {
        return visit.trouble(StatusCode::FORBIDDEN, "Not done", why);
    }
    let connection = action.connection.as_deref().filter(|name| is_connection_name(name));
    if action.what == "doctor" {
        let Some(name) = connection.map(str::to_owned) else {
            return visit.not_understood("the form names no connection");
        };
        tracing::info!("connection {name}: examined {}", visit.by);
        return diagnosis_page(app, visit, name).await;
    }
    let granted = granted(app, &visit.by, &action.what, connection, key).await;
    if matches!(granted, Some(Ok(_))) {
        take_steps(app, &action.what, key);
    }
    match granted {
        None => {
            let why = "there is no such action: allow, retry, cancel for an import, and resume, \
                       import, doctor for a connection";
            visit.not_understood(why)
        }
        Some(Ok(done)) if !visit.wants_html => Json(json!({ "done": done })).into_response(),
        // The page is asked for anew, so that to load it again asks for nothing once more.
        Some(Ok(_)) => {
            let location = visit.viewer.links.after(&action.what);
            (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
        }
        Some(Err(CommandError::Refused(why))) if visit.wants_html => {
            visit.trouble(StatusCode::CONFLICT, "Not done", &why)
        }
        Some(Err(CommandError::Refused(why))) => {
            (StatusCode::CONFLICT, Json(json!({ "refused": why }))).into_response()
        }
        Some(Err(CommandError::Failed(why))) => {
            visit.trouble(StatusCode::INTERNAL_SERVER_ERROR, "Not done", &why)
        }
    }
}

/// What came of an action; `None` where there is no such action.
async fn granted(
    app: &App,
    by: &Actor,
    what: &str,
    connection: Option<&str>,
    key: Option<&str>,
) -> Option<Result<String, CommandError>> {
    let engine = &app.engine;
    let granting: Pin<Box<dyn Future<Output = _> + Send>> = match (what, connection, key) {
        ("approve", _, Some(key)) => {
            Box::pin(engine.grant(key, import::OperatorAction::Approve, by))
        }
        ("retry", _, Some(key)) => Box::pin(engine.grant(key, import::OperatorAction::Retry, by)),
        ("cancel", _, Some(key)) => Box::pin(engine.grant(key, import::OperatorAction::Cancel, by)),
        ("resume", Some(name), _) => Box::pin(engine.resume(name, by)),
        ("import", Some(name), _) => Box::pin(import_now(app, name, by)),
        _ => return None,
    };
    Some(granting.await)
}

/// Takes the steps that an action has made due, without anybody waiting. Where it fails, or the process
/// ends, the timer does the same within a minute.
fn take_steps(app: &App, what: &str, key: Option<&str>) {
    let (engine, key) = (app.engine.clone(), key.map(str::to_owned));
    let is_of_import = ["approve", "retry"].contains(&what);
    if !is_of_import && what != "import" {
        return;
    }
    tokio::spawn(async move {
        let taken = match key.filter(|_| is_of_import) {
            Some(key) => match engine.find(&key).await {
                Ok(stored) => Box::pin(engine.follow(&stored.import.id)).await,
                Err(_) => Ok(()),
            },
            None => Box::pin(engine.drive()).await.map(drop),
        };
        if let Err(error) = taken {
            tracing::warn!("the next steps are tried later: {}", sentence(&error));
        }
    });
}

/// Looks for files that no event told of.
async fn import_now(app: &App, connection: &str, by: &Actor) -> Result<String, CommandError> {
    tracing::info!("connection {connection}: looked for files {by}");
    let found = app.engine.sweep_one(connection).await;
    let found =
        found.map_err(|error| CommandError::Failed(format!("storage: {}", sentence(&error))))?;
    Ok(format!("{found} files found that no event told of"))
}

async fn diagnosis_page(app: &App, visit: Visit, name: String) -> Response {
    match examined(app.doctor.clone(), name, false).await {
        Ok(diagnosis) if visit.wants_html => {
            let page = visit.viewer.diagnosis(diagnosis);
            visit.page(&page)
        }
        Ok(diagnosis) => Json(diagnosis.json()).into_response(),
        Err(broken) => broken,
    }
}

/// Diagnosis of a connection, for programs.
pub(super) fn doctor_routes<S: Clone + Send + Sync + 'static>(doctor: Arc<Doctor>) -> Router<S> {
    Router::new()
        .route("/api/doctor/{connection}", get(diagnose).post(diagnose_and_resume))
        .with_state(doctor)
}

/// The name, where the path can be read.
type Name = Result<Path<String>, PathRejection>;

async fn diagnose(doctor: State<Arc<Doctor>>, name: Name, headers: HeaderMap) -> Response {
    diagnosis_for_programs(doctor, name, &headers, false).await
}

async fn diagnose_and_resume(
    doctor: State<Arc<Doctor>>,
    name: Name,
    headers: HeaderMap,
) -> Response {
    // For programs; people press a button of the status page.
    if request::is_of_browser(&headers) {
        let why = "a browser asks for this on the status page";
        return (StatusCode::FORBIDDEN, Json(json!({ "error": why }))).into_response();
    }
    diagnosis_for_programs(doctor, name, &headers, true).await
}

/// 200 whatever the verdict.
async fn diagnosis_for_programs(
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
async fn examined(doctor: Arc<Doctor>, name: String, resume: bool) -> Result<Diagnosis, Response> {
    let examined = tokio::spawn(async move { doctor.examine(&name, resume).await });
    examined.await.map_err(|_| failure("the examination broke off"))
}

/// Whether `Accept` asks for text, and not for JSON.
fn wants_text(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/plain") && !accept.contains("application/json")
}
