//! A world in one process: real Azurite and the mock service behind the fault proxy, the engine in front of
//! it, and a clock of the test.
//!
//! A power cut drops everything in progress; after it the engine starts with nothing but the table.

use std::{
    future::Future,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use azure_storage_queue::QueueClient;
use time::OffsetDateTime;
use tracing::instrument::WithSubscriber as _;
use viva_import::{
    config::{Account, CONNECTIONS, INBOX, STEPS, STORAGE},
    engine::Engine,
    import::{Import, ImportId, OperatorAction, State},
    storage::{Storage, import_table::ImportTable},
    testbed::{
        SAMPLE_CONNECTION,
        deployment::TOKEN_SETTING,
        service::{Clock as ServiceClock, Rules, Service},
    },
};

use self::{
    files::{File, MARKER},
    messages::Messages,
    program::{Log, account, engine, moment},
};
pub(crate) use self::{
    files::{Kind, pushed_content},
    program::{before, deliver},
};
use crate::{
    proxy::{Fault, Proxy, Seen},
    stage::{TOKEN, rules, until},
    webhook::Webhook,
};

mod files;
mod host;
mod invariants;
mod messages;
mod program;
mod rest;

/// The time of a status of an ingestion that is polled once: the default of `POLL_MIN_SECONDS`.
pub(crate) const ONE_POLL: Duration = Duration::from_secs(30);
/// The time limit of storage when there is no fault.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// A connection of every world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// Full refreshes of the first tenant.
    Full,
    /// Changes of the first tenant.
    Changes,
    /// Full refreshes of the second tenant.
    Other,
    /// Changes of the second tenant that build on each other: a rejected file stops later ones.
    Builds,
}

/// With notifications.
const BUILDS: &str = "\"incremental\", \"stopAfterRejected\": true, \
     \"notify\": { \"setting\": \"HOOK\", \"format\": \"cloudEvents\", \"completed\": true }";

impl To {
    pub(crate) const ALL: [Self; 4] = [Self::Full, Self::Changes, Self::Other, Self::Builds];

    /// Whether its files replace all data.
    pub(crate) fn is_full(self) -> bool {
        matches!(self, Self::Full | Self::Other)
    }

    /// The connection's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Changes => "changes",
            Self::Other => "other",
            Self::Builds => "builds",
        }
    }

    /// The connection document with a fault.
    fn wrong_document(self, wrong: Wrong) -> String {
        let (right, wrong) = match wrong {
            Wrong::Document => ("{", "["),
            Wrong::Mapping => ("\"name\": \"PersonId\"", "\"name\": \"personid\""),
            Wrong::Credential => (TOKEN_SETTING, "NO_SUCH_SETTING"),
        };
        let document = self.document();
        assert!(document.contains(right));
        document.replace(right, wrong)
    }

    fn document(self) -> String {
        match self {
            Self::Full => SAMPLE_CONNECTION.to_owned(),
            Self::Changes => SAMPLE_CONNECTION.replace("\"full\"", "\"incremental\""),
            Self::Other => SAMPLE_CONNECTION.replace("0f2c1d3e", "1f2c1d3e"),
            Self::Builds => {
                SAMPLE_CONNECTION.replace("0f2c1d3e", "1f2c1d3e").replace("\"full\"", BUILDS)
            }
        }
    }
}

/// A fault of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wrong {
    /// It is not JSON, so files that arrive have no tenant.
    Document,
    /// Its mapping violates a rule.
    Mapping,
    /// Its credential gets no token.
    Credential,
}

impl Wrong {
    pub(crate) const ALL: [Self; 3] = [Self::Document, Self::Mapping, Self::Credential];
}

/// A world; see the module.
pub(crate) struct World {
    pub(crate) proxy: Proxy,
    pub(crate) service: Service,
    pub(crate) webhook: Webhook,
    /// Storage without the proxy.
    pub(crate) storage: Storage,
    imports: ImportTable,
    settings: Arc<Vec<(&'static str, String)>>,
    /// The account without the proxy.
    account: Account,
    connections: Vec<To>,
    /// Two instances of the program, started when they are needed.
    engines: [OnceLock<Arc<Engine>>; 2],
    /// Milliseconds since 1970.
    clock: Arc<AtomicI64>,
    /// The same of the service, which no jump of the program's clock moves.
    clock_of_service: Arc<AtomicI64>,
    log: Log,
    files: Vec<File>,
    deleted: Vec<String>,
    /// The imports that `receive` has answered with.
    promised: Arc<Mutex<Vec<ImportId>>>,
    /// Blobs whose event the host will deliver again.
    waiting: Vec<String>,
    /// The number of requests when each operation began.
    begun: Vec<usize>,
    messages: Messages,
    /// The imports of which only messages came that had been delivered before, and the number of requests then.
    tried_again: Vec<(String, usize)>,
    /// The imports whose rows were removed.
    removed: Vec<Import>,
    /// Why a removal was wrong.
    wrong_removals: Vec<String>,
    /// When the timer `advance` ran last, by the clock of the service.
    advanced: OffsetDateTime,
}

impl World {
    /// An empty account, a service, and all connections.
    pub(crate) async fn new() -> Self {
        Self::with(&To::ALL, ONE_POLL).await
    }

