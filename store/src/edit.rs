//! A line of the issue file with other values for some of its keys. Every other byte stays as it stands in git.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::ops::Range;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What is to become of a key: its value as JSON text, or `None` to take it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub key: &'static str,
    pub value: Option<String>,
}

/// A line that is not a JSON object in UTF-8, so that nothing in it can be changed without touching the rest.
#[derive(Debug, thiserror::Error)]
#[error("the line cannot be edited: {0}")]
pub struct NotEditable(String);

/// The order in which the tracker exports the keys that are ever added (`spec/bd-oracle.md`, export): a new key goes behind the last of
/// its predecessors that is there.
const ORDER: [&str; 21] = [
    "_type",
    "id",
    "title",
    "description",
    "design",
    "acceptance_criteria",
    "notes",
    "status",
    "priority",
    "issue_type",
    "assignee",
    "owner",
    "created_at",
    "created_by",
    "updated_at",
    "started_at",
    "closed_at",
    "close_reason",
    "labels",
    "dependencies",
    "comments",
];

impl Change {
    #[must_use]
    pub fn text(key: &'static str, value: &str) -> Self {
        Self {
            key,
            value: Some(json_text(value)),
        }
    }

    #[must_use]
    pub fn gone(key: &'static str) -> Self {
        Self { key, value: None }
    }
}

/// One key with its value.
struct Member {
    key: String,
    /// Where the value stands in the line.
    value: Range<usize>,
}

/// The line with the changes. A key that stands there more than once is changed everywhere: which of them counts differs by reader. Keys
/// are the same whatever their case, as the tracker has it.
///
/// # Errors
/// When the line is no JSON object in UTF-8.
pub fn edit(line: &[u8], changes: &[Change]) -> Result<Vec<u8>, NotEditable> {
    let mut text = std::str::from_utf8(line)
        .map_err(|_| NotEditable("it is not UTF-8".to_owned()))?
        .to_owned();
    for change in changes {
        text = match &change.value {
            Some(value) => set(&text, change.key, value)?,
            None => remove(&text, change.key)?,
        };
    }
    Ok(text.into_bytes())
}

/// The value of a key as JSON text; the last where it stands there more than once.
///
/// # Errors
/// When the line is no JSON object in UTF-8.
pub fn value<'a>(line: &'a [u8], key: &str) -> Result<Option<&'a str>, NotEditable> {
    let text = std::str::from_utf8(line).map_err(|_| NotEditable("it is not UTF-8".to_owned()))?;
    let found = members(text)?.into_iter().rfind(|member| member.is(key));
    Ok(found.map(|member| &text[member.value]))
}

/// A JSON string as the tracker writes it: Go's encoder escapes what HTML could take for markup.
#[must_use]
pub fn json_text(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Writing to a String cannot fail.
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

fn set(text: &str, key: &str, value: &str) -> Result<String, NotEditable> {
    let members = members(text)?;
    if !members.iter().any(|member| member.is(key)) {
        return Ok(insert(text, &members, key, value));
    }
    let mut edited = text.to_owned();
    for member in members.iter().rev().filter(|member| member.is(key)) {
        edited.replace_range(member.value.clone(), value);
    }
    Ok(edited)
}

fn insert(text: &str, members: &[Member], key: &str, value: &str) -> String {
    let mut edited = text.to_owned();
    let key = json_text(key);
    let (between, colon) = punctuation(text, members);
    match predecessor(members, key.trim_matches('"')) {
        Some(member) => {
            edited.insert_str(member.value.end, &format!("{between}{key}{colon}{value}"));
        }
        None => {
            let begin = text.find('{').map_or(0, |brace| brace + 1);
            let between = if members.is_empty() { "" } else { between };
            edited.insert_str(begin, &format!("{key}{colon}{value}{between}"));
        }
    }
    edited
}

/// The member behind which a new key goes.
fn predecessor<'m>(members: &'m [Member], key: &str) -> Option<&'m Member> {
    let rank = |key: &str| {
        ORDER
            .iter()
            .position(|known| known.eq_ignore_ascii_case(key))
    };
    let Some(own) = rank(key) else {
        return members.last();
    };
    members
        .iter()
        .rfind(|member| rank(&member.key).is_some_and(|rank| rank < own))
}

/// What stands between two members, and between a key and its value: as in the rest of the line.
fn punctuation<'t>(text: &'t str, members: &[Member]) -> (&'t str, &'t str) {
    let gap = match members {
        [first, second, ..] => &text[first.value.end..second.value.start],
        _ => ",\"\":",
    };
    let (Some(open), Some(close)) = (gap.find('"'), gap.rfind('"')) else {
        return (",", ":");
    };
    (&gap[..open], &gap[close + 1..])
}

fn remove(text: &str, key: &str) -> Result<String, NotEditable> {
    let mut edited = text.to_owned();
    // One at a time: the others move.
    while let Some((at, members)) = position(&edited, key)? {
        let range = match at.checked_sub(1).and_then(|before| members.get(before)) {
            Some(before) => before.value.end..members[at].value.end,
            None => first(&edited, &members),
        };
        edited.replace_range(range, "");
    }
    Ok(edited)
}

fn position(text: &str, key: &str) -> Result<Option<(usize, Vec<Member>)>, NotEditable> {
    let members = members(text)?;
    let at = members.iter().position(|member| member.is(key));
    Ok(at.map(|at| (at, members)))
}

