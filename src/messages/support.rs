//! The record for support, as text to be pasted into a ticket.

use std::fmt::Write as _;

use crate::{
    config::REPORTS,
    import::{
        Import,
        diagnostics::{Diagnostics, EventIds, Exchange, StorageFailure, TokenIds},
        moment,
        reason::{Operation, Text},
    },
};

/// One request to the service and its answer, in one line.
#[must_use]
pub(crate) fn exchange(exchange: &Exchange) -> String {
    let Exchange { operation, status, codes, .. } = exchange;
    let none = if *operation == Operation::SignIn { "no token" } else { "no answer" };
    let answer = status.map_or_else(|| none.to_owned(), |status| status.to_string());
    let codes = codes.iter().map(|code| format!(" {code}")).collect::<String>();
    let mut line = format!("{}: {answer}{codes}", word(*operation));
    let mut add = |name: &str, value: Option<&Text>| {
        if let Some(value) = value {
            let _ = write!(line, "; {name} {value}");
        }
    };
    add("x-ms-client-request-id", exchange.client_request_id.as_ref());
    for (name, value) in &exchange.headers {
        add(name, Some(value));
    }
    for id in &exchange.ids {
        add("id", Some(id));
    }
    add("scale unit", exchange.scale_unit.as_ref());
    if let Some(TokenIds { tid, appid, aud, uti }) = &exchange.token {
        for (name, claim) in [("tid", tid), ("appid", appid), ("aud", aud), ("uti", uti)] {
            add(&format!("token {name}"), claim.as_ref());
        }
    }
    line
}

/// What support needs to know of an import: no value of the file, no token and no secret.
#[must_use]
pub fn support(import: &Import) -> String {
    let mut lines = vec![
        format!("viva-import {}, import {}", env!("CARGO_PKG_VERSION"), import.id.name()),
        format!(
            "Tenant {}, target {}, connection {}, state {}",
            import.id.tenant,
            import.target.as_ref(),
            import.connection,
            import.state.as_ref()
        ),
        format!("Received {}", moment::exact(import.received)),
    ];
    if let Some(id) = &import.ingestion {
        lines.push(format!("Ingestion {id}"));
    }
    if let Some(code) = import.code() {
        lines.push(format!("Reason {code}"));
    }
    let diagnostics = &import.diagnostics;
    if let Some(EventIds { id, request_id, api, e_tag, sequencer }) = &diagnostics.event {
        let parts = [
            ("id", id),
            ("requestId", request_id),
            ("api", api),
            ("eTag", e_tag),
            ("sequencer", sequencer),
        ];
        lines.push(format!("Event Grid: {}", named(&parts)));
    }
    lines.extend(diagnostics.exchanges.iter().map(dated));
    if let Some(StorageFailure { at, state, status, code, request_id }) = &diagnostics.storage {
        let status = status.map(|status| status.to_string().into());
        let parts = [("status", &status), ("code", code), ("x-ms-request-id", request_id)];
        let (at, state) = (moment::exact(*at), state.as_ref());
        lines.push(format!("{at} storage, while {state}: {}", named(&parts)));
    }
    if diagnostics.answer_kept {
        let blob = Diagnostics::answer_blob(&import.id);
        lines.push(format!("The service's last refusal: {REPORTS}/{blob}"));
    }
    lines.join("\n")
}

/// Requests to the service, one in each line, after the version of the program; empty if there is none.
pub(crate) fn exchanges(sent: &[Exchange]) -> String {
    if sent.is_empty() {
        return String::new();
    }
    let version = format!("viva-import {}", env!("CARGO_PKG_VERSION"));
    let lines = std::iter::once(version).chain(sent.iter().map(dated));
    lines.collect::<Vec<_>>().join("\n")
}

/// The last request of a command that failed, as the last line of its error.
pub(crate) fn ticket(sent: &Exchange) -> String {
    format!("For a support ticket: {}", dated(sent))
}

fn dated(sent: &Exchange) -> String {
    format!("{} {}", moment::exact(sent.at), exchange(sent))
}

fn named(parts: &[(&str, &Option<Text>)]) -> String {
    let parts =
        parts.iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)));
    parts.collect::<Vec<_>>().join("; ")
}

fn word(operation: Operation) -> &'static str {
    match operation {
        Operation::ScaleUnit => "scale unit",
        Operation::Ping => "ping",
        Operation::Push => "push",
        Operation::Status => "poll",
        Operation::Errors => "error file",
        Operation::SignIn => "sign-in",
    }
}
