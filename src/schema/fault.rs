//! What is wrong with a document.

use std::fmt;

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: a JSON pointer, or a line and column where it is not JSON.
    pub at: String,
    /// What, and what should be there.
    pub what: String,
    /// Whether it is a member that has no use here.
    pub is_unknown: bool,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// All faults in one line.
#[must_use]
pub fn sentence(faults: &[Fault]) -> String {
    let faults: Vec<String> = faults.iter().map(Fault::to_string).collect();
    // A key of the document could write a line of its own into the log.
    faults.join("; ").replace(char::is_control, "\u{fffd}")
}
