//! The table against real Azurite: nothing is overwritten, and one tenant has one slot.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use time::{OffsetDateTime, macros::datetime};
use viva_import::{
    config::Config,
    import::{
        Action, Checked, Event, Import, ImportId, IngestionId, OperatorAction, Package, Policy,
        PollPath, Source, State, Status,
        reason::{PauseCause, Reason, ReasonCode},
    },
    schema::{Baseline, Refresh},
    storage::{
        Storage,
        import_table::{Claim, ImportTable, Inserted, Saved, Slot, Stored, properties},
        table::{Properties, Table, Write},
    },
};

use crate::stage::{azurite, new_account};

const NOW: OffsetDateTime = datetime!(2026-11-23 06:00 UTC);

/// The waits that hold where nothing is set.
pub(crate) fn policy() -> Policy {
    let account = |name: &str| (name == "ImportStorage__accountName").then(|| "a".to_owned());
    Config::read(account).unwrap().policy
}

async fn empty_table() -> Table {
    let account = azurite().await.account(&new_account());
    let storage = Storage::open(&account, Duration::from_mins(1)).unwrap();
    storage.imports.create_if_missing().await.unwrap();
    storage.imports
}

fn received(key: &str) -> Import {
    let id = ImportId { tenant: "tenant".to_owned(), key: key.to_owned() };
    let source = Source {
        container: "inbox".to_owned(),
        name: format!("hr/{key}.csv"),
        etag: "0x1".to_owned(),
        bytes: 5_000_000_000,
        last_modified: NOW,
    };
    Import::new(id, "hr", source, NOW, &policy())
}

fn replaced() -> Event {
    Event::Replaced { by: ImportId { tenant: "tenant".to_owned(), key: "0".to_owned() } }
}

fn after(import: &Import, event: Event) -> Import {
    import.clone().apply(event, NOW, &policy()).unwrap()
}

async fn inserted(imports: &ImportTable, import: Import) -> Stored {
    match imports.insert(import, NOW).await.unwrap() {
        Inserted::New(stored) => *stored,
        Inserted::Known(_) => panic!("it was there already"),
    }
}

async fn saved(imports: &ImportTable, stored: Stored, event: Event) -> Stored {
    let next = after(&stored.import, event);
    match imports.save(stored, next, NOW).await.unwrap() {
        Saved::Done { stored, .. } => *stored,
        Saved::Lost => panic!("somebody else moved it on"),
    }
}

/// An import that waits for its push.
async fn packed(imports: &ImportTable, key: &str) -> Stored {
    let stored = inserted(imports, received(key)).await;
    let package = Package {
        blob: format!("{key}/1.zip"),
        etag: "0x2".to_owned(),
        bytes: 5,
        sha256: "ab".to_owned(),
    };
    let summary = Baseline {
        connector: "HR".to_owned(),
        refresh: "full".to_owned(),
        rows: 3,
        people: 3,
        columns: vec![],
        last_day: None,
        last_past_day: None,
    };
    let report = format!("{key}/report.html");
    let checked =
        Checked { baseline: summary, rows_skipped: 0, notice: None, report, approval: None };
    let event = Event::Packed { package, refresh: Refresh::Full, checked: Box::new(checked) };
    saved(imports, stored, event).await
}

/// The tenant's slot for an import.
async fn slot(imports: &ImportTable, import: &Import) -> Slot {
    imports.tenant(&import.id.tenant).await.unwrap().slot_for(import)
}

/// Tries to claim the tenant's slot; `None` where it is taken, or was when it came to writing.
async fn claim(imports: &ImportTable, stored: Stored) -> Option<Claim> {
    let next = after(&stored.import, Event::Claimed { scale_unit: "unit".to_owned() });
    match slot(imports, &stored.import).await {
        Slot::Free(free) => imports.claim(free, stored, next).await.unwrap(),
        Slot::Taken(_) => None,
    }
}

