//! How requests reach the handler.

use super::*;

/// Sends a request and returns the status.
async fn send(host: &Host, method: Method, path: &str, body: &'static str) -> u16 {
    host.http(method, path, HeaderMap::new(), body.into()).await.status.as_u16()
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    pairs.collect()
}

/// The values of a header that the handler has seen.
fn values(request: &Value, name: &str) -> Vec<String> {
    let headers = request["headers"].as_array().unwrap().chunks(2);
    let own = headers.filter(|pair| pair[0].as_str().unwrap().eq_ignore_ascii_case(name));
    own.map(|pair| pair[1].as_str().unwrap().to_owned()).collect()
}

fn forwards(deployed: Deployed) -> Deployed {
    let off = "AzureFunctionsJobHost__customHandler__enableProxyingHttpRequest";
    let on = "AzureFunctionsJobHost__customHandler__enableForwardingHttpRequest";
    deployed.set(off, "false").set(on, "true")
}

#[tokio::test]
async fn the_prefix_ignores_case_and_an_empty_part_of_a_path_is_no_route() {
    let deployed = Deployed::new().function("All", http("{*path}"));
    let host = deployed.start().await;
    for (path, expected) in [
        ("/API/a", 418),
        ("/api/a/", 418),
        ("/api", 418),
        ("/api/a//b", 404),
        ("//api/a", 404),
        ("/apia", 404),
        ("/api/%00", 400),
    ] {
        assert_eq!(send(&host, Method::GET, path, "").await, expected, "{path}");
    }
    let not_found = host.http(Method::GET, "/other", HeaderMap::new(), Bytes::new()).await;
    assert_eq!((not_found.status.as_u16(), not_found.headers.len()), (404, 0));
}

#[tokio::test]
async fn a_proxied_path_is_encoded_anew_and_a_forwarded_one_keeps_an_encoded_slash() {
    for (is_forwarded, slash) in [(false, "/api/a%252Fb?q=%2F"), (true, "/api/a%2Fb?q=%2F")] {
        let mut deployed = Deployed::new().function("All", http("{*path}"));
        if is_forwarded {
            deployed = forwards(deployed);
        }
        let host = deployed.start().await;
        for path in ["/api/a%2Fb?q=%2F", "/api/a\\b"] {
            assert_eq!(send(&host, Method::GET, path, "").await, 418);
        }
        let seen: Vec<Value> = deployed.requests().iter().map(|it| it["url"].clone()).collect();
        assert_eq!(seen, [slash, "/api/a%5Cb"]);
    }
}

#[tokio::test]
async fn a_proxied_request_without_a_body_is_sent_again_when_the_handler_dies() {
    let deployed = Deployed::new().function("All", http("{*path}"));
    let host = deployed.start().await;
    assert_eq!(send(&host, Method::POST, "/api/dies", "").await, 418);
    assert!(deployed.requests().len() >= 2, "it ran twice");
    assert_eq!(host.outcomes().len(), 1, "it is one invocation");
}

#[tokio::test]
async fn a_request_with_a_body_or_forwarded_fails_when_the_handler_dies() {
    for (is_forwarded, body) in [(false, "body"), (true, "")] {
        let mut deployed = Deployed::new().function("All", http("{*path}"));
        if is_forwarded {
            deployed = forwards(deployed);
        }
        let host = deployed.start().await;
        assert_eq!(send(&host, Method::POST, "/api/dies", body).await, 500);
        assert_eq!(deployed.requests().len(), 1);
        while send(&host, Method::POST, "/api/dies", body).await != 418 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_proxied_but_not_forwarded() {
    for (is_forwarded, expected) in [(false, 418), (true, 500)] {
        let mut deployed = Deployed::new().function("All", http("{*path}"));
        if is_forwarded {
            deployed = forwards(deployed);
        }
        let host = deployed.start().await;
        let chunked = headers(&[("transfer-encoding", "chunked")]);
        let answer = host.http(Method::POST, "/api/a", chunked, "body".into()).await;
        assert_eq!(answer.status, expected);
        if !is_forwarded {
            assert_eq!(&answer.body[..], b"proxied body");
            assert_eq!(values(&deployed.requests()[0], "transfer-encoding"), ["chunked"]);
        }
    }
}

#[tokio::test]
async fn the_headers_of_the_caller_are_overwritten_if_proxied_and_extended_if_forwarded() {
    let sent = headers(&[
        ("host", "hr.contoso.com"),
        ("user-agent", "curl/8"),
        ("x-azure-functions-invocationid", "mine"),
        ("x-forwarded-proto", "https"),
        ("traceparent", "00-1-2-00"),
    ]);
    for is_forwarded in [false, true] {
        let mut deployed = Deployed::new().function("All", http("{*path}"));
        if is_forwarded {
            deployed = forwards(deployed);
        }
        let host = deployed.start().await;
        host.http(Method::GET, "/api/a", sent.clone(), Bytes::new()).await;
        let (request, id) = (&deployed.requests()[0], host.outcomes()[0].id.clone());
        let own = format!("127.0.0.1:{}", host.handler_port());
        let expected = if is_forwarded {
            [
                "hr.contoso.com",
                "curl/8 Azure-Functions-Host/4.1037.0.0",
                &format!("mine, {id}"),
                "https",
            ]
        } else {
            [&own, "curl/8", &id, "http"]
        };
        let names = ["host", "user-agent", "x-azure-functions-invocationid", "x-forwarded-proto"];
        for (name, expected) in names.into_iter().zip(expected) {
            assert_eq!(values(request, name), [expected], "{name}");
        }
        assert_eq!(values(request, "traceparent"), ["00-1-2-00"]);
    }
}
