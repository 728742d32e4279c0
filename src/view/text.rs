//! Text from an issue file made fit for a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// One line: every control character is spelled out, so that a title can neither break a table nor command the terminal.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c.is_control() || is_direction(c))
}

/// Several lines: as [`one_line`], but line ends and tabs stay.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| {
        (c.is_control() && c != '\n' && c != '\t') || is_direction(c)
    })
}

/// Characters that turn the direction of text around, with which a text can look like another.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str, is_bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&is_bad) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            c if !is_bad(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    Cow::Owned(out)
}

/// `1 issue`, `2 issues`.
#[must_use]
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_cannot_command_the_terminal() {
        assert_eq!(
            one_line("red \x1b[31m\nalert\u{202e}"),
            "red \\u{1b}[31m\\nalert\\u{202e}"
        );
        assert_eq!(one_line("plain – text"), "plain – text");
        assert_eq!(lines("a\n\tb\x07"), "a\n\tb\\u{7}");
    }
}