async fn claimed(imports: &ImportTable, stored: Stored) -> Claim {
    claim(imports, stored).await.unwrap()
}

#[tokio::test]
async fn an_import_is_inserted_once_and_read_back_as_it_was_written() {
    let imports = ImportTable::new(empty_table().await);
    let stored = inserted(&imports, received("1")).await;
    assert!(matches!(imports.insert(received("1"), NOW).await.unwrap(), Inserted::Known(_)));
    let read = imports.get(&stored.import.id).await.unwrap().unwrap();
    assert_eq!(read.import, received("1"));
    let unknown = ImportId { key: "2".to_owned(), ..stored.import.id };
    assert!(imports.get(&unknown).await.unwrap().is_none());
}

#[tokio::test]
async fn an_import_that_somebody_else_moved_on_is_not_overwritten() {
    let imports = ImportTable::new(empty_table().await);
    let stored = inserted(&imports, received("1")).await;
    let other = saved(&imports, stored.clone(), Event::PackStarted).await;
    let late = after(&stored.import, replaced());
    assert!(matches!(imports.save(stored.clone(), late, NOW).await.unwrap(), Saved::Lost));
    let read = imports.get(&stored.import.id).await.unwrap().unwrap();
    assert_eq!(read.import, other.import);
}

#[tokio::test]
async fn a_stale_claim_takes_no_slot() {
    let imports = ImportTable::new(empty_table().await);
    let stale = packed(&imports, "1").await;
    saved(&imports, stale.clone(), Event::SlotTaken { by: "0".to_owned() }).await;
    assert!(claim(&imports, stale).await.is_none());
    claimed(&imports, packed(&imports, "2").await).await;
}

#[tokio::test]
async fn of_many_claims_at_once_one_is_given() {
    let imports = ImportTable::new(empty_table().await);
    let mut waiting = vec![];
    for number in 0..8 {
        waiting.push(packed(&imports, &number.to_string()).await);
    }
    // The same import twice, too: two instances that drive it at once.
    waiting.push(waiting[0].clone());
    let claims = waiting.into_iter().map(|stored| claim(&imports, stored));
    let claims = futures::future::join_all(claims).await;
    assert_eq!(claims.iter().flatten().count(), 1, "{claims:?}");
    let under_way = imports.list().await.unwrap();
    let under_way = under_way.iter().filter(|stored| stored.import.state == State::Pushing);
    assert_eq!(under_way.count(), 1);
}

#[tokio::test]
async fn the_slot_is_free_again_when_its_import_ends_or_has_to_wait() {
    let imports = ImportTable::new(empty_table().await);
    let first = claimed(&imports, packed(&imports, "1").await).await;
    let second = packed(&imports, "2").await;
    let Slot::Taken(by) = slot(&imports, &second.import).await else { panic!() };
    assert_eq!(by, "1");
    let refused = Event::PushRefused { reason: Reason::StepNeverEnded };
    saved(&imports, first.into_stored(), refused).await;
    let second = claimed(&imports, second).await;
    saved(&imports, second.into_stored(), Event::Busy).await;
    claimed(&imports, packed(&imports, "3").await).await;
}

#[tokio::test]
async fn a_slot_whose_holder_no_longer_needs_it_heals() {
    let imports = ImportTable::new(empty_table().await);
    let first = claimed(&imports, packed(&imports, "1").await).await;
    // Saved as if it had never held the slot: the slot still names it.
    let mut forgetful = first.into_stored();
    let ended = after(&forgetful.import, Event::PushRefused { reason: Reason::StepNeverEnded });
    forgetful.import.state = State::Packed;
    assert!(matches!(imports.save(forgetful, ended, NOW).await.unwrap(), Saved::Done { .. }));
    claimed(&imports, packed(&imports, "2").await).await;
}

