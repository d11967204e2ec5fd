//! Whether the program can reach whom it speaks to at all, and what time it is there.
//!
//! The question is a plain GET without a token. Any answer counts, whatever its status; but one of
//! storage has to have the headers that storage gives all its answers, for anybody's page may be
//! what answers in its place.

use std::{error::Error, time::Duration};

use reqwest::{
    StatusCode,
    header::{DATE, HeaderMap, SERVER},
};
use time::OffsetDateTime;
use tokio::join;
use url::Url;

use super::{
    probes::{Probes, within},
    report::CheckResult,
};
use crate::{
    config::{Account, Endpoints},
    connection::Connection,
    engine::Clock,
    http::{self, is_loopback},
    schema::Credential,
};

pub(super) const BLOBS: &str = "reachability of blobs";
pub(super) const TABLES: &str = "reachability of tables";
pub(super) const QUEUES: &str = "reachability of queues";
pub(super) const SERVICE: &str = "reachability of the service";
pub(super) const AUTHORITY: &str = "reachability of the sign-in";
pub(super) const CLOCK_OF_STORAGE: &str = "clock of storage";
pub(super) const CLOCK_OF_SERVICE: &str = "clock of the service";

/// What may name the proxy of an https address, the first before the next.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The ways to everybody.
pub(super) struct Reachabilities {
    pub(super) blobs: Reachability,
    pub(super) tables: Reachability,
    pub(super) queues: Reachability,
    pub(super) service: Reachability,
    /// `None` where a mock service on this machine is the service, for which nobody signs in.
    authority: Option<Reachability>,
}

/// The way to one host.
pub(super) struct Reachability {
    /// Its line.
    pub(super) about: &'static str,
    host: String,
    /// What names the host.
    pub(super) setting: &'static str,
    /// What names the proxy that may stand in between.
    proxy: Option<&'static str>,
    answer: Result<Answer, Broken>,
}

/// An answer, of which only time and sender are looked at.
#[derive(Debug)]
struct Answer {
    /// Whether Azure Storage gave it.
    is_of_storage: bool,
    /// What time it was there.
    date: Option<OffsetDateTime>,
    /// What time it was here.
    at: OffsetDateTime,
}

impl Reachabilities {
    pub(super) async fn ask(bag: &Probes) -> Self {
        let (Account::Emulator { endpoints, .. } | Account::Identity { endpoints, .. }) =
            &bag.config.account;
        let Endpoints { blob, queue, table } = endpoints;
        let endpoint = &bag.config.service.endpoint;
        let sign_in = async {
            let authority = &bag.config.service.authority;
            // A mock service is signed in to nowhere, unless the authority is one too.
            let is_asked = !bag.config.service.is_loopback() || is_loopback(authority);
            if is_asked {
                Some(Reachability::ask(AUTHORITY, authority, "AZURE_AUTHORITY_HOST", bag).await)
            } else {
                None
            }
        };
        let storage = |service_uri| match &bag.config.account {
            Account::Emulator { .. } => "ImportStorage",
            Account::Identity { .. } => {
                given(bag, &[service_uri]).unwrap_or("ImportStorage__accountName")
            }
        };
        let (blobs, tables, queues, service, authority) = join!(
            Reachability::ask(BLOBS, blob, storage("ImportStorage__blobServiceUri"), bag),
            Reachability::ask(TABLES, table, storage("ImportStorage__tableServiceUri"), bag),
            Reachability::ask(QUEUES, queue, storage("ImportStorage__queueServiceUri"), bag),
            Reachability::ask(SERVICE, endpoint, "INGESTION_ENDPOINT", bag),
            sign_in,
        );
        Self { blobs, tables, queues, service, authority }
    }

    /// The ways that every file needs, and the clocks at their ends.
    pub(super) fn lines(&self) -> Vec<CheckResult> {
        let (storage, service) = (&self.blobs, &self.service);
        vec![
            self.blobs.line(),
            self.tables.line(),
            self.queues.line(),
            self.service.line(),
            storage.clock(CLOCK_OF_STORAGE, service),
            service.clock(CLOCK_OF_SERVICE, storage),
        ]
    }

    /// The way to the sign-in, which a managed identity does not need.
    pub(super) fn authority(&self, connection: Option<&Connection>) -> CheckResult {
        let Some(way) = &self.authority else {
            return CheckResult::note(
                AUTHORITY,
                "not asked: the service is a mock service on this machine",
            );
        };
        let credential = connection.map(|connection| &connection.caller.credential);
        match &way.answer {
            Err(broken) if credential.is_some_and(can_do_without) => {
                let (host, why) = (&way.host, broken.told());
                let told = format!("{host}: {why}; this connection's credential can do without");
                CheckResult::note(AUTHORITY, told)
            }
            _ => way.line(),
        }
    }
}

/// Whether a credential has its tokens from elsewhere.
fn can_do_without(credential: &Credential) -> bool {
    matches!(credential, Credential::ManagedIdentity { .. } | Credential::AccessToken { .. })
}

