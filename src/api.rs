//! What programs read of imports and connections: the resources of `/api/v1`, which the commands print as
//! JSON too. What the HTTP side does with them is in `host/v1.rs`.

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

/// A moment: RFC 3339 in UTC, with milliseconds.
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

/// What came of an action.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ActionResult {
    /// In a sentence.
    pub result: String,
}
