//! What the host reads before it starts anything: host.json and the folder of each function, with the app
//! settings that override them.
//!
//! All faults are reported together. A feature that is not emulated (other triggers, output bindings, retry
//! policies) is a fault too, because the real host would behave differently.

use std::{
    collections::BTreeMap,
    fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

use super::{
    function::{Function, Trigger, Unread},
    settings::{Settings, read_json},
};

/// A deployed function app: host.json, the functions, the settings.
#[derive(Debug)]
pub struct App {
    pub(super) root: PathBuf,
    pub(super) settings: Settings,
    pub(super) functions: Vec<Function>,
    pub(super) handler: Handler,
    pub(super) queues: Queues,
    /// How long a call can take; `None` is unlimited.
    pub(super) timeout: Option<Duration>,
    pub(super) route_prefix: String,
    pub(super) http: HttpMode,
    /// Why a function is not among the functions although it has a folder.
    pub(super) unindexed: Vec<String>,
}

/// How the handler gets HTTP requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HttpMode {
    /// `enableProxyingHttpRequest`.
    Proxy,
    /// `enableForwardingHttpRequest`, if proxying is off or the host is older than it.
    Forward,
}

/// `customHandler` of host.json.
#[derive(Debug)]
pub(super) struct Handler {
    pub(super) executable: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) directory: PathBuf,
    pub(super) patience: Duration,
    /// Whether every line on stderr is an error, or a warning if it contains that word.
    pub(super) stderr_is_for_errors: bool,
}

/// `extensions.queues` of host.json.
#[derive(Debug)]
pub(super) struct Queues {
    pub(super) batch_size: i32,
    pub(super) new_batch_threshold: usize,
    pub(super) max_dequeue_count: i64,
    pub(super) visibility_timeout: Duration,
    pub(super) max_polling_interval: Duration,
    /// Whether messages are base64, which is the default of the host.
    pub(super) base64: bool,
}

impl App {
    /// Reads and checks the app in `root` with the rules of the host.
    ///
    /// # Errors
    /// All faults, each as a sentence.
    pub fn read(root: &Path, settings: &BTreeMap<String, String>) -> Result<Self, Vec<String>> {
        let settings = Settings::new(settings.clone());
        let root = root.canonicalize().map_err(|why| vec![format!("{}: {why}", root.display())])?;
        let mut host = read_json(&root.join("host.json")).map_err(|why| vec![why])?;
        settings.override_keys(&mut host);
        let mut host = HostJson { json: &host, faults: Vec::new() };

        if host.text("version") != Some("2.0") {
            host.faults.push("host.json: version must be \"2.0\"".to_owned());
        }
        let proxying = host.flag("customHandler.enableProxyingHttpRequest", false);
        let forwarding = host.flag("customHandler.enableForwardingHttpRequest", false);
        let timeout = match host.text("functionTimeout") {
            Some("-1") => None,
            _ => Some(host.span("functionTimeout", Duration::from_mins(30), 1)),
        };
        let handler = host.handler(&root);
        let queues = host.queues();
        let route_prefix = host.text("extensions.http.routePrefix").unwrap_or("api").to_owned();
        let routes = host.get("customHandler.http.routes").is_some();
        let mut faults = host.faults;

        let (mut functions, mut unindexed) = (Vec::new(), Vec::new());
        for folder in folders(&root).map_err(|why| vec![why])? {
            match Function::read(&folder, &settings) {
                Ok(function) => functions.push(function),
                Err(Unread::Faults(more)) => faults.extend(more),
                Err(Unread::Unresolved(why)) => unindexed.push(why),
            }
        }
        if routes {
            faults.push(
                "Detected both function.json files and custom handler HTTP route configuration. \
                 Only one configuration source is supported"
                    .to_owned(),
            );
        }
        if functions.is_empty() && faults.is_empty() {
            faults.push(
                "the app has no function, so the host would not start the handler".to_owned(),
            );
        }
        if functions.iter().any(|f| matches!(f.trigger, Trigger::Http { .. }))
            && !proxying
            && !forwarding
        {
            faults.push(
                "an httpTrigger without customHandler.enableProxyingHttpRequest or \
                 enableForwardingHttpRequest gets JSON instead of HTTP, which is not emulated"
                    .to_owned(),
            );
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let http = if proxying { HttpMode::Proxy } else { HttpMode::Forward };
        Ok(Self {
            root,
            settings,
            functions,
            handler,
            queues,
            timeout,
            route_prefix,
            http,
            unindexed,
        })
    }

    pub(super) fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name.eq_ignore_ascii_case(name))
    }
}

/// host.json and its faults.
struct HostJson<'a> {
    json: &'a Value,
    faults: Vec<String>,
}

