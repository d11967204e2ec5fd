//! The read operations of the API, with their descriptions.

use serde::Deserialize;
use time::{
    Date, OffsetDateTime, Time, UtcOffset,
    format_description::well_known::Rfc3339,
    macros::{datetime, format_description},
};
use url::form_urlencoded::Serializer;
use utoipa::{
    IntoParams,
    openapi::{
        KnownFormat, ObjectBuilder, Schema, SchemaFormat,
        schema::{AnyOfBuilder, Type},
    },
};

use super::{
    no_connection, no_import, one_line,
    responses::{NotModified, Problems},
    storage_failed,
};
use crate::{
    api::{
        ConnectionItem, Connections, Finding, Findings, ImportDetail, Imports, Problem, ProblemCode,
    },
    host::{App, overview},
    import::{Import, ImportId, State, reason::Class},
    page::{DEFAULT_TOP, MAX_TOP},
    schema::is_connection_name,
    storage::import_table::Wanted,
};

/// Which imports, and how many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct ImportsQuery {
    /// Only imports of this connection.
    #[param(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    connection: Option<String>,
    /// Only imports in this state.
    state: Option<State>,
    /// Only imports with a reason of this class.
    class: Option<Class>,
    /// Only imports whose content was written at or after this time: a date, or a date-time of RFC 3339.
    #[param(schema_with = date_or_moment)]
    from: Option<String>,
    /// Only imports whose content was written before this time: a date, or a date-time of RFC 3339.
    #[param(schema_with = date_or_moment)]
    to: Option<String>,
    /// The most imports on the page; the default is 50.
    #[param(minimum = 1, maximum = 1000)]
    top: Option<usize>,
    /// Where the page begins, as in `nextLink`.
    #[param(pattern = "^[A-Za-z0-9-]{1,64}\\.[0-9][A-Za-z0-9-]{0,63}$")]
    skip_token: Option<String>,
    #[param(ignore)]
    #[serde(rename = "code")]
    _code: Option<String>,
    #[param(ignore)]
    #[serde(rename = "clientId")]
    _client_id: Option<String>,
}

/// Lists imports, newest content first.
#[utoipa::path(
    get,
    operation_id = "listImports",
    path = "/api/v1/imports",
    params(ImportsQuery),
    responses(
        (status = 200, body = Imports, headers(("ETag" = String))),
        NotModified,
        Problems,
    )
)]
pub(super) async fn list_imports(app: &App, query: ImportsQuery) -> Result<Imports, Problem> {
    let invalid = |why: String| Problem::new(ProblemCode::InvalidParameter, why);
    let top = query.top.unwrap_or(DEFAULT_TOP);
    if !(1..=MAX_TOP).contains(&top) {
        return Err(invalid(format!("`top` must be a whole number from 1 to {MAX_TOP}.")));
    }
    if let Some(name) = query.connection.as_deref().filter(|name| !is_connection_name(name)) {
        return Err(invalid(format!("{} is not a valid name of a connection.", one_line(name))));
    }
    let moment = |name: &str, text: &Option<String>| {
        let moment = text.as_deref().map(|text| moment(text).ok_or(name.to_owned()));
        moment.transpose().map_err(|name| {
            invalid(format!(
                "`{name}` must be a date such as 2026-11-01, or a date-time such as \
                 2026-11-01T00:00:00Z."
            ))
        })
    };
    let after = query.skip_token.as_deref().map(|token| {
        ImportId::parse(token)
            .ok_or_else(|| invalid("`skipToken` must be the value from `nextLink`.".to_owned()))
    });
    let wanted = Wanted {
        connection: query.connection.clone(),
        state: query.state,
        class: query.class,
        from: moment("from", &query.from)?,
        to: moment("to", &query.to)?,
    };
    let after = after.transpose()?;
    let imports = app.engine.imports();
    let page = async {
        let tenants = imports.tenants().await?;
        imports.page(&tenants, &wanted, after.as_ref(), top).await
    };
    let page = page.await.map_err(|error| storage_failed(&error))?;
    let next_link = page.next.map(|next| next_link(app, &query, &next));
    Ok(Imports { value: page.imports.iter().map(Into::into).collect(), next_link })
}

/// A time for a query. The table has no times before 1601.
fn moment(text: &str) -> Option<OffsetDateTime> {
    const FIRST: OffsetDateTime = datetime!(1601-01-01 00:00 UTC);
    let date = || {
        let form = format_description!("[year]-[month]-[day]");
        Some(Date::parse(text, form).ok()?.with_time(Time::MIDNIGHT).assume_utc())
    };
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(date)?;
    Some(moment.checked_to_offset(UtcOffset::UTC)?.max(FIRST))
}

fn date_or_moment() -> Schema {
    let of = |format| ObjectBuilder::new().schema_type(Type::String).format(Some(format));
    let date = of(SchemaFormat::KnownFormat(KnownFormat::Date)).examples(["2026-11-01"]);
    let moment = of(SchemaFormat::KnownFormat(KnownFormat::DateTime));
    AnyOfBuilder::new().item(date).item(moment).build().into()
}

