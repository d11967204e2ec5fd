//! App Service Authentication, which is on if the setting `WEBSITE_AUTH_ENABLED` is true.
//!
//! It is in front of the host. It removes `x-ms-client-principal` headers of the caller and sets them for a
//! signed-in user, who has a session cookie. Requests without one pass: the emulation never redirects to the sign-in
//! page. Sources: "Work with user identities in Azure App Service authentication", and on cross-site forms
//! "Authentication and authorization in Azure App Service".

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::{
    http::request::Parts,
    response::{IntoResponse as _, Redirect, Response},
};
use azure_core::Uuid;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{
    Method, StatusCode,
    header::{COOKIE, HeaderMap, HeaderName, ORIGIN, REFERER, SET_COOKIE},
};
use serde_json::json;
use url::Url;

use super::{
    runtime::{header, value},
    settings::Settings,
};

/// The name of the session cookie.
const SESSION: &str = "AppServiceAuthSession";
/// The address at which the identity provider sends a signed-in user back.
const CALLBACK: &str = "/.auth/login/aad/callback";
/// Every header that begins like this is the platform's.
const PRINCIPAL: &str = "x-ms-client-principal";

/// A signed-in user.
#[derive(Clone, Debug)]
pub(super) struct User {
    id: String,
    name: String,
    roles: Vec<String>,
}

impl User {
    pub(super) fn new(name: &str, roles: &[&str]) -> Self {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        Self { id: Uuid::new_v4().to_string(), name: name.to_owned(), roles }
    }

    /// The headers that the handler gets.
    fn headers(&self) -> [(&'static str, String); 4] {
        let Self { id, name, roles } = self;
        let name_type = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress";
        let claim = |kind: &str, value: &str| json!({ "typ": kind, "val": value });
        let mut claims = vec![claim(name_type, name)];
        claims.extend(roles.iter().map(|role| claim("roles", role)));
        let principal = json!({
            "auth_typ": "aad",
            "claims": claims,
            "name_typ": name_type,
            "role_typ": "roles",
        });
        [
            ("x-ms-client-principal-name", name.clone()),
            ("x-ms-client-principal-id", id.clone()),
            ("x-ms-client-principal-idp", "aad".to_owned()),
            (PRINCIPAL, STANDARD.encode(principal.to_string())),
        ]
    }
}

/// The sessions of the signed-in users.
#[derive(Debug, Default)]
pub(super) struct Authentication {
    sessions: Mutex<BTreeMap<String, User>>,
}

impl Authentication {
    /// `None` if it is off.
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        settings.is_true("WEBSITE_AUTH_ENABLED").then(Self::default)
    }

    /// Creates a session. Returns the path that sets its cookie.
    pub(super) fn session(&self, user: User) -> String {
        let session = Uuid::new_v4().to_string();
        let path = format!("{CALLBACK}?session={session}");
        self.sessions().insert(session, user);
        path
    }

    /// Replaces the headers of the platform. Returns the answer if the request must not reach the host.
    pub(super) fn check(&self, head: &mut Parts) -> Option<Response> {
        if head.uri.path() == CALLBACK {
            let session = head.uri.query().and_then(|query| query.strip_prefix("session="));
            let cookie = format!("{SESSION}={}; path=/; HttpOnly", session.unwrap_or_default());
            return Some(([(SET_COOKIE, cookie)], Redirect::to("/")).into_response());
        }
        let forged: Vec<HeaderName> =
            head.headers.keys().filter(|it| it.as_str().starts_with(PRINCIPAL)).cloned().collect();
        for name in forged {
            head.headers.remove(name);
        }
        let user = session(&head.headers).and_then(|id| self.sessions().get(id).cloned())?;
        if head.method == Method::POST && is_of_another_site(&head.headers) {
            return Some(StatusCode::FORBIDDEN.into_response());
        }
        for (name, content) in user.headers() {
            head.headers.insert(name, value(&content));
        }
        None
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<String, User>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn session(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).into_iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(SESSION)?.strip_prefix('='))
}

/// Whether a browser sent the request, and neither `Origin` nor, without it, `Referer` is an address of this app.
fn is_of_another_site(headers: &HeaderMap) -> bool {
    let is_browser = header(headers, "user-agent").is_some_and(|agent| agent.contains("Mozilla/"));
    let own = Url::parse(&format!("http://{}", header(headers, "host").unwrap_or_default()));
    let sent = header(headers, ORIGIN.as_str()).or_else(|| header(headers, REFERER.as_str()));
    let sent = sent.and_then(|sent| Url::parse(sent).ok());
    let is_own = own.is_ok_and(|own| sent.is_some_and(|sent| sent.origin() == own.origin()));
    is_browser && !is_own
}
