//! Settings: app settings of the Functions app, read once; an error lists every fault.
//!
//! [`SETTINGS`] is the only place with the name, default and meaning of each setting. What is inferred
//! about the service, and was never observed, is a setting with a default.

use std::time::Duration;

use strum::VariantNames as _;
use url::Url;

use crate::{
    http::{is_loopback, is_loopback_http},
    import::Policy,
    schema::{Format, Limits, Notify, Unmapped, is_setting_name},
};

mod account;
mod settings;

pub use self::account::{Account, Endpoints, StorageIdentity};
pub use self::settings::{SETTINGS, Setting};

/// The prefix of the storage settings, the `connection` of the queue trigger.
pub const STORAGE: &str = "ImportStorage";

/// The container in which files arrive: `inbox/<connection>/....csv`.
pub const INBOX: &str = "inbox";
/// The container of the connection documents: `connections/<name>.json`.
pub const CONNECTIONS: &str = "connections";
/// The container of the zips until they are pushed; emptied when an import ends.
pub const PACKAGES: &str = "packages";
/// The container of the reports on files.
pub const REPORTS: &str = "reports";
/// The table of imports.
pub const IMPORTS: &str = "imports";
/// The queue that Event Grid fills and the `intake` function reads.
pub const ARRIVALS: &str = "arrivals";
/// The queue to which the host moves messages that `intake` could not process.
pub const POISON: &str = "arrivals-poison";
/// The queue of the next steps of imports, which the `step` function reads.
pub const STEPS: &str = "steps";
/// The queue to which the host moves messages that `step` could not process.
pub const STEPS_POISON: &str = "steps-poison";

/// The longest wait that can be set.
const MAX_DURATION: Duration = Duration::from_hours(365 * 24);

/// What is wrong with the settings: one sentence for each fault, never with the value.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct Faults(Vec<String>);

/// Returns the value of a setting by its name.
pub type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The values of all settings.
#[derive(Debug)]
pub struct Config {
    /// Storage.
    pub account: Account,
    /// Wait times and timeouts.
    pub policy: Policy,
    /// The key of the mapping in metadata.json: `Mapping` by default, `ColumnMap` in Microsoft's
    /// business sample.
    pub mapping_key: String,
    /// How long a file must be unchanged before it counts as complete, unless an event says so.
    pub quiet: Duration,
    /// How long the row of an ended import is kept; `None` for ever.
    pub keep_rows: Option<Duration>,
    /// Limits of the checks.
    pub limits: Limits,
    /// The ingestion service.
    pub service: ServiceConfig,
    /// The webhook for connections whose document cannot name one.
    pub notify: Option<Notify>,
    /// The app, as the platform describes it.
    pub app: App,
}

/// How requests to the ingestion service are made.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// Its base address, without a slash at the end.
    pub endpoint: Url,
    /// The scope of the token.
    pub scope: String,
    /// Microsoft Entra's address, without the tenant.
    pub authority: Url,
    /// The name of the multipart part.
    pub part_name: String,
    /// The file name of that part.
    pub file_name: String,
    /// Whether its error files are saved.
    pub keep_errors: bool,
    /// The longest wait for an answer of the service or of storage.
    pub answer_timeout: Duration,
}

impl ServiceConfig {
    /// Whether the service is a mock service on this machine.
    #[must_use]
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.endpoint)
    }
}

impl Config {
    /// Reads every setting through `get`.
    ///
    /// # Errors
    /// All faults of the settings.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        let mut reader = Reader { get, faults: vec![] };
        let account = reader.account();
        let policy = reader.policy();
        let mapping_key = reader.text(MAPPING_KEY);
        let quiet = reader.seconds_or_none("QUIET_SECONDS");
        let keep_rows = reader.days_or_ever("KEEP_ROWS_DAYS");
        let limits = reader.limits();
        let service = reader.service(None);
        let notify = reader.notify();
        let app = App {
            host: reader.given("WEBSITE_HOSTNAME"),
            wants_sign_in: reader.boolean("APP_SERVICE_AUTH"),
            authenticates: reader
                .given("WEBSITE_AUTH_ENABLED")
                .is_some_and(|on| on.eq_ignore_ascii_case("true")),
        };
        match (account, service) {
            (Some(account), Some(service)) if reader.faults.is_empty() => Ok(Self {
                account,
                policy,
                mapping_key,
                quiet,
                keep_rows,
                limits,
                service,
                notify,
                app,
            }),
            _ => Err(Faults(reader.faults)),
        }
    }
}

