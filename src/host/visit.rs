//! Who asks for a page, what for, and in which form the answer is wanted.

use askama::Template;
use axum::{
    Json,
    extract::OriginalUri,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT, SET_COOKIE},
    },
    response::{Html, IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{App, failure, guard};
use crate::{
    azure::sentence,
    cli::Denied,
    drive::By,
    page::{Filter, Links, Told, Viewer},
    run::{RunId, State as RunState},
};

/// Imports on one page, unless `top` says otherwise, and at most.
const DEFAULT_TOP: usize = 50;
const MAX_TOP: usize = 1000;

/// What an address asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    connection: Option<String>,
    state: Option<String>,
    after: Option<String>,
    top: Option<usize>,
    done: Option<String>,
    still: Option<String>,
}

impl Asked {
    /// What the history is narrowed to; a state or a place that there is not is no narrowing.
    pub(super) fn filter(&self) -> Filter {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let state = self.state.as_deref().and_then(|word| {
            RunState::ALL.into_iter().find(|state| state.word().eq_ignore_ascii_case(word))
        });
        let after = self.after.as_deref().and_then(|after| after.split_once('/'));
        let after =
            after.map(|(tenant, key)| RunId { tenant: tenant.to_owned(), key: key.to_owned() });
        Filter { connection: given(&self.connection), state, after }
    }

    pub(super) fn top(&self) -> usize {
        self.top.unwrap_or(DEFAULT_TOP).clamp(1, MAX_TOP)
    }
}

/// Who asks, from where, and in which form the answer is wanted.
pub(super) struct Visit {
    pub(super) viewer: Viewer,
    cookie: Option<HeaderValue>,
    pub(super) wants_html: bool,
    pub(super) by: By,
}

impl Visit {
    pub(super) fn new(
        app: &App,
        OriginalUri(uri): &OriginalUri,
        headers: &HeaderMap,
        asked: &Asked,
    ) -> Self {
        let (token, cookie) = guard::token(headers, app.road.is_https());
        let name = guard::principal(headers).filter(|_| app.road.has_sign_in());
        let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let wants_html =
            accept.contains("text/html") && !uri.path().to_ascii_lowercase().ends_with(".json");
        let viewer = Viewer {
            links: Links::new(uri.path(), uri.query().unwrap_or_default()),
            name: name.clone(),
            token,
            told: asked.done.as_deref().and_then(told),
            is_still: asked.still.is_some(),
            now: app.road.now(),
        };
        Self { viewer, cookie, wants_html, by: By::Page(name) }
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
        self.trouble(StatusCode::INTERNAL_SERVER_ERROR, "Storage did not answer", &why)
    }

    pub(super) fn denied(self, denied: &Denied) -> Response {
        let status = match denied {
            Denied::Refused(_) => StatusCode::NOT_FOUND,
            Denied::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        self.trouble(status, "There is no such import", &denied.to_string())
    }
}

/// What is told on the page that follows a wish which was heard.
fn told(done: &str) -> Option<Told> {
    let text = match done {
        "allow" => "It may delete, this once; it is taken up within a minute.",
        "retry" => "It is tried again within a minute, unless another goes before it.",
        "cancel" => "It is given up.",
        "resume" => "The connection goes on: each waiting file when its next attempt is due.",
        "import" => "The inbox was looked through. What is new is taken up at once.",
        _ => return None,
    };
    Some(Told { text: text.to_owned(), is_done: true })
}
