//! How the body of a request is read: completely, or until it is held, cut or answered early.

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use super::{
    ServiceFault,
    connection::Connection,
    faults::{error_answer, gateway_answer},
    state::Shared,
};

/// How the reading of a body ended.
pub(super) enum Arrival {
    /// The whole body.
    Complete(Bytes),
    /// The answer to a body that was not read to its end.
    Early(Response),
    /// No answer.
    Cut,
}

impl Shared {
    pub(super) async fn read(
        &self,
        connection: &Connection,
        fault: Option<&ServiceFault>,
        headers: &HeaderMap,
        body: Body,
    ) -> Arrival {
        let (mut hold, mut cut, mut early) = (None, None, None);
        if let Some(ServiceFault::HoldBody { after_bytes }) = fault {
            hold = Some(*after_bytes);
        } else if let Some(ServiceFault::CutMidBody { after_bytes }) = fault {
            cut = Some(*after_bytes);
        } else if let Some(ServiceFault::EarlyAnswer { after_bytes, .. }) = fault {
            early = Some(*after_bytes);
        }
        let length = headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok());
        let length: u64 = length.and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut bytes = BytesMut::new();
        let mut stream = body.into_data_stream();
        loop {
            let size = length.max(bytes.len() as u64);
            if self.rules.max_body_bytes.is_some_and(|most| size > most) {
                return Arrival::Early(gateway_answer(StatusCode::PAYLOAD_TOO_LARGE));
            }
            if cut.is_some_and(|after| bytes.len() >= after) {
                return Arrival::Cut;
            }
            if early.is_some_and(|after| bytes.len() >= after) {
                return fault.and_then(error_answer).map_or(Arrival::Cut, Arrival::Early);
            }
            if hold.take_if(|after| bytes.len() >= *after).is_some() {
                self.hold(connection).await;
            }
            match stream.next().await {
                Some(Ok(chunk)) => bytes.extend_from_slice(&chunk),
                // The client disconnected before it had sent the whole body.
                Some(Err(_)) => return Arrival::Cut,
                None if cut.is_some() => return Arrival::Cut,
                None => return Arrival::Complete(bytes.freeze()),
            }
        }
    }

    /// Waits for [`super::Service::release`], for a disconnect of the client, or for the end of the service.
    pub(super) async fn hold(&self, connection: &Connection) {
        // Created before `held` changes, so that an immediate release is not missed.
        let released = self.released.notified();
        self.held.send_modify(|held| *held += 1);
        tokio::select! {
            () = released => {}
            _ = connection.disconnected() => {}
            () = self.stop.cancelled() => {}
        }
        self.held.send_modify(|held| *held -= 1);
    }
}
