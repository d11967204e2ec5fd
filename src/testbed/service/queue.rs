//! A connection with a second handle on it, by which it can be cut or watched from outside HTTP.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};

/// The second handle.
#[derive(Debug, Clone)]
pub(super) struct Line(Arc<std::net::TcpStream>);

impl Line {
    /// Ends the connection; what the door answers after this reaches nobody.
    pub(super) fn cut(&self) {
        // It fails only where the client was faster.
        let _ = self.0.shutdown(Shutdown::Both);
    }

    /// Waits until the client has hung up, without reading what it sent before.
    pub(super) async fn hung_up(&self) -> io::Result<()> {
        let stream = TcpStream::from_std(self.0.try_clone()?)?;
        while !stream.ready(Interest::READABLE).await?.is_read_closed() {
            // Only a "would block" makes the next `ready` wait for news.
            let _ = stream
                .try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
        }
        Ok(())
    }
}

/// The listener that hands them out, in the place of the client's address.
pub(super) struct Lines(pub(super) TcpListener);

impl Listener for Lines {
    type Io = TcpStream;
    type Addr = Line;

    async fn accept(&mut self) -> (TcpStream, Line) {
        loop {
            let (stream, _) = Listener::accept(&mut self.0).await;
            if let Ok(pair) = doubled(stream) {
                return pair;
            }
        }
    }

    fn local_addr(&self) -> io::Result<Line> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn doubled(stream: TcpStream) -> io::Result<(TcpStream, Line)> {
    let stream = stream.into_std()?;
    let second = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, Line(Arc::new(second))))
}

impl Connected<IncomingStream<'_, Lines>> for Line {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.remote_addr().clone()
    }
}
