//! The doctor: checks whether a file of a connection could be imported now, and says what to correct.
//!
//! It sends the same requests as an import, with clients of its own, and reports each check as one
//! result with its remedy. No check waits longer than `probes::MAX_WAIT`, and checks that do not depend on
//! each other run at the same time. So the whole ends well before an HTTP trigger times out.
//!
//! It changes no data: it writes a blob `doctor/probe` and deletes it again, and sends messages that do nothing
//! to the queue of steps and to the poison queues. With `resume` it also resumes the imports that wait after a 403.
//! It never shows a token, a secret, a cell's value or a body of the service.

use std::sync::Arc;

use tokio::join;

use self::{connectivity::Reachabilities, probes::Probes};
pub use self::{
    probes::RunsAs,
    report::{CheckResult, CheckStatus, Diagnosis},
};
use crate::{
    config::Lookup,
    engine::{Actor, Clock},
    import::diagnostics::Exchange,
};

mod connection;
mod connectivity;
mod imports;
mod permissions;
mod probes;
mod push;
mod queues;
mod report;
mod timers;

const SETTINGS: &str = "settings";
/// The names of all checks, in the order in which they are reported.
const CHECKS: [&str; 28] = [
    SETTINGS,
    connectivity::BLOBS,
    connectivity::TABLES,
    connectivity::QUEUES,
    connectivity::SERVICE,
    connectivity::CLOCK_OF_STORAGE,
    connectivity::CLOCK_OF_SERVICE,
    permissions::READ_INBOX,
    permissions::READ_CONNECTIONS,
    permissions::WRITE_PACKAGES,
    permissions::WRITE_REPORTS,
    permissions::READ_IMPORTS,
    permissions::WRITE_IMPORTS,
    queues::ARRIVALS_QUEUE,
    queues::POISON_QUEUE,
    queues::STEPS_QUEUE,
    queues::STEPS_POISON_QUEUE,
    timers::TIMERS,
    connection::DOCUMENT,
    connection::MAPPING,
    connection::METADATA,
    connection::NOTIFY,
    connectivity::AUTHORITY,
    push::TOKEN,
    push::SCALE_UNIT,
    push::CONNECTOR,
    imports::LAST,
    imports::PAUSE,
];
/// The checks that must pass before waiting imports are resumed.
const NEEDED_FOR_PUSH: [&str; 5] =
    [connection::DOCUMENT, connection::MAPPING, push::TOKEN, push::SCALE_UNIT, push::CONNECTOR];

/// Checks connections.
pub struct Doctor {
    setting: Arc<Lookup>,
    clock: Clock,
    runs_as: RunsAs,
}

impl Doctor {
    /// A doctor that looks settings up by `setting`, and checks what this one needs.
    #[must_use]
    pub fn new(setting: Arc<Lookup>, clock: Clock, runs_as: RunsAs) -> Self {
        Self { setting, clock, runs_as }
    }

    /// Checks the connection `name`. If an actor asks to `resume` it, and its document, token, scale unit
    /// and connector pass, its imports that wait after a 403 are resumed.
    pub(crate) async fn examine(&self, name: &str, resume: Option<&Actor>) -> Diagnosis {
        let mut sent = vec![];
        let results = match Probes::open(self.setting.clone(), self.clock.clone(), self.runs_as) {
            Ok(probes) => Box::pin(examine(probes, name, resume, &mut sent)).await,
            Err(error) => {
                let remedy = "Correct them in the app with `az functionapp config appsettings set --name \
                              $APP --resource-group $GROUP --settings NAME=VALUE`, or in this shell with \
                              `export NAME=VALUE`. `viva-import settings` describes each setting.";
                let settings = CheckResult::fail(SETTINGS, error.to_string(), remedy);
                let rest = CHECKS.into_iter().skip(1);
                let rest = rest.map(|name| CheckResult::skipped(name, SETTINGS));
                std::iter::once(settings).chain(rest).collect()
            }
        };
        Diagnosis::new(name, results, &sent)
    }
}

/// The results of all checks; the requests to the service are added to `sent`.
async fn examine(
    probes: Probes,
    name: &str,
    resume: Option<&Actor>,
    sent: &mut Vec<Exchange>,
) -> Vec<CheckResult> {
    let hosts = Reachabilities::ask(&probes).await;
    let (rights, queues, timers, document, imports) = join!(
        Box::pin(permissions::results(&probes, &hosts)),
        Box::pin(queues::results(&probes, &hosts.queues)),
        timers::result(&probes, &hosts),
        connection::find(&probes, &hosts, name),
        imports::find(&probes, &hosts, name),
    );
    let (documents, connection) = connection::results(name, document, &rights);
    let connection = connection.as_ref();
    let mut results = vec![CheckResult::pass(SETTINGS, "All settings are valid")];
    results.extend(hosts.results());
    results.extend(rights);
    results.extend(queues);
    results.push(timers);
    results.extend(documents);
    results.push(connection::metadata(connection, &probes.config.mapping_key));
    let of_app = probes.config.notify.as_ref();
    results.extend(connection::notify(connection, of_app, &*probes.setting));
    results.push(hosts.authority(connection));
    if let Some(connection) = connection {
        let client = probes.service.client(&connection.caller, (probes.clock)());
        results.extend(push::results(&probes, &client, hosts.service.is_reachable()).await);
        sent.extend(client.take_exchanges());
    } else {
        results.extend(push::skipped());
    }
    let mut needed = results.iter().filter(|result| NEEDED_FOR_PUSH.contains(&result.name));
    let is_ready = needed.all(CheckResult::passes);
    results.extend(imports::results(probes, imports, name, resume, is_ready).await);
    results
}
