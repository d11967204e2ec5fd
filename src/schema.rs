//! Facts about the services that receive an import, as data: fields and types, rules, names, the form of
//! metadata.json, and kinds of credentials. No module here reads a file or sends a request.

pub use self::{
    baseline::{ApprovalScope, Baseline, BaselineError, Column, DeletionApproval, SeenDeletions},
    checks::{Checks, Limits, Unmapped},
    credential::{Certificate, Credential, ServiceIdentity},
    dialect::{Dialect, IsBootstrap},
    document::{Fault, NO_GUID, sentence},
    fields::{Field, Kind, Mapping, Order},
    notify::{Format, Notify},
    rules::{Id, RULES, Rule, Severity},
    target::{Connector, PayloadFormat, Refresh, Target},
    target_schema::{TargetSchema, Words},
};
pub(crate) use self::{
    dialect::is_file_name,
    document::{is_connection_name, is_guid, is_plain_name, is_setting_name},
    rules::explain,
};

mod baseline;
mod checks;
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
    /// Its schema.
    #[must_use]
    pub fn schema(self) -> &'static TargetSchema {
        match self {
            Self::Viva => &viva::VIVA,
        }
    }

    /// Its terms.
    #[must_use]
    pub fn words(self) -> Words {
        self.schema().words
    }
}
