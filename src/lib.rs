//! Carries an organization's HR export from Azure Storage into Microsoft Viva Insights.
//!
//! The road of a file, and the modules in that order:
//! 1. Storage says "blob created"; the Functions host hands the event to [`host`], the door.
//! 2. [`engine`] asks [`connection`] whose file it is and writes one row of [`storage::import_table`]. From then on
//!    the file is not lost, whatever happens.
//! 3. [`import`] says what is to be done next; [`engine`] does it, one step at a time.
//! 4. [`package`] reads the file, has it checked by [`check`], and stages one zip; [`report`] is what
//!    was found.
//! 5. [`ingestion`] pushes the zip and follows what the service makes of it.
//! 6. The row says how it ended, and why as a code with arguments; [`messages`] makes the text, which
//!    nothing reads back. [`page`] shows the rows, and [`notify`] tells somebody when a person is needed.
//!
//! What a person does by hand (check, pack, push, and wishes about the table) is [`commands`];
//! [`doctor`] tells what stands in the road's way.
//! Before the first file, [`connect`] proposes a connection for it, and [`learn`] reads Microsoft's
//! own template for how metadata.json is spelt.
//!
//! The laws:
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
pub mod connect;
pub mod connection;
pub mod doctor;
pub mod engine;
pub mod host;
pub mod http;
pub mod identity;
pub mod import;
pub mod ingestion;
pub mod learn;
pub mod messages;
pub mod notify;
pub mod package;
pub mod page;
pub mod report;
pub mod schedule;
pub mod schema;
pub mod storage;
pub mod testbed;
