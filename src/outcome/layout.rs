//! Text for people, laid out for the terminal that shows it.

use anstyle::{AnsiColor, Style};
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm, core};

/// Most columns of a line: longer lines are hard to read.
pub const MAX_WIDTH: usize = 100;
/// Fewest columns that a text keeps beside its indentation.
const MIN_TEXT_WIDTH: usize = 24;

/// How text is laid out. The default, for pipes and files, neither wraps nor colors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Columns of a line; unlimited if `None`.
    pub width: Option<usize>,
    /// Whether colors are written.
    pub is_colored: bool,
}

/// What a color says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Accepted, passed.
    Good,
    /// Rejected, failed.
    Bad,
    /// A warning, or unknown.
    Warning,
    /// A hint.
    Hint,
}

impl Tone {
    fn style(self) -> Style {
        let color = match self {
            Self::Good => AnsiColor::Green,
            Self::Bad => AnsiColor::Red,
            Self::Warning => AnsiColor::Yellow,
            Self::Hint => AnsiColor::Cyan,
        };
        color.on_default().bold()
    }
}

impl Layout {
    /// The text in its color.
    #[must_use]
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if self.is_colored {
            let style = tone.style();
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    /// One paragraph after a prefix, as lines; each further line begins below the text.
    #[must_use]
    pub fn hang(self, prefix: &str, text: &str) -> String {
        let Some(width) = self.width else { return format!("{prefix}{text}\n") };
        let indent = core::display_width(prefix).min(width.saturating_sub(MIN_TEXT_WIDTH));
        let indent = " ".repeat(indent);
        let options = Options::new(width)
            .initial_indent(prefix)
            .subsequent_indent(&indent)
            .break_words(false)
            .word_separator(WordSeparator::Custom(words))
            .word_splitter(WordSplitter::NoHyphenation)
            .wrap_algorithm(WrapAlgorithm::FirstFit);
        let mut lines = textwrap::fill(text, options);
        lines.push('\n');
        lines
    }

    /// Each line of a text that is too long, continued below its own beginning.
    #[must_use]
    pub fn wrap(self, text: &str) -> String {
        let Some(width) = self.width else { return text.to_owned() };
        let lines = text.lines().map(|line| {
            if core::display_width(line) <= width {
                return format!("{line}\n");
            }
            let (prefix, text) = line.split_at(beginning(line));
            self.hang(prefix, text)
        });
        lines.collect()
    }
}

/// Bytes of a line's indentation, with the mark of an item of a list (`- `, `1. `).
fn beginning(line: &str) -> usize {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let text = &line[indent..];
    let digits = text.len() - text.trim_start_matches(|it: char| it.is_ascii_digit()).len();
    let mark = if text.starts_with("- ") {
        "- ".len()
    } else if digits > 0 && text[digits..].starts_with(". ") {
        digits + ". ".len()
    } else {
        0
    };
    indent + mark
}

/// The words of a line. Text in backticks is one word, so that a command can be pasted.
fn words(line: &str) -> Box<dyn Iterator<Item = core::Word<'_>> + '_> {
    let (mut found, mut start) = (vec![], 0);
    let (mut is_code, mut is_after_space) = (false, false);
    for (at, letter) in line.char_indices() {
        if letter == ' ' && !is_code {
            is_after_space = true;
            continue;
        }
        if is_after_space {
            found.push(core::Word::from(&line[start..at]));
            (start, is_after_space) = (at, false);
        }
        if letter == '`' {
            is_code = !is_code && line[at + 1..].contains('`');
        }
    }
    if start < line.len() {
        found.push(core::Word::from(&line[start..]));
    }
    Box::new(found.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(width: usize) -> Layout {
        Layout { width: Some(width), is_colored: false }
    }

    #[test]
    fn a_line_is_continued_below_its_own_beginning() {
        let text = "  12 rows and 3 people of 4 are here\n- one two three four five six seven\n\
                    10. one two three four five six\nshort\n";
        assert_eq!(
            of(30).wrap(text),
            "  12 rows and 3 people of 4\n  are here\n- one two three four five six\n  seven\n\
             10. one two three four five\n    six\nshort\n"
        );
        assert_eq!(
            of(40).hang("? token  ", "the service was not asked for a token"),
            "? token  the service was not asked for a\n         token\n"
        );
    }

    #[test]
    fn a_command_in_backticks_is_never_broken() {
        let text = "Correct the file and run `viva-import retry 998204582878999-9b80` again.";
        assert_eq!(
            of(30).wrap(text),
            "Correct the file and run\n`viva-import retry 998204582878999-9b80`\nagain.\n"
        );
        assert_eq!(
            of(24).wrap("one ` of them is no command here"),
            "one ` of them is no\ncommand here\n"
        );
    }

    #[test]
    fn colors_and_wide_letters_count_as_they_are_shown() {
        let layout = Layout { width: Some(30), is_colored: true };
        let prefix = format!("{}  ", layout.paint(Tone::Bad, "error"));
        let text = layout.hang(&prefix, "one two three four five");
        assert_eq!(text, "\u{1b}[1m\u{1b}[31merror\u{1b}[0m  one two three four five\n");
        assert_eq!(
            of(26).wrap("部门 部门 部门 部门 部门 部门"),
            "部门 部门 部门 部门 部门\n部门\n"
        );
    }

    #[test]
    fn a_pipe_gets_whole_lines_without_color() {
        let layout = Layout::default();
        let long = "word ".repeat(100);
        assert_eq!(layout.wrap(&long), long);
        assert_eq!(layout.hang("- ", &long), format!("- {long}\n"));
        assert_eq!(layout.paint(Tone::Good, "accepted"), "accepted");
    }
}
