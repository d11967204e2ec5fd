//! The planned faults, and the record of each request.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;

/// The servers behind the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upstream {
    Blob,
    Queue,
    Table,
    Service,
}

/// What fails at one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is cut and nothing is forwarded.
    LoseRequest,
    /// The request is answered, and the connection is cut before the answer is delivered.
    LoseAnswer,
    /// The request is forwarded later.
    Delay(Duration),
    /// The proxy answers with an error in the form of the server behind it, perhaps with `Retry-After`.
    Answer(u16, Option<&'static str>),
    /// The headers of the answer and half of its body, then a cut.
    CutMidBody,
    /// Half of the body of the request arrives, then a cut on both sides.
    CutMidRequest,
    /// No answer until [`super::Proxy::release`]; then the request continues.
    Hang,
    /// The power of the client is cut, and it gets no answer.
    PowerCut(Moment),
}

/// When the power is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before the request has left.
    Before,
    /// When the request has been executed, and the answer is on its way.
    After,
}

/// The record of one request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// From 1, over all upstreams.
    pub(crate) number: usize,
    pub(crate) upstream: Upstream,
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    pub(crate) sent: Bytes,
    /// Its fault, if one was planned for it.
    pub(crate) fault: Option<Fault>,
    /// The answer of the server behind the proxy, delivered or not.
    pub(crate) answer: Option<Answered>,
    /// Whether the whole answer was delivered.
    pub(crate) delivered: bool,
}

/// An answer of the server behind the proxy.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    /// The position among all answers, which is the order in which the requests were executed.
    pub(crate) order: usize,
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Seen {
    /// Whether it pushes a file to the service.
    pub(crate) fn is_push(&self) -> bool {
        self.upstream == Upstream::Service && self.method == "POST"
    }

    /// Whether it was executed.
    pub(crate) fn is_done(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| {
            let refused = self.path.contains("$batch")
                && String::from_utf8_lossy(&answer.body).contains("HTTP/1.1 4");
            (200..300).contains(&answer.status) && !refused
        })
    }
}

type Which = Box<dyn Fn(&Seen) -> bool + Send>;

/// The planned faults.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) at: BTreeMap<usize, Fault>,
    pub(super) next: Vec<(Which, Fault)>,
    pub(super) always: Option<(Which, Fault)>,
}

impl Plan {
    /// The fault for this request; a fault for a single request is removed.
    pub(super) fn fault(&mut self, seen: &Seen) -> Option<Fault> {
        if let Some(fault) = self.at.remove(&seen.number) {
            return Some(fault);
        }
        if let Some(place) = self.next.iter().position(|(which, _)| which(seen)) {
            return Some(self.next.remove(place).1);
        }
        self.always.as_ref().filter(|(which, _)| which(seen)).map(|(_, fault)| fault.clone())
    }
}
