//! Carries an organization's HR export from Azure Storage into Microsoft Viva Insights.
//!
//! # One event, from the request to the row
//!
//! 1. `host/intake.rs` gets the Functions host's `POST /intake`; `host/event_grid.rs` decodes which blob was
//!    created. A sweep receives what failed too often from the poison queue (`engine/poison.rs`).
//! 2. `engine/intake.rs` asks `connection.rs` whose file it is, and writes one row with
//!    `storage/import_table.rs`. From here on the file is not lost, whatever happens.
//! 3. `import.rs` is the state machine: `apply` moves an import on and `moved`, below it, lists every legal
//!    pair of state and event; `action` says what is to be done next, `import/transitions.rs` how a state is
//!    entered and what an operator may do. No I/O and no clock.
//!    `engine/step_queue.rs` sends the message for the first step.
//! 4. The host gives the message to `host/step.rs`, and `engine.rs` takes the step: `engine/steps.rs` reads and packs, and polls the ingestion;
//!    `engine/scheduling.rs` decides which import is next; `engine/push.rs` claims the tenant's slot and pushes
//!    with `target.rs`, which leaves the paths to `target/viva.rs` and the request to `target/client.rs`. A pack or
//!    push continues only while `engine/lease.rs` renews its lease. Then the message of the next step is sent.
//! 5. `storage/import_table/row.rs` writes the row, `import/reason.rs` says why as a code with arguments, and
//!    `messages.rs` makes the text, which nothing parses. `page.rs` shows it. If a person is needed,
//!    `engine/notifications.rs` sends a notification with `notify.rs`.
//!
//! # One cell, from the blob to the zip
//!
//! 1. `storage/blob.rs` reads the blob in ranges, side by side.
//! 2. `package.rs` drives the rest in one pass. `check.rs` takes the bytes record by record
//!    (`check/records.rs`), compares the header with the mapping (`check/header.rs`, `check/mapping.rs`), checks
//!    each row and its values (`check/rows.rs`, `check/value.rs`), and compares the file with the last accepted
//!    import (`check/report.rs`). Fields, types and rules come from `schema.rs`.
//! 3. `package/payload.rs` takes the mapped columns, `package/deflate.rs` compresses them on all cores,
//!    `package/zip_writer.rs` writes the zip, and `storage/blob.rs` stages it in blocks.
//! 4. `check/findings.rs` counts the findings and `report.rs` writes them: rows, columns and rules, never a
//!    value. `engine/steps.rs` stores the report.
//!
//! Each command is in [`commands`], and [`cli`] reads its flags. [`doctor`] diagnoses a connection, and
//! [`suggest`] proposes one for an export. `guide` holds the guides of the repository.
//!
//! # Layers
//!
//! A module uses those of lower layers and, in its own, those to its right.
//!
//! | layer | modules | what they do |
//! |---|---|---|
//! | 9 | `main`, `cli`, `guide` | arguments and environment; types of clap end here; the guides for `cargo doc` |
//! | 8 | `testbed` | the emulated Functions host, the mock service and Azurite: the demo |
//! | 7 | `commands`, `host`, `api`, `page` | one file for each command; the custom-handler contract; what programs read; status pages |
//! | 6 | `doctor`, `suggest`, `certificate` | diagnosis of a connection; a connection for an export; a certificate |
//! | 5 | `engine` | intake, steps by queue, order, operator actions, notifications, sweep, retention |
//! | 4 | `package`, `report` | rows to zip, CSV or JSON; findings as files |
//! | 3 | `storage`, `target`, `notify` | blobs, queues and the table of imports; the services that take an import; webhooks |
//! | 2 | `identity`, `connection`, `messages` | tokens; connection documents; text for people |
//! | 1 | `config`, `import`, `check`, `http`, `schedule`, `outcome` | settings; the state machine, pure; bytes to rows and findings; the HTTP client; the result of a command |
//! | 0 | `schema` | fields, types, rules and credentials as data |
//!
//! # Invariants
//!
//! - after a 200 to the host the file is in the table, or its event is in the queue again;
//! - every import has ended or is due, and an end stays an end;
//! - one import at a time holds the slot of a tenant, and no push begins without a recorded intent;
//! - success is a body that parses, never a status code alone;
//! - no log, row, report, page, notification or error holds a cell's value, a token or a secret.

pub mod api;
pub mod certificate;
pub mod check;
pub mod cli;
pub mod commands;
pub mod config;
pub mod connection;
pub mod doctor;
pub mod engine;
#[cfg(doc)]
pub mod guide;
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
