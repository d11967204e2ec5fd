//! The configuration of an app: its settings, as the host finds them and overrides host.json with them, and
//! the JSON of its files.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

/// The prefix of a setting that overrides a key of host.json.
const OVERRIDE: &str = "AzureFunctionsJobHost__";

/// The app settings, as the host finds them: names regardless of case, `%NAME%` in some values of the
/// configuration, and two spellings for the name of a connection.
#[derive(Clone, Debug)]
pub(super) struct Settings(BTreeMap<String, String>);

impl Settings {
    pub(super) fn new(settings: BTreeMap<String, String>) -> Self {
        Self(settings)
    }

    /// All settings, for the environment of the handler.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter()
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Replaces each `%NAME%`. A name that is not set is a fault (`INameResolver`).
    pub(super) fn resolve(&self, text: &str) -> Result<String, String> {
        let mut unknown = None;
        let resolved = replace_names(text, |name| {
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

    /// Replaces each `%NAME%` in an argument. A name that is not set becomes empty.
    ///
    /// The real host also uses inherited variables. This one uses only the settings.
    pub(super) fn expand(&self, text: &str, more: &[(&str, String)]) -> String {
        replace_names(text, |name| {
            let own = more.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
            own.or_else(|| self.get(name).map(str::to_owned)).unwrap_or_default()
        })
    }

    /// The connection string that `connection` of a trigger names.
    pub(super) fn connection(&self, name: &str) -> Option<&str> {
        let name = if name.is_empty() { "Storage" } else { name };
        self.get(&format!("AzureWebJobs{name}")).or_else(|| self.get(name))
    }

    pub(super) fn disabled(&self, function: &str) -> bool {
        [".", "_"]
            .iter()
            .any(|dot| self.is_true(&format!("AzureWebJobs{dot}{function}{dot}Disabled")))
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
    }

    /// Overrides the keys of host.json for which there are settings.
    pub(super) fn override_keys(&self, host: &mut Value) {
        for (key, value) in &self.0 {
            if let Some((prefix, path)) = key.split_at_checked(OVERRIDE.len())
                && prefix.eq_ignore_ascii_case(OVERRIDE)
            {
                override_key(host, &path.split("__").collect::<Vec<_>>(), value);
            }
        }
    }
}

/// Replaces each name between two percent signs.
fn replace_names(text: &str, mut value: impl FnMut(&str) -> String) -> String {
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

/// Overrides the key at this path.
fn override_key(json: &mut Value, path: &[&str], value: &str) {
    let Some((key, rest)) = path.split_first() else {
        *json = Value::from(value);
        return;
    };
    if !json.is_object() {
        *json = Value::Object(serde_json::Map::new());
    }
    if let Some(object) = json.as_object_mut() {
        let known = object.keys().find(|known| known.eq_ignore_ascii_case(key)).cloned();
        let slot = object.entry(known.unwrap_or_else(|| (*key).to_owned()));
        override_key(slot.or_insert(Value::Null), rest, value);
    }
}

/// The JSON in a file, or why it cannot be read, with the name of the file.
pub(super) fn read_json(file: &Path) -> Result<Value, String> {
    let name = |why: String| format!("{}: {why}", file.display());
    let text = fs::read_to_string(file).map_err(|why| name(why.to_string()))?;
    serde_json::from_str(&text).map_err(|why| name(why.to_string()))
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
}
