//! What a person does about an import, as one sentence: the same on the page and in a message.

use super::{Run, State};

impl Run {
    /// What to do now.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self.state {
            State::Rejected if self.guarded => {
                "If those people or columns are meant to be deleted, allow this file once. If not, \
                 upload a complete export."
            }
            State::Rejected if self.pauses.is_some() => {
                "Mend the mapping and retry, which keeps its place; or resume the connection, and \
                 those behind it go on without it."
            }
            State::Rejected if self.ingestion.is_some() => {
                "Look into the service's error file, mend the export and upload it again."
            }
            State::Rejected if self.problems > 0 => {
                "Mend the rows and columns that are listed here in the export and upload it again. \
                 If the mapping is wrong, mend that and retry."
            }
            State::Rejected => "Mend what is named and upload the file again, or retry.",
            State::Stuck => {
                "Look at the import history in the Viva Insights portal: the service may have the \
                 file. Then retry, which reads and pushes it again."
            }
            State::Packed if self.is_forbidden() => {
                "Mend the connector in Viva Insights, run the doctor, then resume the connection."
            }
            State::Received | State::Packed if self.last_failure.is_some() => {
                "Nothing: it goes on by itself. Retry asks at once."
            }
            State::Received | State::Packed | State::Pushing => "Nothing: it goes on by itself.",
            State::Ingesting => "Nothing: the service is at work, and is asked until it has ended.",
            State::Completed => {
                "Nothing. Viva shows the data hours later; what fails there shows only in the \
                 Viva Insights portal."
            }
            State::Superseded => "Nothing: a newer file has taken its place.",
            State::Cancelled => "Nothing. To import its content after all, upload it again.",
        }
    }
}
