//! The text for people: an import, a reason, a finding and a connection, for the table, the pages, the
//! log, webhooks, the command line and the doctor. Nothing reads it back.

mod action;
mod connection;
mod finding;
mod guide;
mod history;
mod import;
mod notification;
mod reason;
mod wish;
mod words;

pub use self::{
    action::action,
    finding::notice,
    guide::{Entry, reasons},
    history::{note, notifications},
    import::{because, pause, status, summary, warning, why},
    notification::{action_at, title, told},
    reason::{cause, first, no_outcome},
};
pub(crate) use self::{
    action::remedy,
    connection::{Fact, fact, file},
    finding::{contents, finding, place, totals, verdict},
    wish::{found_twice, moved_on, not_found, not_paused, not_taken, resumed, taken},
    words::{counted, number},
};
