//! The options of a check: mapping, refresh, strictness and limits.

use super::{date::Day, mapping::Metadata};
use crate::schema::{
    Baseline, Checks, Connector, DeletionApproval, Dialect, Id, Limits, Mapping, Refresh, Severity,
    Target, TargetSchema, Unmapped,
};

/// The options of a check.
#[derive(Clone, Debug)]
pub struct CheckOptions {
    /// The service that receives the file.
    pub target: Target,
    /// The mapping of columns to fields.
    pub mapping: Mapping,
    /// The connector that receives the file.
    pub connector: Connector,
    /// Whether the file replaces the existing data or adds to it.
    pub refresh: Refresh,
    /// How strictly the file is checked.
    pub checks: Checks,
    /// The form of metadata.json and of the zip.
    pub dialect: Dialect,
    /// The limits from the settings.
    pub limits: Limits,
    /// The last accepted import, with which the file is compared.
    pub previous: Option<Baseline>,
    /// A person's approval to delete people or columns.
    pub allowed: Option<DeletionApproval>,
    /// The day of the upload.
    pub today: Day,
    /// Whether the report shows values. The engine never sets it.
    pub show_values: bool,
    /// The metadata.json that is sent as it is. If `None`, one is written from the mapping.
    pub(crate) document: Option<Vec<u8>>,
    /// The findings from before the file is read: in its metadata.json, or in its zip.
    pub(crate) found: Vec<(Id, Severity, String)>,
}

impl CheckOptions {
    /// The options without a document: a full refresh with Viva's field names.
    #[must_use]
    pub fn without(limits: &Limits, today: Day) -> Self {
        Self {
            target: Target::default(),
            mapping: Mapping::Names,
            connector: Connector::Hr,
            refresh: Refresh::Full,
            checks: Checks::default(),
            dialect: Target::default().schema().dialect(),
            limits: limits.clone(),
            previous: None,
            allowed: None,
            today,
            show_values: false,
            document: None,
            found: vec![],
        }
    }

    /// Applies a metadata.json, whose fields must be exactly the columns of the file.
    pub(crate) fn take(&mut self, metadata: Metadata) {
        self.connector = metadata.connector.unwrap_or(Connector::Hr);
        self.refresh = metadata.refresh.unwrap_or(Refresh::Full);
        self.mapping = Mapping::Literal(metadata.fields);
        self.found.extend(metadata.faults);
    }

    /// Whether a metadata.json that is sent as it is names another refresh. An invalid one is rejected anyway.
    pub(crate) fn contradicts(&self, refresh: Refresh) -> bool {
        let is_valid = self.found.iter().all(|(_, severity, _)| *severity != Severity::Error);
        self.document.is_some() && is_valid && self.refresh != refresh
    }

    /// The schema of the service that receives the file.
    pub(super) fn schema(&self) -> &'static TargetSchema {
        self.target.schema()
    }

    /// The fields that the file must have.
    pub(super) fn required(&self) -> &'static [&'static str] {
        self.schema().required(self.connector, self.refresh)
    }

    /// What to do with columns that are not mapped.
    pub(super) fn unmapped(&self) -> Unmapped {
        self.checks.unmapped.unwrap_or(self.limits.unmapped)
    }

    /// Whether columns that are not mapped are dropped, so that their faults do not matter.
    pub(super) fn drops_unmapped(&self) -> bool {
        matches!(self.mapping, Mapping::Fields(_)) && self.unmapped() == Unmapped::Drop
    }

    pub(super) fn delimiter(&self) -> u8 {
        self.checks.delimiter.unwrap_or(b',')
    }
}
