//! The status page and what persons ask for there; the same as JSON.

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::{
        HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
            REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::get,
};
use azure_core::error::ErrorKind;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::App;
use crate::{
    engine::{Document, SERVICE_ERRORS, has_service_errors},
    host::{
        actions::{self, ask_for_connection, ask_for_import},
        request::{self, Visit},
    },
    import::{Import, ImportId, connection_record::ConnectionRecord},
    messages::{self, HealthReason},
    page::{self, Filter, Home, Seen, Viewer},
    storage::import_table::{ImportTable, Wanted},
};

/// The last imports of a connection that its sentence and its chart are made of.
const RECENT: usize = 30;
/// Connections that are looked at side by side.
const AT_ONCE: usize = 8;

pub(super) fn door(app: App) -> Router {
    let pages = Router::new()
        .route("/status", get(home).post(ask_for_connection))
        .route("/status/{*import}", get(import).post(ask_for_import));
    let signed_in = pages.clone().layer(middleware::from_fn_with_state(app.clone(), people_only));
    let api = pages
        .route("/status.json", get(home))
        .route("/imports", get(imports))
        .route("/health", get(health));
    Router::new()
        .nest("/api", api)
        .nest("/api/signed-in", signed_in)
        .merge(actions::doctor_routes(app.doctor.clone()))
        .fallback(nothing)
        .layer(middleware::map_response_with_state(app.clone(), guarded))
        .with_state(app)
}

