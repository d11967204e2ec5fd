//! Where an import stands, why, and where it has been.

use super::{
    counted,
    reason::{cause, first, paused},
};
use crate::{
    import::{
        Delivery, HistoryEntry, Import, Note, State,
        reason::{Class, PauseCause, Problems, Reason, ReasonCode},
        to_the_second,
    },
    schema::PayloadFormat,
};

/// Why an import is in its state, with what follows from the import; `None` where it just goes on.
#[must_use]
pub fn why(import: &Import) -> Option<String> {
    let reason = import.reason.as_ref()?;
    let text = because(import, reason);
    Some(match (import.state, reason.class(), reason) {
        (State::Stuck, ..) => text + &retry(import),
        (State::Received | State::Packed, Class::Waiting, _)
        | (State::Packed, _, Reason::Forbidden) => format!("waits: {text}"),
        _ => text,
    })
}

/// The same without what follows from the import's state.
#[must_use]
pub fn because(import: &Import, reason: &Reason) -> String {
    let text = cause(reason, import.target);
    let code = reason.code();
    if code == ReasonCode::Forbidden {
        paused(&import.connection, &text)
    } else if code == ReasonCode::ConnectionInvalid && import.state == State::Rejected {
        format!("{text}. `sweep` then takes the file in within the hour")
    } else {
        text
    }
}

/// What a person may do about an import that is stuck.
fn retry(import: &Import) -> String {
    let portal = import.target.words().portal_in_full;
    let first = if import.push_outcome_unknown || import.ingestion.is_some() {
        format!("; the service may have it: look at the import history in {portal}")
    } else {
        String::new()
    };
    format!("{first}; `viva-import retry {}` tries it again", import.id)
}

/// Why an import pauses its connection.
#[must_use]
pub fn pause(import: &Import) -> String {
    match PauseCause::of(import.state) {
        PauseCause::Forbidden => cause(&Reason::Forbidden, import.target),
        PauseCause::Rejected | PauseCause::Stuck => {
            format!("it ended as {} and others build on it", import.state.as_ref())
        }
    }
}

/// What a person should know though nothing is wrong.
#[must_use]
pub fn warning(import: &Import) -> Option<String> {
    let left = "its zip could not be deleted from the packages; the log says why";
    match (&import.warning, import.package_left) {
        (Some(notice), true) => Some(format!("{notice}; {left}")),
        (None, true) => Some(left.to_owned()),
        (notice, false) => notice.clone(),
    }
}

/// Where an import stands, without the name of its file.
#[must_use]
pub fn status(import: &Import) -> String {
    let why = why(import);
    let waits = why.as_ref().map(|why| format!("; {why}")).unwrap_or_default();
    let why = why.unwrap_or_default();
    match import.state {
        State::Received => {
            let bytes = import.source.bytes;
            format!("received, {bytes} bytes, for connection {}{waits}", import.connection)
        }
        State::Packed => {
            let rows = import.rows.unwrap_or_default();
            let people = import.baseline.as_ref().map(|summary| summary.people);
            let people = people.map(|people| format!(", {people} people")).unwrap_or_default();
            let zip = import.package.as_ref().map(|package| {
                let sha256 = package.sha256.get(..12).unwrap_or_default();
                let format = PayloadFormat::of_file(&package.blob).unwrap_or(PayloadFormat::Zip);
                let word = format.as_ref();
                format!("{word} of {} bytes, SHA-256 {sha256}...", package.bytes)
            });
            let zip = zip.unwrap_or_else(|| "no zip".to_owned());
            let notice = import.warning.as_ref().map(|notice| format!(" ({notice})"));
            let notice = notice.unwrap_or_default();
            format!("checked, {rows} rows{people}{notice}; packed, {zip}{waits}")
        }
        State::Pushing => {
            let unit = import.scale_unit.as_deref().unwrap_or("unknown");
            format!("pushing to {} {unit}", import.target.words().route)
        }
        State::Ingesting => {
            let id = import.ingestion.as_ref().map_or("unknown", |id| id.0.as_str());
            let status = import.service_status.as_deref().unwrap_or("nothing yet");
            format!("pushed as ingestion {id}, the service says {status}{waits}")
        }
        State::Completed => format!("completed: {why}"),
        State::Accepted => format!("accepted: {why}"),
        State::Rejected => format!("rejected: {why}"),
        State::Superseded => format!("superseded: {why}"),
        State::Cancelled => format!("cancelled {why}"),
        State::Stuck => format!("stuck, a person is needed: {why}"),
    }
}