    /// The same with these connections only, because each costs some requests at every sweep. An ingestion
    /// has each status for `time_per_status`.
    pub(crate) async fn with(connections: &[To], time_per_status: Duration) -> Self {
        let (azurite, account) = account().await;
        let clock = Arc::new(AtomicI64::new(1_795_428_000_000));
        let clock_of_service = Arc::new(AtomicI64::new(clock.load(Ordering::Relaxed)));
        let service = Rules {
            time_per_status,
            clock: ServiceClock::Manual(clock_of_service.clone()),
            ..rules()
        };
        let service = Service::start(service).await.unwrap();
        let (proxy, mut settings) = before(azurite, &account, &service).await;
        let account = azurite.account(&account);
        // The messages of steps pass the proxy, too.
        if let Account::Emulator { endpoints, .. } = &account {
            let (_, storage) = settings.iter_mut().find(|(name, _)| *name == STORAGE).unwrap();
            *storage = storage.replace(endpoints.queue.as_str(), proxy.queue.as_str());
        }
        settings.push((TOKEN_SETTING, TOKEN.to_owned()));
        // The two kinds of files of a tenant would block each other as deletions.
        settings.push(("MAX_SHRINK_PERCENT", "100".to_owned()));
        let (webhook, address) = Webhook::start().await;
        settings.push(("HOOK", address));
        if connections.len() > 1 {
            // The app notifies of connections with an invalid document.
            settings.push(("NOTIFY_SETTING", "HOOK".to_owned()));
            settings.push(("NOTIFY_FORMAT", "cloudEvents".to_owned()));
        }
        let storage = Storage::open(&account, ANSWER_TIMEOUT).unwrap();
        storage.create_if_missing().await.unwrap();
        let world = Self {
            proxy,
            service,
            webhook,
            imports: ImportTable::new(storage.imports.clone()),
            storage,
            settings: Arc::new(settings),
            account,
            connections: connections.to_vec(),
            engines: Default::default(),
            advanced: moment(&clock),
            clock,
            clock_of_service,
            log: Log::default(),
            files: vec![],
            deleted: vec![],
            promised: Arc::default(),
            waiting: vec![],
            begun: vec![],
            messages: Messages::default(),
            tried_again: vec![],
            removed: vec![],
            wrong_removals: vec![],
        };
        world.queue(STEPS).create(None).await.unwrap();
        for to in connections {
            world.store(*to, None).await;
        }
        world
    }

    /// Stores the document of a connection.
    pub(crate) async fn store(&self, to: To, wrong: Option<Wrong>) {
        let document = wrong.map_or_else(|| to.document(), |wrong| to.wrong_document(wrong));
        let (name, content) = (format!("{}.json", to.name()), document.into_bytes());
        self.storage.blobs.put(CONNECTIONS, &name, "application/json", content).await.unwrap();
    }

    /// All imports in the table.
    pub(crate) async fn imports(&self) -> Vec<Import> {
        let listed = self.imports.list().await.unwrap();
        listed.into_iter().map(|stored| stored.import).collect()
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        moment(&self.clock)
    }

    /// Moves the clock; backwards if negative.
    pub(crate) fn advance(&mut self, seconds: i64) {
        self.pass(seconds * 1000);
    }

