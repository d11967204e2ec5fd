//! Moments and states as a page shows them.

use time::{OffsetDateTime, macros::format_description};

use crate::import::{State, to_the_second};

/// A moment as markup: in UTC, which a script turns into the reader's zone.
pub(super) fn time(at: OffsetDateTime) -> String {
    let iso = to_the_second(at);
    let text = at.format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC"));
    format!("<time datetime=\"{iso}\">{}</time>", text.unwrap_or_default())
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
    fn a_moment_is_markup_in_utc() {
        let at = datetime!(2026-11-29 09:14:30.5 UTC);
        assert_eq!(time(at), "<time datetime=\"2026-11-29T09:14:30Z\">2026-11-29 09:14 UTC</time>");
    }
}
