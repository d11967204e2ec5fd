//! Whether the program can reach whom it speaks to at all, and what time it is there.
//!
//! The question is a plain GET without a token. Any answer counts, whatever its status.

use std::{error::Error, time::Duration};

use reqwest::{StatusCode, header::DATE};
use time::OffsetDateTime;
use tokio::join;
use url::Url;

use super::{Bag, Line, within};
use crate::{
    azure::{Account, Endpoints},
    connection::{Connection, Credential},
    drive::Clock,
    http::{self, is_loopback},
};

pub(super) const BLOBS: &str = "way to blobs";
pub(super) const TABLES: &str = "way to tables";
pub(super) const QUEUES: &str = "way to queues";
pub(super) const SERVICE: &str = "way to the service";
pub(super) const AUTHORITY: &str = "way to the sign-in";
pub(super) const CLOCK_OF_STORAGE: &str = "clock of storage";
pub(super) const CLOCK_OF_SERVICE: &str = "clock of the service";

/// More than this is wrong; from five minutes on tokens are refused.
const MAX_SKEW: time::Duration = time::Duration::minutes(2);

/// The ways to everybody.
pub(super) struct Ways {
    pub(super) blobs: Way,
    pub(super) tables: Way,
    pub(super) queues: Way,
    pub(super) service: Way,
    /// `None` where a rehearsal on this machine is the service, for which nobody signs in.
    authority: Option<Way>,
}

/// The way to one host.
pub(super) struct Way {
    /// Its line.
    pub(super) about: &'static str,
    host: String,
    /// What names the host.
    setting: &'static str,
    answer: Result<Answer, Broken>,
}

/// An answer, of which only the time is looked at.
#[derive(Debug)]
struct Answer {
    /// What time it was there.
    date: Option<OffsetDateTime>,
    /// What time it was here.
    at: OffsetDateTime,
}

/// Where the way ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Name,
    Connection,
    Tls,
    Proxy,
    Silence,
    Midway,
}

impl Ways {
    pub(super) async fn ask(bag: &Bag) -> Self {
        let (Account::Emulator { endpoints, .. } | Account::Identity { endpoints, .. }) =
            &bag.config.account;
        let Endpoints { blob, queue, table } = endpoints;
        let endpoint = &bag.config.service.endpoint;
        let sign_in = async {
            let authority = &bag.config.service.authority;
            // A rehearsal is signed in to nowhere, unless the authority is one too.
            let is_asked = !bag.config.service.is_loopback() || is_loopback(authority);
            if is_asked {
                Some(Way::ask(AUTHORITY, authority, "AZURE_AUTHORITY_HOST", bag).await)
            } else {
                None
            }
        };
        let storage = "ImportStorage__accountName";
        let (blobs, tables, queues, service, authority) = join!(
            Way::ask(BLOBS, blob, storage, bag),
            Way::ask(TABLES, table, storage, bag),
            Way::ask(QUEUES, queue, storage, bag),
            Way::ask(SERVICE, endpoint, "INGESTION_ENDPOINT", bag),
            sign_in,
        );
        Self { blobs, tables, queues, service, authority }
    }

    /// The ways that every file needs, and the clocks at their ends.
    pub(super) fn lines(&self) -> Vec<Line> {
        vec![
            self.blobs.line(),
            self.tables.line(),
            self.queues.line(),
            self.service.line(),
            self.blobs.clock(CLOCK_OF_STORAGE),
            self.service.clock(CLOCK_OF_SERVICE),
        ]
    }

    /// The way to the sign-in, which a managed identity does not need.
    pub(super) fn authority(&self, connection: Option<&Connection>) -> Line {
        let Some(way) = &self.authority else {
            return Line::note(AUTHORITY, "not asked: the service is a rehearsal on this machine");
        };
        let credential = connection.map(|connection| &connection.caller.credential);
        match &way.answer {
            Err(broken) if credential.is_some_and(can_do_without) => {
                let (host, why) = (&way.host, broken.told());
                let told = format!("{host}: {why}; this connection's credential can do without");
                Line::note(AUTHORITY, told)
            }
            _ => way.line(),
        }
    }
}

/// Whether a credential has its tokens from elsewhere.
fn can_do_without(credential: &Credential) -> bool {
    matches!(credential, Credential::ManagedIdentity { .. } | Credential::AccessToken { .. })
}

