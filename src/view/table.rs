//! Tables as `kubectl get` prints them: columns three spaces apart, no padding at the end of a line.

use super::paint::{Paint, Tone};
use super::text::one_line;

/// The gap between two columns.
const GAP: usize = 3;

/// A table: a header and rows of the same length.
#[derive(Debug, Default)]
pub struct Table {
    pub header: Vec<&'static str>,
    pub rows: Vec<Vec<Cell>>,
}

/// One field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A field of a tone. An empty text is shown as `<none>`, control characters are spelled out.
    #[must_use]
    pub fn toned(text: &str, tone: Tone) -> Self {
        let text = if text.is_empty() {
            "<none>".to_owned()
        } else {
            one_line(text).into_owned()
        };
        Self { text, tone }
    }

    /// A field without a colour.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self::toned(text, Tone::Normal)
    }
}

/// Whether the header line is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    Shown,
    Hidden,
}

impl Table {
    /// The lines of the table, each with its line end.
    #[must_use]
    pub fn render(&self, header: Header, paint: Paint) -> String {
        let head: Vec<Cell> = self
            .header
            .iter()
            .map(|text| Cell::toned(text, Tone::Strong))
            .collect();
        let head = (header == Header::Shown).then_some(&head);
        let widths = self.widths(head);
        head.into_iter()
            .chain(&self.rows)
            .map(|row| line(row, &widths, paint))
            .collect()
    }

    fn widths(&self, head: Option<&Vec<Cell>>) -> Vec<usize> {
        let mut widths = vec![0; self.header.len()];
        for row in head.into_iter().chain(&self.rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.chars().count());
            }
        }
        widths
    }
}

fn line(row: &[Cell], widths: &[usize], paint: Paint) -> String {
    let mut out = String::new();
    let mut padding = 0;
    for (cell, width) in row.iter().zip(widths) {
        out.extend(std::iter::repeat_n(' ', padding));
        out.push_str(&paint.paint(cell.tone, &cell.text));
        padding = width.saturating_sub(cell.text.chars().count()) + GAP;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |id: &str, title: &str| {
            vec![
                Cell::new(id),
                Cell::toned("open", Tone::Good),
                Cell::new(title),
            ]
        };
        Table {
            header: vec!["ID", "STATUS", "TITLE"],
            rows: vec![row("gt-1", "first"), row("gt-0042", "")],
        }
    }

    #[test]
    fn columns_line_up_and_lines_have_no_padding_at_the_end() {
        let text = table().render(Header::Shown, Paint::Plain);
        assert_eq!(
            text,
            "ID        STATUS   TITLE\ngt-1      open     first\ngt-0042   open     <none>\n"
        );
    }

    #[test]
    fn without_the_header_its_width_does_not_count() {
        let text = table().render(Header::Hidden, Paint::Plain);
        assert_eq!(text, "gt-1      open   first\ngt-0042   open   <none>\n");
    }

    #[test]
    fn colours_do_not_move_columns() {
        let text = table().render(Header::Hidden, Paint::Ansi);
        assert_eq!(
            text,
            "gt-1      \x1b[32mopen\x1b[0m   first\ngt-0042   \x1b[32mopen\x1b[0m   <none>\n"
        );
    }
}