#[tokio::test]
async fn a_row_that_is_not_understood_keeps_the_slot_and_its_place_and_is_left_alone() {
    let table = empty_table().await;
    let imports = ImportTable::new(table.clone());
    let first = claimed(&imports, packed(&imports, "1").await).await.into_stored();
    let second = packed(&imports, "2").await;
    for (columns, reason) in [
        (vec![("SchemaVersion", json!(2)), ("State", json!("Simmering"))], "NewerVersion"),
        (vec![("State", json!("Simmering"))], "RowUnreadable"),
        (vec![("ReasonCode", json!("TooEarly"))], "RowUnreadable"),
        (vec![("ReasonCode", json!("PushFailed")), ("ReasonArgs", json!("{"))], "RowUnreadable"),
        (vec![("BlockedBy", json!("TheMoon"))], "RowUnreadable"),
        (vec![("Target", json!("teams"))], "RowUnreadable"),
    ] {
        let mut other = properties(&first.import);
        other.extend(columns.iter().map(|(column, value)| ((*column).to_owned(), value.clone())));
        let row = table.get("tenant", "1").await.unwrap().unwrap();
        table.replace(&other, &row.etag).await.unwrap();
        assert!(matches!(slot(&imports, &second.import).await, Slot::Taken(by) if by == "1"));
        let known = imports.get(&first.import.id).await.unwrap().unwrap().import;
        assert_eq!(known.code().map(<&str>::from), Some(reason), "{columns:?}");
        assert!(known.is_left_alone() && known.order() < second.import.order());
        assert_eq!(known.action(NOW + Duration::from_hours(1), &policy()), Action::Done);
        known.clone().apply(Event::Busy, NOW, &policy()).unwrap_err();
    }
    // Of a row that says nothing at all it is not known whether it has pushed.
    let nothing = [("PartitionKey", json!("tenant")), ("RowKey", json!("1"))];
    let nothing = nothing.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let row = table.get("tenant", "1").await.unwrap().unwrap();
    table.replace(&nothing, &row.etag).await.unwrap();
    assert!(matches!(slot(&imports, &second.import).await, Slot::Taken(by) if by == "1"));
}

/// An import that waits for a correction, and whether it is the first of its connection to do so.
async fn blocked(imports: &ImportTable, stored: Stored) -> (Stored, bool) {
    let reason = Reason::CredentialFailed { detail: "why".into() };
    let import = Import { notify_enabled: true, ..stored.import.clone() };
    let next = after(&import, Event::TransientFailure { reason, retry_at: None });
    match imports.save(stored, next, NOW).await.unwrap() {
        Saved::Done { stored, is_first, .. } => (*stored, is_first),
        Saved::Lost => panic!("somebody else moved it on"),
    }
}

#[tokio::test]
async fn of_many_that_begin_to_wait_at_once_one_is_the_first_and_nothing_is_left_when_all_go_on() {
    let imports = Arc::new(ImportTable::new(empty_table().await));
    let mut waiting = vec![];
    for number in 0..6 {
        waiting.push(packed(&imports, &number.to_string()).await);
    }
    let attempts = waiting.into_iter().map(|stored| blocked(&imports, stored));
    let began = futures::future::join_all(attempts).await;
    assert_eq!(began.iter().filter(|(_, is_first)| *is_first).count(), 1);
    for (stored, is_first) in &began {
        assert_eq!(stored.import.notification.is_some(), *is_first);
    }
    let record = imports.connection("tenant", "hr").await.unwrap();
    let [notified] = &record.notified[..] else { panic!("{record:?}") };
    assert_eq!((notified.reason, notified.waiting), (ReasonCode::CredentialFailed, 6));
    let go_on = began.into_iter().map(|(stored, _)| saved(&imports, stored, Event::Corrected));
    let gone_on = futures::future::join_all(go_on).await;
    assert_eq!(imports.connection("tenant", "hr").await.unwrap().notified, []);
    let mut gone_on = gone_on.into_iter();
    let (stored, is_first) = blocked(&imports, gone_on.next().unwrap()).await;
    assert!(is_first, "it is said anew");
    // Whoever deletes a row by hand does not silence the connection for ever.
    let mut forgotten = imports.get(&stored.import.id).await.unwrap().unwrap();
    forgotten.import.blocked = None;
    let next = Import { blocked: None, reason: None, ..forgotten.import.clone() };
    imports.save(forgotten, next, NOW).await.unwrap();
    assert!(blocked(&imports, gone_on.next().unwrap()).await.1);
}

