//! The record of a connection, and that a reason of all its files is reported once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use viva_import::{
    import::{Import, NotificationKind},
    storage::table::Properties,
};

use super::done;
use crate::{proxy::Seen, world::World};

/// A connection and a reason for which its files wait, with a number.
type Reasons = BTreeMap<(String, String), usize>;

impl World {
    /// When all imports are at rest, nothing waits, and the records of the connections agree.
    pub(super) async fn connections_are_recorded(&self, imports: &[Import]) -> Result<(), String> {
        let tenants: BTreeSet<&str> =
            imports.iter().map(|import| import.id.tenant.as_str()).collect();
        for to in &self.connections {
            for tenant in &tenants {
                let name = to.name();
                let record = self.imports.connection(tenant, name).await.unwrap();
                let own = || {
                    let of_tenant = imports.iter().filter(|import| import.id.tenant == *tenant);
                    of_tenant.filter(|import| import.connection == name)
                };
                if !record.notified.is_empty() || !record.paused_by.is_empty() {
                    return Err(format!("no file of {name} waits, but its record is {record:?}"));
                }
                if record.last_received.is_some() != own().next().is_some() {
                    return Err(format!(
                        "the record of {name} does not say when a file was received"
                    ));
                }
                let is_accepted = |key: &str| {
                    own().any(|import| import.id.key == key && import.state.is_accepted())
                };
                let is_right = match &record.last_accepted {
                    Some(accepted) => is_accepted(&accepted.import),
                    None => !own().any(|import| import.state.is_accepted()),
                };
                if !is_right {
                    return Err(format!(
                        "the record of {name} has another accepted import: {record:?}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Each reason of a connection is logged as a warning once until it ends, and notified at most as often.
    pub(super) fn a_reason_of_a_connection_is_reported_once(
        &self,
        seen: &[Seen],
    ) -> Result<(), String> {
        let began = began(seen);
        let mut warned = Reasons::new();
        for line in self.log.text().lines().filter(|line| line.contains(" WARN ")) {
            let field = |name: &str| {
                let rest = line.rsplit_once(&format!(" {name}=")).map_or("", |(_, rest)| rest);
                rest.split(' ').next().unwrap_or_default().to_owned()
            };
            let kind = field("event").parse::<NotificationKind>().ok();
            if kind.is_some_and(NotificationKind::is_of_connection) {
                *warned.entry((field("connection"), field("reason"))).or_default() += 1;
            }
        }
        for (of, times) in &warned {
            let most = began.get(of).copied().unwrap_or_default();
            if *times > most {
                return Err(format!("{of:?} began {most} times, but is logged {times} times"));
            }
        }
        // A log line is lost only together with the program.
        let has_fault = seen.iter().any(|seen| seen.fault.is_some());
        if let Some(of) = began.keys().find(|of| !has_fault && !warned.contains_key(*of)) {
            return Err(format!("{of:?} began, but is not logged"));
        }
        let events = self.webhook.types();
        let is_of_connection = |kind: &&String| {
            let word =
                kind.rsplit('.').next().and_then(|word| word.parse::<NotificationKind>().ok());
            word.is_some_and(NotificationKind::is_of_connection)
        };
        let (sent, most) = (events.iter().filter(is_of_connection).count(), began.values().sum());
        if sent > most && !has_fault {
            return Err(format!("{sent} notifications were sent for {most} reasons"));
        }
        Ok(())
    }
}

/// How often each reason of a connection began, from the writes of the connections' rows.
fn began(seen: &[Seen]) -> Reasons {
    let (mut began, mut known) = (Reasons::new(), BTreeMap::<String, BTreeSet<String>>::new());
    for row in done(seen).iter().flat_map(|seen| replaced(seen)) {
        let text = |column: &str| row.get(column).and_then(Value::as_str).unwrap_or_default();
        let Some(name) = text("RowKey").strip_prefix("connection~") else { continue };
        let notified: Vec<Value> = serde_json::from_str(text("Notified")).unwrap_or_default();
        let reason = |it: &Value| it["reason"].as_str().unwrap_or_default().to_owned();
        let mut now: BTreeSet<String> = notified.iter().map(reason).collect();
        if !text("Invalid").is_empty() {
            now.insert("ConnectionInvalid".to_owned());
        }
        let tenant = text("PartitionKey");
        let before = known.insert(format!("{tenant}/{name}"), now.clone()).unwrap_or_default();
        for reason in now.difference(&before) {
            *began.entry((name.to_owned(), reason.clone())).or_default() += 1;
        }
    }
    began
}

/// The rows that a request replaces or inserts; a merge does not contain the other columns.
fn replaced(seen: &Seen) -> Vec<Properties> {
    let text = String::from_utf8_lossy(&seen.sent);
    let mut is_merge = false;
    let mut rows = vec![];
    for line in text.lines() {
        if line.ends_with(" HTTP/1.1") {
            is_merge = line.starts_with("PATCH ");
        } else if line.starts_with('{') && !is_merge {
            rows.extend(serde_json::from_str(line));
        }
    }
    rows
}
