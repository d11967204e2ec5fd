//! The `OpenAPI` 3.1 description of the API, generated from the operations and their types.

use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, SecurityScheme},
};

use super::{commands, queries};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "viva-import",
        description = "Imports of HR data into Microsoft Viva Insights. Errors are problem details of RFC \
                       9457. GET requires a key of the function `query`, POST a key of `command`. The \
                       Functions host answers other methods itself: with 404 and without a content type."
    ),
    servers((url = "/", description = "This app")),
    paths(
        queries::list_imports,
        queries::get_import,
        queries::list_findings,
        queries::list_connections,
        queries::get_connection,
        queries::get_description,
        commands::approve_import,
        commands::retry_import,
        commands::cancel_import,
        commands::resume_connection,
        commands::sweep_connection,
        commands::diagnose_connection,
    ),
    modifiers(&Keys),
    security(("key" = []), ("keyInAddress" = []))
)]
pub(super) struct Description;

/// The keys of the Functions host.
struct Keys;

impl Modify for Keys {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let components = description.components.get_or_insert_default();
        let header = ApiKey::Header(ApiKeyValue::new("x-functions-key"));
        components.add_security_scheme("key", SecurityScheme::ApiKey(header));
        let address = ApiKey::Query(ApiKeyValue::new("code"));
        components.add_security_scheme("keyInAddress", SecurityScheme::ApiKey(address));
    }
}