/// The settings of the app's webhook and of its signing secret.
pub(crate) const NOTIFY_SETTING: &str = "NOTIFY_SETTING";
const NOTIFY_SIGNING_SETTING: &str = "NOTIFY_SIGNING_SETTING";

/// The setting with the key of the mapping.
const MAPPING_KEY: &str = "METADATA_MAPPING_KEY";

/// Reads only the key of the mapping, for commands that need no account.
pub(crate) fn mapping_key(get: impl Fn(&str) -> Option<String>) -> String {
    value(get, MAPPING_KEY)
}

/// The value of one setting, or its default.
pub fn value(get: impl Fn(&str) -> Option<String>, name: &str) -> String {
    Reader { get, faults: vec![] }.text(name)
}

/// Reads only the settings of the service, for commands that need no account. An `endpoint` overrides
/// `INGESTION_ENDPOINT`.
///
/// # Errors
/// All faults of these settings.
pub fn service(
    get: impl Fn(&str) -> Option<String>,
    endpoint: Option<Url>,
) -> Result<ServiceConfig, Faults> {
    let mut reader = Reader { get, faults: vec![] };
    let service = reader.service(endpoint);
    service.filter(|_| reader.faults.is_empty()).ok_or(Faults(reader.faults))
}

/// Reads only the wait times and timeouts, for commands that need no account.
///
/// # Errors
/// All faults of these settings.
pub fn policy(get: impl Fn(&str) -> Option<String>) -> Result<Policy, Faults> {
    let mut reader = Reader { get, faults: vec![] };
    let policy = reader.policy();
    if reader.faults.is_empty() { Ok(policy) } else { Err(Faults(reader.faults)) }
}

/// Reads only the limits of the checks, for commands that need no account.
///
/// # Errors
/// All faults of these settings.
pub fn limits(get: impl Fn(&str) -> Option<String>) -> Result<Limits, Faults> {
    let mut reader = Reader { get, faults: vec![] };
    let limits = reader.limits();
    if reader.faults.is_empty() { Ok(limits) } else { Err(Faults(reader.faults)) }
}

/// Reads the address of a service from the setting or flag `name`: https to any host, or plain http to
/// this machine.
///
/// # Errors
/// If the address is neither, or contains a query, a user name or a password.
pub fn endpoint(name: &str, value: &str) -> Result<Url, Faults> {
    let url = Url::parse(value.trim().trim_end_matches('/')).ok();
    let url = url.filter(|url| url.scheme() == "https" || is_loopback_http(url));
    let url = url.filter(|url| url.query().is_none() && url.fragment().is_none());
    let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
    let fault = "must be an https address without a query, a user name or a password (plain http only to \
                 127.0.0.1)";
    url.ok_or_else(|| Faults(vec![format!("{name} {fault}")]))
}

struct Reader<F> {
    get: F,
    faults: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    fn given(&self, name: &str) -> Option<String> {
        (self.get)(name).filter(|value| !value.trim().is_empty())
    }

    fn text(&self, name: &str) -> String {
        let default = SETTINGS.iter().find(|setting| setting.name == name);
        let default = default.and_then(|setting| setting.default).unwrap_or_default();
        self.given(name).unwrap_or_else(|| default.to_owned())
    }

    fn number(&mut self, name: &str) -> u64 {
        let value = self.text(name).trim().parse().ok().filter(|number| *number > 0);
        value.unwrap_or_else(|| {
            self.faults.push(format!("{name} must be a whole number greater than 0"));
            1
        })
    }

    /// A time that may be 0.
    fn seconds_or_none(&mut self, name: &str) -> Duration {
        if self.text(name).trim() == "0" { Duration::ZERO } else { self.seconds(name) }
    }

    /// A number of days; `None` for 0, which means for ever.
    fn days_or_ever(&mut self, name: &str) -> Option<Duration> {
        const MOST: u64 = 36_500;
        let is_ever = self.text(name).trim() == "0";
        (!is_ever).then(|| Duration::from_hours(24 * self.number(name).min(MOST)))
    }

