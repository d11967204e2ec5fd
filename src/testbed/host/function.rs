//! One function, as its function.json declares it.

use std::path::Path;

use serde_json::Value;

use super::settings::{Settings, read_json};
use crate::schedule::Schedule;

/// A function without faults.
#[derive(Debug)]
pub(super) struct Function {
    /// The name of the folder, and the path of its calls to the handler.
    pub(super) name: String,
    /// The name of the binding of the trigger, which is the key in `Data`.
    pub(super) binding: String,
    pub(super) trigger: Trigger,
    /// Whether its listener does not start. It can still be invoked explicitly.
    pub(super) disabled: bool,
}

/// Why a function is not there.
#[derive(Debug)]
pub(super) enum Unread {
    /// The app cannot be emulated.
    Faults(Vec<String>),
    /// A setting between percent signs does not exist. The host disables only this function.
    Unresolved(String),
}

/// What starts a function.
#[derive(Debug)]
pub(super) enum Trigger {
    Queue { queue: String, connection: String, binary: bool },
    Timer { schedule: Box<Schedule>, use_monitor: bool, run_on_startup: bool },
    Http { route: String, methods: Option<Vec<String>>, auth: Auth },
}

/// Who can call an HTTP function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Auth {
    /// Everybody.
    Anonymous,
    /// Callers with the key.
    Key,
}

impl Function {
    /// Reads the function of a folder.
    pub(super) fn read(folder: &Path, settings: &Settings) -> Result<Self, Unread> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let json = read_json(&folder.join("function.json"));
        let json = json.map_err(|why| Unread::Faults(vec![why]))?;
        let mut faults = faults(&name, &json, folder);
        let bindings = json["bindings"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut triggers = bindings.iter().filter(|binding| is_trigger(binding));
        let (Some(binding), None) = (triggers.next(), triggers.next()) else {
            faults.push("needs exactly one trigger".to_owned());
            return Err(Unread::Faults(named(&name, faults)));
        };
        match Trigger::read(binding, bindings, &name, settings) {
            Ok(trigger) if faults.is_empty() => Ok(Self {
                binding: text(binding, "name").to_owned(),
                trigger,
                disabled: settings.disabled(&name),
                name,
            }),
            Ok(_) => Err(Unread::Faults(named(&name, faults))),
            Err(Unread::Unresolved(why)) if faults.is_empty() => {
                Err(Unread::Unresolved(format!("{name}: {why}")))
            }
            Err(Unread::Unresolved(why)) => {
                faults.push(why);
                Err(Unread::Faults(named(&name, faults)))
            }
            Err(Unread::Faults(more)) => {
                faults.extend(more);
                Err(Unread::Faults(named(&name, faults)))
            }
        }
    }

    /// Whether this is the HTTP function for a request; `path` has no route prefix.
    pub(super) fn answers(&self, method: &str, path: &str) -> bool {
        let Trigger::Http { route, methods, .. } = &self.trigger else { return false };
        let allowed = methods.as_ref();
        !self.disabled
            && allowed.is_none_or(|all| all.iter().any(|one| one.eq_ignore_ascii_case(method)))
            && matches(route, path)
    }
}

impl Trigger {
    fn read(
        binding: &Value,
        bindings: &[Value],
        name: &str,
        settings: &Settings,
    ) -> Result<Self, Unread> {
        let mut faults = Vec::new();
        let mut unresolved = None;
        let others: Vec<_> = bindings.iter().filter(|other| !is_trigger(other)).collect();
        let kind = text(binding, "type");
        let http = kind.eq_ignore_ascii_case("httpTrigger");
        let answers = others.len() == 1
            && text(others[0], "type").eq_ignore_ascii_case("http")
            && text(others[0], "direction").eq_ignore_ascii_case("out");
        if http != answers || !http && !others.is_empty() {
            faults.push(format!(
                "{kind} with {} more bindings: only an httpTrigger with one http output, or \
                 another trigger alone, is emulated",
                others.len()
            ));
        }
        let mut resolved = |key: &str| {
            settings.resolve(text(binding, key)).unwrap_or_else(|why| {
                unresolved.get_or_insert(format!("{key}: {why}"));
                String::new()
            })
        };
        let trigger = match kind.to_ascii_lowercase().as_str() {
            "queuetrigger" => {
                let queue = resolved("queueName").to_lowercase();
                let connection = resolved("connection");
                if let Some(why) = unresolved {
                    return Err(Unread::Unresolved(why));
                }
                let found = settings.connection(&connection);
                if queue.is_empty() {
                    faults.push("queueName is missing".to_owned());
                }
                if found.is_none() {
                    faults.push(format!("no setting '{connection}' holds a connection string"));
                }
                let data_type = text(binding, "dataType");
                if data_type.eq_ignore_ascii_case("stream") {
                    faults.push("a queueTrigger cannot be bound to a stream".to_owned());
                }
                Self::Queue {
                    queue,
                    connection: found.unwrap_or_default().to_owned(),
                    binary: data_type.eq_ignore_ascii_case("binary"),
                }
            }
            "timertrigger" => {
                let text = resolved("schedule");
                if let Some(why) = unresolved {
                    return Err(Unread::Unresolved(why));
                }
                match Schedule::parse(&text) {
                    Ok(schedule) => Self::Timer {
                        schedule: Box::new(schedule),
                        use_monitor: binding["useMonitor"].as_bool().unwrap_or(true),
                        run_on_startup: binding["runOnStartup"].as_bool().unwrap_or(false),
                    },
                    Err(why) => {
                        faults.push(format!("schedule '{text}': {why}"));
                        return Err(Unread::Faults(faults));
                    }
                }
            }
            "httptrigger" => {
                let route = binding["route"].as_str().unwrap_or(name).trim_matches('/').to_owned();
                if route.contains([':', '=']) {
                    faults.push(format!("route '{route}': constraints are not emulated"));
                }
                let methods = binding["methods"].as_array().filter(|all| !all.is_empty());
                let methods = methods
                    .map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect());
                let auth = match text(binding, "authLevel").to_ascii_lowercase().as_str() {
                    "anonymous" => Auth::Anonymous,
                    "" | "function" => Auth::Key,
                    other => {
                        faults.push(format!("authLevel '{other}' is not emulated"));
                        Auth::Key
                    }
                };
                Self::Http { route, methods, auth }
            }
            _ => {
                faults.push(format!("a {kind} is not emulated"));
                return Err(Unread::Faults(faults));
            }
        };
        if faults.is_empty() { Ok(trigger) } else { Err(Unread::Faults(faults)) }
    }
}

