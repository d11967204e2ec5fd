//! A listener whose connections can be cut from outside HTTP.

use std::{io, net::Shutdown, sync::Arc};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::net::{TcpListener, TcpStream};

/// A second handle on a connection.
#[derive(Clone, Debug)]
pub(super) struct Line(Option<Arc<std::net::TcpStream>>);

impl Line {
    /// Closes the connection, so that no later answer arrives.
    pub(super) fn cut(&self) {
        if let Some(stream) = &self.0 {
            // It fails only if the client has closed it already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// A listener that passes the second handles on, instead of the client's address.
pub(super) struct Lines(pub(super) TcpListener);

impl Listener for Lines {
    type Io = TcpStream;
    type Addr = Line;

    async fn accept(&mut self) -> (TcpStream, Line) {
        let (stream, _) = Listener::accept(&mut self.0).await;
        let stream = stream.into_std().unwrap();
        let second = stream.try_clone().unwrap();
        (TcpStream::from_std(stream).unwrap(), Line(Some(Arc::new(second))))
    }

    fn local_addr(&self) -> io::Result<Line> {
        Ok(Line(None))
    }
}

impl Connected<IncomingStream<'_, Lines>> for Line {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.remote_addr().clone()
    }
}
