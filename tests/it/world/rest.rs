//! How a world comes to rest, and what is told of it where it does not.

use viva_import::{engine::Actor, import::Import, messages, testbed::service::Call};

use super::World;

/// Drives until rest, at most.
const MOST_DRIVES: usize = 1500;
/// Requests of one world, at most.
const MOST_REQUESTS: usize = 20_000;

impl World {
    /// No more faults, every event comes again, and time goes on until nothing is left to do.
    /// The imports as they rest.
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

    /// The same with the faults that are planned.
    pub(crate) async fn rest_with_faults(&mut self) -> Result<Vec<Import>, String> {
        self.redeliver().await;
        self.end().await?;
        // Only what no event has told of is left.
        self.sweep().await;
        self.end().await
    }

    async fn end(&mut self) -> Result<Vec<Import>, String> {
        for _ in 0..MOST_DRIVES {
            let imports = self.imports().await;
            // Somebody mends what was not let in.
            if let Some(import) = imports.iter().find(|import| import.pauses) {
                let engine = self.road(0);
                let _ = self.powered(engine.resume(&import.connection, &Actor::Command)).await;
            }
            let messages =
                imports.iter().filter_map(|import| Some(import.notification.as_ref()?.due));
            let due = imports.iter().filter_map(|import| import.due).chain(messages).min();
            let Some(due) = due else { return Ok(imports) };
            let wait = (due - self.now()).whole_milliseconds().max(0);
            self.pass(i64::try_from(wait).unwrap() + 1);
            self.drive().await;
            if self.proxy.count() > MOST_REQUESTS {
                break;
            }
        }
        Err("it comes to no rest".to_owned())
    }

    /// Everything a person needs who looks for what went wrong.
    pub(crate) async fn story(&self) -> String {
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
