//! Times and states as a page says them.

use time::{Duration, OffsetDateTime, macros::format_description};

use crate::run::{State, to_the_second};

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
            State::Completed | State::Accepted => ('\u{2713}', "well"),
            State::Rejected => ('\u{2717}', "person"),
            State::Stuck => ('!', "person"),
            State::Superseded => ('\u{2192}', "gone"),
            State::Cancelled => ('\u{2013}', "gone"),
        };
        Self { word: state.word(), mark, class }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_read_as_a_person_says_them() {
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
        let at = datetime!(2026-11-29 09:14:30.5 UTC);
        assert_eq!(time(at), "<time datetime=\"2026-11-29T09:14:30Z\">2026-11-29 09:14 UTC</time>");
    }
}
