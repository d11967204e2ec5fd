//! What the status pages read besides the table. Nothing here changes anything.

use std::sync::atomic::Ordering;

use azure_core::{Error, Result};
use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use serde_json::Value;
use time::OffsetDateTime;
use url::Url;

use super::{AT_ONCE, Engine};
use crate::{
    config::{self, App, CONNECTIONS, Lookup, REPORTS},
    connection::Connection,
    http::azure::{concerns_one, sentence},
    import::{
        Import, Policy,
        reason::{List, Reason},
    },
    schedule::Schedule,
    schema::is_connection_name,
    storage::import_table::ImportTable,
};

/// The largest report that is shown.
const MAX_REPORT_BYTES: usize = 4 << 20;
/// The error file of the service, beside the report.
pub(crate) const SERVICE_ERRORS: &str = "service-errors.txt";

/// A function with a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// The function.
    pub name: &'static str,
    /// The setting of its schedule.
    schedule: &'static str,
}

impl Timer {
    /// Sends messages for the steps that are overdue.
    pub(crate) const ADVANCE: Self = Self { name: "advance", schedule: "ADVANCE_SCHEDULE" };
    /// Finds files without an event.
    pub(crate) const SWEEP: Self = Self { name: "sweep", schedule: "SWEEP_SCHEDULE" };
    /// The same, at the times when a file is expected.
    pub(crate) const SCHEDULE: Self = Self { name: "schedule", schedule: "IMPORT_SCHEDULE" };
    pub(super) const ALL: [Self; 3] = [Self::ADVANCE, Self::SWEEP, Self::SCHEDULE];
}

/// A connection document.
#[derive(Debug)]
pub struct Document {
    /// The connection's name.
    pub name: String,
    /// When it was stored.
    pub stored: OffsetDateTime,
    /// The content, or why it is unusable.
    pub read: std::result::Result<Connection, Reason>,
}

impl Document {
    /// The missing document of an import's connection.
    #[must_use]
    pub fn missing(import: &Import) -> Self {
        let name = import.connection.clone();
        let read = Err(Reason::ConnectionMissing { connection: (&name).into() });
        Self { name, stored: import.received, read }
    }
}

impl Engine {
    /// The current time.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        (self.clock)()
    }

    /// The app, as its platform describes it.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.config.app
    }

    /// All connection documents, by name.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn documents(&self) -> Result<Vec<Document>> {
        let blobs = self.blobs.list(CONNECTIONS, "").await?;
        let named = blobs.into_iter().filter_map(|blob| {
            let name = blob.name.strip_suffix(".json").filter(|name| is_connection_name(name))?;
            Some((name.to_owned(), blob.last_modified))
        });
        let read = stream::iter(named)
            .map(async |(name, stored)| {
                let read = self.readable(&name).await?;
                Ok(read.map(|read| Document { name, stored, read }))
            })
            .buffered(AT_ONCE);
        read.try_filter_map(|document| std::future::ready(Ok(document))).try_collect().await
    }

    /// The connection `name`, also if storage refuses to read its document: the others are shown all the same.
    pub(super) async fn readable(
        &self,
        name: &str,
    ) -> Result<Option<std::result::Result<Connection, Reason>>> {
        match self.connection(name).await {
            Err(error) if concerns_one(&error) => {
                let faults = List::from_iter([sentence(&error)]);
                Ok(Some(Err(Reason::ConnectionInvalid { connection: name.into(), faults })))
            }
            read => read,
        }
    }

    /// One connection document; `None` if it does not exist.
    ///
    /// # Errors
    /// Storage failed.
    pub(crate) async fn document(&self, name: &str) -> Result<Option<Document>> {
        let file = format!("{name}.json");
        let blobs = self.blobs.list(CONNECTIONS, &file).await?;
        let Some(blob) = blobs.into_iter().find(|blob| blob.name == file) else { return Ok(None) };
        let read = self.readable(name).await?;
        let stored = blob.last_modified;
        Ok(read.map(|read| Document { name: name.to_owned(), stored, read }))
    }

    /// Where users sign in.
    #[must_use]
    pub fn authority(&self) -> &Url {
        &self.config.service.authority
    }

    /// The report of an import as JSON; `None` if this attempt has none.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn report(&self, import: &Import) -> Result<Option<Value>> {
        if import.report.is_none() {
            return Ok(None);
        }
        let name = format!("{}/report.json", import.id.key);
        let report = self.blobs.read_small(REPORTS, &name, MAX_REPORT_BYTES).await?;
        Ok(report.and_then(|report| serde_json::from_slice(&report).ok()))
    }

    /// The service's error file of an import; `None` if it was not kept.
    ///
    /// # Errors
    /// Storage failed.
    pub(crate) async fn service_errors(&self, import: &Import) -> Result<Option<Vec<u8>>> {
        if !has_service_errors(import) {
            return Ok(None);
        }
        self.blobs.read_small(REPORTS, &errors_of(import), MAX_REPORT_BYTES).await
    }

    /// Records that a timer has run. From then on the other timers are expected to run too: the host does not
    /// start a function whose schedule is invalid.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn note_timer(&self, timer: Timer) -> Result<()> {
        self.imports.note_timer(timer.name, self.now()).await?;
        if self.expects_timers.load(Ordering::Relaxed) {
            return Ok(());
        }
        for other in Timer::ALL {
            if self.imports.timer(other.name).await?.is_none() {
                self.imports.note_timer(other.name, self.now()).await?;
            }
        }
        self.expects_timers.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// When the inbox is swept next, with or without an event.
    #[must_use]
    pub(crate) fn next_sweep(&self) -> Option<OffsetDateTime> {
        let times = [Timer::SCHEDULE, Timer::SWEEP].into_iter().filter_map(|timer| {
            let text = config::value(&*self.setting, timer.schedule);
            Schedule::parse(&text).ok()?.next(self.now())
        });
        times.min()
    }
}

/// The timers that have missed two runs, with the time of their last run, or since when they are expected. A disabled
/// timer misses nothing.
///
/// # Errors
/// Storage failed.
pub(crate) async fn missed_timers(
    imports: &ImportTable,
    setting: &Lookup,
    policy: &Policy,
    now: OffsetDateTime,
) -> Result<Vec<(Timer, OffsetDateTime)>> {
    let last = Timer::ALL.map(async |timer| {
        let last = imports.timer(timer.name).await?;
        Ok::<_, Error>(last.map(|last| (timer, last)))
    });
    let is_missed = |timer: Timer, last: OffsetDateTime| {
        // Names of environment variables on Linux have no points.
        let is_off = ['.', '_'].into_iter().any(|point| {
            let name = format!("AzureWebJobs{point}{}{point}Disabled", timer.name);
            setting(&name).is_some_and(|off| off.eq_ignore_ascii_case("true") || off == "1")
        });
        let schedule = Schedule::parse(&config::value(setting, timer.schedule)).ok();
        let second = schedule.and_then(|it| it.next(it.next(last)?));
        // A run starts steps for as long as one step may take, and the last step may take as long again.
        !is_off && second.is_some_and(|second| second + 2 * policy.step_timeout < now)
    };
    let ran = try_join_all(last).await?.into_iter().flatten();
    Ok(ran.filter(|(timer, last)| is_missed(*timer, *last)).collect())
}

/// Whether the service's error file of an import was kept, in this attempt.
#[must_use]
pub(crate) fn has_service_errors(import: &Import) -> bool {
    import.report.as_deref() == Some(&errors_of(import))
}

fn errors_of(import: &Import) -> String {
    format!("{}/{SERVICE_ERRORS}", import.id.key)
}
