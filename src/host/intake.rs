//! Events of blobs: a message of the queue `arrivals`, and the messages that the host moved to `arrivals-poison`.

use std::sync::Arc;

use axum::{body::Bytes, extract::State, response::Response};

use super::{
    event_grid::{self, ArrivedBlob},
    failure, success,
};
use crate::{
    config::POISON,
    engine::{self, Engine, IntakeOutcome},
    http::azure::sentence,
};

/// A queue message from Event Grid: a blob was created.
///
/// It succeeds only after each of its blobs is in the table, or its event is in the queue again. If one fails, the
/// others are received all the same.
pub(super) async fn intake(State(engine): State<Arc<Engine>>, body: Bytes) -> Response {
    let blobs = match event_grid::decode(&body) {
        Ok(blobs) => blobs,
        // The host retries, and then moves the message to the poison queue.
        Err(error) => {
            return failure(&format!("Invalid message in the arrivals queue: {error}"));
        }
    };
    let arrivals = match arrivals(&engine, &blobs).await {
        Ok(arrivals) => arrivals,
        Err(why) => return failure(&why),
    };
    success(&arrivals.iter().map(ToString::to_string).collect::<Vec<_>>())
}

/// Receives what is in the queue `arrivals-poison`, and deletes each message whose events were received. The others
/// stay: a message that is no event until a person deletes it, and one whose blob cannot be received now until a
/// later sweep.
///
/// # Errors
/// Storage does not give the messages. What fails for one message is logged, and concerns no other one.
pub(super) async fn take_up_poison(engine: &Engine) -> azure_core::Result<()> {
    let queue = engine.poison_queue(POISON)?;
    let mut invalid = 0;
    let ended = loop {
        let messages = match queue.next().await {
            Ok(messages) if messages.is_empty() => break Ok(()),
            Ok(messages) => messages,
            Err(error) => break Err(error),
        };
        for message in messages {
            let Ok(blobs) = event_grid::decode_text(&message.text) else {
                invalid += 1;
                continue;
            };
            let taken_up = match arrivals(engine, &blobs).await {
                Ok(_) => queue.delete(&message).await.map_err(|error| {
                    format!("Could not delete a message that was received: {}", sentence(&error))
                }),
                Err(why) => Err(why),
            };
            if let Err(why) = taken_up {
                engine::poison_failed(&why);
            }
        }
    };
    if invalid > 0 {
        engine::poison(invalid);
    }
    ended
}

/// What happened to each of these blobs.
///
/// # Errors
/// Why the first one could not be received. The others are received before.
async fn arrivals(engine: &Engine, blobs: &[ArrivedBlob]) -> Result<Vec<IntakeOutcome>, String> {
    let mut arrivals = vec![];
    for blob in blobs {
        arrivals.push(arrive(engine, blob).await);
    }
    arrivals.into_iter().collect()
}

/// Writes the row of a blob, or postpones its event, or logs why neither is needed.
async fn arrive(engine: &Engine, blob: &ArrivedBlob) -> Result<IntakeOutcome, String> {
    let arrival = blob.arrive(engine).await;
    let arrival =
        arrival.map_err(|error| format!("Could not receive {blob}: {}", sentence(&error)))?;
    match &arrival {
        IntakeOutcome::Ignored(why) | IntakeOutcome::Gone(why) => engine::ignored(why),
        IntakeOutcome::Unfinished { until, .. } => {
            tracing::info!("{arrival}");
            let postponed = engine.postpone(&blob.event, *until).await;
            postponed
                .map_err(|error| format!("Could not postpone {blob}: {}", sentence(&error)))?;
        }
        // The sweep after the correction of the document finds the file.
        IntakeOutcome::Waiting { .. } => tracing::info!("{arrival}"),
        IntakeOutcome::Received(_) | IntakeOutcome::Known(_) => {}
    }
    Ok(arrival)
}
