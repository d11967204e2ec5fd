//! How text becomes markup.

use std::fmt::{self, Write};

use askama::filters::{Escaper, Html};

use crate::import::reason::is_unprintable;

/// As HTML. What would change the direction of the text around it, or is no text at all, is shown as an escape: the
/// names of files come from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown;

impl Escaper for Shown {
    fn write_escaped_str<W: Write>(&self, mut dest: W, string: &str) -> fmt::Result {
        let is_hidden = |letter: char| is_unprintable(letter) && !letter.is_whitespace();
        for part in string.split_inclusive(is_hidden) {
            let hidden = part.chars().next_back().filter(|letter| is_hidden(*letter));
            let shown = &part[..part.len() - hidden.map_or(0, char::len_utf8)];
            Html.write_escaped_str(&mut dest, shown)?;
            if let Some(letter) = hidden {
                write!(dest, "\\u{{{:x}}}", u32::from(letter))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_the_direction_of_text_is_shown_as_an_escape() {
        for (text, shown) in [
            ("a<b>&\"c\"\n\u{5d0}.csv", "a&#60;b&#62;&#38;&#34;c&#34;\n\u{5d0}.csv"),
            ("hr/\u{202e}vsc.exe\u{202c}", "hr/\\u{202e}vsc.exe\\u{202c}"),
            ("\u{2066}<\u{1b}[2J", "\\u{2066}&#60;\\u{1b}[2J"),
            ("", ""),
        ] {
            let mut markup = String::new();
            Shown.write_escaped_str(&mut markup, text).unwrap();
            assert_eq!(markup, shown);
        }
    }
}
