//! Tests with a real Azurite. They share one, because it takes seconds to start.

use std::sync::{
    LazyLock,
    atomic::{AtomicUsize, Ordering},
};

use azure_core::http::StatusCode as Status;
use azure_storage_queue::{QueueClient, models::QueueMessage};
use tokio::{runtime::Runtime, sync::OnceCell};

use super::{super::queue::queue_client, *};
use crate::testbed::azurite::Azurite;

const ACCOUNTS: [&str; 10] = [
    "drill0", "drill1", "drill2", "drill3", "drill4", "drill5", "drill6", "drill7", "drill8",
    "drill9",
];

/// For Azurite, which must outlive the runtime of each test.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static AZURITE: OnceCell<Azurite> = OnceCell::const_new();
static NEXT_ACCOUNT: AtomicUsize = AtomicUsize::new(0);

/// The account of one test.
struct Account {
    azurite: &'static Azurite,
    account: &'static str,
}

impl Account {
    async fn new() -> Self {
        let azurite = AZURITE.get_or_init(async || RUNTIME.spawn(start_azurite()).await.unwrap());
        let account = ACCOUNTS[NEXT_ACCOUNT.fetch_add(1, Ordering::Relaxed)];
        Self { azurite: azurite.await, account }
    }

    fn connection(&self) -> String {
        self.azurite.connection_string(self.account)
    }

    fn queue(&self, name: &str) -> QueueClient {
        queue_client(&self.connection(), name).unwrap()
    }

    /// An app whose function `Work` reads the queue `words`.
    fn app(&self, data_type: &str) -> Deployed {
        let trigger = json!({ "type": "queueTrigger", "name": "word", "queueName": "%WORDS%",
            "connection": "Here", "dataType": data_type });
        Deployed::new()
            .function("Work", trigger)
            .set("WORDS", "words")
            .set("Here", &self.connection())
    }
}

async fn start_azurite() -> Azurite {
    #[expect(clippy::disallowed_methods, reason = "the machine determines where Azurite is")]
    let cache = Azurite::cache(|name| std::env::var(name).ok()).unwrap();
    let program = Azurite::fetch(&cache, |_| {}).await.unwrap();
    Azurite::start(&program, &ACCOUNTS).await.unwrap()
}

async fn send(queue: &QueueClient, text: String) {
    let message = QueueMessage { message_text: Some(text) };
    queue.send_message(message.try_into().unwrap(), None).await.unwrap();
}

/// The texts of a queue, which are hidden from now on.
async fn texts(queue: &QueueClient) -> Vec<String> {
    let got = queue.receive_messages(None).await.unwrap().into_model().unwrap();
    got.items.unwrap_or_default().into_iter().filter_map(|m| m.message_text).collect()
}

/// How many messages a queue has, including hidden ones.
async fn length(queue: &QueueClient) -> i64 {
    use azure_storage_queue::models::QueueClientGetPropertiesResultHeaders as _;
    let properties = queue.get_properties(None).await.unwrap();
    properties.approximate_messages_count().unwrap().unwrap()
}

fn dequeue_counts(ended: &[Invocation]) -> Vec<i64> {
    let counts = ended.iter().map(|one| match &one.cause {
        Cause::Queue { dequeue_count, .. } => *dequeue_count,
        Cause::Timer { .. } | Cause::Http { .. } | Cause::Hand => panic!("not a message"),
    });
    counts.collect()
}

#[tokio::test]
async fn a_queue_can_be_created_later_and_its_messages_are_deleted_after_success() {
    let account = Account::new().await;
    let deployed = account.app("binary");
    let host = deployed.start().await;
    host.ready().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let queue = account.queue("words");
    queue.create(None).await.unwrap();
    for _ in 0..10 {
        send(&queue, STANDARD.encode("ok")).await;
    }
    host.until_outcomes(|ended| ended.len() == 10).await;
    assert!(host.outcomes().iter().all(|one| succeeded(&one.outcome)));
    while length(&queue).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(host.log().iter().find(|line| line.message.contains("cannot")), None);
}

