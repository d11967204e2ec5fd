//! What people ask for, by a form or by the API, and how it is done.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Path, State, rejection::FormRejection},
    http::{StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use strum::{EnumString, VariantNames};

use super::{App, failure, request::Visit};
use crate::{
    doctor::{Diagnosis, Doctor},
    engine::{self, Actor, Engine},
    http::azure::sentence,
    import::OperatorAction,
    outcome::CommandError,
    schema::is_connection_name,
};

/// What can be asked of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "camelCase")]
pub(super) enum ConnectionAction {
    /// It goes on.
    Resume,
    /// Its inbox is looked through.
    Sweep,
    /// The doctor looks at it.
    Diagnose,
}

/// What a form asks for.
#[derive(Debug, Deserialize)]
pub(super) struct ActionForm {
    #[serde(default)]
    action: String,
    connection: Option<String>,
    token: Option<String>,
}

pub(super) type SubmittedForm = Result<Form<ActionForm>, FormRejection>;

pub(super) async fn ask_for_connection(
    State(app): State<App>,
    visit: Visit,
    form: SubmittedForm,
) -> Response {
    ask(&app, visit, form, None).await
}

pub(super) async fn ask_for_import(
    State(app): State<App>,
    Path(key): Path<String>,
    visit: Visit,
    form: SubmittedForm,
) -> Response {
    ask(&app, visit, form, Some(&key)).await
}

/// Does what a form asks for, if it is one of ours.
async fn ask(app: &App, visit: Visit, form: SubmittedForm, key: Option<&str>) -> Response {
    let Ok(Form(form)) = form else {
        return visit.not_understood("the request holds no form with `action` in it");
    };
    if let Err(why) = visit.is_meant(form.token.as_deref()) {
        return visit.trouble(StatusCode::FORBIDDEN, "Not done", why);
    }
    let connection = form.connection.as_deref().filter(|name| is_connection_name(name));
    let done = match (form.action.parse(), form.action.parse(), key, connection) {
        // What is no action of the first kind may be one of the second: both know `resume`, an import's is that
        // of its connection.
        (_, Ok(ConnectionAction::Resume), _, Some(name)) => {
            Box::pin(app.engine.resume(name, &visit.by)).await
        }
        (_, Ok(ConnectionAction::Sweep), _, Some(name)) => {
            sweep(&app.engine, name, &visit.by).await
        }
        (_, Ok(ConnectionAction::Diagnose), _, Some(name)) => {
            return match diagnosis(app.doctor.clone(), name, false, &visit.by).await {
                Some(diagnosis) => {
                    let page = visit.viewer.diagnosis(diagnosis);
                    visit.page(&page)
                }
                None => failure("the examination broke off"),
            };
        }
        (Ok(action), Err(_), Some(key), _) => on_import(&app.engine, key, action, &visit.by).await,
        (Ok(_), Err(_), None, _) => {
            return visit.not_understood("this is asked for on the page of an import");
        }
        (_, Ok(_), _, None) => return visit.not_understood("the form names no connection"),
        (Err(_), Err(_), _, _) => {
            let known = [OperatorAction::VARIANTS, ConnectionAction::VARIANTS].concat().join(", ");
            return visit.not_understood(&format!("there is no such action; there are {known}"));
        }
    };
    match done {
        // The page is asked for anew, so that to load it again asks for nothing once more.
        Ok(_) => {
            let location = visit.viewer.links.after(&form.action);
            (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
        }
        Err(CommandError::Refused(why)) => visit.trouble(StatusCode::CONFLICT, "Not done", &why),
        Err(CommandError::Failed(why)) => {
            visit.trouble(StatusCode::INTERNAL_SERVER_ERROR, "Not done", &why)
        }
    }
}

/// Does what is asked for with an import, and takes the steps that this has made due.
///
/// # Errors
/// Storage failed, or the import does not take the action.
pub(super) async fn on_import(
    engine: &Arc<Engine>,
    key: &str,
    action: OperatorAction,
    by: &Actor,
) -> Result<String, CommandError> {
    let done = Box::pin(engine.grant(key, action, by)).await?;
    if action != OperatorAction::Cancel
        && let Ok(stored) = engine.find(key).await
    {
        let engine = engine.clone();
        take_steps(async move { Box::pin(engine.follow(&stored.import.id)).await });
    }
    Ok(done)
}

/// Looks for files of a connection that no event told of, and takes them up.
///
/// # Errors
/// Storage failed.
pub(super) async fn sweep(
    engine: &Arc<Engine>,
    connection: &str,
    by: &Actor,
) -> Result<String, CommandError> {
    tracing::info!("connection {connection}: looked for files {by}");
    let found = engine.sweep_one(connection).await;
    let found =
        found.map_err(|error| CommandError::Failed(format!("storage: {}", sentence(&error))))?;
    let engine = engine.clone();
    take_steps(async move { Box::pin(engine.drive()).await.map(drop) });
    Ok(format!("{found} files found that no event told of"))
}

/// Takes steps without anybody waiting. Where that fails, or the process ends, the timer does the same within
/// a minute.
fn take_steps(steps: impl Future<Output = azure_core::Result<()>> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = steps.await {
            tracing::warn!("the next steps are tried later: {}", sentence(&error));
        }
    });
}

/// Asks the doctor in a task of its own: it puts away what it took out, even where nobody waits any more.
/// `None` where that broke off.
pub(super) async fn diagnosis(
    doctor: Arc<Doctor>,
    connection: &str,
    resume: bool,
    by: &Actor,
) -> Option<Diagnosis> {
    engine::checked(connection, by);
    let (name, by) = (connection.to_owned(), resume.then(|| by.clone()));
    tokio::spawn(async move { doctor.examine(&name, by.as_ref()).await }).await.ok()
}
