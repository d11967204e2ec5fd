//! A mock of the Viva Insights ingestion service, over real HTTP on loopback.
//!
//! It answers as Microsoft Learn describes in "Import organizational data (first import)"
//! (<https://learn.microsoft.com/viva/insights/advanced/admin/import-org-data-first>), and where
//! the page is silent as Microsoft's published sample clients expect. It has the service's known
//! faults: some by nature (a corrupt zip is accepted and then never moves, one import at a time),
//! the others on request ([`ServiceFault`]).
//!
//! It never listens beyond 127.0.0.1, never writes to disk, and knows no rule about a cell's
//! value: it judges the zip, the metadata and the shape of the rows. An ingestion moves with the time,
//! polled or not. A test that has to see it move gives the service a clock that the test sets.

mod routes;
mod rules;
mod state;
#[cfg(test)]
mod tests;
mod zip_check;

use std::{net::Ipv4Addr, sync::Arc};

use axum::Router;
use tokio_util::sync::DropGuard;
use url::Url;

pub use self::rules::{Call, Clock, Ingestion, Rules, Seen, ServiceFault};
use self::state::Shared;

/// What a connection's socket holds of a body nobody reads. Linux lets it grow to tens of megabytes,
/// and a push whose body is held would be there whole.
const RECEIVE_BYTES: u32 = 256 << 10;

/// A running mock service; it stops when dropped.
#[derive(Debug)]
pub struct Service {
    endpoint: Url,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

impl Service {
    /// Starts one on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(rules: Rules) -> std::io::Result<Self> {
        Self::start_at(rules, 0).await
    }

    /// Starts one on this port of 127.0.0.1.
    ///
    /// # Errors
    /// When the port cannot be had.
    #[expect(clippy::unused_async, reason = "so that a runtime is there to listen in")]
    pub async fn start_at(rules: Rules, port: u16) -> std::io::Result<Self> {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.set_recv_buffer_size(RECEIVE_BYTES)?;
        socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
        let listener = socket.listen(1024)?;
        let endpoint = Url::parse(&format!("http://{}/v1.0", listener.local_addr()?))
            .map_err(std::io::Error::other)?;
        let shared = Arc::new(Shared::new(rules));
        let stopped = shared.stop.clone().cancelled_owned();
        let app = Router::new()
            .fallback(routes::answer)
            .with_state(shared.clone())
            .into_make_service_with_connect_info::<routes::Line>();
        let server =
            axum::serve(routes::Lines(listener), app).with_graceful_shutdown(stopped).into_future();
        tokio::spawn(server);
        Ok(Self { endpoint, _stop: shared.stop.clone().drop_guard(), shared })
    }

    /// The base address, version included: `http://127.0.0.1:PORT/v1.0`.
    #[must_use]
    pub fn endpoint(&self) -> Url {
        self.endpoint.clone()
    }

    /// Queues a fault: the next request of that call without an earlier one uses it up.
    pub fn fault(&self, call: Call, fault: ServiceFault) {
        self.shared.book().queued.push((call, fault));
    }

    /// Sets a fault for every request of that call that has none queued, or takes it back.
    pub fn always(&self, call: Call, fault: Option<ServiceFault>) {
        let mut book = self.shared.book();
        match fault {
            Some(fault) => book.always.insert(call, fault),
            None => book.always.remove(&call),
        };
    }

    /// Every accepted file, oldest first.
    #[must_use]
    pub fn ingestions(&self) -> Vec<Ingestion> {
        self.shared.book_of_now().imports.iter().map(|import| import.shown.clone()).collect()
    }

    /// Every request, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.book().seen.clone()
    }

    /// Puts an import where it then stays, as Microsoft's support would: the way out for a tenant
    /// whose corrupt zip never moves.
    pub fn settle(&self, id: &str, status: &str) {
        let now = self.shared.now();
        if let Some(import) =
            self.shared.book_of_now().imports.iter_mut().find(|i| i.shown.id == id)
        {
            import.ahead = &[];
            import.enter(status, now);
        }
    }

    /// Waits until a request is held.
    pub async fn held(&self) {
        // The sender lives in `shared`, so waiting cannot fail.
        let _ = self.shared.held.subscribe().wait_for(|held| *held > 0).await;
    }

    /// Lets every request held now go on.
    pub fn release(&self) {
        self.shared.released.notify_waiters();
    }

    /// Waits until no request is open: all were answered, cut or given up.
    pub async fn quiet(&self) {
        let _ = self.shared.open.subscribe().wait_for(|open| *open == 0).await;
    }
}
