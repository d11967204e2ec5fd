//! Carries an organization's HR export from Azure Storage into Microsoft Viva Insights.
//!
//! # One event, from the request to the row
//!
//! 1. `host.rs` gets the Functions host's `POST /intake`; `host/event_grid.rs` decodes which blob was
//!    created.
//! 2. `engine/intake.rs` asks `connection.rs` whose file it is, and writes one row with
//!    `storage/import_table.rs`. From here on the file is not lost, whatever happens.
//! 3. `import.rs` is the state machine: `apply` moves an import on and `moved`, below it, lists every legal
//!    pair of state and event; `action` says what is to be done next, `import/transitions.rs` how a state is
//!    entered and what an operator may do. No I/O and no clock.
//! 4. `engine.rs` does it, one step at a time: `engine/steps.rs` reads and packs, and asks in the end what
//!    became of it; `engine/scheduling.rs` says whose turn it is, `engine/push.rs` claims the tenant's slot
//!    and pushes by `target.rs`, which leaves the paths to `target/viva.rs` and the request to
//!    `target/session.rs`.
//! 5. `storage/import_table/row.rs` writes the row, `import/reason.rs` says why as a code with arguments, and
//!    `messages.rs` makes the text, which nothing reads back. `page.rs` shows it, and
//!    `engine/notifications.rs` tells somebody by `notify.rs` where a person is needed.
//!
//! # One cell, from the blob to the zip
//!
//! 1. `storage/blob.rs` reads the blob in ranges, side by side.
//! 2. `package.rs` drives the rest in one pass. `check.rs` takes the bytes record by record
//!    (`check/records.rs`), holds the header against the mapping (`check/header.rs`, `check/mapping.rs`), each
//!    row and its values against their columns (`check/rows.rs`, `check/value.rs`), and the whole against what
//!    was accepted last (`check/report.rs`). Fields, types and rules come from `schema.rs`.
//! 3. `package/payload.rs` pulls what may leave, `package/deflate.rs` compresses it on all cores,
//!    `package/zip_writer.rs` writes the zip, and `storage/blob.rs` stages it in blocks.
//! 4. What was found is counted in `check/findings.rs` and written by `report.rs`: rows,
//!    columns and rules, and never a value; `engine/steps.rs` keeps it.
//!
//! What people ask for by a command is in [`commands`], and [`cli`] reads its flags; [`doctor`] tells what
//! stands in a connection's way; [`suggest`] proposes a connection for an export.
//!
//! # Layers
//!
//! A module uses those of lower layers and, in its own, those to its right.
//!
//! | layer | modules | what they do |
//! |---|---|---|
//! | 9 | `main`, `cli` | arguments and environment; types of clap end here |
//! | 8 | `testbed` | the emulated Functions host, the mock service and Azurite: the demo |
//! | 7 | `commands`, `host`, `page` | one file for each command; the custom-handler contract; status pages |
//! | 6 | `doctor`, `suggest`, `certificate` | what stands in a connection's way; a connection for an export; a certificate |
//! | 5 | `engine` | intake, steps, scheduling, what operators ask for, notifications |
//! | 4 | `package`, `report` | rows to zip, CSV or JSON; findings as files |
//! | 3 | `storage`, `target`, `notify` | blobs, queues and the table of imports; the services that take an import; webhooks |
//! | 2 | `identity`, `connection`, `messages` | tokens; connection documents; text for people |
//! | 1 | `config`, `import`, `check`, `http`, `schedule`, `outcome` | settings; the state machine, pure; bytes to rows and findings; the HTTP client; what a command comes to |
//! | 0 | `schema` | fields, types, rules and credentials as data |
//!
//! # Laws
//!
//! - after a 200 to the host the file is in the table;
//! - every import comes to an end or is due, and an end stays an end;
//! - one import of a tenant has its slot at a time, and no push is without a recorded intent;
//! - success is a body that parses, never a status code alone;
//! - no log, row, report, page, notice or error holds a cell's value, a token or a secret.

pub mod certificate;
pub mod check;
pub mod cli;
pub mod commands;
pub mod config;
pub mod connection;
pub mod doctor;
pub mod engine;
pub mod host;
pub mod http;
pub mod identity;
pub mod import;
pub mod messages;
pub mod notify;
pub mod outcome;
pub mod package;
pub mod page;
pub mod report;
pub mod schedule;
pub mod schema;
pub mod storage;
pub mod suggest;
pub mod target;
#[cfg(feature = "testbed")]
pub mod testbed;
