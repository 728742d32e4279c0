//! Cutting an issue down to what a ConfigMap holds: its longest fields first, and as little of them as possible.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::issue::Issue;

/// A shorter line, still JSON with the same keys in the same order.
pub(super) struct Shortened {
    pub(super) text: String,
    /// The keys whose values were cut.
    pub(super) shortened: Vec<String>,
}

/// Cuts the values of the issue's line to the longest length with which the line has at most `budget` bytes.
pub(super) fn line(issue: &Issue<'_>, budget: usize) -> Shortened {
    let line = String::from_utf8_lossy(issue.raw);
    let cut = serde_json::from_str::<Fields<'_>>(&line)
        .ok()
        .and_then(|fields| cut(&fields.0, budget));
    cut.unwrap_or_else(|| essence(issue))
}

/// The beginning of `text` that has at most `most` bytes.
pub(super) fn head(text: &str, most: usize) -> &str {
    let mut ends = (0..=most.min(text.len())).rev();
    let end = ends
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or_default();
    &text[..end]
}

/// The top level of a line, in order.
struct Fields<'a>(Vec<Field<'a>>);

/// One field: its key as JSON, its value as it stands.
struct Field<'a> {
    key: String,
    value: &'a str,
}

impl Field<'_> {
    /// Whether the value may be cut at all: the id may not.
    fn is_cuttable(&self) -> bool {
        !self.key.eq_ignore_ascii_case("\"id\"")
    }

    fn is_cut_at(&self, limit: usize) -> bool {
        self.is_cuttable() && self.value.len() > limit
    }
}

/// `None` where not even cutting every value to a few bytes would do.
fn cut(fields: &[Field<'_>], budget: usize) -> Option<Shortened> {
    let (cuttable, fixed): (Vec<&Field<'_>>, Vec<_>) =
        fields.iter().partition(|field| field.is_cuttable());
    // Each field has a colon and a comma or brace, and the line one brace more.
    let framing = fields
        .iter()
        .map(|field| field.key.len() + 2)
        .sum::<usize>()
        + 1;
    let fixed = fixed.iter().map(|field| field.value.len()).sum::<usize>();
    let lengths = cuttable.iter().map(|field| field.value.len()).collect();
    let limit = common_limit(lengths, budget.checked_sub(framing + fixed)?)?;
    let written = |field: &Field<'_>| match field.is_cut_at(limit) {
        true => format!("{}:{}", field.key, shorter_value(field.value, limit)),
        false => format!("{}:{}", field.key, field.value),
    };
    let shortened = cuttable.into_iter().filter(|field| field.is_cut_at(limit));
    Some(Shortened {
        text: format!(
            "{{{}}}",
            fields.iter().map(written).collect::<Vec<_>>().join(",")
        ),
        shortened: shortened
            .map(|field| field.key.trim_matches('"').to_owned())
            .collect(),
    })
}

/// The greatest length to which values must be cut so that all together have at most `budget` bytes.
fn common_limit(mut lengths: Vec<usize>, budget: usize) -> Option<usize> {
    /// What the note at the end of a text needs, and a little of the text.
    const LEAST: usize = 128;
    lengths.sort_unstable();
    let mut remaining = budget;
    for (index, length) in lengths.iter().enumerate() {
        let share = remaining / (lengths.len() - index);
        if *length > share {
            return (share >= LEAST).then_some(share);
        }
        remaining -= length;
    }
    Some(budget)
}

/// A value of the same type that has at most `limit` bytes: the beginning of a text or a list, and else `null`.
fn shorter_value(value: &str, limit: usize) -> String {
    let shorter = match value.as_bytes().first() {
        Some(b'"') => serde_json::from_str(value)
            .ok()
            .map(|text: String| shorter_text(&text, limit)),
        Some(b'[') => serde_json::from_str(value)
            .ok()
            .map(|list: Vec<&RawValue>| shorter_list(&list, limit)),
        _ => None,
    };
    shorter.unwrap_or_else(|| "null".to_owned())
}

fn shorter_text(text: &str, limit: usize) -> String {
    let note = format!("… [shortened, {} bytes in git]", text.len());
    let mut room = limit.saturating_sub(note.len() + "\"\"".len());
    let is_kept = |c: &char| {
        let kept = room.checked_sub(written_len(*c));
        room = kept.unwrap_or_default();
        kept.is_some()
    };
    let head: String = text.chars().take_while(is_kept).collect();
    serde_json::Value::from(head + &note).to_string()
}

/// How many bytes a character takes in JSON.
fn written_len(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..'\u{20}' => 6,
        c => c.len_utf8(),
    }
}

fn shorter_list(list: &[&RawValue], limit: usize) -> String {
    let mut text = String::from("[");
    for element in list.iter().map(|element| element.get()) {
        if text.len() + element.len() + ",]".len() > limit {
            break;
        }
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(element);
    }
    text + "]"
}

/// What is left of a line that consists of more keys than fit.
fn essence(issue: &Issue<'_>) -> Shortened {
    let short = |text: &str| head(text, 1 << 10).to_owned();
    let essence = serde_json::json!({
        "id": issue.id.as_str(),
        "title": short(&issue.title),
        "status": short(&issue.status),
        "priority": issue.priority,
        "issue_type": short(&issue.issue_type),
    });
    let note = "all but id, title, status, priority and issue_type";
    Shortened {
        text: essence.to_string(),
        shortened: vec![note.to_owned()],
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
            let key = serde_json::Value::from(key).to_string();
            fields.push(Field {
                key,
                value: value.get(),
            });
        }
        Ok(Fields(fields))
    }
}
