//! The connections: a second handle of each, to cut or monitor it outside HTTP.

use std::{io, net::Shutdown, sync::Arc};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::Interest,
    net::{TcpListener, TcpStream},
};

/// A second handle of a connection, to cut or monitor it outside HTTP.
#[derive(Debug, Clone)]
pub(super) struct Connection(Arc<std::net::TcpStream>);

impl Connection {
    /// Ends the connection. A later answer does not reach the client.
    pub(super) fn cut(&self) {
        // This fails only if the client has already closed it.
        let _ = self.0.shutdown(Shutdown::Both);
    }

    /// Waits until the client has disconnected, without reading what it sent before.
    pub(super) async fn disconnected(&self) -> io::Result<()> {
        let stream = TcpStream::from_std(self.0.try_clone()?)?;
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
    type Io = TcpStream;
    type Addr = Connection;

    async fn accept(&mut self) -> (TcpStream, Connection) {
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

fn doubled(stream: TcpStream) -> io::Result<(TcpStream, Connection)> {
    let stream = stream.into_std()?;
    let second = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, Connection(Arc::new(second))))
}

impl Connected<IncomingStream<'_, Connections>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        stream.remote_addr().clone()
    }
}
