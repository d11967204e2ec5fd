//! Where an import stands, as one sentence: the same words in the log, the demo and the table.

use super::{Run, State};
use crate::connection::Upload;

impl Run {
    /// Where the import stands.
    #[must_use]
    pub fn story(&self) -> String {
        let waits = self.last_failure.as_ref().map(|why| format!("; {why}")).unwrap_or_default();
        let why = self.last_failure.as_deref().unwrap_or("no reason recorded");
        match self.state {
            State::Received => {
                let bytes = self.source.bytes;
                format!("received, {bytes} bytes, for connection {}{waits}", self.connection)
            }
            State::Packed => {
                let rows = self.rows.unwrap_or_default();
                let people = self.summary.as_ref().map(|summary| summary.people);
                let people = people.map(|people| format!(", {people} people")).unwrap_or_default();
                let zip = self.package.as_ref().map(|package| {
                    let sha256 = package.sha256.get(..12).unwrap_or_default();
                    let word = Upload::of_file(&package.blob).unwrap_or(Upload::Zip).word();
                    format!("{word} of {} bytes, SHA-256 {sha256}...", package.bytes)
                });
                let zip = zip.unwrap_or_else(|| "no zip".to_owned());
                let notice = self.notice.as_ref().map(|notice| format!(" ({notice})"));
                let notice = notice.unwrap_or_default();
                format!("checked, {rows} rows{people}{notice}; packed, {zip}{waits}")
            }
            State::Pushing => {
                let unit = self.scale_unit.as_deref().unwrap_or("unknown");
                format!("pushing to scale unit {unit}")
            }
            State::Ingesting => {
                let id = self.ingestion.as_ref().map_or("unknown", |id| id.0.as_str());
                let status = self.service_status.as_deref().unwrap_or("nothing yet");
                format!("pushed as ingestion {id}, the service says {status}{waits}")
            }
            State::Completed => "completed: the service has accepted the file. It goes on \
                                 processing it for hours; failures of that show only in the portal"
                .to_owned(),
            State::Rejected => format!("rejected: {why}"),
            State::Superseded => format!("superseded: {why}"),
            State::Cancelled => format!("cancelled {why}"),
            State::Stuck => format!("stuck, a person is needed: {why}"),
        }
    }
}
