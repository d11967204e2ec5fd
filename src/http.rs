//! HTTP requests: with a time limit, without redirects, with small answers. The text of a failure names its
//! kind, and never what was sent or received.

use std::{
    error::Error,
    iter,
    time::{Duration, Instant},
};

use reqwest::{
    Client, ClientBuilder, RequestBuilder, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
    redirect::Policy,
};
use time::{
    OffsetDateTime, PrimitiveDateTime, format_description::well_known::Rfc2822,
    macros::format_description, parsing::Parsed,
};
use url::{Host, Url};

pub(crate) mod azure;

/// The longest `Retry-After` that is obeyed.
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// An answer, or of a refusal at least what arrived of it.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// When the service accepts the next request, if it says so.
    pub retry_at: Option<OffsetDateTime>,
    /// Its body, truncated to the largest size that is read.
    pub body: Vec<u8>,
    /// Whether the connection did not close before the end of the body.
    pub is_whole: bool,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// The service did not get the request: no connection could be opened.
    NotSent(String),
    /// The service may have got the request.
    Lost(String),
}

impl NoAnswer {
    /// Why, as text.
    #[must_use]
    pub fn why(self) -> String {
        match self {
            Self::NotSent(why) | Self::Lost(why) => why,
        }
    }
}

/// Where a client sends its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Another machine, through the proxy that the environment may name.
    Remote,
    /// This machine or its host, never through a proxy.
    Local,
    /// This machine, by plain http only. The certificates that this machine trusts are not read, because that
    /// takes time and TLS is not used.
    LocalHttp,
}

impl From<&Url> for Destination {
    fn from(url: &Url) -> Self {
        if is_loopback_http(url) {
            Self::LocalHttp
        } else if is_loopback(url) {
            Self::Local
        } else {
            Self::Remote
        }
    }
}

/// The builder of a client that follows no redirect, so that a token never reaches another address, and that does
/// not decompress: that would hide the length of a blob whose `Content-Encoding` is gzip.
pub fn client(to: Destination) -> ClientBuilder {
    let builder = reqwest::Client::builder();
    let builder = match to {
        Destination::Remote => builder,
        Destination::Local => builder.no_proxy(),
        Destination::LocalHttp => builder.no_proxy().tls_certs_only([]),
    };
    builder
        .redirect(Policy::none())
        .no_gzip()
        .no_deflate()
        .connect_timeout(Duration::from_secs(20))
        .user_agent(concat!("viva-import/", env!("CARGO_PKG_VERSION")))
}

/// Why a client cannot be created: usually because this machine has no trusted certificates.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for {destination} cannot be created: {}", chain(source))]
pub struct ClientError {
    destination: &'static str,
    source: reqwest::Error,
}

/// Builds a client. Its errors name the `destination`.
///
/// # Errors
/// If TLS cannot be set up on this machine.
pub fn build(builder: ClientBuilder, destination: &'static str) -> Result<Client, ClientError> {
    builder.build().map_err(|source| ClientError { destination, source })
}

/// An error with its causes, in one line: the text of reqwest's errors names only the outermost.
pub(crate) fn chain(error: &dyn Error) -> String {
    let causes = iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Sends a request and reads at most `max_bytes` of its answer, within `deadline` from `now`.
///
/// # Errors
/// If no answer arrived, or not all of a success; the error says whether the service may have got the request.
pub async fn send(
    request: RequestBuilder,
    deadline: Duration,
    max_bytes: usize,
    now: OffsetDateTime,
) -> Result<Answer, NoAnswer> {
    let started = Instant::now();
    let exchange = async {
        let mut response = request.send().await?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_at = retry_after.and_then(|value| retry_at(value, now + started.elapsed()));
        let headers = response.headers().clone();
        let (mut body, mut is_whole) = (vec![], true);
        while body.len() < max_bytes {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    let room = max_bytes - body.len();
                    body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                }
                Ok(None) => break,
                // A service that refuses a request before it has read it may then reset the connection.
                Err(_) if !status.is_success() => {
                    is_whole = false;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Answer { status, headers, retry_at, body, is_whole })
    };
    match tokio::time::timeout(deadline, exchange).await {
        Ok(answer) => answer.map_err(|error| class(&error)),
        Err(_) => Err(NoAnswer::Lost(format!("no answer within {} s", deadline.as_secs()))),
    }
}

/// Classifies a failure. Only its kind is kept, because its text may contain the address.
fn class(error: &reqwest::Error) -> NoAnswer {
    let why = broke(error);
    if error.is_connect() { NoAnswer::NotSent(why) } else { NoAnswer::Lost(why) }
}

/// Why an exchange failed, as text.
#[must_use]
pub fn broke(error: &reqwest::Error) -> String {
    let what = if error.is_connect() {
        "no connection could be opened"
    } else if error.is_timeout() {
        "no answer arrived in time"
    } else {
        "the connection closed before the answer was complete"
    };
    what.to_owned()
}

/// `Retry-After` in seconds or as a date.
fn retry_at(value: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let value = value.trim();
    let at = match value.parse::<u64>() {
        Ok(seconds) => now + Duration::from_secs(seconds).min(MAX_RETRY_AFTER),
        Err(_) => date(value, now)?,
    };
    Some(at.clamp(now, now + MAX_RETRY_AFTER))
}

/// The date in the value of a header, in one of the three forms of RFC 9110, section 5.6.7. A year of two
/// digits is at most 50 years after `now`.
#[must_use]
pub fn date(value: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
    // It ends with GMT, which the RFC 2822 format does not accept.
    let usual = OffsetDateTime::parse(&value.replace("GMT", "+0000"), &Rfc2822).ok();
    usual.or_else(|| date_of_rfc850(value, now)).or_else(|| date_of_asctime(value))
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn date_of_rfc850(value: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let form = format_description!(
        "[weekday], [day]-[month repr:short]-[year repr:last_two] [hour]:[minute]:[second] GMT"
    );
    let mut parsed = Parsed::new();
    if !parsed.parse_items(value.as_bytes(), form).ok()?.is_empty() {
        return None;
    }
    let latest = now.year() + 50;
    let back = (latest - i32::from(parsed.year_last_two()?)).rem_euclid(100);
    parsed.set_year(latest - back)?;
    PrimitiveDateTime::try_from(parsed).ok().map(PrimitiveDateTime::assume_utc)
}

/// `Sun Nov  6 08:49:37 1994`
fn date_of_asctime(value: &str) -> Option<OffsetDateTime> {
    let form = format_description!(
        "[weekday repr:short] [month repr:short] [day padding:space] [hour]:[minute]:[second] [year]"
    );
    PrimitiveDateTime::parse(value, form).ok().map(PrimitiveDateTime::assume_utc)
}

/// Whether an address is a loopback address, which is this machine.
#[must_use]
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    }
}

