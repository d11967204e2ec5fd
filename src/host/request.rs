//! A request for a page: the user, the permissions, the parameters, and the CSRF check of forms.

use std::convert::Infallible;

use askama::Template;
use axum::{
    extract::{FromRequestParts, OriginalUri, Query},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{COOKIE, HOST, ORIGIN, SET_COOKIE},
        request::Parts,
    },
    response::{Html, IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use strum::VariantArray as _;
use url::{Origin, Url};

use super::{App, failure};
use crate::{
    config,
    engine::Actor,
    http::azure::sentence,
    import::{ImportId, State as ImportState},
    outcome::CommandError,
    page::{DEFAULT_TOP, EntryPoint, Filter, Links, MAX_TOP, Viewer},
    storage::import_table::Wanted,
};

const NO_STORAGE: &str = "Storage failed";

/// The parameters of an address.
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
            let mut states = ImportState::VARIANTS.iter().copied();
            states.find(|it| it.as_ref().eq_ignore_ascii_case(&word)).ok_or_else(|| {
                let all: Vec<&str> = ImportState::VARIANTS.iter().map(AsRef::as_ref).collect();
                format!("Unknown state. Expected: {}.", all.join(", "))
            })
        });
        let after = given(&self.after).map(|after| {
            ImportId::parse(&after)
                .ok_or_else(|| "`after` must be the value from a link of a page.".to_owned())
        });
        let top = given(&self.top).map(|top| {
            let top = top.parse().ok().filter(|top| (1..=MAX_TOP).contains(top));
            top.ok_or_else(|| format!("`top` must be a whole number from 1 to {MAX_TOP}."))
        });
        let (state, after) = (state.transpose()?, after.transpose()?);
        let top = top.transpose()?.unwrap_or(DEFAULT_TOP);
        let wanted = Wanted { connection: given(&self.connection), state, ..Wanted::default() };
        Ok(Filter { wanted, after, top })
    }
}

/// A request for a page.
pub(super) struct Visit {
    pub(super) viewer: Viewer,
    /// `None` if the parameters are invalid.
    asked: Option<Asked>,
    pub(super) access: Access,
    pub(super) by: Actor,
    cookie: Option<HeaderValue>,
    headers: HeaderMap,
    app: config::App,
}

impl FromRequestParts<App> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let OriginalUri(uri) = OriginalUri::from_request_parts(head, app).await?;
        let asked: Option<Asked> = Query::try_from_uri(&uri).ok().map(|Query(asked)| asked);
        let done = asked.as_ref().and_then(|asked| asked.done.as_deref());
        let headers = head.headers.clone();
        let platform = app.engine.app().clone();
        let (token, cookie) = token(&headers, platform.is_https());
        let name = principal(&headers).filter(|_| platform.has_sign_in());
        let links = Links::new(uri.path(), uri.query().unwrap_or_default());
        let access = match links.entry {
            EntryPoint::Status => Access::Read,
            EntryPoint::Console => Access::Operate,
            EntryPoint::SignedIn => roles(&headers),
        };
        let viewer = Viewer {
            links,
            can_operate: access == Access::Operate,
            name: name.clone(),
            token,
            message: done.filter(|_| is_same_origin(&headers)).and_then(confirmation),
            is_still: asked.as_ref().is_some_and(|asked| asked.still.is_some()),
            now: app.engine.now(),
        };
        let by = Actor::Page(name);
        Ok(Self { viewer, asked, access, by, cookie, headers, app: platform })
    }
}

impl Visit {
    /// The filter of the history.
    ///
    /// # Errors
    /// What is invalid, and what is expected.
    pub(super) fn filter(&self) -> Result<Filter, String> {
        let asked = self.asked.as_ref().ok_or("A parameter is invalid or occurs twice.")?;
        asked.filter()
    }

