//! The configuration of notifications: names of settings, never an address or a secret.

use schemars::JsonSchema;
use strum::{AsRefStr, EnumString, VariantNames};

/// A webhook that receives notifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// The setting with its address, which is a secret.
    pub setting: String,
    /// The format of the notifications.
    pub format: Format,
    /// The setting with the secret for signing; `None` if notifications are not signed.
    pub signing_setting: Option<String>,
    /// Whether a notification is also sent for each accepted import.
    pub completed: bool,
}

/// The format of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumString, VariantNames, JsonSchema)]
#[strum(serialize_all = "camelCase")]
#[schemars(rename_all = "camelCase")]
pub enum Format {
    /// An adaptive card for a workflow of Microsoft Teams.
    Teams,
    /// A text for an incoming webhook of Slack.
    Slack,
    /// A CloudEvent in structured mode.
    CloudEvents,
}
