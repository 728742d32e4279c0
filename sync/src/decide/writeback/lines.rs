//! A file with some lines written anew and some added. All other bytes stay.

use std::collections::HashMap;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// What is to become of lines, by 1-based number.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    replaced: HashMap<usize, Vec<u8>>,
    /// Before which line, and what; at the end where there is none.
    inserted: Vec<(Option<usize>, Vec<u8>)>,
}

impl Lines {
    pub(crate) fn replace(&mut self, line: usize, content: Vec<u8>) {
        self.replaced.insert(line, content);
    }

    /// `before`: the line that stands there now; the end of the file when `None`.
    pub(crate) fn insert(&mut self, before: Option<usize>, content: Vec<u8>) {
        self.inserted.push((before, content));
    }

    pub(crate) fn file(&self, before: &[u8]) -> Vec<u8> {
        let room = self.replaced.len() + self.inserted.len();
        let mut file = Vec::with_capacity(before.len() + 512 * room);
        let (bom, text) = match before.strip_prefix(BOM) {
            Some(rest) => (BOM, rest),
            None => (&b""[..], before),
        };
        file.extend_from_slice(bom);
        let end = line_end(text);
        for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            self.add_inserted(Some(index + 1), end, &mut file);
            match self.replaced.get(&(index + 1)) {
                None => file.extend_from_slice(line),
                Some(new) => {
                    file.extend_from_slice(new);
                    file.extend_from_slice(&line[line.len() - ending(line)..]);
                }
            }
        }
        if self.inserted.iter().any(|(before, _)| before.is_none()) {
            if !text.is_empty() && !file.ends_with(b"\n") {
                file.extend_from_slice(end);
            }
            self.add_inserted(None, end, &mut file);
        }
        file
    }

    fn add_inserted(&self, at: Option<usize>, end: &[u8], file: &mut Vec<u8>) {
        for (_, content) in self.inserted.iter().filter(|(before, _)| *before == at) {
            file.extend_from_slice(content);
            file.extend_from_slice(end);
        }
    }
}

/// How many bytes of a line are its end.
fn ending(line: &[u8]) -> usize {
    let is_end = |byte: &&u8| matches!(**byte, b'\n' | b'\r');
    line.iter().rev().take_while(is_end).count()
}

/// How the lines of a file end.
fn line_end(text: &[u8]) -> &'static [u8] {
    let first = text.split_inclusive(|byte| *byte == b'\n').next();
    match first {
        Some(line) if line.ends_with(b"\r\n") => b"\r\n",
        _ => b"\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, lines: &Lines, after: &str) {
        let file = String::from_utf8(lines.file(before.as_bytes())).unwrap();
        assert_eq!(file, after);
    }

    #[test]
    fn other_lines_keep_their_bytes() {
        let mut lines = Lines::default();
        lines.replace(2, b"B".to_vec());
        check("a\nb\nc", &lines, "a\nB\nc");
        check("a\r\nb\r\n\r\n", &lines, "a\r\nB\r\n\r\n");
        check("\u{feff}a\nb", &lines, "\u{feff}a\nB");
    }

    #[test]
    fn new_line_ends_as_the_others() {
        let mut lines = Lines::default();
        lines.insert(None, b"x".to_vec());
        for (before, after) in [
            ("", "x\n"),
            ("a\n", "a\nx\n"),
            ("a", "a\nx\n"),
            ("a\r\nb\r\n", "a\r\nb\r\nx\r\n"),
            ("\u{feff}", "\u{feff}x\n"),
        ] {
            check(before, &lines, after);
        }
        let mut lines = Lines::default();
        lines.insert(Some(1), b"x".to_vec());
        check("\u{feff}a\n", &lines, "\u{feff}x\na\n");
    }
}
