//! What the containers, the table and the queues of the account are called.

/// Where the files arrive: `inbox/<connection>/....csv`.
pub const INBOX: &str = "inbox";
/// Where the connections are: `connections/<name>.json`.
pub const CONNECTIONS: &str = "connections";
/// Where the zips wait for their push; emptied when an import ends.
pub const PACKAGES: &str = "packages";
/// What was wrong with a file.
pub const REPORTS: &str = "reports";
/// The status table.
pub const IMPORTS: &str = "imports";
/// The queue that Event Grid fills and the `receive` function reads.
pub const ARRIVALS: &str = "arrivals";
/// Where the host puts what `receive` could not read.
pub const POISON: &str = "arrivals-poison";