/// The first of these settings that says something.
fn given(bag: &Probes, names: &[&'static str]) -> Option<&'static str> {
    let says = |name: &str| (bag.setting)(name).is_some_and(|value| !value.is_empty());
    names.iter().copied().find(|name| says(name))
}

impl Reachability {
    async fn ask(about: &'static str, url: &Url, setting: &'static str, bag: &Probes) -> Self {
        let proxy = if is_loopback(url) { None } else { given(bag, &PROXIES) };
        let answer = match http::client(url.into()).build() {
            Ok(client) => reach(&client, url, bag.limit, &bag.clock).await,
            Err(_) => Err(Broken::Tls),
        };
        let is_stranger = |answer: &Answer| is_of_storage(about) && !answer.is_of_storage;
        let answer = match answer {
            Ok(answer) if is_stranger(&answer) => Err(Broken::Stranger),
            answer => answer,
        };
        let host = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Self { about, host, setting, proxy, answer }
    }

    /// Whether it can be gone.
    pub(super) fn is_open(&self) -> bool {
        self.answer.is_ok()
    }

    fn line(&self) -> CheckResult {
        let (about, host) = (self.about, &self.host);
        match &self.answer {
            Ok(_) => CheckResult::good(about, format!("{host} answers")),
            Err(broken) => {
                let told = format!("{host}: {}", broken.told());
                CheckResult::bad(about, told, self.remedy(*broken))
            }
        }
    }

    /// The clock at its end, beside the clock at another's.
    fn clock(&self, about: &'static str, other: &Self) -> CheckResult {
        match &self.answer {
            Ok(answer) => clock(about, answer.skew(), other.skew()),
            Err(_) => CheckResult::unasked(about, self.about),
        }
    }

    fn skew(&self) -> Option<time::Duration> {
        self.answer.as_ref().ok().and_then(Answer::skew)
    }

    fn remedy(&self, broken: Broken) -> String {
        let Self { about, host, setting, proxy, .. } = self;
        let remedy = match broken {
            Broken::Name if is_of_storage(about) => format!(
                "compare {setting}; where a private endpoint is used, link its DNS zone to the \
                 network of the app"
            ),
            Broken::Name => {
                format!("compare {setting}; if it is right, mend the DNS of this machine")
            }
            Broken::Connection | Broken::Silence | Broken::Midway => format!(
                "let this machine go out to {host}, in firewall, route and network rules; compare \
                 {setting}; if all that is right, {host} is away and comes back"
            ),
            Broken::Tls => format!(
                "somebody between here and {host} opens TLS: exempt {host} there, or name the file \
                 of its certificate authority in SSL_CERT_FILE"
            ),
            Broken::Proxy => {
                let proxy = proxy.unwrap_or(PROXIES[0]);
                return format!(
                    "see that the proxy of {proxy} is there and answers; let it pass {host}, or \
                     give name and password in {proxy}, or exempt {host} in NO_PROXY"
                );
            }
            Broken::Stranger => format!(
                "compare {setting}; if it is right, somebody in between answers for {host}, as a \
                 proxy or the sign-in of a network does: exempt {host} there"
            ),
        };
        match proxy {
            Some(proxy) => format!(
                "{remedy}. The way goes through the proxy of {proxy}, if NO_PROXY does not exempt \
                 {host}: see that it is the right one and answers"
            ),
            None => remedy,
        }
    }
}

/// Whether a way leads to storage.
fn is_of_storage(about: &str) -> bool {
    [BLOBS, TABLES, QUEUES].contains(&about)
}

impl Answer {
    /// How far the clock here is ahead of the one there.
    fn skew(&self) -> Option<time::Duration> {
        self.date.map(|there| self.at - there)
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
    let is_of_storage = is_signed(answer.headers());
    Ok(Answer { is_of_storage, date: date.and_then(http::date), at: clock() })
}

/// Whether the headers are those of storage: its ids, or at least its name.
fn is_signed(headers: &HeaderMap) -> bool {
    let server = headers.get(SERVER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    headers.keys().any(|name| name.as_str().starts_with("x-ms-"))
        || ["Windows-Azure-", "Azurite-"].iter().any(|name| server.starts_with(name))
}

/// More than this is wrong; from five minutes on tokens are refused.
const MAX_SKEW: time::Duration = time::Duration::minutes(2);

/// What the clock here says of one that it is `ahead` of, and of which of the two that is odd, by
/// how far it is ahead of the `other`.
fn clock(
    about: &'static str,
    ahead: Option<time::Duration>,
    other: Option<time::Duration>,
) -> CheckResult {
    let Some(ahead) = ahead else {
        return CheckResult::note(about, "not told: the answer had no date");
    };
    let told = match ahead.whole_seconds() {
        // A date has whole seconds, and an answer its way.
        -2..=2 => "as the clock here".to_owned(),
        seconds if seconds > 0 => format!("the clock here is {seconds} s ahead of it"),
        seconds => format!("the clock here is {} s behind it", seconds.abs()),
    };
    if ahead.abs() <= MAX_SKEW {
        return CheckResult::good(about, told);
    }
    let whose = if about == CLOCK_OF_STORAGE { "the service" } else { "storage" };
    let remedy = match other {
        Some(other) if other.abs() <= MAX_SKEW => format!(
            "this machine's clock agrees with that of {whose}, so leave it; the other is odd: see \
             whether a proxy or cache answers in between, or try again later"
        ),
        Some(other) if (other - ahead).abs() > MAX_SKEW => format!(
            "this clock, that of {whose} and the one here all differ: compare the one here with a \
             clock that is right, and see whether a proxy or cache answers in between"
        ),
        _ => {
            "set the clock of this machine by NTP, in Azure restart the app: from five minutes on \
              tokens are refused"
                .to_owned()
        }
    };
    CheckResult::bad(about, told, remedy)
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
    /// Somebody answers who is not Azure Storage.
    Stranger,
}

impl Broken {
    fn told(self) -> &'static str {
        match self {
            Self::Name => "its name is not known to the DNS",
            Self::Connection => "there is no connection to it",
            Self::Tls => "no TLS can be agreed with it, or its certificate is not trusted",
            Self::Proxy => "the proxy is not there, or does not let this through",
            Self::Silence => "no answer came in time",
            Self::Midway => "the connection broke before an answer",
            Self::Stranger => {
                "it is not Azure Storage that answers: its headers x-ms-... are missing"
            }
        }
    }
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

#[cfg(test)]
mod tests;
