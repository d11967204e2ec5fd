//! The members of a connection that say who is told when a person is needed.

use serde_json::{Map, Value};

use schemars::JsonSchema;
use serde::Serialize;
use strum::{AsRefStr, EnumString};

use super::{Reader, credential::is_setting_name};

/// The members, both optional.
pub(super) const KNOWN: [&str; 2] = ["notify", "expectedEveryDays"];
const AT: &str = "/notify";
/// The rarest files: once in a year, and a day for a leap year.
pub(super) const MAX_DAYS: u64 = 366;

/// A webhook that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// The setting that holds its address, which is a secret.
    pub setting: String,
    /// How the message is written.
    pub format: Format,
}

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumString, Serialize, JsonSchema)]
#[strum(serialize_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub enum Format {
    /// An adaptive card, as a workflow of Microsoft Teams takes it.
    Teams,
    /// A text, as an incoming webhook of Slack takes it.
    Slack,
    /// A CloudEvent in structured mode.
    CloudEvents,
}

impl Reader {
    pub(super) fn notify(&mut self, members: &Map<String, Value>) -> Option<Notify> {
        if !members.contains_key("notify") {
            return None;
        }
        let members = self.object("", members, "notify")?;
        self.refuse_unknown(AT, members, &["setting", "format"]);
        let setting = self.text(AT, members, "setting").filter(|name| is_setting_name(name));
        if setting.is_none() && members.get("setting").is_some_and(Value::is_string) {
            // Not quoted: it is probably the address.
            let what = "must be the name of a setting that holds the address: letters, digits and \
                        _, at most 64. If it is the address itself, that is a secret and \
                        compromised where this document can be read";
            self.fault(&format!("{AT}/setting"), what);
        }
        let word = self.text(AT, members, "format");
        let format = word.and_then(|word| word.parse().ok());
        if word.is_some() && format.is_none() {
            self.fault(&format!("{AT}/format"), "must be \"teams\", \"slack\" or \"cloudEvents\"");
        }
        Some(Notify { setting: setting?.to_owned(), format: format? })
    }

    pub(super) fn expected_every_days(&mut self, members: &Map<String, Value>) -> Option<u32> {
        let value = members.get("expectedEveryDays")?;
        let days = value.as_u64().filter(|days| (1..=MAX_DAYS).contains(days));
        if days.is_none() {
            let what = format!("must be a whole number from 1 to {MAX_DAYS}");
            self.fault("/expectedEveryDays", what);
        }
        days.and_then(|days| days.try_into().ok())
    }
}