/// The checks of the host that do not depend on the trigger.
fn faults(name: &str, json: &Value, folder: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    if !is_name(name, "_-") || name.eq_ignore_ascii_case("host") {
        faults.push("is not a valid function name".to_owned());
    }
    let source = text(json, "configurationSource");
    if !["", "config", "attributes"].contains(&source) {
        faults.push(format!("unknown configurationSource '{source}'"));
    }
    let script = text(json, "scriptFile");
    if !script.is_empty() && !folder.join(script).exists() {
        faults.push(format!("scriptFile '{script}' does not exist"));
    }
    if json.get("retry").is_some() {
        faults.push("a retry policy is not emulated".to_owned());
    }
    let mut seen: Vec<String> = Vec::new();
    for binding in json["bindings"].as_array().into_iter().flatten() {
        let name = text(binding, "name");
        if name != "$return" && !is_name(name, "") {
            faults.push(format!("'{name}' is not a valid binding name"));
        }
        if !["in", "out", "inout"].contains(&text(binding, "direction")) {
            faults.push(format!("binding '{name}' has no direction"));
        }
        if seen.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            faults.push(format!("two bindings are named '{name}'"));
        }
        seen.push(name.to_owned());
    }
    faults
}

/// A letter, then up to 127 letters, digits or characters of `more`.
fn is_name(name: &str, more: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic())
        && name.len() <= 128
        && chars.all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

fn is_trigger(binding: &Value) -> bool {
    text(binding, "type").to_ascii_lowercase().ends_with("trigger")
}

fn text<'a>(json: &'a Value, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_default()
}

fn named(name: &str, faults: Vec<String>) -> Vec<String> {
    faults.into_iter().map(|fault| format!("{name}: {fault}")).collect()
}

/// Matches a path with a route template: `a/{one}/{maybe?}` or `a/{*rest}`.
fn matches(route: &str, path: &str) -> bool {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    // No template matches an empty part.
    if path.split('/').any(str::is_empty) && !path.is_empty() {
        return false;
    }
    let mut path = path.split('/').filter(|part| !part.is_empty());
    for part in route.split('/').filter(|part| !part.is_empty()) {
        if part.starts_with("{*") {
            return true;
        }
        let hole = part.starts_with('{');
        match path.next() {
            Some(given) if hole || given.eq_ignore_ascii_case(part) => {}
            None if hole && part.ends_with("?}") => {}
            Some(_) | None => return false,
        }
    }
    path.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_template_matches_as_in_asp_net() {
        for (route, path, expected) in [
            ("status", "/Status", true),
            ("status", "/status/x", false),
            ("runs/{id}", "/runs/7", true),
            ("runs/{id}", "/runs", false),
            ("runs/{id?}", "/runs", true),
            ("{*path}", "", true),
            ("page/{*path}", "/page/a/b", true),
            ("page/{*path}", "/other/a", false),
            ("page/{*path}", "/page/", true),
            ("page/{*path}", "/page//a", false),
            ("status", "//status", false),
        ] {
            assert_eq!(matches(route, path), expected, "{route} {path}");
        }
    }

    #[test]
    fn names_obey_the_hosts_expressions() {
        assert!(is_name("Process_Blob-1", "_-") && !is_name("1st", "_-"));
        assert!(is_name("msg1", "") && !is_name("my_msg", ""));
        assert!(!is_name("", "") && !is_name(&"a".repeat(129), "_-"));
    }
}
