//! The invariants of every world at rest.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use viva_import::{
    config::{INBOX, PACKAGES, REPORTS},
    import::{Import, NotificationKind, State},
    messages,
    storage::{blob::Blob, table::Properties},
    testbed::service::Ingestion,
};

use super::{File, Kind, MARKER, World, pushed_content};
use crate::{
    proxy::{Fault, Seen, Upstream},
    stage::TOKEN,
};

mod connections;
mod older;
mod order;
mod removals;
mod tries;

/// A row that was written.
struct Written {
    /// The number of the request.
    number: usize,
    row: Properties,
}

impl Written {
    fn text(&self, column: &str) -> &str {
        self.row.get(column).and_then(Value::as_str).unwrap_or_default()
    }

    fn state(&self) -> State {
        self.text("State").parse().unwrap()
    }

    fn holds_slot(&self) -> bool {
        let is_lost = self.row.get("PushOutcomeUnknown") == Some(&Value::Bool(true));
        let is_lost = is_lost && self.row.get("SlotReleased") != Some(&Value::Bool(true));
        let has_yielded = self.row.get("SlotReleased") == Some(&Value::Bool(true));
        let is_in_progress =
            self.state() == State::Pushing || self.state() == State::Ingesting && !has_yielded;
        is_in_progress || (is_lost && !self.state().is_end())
    }
}

/// A content at the service, in the order of acceptance.
struct Accepted<'a> {
    file: &'a File,
    ingestion: &'a Ingestion,
}

impl World {
    /// Checks the invariants for these imports at rest; the first violation, as a sentence.
    pub(crate) async fn check(&self, imports: &[Import]) -> Result<(), String> {
        let seen = self.proxy.seen();
        let written = written(&seen);
        self.removals_are_right(imports).await?;
        let imports = &[imports, &self.removed].concat()[..];
        self.nothing_is_lost(imports, &written)?;
        self.nothing_is_overlooked(imports).await?;
        self.every_end_has_its_reason(imports)?;
        every_end_stays_an_end(imports, &written)?;
        one_import_of_a_tenant_is_in_progress(&written)?;
        a_notification_waits_only_at_rest(&written)?;
        histories_end_where_imports_do(imports)?;
        self.every_notification_is_sent_once(imports, &seen)?;
        self.a_reason_of_a_connection_is_reported_once(&seen)?;
        self.connections_are_recorded(imports).await?;
        self.no_value_is_written(imports, &seen).await?;
        let ingestions = self.service.ingestions();
        let mut accepted = vec![];
        for ingestion in &ingestions {
            let content = pushed_content(&ingestion.zip);
            let file = self.files.iter().find(|file| file.content == content);
            let file = file.ok_or("the service has a content that was never uploaded")?;
            if file.kind == Kind::Wrong {
                return Err(format!("{} was pushed although it is invalid", file.name));
            }
            accepted.push(Accepted { file, ingestion });
        }
        self.rows_match_the_service(imports, &accepted)?;
        self.nothing_is_pushed_twice_without_need(imports, &seen, &accepted)?;
        self.order_is_kept(imports, &written, &accepted)?;
        self.nothing_older_is_pushed_without_an_approval(imports, &written)?;
        self.tries_are_counted(imports, &written, &seen)
    }