    fn pass(&mut self, milliseconds: i64) {
        self.take_in_messages();
        self.clock.fetch_add(milliseconds, Ordering::Relaxed);
        self.clock_of_service.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// The time of the service and of the queue.
    fn service_time(&self) -> OffsetDateTime {
        moment(&self.clock_of_service)
    }

    /// Sets the program's clock alone, back if `seconds` is negative.
    pub(crate) fn jump(&mut self, seconds: i64) {
        self.clock.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    /// A customer uploads a file, without an event.
    pub(crate) async fn put(&mut self, to: To, name: &str, kind: Kind) {
        let file = File::new(self.files.len(), to, name, kind);
        let content = file.content.clone();
        self.storage.blobs.put(INBOX, name, "text/csv", content).await.unwrap();
        let blob = self.storage.blobs.look(INBOX, name).await.unwrap().unwrap();
        self.files.push(File { etag: blob.etag, ..file });
    }

    /// A customer deletes a file.
    pub(crate) async fn delete(&mut self, name: &str) {
        self.storage.blobs.delete_all(INBOX, name).await.unwrap();
        self.deleted.push(name.to_owned());
    }

    /// An uploaded file by index, from the last one backwards, which wraps around: its connection and its name.
    pub(crate) fn file(&self, place: usize) -> Option<(To, String)> {
        let file = self.files.iter().rev().nth(place.checked_rem(self.files.len())?)?;
        Some((file.to, file.name.clone()))
    }

    /// A name that is not used yet.
    pub(crate) fn new_name(&self, to: To) -> String {
        format!("{}/{}.csv", to.name(), self.files.len())
    }

    /// A queue of the account, without the proxy.
    pub(crate) fn queue(&self, name: &str) -> QueueClient {
        viva_import::storage::queue(&self.account, name).unwrap()
    }

    pub(crate) fn engine(&self, instance: usize) -> Arc<Engine> {
        self.engines[instance].get_or_init(|| engine(&self.settings, &self.clock)).clone()
    }

    /// Runs work of the program while it has power; `None` if the power went.
    async fn powered<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        self.begun.push(self.proxy.count());
        let power = self.proxy.power();
        let done = {
            let work = Box::pin(work.with_subscriber(self.log.dispatch()));
            tokio::select! {
                biased;
                () = power.cancelled() => None,
                done = work => Some(done),
            }
        };
        if done.is_some() && !power.is_cancelled() {
            return done;
        }
        self.proxy.power_back().await;
        self.engines = Default::default();
        None
    }
}

#[tokio::test]
async fn a_world_without_faults_completes_everything() {
    let mut world = World::new().await;
    for to in To::ALL {
        for name in ["a", "b"] {
            let name = format!("{}/{name}.csv", to.name());
            world.put(to, &name, Kind::Right).await;
            world.receive(&name).await;
        }
    }
    world.drive_twice().await;
    world.put(To::Other, "other/wrong.csv", Kind::Wrong).await;
    world.sweep().await;
    let imports = world.rest().await.unwrap();
    world.check(&imports).await.unwrap();
    let completed = imports.iter().filter(|import| import.state == State::Completed).count();
    let superseded = imports.iter().filter(|import| import.state == State::Superseded).count();
    assert_eq!((imports.len(), completed + superseded), (9, 8));
    assert_eq!(world.service.ingestions().len(), completed);
}

#[tokio::test]
async fn twenty_files_wait_a_week_for_their_connection_and_then_all_resume_automatically() {
    let mut world = World::with(&[To::Changes], Duration::ZERO).await;
    for _ in 0..20 {
        let name = world.new_name(To::Changes);
        world.put(To::Changes, &name, Kind::Right).await;
    }
    // The rows are created, and no file is read yet.
    world.sweep().await;
    world.store(To::Changes, Some(Wrong::Mapping)).await;
    world.drive().await;
    let began = world.proxy.count();
    for _ in 0..7 * 4 {
        world.advance(6 * 60 * 60);
        world.drive().await;
    }
    let imports = world.imports().await;
    let waits = |import: &Import| import.state == State::Received && import.waits_for_correction();
    assert!(imports.len() == 20 && imports.iter().all(waits), "{imports:?}");
    // Only the oldest import was retried.
    let seen = world.proxy.seen().into_iter().skip(began);
    let reads = seen.filter(|seen| seen.path.contains("/connections/changes.json")).count();
    assert!((20..40).contains(&reads), "{reads} reads in a week");

    world.store(To::Changes, None).await;
    let imports = world.rest().await.unwrap();
    world.check(&imports).await.unwrap();
    assert!(
        imports
            .iter()
            .all(|import| import.state == State::Completed && import.operator_actions.is_none())
    );
    let order = world.service.ingestions().len();
    assert_eq!(order, 20);
}

#[tokio::test]
async fn the_others_resume_after_the_oldest_even_if_that_one_is_rejected() {
    let mut world = World::with(&[To::Changes], Duration::ZERO).await;
    for kind in [Kind::Wrong, Kind::Right, Kind::Right] {
        let name = world.new_name(To::Changes);
        world.put(To::Changes, &name, kind).await;
    }
    world.sweep().await;
    world.store(To::Changes, Some(Wrong::Mapping)).await;
    world.drive().await;
    assert!(world.imports().await.iter().all(Import::waits_for_correction));
    world.store(To::Changes, None).await;
    // The oldest import is due, and no other one after it.
    world.advance(15 * 60);
    for _ in 0..8 {
        world.drive().await;
    }
    let mut states: Vec<State> = world.imports().await.iter().map(|import| import.state).collect();
    states.sort_by_key(|state| <&str>::from(*state));
    assert_eq!(states[2], State::Rejected, "{states:?}");
    assert!(!states.contains(&State::Received), "{states:?}");
}

#[tokio::test]
async fn a_retry_of_one_of_many_retries_only_that_one_and_notifies_of_nothing_new() {
    let mut world = World::with(&[To::Builds], Duration::ZERO).await;
    for _ in 0..3 {
        let name = world.new_name(To::Builds);
        world.put(To::Builds, &name, Kind::Right).await;
    }
    world.sweep().await;
    world.store(To::Builds, Some(Wrong::Mapping)).await;
    world.drive().await;
    let before: Vec<Import> = world.imports().await;
    world.ask(OperatorAction::Retry, 0).await;
    world.drive().await;
    let after = world.imports().await;
    let tried = |import: &&Import| import.attempts > 1;
    let names: Vec<&str> =
        after.iter().filter(tried).map(|import| import.source.name.as_str()).collect();
    assert_eq!(names, ["builds/2.csv"], "{before:?}");
    let warned = world.log.text().matches(" event=connection_invalid ").count();
    assert_eq!(warned, 1, "{}", world.log.text());
    assert_eq!(world.webhook.types().len(), 1);
    let imports = world.rest().await.unwrap();
    world.check(&imports).await.unwrap();
}

#[tokio::test]
async fn small_files_are_packed_side_by_side_and_each_of_them_is_staged() {
    let mut world = World::new().await;
    for (to, name) in [(To::Full, "full/a.csv"), (To::Other, "other/a.csv")] {
        world.put(to, name, Kind::Right).await;
    }
    world.sweep().await;
    let is_read = |seen: &Seen| seen.method == "GET" && seen.path.contains("/inbox/");
    let is_staged = |seen: &Seen| seen.method == "PUT" && seen.path.contains("/packages/");
    world.proxy.next(is_read, Fault::Hang);
    let engine = world.engine(0);
    let both_are_read = async {
        until("both are read", async || {
            let reads = world.proxy.seen().into_iter().filter(is_read).count();
            (reads == 2).then_some(())
        })
        .await;
        world.proxy.release();
    };
    let (one, other, ()) = tokio::join!(deliver(&engine), deliver(&engine), both_are_read);
    one.and(other).unwrap();
    let seen = world.proxy.seen();
    let packing = seen.iter().filter(|seen| is_read(seen) || is_staged(seen));
    assert_eq!(packing.map(is_read).collect::<Vec<_>>(), [true, true, false, false]);
    assert!(world.imports().await.iter().all(|import| import.package.is_some()));
}

#[tokio::test]
async fn a_sweep_logs_how_long_each_connection_has_completed_nothing() {
    let mut world = World::new().await;
    for (to, name, kind) in
        [(To::Full, "full/a.csv", Kind::Right), (To::Other, "other/a.csv", Kind::Wrong)]
    {
        world.put(to, name, kind).await;
        world.receive(name).await;
    }
    world.rest().await.unwrap();
    let ended = world.imports().await.into_iter().filter(|import| import.state == State::Completed);
    let completed = ended.filter_map(|import| import.ended).max().unwrap();
    let ten_days_later = completed + time::Duration::days(10) + time::Duration::HOUR;
    world.advance((ten_days_later - world.now()).whole_seconds());
    world.sweep().await;
    let log = world.log.text();
    let text = "Connection full: no import has completed for 10 days";
    let fields = "event=idle reason=none connection=full import=none invocation=none seconds=86";
    let is_idle = |line: &str| line.contains(fields) && line.ends_with(" days=10");
    assert!(log.contains(text) && log.lines().any(is_idle), "{log}");
    // Without any completed import it counts from when the document was stored.
    let other = "Connection other: no import has completed for ";
    let days = log.rsplit_once(other).unwrap().1.split(' ').next().unwrap();
    assert_ne!(days.parse::<i64>().unwrap(), 10, "{log}");
}
