//! The schema of Viva Insights: its fields, system fields, required fields and terms.

use super::{
    dialect::{Dialect, IsBootstrap},
    fields::{Kind, Order, Reserved, Role},
    rules::RULES,
    target::{Connector, Refresh},
    target_schema::{TargetSchema, Words},
};

pub(super) static VIVA: TargetSchema = TargetSchema {
    reserved: &RESERVED,
    system: &SYSTEM,
    system_prefix: "Microsoft_",
    required,
    dialect,
    rules: RULES,
    words: Words {
        product: "Viva",
        product_in_full: "Viva Insights",
        portal: "the portal",
        portal_in_full: "the Viva Insights portal",
        route: "scale unit",
    },
};

/// A full refresh requires all three fields, every upload requires PersonId. Survey answers have no managers.
/// Source: "Import organizational data", section "Mapping" of the Data Factory option.
fn required(connector: Connector, refresh: Refresh) -> &'static [&'static str] {
    match (connector, refresh) {
        (Connector::Hr, Refresh::Full) => &["PersonId", "ManagerId", "Organization"],
        (Connector::Hr, Refresh::Incremental) | (Connector::Survey, _) => &["PersonId"],
    }
}

/// Source: "Import organizational data", section "metadata.json".
fn dialect() -> Dialect {
    Dialect {
        mapping_key: None,
        is_bootstrap: IsBootstrap::Text,
        data_file: "data.csv".to_owned(),
        metadata_file: "metadata.json".to_owned(),
        types: vec![],
    }
}

const fn reserved(name: &'static str, kind: Kind, role: Role) -> Reserved {
    Reserved { name, kind, role }
}

/// The required and reserved fields. Source: "Prepare organizational data", attribute reference.
static RESERVED: [Reserved; 13] = [
    reserved("PersonId", Kind::Email, Role::PersonId),
    reserved("ManagerId", Kind::Email, Role::ManagerId),
    reserved("EffectiveDate", Kind::Date(Order::MonthFirst), Role::EffectiveDate),
    reserved("Organization", Kind::Text, Role::Organization),
    reserved("LevelDesignation", Kind::Text, Role::Label),
    reserved("FunctionType", Kind::Text, Role::Label),
    reserved("HireDate", Kind::Date(Order::MonthFirst), Role::Other),
    reserved("HourlyRate", Kind::Double, Role::Other),
    reserved("Layer", Kind::Integer, Role::Other),
    reserved("SupervisorIndicator", Kind::Text, Role::Supervisor),
    reserved("WeeklyBadgeOnsiteDays", Kind::Double, Role::OnsiteDays),
    reserved("Location", Kind::Text, Role::Label),
    reserved("CountryOrRegion", Kind::Text, Role::Label),
];

/// The system fields. Source: "File rules and validation errors".
static SYSTEM: [&str; 16] = [
    "PeopleHistoricalId",
    "StartDate",
    "EndDate",
    "Domain",
    "PopulationType",
    "TimeZone",
    "StandardTimeZone",
    "WorkdayStart",
    "WorkDayEnd",
    "WeekendDays",
    "InferredTeamSize",
    "ObjectId",
    "IsActive",
    "MetricDate",
    "PrimaryCollaborator_PersonId",
    "SecondaryCollaborator_PersonId",
];
