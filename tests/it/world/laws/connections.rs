//! What is remembered of a connection, and that what holds for all its files is told once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use viva_import::{
    import::{Import, NotificationKind},
    storage::table::Properties,
};

use super::done;
use crate::{proxy::Seen, world::World};

/// A connection of a tenant, and a reason for which its files wait.
type Reasons = BTreeMap<(String, String), usize>;

impl World {
    /// Where all imports rest nothing waits, and the rows of the connections say so.
    pub(super) async fn connections_are_remembered(
        &self,
        imports: &[Import],
    ) -> Result<(), String> {
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
                    return Err(format!("nothing of {name} waits, and its row says {record:?}"));
                }
                if record.last_received.is_some() != own().next().is_some() {
                    return Err(format!("the row of {name} does not say when a file was received"));
                }
                let is_accepted = |key: &str| {
                    own().any(|import| import.id.key == key && import.state.is_accepted())
                };
                let is_right = match &record.last_accepted {
                    Some(accepted) => is_accepted(&accepted.import),
                    None => !own().any(|import| import.state.is_accepted()),
                };
                if !is_right {
                    return Err(format!("the row of {name} has another accepted: {record:?}"));
                }
            }
        }
        Ok(())
    }

    /// Of each reason of a connection one line warns, until it is over; no more are told elsewhere.
    pub(super) fn what_holds_for_all_files_is_told_once(
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
            let occasion = field("event").parse::<NotificationKind>().ok();
            // A file is rejected whose connection is unreadable when it arrives.
            let is_of_connection = occasion.is_some_and(NotificationKind::is_of_connection)
                || occasion.is_some() && field("reason") == "ConnectionInvalid";
            if is_of_connection {
                *warned.entry((field("connection"), field("reason"))).or_default() += 1;
            }
        }
        for (of, times) in &warned {
            let most = began.get(of).copied().unwrap_or_default();
            if *times > most {
                return Err(format!("{of:?} began {most} times, and {times} lines warn of it"));
            }
        }
        // A line is lost with the program, and with nothing else.
        let has_fault = seen.iter().any(|seen| seen.fault.is_some());
        if let Some(of) = began.keys().find(|of| !has_fault && !warned.contains_key(*of)) {
            return Err(format!("{of:?} began, and no line warns of it"));
        }
        let events = self.webhook.types();
        let is_of_connection = |kind: &&String| {
            let word =
                kind.rsplit('.').next().and_then(|word| word.parse::<NotificationKind>().ok());
            word.is_some_and(NotificationKind::is_of_connection)
        };
        let (told, most) = (events.iter().filter(is_of_connection).count(), began.values().sum());
        if told > most && !has_fault {
            return Err(format!("somebody was told {told} times of {most} reasons"));
        }
        Ok(())
    }
}

/// How often each reason of a connection began, by the writes of the rows of the connections.
fn began(seen: &[Seen]) -> Reasons {
    let (mut began, mut known) = (Reasons::new(), BTreeMap::<String, BTreeSet<String>>::new());
    for row in done(seen).iter().flat_map(|seen| replaced(seen)) {
        let text = |column: &str| row.get(column).and_then(Value::as_str).unwrap_or_default();
        let Some(name) = text("RowKey").strip_prefix("connection~") else { continue };
        let notified: Vec<Value> = serde_json::from_str(text("Notified")).unwrap_or_default();
        let reason = |it: &Value| it["reason"].as_str().unwrap_or_default().to_owned();
        let now: BTreeSet<String> = notified.iter().map(reason).collect();
        let tenant = text("PartitionKey");
        let before = known.insert(format!("{tenant}/{name}"), now.clone()).unwrap_or_default();
        for reason in now.difference(&before) {
            *began.entry((name.to_owned(), reason.clone())).or_default() += 1;
        }
    }
    began
}

/// The rows that a request replaces or inserts; what it merges says nothing of their other columns.
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
