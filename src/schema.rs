//! What is known of the services that take an import, as data: fields and types, rules, names, how a
//! document is spelt, what a credential is. Nothing in here reads a file or asks anybody.

pub use self::{
    baseline::{Column, DeletionApproval, Summary, SummaryError},
    checks::{Checks, Limits, Unmapped},
    credential::{Certificate, Credential, ServiceIdentity},
    dialect::{Dialect, IsBootstrap, is_file_name},
    fault::{Fault, sentence},
    fields::{Kind, Order},
    mapping::{Field, Mapping},
    names::{is_connection_name, is_guid, is_plain_name},
    rules::{Id, RULES, Rule, Severity, explain},
    target::{Connector, Refresh, Target},
    target_schema::{TargetSchema, Words},
    upload::PayloadFormat,
};

mod baseline;
mod checks;
mod credential;
mod dialect;
mod fault;
pub(crate) mod fields;
pub(crate) mod json;
mod mapping;
mod names;
mod rules;
mod target;
mod target_schema;
mod upload;
