//! The connections: a second handle of each, to cut, reset or monitor it outside HTTP.

use std::{
    io,
    net::Shutdown,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// A second handle of a connection, to cut, reset or monitor it outside HTTP.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    handle: Arc<std::net::TcpStream>,
    is_reset: Arc<AtomicBool>,
}

impl Connection {
    /// Ends the connection. A later answer does not reach the client.
    pub(super) fn cut(&self) {
        // This fails only if the client has already closed it.
        let _ = self.handle.shutdown(Shutdown::Both);
    }

    /// Lets the connection end with a reset instead of an orderly close. An answer with `Connection: close` is
    /// still written before it.
    pub(super) fn reset_at_end(&self) {
        self.is_reset.store(true, Ordering::Relaxed);
    }

    /// Waits until the client has disconnected, without reading what it sent before.
    pub(super) async fn disconnected(&self) -> io::Result<()> {
        let stream = TcpStream::from_std(self.handle.try_clone()?)?;
        while !stream.ready(Interest::READABLE).await?.is_read_closed() {
            // Only after a "would block" does the next `ready` wait for a change.
            let _ = stream
                .try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
        }
        Ok(())
    }
}

/// A listener that provides the second handle of each connection instead of the address of the client.
pub(super) struct Connections(pub(super) TcpListener);

impl Listener for Connections {
    type Io = Socket;
    type Addr = Connection;

    async fn accept(&mut self) -> (Socket, Connection) {
        loop {
            let (stream, _) = Listener::accept(&mut self.0).await;
            if let Ok(pair) = doubled(stream) {
                return pair;
            }
        }
    }

    fn local_addr(&self) -> io::Result<Connection> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn doubled(stream: TcpStream) -> io::Result<(Socket, Connection)> {
    let stream = stream.into_std()?;
    let handle = Arc::new(stream.try_clone()?);
    let is_reset = Arc::new(AtomicBool::new(false));
    let socket = Socket { stream: TcpStream::from_std(stream)?, is_reset: is_reset.clone() };
    Ok((socket, Connection { handle, is_reset }))
}

/// The socket of a connection, which HTTP reads and writes.
pub(super) struct Socket {
    stream: TcpStream,
    is_reset: Arc<AtomicBool>,
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_reset.load(Ordering::Relaxed) {
            // The close that follows sends a reset, because this announces no end before it.
            return Poll::Ready(self.stream.set_zero_linger());
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Connected<IncomingStream<'_, Connections>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        stream.remote_addr().clone()
    }
}
