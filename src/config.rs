//! Settings: app settings of the Functions app, read once, every fault told at once.
//!
//! [`SETTINGS`] is the one place where a setting's name, default and meaning stand. Whatever
//! about the service was inferred and never seen is a setting with a default here.

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

/// Where the files arrive: `inbox/<connection>/....csv`.
pub const INBOX: &str = "inbox";
/// Where the connections are: `connections/<name>.json`.
pub const CONNECTIONS: &str = "connections";
/// Where the zips wait for their push; emptied when an import ends.
pub const PACKAGES: &str = "packages";
/// What was wrong with a file.
pub const REPORTS: &str = "reports";
/// The status table.
pub const IMPORTS: &str = "imports";
/// The queue that Event Grid fills and the `intake` function reads.
pub const ARRIVALS: &str = "arrivals";
/// Where the host puts what `intake` could not read.
pub const POISON: &str = "arrivals-poison";

/// Longest wait that can be set.
const MAX_DURATION: Duration = Duration::from_hours(365 * 24);

/// What is wrong with the settings: one sentence for each fault, without the value.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct Faults(Vec<String>);

/// Looks a setting up by its name.
pub type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// All settings, read.
#[derive(Debug)]
pub struct Config {
    /// Storage.
    pub account: Account,
    /// Waits and limits.
    pub policy: Policy,
    /// The key of the mapping in metadata.json: `Mapping` by default, `ColumnMap` in Microsoft's
    /// business sample.
    pub mapping_key: String,
    /// Limits of the checks.
    pub limits: Limits,
    /// The far service.
    pub service: ServiceConfig,
    /// Who is told where the document of a connection cannot say whom.
    pub notify: Option<Notify>,
    /// The app, as its platform describes it.
    pub app: App,
}

/// How to speak to the ingestion service.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// Its base address, without a slash at the end.
    pub endpoint: Url,
    /// What the token is asked for.
    pub scope: String,
    /// Microsoft Entra's address, without the tenant.
    pub authority: Url,
    /// Name of the multipart part.
    pub part_name: String,
    /// File name of that part.
    pub file_name: String,
    /// Whether its error files are kept.
    pub keep_errors: bool,
    /// How long it, or storage, may leave a question unanswered.
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
    /// Every fault.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        let mut reader = Reader { get, faults: vec![] };
        let account = reader.account();
        let policy = reader.policy();
        let mapping_key = reader.text(MAPPING_KEY);
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
            (Some(account), Some(service)) if reader.faults.is_empty() => {
                Ok(Self { account, policy, mapping_key, limits, service, notify, app })
            }
            _ => Err(Faults(reader.faults)),
        }
    }
}

/// The settings that say who is told, and by which secret that is signed.
pub(crate) const NOTIFY_SETTING: &str = "NOTIFY_SETTING";
const NOTIFY_SIGNING_SETTING: &str = "NOTIFY_SIGNING_SETTING";

/// The setting of the mapping's key.
const MAPPING_KEY: &str = "METADATA_MAPPING_KEY";

/// Reads the mapping's key alone, for the commands that need no account.
pub(crate) fn mapping_key(get: impl Fn(&str) -> Option<String>) -> String {
    value(get, MAPPING_KEY)
}

/// The value of one setting as a text, or its default.
pub fn value(get: impl Fn(&str) -> Option<String>, name: &str) -> String {
    Reader { get, faults: vec![] }.text(name)
}

/// Reads how to speak to the service alone, for the commands that need no account.
///
/// # Errors
/// Every fault.
pub fn service(
    get: impl Fn(&str) -> Option<String>,
    endpoint: Option<Url>,
) -> Result<ServiceConfig, Faults> {
    let mut reader = Reader { get, faults: vec![] };
    let service = reader.service(endpoint);
    service.filter(|_| reader.faults.is_empty()).ok_or(Faults(reader.faults))
}

/// Reads waits and limits alone, for the commands that need no account.
///
/// # Errors
/// Every fault.
pub fn policy(get: impl Fn(&str) -> Option<String>) -> Result<Policy, Faults> {
    let mut reader = Reader { get, faults: vec![] };
    let policy = reader.policy();
    if reader.faults.is_empty() { Ok(policy) } else { Err(Faults(reader.faults)) }
}

/// Reads the limits alone, for the commands that need no account.
///
/// # Errors
/// Every fault.
pub fn limits(get: impl Fn(&str) -> Option<String>) -> Result<Limits, Faults> {
    let mut reader = Reader { get, faults: vec![] };
    let limits = reader.limits();
    if reader.faults.is_empty() { Ok(limits) } else { Err(Faults(reader.faults)) }
}

