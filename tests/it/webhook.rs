//! A webhook that somebody else runs.

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

/// A webhook that keeps what it is told; it refuses as often as it is asked to.
#[derive(Clone, Default)]
pub(crate) struct Webhook {
    told: Arc<Mutex<Vec<(String, Value)>>>,
    asked: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    pub(crate) refuses: Arc<AtomicI64>,
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
        if it.refuses.fetch_sub(1, Ordering::SeqCst) > 0 {
            return StatusCode::BAD_GATEWAY;
        }
        let kind = headers["content-type"].to_str().unwrap().to_owned();
        it.told.lock().unwrap().push((kind, serde_json::from_slice(&body).unwrap()));
        StatusCode::ACCEPTED
    }

    /// What it was told of, by the types of CloudEvents.
    pub(crate) fn types(&self) -> Vec<String> {
        let told = self.told.lock().unwrap();
        told.iter().map(|(_, told)| told["type"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn all(&self) -> Vec<(String, Value)> {
        self.told.lock().unwrap().clone()
    }

    /// Every request, those that it refused among them.
    pub(crate) fn asked(&self) -> Vec<(HeaderMap, Bytes)> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) async fn until(&self, count: usize) {
        until(&format!("{count} messages"), async || {
            (self.told.lock().unwrap().len() >= count).then_some(())
        })
        .await;
    }
}