#[tokio::test]
async fn the_row_of_a_connection_says_what_was_received_what_was_accepted_and_what_pauses_it() {
    let imports = ImportTable::new(empty_table().await);
    let record = async || imports.connection("tenant", "hr").await.unwrap();
    let first = packed(&imports, "1").await;
    let received = record().await;
    assert_eq!((received.last_received, received.last_accepted), (Some(NOW), None));
    let first = saved(&imports, first, Event::Forbidden { token_tenant: None }).await;
    let paused = record().await.paused_by;
    let [pause] = &paused[..] else { panic!("{paused:?}") };
    assert_eq!((&*pause.import, pause.cause, pause.content), ("1", PauseCause::Forbidden, NOW));
    let event =
        Event::OperatorRequested { action: OperatorAction::Resume, by: "by ana".to_owned() };
    let first = saved(&imports, first, event).await;
    assert_eq!(record().await.paused_by, []);
    let claim = claimed(&imports, first).await;
    let id = IngestionId("i".to_owned());
    let event = Event::Accepted { id, status: Status::NotStarted };
    let first = saved(&imports, claim.into_stored(), event).await;
    assert_eq!(record().await.last_accepted, None);
    saved(
        &imports,
        first,
        Event::StatusReported {
            status: Status::Completed,
            path: PollPath::FileIngestion,
            error_file: None,
        },
    )
    .await;
    let accepted = record().await.last_accepted.unwrap();
    assert_eq!((accepted.at, accepted.import.as_str()), (NOW, "1"));
}

#[tokio::test]
async fn only_what_is_due_is_due_and_the_oldest_content_comes_first() {
    let imports = ImportTable::new(empty_table().await);
    let mut newer = received("1");
    newer.source.last_modified = NOW + Duration::from_mins(1);
    inserted(&imports, newer).await;
    inserted(&imports, received("2")).await;
    let packing = inserted(&imports, received("3")).await;
    saved(&imports, packing, Event::PackStarted).await;
    let ended = inserted(&imports, received("4")).await;
    saved(&imports, ended, replaced()).await;
    let due = imports.due(NOW, &policy()).await.unwrap();
    let keys: Vec<&str> = due.iter().map(|live| live.id.key.as_str()).collect();
    assert_eq!(keys, ["2", "1"]);
    assert_eq!(imports.due(NOW + policy().step_timeout, &policy()).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_long_list_is_read_to_its_end_and_a_foreign_row_is_left_alone() {
    let table = empty_table().await;
    let imports = ImportTable::new(table.clone());
    let template = inserted(&imports, received("1")).await;
    let row = table.get("tenant", "1").await.unwrap().unwrap().properties;
    for batch in 0..11 {
        let writes: Vec<Write> = (0..100)
            .map(|number| {
                let mut row: Properties = row.clone();
                row.retain(|name, _| !name.starts_with("odata.") && name != "Timestamp");
                row.insert("RowKey".to_owned(), json!(format!("2{batch:03}{number:03}")));
                Write::Insert(row)
            })
            .collect();
        table.transact(&writes).await.unwrap();
    }
    let foreign = [("PartitionKey", json!("a'b %&+é")), ("RowKey", json!("x"))];
    let foreign = foreign.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    table.transact(&[Write::Insert(foreign)]).await.unwrap();
    assert!(table.get("a'b %&+é", "x").await.unwrap().is_some());
    let list = imports.list().await.unwrap();
    assert_eq!(list.len(), 1101);
    assert_eq!(list[0].import, template.import);
}