/// Reads the address of a service, which a person knows as `name`: https to anywhere, or plain http to
/// this machine.
///
/// # Errors
/// It is neither, or has a query or a password in it.
pub fn endpoint(name: &str, value: &str) -> Result<Url, Faults> {
    let url = Url::parse(value.trim().trim_end_matches('/')).ok();
    let url = url.filter(|url| url.scheme() == "https" || is_loopback_http(url));
    let url = url.filter(|url| url.query().is_none() && url.fragment().is_none());
    let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
    let fault = "must be an https address without a query (plain http only to 127.0.0.1)";
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
            self.faults.push(format!("{name} must be a whole number above 0"));
            1
        })
    }

    fn seconds(&mut self, name: &str) -> Duration {
        let duration = Duration::from_secs(self.number(name));
        if duration > MAX_DURATION {
            self.faults.push(format!("{name} must be at most a year"));
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

    /// `None` where its endpoint is not right.
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
            unmapped: unmapped.unwrap_or(Unmapped::Refuse),
        }
    }

    fn notify(&mut self) -> Option<Notify> {
        let setting = self.setting_name(NOTIFY_SETTING);
        let signing_setting = self.setting_name(NOTIFY_SIGNING_SETTING);
        if signing_setting.is_some() && self.given(NOTIFY_SETTING).is_none() {
            self.faults.push(format!("{NOTIFY_SIGNING_SETTING} needs {NOTIFY_SETTING}"));
        }
        let format = self.text("NOTIFY_FORMAT").trim().parse::<Format>().ok();
        if format.is_none() {
            let words = Format::VARIANTS.join(", ");
            self.faults.push(format!("NOTIFY_FORMAT must be one of {words}"));
        }
        Some(Notify { setting: setting?, format: format?, signing_setting, completed: false })
    }

    /// The name of another setting. It is not quoted, since it may be what that should hold.
    fn setting_name(&mut self, name: &str) -> Option<String> {
        let given = self.given(name)?.trim().to_owned();
        if is_setting_name(&given) {
            return Some(given);
        }
        self.faults.push(format!(
            "{name} must be the name of a setting (letters, digits and _, at most 64), and never what that \
             holds"
        ));
        None
    }

    fn endpoint(&mut self, name: &str) -> Option<Url> {
        endpoint(name, &self.text(name)).map_err(|Faults(faults)| self.faults.extend(faults)).ok()
    }

    /// https, and a host alone: the tenant's path is put behind it.
    fn authority(&mut self, name: &str) -> Option<Url> {
        let url = Url::parse(self.text(name).trim()).ok().filter(|url| {
            let alone = url.path() == "/" && url.query().is_none() && url.username().is_empty();
            url.scheme() == "https" && alone
        });
        if url.is_none() {
            self.faults.push(format!("{name} must be an https address without a path"));
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
                    "{STORAGE} must be the connection string of an emulator on this machine, with \
                     AccountName, AccountKey, BlobEndpoint, QueueEndpoint and TableEndpoint; for \
                     Azure set {} and let the managed identity sign in",
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
            "no storage account: set {}, or {}, {} and {}",
            name("accountName"),
            name("blobServiceUri"),
            name("queueServiceUri"),
            name("tableServiceUri")
        ));
        None
    }
}

/// Where the app is reached, and whether people sign in before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct App {
    /// Its name as seen from outside; `None` where no platform gives it one.
    host: Option<String>,
    /// Whether a setting says that people sign in.
    wants_sign_in: bool,
    /// Whether the platform says that its authentication is on.
    authenticates: bool,
}

impl App {
    /// Its name as seen from outside.
    #[must_use]
    pub(crate) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Whether people sign in before the app: the setting says so, and the platform that its
    /// authentication is on. Where one of them is missing, no name is believed.
    #[must_use]
    pub(crate) fn has_sign_in(&self) -> bool {
        self.wants_sign_in && self.authenticates
    }

    /// Whether it is reached over https, as it is in Azure and not on this machine.
    #[must_use]
    pub(crate) fn is_https(&self) -> bool {
        let host = self.host().unwrap_or_default();
        !host.is_empty() && !host.starts_with("localhost") && !host.starts_with("127.")
    }

    /// Where it is reached, as far as the platform says.
    #[must_use]
    pub(crate) fn address(&self) -> Option<String> {
        let host = self.host()?;
        let scheme = if self.is_https() { "https" } else { "http" };
        Some(format!("{scheme}://{host}"))
    }

    /// The page of an import, where people need no key to look at it.
    #[must_use]
    pub(crate) fn page_of(&self, import: &str) -> Option<String> {
        let host = self.host.as_ref().filter(|_| self.has_sign_in())?;
        Some(format!("https://{host}/api/signedin/{import}"))
    }
}

#[cfg(test)]
mod tests;
