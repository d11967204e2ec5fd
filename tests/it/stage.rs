//! The deployment of a test: an empty storage account of the shared Azurite, a mock service, and the real
//! handler under the emulated Functions host.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Runtime, sync::OnceCell, time::Instant};
use viva_import::{
    import::Import,
    messages,
    testbed::{
        SAMPLE_CONNECTION,
        azurite::Azurite,
        deployment::Stage,
        service::{Clock, Rules, Service},
    },
};

/// The handler as cargo built it.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_viva-import");
/// The token of every push.
pub(crate) const TOKEN: &str = "the-token-of-this-test";
/// Longer than any wait in the tests, on any machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
const ACCOUNTS: usize = 300;

/// A small file that is valid for the sample connection.
pub(crate) const GOOD_CSV: &str = "Employee,EffectiveDate,Manager,Organization\n\
     ana@contoso.com,11/01/2026,,Executive\nbo@contoso.com,11/01/2026,ana@contoso.com,Sales\n";

/// The same with this word as a value: the same bytes are not pushed twice in a row.
pub(crate) fn good_csv(word: &str) -> String {
    GOOD_CSV.replace("Executive", word)
}

/// For everything that must outlive the runtime of a test.
pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static AZURITE: OnceCell<Azurite> = OnceCell::const_new();
static NEXT_ACCOUNT: AtomicUsize = AtomicUsize::new(0);

pub(crate) async fn azurite_program() -> PathBuf {
    let cache = Azurite::cache(|name| std::env::var(name).ok()).unwrap();
    Azurite::fetch(&cache, |_| {}).await.unwrap()
}

pub(crate) async fn azurite() -> &'static Azurite {
    AZURITE.get_or_init(async || start_azurite(ACCOUNTS).await).await
}

/// Starts an emulator with the accounts `account0` and so on. It can outlive a test.
pub(crate) async fn start_azurite(accounts: usize) -> Azurite {
    let started = RUNTIME.spawn(async move {
        let names: Vec<String> = (0..accounts).map(|n| format!("account{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Azurite::start(&azurite_program().await, &names).await.unwrap()
    });
    started.await.unwrap()
}

/// The name of an unused account.
pub(crate) fn new_account() -> String {
    let number = NEXT_ACCOUNT.fetch_add(1, Ordering::Relaxed);
    assert!(number < ACCOUNTS, "more accounts are needed");
    format!("account{number}")
}

/// The rules of a service that completes an ingestion immediately.
pub(crate) fn rules() -> Rules {
    Rules { token: TOKEN.to_owned(), ..Rules::default() }
}

/// How long the ingestions of [`rules_with_clock`] have each status.
const TIME_PER_STATUS: Duration = Duration::from_secs(1);

/// The rules of a service whose ingestions move only by [`next_status`], with its clock.
pub(crate) fn rules_with_clock() -> (Rules, Arc<AtomicI64>) {
    let clock = Arc::new(AtomicI64::new(0));
    let of_service = Clock::Manual(clock.clone());
    let rules = Rules { time_per_status: TIME_PER_STATUS, clock: of_service, ..rules() };
    (rules, clock)
}

/// Lets time pass for the service, endlessly.
pub(crate) async fn time_passes(clock: &AtomicI64) -> ! {
    loop {
        next_status(clock);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Lets the time of one status pass for the service.
pub(crate) fn next_status(clock: &AtomicI64) {
    clock.fetch_add(i64::try_from(TIME_PER_STATUS.as_millis()).unwrap(), Ordering::Relaxed);
}

/// A deployment that polls every second, with the sample connection `hr`.
pub(crate) async fn stage(settings: &[(&str, &str)]) -> Stage {
    stage_with(rules(), settings).await
}

pub(crate) async fn stage_with(rules: Rules, settings: &[(&str, &str)]) -> Stage {
    let mut all = vec![
        ("POLL_MIN_SECONDS", "1"),
        ("POLL_MAX_SECONDS", "1"),
        ("BUSY_WAIT_SECONDS", "1"),
        ("CORRECTION_WAIT_SECONDS", "1"),
        ("AzureFunctionsJobHost__extensions__queues__maxPollingInterval", "00:00:00.5"),
        ("AzureFunctionsJobHost__extensions__queues__visibilityTimeout", "00:00:00"),
    ];
    all.extend_from_slice(settings);
    let service = Service::start(rules).await.unwrap();
    let account = new_account();
    let set = Stage::set(azurite().await, &account, Path::new(BINARY), service, TOKEN, &all);
    let stage = set.await.unwrap();
    stage.connect("hr", SAMPLE_CONNECTION).await.unwrap();
    stage
}

/// Waits until `wanted` returns a value. Each attempt costs the emulator time, so the pauses grow.
pub(crate) async fn until<T>(what: &str, mut wanted: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    let mut pause = Duration::from_millis(50);
    loop {
        if let Some(found) = wanted().await {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "still not: {what}");
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(Duration::from_millis(400));
    }
}

/// Waits until the import of this file is as wanted.
pub(crate) async fn import_of(
    stage: &Stage,
    name: &str,
    wanted: impl Fn(&Import) -> bool,
) -> Import {
    let what = format!("{name} as wanted");
    let found = until(&what, async || {
        let imports = stage.imports().await.unwrap();
        imports.into_iter().find(|import| import.source.name == name && wanted(import))
    });
    found.await
}

/// Waits until the import of this file has ended and needs no more work.
pub(crate) async fn ended(stage: &Stage, name: &str) -> Import {
    import_of(stage, name, |import| import.state.is_end() && import.due.is_none()).await
}

/// Why an import is in its state, as text for people.
pub(crate) fn why(run: &Import) -> String {
    messages::why(run).unwrap_or_default()
}

/// Waits until the service holds a request.
pub(crate) async fn held(stage: &Stage) {
    let held = tokio::time::timeout(PATIENCE, stage.service.held()).await;
    assert!(held.is_ok(), "no request is held");
}

/// The number of visible messages in a queue, at most 1.
pub(crate) async fn peeked(stage: &Stage, queue: &str) -> usize {
    let peeked = stage.queue(queue).unwrap().peek_messages(None).await.unwrap();
    peeked.into_model().unwrap().items.unwrap_or_default().len()
}

/// The whole log of the host as one text.
pub(crate) fn log(stage: &Stage) -> String {
    stage.host.log().iter().map(|line| format!("{}\n", line.message)).collect()
}

/// Waits until the next file gets a later time. The times of blobs have whole seconds and determine the order.
pub(crate) async fn a_second_later() {
    tokio::time::sleep(Duration::from_millis(1100)).await;
}

/// A valid file that is recognized by its number of rows.
pub(crate) fn csv_of(rows: usize) -> String {
    let head = "ana@contoso.com,11/01/2026,,Executive\n";
    let others = (1..rows).map(|n| format!("p{n}@contoso.com,11/01/2026,ana@contoso.com,HQ\n"));
    format!("Employee,EffectiveDate,Manager,Organization\n{head}{}", others.collect::<String>())
}
