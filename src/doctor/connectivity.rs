//! Whether the program can reach the hosts that it needs, and whether their clocks agree with this one.
//!
//! The request is a plain GET without a token. An answer with any status counts. An answer of storage must
//! also have the headers of Azure Storage, because a proxy's page may answer instead.

use std::{error::Error, fmt, time::Duration};

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

/// The environment variables that may name the proxy of an https address; the first one set applies.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Whether each host can be reached.
pub(super) struct Reachabilities {
    pub(super) blobs: Reachability,
    pub(super) tables: Reachability,
    pub(super) queues: Reachability,
    pub(super) service: Reachability,
    /// `None` if the service is a mock service on this machine, which needs no sign-in.
    authority: Option<Reachability>,
}

/// Whether one host can be reached.
pub(super) struct Reachability {
    /// The name of its check.
    pub(super) check: &'static str,
    host: String,
    /// The setting that names the host.
    pub(super) setting: &'static str,
    /// The environment variable that names the proxy, if there may be one in between.
    proxy: Option<&'static str>,
    answer: Result<Answer, Broken>,
}

/// An answer; only its time and its sender matter.
#[derive(Debug)]
struct Answer {
    /// Whether Azure Storage sent it.
    is_of_storage: bool,
    /// The time by the host's clock.
    date: Option<OffsetDateTime>,
    /// The time by this machine's clock.
    at: OffsetDateTime,
}

impl Reachabilities {
    pub(super) async fn ask(probes: &Probes) -> Self {
        let (Account::Emulator { endpoints, .. } | Account::Identity { endpoints, .. }) =
            &probes.config.account;
        let Endpoints { blob, queue, table } = endpoints;
        let endpoint = &probes.config.service.endpoint;
        let sign_in = async {
            let authority = &probes.config.service.authority;
            // A mock service needs no sign-in, unless the authority is a mock, too.
            let is_asked = !probes.config.service.is_loopback() || is_loopback(authority);
            if is_asked {
                Some(Reachability::ask(AUTHORITY, authority, "AZURE_AUTHORITY_HOST", probes).await)
            } else {
                None
            }
        };
        let storage = |service_uri| match &probes.config.account {
            Account::Emulator { .. } => "ImportStorage",
            Account::Identity { .. } => {
                given(probes, &[service_uri]).unwrap_or("ImportStorage__accountName")
            }
        };
        let (blobs, tables, queues, service, authority) = join!(
            Reachability::ask(BLOBS, blob, storage("ImportStorage__blobServiceUri"), probes),
            Reachability::ask(TABLES, table, storage("ImportStorage__tableServiceUri"), probes),
            Reachability::ask(QUEUES, queue, storage("ImportStorage__queueServiceUri"), probes),
            Reachability::ask(SERVICE, endpoint, "INGESTION_ENDPOINT", probes),
            sign_in,
        );
        Self { blobs, tables, queues, service, authority }
    }

    /// The results of the hosts that every import needs, and of their clocks.
    pub(super) fn results(&self) -> Vec<CheckResult> {
        let (storage, service) = (&self.blobs, &self.service);
        vec![
            self.blobs.result(),
            self.tables.result(),
            self.queues.result(),
            self.service.result(),
            storage.clock(CLOCK_OF_STORAGE, service),
            service.clock(CLOCK_OF_SERVICE, storage),
        ]
    }

    /// The result of the sign-in's host, which a managed identity does not need.
    pub(super) fn authority(&self, connection: Option<&Connection>) -> CheckResult {
        let Some(authority) = &self.authority else {
            return CheckResult::info(
                AUTHORITY,
                "Not checked: the service is a mock service on this machine, which needs no sign-in",
            );
        };
        let credential = connection.map(|connection| &connection.caller.credential);
        match &authority.answer {
            Err(cause) if credential.is_some_and(has_other_issuer) => {
                let host = &authority.host;
                CheckResult::info(
                    AUTHORITY,
                    format!("{host}: {cause}; the connection's credential does not need it"),
                )
            }
            _ => authority.result(),
        }
    }
}

