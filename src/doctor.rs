//! The doctor: whether a connection's files would come through now, and if not, what to mend.
//!
//! It asks what a file's road asks, in the same way and with clients of its own, and tells each
//! answer in one line with its remedy. No question waits longer than `probes::MAX_WAIT`, and those that
//! do not hang on each other are asked at once, so that the whole stays well below what an HTTP
//! trigger waits for its answer.
//!
//! It changes nothing that counts: a blob `doctor/probe` is written and deleted again. Imports which
//! a 403 made wait go on where it is told to let them.
//! It never tells a token, a secret, a cell's value or a body of the service.

use std::sync::Arc;

use tokio::join;

pub use self::report::{CheckResult, CheckStatus, Diagnosis};
use self::{connectivity::Reachabilities, probes::Probes};
use crate::{
    config::Lookup,
    engine::{Actor, Clock},
};

mod connection;
mod connectivity;
mod imports;
mod permissions;
mod probes;
mod push;
mod report;

const SETTINGS: &str = "settings";
/// Every line there is, in the order in which they are told.
const LINES: [&str; 25] = [
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
    permissions::ARRIVALS_QUEUE,
    permissions::POISON_QUEUE,
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
/// What has to be right before a file that waits is let go on.
const BEFORE_A_PUSH: [&str; 5] =
    [connection::DOCUMENT, connection::MAPPING, push::TOKEN, push::SCALE_UNIT, push::CONNECTOR];

/// Examines connections.
pub struct Doctor {
    setting: Arc<Lookup>,
    clock: Clock,
}

impl Doctor {
    /// A doctor who finds settings by `setting`.
    #[must_use]
    pub fn new(setting: Arc<Lookup>, clock: Clock) -> Self {
        Self { setting, clock }
    }

    /// Examines the connection `name`. Where somebody asks to `resume` it, and if its document, token,
    /// scale unit and connector are right, its imports that wait after a 403 go on.
    pub(crate) async fn examine(&self, name: &str, resume: Option<&Actor>) -> Diagnosis {
        let lines = match Probes::open(self.setting.clone(), self.clock.clone()) {
            Ok(bag) => Box::pin(examine(bag, name, resume)).await,
            Err(error) => {
                let remedy = "mend them in the settings of the app, or of this shell; \
                              `viva-import settings` explains each";
                let settings = CheckResult::bad(SETTINGS, error.to_string(), remedy);
                let rest = LINES.into_iter().skip(1);
                let rest = rest.map(|about| CheckResult::unasked(about, SETTINGS));
                std::iter::once(settings).chain(rest).collect()
            }
        };
        Diagnosis::new(name, lines)
    }
}

async fn examine(bag: Probes, name: &str, resume: Option<&Actor>) -> Vec<CheckResult> {
    let ways = Reachabilities::ask(&bag).await;
    let (rights, document, imports) = join!(
        Box::pin(permissions::lines(&bag, &ways)),
        connection::find(&bag, &ways, name),
        imports::find(&bag, &ways, name),
    );
    let (documents, connection) = connection::lines(name, document, &rights);
    let connection = connection.as_ref();
    let mut lines = vec![CheckResult::good(SETTINGS, "complete and sound")];
    lines.extend(ways.lines());
    lines.extend(rights);
    lines.extend(documents);
    lines.push(connection::metadata(connection, &bag.config.mapping_key));
    let of_app = bag.config.notify.as_ref();
    lines.extend(connection::notify(connection, of_app, &*bag.setting));
    lines.push(ways.authority(connection));
    lines.extend(push::lines(&bag, connection, ways.service.is_open()).await);
    let in_the_way = lines.iter().filter(|line| BEFORE_A_PUSH.contains(&line.name));
    let is_ready = in_the_way.into_iter().all(CheckResult::is_no_obstacle);
    lines.extend(imports::lines(bag, imports, name, resume, is_ready).await);
    lines
}
