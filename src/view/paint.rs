//! Colours.

/// Whether text gets colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    #[default]
    Plain,
    Ansi,
}

/// What a text is, and so its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Normal,
    Strong,
    Good,
    Attention,
    Bad,
    Faint,
}

impl Paint {
    /// The text in the colour of its tone.
    #[must_use]
    pub fn paint(self, tone: Tone, text: &str) -> String {
        match (self, code(tone)) {
            (Self::Ansi, Some(code)) if !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }
}

fn code(tone: Tone) -> Option<&'static str> {
    match tone {
        Tone::Normal => None,
        Tone::Strong => Some("1"),
        Tone::Good => Some("32"),
        Tone::Attention => Some("33"),
        Tone::Bad => Some("31"),
        Tone::Faint => Some("2"),
    }
}

/// The tone of a status.
#[must_use]
pub fn status_tone(status: &str) -> Tone {
    match status {
        "open" => Tone::Normal,
        "in_progress" | "hooked" => Tone::Attention,
        "blocked" => Tone::Bad,
        "closed" | "tombstone" => Tone::Faint,
        _ => Tone::Normal,
    }
}
