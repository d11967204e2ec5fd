//! Permissions: by the key of each function, and by the role of the signed-in user.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Client, Method, header::HeaderMap, redirect::Policy};
use serde_json::json;
use viva_import::{
    import::{Import, State},
    testbed::{
        deployment::Stage,
        host::{Front, function_key},
    },
};

use crate::stage::{ended, stage};

const KEY: &str = "the-key-for-all";
const BAD_CSV: &str = "Employee,EffectiveDate,Manager,Organization\n\
     ana@contoso.com,11/01/2026,,Executive\nbo,11/01/2026,ana@contoso.com,Sales\n";

async fn with_bad_file(settings: &[(&str, &str)]) -> (Stage, Import) {
    let stage = stage(settings).await;
    stage.arrive("hr/bad.csv", BAD_CSV.into()).await.unwrap();
    let import = ended(&stage, "hr/bad.csv").await;
    assert_eq!(import.state, State::Rejected);
    (stage, import)
}

fn client() -> Client {
    Client::builder().no_proxy().redirect(Policy::none()).build().unwrap()
}

/// Every page and every action, with the function that serves it.
fn requests(import: &Import) -> Vec<(Method, String, &'static str, &'static str)> {
    let (id, name) = (import.id.to_string(), import.id.name());
    let get = |path: String, function| (Method::GET, path, "", function);
    let mut all = vec![
        get("/api/status".to_owned(), "status"),
        get(format!("/api/status/{id}"), "status"),
        get("/api/console".to_owned(), "console"),
        get(format!("/api/console/{id}"), "console"),
        get("/api/v1/imports".to_owned(), "query"),
        get(format!("/api/v1/imports/{name}"), "query"),
        get(format!("/api/v1/imports/{name}/findings"), "query"),
        get("/api/v1/connections".to_owned(), "query"),
        get("/api/v1/connections/hr".to_owned(), "query"),
        get("/api/v1/openapi.json".to_owned(), "query"),
        get("/api/health".to_owned(), "health"),
    ];
    for (path, form) in [
        (format!("/api/console/{id}"), "action=approve"),
        (format!("/api/console/{id}"), "action=cancel"),
        (format!("/api/console/{id}"), "action=retry"),
        ("/api/console".to_owned(), "action=resume&connection=hr"),
        ("/api/console".to_owned(), "action=sweep&connection=hr"),
        ("/api/console".to_owned(), "action=diagnose&connection=hr"),
    ] {
        all.push((Method::POST, path, form, "console"));
    }
    for path in [
        format!("imports/{name}:approve"),
        format!("imports/{name}:cancel"),
        format!("imports/{name}:retry"),
        "connections/hr:resume".to_owned(),
        "connections/hr:sweep".to_owned(),
        "connections/hr:diagnose".to_owned(),
    ] {
        all.push((Method::POST, format!("/api/v1/{path}"), "{}", "command"));
    }
    all
}

#[tokio::test]
async fn the_key_of_a_function_opens_only_that_function() {
    let (stage, import) = with_bad_file(&[]).await;
    let front: Front = stage.host.open_front(KEY).await.unwrap();
    let client = client();
    for (method, path, body, function) in requests(&import) {
        let ask = async |key: Option<String>| {
            let url = format!("http://{}{path}", front.address);
            let media = if body.starts_with('{') {
                "application/json"
            } else {
                "application/x-www-form-urlencoded"
            };
            let mut request = client.request(method.clone(), url).header("content-type", media);
            if let Some(key) = key {
                request = request.header("x-functions-key", key);
            }
            request.body(body).send().await.unwrap().status().as_u16()
        };
        assert_eq!(ask(None).await, 401, "{method} {path}");
        for other in ["query", "command", "status", "console", "health", "intake"] {
            if other != function {
                let status = ask(Some(function_key(KEY, other))).await;
                assert_eq!(status, 401, "{method} {path} with the key of {other}");
            }
        }
        // The program answers a conflict; the host does not reject the key.
        let status = ask(Some(function_key(KEY, function))).await;
        assert!([200, 303, 409].contains(&status), "{method} {path} {body}: {status}");
        assert!([200, 303, 409].contains(&ask(Some(KEY.to_owned())).await), "{method} {path}");
    }
    // The read-only pages accept no action, with any key.
    let url = format!("http://{}/api/status?code={KEY}", front.address);
    let answer = client.post(url).body("action=sweep&connection=hr").send().await.unwrap();
    assert_eq!(answer.status(), 404, "the host knows no POST there");
}

