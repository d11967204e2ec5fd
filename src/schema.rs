//! What is known of the services that take an import, as data: fields and types, rules, names, how a
//! document is spelt, what a credential is. Nothing in here reads a file or asks anybody.

pub use self::{
    baseline::{ApprovalScope, Baseline, BaselineError, Column, DeletionApproval},
    credential::{Certificate, Credential, ServiceIdentity},
    dialect::{Dialect, IsBootstrap},
    document::{Fault, sentence},
    fields::{Field, Kind, Mapping, Order},
    notify::{Format, Notify},
    rules::{Checks, Id, Limits, RULES, Rule, Severity, Unmapped},
    target::{Connector, PayloadFormat, Refresh, Target},
    target_schema::{TargetSchema, Words},
};
pub(crate) use self::{
    dialect::is_file_name,
    document::{is_connection_name, is_guid, is_plain_name, is_setting_name},
    rules::explain,
};

mod baseline;
mod credential;
mod dialect;
pub(crate) mod document;
pub(crate) mod fields;
mod notify;
mod rules;
mod target;
mod target_schema;
mod viva;

impl Target {
    /// What is known of it.
    #[must_use]
    pub fn schema(self) -> &'static TargetSchema {
        match self {
            Self::Viva => &viva::VIVA,
        }
    }

    /// Its words.
    #[must_use]
    pub fn words(self) -> Words {
        self.schema().words
    }
}