impl<'a> HostJson<'a> {
    fn get(&self, path: &str) -> Option<&'a Value> {
        path.split('.').try_fold(self.json, |at, key| {
            let (_, value) = at.as_object()?.iter().find(|(k, _)| k.eq_ignore_ascii_case(key))?;
            Some(value)
        })
    }

    fn text(&self, path: &str) -> Option<&'a str> {
        self.get(path)?.as_str()
    }

    fn flag(&mut self, path: &str, otherwise: bool) -> bool {
        match self.get(path) {
            None => otherwise,
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => true,
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => false,
            Some(other) => {
                self.faults.push(format!("host.json: {path} must be true or false, not {other}"));
                otherwise
            }
        }
    }

    /// A number, or its text: a setting that overrides host.json is text.
    fn number(&mut self, path: &str, otherwise: u16, within: RangeInclusive<u16>) -> u16 {
        let Some(value) = self.get(path) else { return otherwise };
        let number = value.as_str().map_or_else(
            || value.as_u64().and_then(|n| u16::try_from(n).ok()),
            |text| text.parse().ok(),
        );
        number.filter(|n| within.contains(n)).unwrap_or_else(|| {
            let (least, most) = within.into_inner();
            self.faults.push(format!("host.json: {path} must be {least} to {most}, not {value}"));
            otherwise
        })
    }

    fn span(&mut self, path: &str, otherwise: Duration, least_seconds: u64) -> Duration {
        let Some(value) = self.get(path) else { return otherwise };
        let span = value.as_str().and_then(time_span);
        span.filter(|span| span.as_secs() >= least_seconds).unwrap_or_else(|| {
            self.faults.push(format!("host.json: {path} must be a time span, not {value}"));
            otherwise
        })
    }

    /// A list of texts. A setting that overrides it contains JSON.
    fn list(&mut self, path: &str) -> Vec<String> {
        let Some(value) = self.get(path) else { return Vec::new() };
        let list = value
            .as_str()
            .map_or_else(|| serde_json::from_value(value.clone()), serde_json::from_str);
        list.unwrap_or_else(|_| {
            self.faults.push(format!("host.json: {path} must be a list of texts, not {value}"));
            Vec::new()
        })
    }

    fn handler(&mut self, root: &Path) -> Handler {
        let at = |key: &str| format!("customHandler.description.{key}");
        let executable = self.text(&at("defaultExecutablePath")).unwrap_or_default();
        if executable.is_empty() {
            self.faults.push(format!("host.json: {} is missing", at("defaultExecutablePath")));
        }
        let mut arguments = self.list(&at("arguments"));
        arguments.extend(self.text(&at("defaultWorkerPath")).map(str::to_owned));
        arguments.extend(self.list(&at("workerArguments")));
        // A file beside host.json, or else a name that is searched on the `PATH`.
        let beside = root.join(executable);
        Handler {
            executable: if beside.exists() { beside } else { PathBuf::from(executable) },
            arguments,
            directory: root.join(self.text(&at("workingDirectory")).unwrap_or_default()),
            patience: self.span("customHandler.initializationTimeout", Duration::from_secs(30), 0),
            stderr_is_for_errors: self.flag(&at("useStdErrorStreamForErrorsOnly"), true),
        }
    }

    fn queues(&mut self) -> Queues {
        let batch_size = self.number("extensions.queues.batchSize", 16, 1..=32);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let cores = u16::try_from(cores).unwrap_or(u16::MAX);
        let threshold = (batch_size / 2).saturating_mul(cores);
        let threshold = self.number("extensions.queues.newBatchThreshold", threshold, 0..=1000);
        let max = self.number("extensions.queues.maxDequeueCount", 5, 1..=u16::MAX);
        let minute = Duration::from_mins(1);
        let polling = self.span("extensions.queues.maxPollingInterval", minute, 0);
        if polling < Duration::from_millis(100) {
            self.faults.push("host.json: maxPollingInterval must be at least 100 ms".to_owned());
        }
        let encoding = self.text("extensions.queues.messageEncoding").unwrap_or("base64");
        if !["base64", "none"].iter().any(|known| encoding.eq_ignore_ascii_case(known)) {
            self.faults.push(format!("host.json: unknown messageEncoding '{encoding}'"));
        }
        Queues {
            batch_size: i32::from(batch_size),
            new_batch_threshold: usize::from(threshold),
            max_dequeue_count: i64::from(max),
            visibility_timeout: self.span("extensions.queues.visibilityTimeout", Duration::ZERO, 0),
            max_polling_interval: polling,
            base64: encoding.eq_ignore_ascii_case("base64"),
        }
    }
}

/// Every direct subfolder with a function.json, by name.
fn folders(root: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(root).map_err(|why| format!("{}: {why}", root.display()))?;
    let folders = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut folders: Vec<_> = folders.filter(|path| path.join("function.json").exists()).collect();
    folders.sort();
    Ok(folders)
}

/// Reads .NET's `[days.]hours:minutes[:seconds[.fraction]]`.
fn time_span(text: &str) -> Option<Duration> {
    let mut parts = text.trim().split(':');
    let first = parts.next()?;
    let (days, hours) = first.split_once('.').unwrap_or(("0", first));
    let days: u64 = days.parse().ok()?;
    let hours: u64 = hours.parse().ok().filter(|hours| *hours < 24)?;
    let minutes: u64 = parts.next()?.parse().ok().filter(|minutes| *minutes < 60)?;
    let seconds: f64 = parts.next().unwrap_or("0").parse().ok()?;
    if parts.next().is_some() || !(0.0..60.0).contains(&seconds) {
        return None;
    }
    let whole = Duration::from_secs(((days * 24 + hours) * 60 + minutes) * 60);
    Some(whole + Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_span_is_read_as_dotnet_writes_it() {
        assert_eq!(time_span("00:10:00"), Some(Duration::from_mins(10)));
        assert_eq!(time_span("1.02:00:00"), Some(Duration::from_hours(26)));
        assert_eq!(time_span("00:00:00.2500000"), Some(Duration::from_millis(250)));
        assert_eq!(time_span("01:30"), Some(Duration::from_mins(90)));
        for wrong in ["", "10", "24:00:00", "00:60:00", "00:00:60", "-1", "a:b:c", "0:0:0:0"] {
            assert_eq!(time_span(wrong), None, "{wrong}");
        }
    }
}
