//! What a person does about an import, as one sentence: the same on the page and in a message.

use super::{Run, State};

/// How a reason ends that only a person can mend.
pub const TO_BE_MENDED: &str = "it has to be mended";
/// What a reason says where another import of the connection waits for a person.
pub(super) const IS_PAUSED: &str = " is paused, because ";

impl Run {
    /// Whether it goes no further before a person does something.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        let why = self.last_failure.as_deref().unwrap_or_default();
        match self.state {
            State::Rejected | State::Stuck => true,
            State::Received | State::Packed | State::Pushing | State::Ingesting => {
                why.ends_with(TO_BE_MENDED)
            }
            State::Completed | State::Superseded | State::Cancelled => false,
        }
    }

    /// Whether it goes on by itself before long. What waits for a person may do so for days.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        let waits = self.needs_person() || self.pauses.is_some() || self.is_behind_a_pause();
        !self.state.is_end() && !waits
    }

    /// What to do now.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self.state {
            State::Rejected if !self.id.has_tenant() => {
                "Mend the connection; then look for files, or wait for the hour: the file is taken \
                 in again, as an import of its own."
            }
            State::Rejected if self.guarded => {
                "If those people or columns are meant to be deleted, allow this file once. If not, \
                 upload a complete export."
            }
            State::Rejected if self.pauses.is_some() => {
                "Mend the mapping and retry, which keeps its place; or resume the connection, and \
                 those behind it go on without it."
            }
            State::Rejected if self.ingestion.is_some() => {
                "Look into the service's error file, which the Viva Insights portal has, mend the \
                 export and upload it again."
            }
            State::Rejected if self.problems > 0 => {
                "Correct the export where its report says so, and upload it again. If only the \
                 mapping was wrong, mend that and retry, which reads this same file again."
            }
            State::Rejected => "Mend what is named and upload the file again, or retry.",
            State::Stuck if self.ingestion.is_none() && !self.answer_lost => {
                "Look into what is named, then retry, which reads and pushes it again."
            }
            State::Stuck => {
                "Look at the import history in the Viva Insights portal: the service may have the \
                 file. Then retry, which reads and pushes it again."
            }
            State::Packed if self.is_forbidden() => {
                "Mend the connector in Viva Insights, check the setup, then resume the connection."
            }
            State::Packed if self.is_behind_a_pause() => {
                "See what pauses the connection, mend it, then resume the connection."
            }
            State::Ingesting if self.needs_person() => {
                "Mend what is named; it then goes on by itself."
            }
            State::Received | State::Packed if self.needs_person() => {
                "Mend what is named; it then goes on by itself. Retry asks at once."
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

    /// Whether another import of its connection waits for a person, and it behind that.
    #[must_use]
    pub fn is_behind_a_pause(&self) -> bool {
        let why = self.last_failure.as_deref().unwrap_or_default();
        self.state == State::Packed && self.pauses.is_none() && why.contains(IS_PAUSED)
    }
}
