//! The one way out to the ingestion service: a deadline, no redirects, small answers, and failures
//! told by their class, never by what was sent or received.

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode, header::RETRY_AFTER, redirect::Policy};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use url::{Host, Url};

/// Largest answer that is read, but for error files.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Longest wait a `Retry-After` is obeyed for.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// When the service wants to be asked again.
    pub retry_at: Option<OffsetDateTime>,
    /// Its body, cut where it is larger than an answer may be.
    pub body: Vec<u8>,
}

/// No answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// The request surely was not taken: there was no connection.
    NotSent(String),
    /// Whether it was taken is unknown.
    Lost(String),
}

impl NoAnswer {
    /// Why, in words.
    #[must_use]
    pub fn why(self) -> String {
        match self {
            Self::NotSent(why) | Self::Lost(why) => why,
        }
    }
}

/// A client that follows no redirect: a token goes where it was meant to go and nowhere else.
///
/// # Errors
/// Where no TLS can be had.
pub fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(Policy::none())
        .connect_timeout(Duration::from_secs(20))
        .user_agent(concat!("viva-import/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Sends a request and reads its answer within `deadline`.
///
/// # Errors
/// Where no whole answer came, and whether the request may have been taken.
pub async fn send(
    request: RequestBuilder,
    deadline: Duration,
    now: OffsetDateTime,
) -> Result<Answer, NoAnswer> {
    let exchange = async {
        let mut response = request.send().await?;
        let (status, retry_at) = (response.status(), retry_at(&response, now));
        let mut body = vec![];
        while let Some(chunk) = response.chunk().await? {
            let room = MAX_ANSWER_BYTES - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() == MAX_ANSWER_BYTES {
                break;
            }
        }
        Ok(Answer { status, retry_at, body })
    };
    match tokio::time::timeout(deadline, exchange).await {
        Ok(answer) => answer.map_err(|error| class(&error)),
        Err(_) => Err(NoAnswer::Lost(format!("no answer within {} s", deadline.as_secs()))),
    }
}

/// Classes a failure; its own text may hold the address, so only its kind is told.
fn class(error: &reqwest::Error) -> NoAnswer {
    if error.is_connect() {
        NoAnswer::NotSent("no connection to the service".to_owned())
    } else if error.is_timeout() {
        NoAnswer::Lost("the connection timed out".to_owned())
    } else {
        NoAnswer::Lost("the connection broke before the answer was complete".to_owned())
    }
}

/// `Retry-After` in seconds or as a date.
fn retry_at(response: &reqwest::Response, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    let at = match value.parse::<u64>() {
        Ok(seconds) => now + Duration::from_secs(seconds).min(MAX_RETRY_AFTER),
        // An HTTP date ends in GMT, which RFC 2822 readers want as a zone they know.
        Err(_) => OffsetDateTime::parse(&value.replace("GMT", "+0000"), &Rfc2822).ok()?,
    };
    Some(at.clamp(now, now + MAX_RETRY_AFTER))
}

/// Whether an address is of this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    }
}

/// Whether an address is plain http to this machine.
#[must_use]
pub fn is_loopback_http(url: &Url) -> bool {
    url.scheme() == "http" && is_loopback(url)
}
