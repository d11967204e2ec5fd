//! The guard against deletions: what a full refresh is compared with.

use super::Engine;
use crate::{
    check::{Deletion, deletions},
    import::{
        Event, Import,
        reason::{Problems, Reason, RuleCount, Text},
    },
    schema::{ApprovalScope, Baseline, DeletionApproval, Id, Refresh},
    storage::blob::Opened,
};

/// The blob metadata that holds the rules by which a file may delete people or columns.
const APPROVE_METADATA: &str = "viva_import_approve";

impl Engine {
    /// Whether an import would delete more than at its check, because another import was accepted since. `previous` is
    /// the baseline of its lane.
    pub(super) fn would_delete(
        &self,
        import: &Import,
        previous: Option<&Baseline>,
    ) -> Option<Event> {
        let (now, previous) = (import.baseline.as_ref()?, previous?);
        if import.refresh != Some(Refresh::Full) {
            return None;
        }
        let mut deletions = deletions(now, previous, &self.config.limits, true);
        if let Some(approval) = &import.approval {
            deletions.retain(|deletion| !approval.covers(deletion, now));
        }
        let first = deletions.first()?;
        Some(guarded(import, problems(first, &deletions)))
    }
}

/// The rules in the file's metadata by which it may delete people or columns.
pub(super) fn allowed_by_metadata(file: &Opened) -> Option<DeletionApproval> {
    let value = file.metadata(APPROVE_METADATA)?;
    let rules: Vec<Id> = value.split(',').filter_map(Id::parse).collect();
    let by = format!("by the blob metadata {APPROVE_METADATA}");
    (!rules.is_empty()).then_some(DeletionApproval { by, scope: ApprovalScope::Rules(rules) })
}

/// The rejection of a packed import that a person can approve.
pub(super) fn guarded(import: &Import, problems: Problems) -> Event {
    Event::Rejected {
        problems: problems.count,
        reason: Reason::DeletionBlocked(Box::new(problems)),
        // The report is from the time of the check and says that the file is accepted.
        report: None,
        guarded: import.baseline.clone().map(Box::new),
    }
}

fn problems(first: &Deletion, all: &[Deletion]) -> Problems {
    let mut rules: Vec<RuleCount> = vec![];
    for deletion in all {
        let rule = deletion.rule.name();
        match rules.iter_mut().find(|known| *known.rule == *rule) {
            Some(known) => known.count += 1,
            None => rules.push(RuleCount { rule: rule.into(), count: 1 }),
        }
    }
    Problems {
        row: None,
        column: first.column.as_ref().map(Text::from),
        rule: first.rule.name().into(),
        message: (&first.what).into(),
        count: all.len() as u64,
        rules,
    }
}
