//! The resources of `/api/v1`, which the commands also print as JSON. `host/v1.rs` serves them over HTTP.

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type},
};

pub use crate::doctor::{CheckResult, CheckStatus, Diagnosis};

pub use self::{
    connections::{ConnectionItem, Connections, Upcoming},
    imports::{
        Finding, Findings, HistoryItem, ImportDetail, ImportItem, Imports, Notified, ReasonItem,
    },
    problem::{Problem, ProblemCode},
};

mod connections;
mod imports;
mod problem;

/// A date-time of RFC 3339 in UTC, with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub OffsetDateTime);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::import::moment::serialize(&self.0, serializer)
    }
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

impl ToSchema for Moment {}

/// The result of an action.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ActionResult {
    /// The result in full sentences.
    pub result: String,
}