#[tokio::test]
async fn a_message_of_a_killed_handler_is_received_again() {
    let account = Account::new().await;
    let queue = account.queue("words");
    queue.create(None).await.unwrap();
    let deployed = account.app("binary");
    let host = deployed.start().await;
    send(&queue, STANDARD.encode("wait 2000")).await;
    while deployed.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    host.kill_handler().await;
    host.until_outcomes(|ended| ended.len() == 2).await;
    let ended = host.outcomes();
    assert_eq!(dequeue_counts(&ended), [1, 2]);
    assert!(failed(&ended[0].outcome) && succeeded(&ended[1].outcome));
    host.stop().await;
}

#[tokio::test]
async fn five_failures_move_a_message_to_the_poison_queue() {
    let account = Account::new().await;
    let queue = account.queue("words");
    queue.create(None).await.unwrap();
    let deployed = account.app("binary");
    let host = deployed.start().await;
    send(&queue, STANDARD.encode("refuse")).await;
    host.until_logged(|line| line.message.starts_with("Message has reached MaxDequeueCount")).await;
    assert_eq!(dequeue_counts(&host.outcomes()), [1, 2, 3, 4, 5]);
    let poison = account.queue("words-poison");
    while length(&queue).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(texts(&poison).await, [STANDARD.encode("refuse")]);
}

#[tokio::test]
async fn a_message_that_is_not_base64_goes_to_the_poison_queue_without_a_call() {
    let account = Account::new().await;
    let (queue, poison) = (account.queue("words"), account.queue("words-poison"));
    queue.create(None).await.unwrap();
    assert_eq!(
        poison.get_properties(None).await.unwrap_err().http_status(),
        Some(Status::NotFound)
    );
    let deployed = account.app("binary");
    let host = deployed.start().await;
    send(&queue, "plain {text}".to_owned()).await;
    host.until_logged(|line| line.message.starts_with("Message has reached MaxDequeueCount of 5"))
        .await;
    while length(&queue).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(texts(&poison).await, ["plain {text}"]);
    assert_eq!(host.outcomes(), []);
}

#[tokio::test]
async fn a_text_binding_gets_json_in_json() {
    let account = Account::new().await;
    let queue = account.queue("words");
    queue.create(None).await.unwrap();
    let deployed = account.app("");
    let host = deployed.start().await;
    let event = r#"{"id":"event","n":1}"#;
    send(&queue, STANDARD.encode(event)).await;
    host.until_outcomes(|ended| ended.len() == 1).await;
    let body = deployed.requests()[0]["body"].as_str().unwrap().to_owned();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["Data"]["word"], Value::from(event).to_string());
    let keys: Vec<_> = body["Metadata"].as_object().unwrap().keys().collect();
    let own = ["DequeueCount", "ExpirationTime", "Id", "InsertionTime", "NextVisibleTime"];
    assert_eq!(keys[..5], own);
    assert_eq!(keys[5..], ["PopReceipt", "sys", "n"]);
    assert_eq!(body["Metadata"]["Id"], "\"event\"");
}

#[tokio::test]
async fn no_more_messages_are_in_progress_than_batch_and_threshold_allow() {
    let account = Account::new().await;
    let queue = account.queue("words");
    queue.create(None).await.unwrap();
    for _ in 0..8 {
        send(&queue, STANDARD.encode("wait 1500")).await;
    }
    let deployed = account
        .app("binary")
        .set("AzureFunctionsJobHost__extensions__queues__batchSize", "2")
        .set("AzureFunctionsJobHost__extensions__queues__newBatchThreshold", "1");
    let host = deployed.start().await;
    host.until_outcomes(|ended| !ended.is_empty()).await;
    // Two at first, and two more only after one of them has ended.
    assert!(deployed.requests().len() <= 3, "{}", deployed.requests().len());
}

