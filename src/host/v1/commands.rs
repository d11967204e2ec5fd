//! What can be asked for: each of the described functions is an operation of the API. To ask for the same
//! twice is harmless: what does not apply any more is refused.

use axum::response::Response;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Action, done, no_connection, queries, storage_failed};
use crate::{
    api::{ActionResult, Diagnosis, Problem, ProblemCode},
    engine::Actor,
    host::{App, actions, overview},
    import::{ImportId, OperatorAction},
    outcome::CommandError,
};

/// Nothing but an object.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

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
    action: Action,
    body: &[u8],
) -> Result<Response, Problem> {
    let Nothing {} = parsed(body)?;
    let action = match action {
        Action::Approve => OperatorAction::Approve,
        Action::Retry => OperatorAction::Retry,
        Action::Cancel => OperatorAction::Cancel,
        Action::Resume | Action::Sweep | Action::Diagnose => {
            return Err(Problem::new(ProblemCode::PathNotFound, super::NOTHING));
        }
    };
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
    action: Action,
    body: &[u8],
) -> Result<Response, Problem> {
    let request = match action {
        Action::Diagnose => parsed(body)?,
        Action::Resume | Action::Sweep => {
            let Nothing {} = parsed(body)?;
            DiagnoseRequest { resume: false }
        }
        Action::Approve | Action::Retry | Action::Cancel => {
            return Err(Problem::new(ProblemCode::PathNotFound, super::NOTHING));
        }
    };
    let engine = &app.engine;
    let document =
        overview::document(engine, name).await.map_err(|error| storage_failed(&error))?;
    if document.is_none() {
        return Err(no_connection(name));
    }
    if action == Action::Diagnose {
        let doctor = app.doctor.clone();
        let asked = actions::diagnosis(doctor, name, request.resume, &Actor::Program).await;
        let broke_off = || Problem::new(ProblemCode::InternalError, "the examination broke off");
        return done(&asked.ok_or_else(broke_off)?);
    }
    let asked = if action == Action::Resume {
        Box::pin(engine.resume(name, &Actor::Program)).await
    } else {
        actions::sweep(engine, name, &Actor::Program).await
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
    ($($name:ident: $about:literal, $path:literal, $key:literal, $said:literal, $body:ty, $result:ty;)*) => {$(
        #[doc = $about]
        #[utoipa::path(
            post,
            path = $path,
            params(($key = String, Path, description = $said)),
            request_body = $body,
            responses(
                (status = 200, body = $result),
                (status = 400, body = Problem, content_type = "application/problem+json"),
                (status = 403, body = Problem, content_type = "application/problem+json"),
                (status = 404, body = Problem, content_type = "application/problem+json"),
                (status = 409, body = Problem, content_type = "application/problem+json"),
                (status = 413, body = Problem, content_type = "application/problem+json"),
                (status = 415, body = Problem, content_type = "application/problem+json"),
                (status = 503, body = Problem, content_type = "application/problem+json"),
            )
        )]
        #[expect(dead_code, reason = "the attribute above makes a description of it")]
        pub(super) fn $name() {}
    )*};
}

operations! {
    approve_import: "Lets an import delete people or columns, this once.",
        "/api/v1/imports/{id}:approve", "id", "`TENANT.KEY`", Nothing, ActionResult;
    retry_import: "Tries an import again that was rejected or is stuck, or one that waits at once.",
        "/api/v1/imports/{id}:retry", "id", "`TENANT.KEY`", Nothing, ActionResult;
    cancel_import: "Gives an import up.",
        "/api/v1/imports/{id}:cancel", "id", "`TENANT.KEY`", Nothing, ActionResult;
    resume_connection: "Lets a paused connection go on.",
        "/api/v1/connections/{name}:resume", "name", "The connection's name", Nothing, ActionResult;
    sweep_connection: "Looks for files of a connection that no event told of, and takes them up.",
        "/api/v1/connections/{name}:sweep", "name", "The connection's name", Nothing, ActionResult;
    diagnose_connection: "Tells what stands in the way of a connection's files. It writes probe blobs and \
                          deletes them again.",
        "/api/v1/connections/{name}:diagnose", "name", "The connection's name", DiagnoseRequest, Diagnosis;
}
