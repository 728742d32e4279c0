//! Whether a bead says something else than before.

use std::fmt;

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Fingerprint of what a bead says, independent of the order of keys and of what the tracker derives from other beads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Revision(String);

/// Counts that change because of other beads (`spec/beads.md` §1.1).
const DERIVED: [&str; 3] = ["dependency_count", "dependent_count", "comment_count"];

impl Revision {
    /// Of one line of the issue file. A line that is not JSON is taken as it is.
    #[must_use]
    pub fn of(line: &[u8]) -> Self {
        let mut hash = Sha256::new();
        match serde_json::from_slice::<Value>(line) {
            Ok(Value::Object(fields)) => {
                let said = fields
                    .into_iter()
                    .filter(|(key, _)| !DERIVED.contains(&key.as_str()));
                feed(&mut hash, &Value::Object(said.collect()));
            }
            _ => hash.update(line),
        }
        let digest = hash.finalize();
        Self(HEXLOWER.encode(&digest[..8]))
    }

    /// One that was written down before.
    #[must_use]
    pub fn noted(text: &str) -> Self {
        Self(text.to_owned())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Feeds a value with its keys in order. Lengths and tags keep `["ab"]` and `["a","b"]` apart.
fn feed(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            tag(hash, b'{', fields.len());
            for (key, value) in fields {
                text(hash, key);
                feed(hash, value);
            }
        }
        Value::Array(values) => {
            tag(hash, b'[', values.len());
            values.iter().for_each(|value| feed(hash, value));
        }
        Value::String(string) => text(hash, string),
        scalar => {
            tag(hash, b'#', 0);
            text(hash, &scalar.to_string());
        }
    }
}

fn text(hash: &mut Sha256, text: &str) {
    tag(hash, b'"', text.len());
    hash.update(text);
}

fn tag(hash: &mut Sha256, tag: u8, length: usize) {
    hash.update([tag]);
    hash.update((length as u64).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        Revision::of(a.as_bytes()) == Revision::of(b.as_bytes())
    }

    #[test]
    fn order_of_keys_and_spaces_are_nothing_new() {
        assert!(same(
            r#"{"id":"a","title":"t"}"#,
            r#"{ "title": "t", "id": "a" }"#
        ));
    }

    #[test]
    fn what_other_beads_change_is_nothing_new() {
        assert!(same(
            r#"{"id":"a","dependent_count":1}"#,
            r#"{"id":"a","dependent_count":7,"comment_count":2}"#
        ));
    }

    #[test]
    fn every_other_field_is_something_new() {
        for other in [
            r#"{"id":"a","title":"u","labels":["ab"]}"#,
            r#"{"id":"a","title":"t","labels":["a","b"]}"#,
            r#"{"id":"a","title":"t","labels":["ab"],"notes":""}"#,
            r#"{"id":"a","title":"t","labels":["ab"],"priority":0}"#,
            r#"{"id":"a","title":"t"}"#,
        ] {
            assert!(
                !same(r#"{"id":"a","title":"t","labels":["ab"]}"#, other),
                "{other}"
            );
        }
    }
}
