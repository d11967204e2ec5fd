//! The actions of the API; each described function is an operation. Repeating a request is harmless: an action
//! that no longer applies is a conflict.

use axum::response::Response;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ConnectionAction, done, no_connection, queries, responses::Problems, storage_failed};
use crate::{
    api::{ActionResult, Diagnosis, Problem, ProblemCode},
    engine::Actor,
    host::{App, actions, overview},
    import::{ImportId, OperatorAction},
    outcome::CommandError,
};

/// An object without members.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EmptyObject {}

/// The options of the doctor.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DiagnoseRequest {
    /// Whether files that wait after a 403 are resumed if all checks pass.
    #[serde(default)]
    resume: bool,
}

/// # Errors
/// The body is not such an object.
fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // serde accepts an array for an object too; and its error could quote the body.
    let object = serde_json::from_slice::<Map<String, Value>>(body);
    let parsed = object.and_then(|object| serde_json::from_value(Value::Object(object)));
    parsed.map_err(|_| {
        let why = "The body must be the JSON object of this operation. Send at least {}.";
        Problem::new(ProblemCode::InvalidBody, why)
    })
}

/// Does an action on an import.
///
/// # Errors
/// The body is invalid, the import does not exist, the action does not apply, or storage failed.
pub(super) async fn on_import(
    app: &App,
    id: &ImportId,
    action: OperatorAction,
    body: &[u8],
) -> Result<Response, Problem> {
    let EmptyObject {} = parsed(body)?;
    queries::stored(app, id).await?;
    let asked = actions::on_import(&app.engine, &id.name(), action, &Actor::Program).await;
    done(&result(asked)?)
}

/// Does an action on a connection.
///
/// # Errors
/// The body is invalid, the connection does not exist, the action does not apply, or storage failed.
pub(super) async fn on_connection(
    app: &App,
    name: &str,
    action: ConnectionAction,
    body: &[u8],
) -> Result<Response, Problem> {
    let resume = if action == ConnectionAction::Diagnose {
        parsed::<DiagnoseRequest>(body)?.resume
    } else {
        let EmptyObject {} = parsed(body)?;
        false
    };
    let engine = &app.engine;
    let document =
        overview::document(engine, name).await.map_err(|error| storage_failed(&error))?;
    if document.is_none() {
        return Err(no_connection(name));
    }
    let asked = match action {
        ConnectionAction::Resume => Box::pin(engine.resume(name, &Actor::Program)).await,
        ConnectionAction::Sweep => actions::sweep(engine, name, &Actor::Program).await,
        ConnectionAction::Diagnose => {
            let asked = actions::diagnosis(app.doctor.clone(), name, resume, &Actor::Program).await;
            let failed = || Problem::new(ProblemCode::InternalError, "The doctor failed.");
            return done(&asked.ok_or_else(failed)?);
        }
    };
    done(&result(asked)?)
}

fn result(asked: Result<String, CommandError>) -> Result<ActionResult, Problem> {
    match asked {
        Ok(result) => Ok(ActionResult { result }),
        Err(CommandError::Refused(why)) => Err(Problem::new(ProblemCode::Conflict, why)),
        Err(CommandError::Failed(why)) => Err(Problem::new(ProblemCode::StorageUnavailable, why)),
    }
}

/// The operations, for the description only: the dispatch above serves them.
macro_rules! operations {
    ($($name:ident $operation:literal: $about:literal, $path:literal, $key:literal, $description:literal, $body:ty, $result:ty;)*) => {$(
        #[doc = $about]
        #[utoipa::path(
            post,
            path = $path,
            operation_id = $operation,
            params(($key = String, Path, description = $description)),
            request_body = $body,
            responses(
                (status = 200, body = $result),
                Problems,
            )
        )]
        #[expect(dead_code, reason = "the attribute above makes a description of it")]
        pub(super) fn $name() {}
    )*};
}

operations! {
    approve_import "approveImport": "Approves once that an import deletes people or columns.",
        "/api/v1/imports/{id}:approve", "id", "`TENANT.KEY`", EmptyObject, ActionResult;
    retry_import "retryImport": "Retries an import that is rejected or stuck, or one that waits.",
        "/api/v1/imports/{id}:retry", "id", "`TENANT.KEY`", EmptyObject, ActionResult;
    cancel_import "cancelImport": "Cancels an import.",
        "/api/v1/imports/{id}:cancel", "id", "`TENANT.KEY`", EmptyObject, ActionResult;
    resume_connection "resumeConnection": "Resumes a paused connection.",
        "/api/v1/connections/{name}:resume", "name", "The connection's name", EmptyObject, ActionResult;
    sweep_connection "sweepConnection": "Finds files of a connection without an event, and starts their imports.",
        "/api/v1/connections/{name}:sweep", "name", "The connection's name", EmptyObject, ActionResult;
    diagnose_connection "diagnoseConnection": "Runs the doctor: checks everything that an import of the connection needs. It \
                          writes probe blobs and deletes them again.",
        "/api/v1/connections/{name}:diagnose", "name", "The connection's name", DiagnoseRequest, Diagnosis;
}
