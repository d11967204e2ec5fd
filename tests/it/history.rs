//! Ten thousand imports: the cost of a page, and that paging misses none.

use std::{
    collections::HashSet,
    io::{Write as _, stderr},
    time::{Duration, Instant},
};

use reqwest::{Method, header::HeaderMap};
use serde_json::Value;
use time::macros::datetime;
use viva_import::{
    config::Config,
    import::{
        Import, ImportId, Source, State,
        reason::{Problems, Reason},
    },
    schema::Baseline,
    storage::{
        Storage,
        import_table::{ImportTable, Wanted, properties},
        table::Write,
    },
    testbed::deployment::Stage,
};

use crate::{
    stage::{new_account, rules, stage},
    world::before,
};

const IMPORTS: usize = 10_000;
/// The most rows of one transaction.
const AT_ONCE: usize = 100;
const TENANTS: [&str; 3] =
    ["0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5", "1f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5", "no-tenant"];

/// The import of this number: most are of the first tenant, every fifth is rejected, and some keys belong to
/// two tenants.
fn import(number: usize) -> Import {
    let tenant = TENANTS[if number.is_multiple_of(10) { number / 10 % 3 } else { 0 }];
    let is_twice = number % 10 == 1 && !(number / 10).is_multiple_of(3);
    let content = if is_twice { number - 1 } else { number };
    let key = format!("{:015}-{content:016x}", 998_204_051_208_999_usize + content);
    let id = ImportId { tenant: tenant.to_owned(), key };
    let received = datetime!(2026-11-29 06:00 UTC) - Duration::from_mins(number as u64);
    let source = Source {
        container: "inbox".to_owned(),
        name: format!("hr/{number}.csv"),
        etag: "0x1".to_owned(),
        bytes: 1_000_000,
        last_modified: received,
    };
    let account = |name: &str| (name == "ImportStorage__accountName").then(|| "a".to_owned());
    let policy = Config::read(account).unwrap().policy;
    let mut import = Import::new(id, "hr", source, received, &policy);
    let is_rejected = number % 5 == 4;
    import.state = if is_rejected { State::Rejected } else { State::Completed };
    import.error_count = if is_rejected { 7 } else { 0 };
    import.reason = Some(if is_rejected {
        let (rule, message) = ("V01".into(), "an error".into());
        let rules = vec![];
        Reason::FileInvalid(Box::new(Problems {
            row: Some(5),
            column: None,
            rule,
            message,
            count: 7,
            rules,
        }))
    } else {
        Reason::Completed
    });
    (import.ended, import.due, import.deadline) = (Some(received), None, None);
    import.rows = Some(50_000);
    import.baseline = Some(Baseline {
        connector: "HR".to_owned(),
        refresh: "full".to_owned(),
        rows: 50_000,
        people: 20_000,
        columns: vec![],
        last_day: None,
        last_past_day: None,
    });
    import
}

async fn fill(storage: &Storage) {
    for tenant in TENANTS {
        let listed =
            [("PartitionKey", "no-tenant".to_owned()), ("RowKey", format!("tenant~{tenant}"))];
        let listed = listed.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        storage.imports.transact(&[Write::Merge(listed.collect())]).await.unwrap();
        let all = (0..IMPORTS).map(import).filter(|import| import.id.tenant == tenant);
        let writes: Vec<Write> = all.map(|import| Write::Insert(properties(&import))).collect();
        for writes in writes.chunks(AT_ONCE) {
            storage.imports.transact(writes).await.unwrap();
        }
    }
}

async fn get(stage: &Stage, path: &str, accept: &str) -> (u16, Vec<u8>) {
    let headers = HeaderMap::from_iter([(reqwest::header::ACCEPT, accept.parse().unwrap())]);
    let answer = stage.host.http(Method::GET, path, headers, bytes::Bytes::new()).await;
    (answer.status.as_u16(), answer.body.to_vec())
}

#[tokio::test]
async fn paging_through_ten_thousand_imports_finds_each_once() {
    let stage = stage(&[("ADVANCE_SCHEDULE", "0 0 0 1 1 *")]).await;
    fill(&stage.storage).await;
    let (mut seen, mut order) = (HashSet::new(), vec![]);
    let mut path = "/api/v1/imports?top=700&code=the-key".to_owned();
    loop {
        let page: Value = serde_json::from_slice(&get(&stage, &path, "*/*").await.1).unwrap();
        for import in page["value"].as_array().unwrap() {
            let (tenant, key) = import["id"].as_str().unwrap().split_once('.').unwrap();
            assert_eq!(import["tenantId"], tenant);
            order.push((key.to_owned(), tenant.to_owned()));
            seen.insert(import["file"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["nextLink"].as_str() else { break };
        assert!(!next.contains("code="), "{next}");
        path = next.to_owned();
    }
    assert_eq!((order.len(), seen.len()), (IMPORTS, IMPORTS));
    assert!(order.is_sorted(), "newest content first");
    let keys: HashSet<&String> = order.iter().map(|(key, _)| key).collect();
    assert!(keys.len() < IMPORTS, "some keys are of two tenants");

    let rejected = "/api/v1/imports?top=1000&state=rejected&connection=hr";
    let page: Value = serde_json::from_slice(&get(&stage, rejected, "*/*").await.1).unwrap();
    assert_eq!(page["value"].as_array().unwrap().len(), 1000);
    assert!(page["nextLink"].is_string());

    let mut out = stderr();
    // Printed, not asserted: the time depends on the machine.
    for (what, path, accept) in [
        ("the main page", "/api/status", "text/html"),
        ("its last page", "/api/status?after=no-tenant.998204051218900-0", "text/html"),
        ("one connection, one state", "/api/status?connection=hr&state=rejected", "text/html"),
        ("/api/v1/imports", "/api/v1/imports", "*/*"),
    ] {
        let started = Instant::now();
        assert_eq!(get(&stage, path, accept).await.0, 200, "{path}");
        let took = started.elapsed().as_millis();
        writeln!(out, "{IMPORTS} imports, {what}: {took} ms").unwrap();
    }
}

#[tokio::test]
async fn a_page_of_ten_thousand_imports_reads_only_a_page() {
    let azurite = crate::stage::azurite().await;
    let account = new_account();
    let direct = Storage::open(&azurite.account(&account), Duration::from_mins(1)).unwrap();
    direct.create_if_missing().await.unwrap();
    fill(&direct).await;
    let service = viva_import::testbed::service::Service::start(rules()).await.unwrap();
    let (proxy, settings) = before(azurite, &account, &service).await;
    let setting = |name: &str| {
        settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    };
    let config = Config::read(setting).unwrap();
    let imports =
        ImportTable::new(Storage::open(&config.account, Duration::from_mins(1)).unwrap().imports);
    let tenants = imports.tenants().await.unwrap();
    assert_eq!(tenants, TENANTS);
    let page = imports.page(&tenants, &Wanted::default(), None, 50).await.unwrap();
    assert_eq!(page.imports.len(), 50);
    let seen = proxy.seen();
    // The list of tenants, and one page for each.
    assert_eq!(seen.len(), 1 + TENANTS.len());
    let bytes: usize = seen.iter().filter_map(|seen| Some(seen.answer.as_ref()?.body.len())).sum();
    let one = properties(&import(0));
    let a_row = serde_json::to_string(&one).unwrap().len();
    assert!(bytes < 2 * a_row * TENANTS.len() * 52, "{bytes} bytes for a page");
}
