//! The status of an import, its reason and its history as text.

use super::{
    counted, number, people,
    reason::{cause, first, resume},
    sentence,
};
use crate::{
    import::{
        Delivery, HistoryEntry, Import, Note, State,
        reason::{Class, PauseCause, Problems, Reason, ReasonCode},
        to_the_second,
    },
    schema::PayloadFormat,
};

/// Why an import is in its state, with what an operator can do; `None` if it makes progress. Without the
/// last full stop.
#[must_use]
pub fn why(import: &Import) -> Option<String> {
    let reason = import.reason.as_ref()?;
    let text = because(import, reason);
    Some(if import.state == State::Stuck { text + &retry(import) } else { text })
}

/// The same without the remedy for an import that is stuck.
#[must_use]
pub fn because(import: &Import, reason: &Reason) -> String {
    let text = cause(reason, import.target);
    let code = reason.code();
    if code == ReasonCode::Forbidden {
        format!(
            "{text}. Connection {} is paused. {}",
            import.connection,
            resume(&import.connection)
        )
    } else {
        text
    }
}

/// What an operator can do about an import that is stuck.
fn retry(import: &Import) -> String {
    let portal = import.target.words().portal_in_full;
    let first = if import.push_outcome_unknown || import.ingestion.is_some() {
        format!(". The service may have the file: check the import history in {portal}")
    } else {
        String::new()
    };
    format!("{first}. To retry: `viva-import retry {}`", import.id)
}

/// Why an import that has not ended does not make progress, as a sentence that begins with who has to act.
fn waiting(import: &Import) -> Option<String> {
    let why = why(import)?;
    let who = match import.reason.as_ref()?.class() {
        Class::Waiting => "Waiting",
        Class::Transient => "Retrying",
        Class::ActionRequired => "Action required",
        Class::Final => return Some(sentence(why)),
    };
    Some(sentence(format!("{who}: {why}")))
}

/// Why an import pauses its connection. Without the last full stop.
#[must_use]
pub fn pause(import: &Import) -> String {
    match PauseCause::of(import.state) {
        PauseCause::Forbidden => cause(&import.reason_of_403(), import.target),
        PauseCause::Rejected => "The file was rejected, and later files build on it".to_owned(),
        PauseCause::Stuck => "The import is stuck, and later files build on it".to_owned(),
    }
}

/// What a person should know about an import that is not an error.
#[must_use]
pub fn warning(import: &Import) -> Option<String> {
    let left = "The zip could not be deleted from the packages container. Check the log.";
    match (&import.warning, import.package_left) {
        (Some(notice), true) => Some(format!("{notice} {left}")),
        (None, true) => Some(left.to_owned()),
        (notice, false) => notice.clone(),
    }
}

/// The status of an import in full sentences, without the name of its file.
#[must_use]
pub fn status(import: &Import) -> String {
    if import.is_left_alone() {
        return waiting(import).unwrap_or_default();
    }
    let why = why(import).map(sentence).unwrap_or_default();
    let waiting = waiting(import).map(|waiting| format!(" {waiting}")).unwrap_or_default();
    match import.state {
        State::Received => {
            let bytes = counted(import.source.bytes, "byte");
            format!("Received: {bytes}, connection {}.{waiting}", import.connection)
        }
        State::Packed => {
            let rows = counted(import.rows.unwrap_or_default(), "row");
            let summary = import.baseline.as_ref();
            let people = summary.map(|it| format!(", {}", people(it.people))).unwrap_or_default();
            let zip = import.package.as_ref().map_or_else(
                || "no zip".to_owned(),
                |package| {
                    let sha256 = package.sha256.get(..12).unwrap_or_default();
                    let format =
                        PayloadFormat::of_file(&package.blob).unwrap_or(PayloadFormat::Zip);
                    let (word, bytes) = (format.as_ref(), number(package.bytes));
                    format!("{word} of {bytes} bytes, SHA-256 {sha256}...")
                },
            );
            let notice = import.warning.as_ref().map(|notice| format!(" {notice}"));
            let notice = notice.unwrap_or_default();
            format!("Packed: {rows}{people} ({zip}).{notice}{waiting}")
        }
        State::Pushing => {
            let unit = import.scale_unit.as_deref().unwrap_or("unknown");
            format!("Pushing to {} {unit}.", import.target.words().route)
        }
        State::Ingesting => {
            let id =
                import.ingestion.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
            let status = import.service_status.as_deref().unwrap_or("none yet");
            format!("Pushed as ingestion {id}. Service status: {status}.{waiting}")
        }
        State::Completed => format!("Completed: {why}"),
        State::Accepted => format!("Accepted: {why}"),
        State::Rejected => format!("Rejected: {why}"),
        State::Superseded => format!("Superseded: {why}"),
        State::Cancelled => why,
        State::Stuck => format!("Stuck: {why}"),
    }
}

