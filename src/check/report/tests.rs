//! How a report reads.