    fn seconds(&mut self, name: &str) -> Duration {
        let duration = Duration::from_secs(self.number(name));
        if duration > MAX_DURATION {
            self.faults.push(format!("{name} must be at most {} (1 year)", MAX_DURATION.as_secs()));
        }
        duration.min(MAX_DURATION)
    }

    fn boolean(&mut self, name: &str) -> bool {
        match self.text(name).trim() {
            "true" => true,
            "false" => false,
            _ => {
                self.faults.push(format!("{name} must be true or false"));
                false
            }
        }
    }

    fn policy(&mut self) -> Policy {
        Policy {
            step_timeout: self.seconds("STEP_TIMEOUT_SECONDS"),
            lease: self.seconds("LEASE_SECONDS"),
            poll_min: self.seconds("POLL_MIN_SECONDS"),
            poll_max: self.seconds("POLL_MAX_SECONDS"),
            busy_min: self.seconds("BUSY_WAIT_SECONDS"),
            busy_max: self.seconds("BUSY_WAIT_MAX_SECONDS"),
            correction_wait: self.seconds("CORRECTION_WAIT_SECONDS"),
            wait_deadline: self.seconds("QUEUE_TIMEOUT_SECONDS"),
            ingestion_deadline: self.seconds("INGESTION_TIMEOUT_SECONDS"),
            push_failures: u32::try_from(self.number("MAX_PUSH_FAILURES")).unwrap_or(u32::MAX),
        }
    }

    /// `None` if an address is invalid.
    fn service(&mut self, endpoint: Option<Url>) -> Option<ServiceConfig> {
        let endpoint = endpoint.or_else(|| self.endpoint("INGESTION_ENDPOINT"));
        let authority = self.authority("AZURE_AUTHORITY_HOST");
        let keep_errors = self.boolean("KEEP_SERVICE_ERRORS");
        let answer_timeout = self.seconds("REQUEST_TIMEOUT_SECONDS");
        Some(ServiceConfig {
            endpoint: endpoint?,
            scope: self.text("INGESTION_SCOPE"),
            authority: authority?,
            part_name: self.text("PUSH_PART_NAME"),
            file_name: self.text("PUSH_FILE_NAME"),
            keep_errors,
            answer_timeout,
        })
    }

    fn limits(&mut self) -> Limits {
        let unmapped = self.text("UNMAPPED_COLUMNS").trim().parse().ok();
        if unmapped.is_none() {
            self.faults.push("UNMAPPED_COLUMNS must be drop or refuse".to_owned());
        }
        let percent = self.text("MAX_SHRINK_PERCENT").trim().parse().ok();
        let percent = percent.filter(|percent| *percent <= 100);
        if percent.is_none() {
            self.faults.push("MAX_SHRINK_PERCENT must be a whole number from 0 to 100".to_owned());
        }
        Limits {
            max_file_bytes: self.number("MAX_FILE_BYTES"),
            max_people_bytes: self.number("MAX_PEOPLE_BYTES"),
            max_shrink_percent: percent.unwrap_or_default(),
            max_days_back: self.number("MAX_DAYS_BACK"),
            unmapped: unmapped.unwrap_or(Unmapped::Refuse),
        }
    }

    fn notify(&mut self) -> Option<Notify> {
        let setting = self.setting_name(NOTIFY_SETTING);
        let signing_setting = self.setting_name(NOTIFY_SIGNING_SETTING);
        if signing_setting.is_some() && self.given(NOTIFY_SETTING).is_none() {
            self.faults.push(format!(
                "{NOTIFY_SIGNING_SETTING} is set without {NOTIFY_SETTING}; set both"
            ));
        }
        let format = self.text("NOTIFY_FORMAT").trim().parse::<Format>().ok();
        if format.is_none() {
            let words = Format::VARIANTS.join(", ");
            self.faults.push(format!("NOTIFY_FORMAT must be one of {words}"));
        }
        Some(Notify { setting: setting?, format: format?, signing_setting, completed: false })
    }

    /// The name of another setting. The value is not quoted, because it may be the secret itself.
    fn setting_name(&mut self, name: &str) -> Option<String> {
        let given = self.given(name)?.trim().to_owned();
        if is_setting_name(&given) {
            return Some(given);
        }
        self.faults.push(format!(
            "{name} must be the name of another setting (at most 64 letters, digits and _), not the value of \
             that setting"
        ));
        None
    }