#[tokio::test]
async fn read_only_pages_have_no_buttons_and_no_page_links_to_another_address() {
    let (stage, import) = with_bad_file(&[]).await;
    let page = async |path: &str| {
        let answer =
            stage.host.http(Method::GET, path, HeaderMap::new(), bytes::Bytes::new()).await;
        assert_eq!(answer.status, 200, "{path}");
        String::from_utf8(answer.body.to_vec()).unwrap()
    };
    for (own, others) in [
        ("/api/status", ["/api/console", "/api/signedin"]),
        ("/api/console", ["/api/status", "/api/signedin"]),
    ] {
        for path in [own.to_owned(), format!("{own}/{}", import.id)] {
            let html = page(&path).await;
            assert_eq!(html.contains("method=\"post\""), own == "/api/console", "{path}");
            assert_eq!(html.contains("name=\"action\""), own == "/api/console", "{path}");
            for other in others {
                assert!(!html.contains(other), "{path} links to {other}");
            }
        }
    }
}

/// The headers of App Service Authentication for `ana` with these app roles.
fn signed_in(roles: &[&str], role_type: &str) -> HeaderMap {
    let claims: Vec<_> =
        roles.iter().map(|role| json!({ "typ": role_type, "val": role })).collect();
    let principal = json!({ "auth_typ": "aad", "role_typ": role_type, "claims": claims });
    let mut headers = HeaderMap::new();
    headers.insert("x-ms-client-principal-name", "ana@contoso.com".parse().unwrap());
    let principal = STANDARD.encode(principal.to_string());
    headers.insert("x-ms-client-principal", principal.parse().unwrap());
    headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    headers
}

#[tokio::test]
async fn a_signed_in_user_may_do_what_the_role_allows() {
    let settings = [("APP_SERVICE_AUTH", "true"), ("WEBSITE_AUTH_ENABLED", "True")];
    let (stage, import) = with_bad_file(&settings).await;
    let of_import = format!("/api/signedin/{}", import.id);
    let ask = async |headers: &HeaderMap, method: Method, path: &str, form: &'static str| {
        let answer = stage.host.http(method, path, headers.clone(), form.into()).await;
        (answer.status.as_u16(), String::from_utf8(answer.body.to_vec()).unwrap())
    };
    let long = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";
    let mut nobody = signed_in(&["Imports.Operate"], "roles");
    nobody.remove("x-ms-client-principal-name");
    let mut garbled = signed_in(&[], "roles");
    garbled.insert("x-ms-client-principal", "not base64!".parse().unwrap());
    let operates = signed_in(&["Other", "Imports.Operate"], long);
    for (who, headers, sees, asks) in [
        ("nobody", nobody, 403, 403),
        ("no role", signed_in(&[], "roles"), 403, 403),
        ("another role", signed_in(&["Imports.Write", "imports.read"], "roles"), 403, 403),
        ("a garbled principal", garbled, 403, 403),
        ("Imports.Read", signed_in(&["Imports.Read"], "roles"), 200, 403),
        ("Imports.Operate", operates.clone(), 200, 0),
    ] {
        for path in ["/api/signedin", &of_import] {
            let (status, page) = ask(&headers, Method::GET, path, "").await;
            assert_eq!(status, sees, "{who} at {path}");
            assert_eq!(page.contains("name=\"action\""), asks == 0, "{who} at {path}");
            assert!(sees == 403 || page.contains("Signed in as ana@contoso.com"), "{who}");
        }
        if asks == 403 {
            for form in ["action=retry", "action=cancel", "action=approve"] {
                assert_eq!(
                    ask(&headers, Method::POST, &of_import, form).await.0,
                    403,
                    "{who} {form}"
                );
            }
            for form in ["action=sweep&connection=hr", "action=diagnose&connection=hr"] {
                let (status, page) = ask(&headers, Method::POST, "/api/signedin", form).await;
                assert_eq!(status, 403, "{who} {form}");
                assert!(page.contains("Imports.Operate") || who == "nobody", "{page}");
            }
        }
    }
    assert_eq!(stage.imports().await.unwrap()[0].operator_actions, None, "nothing has changed");
    for (path, form, expected) in [
        (of_import.as_str(), "action=approve", 409),
        (&of_import, "action=retry", 303),
        ("/api/signedin", "action=sweep&connection=hr", 303),
        ("/api/signedin", "action=diagnose&connection=hr", 200),
        ("/api/signedin", "action=resume&connection=hr", 409),
    ] {
        assert_eq!(ask(&operates, Method::POST, path, form).await.0, expected, "{form}");
    }
    let by = stage.imports().await.unwrap()[0].operator_actions.clone().unwrap();
    assert!(by.starts_with("by ana@contoso.com on the console (retry)"), "{by}");
    // A role does not open functions that require a key.
    let front = stage.host.open_front(KEY).await.unwrap();
    let url = format!("http://{}/api/console", front.address);
    assert_eq!(client().get(url).headers(operates).send().await.unwrap().status(), 401);
}