    /// A notification in a row was sent, and without a fault only once.
    fn every_notification_is_sent_once(
        &self,
        imports: &[Import],
        seen: &[Seen],
    ) -> Result<(), String> {
        let mut sent: HashMap<String, usize> = HashMap::new();
        for (_, event) in self.webhook.all() {
            *sent.entry(event["id"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        if let Some(import) = imports.iter().find(|import| import.notification.is_some()) {
            return Err(format!("{} has a notification that was not sent", import.id));
        }
        let kinds = [
            NotificationKind::Rejected,
            NotificationKind::Stuck,
            NotificationKind::Forbidden,
            NotificationKind::CredentialFailed,
            NotificationKind::ConnectionInvalid,
            NotificationKind::Completed,
            NotificationKind::Recovered,
        ];
        for import in imports {
            for kind in kinds.into_iter().filter(|kind| import.was_notified(*kind)) {
                let event = format!("{}/{}/", import.id, kind.as_ref());
                if !sent.keys().any(|id| id.starts_with(&event)) {
                    return Err(format!("{event} is in the row, but was not sent"));
                }
            }
        }
        let has_fault = seen.iter().any(|seen| seen.fault.is_some());
        let twice = sent.iter().find(|(_, times)| **times > 1 && !has_fault);
        twice.map_or(Ok(()), |(id, times)| Err(format!("{id} was sent {times} times")))
    }

    fn nothing_is_lost(&self, imports: &[Import], written: &[Written]) -> Result<(), String> {
        let is_there = |key: &str| imports.iter().any(|import| import.id.key == key);
        let promised = self.promised.lock().unwrap();
        let keys = promised.iter().map(|id| id.key.as_str());
        let keys = keys.chain(written.iter().map(|written| written.text("RowKey")));
        match keys.into_iter().find(|key| !is_there(key)) {
            Some(key) => Err(format!("the row {key} was lost")),
            None => Ok(()),
        }
    }

    /// After a sweep all files in the inbox are known; of full refreshes one of the newest.
    async fn nothing_is_overlooked(&self, imports: &[Import]) -> Result<(), String> {
        for to in &self.connections {
            let prefix = format!("{}/", to.name());
            let mut files = self.storage.blobs.list(INBOX, &prefix).await.unwrap();
            let newest = files.iter().map(|blob| blob.last_modified).max();
            let is_known =
                |blob: &Blob| imports.iter().any(|import| import.source.etag == blob.etag);
            if to.is_full() {
                files.retain(|blob| Some(blob.last_modified) == newest);
                files.sort_by_key(|blob| !is_known(blob));
                files.truncate(1);
            }
            if let Some(blob) = files.iter().find(|blob| !is_known(blob)) {
                return Err(format!("{} was overlooked", blob.name));
            }
        }
        Ok(())
    }

    fn every_end_has_its_reason(&self, imports: &[Import]) -> Result<(), String> {
        for import in imports {
            let file = self.file_of(import)?;
            let is_newer = |other: &Import| {
                other.id.tenant == import.id.tenant
                    && other.id != import.id
                    && (other.order() > import.order() || other.source.name == import.source.name)
            };
            let has_reason = if import.state == State::Superseded {
                imports.iter().any(is_newer)
            } else if import.state == State::Rejected {
                file.kind == Kind::Wrong
                    || (file.kind == Kind::Narrow && import.is_guarded())
                    || (import.is_guarded()
                        && messages::status(import).contains("I05")
                        && self.is_rejected_as_older(import, imports)?)
                    || self.deleted.contains(&file.name)
                    || import.service_status.as_deref() == Some("ValidationFailed")
            } else if import.state == State::Stuck {
                // An import is not stuck before the first attempt.
                import.attempts > 0
            } else if import.state == State::Cancelled {
                asked(import, "cancel") > 0
            } else {
                file.kind != Kind::Wrong
            };
            if !has_reason {
                return Err(format!(
                    "{} has no reason for its state: {}",
                    file.name,
                    messages::status(import)
                ));
            }
        }
        Ok(())
    }

    async fn no_value_is_written(&self, imports: &[Import], seen: &[Seen]) -> Result<(), String> {
        let has_value = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.contains(MARKER) || text.contains(TOKEN)
        };
        let rows = seen.iter().filter(|seen| seen.upstream == Upstream::Table);
        if let Some(row) = rows.into_iter().find(|row| has_value(&row.sent)) {
            return Err(format!("request {} writes a value to the table", row.number));
        }
        for blob in self.storage.blobs.list(REPORTS, "").await.unwrap() {
            let report = self.storage.blobs.read_small(REPORTS, &blob.name, 1 << 20);
            if has_value(&report.await.unwrap().unwrap()) {
                return Err(format!("the report {} contains a value", blob.name));
            }
        }
        if has_value(self.log.text().as_bytes()) {
            return Err("the log contains a value".to_owned());
        }
        for blob in self.storage.blobs.list(PACKAGES, "").await.unwrap() {
            let is_of = |import: &&Import| blob.name.starts_with(&import.id.key);
            if imports.iter().find(is_of).is_none_or(|import| import.state.is_end()) {
                return Err(format!("the zip {} was not deleted", blob.name));
            }
        }
        Ok(())
    }

    fn file_of(&self, import: &Import) -> Result<&File, String> {
        let is_it =
            |file: &&File| file.name == import.source.name && file.etag == import.source.etag;
        let found = self.files.iter().find(is_it);
        found.ok_or_else(|| format!("{} is of a content that was never uploaded", import.id))
    }

    fn rows_match_the_service(
        &self,
        imports: &[Import],
        accepted: &[Accepted],
    ) -> Result<(), String> {
        for import in imports.iter().filter(|import| import.state == State::Completed) {
            let file = self.file_of(import)?;
            let id = import.ingestion.as_ref().map(|id| id.0.as_str());
            let is_it = |one: &&Accepted| Some(one.ingestion.id.as_str()) == id;
            let one = accepted.iter().find(is_it);
            let matches = one.is_some_and(|one| {
                one.file.etag == file.etag
                    && one.ingestion.status == "Completed"
                    && one.ingestion.rows == File::ROWS
                    && import.rows == Some(File::ROWS)
            });
            if !matches {
                return Err(format!("{} is completed, but not at the service", file.name));
            }
        }
        Ok(())
    }

    /// A content is pushed again only if its answer was lost, or the program ended during the push.
    fn nothing_is_pushed_twice_without_need(
        &self,
        imports: &[Import],
        seen: &[Seen],
        accepted: &[Accepted],
    ) -> Result<(), String> {
        let answered: Vec<String> = seen
            .iter()
            .filter(|seen| seen.is_push() && seen.delivered)
            .filter_map(ingestion_id)
            .collect();
        let deaths = seen.iter().filter(|seen| {
            matches!(seen.fault, Some(Fault::PowerCut(_) | Fault::Answer(409 | 412, _)))
        });
        let deaths = deaths.count();
        for file in &self.files {
            let of_file = accepted.iter().filter(|one| one.file.etag == file.etag);
            let known = of_file.filter(|one| answered.contains(&one.ingestion.id)).count();
            let of_tenant = imports.iter();
            let import = of_tenant.into_iter().find(|import| import.source.etag == file.etag);
            let retries =
                import.map_or(0, |import| asked(import, "retry") + asked(import, "approve"));
            if known > 1 + deaths + retries {
                return Err(format!("{} was pushed {known} times without need", file.name));
            }
        }
        Ok(())
    }
}

/// The number of operator actions with this word.
fn asked(import: &Import, command: &str) -> usize {
    let approved = import.approval.as_ref().map(|approval| &approval.by);
    let options = [import.operator_actions.as_ref(), approved].into_iter().flatten();
    options.map(|by| by.matches(command).count()).sum()
}

/// Only an operator action restarts an ended import.
fn every_end_stays_an_end(imports: &[Import], written: &[Written]) -> Result<(), String> {
    let mut ends: HashMap<(&str, &str), (State, [&str; 2])> = HashMap::new();
    for one in written {
        let (key, state) = (one.text("RowKey"), one.state());
        let id = (one.text("PartitionKey"), key);
        // The row records operator actions.
        let options = ["OperatorActions", "ApprovedBy"].map(|column| one.text(column));
        let end = ends.get(&id).filter(|(_, before)| *before == options);
        if let Some((end, _)) = end.filter(|(end, _)| *end != state) {
            return Err(format!("{key} was {end:?} and became {state:?}"));
        }
        if state.is_end() {
            ends.insert(id, (state, options));
        } else if state == State::Packed
            && one.holds_slot()
            && (!one.text("BlockedBy").is_empty() || one.text("ReasonCode") == "ConnectionPaused")
        {
            return Err(format!("{key} waits for a person and keeps the tenant's slot"));
        } else if one.text("NextAttempt").is_empty() {
            return Err(format!("{key} was written as {state:?} and is never due"));
        }
    }
    let open = imports.iter().find(|import| !import.state.is_end() || import.due.is_some());
    open.map_or(Ok(()), |import| Err(format!("{} has not come to its end", import.id)))
}

fn one_import_of_a_tenant_is_in_progress(written: &[Written]) -> Result<(), String> {
    let mut holders: BTreeMap<&str, &str> = BTreeMap::new();
    for one in written {
        let (tenant, key) = (one.text("PartitionKey"), one.text("RowKey"));
        let holder = holders.get(tenant).copied();
        if one.holds_slot() {
            if let Some(holder) = holder.filter(|holder| *holder != key) {
                return Err(format!("{key} and {holder} are in progress at once"));
            }
            holders.insert(tenant, key);
        } else if holder == Some(key) {
            holders.remove(tenant);
        }
    }
    Ok(())
}

/// A notification waits only at rest, so that its writes conflict with no step.
fn a_notification_waits_only_at_rest(written: &[Written]) -> Result<(), String> {
    let waits = |one: &&Written| !one.text("Notification").is_empty();
    let rests = |one: &Written| {
        // During a retry after a correction the notification is there, but not due.
        !one.text("BlockedBy").is_empty()
            || one.state().is_end()
            || one.state() == State::Packed
                && one.row.get("PauseReason") == Some(&Value::Bool(true))
    };
    let broken = written.iter().filter(waits).find(|one| !rests(one));
    broken.map_or(Ok(()), |one| {
        Err(format!("{} has a notification while it is {:?}", one.text("RowKey"), one.state()))
    })
}

fn histories_end_where_imports_do(imports: &[Import]) -> Result<(), String> {
    let ends_elsewhere =
        |import: &&Import| import.history.last().is_none_or(|entry| entry.state != import.state);
    imports.iter().find(ends_elsewhere).map_or(Ok(()), |import| {
        Err(format!("{} is {:?}, but its history ends otherwise", import.id, import.state))
    })
}

/// The requests that wrote to the table, in the order of the writes.
fn done(seen: &[Seen]) -> Vec<&Seen> {
    let mut done: Vec<&Seen> = seen
        .iter()
        .filter(|seen| seen.upstream == Upstream::Table && seen.method != "GET" && seen.is_done())
        .collect();
    done.sort_by_key(|seen| seen.answer.as_ref().map(|answer| answer.order));
    done
}

/// All rows that were written, in the order of the writes.
fn written(seen: &[Seen]) -> Vec<Written> {
    let mut written = vec![];
    for seen in done(seen) {
        let text = String::from_utf8_lossy(&seen.sent);
        let rows = text.lines().filter(|line| line.starts_with('{'));
        let rows = rows.filter_map(|line| serde_json::from_str::<Properties>(line).ok());
        let rows = rows.map(|row| Written { number: seen.number, row });
        // The keys of imports begin with a digit.
        let is_import =
            |it: &Written| it.text("RowKey").starts_with(|it: char| it.is_ascii_digit());
        written.extend(rows.filter(|it| is_import(it) && it.row.contains_key("State")));
    }
    written
}

/// The id in the answer to a push.
fn ingestion_id(push: &Seen) -> Option<String> {
    let body: Value = serde_json::from_slice(&push.answer.as_ref()?.body).ok()?;
    body.get("Id")?.as_str().map(str::to_owned)
}
