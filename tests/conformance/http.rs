//! Routes, keys, headers and bodies.

use viva_import::testbed::host::function_key;

use super::{KEY, Kind, Target, skipped, target, wire::send};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");

/// Each route that needs a key, with the function that serves it.
const WITH_KEY: [(&str, &str, &str); 5] = [
    ("GET", "/api/status", "status"),
    ("GET", "/api/console", "console"),
    ("GET", "/api/health", "health"),
    ("GET", "/api/v1/imports", "query"),
    ("POST", "/api/v1/imports/no-tenant.1-a:retry", "command"),
];

/// The status of a request with this key.
async fn with_key(target: &Target, method: &str, path: &str, key: &str) -> u16 {
    let headers = [JSON, ("x-functions-key", key)];
    send(&target.address, method, path, &headers, b"").await.status
}

#[tokio::test]
async fn each_route_needs_the_key_of_its_function_or_the_master_key() {
    let target = target().await;
    let anonymous = send(&target.address, "GET", "/api/signedin", &[], b"").await;
    assert_eq!((anonymous.status, anonymous.is_of_host()), (403, false), "the handler answers");
    let Some(key) = &target.key else {
        return skipped("the host has no keys; set VIVA_IMPORT_HOST_KEY");
    };
    for (method, path, function) in WITH_KEY {
        assert_eq!(with_key(&target, method, path, "").await, 401, "{path}");
        assert_eq!(with_key(&target, method, path, "wrong").await, 401, "{path}");
        let in_query = format!("{path}?code={key}");
        for status in [
            with_key(&target, method, path, key).await,
            send(&target.address, method, &in_query, &[JSON], b"").await.status,
        ] {
            assert_ne!(status, 401, "{path}");
        }
        if let Kind::Emulated(_) = target.kind {
            let own = function_key(KEY, function);
            assert_ne!(with_key(&target, method, path, &own).await, 401, "{path}");
        }
    }
    assert_eq!(with_key(&target, "GET", "/admin/host/status", "wrong").await, 401);
}

#[tokio::test]
async fn what_no_function_serves_is_404_by_the_host_without_a_content_type() {
    let target = target().await;
    for (method, path) in [
        ("GET", "/api/nothing"),
        ("GET", "/nothing"),
        ("POST", "/api/health"),
        ("DELETE", "/api/v1/imports"),
        ("GET", "/api/status//x"),
        ("GET", "/apistatus"),
    ] {
        let answer = target.ask(method, path, &[], b"").await;
        assert_eq!((answer.status, answer.is_of_host()), (404, true), "{method} {path}");
    }
    let handler = target.ask("GET", "/api/v1/nothing", &[], b"").await;
    assert_eq!((handler.status, handler.is_of_host()), (404, false));
    assert_eq!(target.ask("GET", "/api/status/%00", &[], b"").await.status, 400);
}

#[tokio::test]
async fn paths_reach_the_handler_as_the_proxy_encodes_them() {
    let target = target().await;
    for (path, says) in [
        ("/api/v1/imports/%FF", "importNotFound"),
        ("/api/v1/imports/a%2Fb", "importNotFound"),
        ("/api/v1/imports/1-a:x.y", "NotFound"),
        ("/api/v1/imports/a\\b", "importNotFound"),
    ] {
        let answer = target.ask("GET", path, &[], b"").await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body.contains(says), "{path}: {answer:?}");
    }
    // The host finds the function. The handler answers, whatever it does with the case.
    assert!(!target.ask("GET", "/API/v1/nothing", &[], b"").await.is_of_host());
    let start_page = send(&target.address, "GET", "/", &[], b"").await.status;
    assert!([200, 204].contains(&start_page), "{start_page}");
}

#[tokio::test]
async fn large_bodies_and_bodies_without_a_length_reach_the_handler() {
    let target = target().await;
    let path = "/api/v1/imports/no-tenant.1-a:retry";
    let chunked = [JSON, ("transfer-encoding", "chunked")];
    let answer = target.ask("POST", path, &chunked, b"2\r\n{}\r\n0\r\n\r\n").await;
    assert_eq!((answer.status, answer.is_of_host()), (404, false), "{answer:?}");
    assert!(answer.body.contains("importNotFound"), "{answer:?}");
    // Last, because the handler may close its connection to the host without reading all of it.
    let padded = format!("{{}}{}", " ".repeat(3 << 20));
    let large = target.ask("POST", path, &[JSON], padded.as_bytes()).await;
    assert!(!large.is_of_host() && large.status != 500, "{large:?}");
}

#[tokio::test]
async fn the_host_overwrites_forwarded_headers_and_passes_cookies_forms_and_redirects() {
    let target = target().await;
    let connection = target.connection().await;
    let page = target.ask("GET", "/api/console", &[("accept", "text/html")], b"").await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let cookie = page.header("set-cookie").unwrap().split(';').next().unwrap();
    let token = cookie.split_once('=').unwrap().1;
    let form = format!("action=sweep&connection={connection}&token={token}");
    let post = async |origin: &str, forwarded: &str| {
        let headers =
            [FORM, ("cookie", cookie), ("origin", origin), ("x-forwarded-host", forwarded)];
        target.ask("POST", "/api/console", &headers, form.as_bytes()).await
    };
    // The handler compares the origin of a form with the address of the request, which the host reports.
    let forged = post("http://elsewhere.example", "elsewhere.example").await;
    assert_eq!(forged.status, 403, "{forged:?}");
    let own = target.address.origin().ascii_serialization();
    let answer = post(&own, "elsewhere.example").await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let location = answer.header("location").unwrap_or_default();
    assert!(location.starts_with("/api/console?"), "{location}");
    target.forget(&connection).await;
}