impl Way {
    async fn ask(about: &'static str, url: &Url, setting: &'static str, bag: &Bag) -> Self {
        let answer = match http::client(is_loopback(url)).build() {
            Ok(client) => reach(&client, url, bag.limit, &bag.clock).await,
            Err(_) => Err(Broken::Tls),
        };
        let host = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Self { about, host, setting, answer }
    }

    /// Whether it can be gone.
    pub(super) fn is_open(&self) -> bool {
        self.answer.is_ok()
    }

    fn line(&self) -> Line {
        let (about, host) = (self.about, &self.host);
        match &self.answer {
            Ok(_) => Line::good(about, format!("{host} answers")),
            Err(broken) => {
                let told = format!("{host}: {}", broken.told());
                Line::bad(about, told, broken.remedy(host, self.setting))
            }
        }
    }

    fn clock(&self, about: &'static str) -> Line {
        match &self.answer {
            Ok(answer) => clock(about, answer.date, answer.at),
            Err(_) => Line::unasked(about, self.about),
        }
    }
}

impl Broken {
    fn told(self) -> &'static str {
        match self {
            Self::Name => "its name is not known to the DNS",
            Self::Connection => "there is no connection to it",
            Self::Tls => "no TLS can be agreed with it, or its certificate is not trusted",
            Self::Proxy => "the proxy does not let this through",
            Self::Silence => "no answer came in time",
            Self::Midway => "the connection broke before an answer",
        }
    }

    fn remedy(self, host: &str, setting: &str) -> String {
        match self {
            Self::Name => format!(
                "compare {setting}; where a private endpoint is used, link its DNS zone to the \
                 network of the app"
            ),
            Self::Connection | Self::Silence | Self::Midway => format!(
                "let this machine go out to {host}, in firewall, route and network rules; compare \
                 {setting}; if all that is right, {host} is away and comes back"
            ),
            Self::Tls => format!(
                "somebody between here and {host} opens TLS: exempt {host} there, or name the file \
                 of its certificate authority in SSL_CERT_FILE"
            ),
            Self::Proxy => format!(
                "let the proxy of HTTPS_PROXY pass {host}, or give name and password in HTTPS_PROXY, \
                 or exempt {host} in NO_PROXY"
            ),
        }
    }
}

/// Whether `url` is answered, and what time it is there.
async fn reach(
    client: &reqwest::Client,
    url: &Url,
    limit: Duration,
    clock: &Clock,
) -> Result<Answer, Broken> {
    let asked = within(limit, client.get(url.clone()).send()).await;
    let answer = asked.map_err(|_| Broken::Silence)?.map_err(|error| broken(&error))?;
    if answer.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        return Err(Broken::Proxy);
    }
    let date = answer.headers().get(DATE).and_then(|value| value.to_str().ok());
    Ok(Answer { date: date.and_then(http::date), at: clock() })
}

/// Tells by the words of its causes where an exchange failed, for they have no types in common.
fn broken(error: &reqwest::Error) -> Broken {
    // The error's own words hold the address, in which anything may stand.
    let causes = std::iter::successors(error.source(), |cause: &&dyn Error| (*cause).source());
    let words: String = causes.map(|cause| format!("{cause}\n").to_lowercase()).collect();
    let says = |any: &[&str]| any.iter().any(|word| words.contains(word));
    if says(&["tunnel error", "proxy", "socks"]) {
        Broken::Proxy
    } else if says(&["dns error"]) {
        Broken::Name
    } else if says(&["certificate", "tls", "handshake", "corrupt message"]) {
        Broken::Tls
    } else if error.is_timeout() {
        Broken::Silence
    } else if error.is_connect() {
        Broken::Connection
    } else {
        Broken::Midway
    }
}

/// What two clocks that were read at once say of each other.
fn clock(about: &'static str, there: Option<OffsetDateTime>, here: OffsetDateTime) -> Line {
    let Some(there) = there else {
        return Line::note(about, "not told: the answer had no date");
    };
    let ahead = here - there;
    let told = match ahead.whole_seconds() {
        // A date has whole seconds, and an answer its way.
        -2..=2 => "as the clock here".to_owned(),
        seconds if seconds > 0 => format!("the clock here is {seconds} s ahead of it"),
        seconds => format!("the clock here is {} s behind it", seconds.abs()),
    };
    if ahead.abs() <= MAX_SKEW {
        return Line::good(about, told);
    }
    let remedy = "set the clock of this machine by NTP, in Azure restart the app: from five minutes \
                  on tokens are refused";
    Line::bad(about, told, remedy)
}

#[cfg(test)]
mod tests;
