//! What a person sees: short headings, two columns of indent, never wider than 80 columns.

use std::env;
use std::io::{self, IsTerminal, Write};

/// A line that is longer is cut, unless it holds something to copy.
const WIDTH: usize = 80;
const INDENT: &str = "  ";

/// Standard output, with or without colours.
#[derive(Clone, Copy)]
pub(crate) struct Screen {
    colours: bool,
}

impl Screen {
    /// Colours for a terminal, unless `NO_COLOR` is set.
    pub(crate) fn of_stdout() -> Self {
        let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            colours: wanted && io::stdout().is_terminal(),
        }
    }

    pub(crate) fn heading(self, text: &str) {
        self.put("");
        self.put(&self.painted("1", text));
    }

    /// A line for reading.
    pub(crate) fn line(self, text: &str) {
        self.put(cut(&format!("{INDENT}{text}")).trim_end());
    }

    /// A line for copying: paths and commands are never cut.
    pub(crate) fn whole(self, text: &str) {
        self.put(&format!("{INDENT}{text}"));
    }

    /// A command that is run now, broken where a shell allows it.
    pub(crate) fn command(self, words: &[String]) {
        for line in broken(words) {
            self.put(&format!("{INDENT}{}", self.painted("36", &line)));
        }
    }

    /// The head of a table and its first `rows` rows, and how many more there are.
    pub(crate) fn table(self, text: &str, rows: usize) {
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().take(rows + 1).enumerate() {
            let line = cut(&format!("{INDENT}{}", line.trim_end()));
            self.put(&if number == 0 {
                self.painted("2", &line)
            } else {
                line
            });
        }
        if lines.len() > rows + 1 {
            self.line(&format!("… and {} more", lines.len() - rows - 1));
        }
    }

    /// Something that arrived: what, and the time it took.
    pub(crate) fn arrival(self, what: &str, time: &str) {
        let what = cut_to(what, WIDTH - 24);
        let room = WIDTH - 24;
        self.put(&format!(
            "{INDENT}{INDENT}{what:<room$} seen after {}",
            self.painted("32", &format!("{time:>7}"))
        ));
    }

    fn painted(self, code: &str, text: &str) -> String {
        if self.colours {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// A reader that has gone away is no reason to stop.
    fn put(self, line: &str) {
        let _ = writeln!(io::stdout(), "{line}");
    }
}

fn cut(line: &str) -> String {
    cut_to(line, WIDTH)
}

fn cut_to(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width - 1).chain(['…']).collect()
}

/// A command in lines that fit, each but the last ending in a backslash. A flag stays with what follows it.
fn broken(words: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = "$".to_owned();
    for unit in units(words) {
        let width = INDENT.len() + line.chars().count() + 1 + unit.chars().count() + 2;
        if width > WIDTH && line != "$" {
            lines.push(format!("{line} \\"));
            line = "   ".to_owned();
        }
        line += &format!(" {unit}");
    }
    lines.push(line);
    lines
}

/// Words, but a flag together with the word after it.
fn units(words: &[String]) -> Vec<String> {
    let mut units: Vec<String> = Vec::new();
    let mut flag = false;
    for word in words {
        match units.last_mut().filter(|_| flag && !word.starts_with('-')) {
            Some(unit) => *unit += &format!(" {word}"),
            None => units.push(word.clone()),
        }
        flag = word.starts_with('-');
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_command_is_broken_before_a_flag() {
        let words = ["kubectl", "get", &"x".repeat(60), "-o", "name"].map(str::to_owned);
        let first = format!("$ kubectl get {} \\", "x".repeat(60));
        assert_eq!(broken(&words), [first, "    -o name".to_owned()]);
    }

    #[test]
    fn long_line_is_cut_between_characters() {
        assert_eq!(cut_to("prüfung", 4), "prü…");
        assert_eq!(cut_to("prüf", 4), "prüf");
    }
}
