//! What the `status` function shows: each import as JSON.

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::run::{Refresh, Run};

/// An import as JSON. Names and meanings are those of the table's columns.
#[must_use]
pub fn import(run: &Run) -> Value {
    json!({
        "id": run.id.key,
        "tenant": run.id.tenant,
        "connection": run.connection,
        "file": run.source.file(),
        "fileETag": run.source.etag,
        "bytes": run.source.bytes,
        "rows": run.rows,
        "people": run.summary.as_ref().map(|summary| summary.people),
        "dropped": run.dropped,
        "state": run.state.word(),
        "story": run.story(),
        "refresh": run.refresh.map(Refresh::word),
        "ingestionId": run.ingestion.as_ref().map(ToString::to_string),
        "serviceStatus": run.service_status,
        "problems": run.problems,
        "report": run.report,
        "guarded": run.guarded,
        "allowed": run.allowed,
        "notice": run.notice,
        "byHand": run.by_hand,
        "pauses": run.pauses,
        "attempts": run.attempts,
        "nextAttempt": moment(run.due),
        "received": moment(Some(run.received)),
        "pushed": moment(run.pushed),
        "ended": moment(run.ended),
        "lastFailure": run.last_failure,
    })
}

fn moment(at: Option<OffsetDateTime>) -> Option<String> {
    at.and_then(|at| at.format(&Rfc3339).ok())
}
