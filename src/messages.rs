//! The texts for people about imports, reasons, findings and connections: in the table, on the pages, in
//! the log, in notifications, on the command line and in the doctor. No code reads them back.

use time::{Duration, OffsetDateTime};

mod action;
mod connection;
mod finding;
mod guide;
mod health;
mod import;
mod notification;
mod reason;
mod support;

pub use self::{
    action::action,
    finding::notice,
    guide::{Entry, reasons},
    import::{because, note, notifications, pause, status, summary, warning, why},
    notification::{text, title},
    reason::{cause, first},
    support::support,
};
pub(crate) use self::{
    action::{
        found_twice, moved_on, not_found, not_paused, not_taken, remedy, resumed, swept, taken,
    },
    connection::{Fact, fact, file},
    finding::{contents, finding, goes_back, place, totals, verdict},
    health::{HealthReason, health},
    notification::{
        OVERDUE_ACTION, action_at, invalid, invalid_action, invalid_title, never_came,
        overdue_title,
    },
    reason::{blocked, no_outcome},
    support::{exchange, exchanges, ticket},
};

/// The text with a full stop at its end.
pub(crate) fn sentence(text: impl Into<String>) -> String {
    let text = text.into();
    if text.is_empty() || text.ends_with(['.', '?', '!']) { text } else { text + "." }
}

/// The text with a capital letter at its beginning.
fn sentence_case(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `244,000`.
pub(crate) fn number(number: u64) -> String {
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

/// `1 error`, `2 errors`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    format!("{} {one}{}", number(count), if count == 1 { "" } else { "s" })
}

/// `1 person`, `61 people`.
fn people(count: u64) -> String {
    format!("{} {}", number(count), if count == 1 { "person" } else { "people" })
}

/// A duration: `20 minutes`.
fn span(duration: Duration) -> String {
    let (number, unit) = match duration.whole_minutes() {
        ..1 => return "less than a minute".to_owned(),
        minutes @ 1..60 => (minutes, "minute"),
        minutes @ 60..1440 => (minutes / 60, "hour"),
        minutes => (minutes / 1440, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// A duration before now: `20 minutes ago`.
fn ago(at: OffsetDateTime, now: OffsetDateTime) -> String {
    format!("{} ago", span(now - at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_agree_with_their_nouns() {
        for (count, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(count), text);
        }
        assert_eq!((counted(1, "row"), counted(2, "row")), ("1 row".into(), "2 rows".into()));
        assert_eq!((people(1), people(61)), ("1 person".into(), "61 people".into()));
    }

    #[test]
    fn durations_have_one_unit() {
        for (minutes, text) in [
            (-5, "less than a minute"),
            (0, "less than a minute"),
            (1, "1 minute"),
            (59, "59 minutes"),
            (60, "1 hour"),
            (1439, "23 hours"),
            (1440, "1 day"),
            (4 * 1440, "4 days"),
        ] {
            assert_eq!(span(Duration::minutes(minutes)), text);
        }
    }
}
