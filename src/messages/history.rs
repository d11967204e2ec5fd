//! Where an import has been, and who was told of it.

use super::{
    reason::{cause, first},
    words::counted,
};
use crate::import::{
    Delivery, HistoryEntry, Import, Note, State,
    reason::{Problems, Reason},
    to_the_second,
};

/// What a stop in an import's history says.
#[must_use]
pub fn note(stop: &HistoryEntry, run: &Import) -> String {
    match &stop.note {
        Some(Note::Reason(Reason::FileInvalid(problems) | Reason::DeletionBlocked(problems))) => {
            problems_in_short(problems)
        }
        Some(Note::Reason(reason)) => cause(reason, run.target),
        Some(Note::Asked(by)) => by.to_string(),
        Some(Note::Status(word)) => format!("the service says {word}"),
        Some(Note::Packed { rows, people }) => {
            format!("checked and packed, rows: {rows}, people: {people}")
        }
        Some(Note::Pushed { scale_unit }) => {
            format!("pushed to the {} {scale_unit}", run.target.words().route)
        }
        None => match stop.state {
            State::Received => format!("taken in, {}", counted(run.source.bytes, "byte")),
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
pub fn notifications(run: &Import) -> Option<String> {
    let told = run.told.iter().map(|sent| {
        let (kind, at) = (sent.occasion.word(), to_the_second(sent.at));
        match &sent.outcome {
            Delivery::Told => format!("{kind} at {at}"),
            Delivery::GivenUp(why) => format!("{kind} could not be told until {at}: {why}"),
        }
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join("; "))
}
