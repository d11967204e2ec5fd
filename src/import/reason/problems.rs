//! The errors of a file, as a reason keeps them.

use serde::{Deserialize, Serialize};

use super::Text;
use crate::{check::Report, schema::Severity};

/// The errors of a file: the first one, and the number of errors by rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problems {
    /// The row of the first error; the header is row 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// The column of the first error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<Text>,
    /// The rule of the first error.
    pub rule: Text,
    /// The message of the first error, without cell values.
    pub message: Text,
    /// The number of errors.
    pub count: u64,
    /// The number of errors by rule.
    pub rules: Vec<RuleCount>,
}

/// The number of errors of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCount {
    /// The rule.
    pub rule: Text,
    /// The number of errors.
    pub count: u64,
}

impl From<&Report> for Box<Problems> {
    fn from(report: &Report) -> Self {
        let first = report.first_problem();
        let counts = report.counts.by_rule(Severity::Error);
        Self::new(Problems {
            row: first.and_then(|first| first.rows.first().copied()),
            column: first.and_then(|first| first.column.as_ref()).map(Text::from),
            rule: first.map(|first| first.rule.name().into()).unwrap_or_default(),
            message: first.map(|first| (&first.message).into()).unwrap_or_default(),
            count: report.count(Severity::Error),
            rules: counts
                .map(|(rule, count)| RuleCount { rule: rule.name().into(), count })
                .collect(),
        })
    }
}