    /// Checks that a form was sent on purpose; `token` is its CSRF token.
    ///
    /// # Errors
    /// Why the form is rejected.
    pub(super) fn check_csrf(&self, token: Option<&str>) -> Result<(), &'static str> {
        check_csrf(&self.headers, token, &self.app)
    }

    pub(super) fn page(self, page: &impl Template) -> Response {
        self.page_with(StatusCode::OK, page)
    }

    fn page_with(self, status: StatusCode, page: &impl Template) -> Response {
        let mut response = match page.render() {
            Ok(html) => (status, Html(html)).into_response(),
            Err(error) => return failure(&format!("Could not render the page: {error}")),
        };
        if let Some(cookie) = self.cookie {
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        response
    }

    /// The page for an error.
    pub(super) fn error(self, status: StatusCode, title: &str, why: &str) -> Response {
        if status.is_server_error() {
            tracing::error!("{why}");
        }
        let page = self.viewer.error(title, why);
        self.page_with(status, &page)
    }

    pub(super) fn storage_failed(self, error: &azure_core::Error) -> Response {
        let why = format!("Storage failed: {}.", sentence(error));
        self.error(StatusCode::INTERNAL_SERVER_ERROR, NO_STORAGE, &why)
    }

    pub(super) fn command_error(self, error: &CommandError) -> Response {
        let (status, title) = match error {
            CommandError::Refused(_) => (StatusCode::NOT_FOUND, "Not found"),
            CommandError::Failed(_) => (StatusCode::INTERNAL_SERVER_ERROR, NO_STORAGE),
        };
        self.error(status, title, &error.to_string())
    }

    /// The page for a request that is invalid.
    pub(super) fn bad_request(self, why: &str) -> Response {
        self.error(StatusCode::BAD_REQUEST, "Bad request", why)
    }
}

/// The confirmation on the page after an action.
fn confirmation(done: &str) -> Option<&'static str> {
    Some(match done {
        "approve" => "The file is approved once. The import starts now.",
        "retry" => "The import is retried now, unless another import goes first.",
        "cancel" => "The import is cancelled.",
        "resume" => "The connection is resumed. Each waiting file resumes at its next attempt.",
        "sweep" => "The inbox was checked. The import of new files starts now.",
        _ => return None,
    })
}

const TOKEN_COOKIE: &str = "viva-import-form";
/// The same over https. The prefix prevents other hosts of the domain from setting it.
const HTTPS_TOKEN_COOKIE: &str = "__Host-viva-import-form";
/// Source: "Work with user identities in Azure App Service authentication".
const PRINCIPAL_NAME: HeaderName = HeaderName::from_static("x-ms-client-principal-name");
const PRINCIPAL: HeaderName = HeaderName::from_static("x-ms-client-principal");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The longest name that is recorded.
const LONGEST_NAME: usize = 100;

/// The permissions of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing.
    None,
    /// Read the pages.
    Read,
    /// Read the pages and request actions.
    Operate,
}

/// The permissions of a signed-in user, by the app roles in the headers of the platform. Like the name, they
/// are valid only behind App Service Authentication.
///
/// Source: "Work with user identities in Azure App Service authentication", "Decode the client principal
/// header".
fn roles(headers: &HeaderMap) -> Access {
    #[derive(Deserialize)]
    struct Principal {
        claims: Vec<Claim>,
        #[serde(default)]
        role_typ: String,
    }
    #[derive(Deserialize)]
    struct Claim {
        typ: String,
        val: String,
    }
    let decoded = headers.get(PRINCIPAL).and_then(|value| STANDARD.decode(value.as_bytes()).ok());
    let principal = decoded.and_then(|json| serde_json::from_slice::<Principal>(&json).ok());
    let Some(Principal { claims, role_typ }) = principal else { return Access::None };
    let has = |role: &str| {
        claims.iter().any(|it| (it.typ == "roles" || it.typ == role_typ) && it.val == role)
    };
    if has("Imports.Operate") {
        Access::Operate
    } else if has("Imports.Read") {
        Access::Read
    } else {
        Access::None
    }
}

/// The name of the signed-in user. It is valid only behind App Service Authentication.
fn principal(headers: &HeaderMap) -> Option<String> {
    let name = String::from_utf8_lossy(headers.get(PRINCIPAL_NAME)?.as_bytes());
    let name: String = name.chars().filter(|letter| !letter.is_control()).collect();
    let name: String = name.trim().chars().take(LONGEST_NAME).collect();
    (!name.is_empty()).then_some(name)
}

/// The CSRF token of this browser, and the cookie to set if there is none yet.
fn token(headers: &HeaderMap, is_https: bool) -> (String, Option<HeaderValue>) {
    if let Some(token) = token_of_cookie(headers, is_https) {
        return (token.to_owned(), None);
    }
    let token = azure_core::Uuid::new_v4().to_string();
    let (name, secure) =
        if is_https { (HTTPS_TOKEN_COOKIE, "; Secure") } else { (TOKEN_COOKIE, "") };
    // Lax: a link from another site keeps the token that other tabs have.
    let cookie = format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax{secure}");
    (token, HeaderValue::try_from(cookie).ok())
}

const NO_TOKEN: &str = "The form did not come from a page of this app, or cookies are off. Open the \
                        page again and repeat the action.";
const OTHER_ORIGIN: &str = "The form came from a page of another address than this app's, or the \
                            browser hides its origin. Open the page at the address of the app and \
                            repeat the action.";