/// Whether an address is plain http to this machine.
#[must_use]
pub(crate) fn is_loopback_http(url: &Url) -> bool {
    url.scheme() == "http" && is_loopback(url)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-23 06:00 UTC);

    fn retry_at(retry_after: &str) -> Option<OffsetDateTime> {
        super::retry_at(retry_after, NOW)
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date_and_obeyed_up_to_its_limit() {
        assert_eq!(retry_at("120"), Some(NOW + Duration::from_mins(2)));
        assert_eq!(retry_at(" 0 "), Some(NOW));
        let date = "Mon, 23 Nov 2026 06:10:00 GMT";
        assert_eq!(retry_at(date), Some(NOW + Duration::from_mins(10)));
        assert_eq!(retry_at("Mon, 23 Nov 2026 05:00:00 GMT"), Some(NOW));
        assert_eq!(retry_at("999999999999"), Some(NOW + MAX_RETRY_AFTER));
        for invalid in ["", "soon", "-5", "99999999999999999999999"] {
            assert_eq!(retry_at(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn a_date_is_read_in_each_form_that_http_has_had() {
        let expected = Some(datetime!(1994-11-06 08:49:37 UTC));
        for value in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun Nov 06 08:49:37 1994",
        ] {
            assert_eq!(date(value, NOW), expected, "{value}");
        }
        for invalid in [
            "Sunday, 06-Nov-94 08:49:37",
            "Sunday, 06-Nov-94 08:49:37 GMT+1",
            "Sunday, 31-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sun Nov  6 08:49:37 94",
            "Sun Nov  6 08:49:37 1994 GMT",
        ] {
            assert_eq!(date(invalid, NOW), None, "{invalid}");
        }
        assert_eq!(retry_at("Mon Nov 23 06:10:00 2026"), Some(NOW + Duration::from_mins(10)));
        assert_eq!(retry_at("Monday, 23-Nov-26 06:10:00 GMT"), Some(NOW + Duration::from_mins(10)));
    }

    #[test]
    fn a_year_of_two_digits_is_at_most_50_years_in_the_future() {
        let year = |digits: &str, now| {
            date(&format!("Monday, 23-Nov-{digits} 06:10:00 GMT"), now).unwrap().year()
        };
        for (digits, expected) in
            [("26", 2026), ("27", 2027), ("76", 2076), ("77", 1977), ("00", 2000)]
        {
            assert_eq!(year(digits, NOW), expected, "{digits}");
        }
        assert_eq!(year("01", datetime!(2099-12-31 23:00 UTC)), 2101);
    }

    #[test]
    fn the_error_of_a_client_names_its_destination_and_the_cause() {
        let builder = client(Destination::LocalHttp).user_agent("two\nlines");
        let error = build(builder, "the webhook").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the HTTP client for the webhook cannot be created: builder error: failed to parse header \
             value"
        );
    }

    #[tokio::test]
    async fn a_refused_connection_differs_from_one_that_closed_early() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = closed.local_addr().unwrap();
        drop(closed);
        let ask = async |address| {
            let request = client(Destination::LocalHttp)
                .build()
                .unwrap()
                .get(format!("http://{address}/secret"));
            send(request, Duration::from_secs(5), 100, NOW).await.unwrap_err()
        };
        let NoAnswer::NotSent(why) = ask(address).await else { panic!() };
        assert!(!why.contains("secret"));

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hangs_up = async { drop(listener.accept().await) };
        let ((), no_answer) = tokio::join!(hangs_up, ask(address));
        assert!(matches!(no_answer, NoAnswer::Lost(_)), "{no_answer:?}");
    }
}
