//! Who is told when a person is needed: names of things, and never an address or a secret.

use schemars::JsonSchema;
use strum::{AsRefStr, EnumString, VariantNames};

/// A webhook that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// The setting that holds its address, which is a secret.
    pub setting: String,
    /// How the message is written.
    pub format: Format,
    /// The setting that holds the secret by which messages are signed; without it they are not.
    pub signing_setting: Option<String>,
    /// Whether each import that the service accepted is told, too.
    pub completed: bool,
}

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumString, VariantNames, JsonSchema)]
#[strum(serialize_all = "camelCase")]
#[schemars(rename_all = "camelCase")]
pub enum Format {
    /// An adaptive card, as a workflow of Microsoft Teams takes it.
    Teams,
    /// A text, as an incoming webhook of Slack takes it.
    Slack,
    /// A CloudEvent in structured mode.
    CloudEvents,
}