/// Checks that a request that changes something was sent on purpose: by a program, or by a page of this app.
///
/// A key or a sign-in grants access, but does not show the intent of the user: a browser adds its sign-in to
/// forms of any site. So forms carry a CSRF token, which no other site can read. The browser sends it beside
/// the same token in a cookie, which no other site can set. A request without cookies is not from a signed-in
/// browser and needs no token.
fn check_csrf(
    headers: &HeaderMap,
    token: Option<&str>,
    app: &config::App,
) -> Result<(), &'static str> {
    if !is_of_browser(headers) {
        return Ok(());
    }
    if !is_same_origin(headers) || !is_own_origin(headers, app) {
        return Err(OTHER_ORIGIN);
    }
    let is_valid = token.is_some() && token_of_cookie(headers, app.is_https()) == token;
    if is_valid { Ok(()) } else { Err(NO_TOKEN) }
}

/// Whether a web page sent the request: programs do not send these headers.
pub(super) fn is_of_page(headers: &HeaderMap) -> bool {
    [ORIGIN, FETCH_SITE].iter().any(|name| headers.contains_key(name))
}

/// Whether a page of this app sent the request, as far as the browser reports it.
fn is_same_origin(headers: &HeaderMap) -> bool {
    headers.get(FETCH_SITE).is_none_or(|site| site == "same-origin")
}

/// Whether the origin of a form is that of this app's pages, as far as it is sent.
///
/// If the browser has compared the two itself, its result counts: it knows the address of the page, and behind
/// a proxy this app may not. But `null` is rejected: pages of this app send their origin.
fn is_own_origin(headers: &HeaderMap, app: &config::App) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Some(origin) = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok()) else {
        return false;
    };
    headers.contains_key(FETCH_SITE) || own_origins(headers, app).contains(&Some(origin.origin()))
}

/// The origins of this app's pages: the address of the request, which is the custom domain if there is one,
/// and the app's own address.
///
/// Behind the host, `Host` is the handler's own address, and the host overwrites `X-Forwarded-Host` and
/// `X-Forwarded-Proto` with the values of the request; without the host, `Host` is that of the request. A form
/// of another site can set none of them. In Azure the protocol is always https, which ends before the host.
fn own_origins(headers: &HeaderMap, app: &config::App) -> [Option<Origin>; 2] {
    let given = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let proto = if app.is_https() { None } else { given(FORWARDED_PROTO).or(Some("http")) };
    let asked = given(FORWARDED_HOST).or_else(|| given(HOST));
    [asked, app.host()].map(|host| {
        let url = format!("{}://{}", proto.unwrap_or("https"), host?);
        Url::parse(&url).ok().map(|url| url.origin())
    })
}

/// Whether a browser sent the request: only browsers send an origin or cookies.
pub(super) fn is_of_browser(headers: &HeaderMap) -> bool {
    [ORIGIN, FETCH_SITE, COOKIE].iter().any(|name| headers.contains_key(name))
}

fn token_of_cookie(headers: &HeaderMap, is_https: bool) -> Option<&str> {
    let wanted = if is_https { HTTPS_TOKEN_COOKIE } else { TOKEN_COOKIE };
    let cookies = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == wanted && is_token(value)).then_some(value)
    });
    pairs.next()
}

