//! The guard against deletions: what a full refresh is compared with.

use azure_core::Result;

use super::Engine;
use crate::{
    check::{Deletion, deletions},
    import::{
        Event, Import,
        reason::{Problems, Reason, RuleCount, Text},
    },
    schema::{ApprovalScope, Baseline, DeletionApproval, Id, Refresh},
};

/// The blob metadata that holds the rules by which a file may delete people or columns.
const APPROVE_METADATA: &str = "viva_import_approve";

impl Engine {
    /// The baseline for a connector: the tenant's last accepted full refresh, together with the incremental
    /// imports since then. It counts for every connection with that connector, because a full refresh replaces
    /// the data of all of them.
    pub(super) async fn last_accepted(
        &self,
        import: &Import,
        connector: &str,
    ) -> Result<Option<Baseline>> {
        let imports = self.imports.of_tenant(import).await?;
        let mut accepted: Vec<(&Import, &Baseline)> = imports
            .iter()
            .filter(|other| other.state.is_accepted() && other.id != import.id)
            .filter_map(|other| Some((other, other.baseline.as_ref()?)))
            .filter(|(_, summary)| summary.connector == connector)
            .collect();
        accepted.sort_by(|(one, _), (other, _)| one.order().cmp(&other.order()));
        let full = accepted.iter().rposition(|(import, _)| import.refresh == Some(Refresh::Full));
        let mut since = accepted.into_iter().skip(full.unwrap_or_default()).map(|(_, it)| it);
        let first = since.next().cloned();
        Ok(first.map(|first| since.fold(first, Baseline::and)))
    }

    /// Whether an import would delete more than at its check, because another import was accepted since.
    pub(super) async fn would_delete(&self, import: &Import) -> Result<Option<Event>> {
        let (Some(now), Some(Refresh::Full)) = (&import.baseline, import.refresh) else {
            return Ok(None);
        };
        let Some(previous) = self.last_accepted(import, &now.connector).await? else {
            return Ok(None);
        };
        let max_percent = self.config.limits.max_shrink_percent;
        let mut deletions = deletions(now, &previous, max_percent, true);
        if let Some(approval) = &import.approval {
            deletions.retain(|deletion| !approval.covers(deletion, now));
        }
        Ok(deletions.first().map(|first| Event::Rejected {
            reason: Reason::DeletionBlocked(Box::new(problems(first, &deletions))),
            problems: deletions.len() as u64,
            // The report is from the time of the check and says that the file is accepted.
            report: None,
            guarded: Some(Box::new(now.clone())),
        }))
    }

    /// The rules in the file's metadata by which it may delete people or columns.
    pub(super) async fn allowed_by_metadata(
        &self,
        import: &Import,
    ) -> Result<Option<DeletionApproval>> {
        let source = &import.source;
        let value = self.blobs.metadata(&source.container, &source.name, APPROVE_METADATA).await?;
        let rules: Vec<Id> =
            value.iter().flat_map(|it| it.split(',')).filter_map(Id::parse).collect();
        let by = format!("by the blob metadata {APPROVE_METADATA}");
        let scope = ApprovalScope::Rules(rules.clone());
        Ok((!rules.is_empty()).then_some(DeletionApproval { by, scope }))
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
