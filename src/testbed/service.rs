//! A mock of the Viva Insights ingestion service, over real HTTP on loopback.
//!
//! It answers as Microsoft Learn describes in "Import organizational data (first import)"
//! (<https://learn.microsoft.com/viva/insights/advanced/admin/import-org-data-first>). If that page does not
//! describe a detail, it answers as the sample clients of Microsoft expect. It has the known faults of the
//! service: some always (it accepts a corrupt zip and then never processes it, and it accepts one import at a
//! time), the others on request ([`ServiceFault`]).
//!
//! It listens only on 127.0.0.1 and never writes to disk. It checks the zip, the metadata and the number of
//! columns in each row, but no cell values. An ingestion moves with the time,
//! polled or not. A test that has to see it move gives the service a clock that the test sets.
//!
//! These rules are its own, because nothing is published about them:
//!
//! - A zip needs exactly one `.csv` and one `.json`, both at the root. Their names and the case of letters do not
//!   matter. The ingestion of any other zip stays `ExtractionCompleted`.
//! - A zip is corrupt if `ZipArchive` of .NET cannot read it, for example because bytes before the archive are not
//!   in its offsets. A zip with two entries of the same name is corrupt too. Its ingestion stays `NotStarted`.
//! - An ingestion is found by the decoded part of the path, without regard to case. [`IdShape`] sets what an id
//!   looks like.
//! - A gateway rejects large bodies and does not wait for slow pushes ([`Rules::max_body_bytes`],
//!   [`Rules::max_push_seconds`]).

mod body;
mod connection;
mod faults;
mod form;
mod paths;
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

use self::{
    connection::{Connection, Connections},
    state::Shared,
};
pub use self::{
    faults::ServiceFault,
    rules::{Call, Clock, IdShape, Ingestion, Rules, Seen},
};

/// The receive buffer of a connection. By default, Linux lets it grow to tens of megabytes, so that a push
/// whose body is held could still arrive completely.
const RECEIVE_BYTES: u32 = 256 << 10;

/// A fault of the mock service in the next call of a kind, or in every one.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The kind of call.
    pub call: Call,
    /// The fault.
    pub fault: ServiceFault,
    /// Whether every call has it.
    pub always: bool,
}

/// A running mock service. It stops when dropped.
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
    /// No port is available.
    pub async fn start(rules: Rules) -> std::io::Result<Self> {
        Self::start_at(rules, 0).await
    }

    /// Starts one on this port of 127.0.0.1.
    ///
    /// # Errors
    /// The port is not available.
    #[expect(
        clippy::unused_async,
        reason = "so that it runs in a runtime, which it needs to listen"
    )]
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
            .into_make_service_with_connect_info::<Connection>();
        let server =
            axum::serve(Connections(listener), app).with_graceful_shutdown(stopped).into_future();
        tokio::spawn(server);
        Ok(Self { endpoint, _stop: shared.stop.clone().drop_guard(), shared })
    }

    /// The base address, with the version: `http://127.0.0.1:PORT/v1.0`.
    #[must_use]
    pub fn endpoint(&self) -> Url {
        self.endpoint.clone()
    }

    /// Queues a fault. The next request of that call takes the first queued fault.
    pub fn fault(&self, call: Call, fault: ServiceFault) {
        self.shared.book().queued.push((call, fault));
    }

    /// Sets a fault for every request of that call that finds none queued, or removes it.
    pub fn always(&self, call: Call, fault: Option<ServiceFault>) {
        let mut book = self.shared.book();
        match fault {
            Some(fault) => book.always.insert(call, fault),
            None => book.always.remove(&call),
        };
    }

    /// Queues a fault, or sets it for every request.
    pub fn plan(&self, Planned { call, fault, always }: Planned) {
        if always {
            self.always(call, Some(fault));
        } else {
            self.fault(call, fault);
        }
    }

    /// Every accepted file, oldest first.
    #[must_use]
    pub fn ingestions(&self) -> Vec<Ingestion> {
        self.shared
            .book_of_now()
            .ingestions
            .iter()
            .map(|ingestion| ingestion.shown.clone())
            .collect()
    }

    /// Every request, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.book().seen.clone()
    }

    /// Gives an ingestion a final status, as the support of Microsoft does. Only this helps a tenant whose
    /// corrupt zip is never processed.
    pub fn settle(&self, id: &str, status: &str) {
        let now = self.shared.now();
        if let Some(ingestion) =
            self.shared.book_of_now().ingestions.iter_mut().find(|it| it.shown.id == id)
        {
            ingestion.ahead = &[];
            ingestion.enter(status, now);
        }
    }

    /// Waits until a request is held.
    pub async fn held(&self) {
        // `shared` owns the sender, so the wait cannot fail.
        let _ = self.shared.held.subscribe().wait_for(|held| *held > 0).await;
    }

    /// Releases every request that is held now.
    pub fn release(&self) {
        self.shared.released.notify_waiters();
    }

    /// Waits until no request is open: each was answered, cut, or abandoned by its client.
    pub async fn quiet(&self) {
        let _ = self.shared.open.subscribe().wait_for(|open| *open == 0).await;
    }
}
