//! HTTP without a client that corrects paths and adds headers.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use url::Url;

use crate::stage::PATIENCE;

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    /// With the marks of its chunks, if it has any.
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut own = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        own.next().map(|(_, value)| value.as_str())
    }

    /// Whether the host itself answered: unlike the handler, it sends no content type.
    pub(super) fn is_of_host(&self) -> bool {
        self.header("content-type").is_none()
    }
}

/// Sends a request to the host and reads the whole answer. A body has a length, unless the headers say
/// otherwise.
pub(super) async fn send(
    address: &Url,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let exchanged = async {
        let ports = address.socket_addrs(|| None).unwrap();
        let mut stream = TcpStream::connect(&ports[..]).await.unwrap();
        let host = &address[url::Position::BeforeHost..url::Position::AfterPort];
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "transfer-encoding") && method != "GET" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        // A host that answers early may close the connection before it has read the body.
        let _ = stream.write_all(&[head.as_bytes(), b"\r\n", body].concat()).await;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let text = tokio::time::timeout(PATIENCE, exchanged).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let pairs = lines.filter_map(|line| line.split_once(':'));
    let headers = pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    Answer { status: status.unwrap(), headers, body: body.to_owned() }
}
