//! Who asks for a page, what for, and in which form the answer is wanted.

use std::convert::Infallible;

use askama::Template;
use axum::{
    Json,
    extract::{FromRequestParts, OriginalUri, Query},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT, SET_COOKIE},
        request::Parts,
    },
    response::{Html, IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{App, failure};
use crate::{
    engine::Actor,
    host::csrf,
    http::azure::sentence,
    import::{ImportId, State as RunState},
    outcome::CommandError,
    page::{DEFAULT_TOP, Filter, Links, Viewer},
    storage::import_table::Wanted,
};

/// Imports on one page, at most.
const MAX_TOP: usize = 1000;
const NO_STORAGE: &str = "Storage did not answer";

/// What an address asks for.
#[derive(Debug, Deserialize)]
struct Asked {
    connection: Option<String>,
    state: Option<String>,
    after: Option<String>,
    top: Option<String>,
    done: Option<String>,
    still: Option<String>,
}

impl Asked {
    fn filter(&self) -> Result<Filter, String> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let state = given(&self.state).map(|word| {
            let found = RunState::ALL.into_iter().find(|it| it.word().eq_ignore_ascii_case(&word));
            let all = RunState::ALL.map(RunState::word).join(", ");
            found.ok_or_else(|| format!("there is no such state; there are {all}"))
        });
        let after = given(&self.after).map(|after| {
            let (tenant, key) = after.split_once('/').ok_or("`after` takes what `next` said")?;
            Ok::<_, String>(ImportId { tenant: tenant.to_owned(), key: key.to_owned() })
        });
        let top = given(&self.top).map(|top| {
            let top = top.parse().ok().filter(|top| (1..=MAX_TOP).contains(top));
            top.ok_or_else(|| format!("`top` is a whole number from 1 to {MAX_TOP}"))
        });
        let (state, after) = (state.transpose()?, after.transpose()?);
        let top = top.transpose()?.unwrap_or(DEFAULT_TOP);
        let wanted = Wanted { connection: given(&self.connection), state };
        Ok(Filter { wanted, after, top })
    }
}

/// Who asks, from where, what for, and in which form the answer is wanted.
pub(super) struct Visit {
    pub(super) viewer: Viewer,
    /// `None` where it cannot be read.
    asked: Option<Asked>,
    pub(super) wants_html: bool,
    pub(super) by: Actor,
    cookie: Option<HeaderValue>,
    headers: HeaderMap,
    is_https: bool,
}

impl FromRequestParts<App> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let OriginalUri(uri) = OriginalUri::from_request_parts(head, app).await?;
        let asked: Option<Asked> = Query::try_from_uri(&uri).ok().map(|Query(asked)| asked);
        let done = asked.as_ref().and_then(|asked| asked.done.as_deref());
        let headers = head.headers.clone();
        let is_https = app.engine.app().is_https();
        let (token, cookie) = csrf::token(&headers, is_https);
        let name = csrf::principal(&headers).filter(|_| app.engine.app().has_sign_in());
        let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let wants_html =
            accept.contains("text/html") && !uri.path().to_ascii_lowercase().ends_with(".json");
        let viewer = Viewer {
            links: Links::new(uri.path(), uri.query().unwrap_or_default()),
            name: name.clone(),
            token,
            told: done.filter(|_| csrf::is_from_here(&headers)).and_then(told),
            is_still: asked.as_ref().is_some_and(|asked| asked.still.is_some()),
            now: app.engine.now(),
        };
        Ok(Self { viewer, asked, wants_html, by: Actor::Page(name), cookie, headers, is_https })
    }
}

impl Visit {
    /// What the history is narrowed to.
    ///
    /// # Errors
    /// What cannot be understood, and what could.
    pub(super) fn filter(&self) -> Result<Filter, String> {
        let asked = self.asked.as_ref().ok_or("a parameter stands twice, or cannot be read")?;
        asked.filter()
    }

    /// Whether a form with this token is meant.
    pub(super) fn is_meant(&self, token: Option<&str>) -> bool {
        csrf::is_meant(&self.headers, token, self.is_https)
    }

    pub(super) fn page(self, page: &impl Template) -> Response {
        self.page_with(StatusCode::OK, page)
    }

    fn page_with(self, status: StatusCode, page: &impl Template) -> Response {
        let mut response = match page.render() {
            Ok(html) => (status, Html(html)).into_response(),
            Err(error) => return failure(&format!("the page could not be made: {error}")),
        };
        if let Some(cookie) = self.cookie {
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        response
    }

    /// Why there is no answer.
    pub(super) fn trouble(self, status: StatusCode, title: &str, why: &str) -> Response {
        if status.is_server_error() {
            tracing::error!("{why}");
        }
        if !self.wants_html {
            return (status, Json(json!({ "error": why }))).into_response();
        }
        let page = self.viewer.trouble(title, why);
        self.page_with(status, &page)
    }

    pub(super) fn storage_failed(self, error: &azure_core::Error) -> Response {
        let why = format!("storage: {}", sentence(error));
        self.trouble(StatusCode::INTERNAL_SERVER_ERROR, NO_STORAGE, &why)
    }

    pub(super) fn denied(self, denied: &CommandError) -> Response {
        let (status, title) = match denied {
            CommandError::Refused(_) => (StatusCode::NOT_FOUND, "Not found"),
            CommandError::Failed(_) => (StatusCode::INTERNAL_SERVER_ERROR, NO_STORAGE),
        };
        self.trouble(status, title, &denied.to_string())
    }

    /// What an address asks for that there is not.
    pub(super) fn not_understood(self, why: &str) -> Response {
        self.trouble(StatusCode::BAD_REQUEST, "Not understood", why)
    }
}

/// What is told on the page that follows a wish which was heard.
fn told(done: &str) -> Option<&'static str> {
    Some(match done {
        "allow" => "It may delete, this once; it is taken up now.",
        "retry" => "It is tried again now, unless another goes before it.",
        "cancel" => "It is given up.",
        "resume" => "The connection goes on: each waiting file when its next attempt is due.",
        "import" => "The inbox was looked through. What is new is taken up at once.",
        _ => return None,
    })
}
