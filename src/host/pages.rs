//! The status pages: `/api/status` is read-only, `/api/console` also has the operator actions, and
//! `/api/signedin` is either, depending on the roles of the signed-in user.

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::{
        HeaderValue, Method, StatusCode, Uri,
        header::{
            CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
            REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, get},
};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::App;
use crate::{
    engine::{SERVICE_ERRORS, has_service_errors},
    host::{
        actions::{ask_for_connection, ask_for_import},
        overview,
        request::{Access, Visit},
        v1,
    },
    import::Import,
    messages::{self, HealthReason},
    page::{self, Filter, Home, Viewer},
};

pub(super) fn routes(app: App) -> Router {
    let both = |home: MethodRouter<App>, import: MethodRouter<App>| {
        Router::new().route("/", home).route("/{*import}", import)
    };
    let read_only = both(get(home), get(import));
    let with_actions = both(get(home).post(ask_for_connection), get(import).post(ask_for_import));
    let signed_in =
        with_actions.clone().layer(middleware::from_fn_with_state(app.clone(), by_role));
    Router::new()
        .nest("/api/status", read_only)
        .nest("/api/console", with_actions)
        .nest("/api/signedin", signed_in)
        .route("/api/health", get(health))
        .merge(v1::routes())
        .fallback(nothing)
        .layer(middleware::map_response_with_state(app.clone(), guarded))
        .with_state(app)
}

/// The headers of every answer: no cache, no foreign content, and no referrer to another origin, because the
/// address may contain the key.
async fn guarded(State(app): State<App>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    let sign_in = Some(app.engine.authority().as_str()).filter(|_| app.engine.app().has_sign_in());
    if let Ok(policy) = HeaderValue::try_from(page::content_security_policy(sign_in)) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // With `no-referrer`, browsers post forms with `Origin: null`, which App Service Authentication
    // answers with 403. With this policy, a request to another origin still has no referrer.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The pages without a key require sign-in, and a role of this app.
async fn by_role(State(app): State<App>, visit: Visit, request: Request, next: Next) -> Response {
    let is_asking = request.method() == Method::POST;
    let why = if !app.engine.app().has_sign_in() {
        "Sign-in is off here: APP_SERVICE_AUTH is not set, or the platform does not report that its \
         authentication is on (WEBSITE_AUTH_ENABLED). Open /api/status or /api/console with a key."
    } else if visit.viewer.name.is_none() {
        "App Service Authentication did not name the user."
    } else {
        match visit.access {
            Access::Operate => return next.run(request).await,
            Access::Read if !is_asking => return next.run(request).await,
            Access::Read => "This action requires the role Imports.Operate; you have Imports.Read.",
            Access::None => {
                "You have neither the role Imports.Read nor Imports.Operate. Ask an administrator of the app \
                 registration for one of them."
            }
        }
    };
    visit.error(StatusCode::FORBIDDEN, "Forbidden", why)
}

/// Requests that the host forwards because its routes ignore case and a slash at the end.
async fn nothing(visit: Visit, uri: Uri) -> Response {
    let path = uri.path().to_ascii_lowercase();
    if path == "/api/v1" || path.starts_with("/api/v1/") {
        return v1::no_such_path();
    }
    let why = "No page has this address. The status page is /api/status, in lower case and without a \
               slash at its end.";
    visit.error(StatusCode::NOT_FOUND, "Page not found", why)
}

async fn home(State(app): State<App>, visit: Visit) -> Response {
    let filter = match visit.filter() {
        Ok(filter) => filter,
        Err(why) => return visit.bad_request(&why),
    };
    match overview(&app, &visit.viewer, filter).await {
        Ok(home) => visit.page(&home),
        Err(error) => visit.storage_failed(&error),
    }
}

async fn overview(app: &App, viewer: &Viewer, filter: Filter) -> azure_core::Result<Home> {
    let engine = &app.engine;
    let tenants = engine.imports().tenants().await?;
    let after = filter.after.as_ref();
    let history = engine.imports().page(&tenants, &filter.wanted, after, filter.top).await?;
    let seen = overview::connections(engine, &tenants, &history.imports).await?;
    Ok(Home::new(viewer, &seen, &history, filter, engine.next_sweep()))
}

/// One import, or its error file.
async fn import(State(app): State<App>, Path(path): Path<String>, visit: Visit) -> Response {
    let errors = path.strip_suffix(SERVICE_ERRORS).and_then(|path| path.strip_suffix('/'));
    let key = errors.unwrap_or(&path);
    let import = match app.engine.find(key).await {
        Ok(stored) => stored.import,
        Err(error) => return visit.command_error(&error),
    };
    if errors.is_some() && visit.access != Access::Operate {
        let why = "The error file may quote the data. Open it on the console, or with the role \
                   Imports.Operate.";
        return visit.error(StatusCode::FORBIDDEN, "Forbidden", why);
    }
    if errors.is_some() {
        return match app.engine.service_errors(&import).await {
            Ok(Some(errors)) => attached(errors),
            Ok(None) => {
                let why = "The service's error file was not kept. It is in the portal. Set \
                           KEEP_SERVICE_ERRORS to keep the next one.";
                visit.error(StatusCode::NOT_FOUND, "No error file", why)
            }
            Err(error) => visit.storage_failed(&error),
        };
    }
    shown(&app, visit, &import).await
}

/// The page of an import.
async fn shown(app: &App, visit: Visit, import: &Import) -> Response {
    let report = match app.engine.report(import).await {
        Ok(report) => report,
        Err(error) => return visit.storage_failed(&error),
    };
    let has_service_errors = has_service_errors(import) && visit.access == Access::Operate;
    let page = page::ImportPage::new(&visit.viewer, import, report.as_ref(), has_service_errors);
    visit.page(&page)
}

/// A file that may quote values: the browser saves it instead of showing it.
fn attached(content: Vec<u8>) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"service-errors.txt\""),
    ];
    (headers, content).into_response()
}

/// Whether the app works, and which connections need attention. The status is 503 only for what a restart or
/// a check of the deployment may resolve. If only connections need attention, the app works: 200.
async fn health(State(app): State<App>) -> Response {
    let reasons = app.engine.health().await;
    let (code, status) = match reasons.as_slice() {
        [] => (StatusCode::OK, "ok"),
        reasons if reasons.iter().any(HealthReason::is_outage) => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
        _ => (StatusCode::OK, "degraded"),
    };
    let now = app.engine.now();
    let reasons: Vec<Value> = reasons.iter().map(|reason| reason_of_health(reason, now)).collect();
    let version = env!("CARGO_PKG_VERSION");
    (code, Json(json!({ "status": status, "version": version, "reasons": reasons })))
        .into_response()
}

fn reason_of_health(reason: &HealthReason, now: OffsetDateTime) -> Value {
    let mut json = json!({ "code": reason.as_ref(), "message": messages::health(reason, now) });
    if let Some(connection) = reason.connection() {
        json["connection"] = json!(connection);
    }
    if let Some(function) = reason.function() {
        json["function"] = json!(function);
    }
    json
}
