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
    action::{action, remedy},
    finding::{finding, notice, verdict},
    guide::{Entry, reasons},
    history::{note, notifications},
    import::{because, pause, status, summary, warning, why},
    notification::{action_at, title, told},
    reason::{cause, first, no_outcome},
    wish::{moved_on, not_paused, not_taken, resumed, taken},
};
pub(crate) use self::{
    connection::{Fact, fact, file},
    finding::{contents, place, totals},
    words::{counted, number},
};
