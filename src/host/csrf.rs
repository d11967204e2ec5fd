//! Who asks, and whether a form is one of ours.
//!
//! A key, or a sign-in, opens the door; neither says that a person meant it, since a browser brings
//! a sign-in along wherever a form comes from. So a browser has to send with each form the token
//! that its page had, which no other site can read, beside the same in a cookie that no other site
//! can make it send. What sends no cookies is no browser that is signed in, and needs no token.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header::COOKIE, header::ORIGIN};

const TOKEN_COOKIE: &str = "viva-import-form";
/// The same over https: the prefix keeps other hosts of the domain from setting it.
const HTTPS_TOKEN_COOKIE: &str = "__Host-viva-import-form";
/// Source: "Work with user identities in Azure App Service authentication".
const PRINCIPAL_NAME: HeaderName = HeaderName::from_static("x-ms-client-principal-name");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Longest name that is recorded.
const LONGEST_NAME: usize = 100;

/// The name of whoever is signed in. Only where App Service Authentication stands before the app may
/// this be believed.
pub(super) fn principal(headers: &HeaderMap) -> Option<String> {
    let name = String::from_utf8_lossy(headers.get(PRINCIPAL_NAME)?.as_bytes());
    let name: String = name.chars().filter(|letter| !letter.is_control()).collect();
    let name: String = name.trim().chars().take(LONGEST_NAME).collect();
    (!name.is_empty()).then_some(name)
}

/// The token of this browser, and the cookie to set where it has none yet.
pub(super) fn token(headers: &HeaderMap, is_https: bool) -> (String, Option<HeaderValue>) {
    if let Some(token) = token_of_cookie(headers, is_https) {
        return (token.to_owned(), None);
    }
    let token = azure_core::Uuid::new_v4().to_string();
    let (name, secure) =
        if is_https { (HTTPS_TOKEN_COOKIE, "; Secure") } else { (TOKEN_COOKIE, "") };
    // Lax: who follows a link from elsewhere keeps the token that other tabs have.
    let cookie = format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax{secure}");
    (token, HeaderValue::try_from(cookie).ok())
}

/// Whether a request that changes something is meant: it comes from no browser, or from a page of
/// ours.
pub(super) fn is_meant(headers: &HeaderMap, token: Option<&str>, is_https: bool) -> bool {
    if !is_of_browser(headers) {
        return true;
    }
    is_from_here(headers) && token.is_some() && token_of_cookie(headers, is_https) == token
}

/// Whether a request comes from a page of ours, as far as the browser says where it comes from.
pub(super) fn is_from_here(headers: &HeaderMap) -> bool {
    headers.get(FETCH_SITE).is_none_or(|site| site == "same-origin")
}

/// A browser says with each form where it is from, or brings cookies; nothing else does.
fn is_of_browser(headers: &HeaderMap) -> bool {
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

/// What was never made here is not written into a page.
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
        super::is_meant(headers, token, false)
    }

    #[test]
    fn a_form_is_ours_where_cookie_and_token_agree_and_the_browser_does_not_object() {
        let cookie = format!("a=b; viva-import-form={TOKEN}");
        let ours = [("origin", "https://a"), ("cookie", cookie.as_str())];
        assert!(is_meant(&headers(&ours), Some(TOKEN)));
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
        let strange = [("origin", "https://a"), ("cookie", "viva-import-form=x")];
        assert!(!is_meant(&headers(&strange), Some("x")), "a token that was never made here");
    }

    #[test]
    fn over_https_only_the_cookie_counts_that_no_other_host_can_set() {
        let plain = format!("viva-import-form={TOKEN}");
        let own = format!("__Host-viva-import-form={TOKEN}");
        let is_meant =
            |cookie: &str| super::is_meant(&headers(&[("cookie", cookie)]), Some(TOKEN), true);
        assert!(is_meant(&own) && !is_meant(&plain));
        let (token, set) = token(&headers(&[("cookie", &plain)]), true);
        assert_ne!(token, TOKEN);
        let set = set.unwrap();
        assert_eq!(
            set.to_str().unwrap(),
            format!("__Host-viva-import-form={token}; Path=/; HttpOnly; SameSite=Lax; Secure")
        );
    }

    #[test]
    fn what_is_no_browser_needs_no_token() {
        assert!(is_meant(&headers(&[("x-functions-key", "k")]), None));
    }

    #[test]
    fn a_browser_keeps_its_token_and_gets_one_where_it_has_none() {
        let cookie = format!("viva-import-form={TOKEN}");
        assert_eq!(token(&headers(&[("cookie", &cookie)]), false), (TOKEN.to_owned(), None));
        let (token, set) = token(&HeaderMap::new(), false);
        assert!(set.unwrap().to_str().unwrap().contains(&token));
    }

    #[test]
    fn a_name_is_told_without_what_could_write_a_line_of_its_own() {
        let named = |name: &str| principal(&headers(&[("x-ms-client-principal-name", name)]));
        assert_eq!(named(" ana@contoso.com "), Some("ana@contoso.com".to_owned()));
        assert_eq!(named("a\tb"), Some("ab".to_owned()));
        assert_eq!(named(""), None);
        assert_eq!(named(&"n".repeat(500)).unwrap().len(), LONGEST_NAME);
    }
}