/// Whether a credential gets its tokens without the authority.
fn has_other_issuer(credential: &Credential) -> bool {
    matches!(credential, Credential::ManagedIdentity { .. } | Credential::AccessToken { .. })
}

/// The first of these settings that is set.
fn given(probes: &Probes, names: &[&'static str]) -> Option<&'static str> {
    let is_set = |name: &str| (probes.setting)(name).is_some_and(|value| !value.is_empty());
    names.iter().copied().find(|name| is_set(name))
}

impl Reachability {
    async fn ask(check: &'static str, url: &Url, setting: &'static str, probes: &Probes) -> Self {
        let proxy = if is_loopback(url) { None } else { given(probes, &PROXIES) };
        let answer = match http::client(url.into()).build() {
            Ok(client) => reach(&client, url, probes.limit, &probes.clock).await,
            Err(_) => Err(Broken::Tls),
        };
        let is_stranger = |answer: &Answer| is_of_storage(check) && !answer.is_of_storage;
        let answer = match answer {
            Ok(answer) if is_stranger(&answer) => Err(Broken::Stranger),
            answer => answer,
        };
        let host = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Self { check, host, setting, proxy, answer }
    }

    /// Whether it answered.
    pub(super) fn is_reachable(&self) -> bool {
        self.answer.is_ok()
    }

    fn result(&self) -> CheckResult {
        let (check, host) = (self.check, &self.host);
        match &self.answer {
            Ok(_) => CheckResult::pass(check, format!("{host} answers")),
            Err(cause) => CheckResult::fail(check, format!("{host}: {cause}"), self.remedy(*cause)),
        }
    }

    /// The result of its clock; the clock of `other` shows which one is wrong.
    fn clock(&self, check: &'static str, other: &Self) -> CheckResult {
        match &self.answer {
            Ok(answer) => clock(check, answer.skew(), other.skew()),
            Err(_) => CheckResult::skipped(check, self.check),
        }
    }

    fn skew(&self) -> Option<time::Duration> {
        self.answer.as_ref().ok().and_then(Answer::skew)
    }

    fn remedy(&self, broken: Broken) -> String {
        let Self { check, host, setting, proxy, .. } = self;
        let remedy = match broken {
            Broken::Name if is_of_storage(check) => format!(
                "Correct {setting} if it is wrong. If the account has a private endpoint, link its private \
                 DNS zone to the app's virtual network (Azure portal: Private DNS zones, Virtual network \
                 links)."
            ),
            Broken::Name => format!(
                "Correct {setting} if it is wrong. If it is right, correct the DNS of this machine: \
                 `nslookup {host}` must return an address."
            ),
            Broken::Connection | Broken::Silence | Broken::Midway => format!(
                "Correct {setting} if it is wrong. If it is right, allow outbound connections from this \
                 machine to {host} in firewalls, routes and network security groups. If they are allowed, \
                 {host} is down; try again later."
            ),
            Broken::Tls => format!(
                "A proxy or firewall between this machine and {host} intercepts TLS. Exempt {host} there, \
                 or set SSL_CERT_FILE to the file with its certificate authority."
            ),
            Broken::Proxy => {
                let proxy = proxy.unwrap_or(PROXIES[0]);
                return format!(
                    "Check that the proxy in {proxy} is running. Allow {host} in it, put a user name and \
                     password into {proxy}, or exempt {host} in NO_PROXY."
                );
            }
            Broken::Stranger => format!(
                "Correct {setting} if it is wrong. If it is right, a proxy or the sign-in page of a network \
                 answers instead of {host}; exempt {host} there."
            ),
        };
        match proxy {
            Some(proxy) => format!(
                "{remedy} The connection goes through the proxy in {proxy}, unless NO_PROXY exempts {host}: \
                 check that this is the right proxy and that it is running."
            ),
            None => remedy,
        }
    }
}

/// Whether the host of a check is a storage service.
fn is_of_storage(check: &str) -> bool {
    [BLOBS, TABLES, QUEUES].contains(&check)
}

impl Answer {
    /// How far this machine's clock is ahead of the host's.
    fn skew(&self) -> Option<time::Duration> {
        self.date.map(|there| self.at - there)
    }
}

/// Sends a GET to `url`, and reads the time from the answer.
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
    let at = clock();
    Ok(Answer { is_of_storage, date: date.and_then(|date| http::date(date, at)), at })
}

/// Whether the headers are those of Azure Storage: its ids, or at least its name.
fn is_signed(headers: &HeaderMap) -> bool {
    let server = headers.get(SERVER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    headers.keys().any(|name| name.as_str().starts_with("x-ms-"))
        || ["Windows-Azure-", "Azurite-"].iter().any(|name| server.starts_with(name))
}

/// The largest difference that passes. From 5 minutes on, tokens are not accepted.
const MAX_SKEW: time::Duration = time::Duration::minutes(2);

/// The result of a clock that this machine's clock is `ahead` of. How far it is ahead of the `other` host's
/// clock shows which one is wrong.
fn clock(
    check: &'static str,
    ahead: Option<time::Duration>,
    other: Option<time::Duration>,
) -> CheckResult {
    let Some(ahead) = ahead else {
        return CheckResult::info(check, "Not known: the answer has no Date header");
    };
    let message = match ahead.whole_seconds() {
        // A date has whole seconds, and an answer takes time to arrive.
        -2..=2 => "Agrees with this machine's clock".to_owned(),
        seconds if seconds > 0 => format!("This machine's clock is {seconds} s ahead of it"),
        seconds => format!("This machine's clock is {} s behind it", seconds.abs()),
    };
    if ahead.abs() <= MAX_SKEW {
        return CheckResult::pass(check, message);
    }
    let (this, that) = if check == CLOCK_OF_STORAGE {
        ("storage", "the service")
    } else {
        ("the service", "storage")
    };
    let remedy = match other {
        Some(other) if other.abs() <= MAX_SKEW => format!(
            "Do not change this machine's clock: it agrees with the clock of {that}. The clock of {this} \
             is wrong. Check whether a proxy or cache answers in between, or try again later."
        ),
        Some(other) if (other - ahead).abs() > MAX_SKEW => format!(
            "The clocks of {this}, {that} and this machine all differ. Compare this machine's clock with a \
             correct one, and check whether a proxy or cache answers in between."
        ),
        _ => "Set this machine's clock by NTP; in Azure, restart the app: `az functionapp restart --name \
              $APP --resource-group $GROUP`. From a difference of 5 minutes on, tokens are not accepted."
            .to_owned(),
    };
    CheckResult::fail(check, message, remedy)
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Name,
    Connection,
    Tls,
    Proxy,
    Silence,
    Midway,
    /// The answer is not one of Azure Storage.
    Stranger,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "DNS does not know this name",
            Self::Connection => "no connection could be opened",
            Self::Tls => "the TLS handshake failed, or the certificate is not trusted",
            Self::Proxy => "the proxy does not answer, or does not allow this connection",
            Self::Silence => "no answer arrived in time",
            Self::Midway => "the connection closed before an answer arrived",
            Self::Stranger => "the answer is not from Azure Storage: it has no x-ms-... header",
        })
    }
}

/// Where an exchange failed. The texts of its causes decide, because they have no type in common.
fn broken(error: &reqwest::Error) -> Broken {
    // The error's own text holds the address, which may contain any of these words.
    let causes = std::iter::successors(error.source(), |cause: &&dyn Error| (*cause).source());
    let words: String = causes.map(|cause| format!("{cause}\n").to_lowercase()).collect();
    let has = |any: &[&str]| any.iter().any(|word| words.contains(word));
    if has(&["tunnel error", "proxy", "socks"]) {
        Broken::Proxy
    } else if has(&["dns error"]) {
        Broken::Name
    } else if has(&["certificate", "tls", "handshake", "corrupt message"]) {
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
