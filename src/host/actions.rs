//! Actions of forms and of the API, and how they are done.

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
    messages,
    outcome::CommandError,
    schema::is_connection_name,
};

/// An action on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "camelCase")]
pub(super) enum ConnectionAction {
    /// Resume it.
    Resume,
    /// Sweep its inbox.
    Sweep,
    /// Run the doctor.
    Diagnose,
}

/// The fields of a form.
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
    Box::pin(ask(&app, visit, form, None)).await
}

pub(super) async fn ask_for_import(
    State(app): State<App>,
    Path(key): Path<String>,
    visit: Visit,
    form: SubmittedForm,
) -> Response {
    Box::pin(ask(&app, visit, form, Some(&key))).await
}

/// Does the action of a form, if the form has a valid CSRF token.
async fn ask(app: &App, visit: Visit, form: SubmittedForm, key: Option<&str>) -> Response {
    let Ok(Form(form)) = form else {
        return visit.bad_request("The request has no form with the field `action`.");
    };
    if let Err(why) = visit.check_csrf(form.token.as_deref()) {
        return visit.error(StatusCode::FORBIDDEN, "Form rejected", why);
    }
    let connection = form.connection.as_deref().filter(|name| is_connection_name(name));
    let done = match (form.action.parse(), form.action.parse(), key, connection) {
        // A word that is no action on an import may be one on a connection. `resume` is both; for an import it means
        // its connection.
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
                None => failure("The doctor failed"),
            };
        }
        (Ok(action), Err(_), Some(key), _) => on_import(&app.engine, key, action, &visit.by).await,
        (Ok(_), Err(_), None, _) => {
            return visit.bad_request("This action is available on the page of an import.");
        }
        (_, Ok(_), _, None) => return visit.bad_request("The form has no valid `connection`."),
        (Err(_), Err(_), _, _) => {
            let known = [OperatorAction::VARIANTS, ConnectionAction::VARIANTS].concat().join(", ");
            return visit.bad_request(&format!("Unknown action. Expected: {known}."));
        }
    };
    match done {
        // The browser loads the page with GET, so that a reload does not repeat the action.
        Ok(_) => {
            let location = visit.viewer.links.after(&form.action);
            (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
        }
        Err(CommandError::Refused(why)) => {
            visit.error(StatusCode::CONFLICT, "Conflict: the action does not apply", &why)
        }
        Err(CommandError::Failed(why)) => {
            visit.error(StatusCode::INTERNAL_SERVER_ERROR, "The action failed", &why)
        }
    }
}

/// Does an action on an import. A message starts its next step.
///
/// # Errors
/// Storage failed, or the action does not apply.
pub(super) async fn on_import(
    engine: &Engine,
    key: &str,
    action: OperatorAction,
    by: &Actor,
) -> Result<String, CommandError> {
    // What runs after the answer has no invocation, and may be ended at any time.
    Box::pin(engine.grant(key, action, by)).await
}

/// Finds files of a connection without an event.
///
/// # Errors
/// Storage failed.
pub(super) async fn sweep(
    engine: &Engine,
    connection: &str,
    by: &Actor,
) -> Result<String, CommandError> {
    tracing::info!("Connection {connection}: sweep requested {by}");
    let found = engine.sweep_one(connection).await;
    let found = found
        .map_err(|error| CommandError::Failed(format!("Storage failed: {}.", sentence(&error))))?;
    Ok(messages::swept(found))
}

/// Runs the doctor in a task of its own, so that it deletes its probe blobs even if the client has gone.
/// `None` if the task failed.
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
