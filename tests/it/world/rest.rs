//! How a world comes to rest, and the details if it does not.

use time::{Duration, OffsetDateTime};
use viva_import::{engine::Actor, import::Import, messages, testbed::service::Call};

use super::World;

/// After this time the timer `advance` sends a message for a step that is late.
const OVERDUE: Duration = Duration::MINUTE;
/// How often that timer runs.
const EVERY: Duration = Duration::minutes(5);
/// The most deliveries and runs of `advance` until rest.
const MOST_DRIVES: usize = 1500;
/// The most requests of one world.
const MOST_REQUESTS: usize = 20_000;

impl World {
    /// Ends all faults, delivers every event again, and moves the clock until nothing is left to do.
    /// Returns the imports at rest.
    pub(crate) async fn rest(&mut self) -> Result<Vec<Import>, String> {
        self.proxy.clear();
        for call in [Call::ScaleUnit, Call::Ping, Call::Push, Call::Status, Call::Errors] {
            self.service.always(call, None);
        }
        for to in self.connections.clone() {
            self.store(to, None).await;
        }
        self.rest_with_faults().await
    }

    /// The same with the planned faults.
    pub(crate) async fn rest_with_faults(&mut self) -> Result<Vec<Import>, String> {
        self.redeliver().await;
        self.end().await?;
        // Only files without an event are left.
        self.sweep().await;
        self.end().await
    }

    async fn end(&mut self) -> Result<Vec<Import>, String> {
        for _ in 0..MOST_DRIVES {
            let imports = self.imports().await;
            // An operator resumes what is paused.
            if let Some(import) = imports.iter().find(|import| import.pauses) {
                let engine = self.engine(0);
                let _ = self.powered(engine.resume(&import.connection, &Actor::Command)).await;
            }
            let notifications =
                imports.iter().filter_map(|import| Some(import.notification.as_ref()?.due));
            let due = imports.iter().filter_map(|import| import.due).chain(notifications).min();
            let Some(due) = due else { return Ok(imports) };
            self.next_delivery(due).await;
            if self.proxy.count() > MOST_REQUESTS {
                break;
            }
        }
        Err("the world does not come to rest".to_owned())
    }

    /// Moves the clock to the next message, or to the next run of the timer that may find that `due` is overdue.
    async fn next_delivery(&mut self, due: OffsetDateTime) {
        self.take_in_messages();
        let now = self.service_time();
        let overdue = now + (due + OVERDUE - self.now());
        let timer = overdue.max(self.advanced + EVERY);
        let message = self.messages.next().filter(|visible| *visible <= timer);
        let wait = message.unwrap_or(timer) - now;
        self.pass(i64::try_from(wait.whole_milliseconds().max(0)).unwrap() + 1);
        if message.is_some() {
            self.deliver_on(&[self.engine(0)]).await;
        } else {
            self.drive().await;
        }
    }

    /// The details to find out what went wrong.
    pub(crate) async fn details(&self) -> String {
        let imports = self.imports().await;
        let rows = imports.iter().map(|import| {
            format!(
                "{} {} due {:?}: {}\n",
                import.id,
                import.source.name,
                import.due,
                messages::status(import)
            )
        });
        let faults = self.proxy.seen().into_iter().filter_map(|seen| {
            let fault = seen.fault?;
            Some(format!(
                "{} {:?} {} {}: {fault:?}\n",
                seen.number, seen.upstream, seen.method, seen.path
            ))
        });
        let log = self.log.text();
        format!("{}\n{}\n{log}", rows.collect::<String>(), faults.collect::<String>())
    }
}
