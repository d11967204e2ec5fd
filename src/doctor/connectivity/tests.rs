//! How each kind of failure to reach a host is recognized, and its remedy.

use std::{io, net::SocketAddr, sync::Arc};

use reqwest::dns::{Name, Resolve, Resolving};
use time::macros::datetime;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;
use crate::{doctor::CheckStatus, http::Destination};

const NOW: OffsetDateTime = datetime!(2026-11-23 06:00 UTC);

/// A server that gives this answer to every request.
async fn server(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

async fn reached(client: reqwest::ClientBuilder, url: &str) -> Result<Answer, Broken> {
    let clock: Clock = Arc::new(|| NOW);
    let limit = Duration::from_secs(5);
    reach(&client.build().unwrap(), &Url::parse(url).unwrap(), limit, &clock).await
}

const FORBIDDEN: &str = "HTTP/1.1 403 No\r\nDate: Mon, 23 Nov 2026 06:03:00 GMT\r\n\
     Content-Length: 0\r\n\r\n";
const PROXY_SIGN_IN: &str = "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn an_answer_with_any_status_counts_and_has_the_time() {
    let host = server(FORBIDDEN).await;
    let answer =
        reached(http::client(Destination::Local), &format!("http://{host}/")).await.unwrap();
    assert_eq!((answer.date, answer.at), (Some(datetime!(2026-11-23 06:03 UTC)), NOW));
}

#[test]
fn storage_is_known_by_its_headers() {
    for (name, value, is_of_storage) in [
        ("x-ms-request-id", "1", true),
        ("x-ms-error-code", "AuthorizationFailure", true),
        ("server", "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0", true),
        ("server", "Azurite-Table/3.37.0", true),
        ("server", "Microsoft-HTTPAPI/2.0", false),
        ("server", "nginx", false),
        ("x-request-id", "1", false),
    ] {
        let headers = HeaderMap::from_iter([(
            name.parse::<reqwest::header::HeaderName>().unwrap(),
            value.parse().unwrap(),
        )]);
        assert_eq!(is_signed(&headers), is_of_storage, "{name}: {value}");
    }
}

struct NoName;

impl Resolve for NoName {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(async { Err(io::Error::other("failed to look it up").into()) })
    }
}

#[tokio::test]
async fn name_connection_tls_proxy_and_silence_are_distinguished() {
    let plain = server(FORBIDDEN).await;
    let proxy = server(PROXY_SIGN_IN).await;
    let abrupt = server("").await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = gone.local_addr().unwrap();
    drop(gone);
    let direct = || http::client(Destination::Local);
    let by = |proxy: SocketAddr| {
        http::client(Destination::Remote)
            .proxy(reqwest::Proxy::all(format!("http://{proxy}")).unwrap())
    };
    for (client, url, expected) in [
        (direct().dns_resolver(Arc::new(NoName)), "http://tls.example".to_owned(), Broken::Name),
        (direct(), format!("http://{closed}"), Broken::Connection),
        (direct(), format!("https://{plain}"), Broken::Tls),
        (by(proxy), "http://service.example".to_owned(), Broken::Proxy),
        (by(proxy), "https://service.example".to_owned(), Broken::Proxy),
        (by(closed), "https://service.example".to_owned(), Broken::Proxy),
        (direct(), format!("http://{abrupt}"), Broken::Midway),
    ] {
        assert_eq!(reached(client, &url).await.unwrap_err(), expected, "{url}");
    }
    // The kernel accepts the connections; no process reads from them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    let (client, clock): (_, Clock) =
        (http::client(Destination::Local).build().unwrap(), Arc::new(|| NOW));
    let reached = reach(&client, &url, Duration::from_millis(50), &clock).await;
    assert_eq!(reached.unwrap_err(), Broken::Silence);
}

#[test]
fn a_clock_may_be_two_minutes_wrong_and_no_more() {
    for (seconds, status, message) in [
        (0, CheckStatus::Pass, "Agrees with this machine's clock"),
        (-2, CheckStatus::Pass, "Agrees with this machine's clock"),
        (120, CheckStatus::Pass, "This machine's clock is 120 s ahead of it"),
        (-120, CheckStatus::Pass, "This machine's clock is 120 s behind it"),
        (121, CheckStatus::Fail, "This machine's clock is 121 s ahead of it"),
        (-3600, CheckStatus::Fail, "This machine's clock is 3600 s behind it"),
    ] {
        let result = clock(CLOCK_OF_SERVICE, Some(time::Duration::seconds(seconds)), None);
        assert_eq!((result.status, result.message.as_str()), (status, message));
        assert_eq!(result.remedy.is_some(), status == CheckStatus::Fail);
    }
    assert_eq!(clock(CLOCK_OF_SERVICE, None, None).status, CheckStatus::Info);
}

#[test]
fn this_machines_clock_is_to_be_set_only_if_no_other_clock_agrees_with_it_or_contradicts() {
    let ours = "Set this machine's clock";
    for (ahead, other, words) in [
        (600, Some(600), ours),
        (600, Some(500), ours),
        (600, None, ours),
        (600, Some(0), "it agrees with the clock of the service. The clock of storage is wrong"),
        (-600, Some(120), "it agrees with the clock of the service. The clock of storage is wrong"),
        (600, Some(-600), "all differ"),
    ] {
        let other = other.map(time::Duration::seconds);
        let result = clock(CLOCK_OF_STORAGE, Some(time::Duration::seconds(ahead)), other);
        assert_eq!(result.status, CheckStatus::Fail);
        let remedy = result.remedy.unwrap();
        assert!(remedy.contains(words), "{remedy}");
        assert_eq!(remedy.contains(ours), words == ours, "{remedy}");
    }
}

fn remedy_of(check: &'static str, proxy: Option<&'static str>, broken: Broken) -> String {
    let (host, setting) = ("acct.blob".to_owned(), "ImportStorage__accountName");
    let result = Reachability { check, host, setting, proxy, answer: Err(broken) }.result();
    assert_eq!(result.status, CheckStatus::Fail);
    result.remedy.unwrap()
}

#[test]
fn each_kind_of_failure_has_its_remedy() {
    for (broken, words) in [
        (Broken::Name, "DNS zone"),
        (Broken::Connection, "allow outbound connections from this machine to acct.blob"),
        (Broken::Silence, "allow outbound connections from this machine to acct.blob"),
        (Broken::Midway, "allow outbound connections from this machine to acct.blob"),
        (Broken::Tls, "SSL_CERT_FILE"),
        (Broken::Proxy, "the proxy in HTTPS_PROXY is running"),
        (Broken::Proxy, "NO_PROXY"),
        (Broken::Stranger, "Correct ImportStorage__accountName"),
    ] {
        let remedy = remedy_of(BLOBS, None, broken);
        assert!(remedy.contains(words), "{remedy}");
        let remedy = remedy_of(BLOBS, Some("all_proxy"), broken);
        assert!(remedy.contains("the proxy in all_proxy"), "{remedy}");
    }
}

#[test]
fn only_storage_has_private_endpoints() {
    for (check, has_one) in
        [(BLOBS, true), (TABLES, true), (QUEUES, true), (SERVICE, false), (AUTHORITY, false)]
    {
        let remedy = remedy_of(check, None, Broken::Name);
        assert_eq!(remedy.contains("private endpoint"), has_one, "{remedy}");
    }
}
