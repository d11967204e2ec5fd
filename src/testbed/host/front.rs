//! The front end before the host: what a browser or a program speaks to.
//!
//! It listens on 127.0.0.1 alone and asks for the key where a function's `authLevel` does, in
//! `?code=` or `x-functions-key`, as the host does in Azure.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use tokio::{net::TcpListener, task::AbortHandle};
use url::form_urlencoded;

use super::{
    Host, HttpAnswer,
    function::{Auth, Trigger},
    runtime::Runtime,
};

/// The largest body that is passed on.
const MAX_BODY_BYTES: usize = 1 << 20;

/// An open front end; dropping it closes it.
#[derive(Debug)]
pub struct Front {
    /// Where it listens.
    pub address: SocketAddr,
    serving: AbortHandle,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Gate {
    runtime: Arc<Runtime>,
    key: String,
}

impl Host {
    /// Opens a front end that lets in who brings `key`.
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn open_front(&self, key: &str) -> std::io::Result<Front> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let gate = Arc::new(Gate { runtime: self.runtime.clone(), key: key.to_owned() });
        let router = Router::new().fallback(pass).with_state(gate);
        let serving = tokio::spawn(async move {
            // It ends with the task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Front { address, serving: serving.abort_handle() })
    }
}

async fn pass(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let path = head.uri.path_and_query().map_or("/", |whole| whole.as_str()).to_owned();
    let function = gate.runtime.function_of(&head.method, head.uri.path());
    let needs_key = function.is_some_and(
        |function| matches!(function.trigger, Trigger::Http { auth, .. } if auth == Auth::Key),
    );
    let in_header = head.headers.get("x-functions-key").is_some_and(|key| *key == *gate.key);
    let query = head.uri.query().unwrap_or_default();
    let in_query = form_urlencoded::parse(query.as_bytes())
        .any(|(name, value)| name == "code" && value == gate.key);
    if needs_key && !in_header && !in_query {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    answer(gate.runtime.http(head.method, &path, head.headers, body).await)
}

fn answer(HttpAnswer { status, headers, body }: HttpAnswer) -> Response {
    let body: Bytes = body;
    (status, headers, body).into_response()
}
