//! `/api/v1`: imports and connections for programs. Two functions serve it, `query` for GET and `command` for
//! POST, so that a key grants only what its program needs. The path of an action ends in `:ACTION`.

use std::sync::LazyLock;

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode, Uri,
        header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
        request::Parts,
    },
    response::{IntoResponse as _, Response},
    routing::any,
};
use azure_core::error::ErrorKind;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use utoipa::OpenApi as _;

use super::{App, actions::ConnectionAction, request};
use crate::{
    api::{Problem, ProblemCode},
    http::azure::sentence,
    import::{ImportId, OperatorAction},
    schema::is_connection_name,
};

mod commands;
mod description;
mod queries;
mod responses;

/// More than any operation needs.
const MAX_BODY_BYTES: usize = 64 << 10;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/api/v1/{*path}", any(serve))
}

/// The resource of a path.
#[derive(Debug, PartialEq, Eq)]
enum Resource {
    Imports,
    Import(ImportId),
    Findings(ImportId),
    Connections,
    Connection(String),
    Description,
    OfImport(ImportId, OperatorAction),
    OfConnection(String, ConnectionAction),
}

impl Resource {
    /// # Errors
    /// The path has no resource.
    fn of(path: &str) -> Result<Self, Problem> {
        let nothing = || Problem::new(ProblemCode::PathNotFound, NOTHING);
        let path = percent_decode_str(path).decode_utf8().map_err(|_| nothing())?;
        let steps: Vec<&str> = path.split('/').collect();
        let import = |id: &str| ImportId::parse(id).ok_or_else(|| no_import(id));
        let connection = |name: &str| {
            is_connection_name(name).then(|| name.to_owned()).ok_or_else(|| no_connection(name))
        };
        Ok(match steps[..] {
            ["imports"] => Self::Imports,
            ["imports", id, "findings"] => Self::Findings(import(id)?),
            ["imports", step] => match step.rsplit_once(':') {
                None => Self::Import(import(step)?),
                // `resume` applies to a connection only.
                Some((_, "resume")) => return Err(nothing()),
                Some((id, action)) => {
                    Self::OfImport(import(id)?, action.parse().map_err(|_| nothing())?)
                }
            },
            ["connections"] => Self::Connections,
            ["connections", step] => match step.rsplit_once(':') {
                None => Self::Connection(connection(step)?),
                Some((name, action)) => {
                    Self::OfConnection(connection(name)?, action.parse().map_err(|_| nothing())?)
                }
            },
            ["openapi.json"] => Self::Description,
            _ => return Err(nothing()),
        })
    }

    fn is_command(&self) -> bool {
        matches!(self, Self::OfImport(..) | Self::OfConnection(..))
    }
}

const NOTHING: &str = "This path does not exist. GET /api/v1/openapi.json describes all paths.";

/// The answer for a path outside the API.
pub(super) fn no_such_path() -> Response {
    error(&Problem::new(ProblemCode::PathNotFound, NOTHING))
}

async fn serve(State(app): State<App>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let resource = match Resource::of(path_of(&head.uri)) {
        Ok(resource) => resource,
        Err(problem) => return error(&problem),
    };
    let (allowed, is_allowed) = if resource.is_command() {
        ("POST", head.method == Method::POST)
    } else {
        ("GET, HEAD", [Method::GET, Method::HEAD].contains(&head.method))
    };
    if !is_allowed {
        let why = format!("This path supports {allowed}, not {}.", head.method);
        let mut response = error(&Problem::new(ProblemCode::MethodNotAllowed, why));
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        return response;
    }
    Box::pin(answer(&app, resource, &head, body)).await.unwrap_or_else(|problem| {
        if problem.status >= 500 {
            tracing::error!("{}", problem.detail);
        }
        error(&problem)
    })
}

async fn answer(
    app: &App,
    resource: Resource,
    head: &Parts,
    body: Body,
) -> Result<Response, Problem> {
    let headers = &head.headers;
    if resource != Resource::Imports {
        let _: NoParameters = parameters(&head.uri)?;
    }
    match resource {
        Resource::Imports => {
            found(headers, &queries::list_imports(app, parameters(&head.uri)?).await?)
        }
        Resource::Import(id) => found(headers, &queries::get_import(app, &id).await?),
        Resource::Findings(id) => found(headers, &queries::list_findings(app, &id).await?),
        Resource::Connections => found(headers, &queries::list_connections(app).await?),
        Resource::Connection(name) => found(headers, &queries::get_connection(app, &name).await?),
        Resource::Description => {
            static DESCRIPTION: LazyLock<utoipa::openapi::OpenApi> =
                LazyLock::new(description::Description::openapi);
            found(headers, &*DESCRIPTION)
        }
        Resource::OfImport(id, action) => {
            let body = command_body(headers, body).await?;
            commands::on_import(app, &id, action, &body).await
        }
        Resource::OfConnection(name, action) => {
            let body = command_body(headers, body).await?;
            commands::on_connection(app, &name, action, &body).await
        }
    }
}