/// What holds for every answer: nothing is kept, nothing from elsewhere is let in, and no other origin
/// is told the address, which may hold the key.
async fn guarded(State(app): State<App>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    let sign_in = Some(app.engine.authority().as_str()).filter(|_| app.engine.app().has_sign_in());
    if let Ok(policy) = HeaderValue::try_from(page::content_security_policy(sign_in)) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Under `no-referrer` browsers post forms with `Origin: null`, which App Service Authentication
    // answers with 403. Under this one, a request to another origin still tells nothing.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The door without a key is open only where people sign in, and for those who have.
async fn people_only(State(app): State<App>, request: Request, next: Next) -> Response {
    let why = if !app.engine.app().has_sign_in() {
        "nobody signs in here: APP_SERVICE_AUTH is not set, or the platform does not say that its \
         authentication is on (WEBSITE_AUTH_ENABLED); /api/status opens with the key"
    } else if request::principal(request.headers()).is_none() {
        "App Service Authentication named nobody"
    } else {
        return next.run(request).await;
    };
    (StatusCode::FORBIDDEN, Json(json!({ "error": why }))).into_response()
}

/// What the host hands on because its routes do not mind capitals, or a slash at the end.
async fn nothing(visit: Visit) -> Response {
    let why = "there is nothing at this address; the status page is /api/status, in small letters \
               and without a slash at its end";
    visit.trouble(StatusCode::NOT_FOUND, "Nothing here", why)
}

async fn home(State(app): State<App>, visit: Visit) -> Response {
    let filter = match visit.filter() {
        Ok(filter) => filter,
        Err(why) => return visit.not_understood(&why),
    };
    match overview(&app, &visit.viewer, filter).await {
        Ok(home) if visit.wants_html => visit.page(&home),
        Ok(home) => Json(home.json()).into_response(),
        Err(error) => visit.storage_failed(&error),
    }
}

async fn overview(app: &App, viewer: &Viewer, filter: Filter) -> azure_core::Result<Home> {
    let engine = &app.engine;
    let (tenants, mut documents) =
        futures::try_join!(engine.imports().tenants(), engine.documents())?;
    let after = filter.after.as_ref();
    let history = engine.imports().page(&tenants, &filter.wanted, after, filter.top).await?;
    for import in history.imports.iter().filter(|import| !import.state.is_end()) {
        // Its files wait for it.
        if !documents.iter().any(|document| document.name == import.connection) {
            documents.push(Document::missing(import));
        }
    }
    let seen = stream::iter(documents)
        .map(|document| seen(engine.imports(), &tenants, document))
        .buffered(AT_ONCE)
        .try_collect::<Vec<Seen>>()
        .await?;
    Ok(Home::new(viewer, seen, &history, filter, engine.next_sweep()))
}

/// A connection with its last imports.
async fn seen(
    imports: &ImportTable,
    tenants: &[String],
    document: Document,
) -> azure_core::Result<Seen> {
    let name = &document.name;
    let records = tenants.iter().map(async |tenant| {
        let record = imports.connection(tenant, name).await?;
        Ok::<_, azure_core::Error>((tenant.clone(), record))
    });
    let records = futures::future::try_join_all(records).await?;
    // Where the document can be read, its files are of its tenant, or came before it could be; unless
    // some of another tenant still wait.
    let is_own = |tenant: &str| {
        let read = document.read.as_ref();
        tenant == ImportId::NO_TENANT || read.map_or(true, |it| it.caller.tenant == tenant)
    };
    let own = records.into_iter().filter(|(tenant, record)| is_own(tenant) || record.has_waiting());
    let (own, records): (Vec<String>, Vec<ConnectionRecord>) = own.unzip();
    let wanted = Wanted { connection: Some(name.clone()), state: None };
    let recent = imports.page(&own, &wanted, None, RECENT).await?.imports;
    let mut seen = Seen { document, recent, last_received: None, accepted: None, is_paused: false };
    for (tenant, record) in own.into_iter().zip(records) {
        seen.last_received = seen.last_received.max(record.last_received);
        if let Some(accepted) = record.last_accepted {
            let import = find(imports, &seen.recent, &tenant, &accepted.import).await?;
            seen.accepted =
                import.into_iter().chain(seen.accepted).max_by_key(|import| import.ended);
        }
        for pause in record.paused_by {
            let import = find(imports, &seen.recent, &tenant, &pause.import).await?;
            seen.is_paused |= import.is_some_and(|import| import.pauses);
        }
    }
    Ok(seen)
}

/// An import among those that were read, or from the table; `None` where it is gone or cannot be read.
async fn find(
    imports: &ImportTable,
    recent: &[Import],
    tenant: &str,
    key: &str,
) -> azure_core::Result<Option<Import>> {
    let id = ImportId { tenant: tenant.to_owned(), key: key.to_owned() };
    if let Some(import) = recent.iter().find(|import| import.id == id) {
        return Ok(Some(import.clone()));
    }
    match imports.get(&id).await {
        Ok(stored) => Ok(stored.map(|stored| stored.import)),
        Err(error) if *error.kind() == ErrorKind::DataConversion => Ok(None),
        Err(error) => Err(error),
    }
}

/// One import, or its error file.
async fn import(State(app): State<App>, Path(path): Path<String>, visit: Visit) -> Response {
    let errors = path.strip_suffix(SERVICE_ERRORS).and_then(|path| path.strip_suffix('/'));
    let key = errors.unwrap_or(&path);
    let import = match app.engine.find(key.strip_suffix(".json").unwrap_or(key)).await {
        Ok(stored) => stored.import,
        Err(denied) => return visit.denied(&denied),
    };
    if errors.is_some() {
        return match app.engine.service_errors(&import).await {
            Ok(Some(errors)) => attached(errors),
            Ok(None) => {
                let why = "the service's error file was not kept; the portal has it, and the \
                           setting KEEP_SERVICE_ERRORS keeps the next one";
                visit.trouble(StatusCode::NOT_FOUND, "No error file", why)
            }
            Err(error) => visit.storage_failed(&error),
        };
    }
    shown(&app, visit, &import).await
}

/// The page of an import, or the same as JSON with its report.
async fn shown(app: &App, visit: Visit, import: &Import) -> Response {
    let report = match app.engine.report(import).await {
        Ok(report) => report,
        Err(error) => return visit.storage_failed(&error),
    };
    let has_service_errors = has_service_errors(import);
    if !visit.wants_html {
        let mut json = page::import(import);
        json["findings"] = report.map_or(Value::Null, |mut report| report["findings"].take());
        json["serviceErrors"] = json!(has_service_errors);
        return Json(json).into_response();
    }
    let page = page::ImportPage::new(&visit.viewer, import, report.as_ref(), has_service_errors);
    visit.page(&page)
}

/// A file that may quote values: nothing shows it, it is saved.
fn attached(content: Vec<u8>) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"service-errors.txt\""),
    ];
    (headers, content).into_response()
}

/// A page of the imports for a program.
async fn imports(State(app): State<App>, visit: Visit) -> Response {
    let filter = match visit.filter() {
        Ok(filter) => filter,
        Err(why) => return visit.not_understood(&why),
    };
    let page = async {
        let tenants = app.engine.imports().tenants().await?;
        let after = filter.after.as_ref();
        app.engine.imports().page(&tenants, &filter.wanted, after, filter.top).await
    };
    match page.await {
        Ok(page) => Json(page::history(&page)).into_response(),
        Err(error) => visit.storage_failed(&error),
    }
}

/// Whether the app works, and which connections are in trouble. Only what a restart or a look at the
/// deployment may help is 503; a connection in trouble waits for a person, and the app works.
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
    let mut json = json!({ "code": reason.as_ref(), "text": messages::health(reason, now) });
    if let Some(connection) = reason.connection() {
        json["connection"] = json!(connection);
    }
    if let Some(function) = reason.function() {
        json["function"] = json!(function);
    }
    json
}
