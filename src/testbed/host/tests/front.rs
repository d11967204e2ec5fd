//! The front end: the start page, the addresses of the administrator, and App Service Authentication.

use reqwest::{Client, redirect::Policy};

use super::*;

const KEY: &str = "the-key";

fn client() -> Client {
    Client::builder().no_proxy().redirect(Policy::none()).build().unwrap()
}

#[tokio::test]
async fn the_start_page_is_for_everybody_unless_it_is_disabled() {
    for (setting, expected) in [("false", 200), ("true", 204)] {
        let deployed = Deployed::new().unscheduled().set("AzureWebJobsDisableHomepage", setting);
        let host = deployed.start().await;
        let front = host.open_front(KEY).await.unwrap();
        let answer = client().get(format!("http://{}/", front.address)).send().await.unwrap();
        assert_eq!(answer.status(), expected);
    }
}

#[tokio::test]
async fn the_administrator_needs_the_master_key_and_drains_the_host() {
    let deployed = Deployed::new().unscheduled();
    let host = deployed.start().await;
    let front = host.open_front(KEY).await.unwrap();
    let send = async |method: Method, path: &str, key: &str| {
        let url = format!("http://{}/admin/{path}", front.address);
        client().request(method, url).header("x-functions-key", key).send().await.unwrap()
    };
    for key in ["", &function_key(KEY, "Work")] {
        assert_eq!(send(Method::POST, "host/drain", key).await.status(), 401);
    }
    let status: Value = send(Method::GET, "host/status", KEY).await.json().await.unwrap();
    assert_eq!(status["state"], "Running");
    assert_eq!(send(Method::GET, "other", KEY).await.status(), 404);
    assert_eq!(send(Method::POST, "host/drain", KEY).await.status(), 202);
    assert!(host.runtime.stopping.is_cancelled());
}

#[tokio::test]
async fn a_body_of_several_mebibytes_passes() {
    let deployed = Deployed::new().function("All", http("{*path}"));
    let host = deployed.start().await;
    let front = host.open_front(KEY).await.unwrap();
    let body = "x".repeat(5 << 20);
    let url = format!("http://{}/api/a", front.address);
    let answer = client().post(url).body(body.clone()).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap().len(), "proxied ".len() + body.len());
}

#[tokio::test]
async fn when_the_host_is_gone_its_connections_close_and_new_ones_are_refused() {
    let deployed = Deployed::new().function("All", http("{*path}"));
    let host = deployed.start().await;
    let front = host.open_front(KEY).await.unwrap();
    let url = format!("http://{}/api/waits", front.address);
    let request = tokio::spawn(client().get(&url).send());
    deployed.until_requested("/api/waits").await;
    let _orphan = host.die().await;
    assert!(request.await.unwrap().unwrap_err().is_request());
    while !client().get(&url).send().await.is_err_and(|error| error.is_connect()) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn authentication_replaces_the_headers_of_the_caller_and_rejects_forms_of_other_sites() {
    let deployed =
        Deployed::new().function("All", http("{*path}")).set("WEBSITE_AUTH_ENABLED", "True");
    let host = deployed.start().await;
    let front = host.open_front(KEY).await.unwrap();
    let signed_in = client().get(front.sign_in("ana@contoso.com", &["Imports.Read"]).unwrap());
    let signed_in = signed_in.send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    let own = format!("http://{}", front.address);
    let url = format!("{own}/api/a");
    let forged = ("x-ms-client-principal-name", "mallory");
    let (browser, cookie) = (("user-agent", "Mozilla/5.0"), ("cookie", cookie));
    let elsewhere = "https://elsewhere.example";
    for (method, headers, expected) in [
        (Method::GET, vec![forged], 418),
        (Method::GET, vec![forged, cookie, browser], 418),
        (Method::POST, vec![cookie, browser, ("origin", &own)], 418),
        (Method::POST, vec![cookie, browser, ("referer", &url)], 418),
        (Method::POST, vec![cookie], 418),
        (Method::POST, vec![browser, ("origin", elsewhere)], 418),
        (Method::POST, vec![cookie, browser, ("origin", elsewhere)], 403),
        (Method::POST, vec![cookie, browser, ("origin", "null")], 403),
        (Method::POST, vec![cookie, browser], 403),
    ] {
        let mut request = client().request(method.clone(), &url);
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        assert_eq!(request.send().await.unwrap().status(), expected, "{method} {headers:?}");
    }
    let seen = deployed.requests();
    let principal = |request: &Value, name: &str| {
        let headers = request["headers"].as_array().unwrap();
        let place = headers.iter().position(|header| header == name);
        place.map(|place| headers[place + 1].as_str().unwrap().to_owned())
    };
    assert_eq!(principal(&seen[0], "x-ms-client-principal-name"), None);
    assert_eq!(principal(&seen[1], "x-ms-client-principal-name").unwrap(), "ana@contoso.com");
    assert_eq!(principal(&seen[1], "x-ms-client-principal-idp").unwrap(), "aad");
    let decoded = STANDARD.decode(principal(&seen[1], "x-ms-client-principal").unwrap()).unwrap();
    let decoded: Value = serde_json::from_slice(&decoded).unwrap();
    assert_eq!(decoded["claims"][1], json!({ "typ": "roles", "val": "Imports.Read" }));
}