fn path_of(uri: &Uri) -> &str {
    uri.path().strip_prefix("/api/v1/").unwrap_or_default()
}

/// The parameters that every address may have: a key and its name, for the host.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParameters {
    #[serde(rename = "code")]
    _code: Option<String>,
    #[serde(rename = "clientId")]
    _client_id: Option<String>,
}

/// The parameters of a query.
///
/// # Errors
/// A parameter is unknown, occurs twice or has an invalid value; the library names it.
fn parameters<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    axum::extract::Query::try_from_uri(uri)
        .map(|axum::extract::Query(parameters)| parameters)
        .map_err(|error| Problem::new(ProblemCode::InvalidParameter, one_line(&error.body_text())))
}

/// Text from outside as one line of limited length.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}").chars().take(300).collect()
}

/// The body of a command. It must be JSON and not empty, because otherwise a proxy may repeat the request if
/// this program ends while it serves it.
async fn command_body(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    if request::is_of_page(headers) {
        let why =
            "The API does not accept requests from web pages. In a browser, use /api/console.";
        return Err(Problem::new(ProblemCode::ForeignOrigin, why));
    }
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let is_short = length.is_some_and(|length: usize| length <= MAX_BODY_BYTES);
    let body = to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| {
        if is_short {
            return Problem::new(ProblemCode::InvalidBody, "The body is incomplete.");
        }
        let why = format!("The body has more than {MAX_BODY_BYTES} bytes.");
        Problem::new(ProblemCode::BodyTooLarge, why)
    })?;
    if body.is_empty() {
        return Err(Problem::new(
            ProblemCode::InvalidBody,
            "The body is missing. Send at least {}.",
        ));
    }
    if !media_type.trim().eq_ignore_ascii_case("application/json") {
        let why = "The content type must be application/json. Send at least {}.";
        return Err(Problem::new(ProblemCode::UnsupportedMediaType, why));
    }
    Ok(body)
}

/// The answer to a query, with an ETag. If the client has the same content, the answer is 304.
fn found(headers: &HeaderMap, value: &impl Serialize) -> Result<Response, Problem> {
    let body = json(value)?;
    let etag = format!("\"{}\"", &URL_SAFE_NO_PAD.encode(Sha256::digest(&body))[..22]);
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let is_known = known
        .flat_map(|tags| tags.split(','))
        .any(|tag| tag.trim() == "*" || tag.trim().trim_start_matches("W/") == etag);
    let own = [(ETAG, etag), (CACHE_CONTROL, "private, no-cache".to_owned())];
    if is_known {
        return Ok((StatusCode::NOT_MODIFIED, own).into_response());
    }
    Ok((own, [(CONTENT_TYPE, "application/json")], body).into_response())
}

/// The answer to a command.
fn done(value: &impl Serialize) -> Result<Response, Problem> {
    Ok(([(CONTENT_TYPE, "application/json")], json(value)?).into_response())
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value)
        .map_err(|_| Problem::new(ProblemCode::InternalError, "The answer could not be written."))
}

fn error(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(problem).unwrap_or_default();
    (status, [(CONTENT_TYPE, "application/problem+json")], body).into_response()
}

fn storage_failed(error: &azure_core::Error) -> Problem {
    if *error.kind() == ErrorKind::DataConversion {
        return Problem::new(ProblemCode::InternalError, "A row of the table is unreadable.");
    }
    Problem::new(ProblemCode::StorageUnavailable, format!("Storage failed: {}.", sentence(error)))
}

fn no_import(id: &str) -> Problem {
    let id = one_line(id);
    let why = format!("Import {id} does not exist. GET /api/v1/imports returns each `id`.");
    Problem::new(ProblemCode::ImportNotFound, why)
}

fn no_connection(name: &str) -> Problem {
    let why = format!("Connection {} does not exist.", one_line(name));
    Problem::new(ProblemCode::ConnectionNotFound, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_that_is_described_is_served() {
        let described = description::Description::openapi();
        assert!(described.paths.paths.len() > 10);
        for (path, item) in described.paths.paths {
            let of = path.strip_prefix("/api/v1/").unwrap();
            let of = of.replace("{id}", "no-tenant.1-a").replace("{name}", "hr");
            let resource = Resource::of(&of).unwrap();
            assert_eq!(item.post.is_some(), resource.is_command(), "{path}");
            assert_eq!(item.get.is_some(), !resource.is_command(), "{path}");
        }
    }

    #[test]
    fn a_path_without_a_resource_is_404() {
        for path in
            ["", "imports/", "imports/a.1:resume", "connections/hr:retry", "connections/hr/x"]
        {
            let problem = Resource::of(path).unwrap_err();
            assert_eq!(problem.status, 404, "{path}");
        }
    }
}
