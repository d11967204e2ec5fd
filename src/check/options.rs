//! How a file is checked: what its columns are, what it does, how strictly, and how much of it.

use super::{date::Day, mapping::Metadata};
use crate::schema::{
    Baseline, Checks, Connector, DeletionApproval, Dialect, Id, Limits, Mapping, Refresh, Severity,
    Target, TargetSchema, Unmapped,
};

/// How a file is checked: its mapping, what it does, and the limits.
#[derive(Clone, Debug)]
pub struct CheckOptions {
    /// Which service takes the file.
    pub target: Target,
    /// What its columns are.
    pub mapping: Mapping,
    /// Which connector takes it.
    pub connector: Connector,
    /// What it does to the data that is there.
    pub refresh: Refresh,
    /// How strictly.
    pub checks: Checks,
    /// How the service is told what the file is.
    pub dialect: Dialect,
    /// How much.
    pub limits: Limits,
    /// The last accepted import it is held against.
    pub previous: Option<Baseline>,
    /// Who let the file pass though it deletes people or columns.
    pub allowed: Option<DeletionApproval>,
    /// The day of the upload.
    pub today: Day,
    /// Whether the report shows values. The engine never asks for that.
    pub show_values: bool,
    /// What was found before the file is read: in its metadata.json, or in its zip.
    pub(crate) found: Vec<(Id, Severity, String)>,
}

impl CheckOptions {
    /// The options without any document: a full refresh of Viva's own names.
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
            found: vec![],
        }
    }

    /// Takes a metadata.json literally.
    pub(crate) fn take(&mut self, metadata: Metadata) {
        self.connector = metadata.connector.unwrap_or(Connector::Hr);
        self.refresh = metadata.refresh.unwrap_or(Refresh::Full);
        self.mapping = Mapping::Literal(metadata.fields);
        self.found.extend(metadata.faults);
    }

    /// What is known of the service that takes the file.
    pub(super) fn schema(&self) -> &'static TargetSchema {
        self.target.schema()
    }

    /// The fields that the file must bring.
    pub(super) fn required(&self) -> &'static [&'static str] {
        self.schema().required(self.connector, self.refresh)
    }

    /// What becomes of columns that are not mapped.
    pub(super) fn unmapped(&self) -> Unmapped {
        self.checks.unmapped.unwrap_or(self.limits.unmapped)
    }

    /// Whether columns that are not mapped are cut, so that nothing about them matters.
    pub(super) fn cuts(&self) -> bool {
        matches!(self.mapping, Mapping::Fields(_)) && self.unmapped() == Unmapped::Drop
    }

    pub(super) fn delimiter(&self) -> u8 {
        self.checks.delimiter.unwrap_or(b',')
    }
}
