//! What the service remembers: its imports and how they walk, the faults due, the requests seen.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Call, Ingestion, Rules, Seen, ServiceFault, zip_check::Verdict};
use crate::schema::PayloadFormat;

/// What every connection shares.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) rules: Rules,
    opened: Instant,
    pub(super) book: Mutex<Book>,
    pub(super) open: watch::Sender<usize>,
    pub(super) held: watch::Sender<usize>,
    pub(super) released: Notify,
    pub(super) stop: CancellationToken,
}

#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) queued: Vec<(Call, ServiceFault)>,
    pub(super) always: HashMap<Call, ServiceFault>,
    pub(super) imports: Vec<Held>,
    pub(super) seen: Vec<Seen>,
}

impl Shared {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            opened: Instant::now(),
            book: Mutex::default(),
            open: watch::Sender::new(0),
            held: watch::Sender::new(0),
            released: Notify::new(),
            stop: CancellationToken::new(),
        }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        self.rules.opened_at + self.opened.elapsed()
    }

    /// Takes a file in, unless the tenant's last one is still under way.
    pub(super) fn accept(
        &self,
        tenant: &str,
        connector: &str,
        part: FilePart,
        verdict: Verdict,
    ) -> Option<Ingestion> {
        let now = self.now();
        let mut book = self.book();
        let running = |i: &&mut Held| i.shown.tenant == tenant && !i.shown.is_over();
        if let Some(import) = book.imports.iter_mut().find(running) {
            // Time goes by for the refused too; else an import whose id was lost would never end.
            import.asked(&self.rules, now);
            return None;
        }
        let mut import = Held {
            shown: Ingestion {
                id: format!("00000000-0000-4000-8000-{:012x}", book.imports.len() + 1),
                tenant: tenant.into(),
                connector: connector.into(),
                status: "NotStarted".into(),
                started: now,
                ended: None,
                is_bootstrap: verdict.is_bootstrap,
                mapping: verdict.mapping,
                rows: verdict.rows,
                entries: verdict.entries,
                errors: verdict.errors,
                part_name: part.name,
                file_name: part.file_name,
                zip_sha256: verdict.zip_sha256,
                upload: part.upload,
                zip: part.zip,
            },
            walk: verdict.walk,
            asked: 0,
        };
        let accepted = import.shown.clone();
        if self.rules.polls_per_status == 0 {
            import.asked(&self.rules, now);
        }
        book.imports.push(import);
        Some(accepted)
    }

    /// How far an import is, each question moving it a little.
    pub(super) fn poll(&self, tenant: &str, id: &str) -> Option<Ingestion> {
        let now = self.now();
        let mut book = self.book();
        let import =
            book.imports.iter_mut().find(|i| i.shown.tenant == tenant && i.shown.id == id)?;
        import.asked(&self.rules, now);
        Some(import.shown.clone())
    }

    /// The error stream of an import: empty until its validation has failed.
    pub(super) fn errors(&self, tenant: &str, id: &str) -> Option<String> {
        let book = self.book();
        let import = book.imports.iter().find(|i| i.shown.tenant == tenant && i.shown.id == id)?;
        let failed = import.shown.status == "ValidationFailed";
        Some(if failed { import.shown.errors.clone() } else { String::new() })
    }
}

/// The file in a push's body: the first part of a form that has a file name, whatever the part is
/// called; or the body itself, rows without a form.
pub(super) struct FilePart {
    pub(super) name: String,
    pub(super) file_name: String,
    pub(super) upload: PayloadFormat,
    pub(super) zip: Bytes,
}

/// An ingestion and the steps it takes.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) shown: Ingestion,
    pub(super) walk: &'static [&'static str],
    asked: u32,
}

impl Held {
    fn asked(&mut self, rules: &Rules, now: OffsetDateTime) {
        self.asked += 1;
        let last = self.walk.len().saturating_sub(1);
        let steps = self.asked.checked_div(rules.polls_per_status);
        let step = steps.map_or(last, |steps| last.min(steps as usize));
        if let Some(status) = self.walk.get(step) {
            self.enter(status, now);
        }
    }

    pub(super) fn enter(&mut self, status: &str, now: OffsetDateTime) {
        self.shown.status = status.into();
        if self.shown.is_over() {
            self.shown.ended.get_or_insert(now);
        }
    }
}
