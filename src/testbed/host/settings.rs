//! The app settings, as the host looks them up: names without regard to case, `%NAME%` in some
//! values of the configuration, one or two spellings of a connection's name.

use std::{collections::BTreeMap, time::Duration};

/// What goes before a setting that stands for a key of host.json.
const OVERRIDE: &str = "AzureFunctionsJobHost__";

/// The app settings.
#[derive(Clone, Debug)]
pub(super) struct Settings(BTreeMap<String, String>);

impl Settings {
    pub(super) fn new(settings: BTreeMap<String, String>) -> Self {
        Self(settings)
    }

    /// All of them, for the handler's environment.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter()
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Replaces each `%NAME%`; a name that is not set is a fault (`INameResolver`).
    pub(super) fn resolve(&self, text: &str) -> Result<String, String> {
        let mut unknown = None;
        let resolved = replace(text, |name| {
            let value = self.get(name);
            if value.is_none() {
                unknown.get_or_insert_with(|| name.to_owned());
            }
            value.unwrap_or_default().to_owned()
        });
        match unknown {
            Some(name) => Err(format!("'%{name}%' does not resolve to a value")),
            None => Ok(resolved),
        }
    }

    /// Replaces each `%NAME%` in an argument; what is not set vanishes.
    ///
    /// The real host also knows the variables it inherited; here only the settings count.
    pub(super) fn expand(&self, text: &str, more: &[(&str, String)]) -> String {
        replace(text, |name| {
            let own = more.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
            own.or_else(|| self.get(name).map(str::to_owned)).unwrap_or_default()
        })
    }

    /// The connection string that a trigger's `connection` names.
    pub(super) fn connection(&self, name: &str) -> Option<&str> {
        let name = if name.is_empty() { "Storage" } else { name };
        self.get(&format!("AzureWebJobs{name}")).or_else(|| self.get(name))
    }

    pub(super) fn disabled(&self, function: &str) -> bool {
        [".", "_"].iter().any(|dot| {
            let value = self.get(&format!("AzureWebJobs{dot}{function}{dot}Disabled"));
            value.is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
        })
    }

    /// The settings that stand for a key of host.json, as a path and a value.
    pub(super) fn overrides(&self) -> impl Iterator<Item = (Vec<&str>, &str)> {
        self.0.iter().filter_map(|(key, value)| {
            let (prefix, path) = key.split_at_checked(OVERRIDE.len())?;
            prefix
                .eq_ignore_ascii_case(OVERRIDE)
                .then(|| (path.split("__").collect(), value.as_str()))
        })
    }
}

/// Replaces what stands between two percent signs.
fn replace(text: &str, mut value: impl FnMut(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        let Some((name, after)) = after.split_once('%') else { break };
        out += before;
        out += &value(name);
        rest = after;
    }
    out + rest
}

/// Reads .NET's `[days.]hours:minutes[:seconds[.fraction]]`.
pub(super) fn time_span(text: &str) -> Option<Duration> {
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

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn names_are_found_without_regard_to_case() {
        let settings = settings(&[("Ingress_Queue", "q"), ("AzureWebJobs.Sweep.Disabled", "True")]);
        assert_eq!(settings.resolve("x-%INGRESS_QUEUE%-y").unwrap(), "x-q-y");
        assert!(settings.disabled("Sweep") && !settings.disabled("Status"));
    }

    #[test]
    fn an_unknown_name_is_a_fault_in_a_binding_and_nothing_in_an_argument() {
        let settings = settings(&[]);
        assert_eq!(settings.resolve("%A%%B%").unwrap_err(), "'%A%' does not resolve to a value");
        let port = [("PORT", "7".to_owned())];
        assert_eq!(settings.expand("--port=%PORT% %A% 100%", &port), "--port=7  100%");
    }

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
