//! Arguments from outside: each is bounded and has no control characters.

use std::{fmt, ops::Deref};

use serde::{Deserialize, Serialize};

/// The most characters of one argument: more than the longest name of a blob with its container.
const LONGEST_TEXT: usize = 1_100;
/// The most characters of one entry of a list.
const LONGEST_ENTRY: usize = 300;
/// The most entries of a list; further ones are only counted.
const MOST_ENTRIES: usize = 10;

/// Whether a character changes a line or its direction instead of being shown: control characters, line
/// separators, and marks of the direction of text.
pub(crate) fn is_unprintable(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// An argument from outside: bounded, and without control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(String);

impl Text {
    fn bounded(text: &str, longest: usize) -> Self {
        let plain = text.replace(is_unprintable, "\u{fffd}");
        if plain.chars().count() <= longest {
            return Self(plain);
        }
        Self(plain.chars().take(longest - 1).chain(['\u{2026}']).collect())
    }
}

impl<T: AsRef<str>> From<T> for Text {
    fn from(text: T) -> Self {
        Self::bounded(text.as_ref(), LONGEST_TEXT)
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first entries of a list, and the number of further ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// The first entries.
    pub first: Vec<Text>,
    /// The number of further entries.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(more: &usize) -> bool {
    *more == 0
}

impl<T: fmt::Display> FromIterator<T> for List {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        let mut list = Self::default();
        for entry in entries {
            if list.first.len() < MOST_ENTRIES {
                list.first.push(Text::bounded(&entry.to_string(), LONGEST_ENTRY));
            } else {
                list.more += 1;
            }
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_argument_is_bounded_and_adds_no_line_to_the_log() {
        let text = Text::from("a\nERROR b");
        assert_eq!(&*text, "a\u{fffd}ERROR b");
        let long = Text::from("\u{e9}".repeat(2_000));
        assert_eq!(long.chars().count(), LONGEST_TEXT);
        assert!(long.ends_with('\u{2026}'));
        let faults: List =
            (0..75).map(|n| format!("/mapping/{n}: {}", "x".repeat(n * 9))).collect();
        assert_eq!((faults.first.len(), faults.more), (10, 65));
        assert!(faults.first.iter().all(|fault| fault.chars().count() <= LONGEST_ENTRY));
    }
}
