//! Each fault of the proxy does what its name says.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, http::HeaderMap};
use bytes::Bytes;
use tokio::time::timeout;
use url::Url;
use viva_import::{
    config::Endpoints,
    http::{self, Destination},
};

use super::{Fault, Moment, Proxy, Seen};

/// The error of a busy table service.
const BUSY: &str = r#"{"odata.error":{"code":"ServerBusy","message":{"lang":"en-US","value":"No.\nRequestId:c1d2\nTime:2026-11-24T10:00:04.1234567Z"}}}"#;

/// A server that answers with the body of the request, and counts the complete bodies.
async fn echo() -> (Url, Arc<AtomicUsize>) {
    let arrived = Arc::new(AtomicUsize::new(0));
    let counted = arrived.clone();
    let app = Router::new().fallback(async move |body: Bytes| {
        counted.fetch_add(1, Ordering::Relaxed);
        body
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/base", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    (url, arrived)
}

async fn ask(url: &Url) -> reqwest::Result<(u16, HeaderMap, reqwest::Result<Bytes>)> {
    let client = http::client(Destination::LocalHttp).build().unwrap();
    let answer = client.post(url.clone()).body("0123456789").send().await?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Ok((status, headers, answer.bytes().await))
}

async fn before(echo: &Url) -> Proxy {
    let all = Endpoints { blob: echo.clone(), queue: echo.clone(), table: echo.clone() };
    Proxy::start(&all, echo).await
}

#[tokio::test]
async fn every_fault_affects_only_the_request_that_it_is_planned_for() {
    for (fault, arrives, answer) in [
        (Fault::LoseRequest, 0, None),
        (Fault::LoseAnswer, 1, None),
        (Fault::Delay(Duration::from_millis(1)), 1, Some((200, Some("0123456789")))),
        (Fault::Answer(503, Some("7")), 0, Some((503, Some(BUSY)))),
        (Fault::CutMidBody, 1, Some((200, None))),
        (Fault::CutMidRequest, 0, None),
    ] {
        let (echo, whole) = echo().await;
        let proxy = before(&echo).await;
        proxy.after(2, fault.clone());
        for number in 1..=3 {
            let before = whole.load(Ordering::Relaxed);
            let asked = ask(&proxy.table).await;
            let arrives = if number == 2 { arrives } else { 1 };
            assert_eq!(whole.load(Ordering::Relaxed) - before, arrives, "{fault:?}");
            let expected = if number == 2 { answer } else { Some((200, Some("0123456789"))) };
            let Some((status, body)) = expected else {
                asked.unwrap_err();
                continue;
            };
            let (answered, headers, answered_body) = asked.unwrap();
            assert_eq!(answered, status, "{fault:?}");
            assert_eq!(answered_body.ok().as_deref(), body.map(str::as_bytes), "{fault:?}");
            assert_eq!(headers.contains_key("retry-after"), status == 503, "{fault:?}");
        }
        let delivered: Vec<bool> = proxy.seen().iter().map(|seen| seen.delivered).collect();
        let delayed = matches!(fault, Fault::Delay(_));
        assert_eq!(delivered, [true, delayed, true], "{fault:?}");
    }
}

#[tokio::test]
async fn the_power_is_cut_before_or_after_a_request_and_no_answer_arrives() {
    for (moment, arrives) in [(Moment::Before, 0), (Moment::After, 1)] {
        let (echo, whole) = echo().await;
        let proxy = before(&echo).await;
        let is_pushed = |seen: &Seen| seen.is_push();
        proxy.next(is_pushed, Fault::PowerCut(moment));
        assert_eq!(ask(&proxy.queue).await.unwrap().0, 200);
        let power = proxy.power();
        tokio::select! {
            _ = ask(&proxy.service) => panic!("an answer arrived"),
            () = power.cancelled() => {}
        }
        assert_eq!(whole.load(Ordering::Relaxed), 1 + arrives);
        proxy.power_back().await;
        assert_eq!(ask(&proxy.service).await.unwrap().0, 200);
        assert!(!proxy.power().is_cancelled());
    }
}

#[tokio::test]
async fn a_hanging_request_continues_after_release_and_a_permanent_fault_ends_after_clear() {
    let (echo, _) = echo().await;
    let proxy = before(&echo).await;
    proxy.after(1, Fault::Hang);
    let hung = async { ask(&proxy.blob).await.unwrap().0 };
    tokio::pin!(hung);
    timeout(Duration::from_millis(200), &mut hung).await.unwrap_err();
    proxy.release();
    assert_eq!(hung.await, 200);
    proxy.always(|seen| seen.path.contains("base"), Fault::Answer(429, None));
    for _ in 0..2 {
        assert_eq!(ask(&proxy.blob).await.unwrap().0, 429);
    }
    proxy.clear();
    assert_eq!(ask(&proxy.blob).await.unwrap().0, 200);
}