    fn endpoint(&mut self, name: &str) -> Option<Url> {
        endpoint(name, &self.text(name)).map_err(|Faults(faults)| self.faults.extend(faults)).ok()
    }

    /// An https address without a path, because the tenant's path is appended.
    fn authority(&mut self, name: &str) -> Option<Url> {
        let url = Url::parse(self.text(name).trim()).ok().filter(|url| {
            let alone = url.path() == "/" && url.query().is_none() && url.username().is_empty();
            url.scheme() == "https" && alone
        });
        if url.is_none() {
            self.faults.push(format!(
                "{name} must be an https address without a path, such as https://login.microsoftonline.com"
            ));
        }
        url
    }

    fn storage_credential(&mut self, credential: &str, client_id: &str) -> StorageIdentity {
        let client_id = self.given(client_id);
        match self.given(credential).as_deref() {
            None | Some("managedidentity") => StorageIdentity::ManagedIdentity { client_id },
            Some("azurecli") => StorageIdentity::AzureCli,
            Some(_) => {
                self.faults.push(format!("{credential} must be managedidentity or azurecli"));
                StorageIdentity::AzureCli
            }
        }
    }

    fn account(&mut self) -> Option<Account> {
        let name = |suffix: &str| format!("{STORAGE}__{suffix}");
        if let Some(connection_string) = self.given(STORAGE) {
            let account = Account::emulator(&connection_string);
            if account.is_none() {
                self.faults.push(format!(
                    "{STORAGE} must be the connection string of a storage emulator on this machine, with \
                     AccountName, AccountKey, BlobEndpoint, QueueEndpoint and TableEndpoint. For an account \
                     in Azure, delete {STORAGE} and set {}: the managed identity then signs in",
                    name("accountName")
                ));
            }
            return account;
        }
        let who = self.storage_credential(&name("credential"), &name("clientId"));
        let account_name = self.given(&name("accountName"));
        let mut address = |service: &str| {
            let setting = name(&format!("{service}ServiceUri"));
            if self.given(&setting).is_some() {
                return self.endpoint(&setting);
            }
            let account = account_name.as_ref()?;
            Url::parse(&format!("https://{account}.{service}.core.windows.net")).ok()
        };
        let (blob, queue, table) = (address("blob"), address("queue"), address("table"));
        if let (Some(blob), Some(queue), Some(table)) = (blob, queue, table) {
            return Some(Account::Identity { who, endpoints: Endpoints { blob, queue, table } });
        }
        self.faults.push(format!(
            "{} is not set: set it to the name of the storage account, or set {}, {} and {}",
            name("accountName"),
            name("blobServiceUri"),
            name("queueServiceUri"),
            name("tableServiceUri")
        ));
        None
    }
}

/// The address of the app, and whether users sign in to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct App {
    /// Its public host name; `None` if no platform sets one.
    host: Option<String>,
    /// Whether `APP_SERVICE_AUTH` is `true`.
    wants_sign_in: bool,
    /// Whether the platform reports that its authentication is on.
    authenticates: bool,
}

impl App {
    /// Its public host name.
    #[must_use]
    pub(crate) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Whether users sign in to the app: both the setting and the platform must say so. Otherwise the user
    /// name in a request is not trusted.
    #[must_use]
    pub(crate) fn has_sign_in(&self) -> bool {
        self.wants_sign_in && self.authenticates
    }

    /// Whether its address is https, as in Azure; on this machine it is not.
    #[must_use]
    pub(crate) fn is_https(&self) -> bool {
        let host = self.host().unwrap_or_default();
        !host.is_empty() && !host.starts_with("localhost") && !host.starts_with("127.")
    }

    /// Its public address, if the platform sets one.
    #[must_use]
    pub(crate) fn address(&self) -> Option<String> {
        let host = self.host()?;
        let scheme = if self.is_https() { "https" } else { "http" };
        Some(format!("{scheme}://{host}"))
    }

    /// The page of an import, if users can open it without a key.
    #[must_use]
    pub(crate) fn page_of(&self, import: &str) -> Option<String> {
        let host = self.host.as_ref().filter(|_| self.has_sign_in())?;
        Some(format!("https://{host}/api/signedin/{import}"))
    }
}

#[cfg(test)]
mod tests;