/// The address of the next page, without the key of the request.
fn next_link(app: &App, query: &ImportsQuery, next: &ImportId) -> String {
    let mut pairs = Serializer::new(String::new());
    let words = [
        ("connection", query.connection.clone()),
        ("state", query.state.map(|state| state.as_ref().to_owned())),
        ("class", query.class.map(|class| class.as_ref().to_owned())),
        ("from", query.from.clone()),
        ("to", query.to.clone()),
        ("top", query.top.map(|top| top.to_string())),
        ("skipToken", Some(next.name())),
    ];
    for (name, value) in words {
        if let Some(value) = value {
            pairs.append_pair(name, &value);
        }
    }
    let base = app.engine.app().address().unwrap_or_default();
    format!("{base}/api/v1/imports?{}", pairs.finish())
}

/// Gets one import.
#[utoipa::path(
    get,
    operation_id = "getImport",
    path = "/api/v1/imports/{id}",
    params(("id" = String, Path, description = "`TENANT.KEY`")),
    responses(
        (status = 200, body = ImportDetail, headers(("ETag" = String))),
        NotModified,
        Problems,
    )
)]
pub(super) async fn get_import(app: &App, id: &ImportId) -> Result<ImportDetail, Problem> {
    Ok((&stored(app, id).await?).into())
}

/// Lists the findings in the file of an import.
#[utoipa::path(
    get,
    operation_id = "listFindings",
    path = "/api/v1/imports/{id}/findings",
    params(("id" = String, Path, description = "`TENANT.KEY`")),
    responses(
        (status = 200, body = Findings, headers(("ETag" = String))),
        NotModified,
        Problems,
    )
)]
pub(super) async fn list_findings(app: &App, id: &ImportId) -> Result<Findings, Problem> {
    let import = stored(app, id).await?;
    let report = app.engine.report(&import).await.map_err(|error| storage_failed(&error))?;
    let Some(mut report) = report else {
        let why = "The import has no report: its file is not checked yet, or has no findings.";
        return Err(Problem::new(ProblemCode::ReportNotFound, why));
    };
    let findings = serde_json::from_value::<Vec<Finding>>(report["findings"].take());
    let unreadable = |_| Problem::new(ProblemCode::InternalError, "The report is unreadable.");
    Ok(Findings { value: findings.map_err(unreadable)? })
}

/// Lists all connections by name, with their health.
#[utoipa::path(
    get,
    operation_id = "listConnections",
    path = "/api/v1/connections",
    responses(
        (status = 200, body = Connections, headers(("ETag" = String))),
        NotModified,
        Problems,
    )
)]
pub(super) async fn list_connections(app: &App) -> Result<Connections, Problem> {
    let engine = &app.engine;
    let seen = async {
        let tenants = engine.imports().tenants().await?;
        let waiting = overview::waiting(engine, &tenants).await?;
        overview::connections(engine, &tenants, &waiting).await
    };
    let seen = seen.await.map_err(|error| storage_failed(&error))?;
    let (sweep, now) = (engine.next_sweep(), engine.now());
    Ok(Connections { value: seen.iter().map(|it| ConnectionItem::new(it, sweep, now)).collect() })
}

/// Gets one connection with its health.
#[utoipa::path(
    get,
    operation_id = "getConnection",
    path = "/api/v1/connections/{name}",
    params(("name" = String, Path, description = "The connection's name")),
    responses(
        (status = 200, body = ConnectionItem, headers(("ETag" = String))),
        NotModified,
        Problems,
    )
)]
pub(super) async fn get_connection(app: &App, name: &str) -> Result<ConnectionItem, Problem> {
    let engine = &app.engine;
    let document =
        overview::document(engine, name).await.map_err(|error| storage_failed(&error))?;
    let document = document.ok_or_else(|| no_connection(name))?;
    let seen = async {
        let tenants = engine.imports().tenants().await?;
        overview::seen(engine.imports(), &tenants, document).await
    };
    let seen = seen.await.map_err(|error| storage_failed(&error))?;
    Ok(ConnectionItem::new(&seen, engine.next_sweep(), engine.now()))
}

/// # Errors
/// Storage failed, or the import does not exist.
pub(super) async fn stored(app: &App, id: &ImportId) -> Result<Import, Problem> {
    let stored = app.engine.imports().get(id).await.map_err(|error| storage_failed(&error))?;
    stored.map(|stored| stored.import).ok_or_else(|| no_import(&id.name()))
}

/// Describes the API.
#[utoipa::path(
    get,
    operation_id = "getDescription",
    path = "/api/v1/openapi.json",
    responses((status = 200, body = Object), NotModified, Problems)
)]
#[expect(dead_code, reason = "the attribute above makes a description of it")]
pub(super) fn get_description() {}
