//! The state of the service: its ingestions, the planned faults, and the requests it received.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use time::{Duration as Span, OffsetDateTime};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Call, Ingestion, Rules, Seen, ServiceFault, form::FilePart, rules::Clock, zip_check::Verdict,
};

/// The state that all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) rules: Rules,
    opened_at: OffsetDateTime,
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
    pub(super) ingestions: Vec<Held>,
    pub(super) seen: Vec<Seen>,
}

impl Shared {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            opened_at: machine_time(),
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
        match &self.rules.clock {
            Clock::Machine => self.opened_at + self.opened.elapsed(),
            Clock::Manual(clock) => {
                let milliseconds = clock.load(Ordering::Relaxed);
                OffsetDateTime::UNIX_EPOCH + Span::milliseconds(milliseconds)
            }
        }
    }

    /// The book, with every ingestion at the status of this moment.
    pub(super) fn book_of_now(&self) -> MutexGuard<'_, Book> {
        let now = self.now();
        let mut book = self.book();
        for ingestion in &mut book.ingestions {
            ingestion.advance(self.rules.time_per_status, now);
        }
        book
    }

    /// Accepts a file, unless the tenant's previous ingestion has not ended.
    pub(super) fn accept(
        &self,
        tenant: &str,
        connector: &str,
        part: FilePart,
        verdict: Verdict,
    ) -> Option<Ingestion> {
        let mut book = self.book_of_now();
        let runs = |it: &Held| it.shown.tenant == tenant && !it.shown.is_over();
        if book.ingestions.iter().any(runs) {
            return None;
        }
        let started = self.now();
        let import = Held {
            shown: Ingestion {
                id: self.rules.id_shape.id(book.ingestions.len() + 1),
                tenant: tenant.into(),
                connector: connector.into(),
                status: "NotStarted".into(),
                started,
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
            ahead: verdict.ahead,
            since: started,
        };
        let accepted = import.shown.clone();
        book.ingestions.push(import);
        Some(accepted)
    }

    /// An ingestion as it is now.
    pub(super) fn poll(&self, tenant: &str, id: &str) -> Option<Ingestion> {
        let book = self.book_of_now();
        let found = book
            .ingestions
            .iter()
            .find(|it| it.shown.tenant == tenant && it.shown.id.eq_ignore_ascii_case(id));
        found.map(|it| it.shown.clone())
    }

    /// The error stream of an ingestion: empty until its validation has failed.
    pub(super) fn errors(&self, tenant: &str, id: &str) -> Option<String> {
        let ingestion = self.poll(tenant, id)?;
        let has_failed = ingestion.status == "ValidationFailed";
        Some(if has_failed { ingestion.errors } else { String::new() })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "clients compare the times of the service with theirs"
)]
fn machine_time() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// An ingestion and the statuses that it has not had yet.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) shown: Ingestion,
    pub(super) ahead: &'static [&'static str],
    /// When it got its present status.
    since: OffsetDateTime,
}

impl Held {
    /// Gives it every status whose time has come.
    fn advance(&mut self, per_status: Duration, now: OffsetDateTime) {
        while let Some((status, ahead)) = self.ahead.split_first()
            && (per_status.is_zero() || self.since + per_status <= now)
        {
            self.ahead = ahead;
            self.enter(status, self.since + per_status);
        }
    }

    pub(super) fn enter(&mut self, status: &str, at: OffsetDateTime) {
        self.since = at;
        self.shown.status = status.into();
        if self.shown.is_over() {
            self.shown.ended.get_or_insert(at);
        }
    }
}
