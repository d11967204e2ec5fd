//! The program in the world: its start, its environment and its log.

use std::{
    io::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use time::OffsetDateTime;
use tokio::sync::OnceCell;
use tracing::Dispatch;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt as _};
use viva_import::{
    config::{Account, Config, INBOX, Lookup, STORAGE},
    engine::{Engine, IntakeOutcome, Origin, StepMessage},
    import::ImportId,
    storage::Storage,
    target,
    testbed::{azurite::Azurite, service::Service},
};

use crate::{imports::policy, proxy::Proxy, stage::start_azurite};

/// Does what `receive` does: after the row is written, the import is promised.
pub(super) async fn receive(
    engine: &Engine,
    name: &str,
    promised: &Mutex<Vec<ImportId>>,
) -> azure_core::Result<()> {
    let arrival = engine.arrive(INBOX, name, Origin::Request).await?;
    if let IntakeOutcome::Received(id) | IntakeOutcome::Known(id) = arrival {
        promised.lock().unwrap().push(id.clone());
        let Some(stored) = engine.imports().get(&id).await? else { return Ok(()) };
        let message = StepMessage { tenant: id.tenant, key: id.key, step: stored.import.step };
        let _ = engine.take_step(&message, 1).await;
    }
    Ok(())
}

/// The timer `advance` runs, and the host delivers the message of each step that is due, some at a time.
pub(crate) async fn deliver(engine: &Engine) -> azure_core::Result<()> {
    // It needs the queues, which not every test has.
    let _ = engine.advance().await;
    let due = engine.imports().due(engine.now(), &policy()).await?;
    let taken = stream::iter(due).map(async |live| {
        let ImportId { tenant, key } = live.id;
        let message = StepMessage { tenant, key, step: live.step };
        engine.take_step(&message, 1).await
    });
    taken.buffer_unordered(4).try_collect().await
}

/// A proxy in front of an account and a service, and the settings that use it.
pub(crate) async fn before(
    azurite: &Azurite,
    account: &str,
    service: &Service,
) -> (Proxy, Vec<(&'static str, String)>) {
    let Account::Emulator { endpoints, .. } = azurite.account(account) else { unreachable!() };
    let proxy = Proxy::start(&endpoints, &service.endpoint()).await;
    let connection_string = azurite
        .connection_string(account)
        .replace(endpoints.blob.as_str(), proxy.blob.as_str())
        .replace(endpoints.table.as_str(), proxy.table.as_str());
    let endpoint = proxy.service.to_string();
    let settings = vec![
        (STORAGE, connection_string),
        ("INGESTION_ENDPOINT", endpoint),
        ("QUIET_SECONDS", "0".to_owned()),
    ];
    (proxy, settings)
}

/// An unused account, of as many emulators as are needed, because there are many worlds.
pub(super) async fn account() -> (&'static Azurite, String) {
    const OF_ONE: usize = 500;
    static EMULATORS: [OnceCell<Azurite>; 40] = [const { OnceCell::const_new() }; 40];
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let emulator = EMULATORS[number / OF_ONE].get_or_init(async || start_azurite(OF_ONE).await);
    (emulator.await, format!("account{}", number % OF_ONE))
}

/// The time of a clock in milliseconds since 1970.
pub(super) fn moment(clock: &AtomicI64) -> OffsetDateTime {
    let milliseconds = i128::from(clock.load(Ordering::Relaxed));
    OffsetDateTime::from_unix_timestamp_nanos(milliseconds * 1_000_000).unwrap()
}

/// The started program.
pub(super) fn engine(
    settings: &Arc<Vec<(&'static str, String)>>,
    clock: &Arc<AtomicI64>,
) -> Arc<Engine> {
    let (settings, clock) = (settings.clone(), clock.clone());
    let lookup: Arc<Lookup> = Arc::new(move |name: &str| {
        settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    });
    let config = Config::read(|name| lookup(name)).unwrap();
    let storage = Storage::open(&config.account, config.service.answer_timeout).unwrap();
    let service = target::Service::new(config.service.clone(), lookup.clone()).unwrap();
    Arc::new(Engine::new(storage, service, config, lookup, Arc::new(move || moment(&clock))))
}

/// The log of the program in one world.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    pub(super) fn dispatch(&self) -> Dispatch {
        let log = self.clone();
        let targets: Targets = "info,azure_core=warn,typespec_client_core=warn".parse().unwrap();
        let lines = fmt::layer().with_ansi(false).with_writer(move || log.clone());
        Dispatch::new(tracing_subscriber::registry().with(targets).with(lines))
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
