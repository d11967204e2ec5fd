//! Carries an organization's HR export from Azure Storage into Microsoft Viva Insights.
//!
//! The road of a file, and the modules in that order:
//! 1. Storage says "blob created"; the Functions host hands the event to [`host`], the door.
//! 2. [`engine`] asks [`connection`] whose file it is and writes one row of [`storage::import_table`]. From then on
//!    the file is not lost, whatever happens.
//! 3. [`import`] says what is to be done next; [`engine`] does it, one step at a time.
//! 4. [`package`] reads the file, has it checked by [`check`], and stages one zip; [`report`] is what
//!    was found.
//! 5. [`target`] pushes the zip and follows what the service makes of it.
//! 6. The row says how it ended, and why as a code with arguments; [`messages`] makes the text, which
//!    nothing reads back. [`page`] shows the rows, and [`notify`] tells somebody when a person is needed.
//!
//! What a person does by hand (check, pack, push, and wishes about the table) is [`commands`];
//! [`doctor`] tells what stands in the road's way.
//! Before the first file, [`suggest`] proposes a connection for it, and [`suggest::template`] reads Microsoft's
//! own template for how metadata.json is spelt.
//!
//! Layers: a module uses those of lower layers and, in its own, those to its right.
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
pub mod testbed;
