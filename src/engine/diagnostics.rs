//! The record for support: what the requests of a step have left.

use super::{Engine, log};
use crate::{
    config::REPORTS,
    import::Import,
    target::{Client, answer_text},
};

/// The last refusal of the service, beside the report.
const SERVICE_ANSWER: &str = "service-answer.txt";

impl Engine {
    /// Adds the requests of a client to the record of an import, and logs them. If the last answer is a refusal
    /// and KEEP_SERVICE_ERRORS is on, it is stored too.
    pub(super) async fn record(&self, import: &mut Import, client: &Client<'_>, is_refused: bool) {
        for exchange in client.take_exchanges() {
            log::exchanged(import, &exchange);
            import.diagnostics.record(exchange);
        }
        let answer = client.last_answer().filter(|_| is_refused && self.config.service.keep_errors);
        let Some(answer) = answer else { return };
        let blob = format!("{}/{SERVICE_ANSWER}", import.id.key);
        match self.blobs.put(REPORTS, &blob, "text/plain", answer_text(&answer, false).into()).await
        {
            Ok(()) => import.diagnostics.answer = Some(blob.into()),
            Err(error) => self.log_storage(import, "Could not store the service's answer", &error),
        }
    }
}