/// Only tokens of this form are written into a page.
fn is_token(value: &str) -> bool {
    value.len() == 36 && azure_core::Uuid::parse_str(value).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    fn is_meant(headers: &HeaderMap, token: Option<&str>) -> bool {
        check_csrf(headers, token, &config::App::default()).is_ok()
    }

    #[test]
    fn a_form_is_accepted_if_cookie_and_token_agree_and_the_browser_does_not_object() {
        let cookie = format!("a=b; viva-import-form={TOKEN}");
        let ours = [("cookie", cookie.as_str()), ("origin", "http://a:7071"), ("host", "a:7071")];
        assert!(is_meant(&headers(&ours), Some(TOKEN)));
        assert!(is_meant(&headers(&ours[..1]), Some(TOKEN)), "no origin is sent");
        let same = [ours[0], ours[1], ("sec-fetch-site", "same-origin")];
        assert!(is_meant(&headers(&same), Some(TOKEN)));
        for site in ["cross-site", "same-site", "none"] {
            let other = [ours[0], ours[1], ("sec-fetch-site", site)];
            assert!(!is_meant(&headers(&other), Some(TOKEN)), "{site}");
        }
        assert!(!is_meant(&headers(&ours), None));
        assert!(!is_meant(&headers(&ours), Some("another")));
        assert!(!is_meant(&headers(&[("origin", "null")]), Some(TOKEN)));
        assert!(!is_meant(&headers(&[("cookie", "AppServiceAuthSession=x")]), None));
        let strange = [("cookie", "viva-import-form=x")];
        assert!(!is_meant(&headers(&strange), Some("x")), "a token of another form");
    }

    /// Whether a form with this origin and its token is accepted from a client with these headers.
    fn is_own(app: &config::App, origin: &str, more: &[(&'static str, &str)]) -> bool {
        let name = if app.is_https() { HTTPS_TOKEN_COOKIE } else { TOKEN_COOKIE };
        let cookie = format!("{name}={TOKEN}");
        let own = [("cookie", cookie.as_str()), ("origin", origin), ("host", "127.0.0.1:7072")];
        let verdict = check_csrf(&headers(&[&own, more].concat()), Some(TOKEN), app);
        assert!([Ok(()), Err(OTHER_ORIGIN)].contains(&verdict), "{verdict:?}");
        verdict.is_ok()
    }

    #[test]
    fn the_own_origin_is_that_of_the_request_to_the_host() {
        let here = config::App::default();
        let forwarded = [("x-forwarded-host", "localhost:7071"), ("x-forwarded-proto", "http")];
        assert!(is_own(&here, "http://localhost:7071", &forwarded));
        for other in [
            "http://localhost:7072",
            "https://localhost:7071",
            "http://127.0.0.1:7072",
            "null",
            "x",
        ] {
            assert!(!is_own(&here, other, &forwarded), "{other}");
        }
        assert!(is_own(&here, "http://127.0.0.1:7072", &[]), "a host that forwards keeps `Host`");

        // The platform ends https, so the forwarded protocol says nothing.
        let domain = [("x-forwarded-host", "Hr.contoso.com:443"), ("x-forwarded-proto", "http")];
        for own in ["https://hr.contoso.com", "https://viva.azurewebsites.net"] {
            assert!(is_own(&in_azure(), own, &domain), "{own}");
        }
        for other in [
            "http://hr.contoso.com",
            "https://contoso.com",
            "https://hr.contoso.com:8443",
            "https://other.azurewebsites.net",
            "null",
        ] {
            assert!(!is_own(&in_azure(), other, &domain), "{other}");
        }
    }

    #[test]
    fn a_browser_that_reports_the_same_origin_is_trusted_unless_it_hides_it() {
        let same = [("sec-fetch-site", "same-origin")];
        assert!(is_own(&in_azure(), "https://proxy.contoso.com", &same));
        assert!(!is_own(&in_azure(), "null", &same));
        assert!(!is_own(
            &in_azure(),
            "https://proxy.contoso.com",
            &[("sec-fetch-site", "same-site")]
        ));
    }

    fn in_azure() -> config::App {
        let setting = |name: &str| match name {
            "ImportStorage__accountName" => Some("hrdata".to_owned()),
            "WEBSITE_HOSTNAME" => Some("viva.azurewebsites.net".to_owned()),
            _ => None,
        };
        config::Config::read(setting).unwrap().app
    }

    #[test]
    fn over_https_only_the_cookie_with_the_host_prefix_counts() {
        let plain = format!("viva-import-form={TOKEN}");
        let own = format!("__Host-viva-import-form={TOKEN}");
        let is_meant =
            |cookie: &str| check_csrf(&headers(&[("cookie", cookie)]), Some(TOKEN), &in_azure());
        assert!(is_meant(&own).is_ok());
        assert_eq!(is_meant(&plain), Err(NO_TOKEN));
        let (token, set) = token(&headers(&[("cookie", &plain)]), true);
        assert_ne!(token, TOKEN);
        let set = set.unwrap();
        assert_eq!(
            set.to_str().unwrap(),
            format!("__Host-viva-import-form={token}; Path=/; HttpOnly; SameSite=Lax; Secure")
        );
    }

    #[test]
    fn a_program_needs_no_token() {
        assert!(is_meant(&headers(&[("x-functions-key", "k")]), None));
    }

    #[test]
    fn a_browser_keeps_its_token_and_gets_one_if_it_has_none() {
        let cookie = format!("viva-import-form={TOKEN}");
        assert_eq!(token(&headers(&[("cookie", &cookie)]), false), (TOKEN.to_owned(), None));
        let (token, set) = token(&HeaderMap::new(), false);
        assert!(set.unwrap().to_str().unwrap().contains(&token));
    }

    #[test]
    fn a_name_is_recorded_without_control_characters() {
        let named = |name: &str| principal(&headers(&[("x-ms-client-principal-name", name)]));
        assert_eq!(named(" ana@contoso.com "), Some("ana@contoso.com".to_owned()));
        assert_eq!(named("a\tb"), Some("ab".to_owned()));
        assert_eq!(named(""), None);
        assert_eq!(named(&"n".repeat(500)).unwrap().len(), LONGEST_NAME);
    }
}
