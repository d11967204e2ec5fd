//! The record for support: what the requests of a step have left.

use azure_core::Error;

use super::{Engine, log};
use crate::{
    config::REPORTS,
    http::azure::{sentence, storage_answer},
    import::{
        Event, Import,
        diagnostics::{Diagnostics, StorageFailure},
        reason::{Reason, Text},
    },
    target::{Client, answer_text},
};

impl Engine {
    /// Logs the beginning of an invocation of a function; `host` is what the host calls itself.
    pub(crate) fn note_invocation(&self, function: &str, host: Option<&str>) {
        let [instance, region] =
            ["WEBSITE_INSTANCE_ID", "REGION_NAME"].map(|name| (self.setting)(name));
        log::invoked(function, [host, instance.as_deref(), region.as_deref()]);
    }

    /// Adds the requests of a client to the record of an import, and logs them. `is_refused` says whether the last
    /// answer is to be [kept](Self::keep_answer) once the import is saved.
    pub(super) fn record(&self, import: &mut Import, client: &Client<'_>, is_refused: bool) {
        for exchange in client.take_exchanges() {
            log::exchanged(import, &exchange);
            import.diagnostics.record(exchange);
        }
        let is_kept = is_refused && self.config.service.keep_errors;
        import.diagnostics.answer_kept |= is_kept && client.last_answer().is_some();
    }

    /// Stores the last answer of the service, if `KEEP_SERVICE_ERRORS` is on. It is not worth a failed step.
    pub(super) async fn keep_answer(&self, import: &Import, client: &Client<'_>) {
        let answer = client.last_answer().filter(|_| self.config.service.keep_errors);
        let Some(answer) = answer else { return };
        let blob = Diagnostics::answer_blob(&import.id);
        let text = answer_text(&answer, false).into();
        if let Err(error) = self.blobs.put(REPORTS, &blob, "text/plain", text).await {
            self.log_storage(import, "Could not store the service's answer", &error);
        }
    }

    /// The event of a failure of storage, which is added to the record of the import.
    pub(super) fn storage_failed(&self, import: &mut Import, error: &Error) -> Event {
        let answer = storage_answer(error);
        import.diagnostics.storage = Some(StorageFailure {
            at: (self.clock)(),
            state: import.state,
            status: answer.status,
            code: answer.code.map(Text::from),
            request_id: answer.request_id.map(Text::from),
        });
        let reason = Reason::StorageFailed { detail: sentence(error).into() };
        Event::TransientFailure { reason, retry_at: None }
    }
}