#[tokio::test]
async fn a_message_is_hidden_for_ten_minutes_and_only_a_failed_one_for_the_visibility_timeout() {
    let account = Account::new().await;
    let queue = account.queue("words");
    queue.create(None).await.unwrap();
    let deployed = account
        .app("binary")
        .set("AzureFunctionsJobHost__extensions__queues__visibilityTimeout", "00:00:02");
    let host = deployed.start().await;
    send(&queue, STANDARD.encode("refuse")).await;
    host.until_outcomes(|ended| ended.len() == 1).await;
    let failed = tokio::time::Instant::now();
    host.until_outcomes(|ended| ended.len() == 2).await;
    // The emulator counts whole seconds.
    assert!(failed.elapsed() > Duration::from_secs(1), "{:?}", failed.elapsed());
    let metadata = body_of(&deployed.requests()[0])["Metadata"].clone();
    let time = |name: &str| {
        let text = metadata[name].as_str().unwrap();
        let format = &time::format_description::well_known::Rfc3339;
        time::OffsetDateTime::parse(text, format).unwrap()
    };
    let hidden = time("NextVisibleTime") - time("InsertionTime");
    assert!(hidden >= HIDDEN && hidden < HIDDEN * 2, "{hidden}");
}

#[tokio::test]
async fn a_message_is_hidden_anew_at_half_time_as_long_as_it_is_processed() {
    let account = Account::new().await;
    let queue = account.queue("words");
    queue.create(None).await.unwrap();
    // One at a time, so that the host does not receive it again if it is late on a busy machine.
    let deployed = account
        .app("binary")
        .set("AzureFunctionsJobHost__extensions__queues__batchSize", "1")
        .set("AzureFunctionsJobHost__extensions__queues__newBatchThreshold", "0");
    let hidden = Duration::from_secs(2);
    let host = deployed.start_with(Options { hidden, ..Options::default() }).await;
    send(&queue, STANDARD.encode("wait 60000")).await;
    deployed.until_requested("/Work").await;
    let renewals = |host: &Host| {
        host.log().iter().filter(|line| line.message.ends_with("stays hidden")).count()
    };
    while renewals(&host) < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((deployed.requests().len(), host.outcomes()), (1, vec![]));
}

#[tokio::test]
async fn a_message_of_a_dead_host_comes_back_when_its_time_is_over_and_the_orphan_has_it_too() {
    let account = Account::new().await;
    let queue = account.queue("words");
    queue.create(None).await.unwrap();
    let deployed = account.app("binary");
    let options = Options { hidden: Duration::from_secs(2), ..Options::default() };
    let host = deployed.start_with(options.clone()).await;
    send(&queue, STANDARD.encode("wait 60000")).await;
    deployed.until_requested("/Work").await;
    let mut orphan = host.die().await.unwrap();
    let _other = deployed.start_with(options).await;
    while deployed.requests().len() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(body_of(&deployed.requests()[1])["Metadata"]["DequeueCount"], "2");
    let exit = tokio::time::timeout(Duration::from_millis(50), orphan.until_exit()).await;
    assert!(exit.is_err(), "the orphan is still at it");
}

#[tokio::test]
async fn a_drained_host_ends_what_runs_and_leaves_new_messages() {
    let account = Account::new().await;
    let queue = account.queue("words");
    queue.create(None).await.unwrap();
    let deployed = account.app("binary");
    let host = deployed.start().await;
    send(&queue, STANDARD.encode("wait 500")).await;
    deployed.until_requested("/Work").await;
    host.drain();
    // A request for messages may be under way.
    tokio::time::sleep(Duration::from_millis(400)).await;
    send(&queue, STANDARD.encode("ok")).await;
    host.until_outcomes(|ended| !ended.is_empty()).await;
    assert!(succeeded(&host.outcomes()[0].outcome));
    while length(&queue).await > 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(host.stop().await.is_none());
    assert_eq!(texts(&queue).await, [STANDARD.encode("ok")]);
}
