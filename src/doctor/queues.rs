//! What the program may do with each queue, and what lies in the poison queues.
//!
//! The app sends a message, which is hidden, and deletes it again. An operator may not delete messages, so theirs
//! expires. Until then it does nothing, because it names an import that does not exist.

use std::time::Duration;

use azure_core::{Result, http::StatusCode};
use azure_storage_queue::{QueueClient, models::QueueClientPeekMessagesOptions};
use tokio::join;

use super::{
    connectivity::Reachability,
    permissions::asked,
    probes::{Probes, RunsAs},
    report::CheckResult,
};
use crate::{
    config::{ARRIVALS, POISON, STEPS, STEPS_POISON},
    engine::StepMessage,
    storage::{self, Sent},
};

pub(super) const ARRIVALS_QUEUE: &str = "queue arrivals";
pub(super) const POISON_QUEUE: &str = "queue arrivals-poison";
pub(super) const STEPS_QUEUE: &str = "queue steps";
pub(super) const STEPS_POISON_QUEUE: &str = "queue steps-poison";

/// The most messages that one request can peek at.
const MAX_PEEK: i32 = 32;
/// How long a message of the doctor is hidden. No function gets it before it is deleted.
const HIDDEN: Duration = Duration::from_secs(5);
/// When a message of the doctor expires, if it is not deleted. It must be later than [`HIDDEN`].
const EXPIRES: Duration = Duration::from_secs(6);

/// Checks every queue; the results are in the order of the constants.
pub(super) async fn results(probes: &Probes, host: &Reachability) -> [CheckResult; 4] {
    let poison = async |queue| poison(probes, host, queue).await;
    let (arrivals, of_arrivals, steps, of_steps) = join!(
        arrivals(probes, host),
        poison(&POISON_OF_ARRIVALS),
        steps(probes, host),
        poison(&POISON_OF_STEPS),
    );
    [arrivals, of_arrivals, steps, of_steps]
}

async fn arrivals(probes: &Probes, host: &Reachability) -> CheckResult {
    match asked(probes, host, peek(probes, ARRIVALS)).await {
        Ok(waiting) => CheckResult::pass(
            ARRIVALS_QUEUE,
            format!("Can be read; messages waiting: {}", count(waiting)),
        ),
        Err(failure) => {
            let role = match probes.runs_as {
                RunsAs::App => of_trigger(ARRIVALS),
                RunsAs::Operator => reader(ARRIVALS),
            };
            failure.result(ARRIVALS_QUEUE, &role)
        }
    }
}

/// The queue of steps. `retry` and the like send a message, and the app does the rest.
async fn steps(probes: &Probes, host: &Reachability) -> CheckResult {
    match probes.runs_as {
        RunsAs::App => {
            let used = async {
                let waiting = peek(probes, STEPS).await?;
                send_and_delete(probes, STEPS).await?;
                Ok(waiting)
            };
            match asked(probes, host, used).await {
                Ok(waiting) => {
                    let waiting = count(waiting);
                    let message =
                        format!("Messages can be sent, read and deleted; waiting: {waiting}");
                    CheckResult::pass(STEPS_QUEUE, message)
                }
                Err(failure) => failure.result(STEPS_QUEUE, &of_trigger(STEPS)),
            }
        }
        RunsAs::Operator => match asked(probes, host, send(probes, STEPS)).await {
            Ok(_) => CheckResult::pass(STEPS_QUEUE, "Messages can be sent"),
            Err(failure) => {
                let role = format!("Storage Queue Data Message Sender on the queue {STEPS}");
                failure.result(STEPS_QUEUE, &role)
            }
        },
    }
}

/// A queue to which the host moves messages that a function could not process.
struct Poison {
    check: &'static str,
    queue: &'static str,
    function: &'static str,
    empty: &'static str,
    remedy: &'static str,
}

const POISON_OF_ARRIVALS: Poison = Poison {
    check: POISON_QUEUE,
    queue: POISON,
    function: "intake",
    // A sweep hides what it has to leave. Only the properties of the queue count hidden messages.
    empty: "Empty, or read by a sweep within the last 5 minutes",
    remedy: "Find the reason in the log of `intake`, and correct it. The next `sweep` receives the messages that \
             are events. If messages remain, they are no events: find out what sends them, and delete them: \
             `az storage message clear --auth-mode login --account-name $ACCOUNT --queue-name \
             arrivals-poison`.",
};

const POISON_OF_STEPS: Poison = Poison {
    check: STEPS_POISON_QUEUE,
    queue: STEPS_POISON,
    function: "step",
    empty: "Empty",
    remedy: "Find the reason in the log of `step`, and correct it: either storage failed each time, or the program \
             ended. No import is lost, because the rows say what is due: `advance` deletes these messages \
             within 5 minutes, and sends new ones. If they remain, it does not run: see the check \"timers\".",
};

async fn poison(probes: &Probes, host: &Reachability, poison: &Poison) -> CheckResult {
    let &Poison { check, queue, function, empty, remedy } = poison;
    let seen = async {
        let seen = peek(probes, queue).await?;
        if probes.runs_as == RunsAs::App {
            send_and_delete(probes, queue).await?;
        }
        Ok(seen)
    };
    match asked(probes, host, seen).await {
        Ok(0) => CheckResult::pass(check, empty),
        Ok(seen) => {
            let message = format!("Messages that `{function}` could not process: {}", count(seen));
            CheckResult::fail(check, message, remedy)
        }
        Err(failure) => {
            let role = match probes.runs_as {
                RunsAs::App => format!(
                    "Storage Queue Data Message Sender and Storage Queue Data Message Processor on the queue \
                     {queue}"
                ),
                RunsAs::Operator => reader(queue),
            };
            failure.result(check, &role)
        }
    }
}

fn of_trigger(queue: &str) -> String {
    format!(
        "Storage Queue Data Contributor on the queue {queue} (the trigger of the Functions host needs it, too)"
    )
}

fn reader(queue: &str) -> String {
    format!("Storage Queue Data Reader on the queue {queue}")
}

fn client(probes: &Probes, name: &str) -> Result<QueueClient> {
    storage::queue_once(&probes.config.account, name, probes.limit)
}

/// The number of messages in a queue, at most [`MAX_PEEK`].
async fn peek(probes: &Probes, name: &str) -> Result<usize> {
    let options =
        QueueClientPeekMessagesOptions { number_of_messages: Some(MAX_PEEK), ..Default::default() };
    let seen = client(probes, name)?.peek_messages(Some(options)).await?.into_model()?;
    Ok(seen.items.unwrap_or_default().len())
}

/// Sends a message that does nothing, and deletes it.
async fn send_and_delete(probes: &Probes, name: &str) -> Result<()> {
    let Sent { id, receipt } = send(probes, name).await?;
    match client(probes, name)?.delete_message(&id, &receipt, None).await {
        // It is visible or has expired, because this took long.
        Err(error) if error.http_status() == Some(StatusCode::NotFound) => Ok(()),
        deleted => deleted.map(drop),
    }
}

/// Sends a message that does nothing and soon expires.
async fn send(probes: &Probes, name: &str) -> Result<Sent> {
    let nothing = StepMessage { tenant: "doctor".to_owned(), key: "probe".to_owned(), step: 0 };
    let text = serde_json::to_string(&nothing)?;
    storage::send_later(&client(probes, name)?, &text, HIDDEN, Some(EXPIRES)).await
}

fn count(messages: usize) -> String {
    if messages < 32 { messages.to_string() } else { "32 or more".to_owned() }
}
