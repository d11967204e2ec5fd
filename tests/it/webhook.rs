//! A webhook of the test.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::stage::until;

/// A webhook that keeps its notifications; it fails as often as configured.
#[derive(Clone, Default)]
pub(crate) struct Webhook {
    received: Arc<Mutex<Vec<(String, Value)>>>,
    asked: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    pub(crate) failures: Arc<AtomicI64>,
}

impl Webhook {
    /// The webhook, and its address.
    pub(crate) async fn start() -> (Self, String) {
        let webhook = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/hook", post(Self::take)).with_state(webhook.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (webhook, format!("http://{address}/hook?sig=a-secret-signature"))
    }

    #[expect(clippy::unused_async, reason = "a handler is")]
    async fn take(State(it): State<Self>, headers: HeaderMap, body: Bytes) -> StatusCode {
        it.asked.lock().unwrap().push((headers.clone(), body.clone()));
        if it.failures.fetch_sub(1, Ordering::SeqCst) > 0 {
            return StatusCode::BAD_GATEWAY;
        }
        let kind = headers["content-type"].to_str().unwrap().to_owned();
        it.received.lock().unwrap().push((kind, serde_json::from_slice(&body).unwrap()));
        StatusCode::ACCEPTED
    }

    /// The types of the received CloudEvents.
    pub(crate) fn types(&self) -> Vec<String> {
        let received = self.received.lock().unwrap();
        received.iter().map(|(_, event)| event["type"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn all(&self) -> Vec<(String, Value)> {
        self.received.lock().unwrap().clone()
    }

    /// Every request, including those that failed.
    pub(crate) fn asked(&self) -> Vec<(HeaderMap, Bytes)> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) async fn until(&self, count: usize) {
        until(&format!("{count} notifications"), async || {
            (self.received.lock().unwrap().len() >= count).then_some(())
        })
        .await;
    }
}
