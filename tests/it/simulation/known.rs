//! Histories that broke a law once, as they were found.

use super::operation::Operation;

/// A name, and what happened.
pub(super) const KNOWN: &[(&str, &[Operation])] = &[];