/// The first member with the comma behind it.
fn first(text: &str, members: &[Member]) -> Range<usize> {
    let begin = text.find('{').map_or(0, |brace| brace + 1);
    let end = members[0].value.end;
    match members.get(1) {
        None => begin..end,
        Some(_) => begin..text[end..].find('"').map_or(end, |quote| end + quote),
    }
}

impl Member {
    fn is(&self, key: &str) -> bool {
        self.key.eq_ignore_ascii_case(key)
    }
}

fn members(text: &str) -> Result<Vec<Member>, NotEditable> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let raw = deserializer
        .deserialize_map(Members)
        .and_then(|members| deserializer.end().map(|()| members))
        .map_err(|error| NotEditable(error.to_string()))?;
    let offset = |value: &str| value.as_ptr() as usize - text.as_ptr() as usize;
    let member = |(key, value): (Cow<'_, str>, &RawValue)| {
        let begin = offset(value.get());
        Member {
            key: key.into_owned(),
            value: begin..begin + value.get().len(),
        }
    };
    Ok(raw.into_iter().map(member).collect())
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(entry) = map.next_entry()? {
            members.push(entry);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[track_caller]
    fn check(line: &str, changes: &[Change], expected: &str) {
        let edited = edit(line.as_bytes(), changes).unwrap();
        assert_eq!(String::from_utf8(edited).unwrap(), expected);
    }

    #[test]
    fn value_is_replaced_where_it_stands() {
        check(
            r#"{"id":"gt-1", "status" : "open","x":{"status":"open"}}"#,
            &[Change::text("status", "closed")],
            r#"{"id":"gt-1", "status" : "closed","x":{"status":"open"}}"#,
        );
    }

    #[test]
    fn new_key_goes_where_the_tracker_would_put_it() {
        check(
            r#"{"id":"gt-1","status":"open","updated_at":"t","labels":["a"]}"#,
            &[
                Change::text("closed_at", "u"),
                Change::text("assignee", "me"),
            ],
            r#"{"id":"gt-1","status":"open","assignee":"me","updated_at":"t","closed_at":"u","labels":["a"]}"#,
        );
    }

    #[test]
    fn new_key_is_spaced_as_the_others() {
        check(
            r#"{ "id": "gt-1", "status": "open" }"#,
            &[Change::text("assignee", "me")],
            r#"{ "id": "gt-1", "status": "open", "assignee": "me" }"#,
        );
    }

    #[test]
    fn key_goes_with_its_comma() {
        let gone = [Change::gone("b")];
        check(r#"{"a":1,"b":2,"c":3}"#, &gone, r#"{"a":1,"c":3}"#);
        check(r#"{"a":1,"b":2}"#, &gone, r#"{"a":1}"#);
        check(r#"{"b":2,"c":3}"#, &gone, r#"{"c":3}"#);
        check(r#"{"b":2}"#, &gone, "{}");
        check(r#"{"B":2,"a":1,"b":3}"#, &gone, r#"{"a":1}"#);
        check(r#"{"a":1}"#, &gone, r#"{"a":1}"#);
    }

    #[test]
    fn key_that_stands_there_twice_is_changed_twice() {
        check(
            r#"{"status":"open","Status":"open"}"#,
            &[Change::text("status", "closed")],
            r#"{"status":"closed","Status":"closed"}"#,
        );
    }

    #[test]
    fn text_is_escaped_as_the_tracker_does_it() {
        assert_eq!(
            json_text("a<b>&\"\n\u{1}"),
            r#""a\u003cb\u003e\u0026\"\n\u0001""#
        );
        assert_eq!(
            serde_json::from_str::<String>(&json_text("a<b>&\"\\\n\u{2028}é")).unwrap(),
            "a<b>&\"\\\n\u{2028}é"
        );
    }

    #[test]
    fn line_that_is_no_object_is_left_alone() {
        for line in [&b"[1]"[..], b"{\"a\":", b"{\"a\":\"\xff\"}", b"{} x"] {
            assert!(edit(line, &[Change::gone("a")]).is_err());
        }
    }

    proptest! {
        /// Whatever else is in a line, its other keys keep their bytes.
        #[test]
        fn other_members_keep_their_bytes(
            keys in proptest::collection::btree_map("[a-z_]{1,8}", ".{0,8}", 0..6),
            new in ".{0,20}",
            removed in any::<bool>(),
        ) {
            let line = serde_json::to_string(&keys).unwrap();
            let change = if removed { Change::gone("status") } else { Change::text("status", &new) };
            let edited = edit(line.as_bytes(), &[change]).unwrap();
            let mut expected: serde_json::Map<String, Value> = serde_json::from_str(&line).unwrap();
            if removed {
                expected.remove("status");
            } else {
                expected.insert("status".to_owned(), Value::String(new));
            }
            let after: serde_json::Map<String, Value> = serde_json::from_slice(&edited).unwrap();
            prop_assert_eq!(after, expected);
            for (key, text) in keys.iter().filter(|(key, _)| *key != "status") {
                let member = format!("{}:{}", serde_json::to_string(key).unwrap(), serde_json::to_string(text).unwrap());
                prop_assert!(String::from_utf8_lossy(&edited).contains(&member));
            }
        }
    }
}
