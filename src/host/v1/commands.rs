//! What can be asked for: each of the described functions is an operation of the API. To ask for the same
//! twice is harmless: what does not apply any more is refused.

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

/// How the doctor looks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DiagnoseRequest {
    /// Whether files that wait after a 403 go on where nothing is wrong.
    #[serde(default)]
    resume: bool,
}

/// # Errors
/// The body is something else.
fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // serde takes an array for an object, too; and its text could quote the body.
    let object = serde_json::from_slice::<Map<String, Value>>(body);
    let parsed = object.and_then(|object| serde_json::from_value(Value::Object(object)));
    parsed.map_err(|_| {
        let why = "the body is not the JSON object that this takes, {} at least";
        Problem::new(ProblemCode::InvalidBody, why)
    })
}

/// Does what is asked for with an import.
///
/// # Errors
/// The body is wrong, there is no such import, it does not take that, or storage failed.
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

/// Does what is asked for with a connection.
///
/// # Errors
/// The body is wrong, there is no such connection, it does not take that, or storage failed.
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
            let broke_off =
                || Problem::new(ProblemCode::InternalError, "the examination broke off");
            return done(&asked.ok_or_else(broke_off)?);
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

/// The operations, for the description: the dispatch above is what serves them.
macro_rules! operations {
    ($($name:ident $operation:literal: $about:literal, $path:literal, $key:literal, $said:literal, $body:ty, $result:ty;)*) => {$(
        #[doc = $about]
        #[utoipa::path(
            post,
            path = $path,
            operation_id = $operation,
            params(($key = String, Path, description = $said)),
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
    approve_import "approveImport": "Lets an import delete people or columns, this once.",
        "/api/v1/imports/{id}:approve", "id", "`TENANT.KEY`", EmptyObject, ActionResult;
    retry_import "retryImport": "Tries an import again that was rejected or is stuck, or one that waits at once.",
        "/api/v1/imports/{id}:retry", "id", "`TENANT.KEY`", EmptyObject, ActionResult;
    cancel_import "cancelImport": "Gives an import up.",
        "/api/v1/imports/{id}:cancel", "id", "`TENANT.KEY`", EmptyObject, ActionResult;
    resume_connection "resumeConnection": "Lets a paused connection go on.",
        "/api/v1/connections/{name}:resume", "name", "The connection's name", EmptyObject, ActionResult;
    sweep_connection "sweepConnection": "Looks for files of a connection that no event told of, and takes them up.",
        "/api/v1/connections/{name}:sweep", "name", "The connection's name", EmptyObject, ActionResult;
    diagnose_connection "diagnoseConnection": "Tells what stands in the way of a connection's files. It writes probe blobs and \
                          deletes them again.",
        "/api/v1/connections/{name}:diagnose", "name", "The connection's name", DiagnoseRequest, Diagnosis;
}
