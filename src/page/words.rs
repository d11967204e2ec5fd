//! Times, states and numbers as a page says them.

use time::{Duration, OffsetDateTime, macros::format_description};

use crate::run::{Run, State, to_the_second};

/// A moment as markup: in UTC, which a script turns into the reader's zone.
pub(super) fn time(at: OffsetDateTime) -> String {
    let iso = to_the_second(at);
    let text = at.format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC"));
    format!("<time datetime=\"{iso}\">{}</time>", text.unwrap_or_default())
}

/// How long something has lasted: `20 minutes`.
pub(super) fn span(duration: Duration) -> String {
    let (number, unit) = match duration.whole_minutes() {
        ..1 => return "less than a minute".to_owned(),
        minutes @ 1..60 => (minutes, "minute"),
        minutes @ 60..1440 => (minutes / 60, "hour"),
        minutes => (minutes / 1440, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// How long ago something was: `20 minutes ago`.
pub(super) fn ago(at: OffsetDateTime, now: OffsetDateTime) -> String {
    format!("{} ago", span(now - at))
}

/// `244,000`.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 problem`, `2 problems`.
pub(super) fn counted(count: u64, one: &str) -> String {
    format!("{} {one}{}", number(count), if count == 1 { "" } else { "s" })
}

/// `1 person`, `61 people`.
pub(super) fn people(count: u64) -> String {
    format!("{} {}", number(count), if count == 1 { "person" } else { "people" })
}

/// How a state looks: a word and a mark, and a colour that nobody needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) word: &'static str,
    pub(super) mark: char,
    pub(super) class: &'static str,
}

impl Look {
    pub(super) fn of(state: State) -> Self {
        let (mark, class) = match state {
            State::Received => ('\u{2026}', "moves"),
            State::Packed => ('\u{23f8}', "waits"),
            State::Pushing => ('\u{2191}', "moves"),
            State::Ingesting => ('\u{21bb}', "moves"),
            State::Completed => ('\u{2713}', "well"),
            State::Rejected => ('\u{2717}', "person"),
            State::Stuck => ('!', "person"),
            State::Superseded => ('\u{2192}', "gone"),
            State::Cancelled => ('\u{2013}', "gone"),
        };
        Self { word: state.word(), mark, class }
    }
}

/// A reason without the file, which is named beside it; of a refused file its first problem.
pub(super) fn first_of(why: &str, run: &Run) -> String {
    let file = run.source.file();
    let rest = why.strip_prefix(&file).and_then(|rest| rest.strip_prefix([':', ',']));
    let why = rest.map_or(why, str::trim_start);
    if run.state == State::Rejected && run.guarded {
        return why.split("; ").next().unwrap_or_default().to_owned();
    }
    of_problems(why).map_or(why, |(_, first)| first).to_owned()
}

/// How many problems a report's sentence counts, and the first of them.
pub(super) fn of_problems(sentence: &str) -> Option<(&str, &str)> {
    let (before, _) = sentence.split_once(" problems in all")?;
    let (first, count) = before.rsplit_once("; ")?;
    count.bytes().all(|byte| byte.is_ascii_digit()).then_some((count, first))
}

/// What happened to an import, in a few words beside its state.
#[must_use]
pub fn happened(run: &Run) -> String {
    let why = first_of(run.last_failure.as_deref().unwrap_or_default(), run);
    match run.state {
        State::Received if why.is_empty() => "Is read and checked".to_owned(),
        State::Packed if why.is_empty() => "Is right, and about to be pushed".to_owned(),
        State::Pushing => "Is being pushed to the service".to_owned(),
        State::Ingesting => {
            let says = run.service_status.as_deref().unwrap_or("nothing yet");
            let why = if why.is_empty() { String::new() } else { format!("; {why}") };
            format!("The service has it and says {says}{why}")
        }
        State::Completed if run.busy > 0 => {
            let times = counted(run.busy.into(), "time");
            format!("Accepted by the service, after it had been busy {times}")
        }
        State::Completed => "Accepted by the service".to_owned(),
        State::Rejected if run.guarded => {
            format!("Not sent, because a full refresh deletes what is missing: {why}")
        }
        State::Rejected if run.ingestion.is_none() && run.problems > 1 => {
            let more = counted(run.problems - 1, "more problem");
            format!("Not sent: {why}, and {more}")
        }
        State::Rejected if run.ingestion.is_none() => format!("Not sent: {why}"),
        State::Received
        | State::Packed
        | State::Rejected
        | State::Superseded
        | State::Cancelled
        | State::Stuck => capitalized(&why),
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_and_numbers_read_as_a_person_says_them() {
        for (minutes, said) in [
            (-5, "less than a minute"),
            (0, "less than a minute"),
            (1, "1 minute"),
            (59, "59 minutes"),
            (60, "1 hour"),
            (1439, "23 hours"),
            (1440, "1 day"),
            (4 * 1440, "4 days"),
        ] {
            assert_eq!(span(Duration::minutes(minutes)), said);
        }
        for (count, said) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(count), said);
        }
        let sentence = "row 5: no address; mend it (V01); 12 problems in all: V01 12";
        assert_eq!(of_problems(sentence), Some(("12", "row 5: no address; mend it (V01)")));
        assert_eq!(of_problems("one problem; no more"), None);
        assert_eq!((counted(1, "row"), counted(2, "row")), ("1 row".into(), "2 rows".into()));
        let at = datetime!(2026-11-29 09:14:30.5 UTC);
        assert_eq!(time(at), "<time datetime=\"2026-11-29T09:14:30Z\">2026-11-29 09:14 UTC</time>");
    }
}