/// The status in a few words, to be shown beside the state.
#[must_use]
pub fn summary(import: &Import) -> String {
    let waiting = waiting(import);
    match (import.state, &import.reason, waiting) {
        (State::Received, _, None) => "Is being read and checked.".to_owned(),
        (State::Packed, _, None) => "Is valid. The push starts soon.".to_owned(),
        (State::Pushing, ..) => "Is being pushed to the service.".to_owned(),
        (State::Ingesting, _, waiting) => {
            let status = import.service_status.as_deref().unwrap_or("none yet");
            let waiting = waiting.map(|waiting| format!(" {waiting}")).unwrap_or_default();
            format!("The service has the file. Service status: {status}.{waiting}")
        }
        (State::Completed | State::Accepted, ..) if import.busy_retries > 0 => {
            let times = counted(import.busy_retries.into(), "time");
            format!("Accepted by the service, which was busy {times} before.")
        }
        (State::Completed | State::Accepted, ..) => "Accepted by the service.".to_owned(),
        (State::Rejected, Some(Reason::DeletionBlocked(problems)), _) => {
            let first = sentence(first(problems));
            format!("Not sent, because it would delete or undo data. {first}")
        }
        (State::Rejected, Some(Reason::FileInvalid(problems)), _) => {
            let more = match problems.count {
                0 | 1 => String::new(),
                count => format!(" {}.", counted(count - 1, "more error")),
            };
            format!("Not sent. {}{more}", sentence(first(problems)))
        }
        (State::Rejected, ..) if import.ingestion.is_none() => {
            format!("Not sent. {}", why(import).map(sentence).unwrap_or_default())
        }
        (State::Rejected | State::Superseded | State::Cancelled | State::Stuck, ..) => {
            why(import).map(sentence).unwrap_or_default()
        }
        (State::Received | State::Packed, _, Some(waiting)) => waiting,
    }
}

/// An entry of an import's history in full sentences.
#[must_use]
pub fn note(entry: &HistoryEntry, import: &Import) -> String {
    match &entry.note {
        Some(Note::Reason(Reason::FileInvalid(problems) | Reason::DeletionBlocked(problems))) => {
            errors_in_short(problems)
        }
        Some(Note::Reason(reason)) => sentence(cause(reason, import.target)),
        Some(Note::Asked(by)) => format!("Requested {by}."),
        Some(Note::Status(word)) => format!("Service status: {word}."),
        Some(Note::Packed { rows, people: count }) => {
            format!("Checked and packed: {}, {}.", counted(*rows, "row"), people(*count))
        }
        Some(Note::Pushed { scale_unit }) => {
            format!("Push to {} {scale_unit} started.", import.target.words().route)
        }
        None => match entry.state {
            State::Received => format!("Received: {}.", counted(import.source.bytes, "byte")),
            State::Packed => "Checked and packed.".to_owned(),
            State::Pushing => "Push started.".to_owned(),
            State::Ingesting => "The service has the file.".to_owned(),
            State::Completed | State::Accepted => "Accepted by the service.".to_owned(),
            State::Rejected | State::Superseded | State::Cancelled | State::Stuck => String::new(),
        },
    }
}

fn errors_in_short(problems: &Problems) -> String {
    let first = sentence(first(problems));
    if problems.count > 1 {
        format!("{}. {first}", counted(problems.count, "error"))
    } else {
        first
    }
}

/// The notifications of an import, and when each was sent; `None` if there were none.
#[must_use]
pub fn notifications(import: &Import) -> Option<String> {
    let sent = import.notifications_sent.iter().map(|sent| {
        let (kind, at) = (sent.kind.as_ref(), to_the_second(sent.at));
        match &sent.outcome {
            Delivery::Delivered => format!("{kind} at {at}"),
            Delivery::GivenUp(why) => format!("{kind} not sent, last attempt at {at}: {why}"),
        }
    });
    let sent: Vec<String> = sent.collect();
    (!sent.is_empty()).then(|| sent.join("; "))
}
