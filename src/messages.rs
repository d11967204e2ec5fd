//! The text for people: an import and a reason, for the table, the pages, the log, webhooks, the
//! command line and the doctor. Nothing reads it back.

mod action;
mod guide;
mod history;
mod import;
mod notification;
mod reason;
mod words;

pub(crate) use self::words::{counted, number, people};
pub use self::{
    action::action,
    guide::{Entry, reasons},
    history::{note, notifications},
    import::{because, pause, status, summary, warning, why},
    notification::{action_at, title, told},
    reason::{cause, first, no_outcome},
};
