//! The process that the Functions host starts: its port, and its end.

use std::{io, time::Duration};

use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};

/// How long a port that is taken is tried again. A handler that was ended may still hold it, and the host
/// stops after three failed starts, which it makes within a tenth of a second.
const PORT_PATIENCE: Duration = Duration::from_secs(5);
const PORT_PAUSE: Duration = Duration::from_millis(100);
/// How often the parent is compared.
#[cfg(unix)]
const PARENT_PAUSE: Duration = Duration::from_secs(1);

/// Listens on a port of this machine, as soon as it is free.
///
/// # Errors
/// The port stays taken, or it cannot be opened.
pub async fn listen(port: u16) -> io::Result<TcpListener> {
    let started = Instant::now();
    loop {
        match TcpListener::bind(("127.0.0.1", port)).await {
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse
                    && started.elapsed() < PORT_PATIENCE =>
            {
                sleep(PORT_PAUSE).await;
            }
            done => return done,
        }
    }
}

/// Waits until the process that started this one has ended. A host that is ended sends no signal, and its handler
/// would continue beside that of the next host.
#[cfg(unix)]
pub fn orphaned() -> impl Future<Output = ()> {
    use std::os::unix::process::parent_id;

    let parent = parent_id();
    async move {
        while parent_id() == parent {
            sleep(PARENT_PAUSE).await;
        }
    }
}

/// Elsewhere, the parent of a process stays the same.
#[cfg(not(unix))]
pub fn orphaned() -> impl Future<Output = ()> {
    std::future::pending()
}

/// Waits for SIGTERM, or on other systems for ever.
pub(super) async fn terminated() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        if let Ok(mut signal) = signal(SignalKind::terminate()) {
            signal.recv().await;
            return;
        }
    }
    std::future::pending::<()>().await;
}