/// The same in a few words beside the state.
#[must_use]
pub fn summary(import: &Import) -> String {
    let why = match &import.reason {
        Some(Reason::FileInvalid(problems) | Reason::DeletionBlocked(problems)) => {
            Some(first(problems))
        }
        _ => why(import),
    };
    match (import.state, &import.reason, why) {
        (State::Received, _, None) => "Is read and checked".to_owned(),
        (State::Packed, _, None) => "Is right, and about to be pushed".to_owned(),
        (State::Pushing, ..) => "Is being pushed to the service".to_owned(),
        (State::Ingesting, _, why) => {
            let says = import.service_status.as_deref().unwrap_or("nothing yet");
            let why = why.map(|why| format!("; {why}")).unwrap_or_default();
            format!("The service has it and says {says}{why}")
        }
        (State::Completed | State::Accepted, ..) if import.busy_retries > 0 => {
            let times = counted(import.busy_retries.into(), "time");
            format!("Accepted by the service, after it had been busy {times}")
        }
        (State::Completed | State::Accepted, ..) => "Accepted by the service".to_owned(),
        (State::Rejected, Some(Reason::DeletionBlocked(_)), Some(why)) => {
            format!("Not sent, because a full refresh deletes what is missing: {why}")
        }
        (State::Rejected, Some(Reason::FileInvalid(problems)), Some(why)) if problems.count > 1 => {
            let more = counted(problems.count - 1, "more problem");
            format!("Not sent: {why}, and {more}")
        }
        (State::Rejected, _, Some(why)) if import.ingestion.is_none() => format!("Not sent: {why}"),
        (_, _, why) => capitalized(&why.unwrap_or_default()),
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What a stop in an import's history says.
#[must_use]
pub fn note(stop: &HistoryEntry, import: &Import) -> String {
    match &stop.note {
        Some(Note::Reason(Reason::FileInvalid(problems) | Reason::DeletionBlocked(problems))) => {
            problems_in_short(problems)
        }
        Some(Note::Reason(reason)) => cause(reason, import.target),
        Some(Note::Asked(by)) => by.to_string(),
        Some(Note::Status(word)) => format!("the service says {word}"),
        Some(Note::Packed { rows, people }) => {
            format!("checked and packed, rows: {rows}, people: {people}")
        }
        Some(Note::Pushed { scale_unit }) => {
            format!("pushed to the {} {scale_unit}", import.target.words().route)
        }
        None => match stop.state {
            State::Received => format!("taken in, {}", counted(import.source.bytes, "byte")),
            State::Packed => "checked and packed".to_owned(),
            State::Pushing => "pushed".to_owned(),
            State::Ingesting => "taken by the service".to_owned(),
            State::Completed | State::Accepted => "accepted by the service".to_owned(),
            State::Rejected | State::Superseded | State::Cancelled | State::Stuck => String::new(),
        },
    }
}

fn problems_in_short(problems: &Problems) -> String {
    let first = first(problems);
    if problems.count > 1 {
        format!("{} problems; the first: {first}", problems.count)
    } else {
        first
    }
}

/// Who was told what about an import, and when; `None` where nobody was.
#[must_use]
pub fn notifications(import: &Import) -> Option<String> {
    let told = import.notifications_sent.iter().map(|sent| {
        let (kind, at) = (sent.kind.as_ref(), to_the_second(sent.at));
        match &sent.outcome {
            Delivery::Delivered => format!("{kind} at {at}"),
            Delivery::GivenUp(why) => format!("{kind} could not be told until {at}: {why}"),
        }
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join("; "))
}
