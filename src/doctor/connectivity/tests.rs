//! Where a way ends is told by what is met there.

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

/// Says the same to everybody.
async fn somebody(words: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(words.as_bytes()).await;
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
const WHO_ARE_YOU: &str = "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn any_answer_opens_the_way_and_tells_the_time() {
    let host = somebody(FORBIDDEN).await;
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

struct Nobody;

impl Resolve for Nobody {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(async { Err(io::Error::other("failed to look it up").into()) })
    }
}

#[tokio::test]
async fn name_connection_tls_proxy_and_silence_are_told_apart() {
    let plain = somebody(FORBIDDEN).await;
    let proxy = somebody(WHO_ARE_YOU).await;
    let abrupt = somebody("").await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = gone.local_addr().unwrap();
    drop(gone);
    let direct = || http::client(Destination::Local);
    let by = |proxy: SocketAddr| {
        http::client(Destination::Remote)
            .proxy(reqwest::Proxy::all(format!("http://{proxy}")).unwrap())
    };
    for (client, url, expected) in [
        (direct().dns_resolver(Arc::new(Nobody)), "http://tls.example".to_owned(), Broken::Name),
        (direct(), format!("http://{nobody}"), Broken::Connection),
        (direct(), format!("https://{plain}"), Broken::Tls),
        (by(proxy), "http://service.example".to_owned(), Broken::Proxy),
        (by(proxy), "https://service.example".to_owned(), Broken::Proxy),
        (by(nobody), "https://service.example".to_owned(), Broken::Proxy),
        (direct(), format!("http://{abrupt}"), Broken::Midway),
    ] {
        assert_eq!(reached(client, &url).await.unwrap_err(), expected, "{url}");
    }
    // The kernel takes the connections; nobody ever reads from them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    let (client, clock): (_, Clock) =
        (http::client(Destination::Local).build().unwrap(), Arc::new(|| NOW));
    let reached = reach(&client, &url, Duration::from_millis(50), &clock).await;
    assert_eq!(reached.unwrap_err(), Broken::Silence);
}

#[test]
fn a_clock_may_be_two_minutes_wrong_and_no_more() {
    for (seconds, verdict, told) in [
        (0, CheckStatus::Pass, "as the clock here"),
        (-2, CheckStatus::Pass, "as the clock here"),
        (120, CheckStatus::Pass, "the clock here is 120 s ahead of it"),
        (-120, CheckStatus::Pass, "the clock here is 120 s behind it"),
        (121, CheckStatus::Fail, "the clock here is 121 s ahead of it"),
        (-3600, CheckStatus::Fail, "the clock here is 3600 s behind it"),
    ] {
        let line = clock(CLOCK_OF_SERVICE, Some(time::Duration::seconds(seconds)), None);
        assert_eq!((line.status, line.message.as_str()), (verdict, told));
        assert_eq!(line.remedy.is_some(), verdict == CheckStatus::Fail);
    }
    assert_eq!(clock(CLOCK_OF_SERVICE, None, None).status, CheckStatus::Info);
}

#[test]
fn a_clock_is_ours_to_set_only_where_both_others_differ_alike_or_one_is_unheard() {
    let ours = "set the clock of this machine";
    for (ahead, other, words) in [
        (600, Some(600), ours),
        (600, Some(500), ours),
        (600, None, ours),
        (600, Some(0), "agrees with that of the service, so leave it"),
        (-600, Some(120), "agrees with that of the service, so leave it"),
        (600, Some(-600), "all differ"),
    ] {
        let other = other.map(time::Duration::seconds);
        let line = clock(CLOCK_OF_STORAGE, Some(time::Duration::seconds(ahead)), other);
        assert_eq!(line.status, CheckStatus::Fail);
        let remedy = line.remedy.unwrap();
        assert!(remedy.contains(words), "{remedy}");
        assert_eq!(remedy.contains(ours), words == ours, "{remedy}");
    }
}

fn remedy_of(about: &'static str, proxy: Option<&'static str>, broken: Broken) -> String {
    let (host, setting) = ("acct.blob".to_owned(), "ImportStorage__accountName");
    let line = Reachability { about, host, setting, proxy, answer: Err(broken) }.line();
    assert_eq!(line.status, CheckStatus::Fail);
    line.remedy.unwrap()
}

#[test]
fn each_end_of_a_way_has_its_remedy() {
    for (broken, words) in [
        (Broken::Name, "DNS zone"),
        (Broken::Connection, "let this machine go out to acct.blob"),
        (Broken::Silence, "let this machine go out to acct.blob"),
        (Broken::Midway, "let this machine go out to acct.blob"),
        (Broken::Tls, "SSL_CERT_FILE"),
        (Broken::Proxy, "the proxy of HTTPS_PROXY is there"),
        (Broken::Proxy, "NO_PROXY"),
        (Broken::Stranger, "compare ImportStorage__accountName"),
    ] {
        let remedy = remedy_of(BLOBS, None, broken);
        assert!(remedy.contains(words), "{remedy}");
        let remedy = remedy_of(BLOBS, Some("all_proxy"), broken);
        assert!(remedy.contains("the proxy of all_proxy"), "{remedy}");
    }
}

#[test]
fn only_storage_has_private_endpoints() {
    for (about, has_one) in
        [(BLOBS, true), (TABLES, true), (QUEUES, true), (SERVICE, false), (AUTHORITY, false)]
    {
        let remedy = remedy_of(about, None, Broken::Name);
        assert_eq!(remedy.contains("private endpoint"), has_one, "{remedy}");
    }
}
