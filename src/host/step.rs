//! A message of the queue `steps`.

use std::sync::Arc;

use axum::{body::Bytes, extract::State, response::Response};

use super::{event_grid, failure, success};
use crate::{
    engine::{Engine, StepMessage},
    http::azure::sentence,
};

/// Takes the step of a message. It succeeds whatever happened, once the chain of messages is sure to go on. A message
/// that is not one of ours succeeds, too: nobody can correct it, and the rows say what is due.
pub(super) async fn step(State(engine): State<Arc<Engine>>, body: Bytes) -> Response {
    let Ok((message, deliveries)) = event_grid::message(&body) else {
        return failure("Invalid message in the steps queue");
    };
    let message = match serde_json::from_value::<StepMessage>(message) {
        Ok(message) => message,
        Err(error) => {
            tracing::warn!("Skipped an invalid message in the steps queue: {error}");
            return success(&[]);
        }
    };
    match Box::pin(engine.take_step(&message, deliveries)).await {
        Ok(()) => success(&[]),
        Err(error) => failure(&format!("Could not take the step: {}", sentence(&error))),
    }
}
