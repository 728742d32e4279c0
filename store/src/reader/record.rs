//! One line as a record: the fields that decide something, each as the file has it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::value::{Field, Seed, Value};
use crate::issue::Dependency;

type Text<'a> = Cow<'a, str>;

/// The deciding fields of a line; `None` where the file has none or `null`.
#[derive(Debug, Default)]
pub(super) struct Record<'a> {
    /// The line is the header of a stable export.
    pub(super) is_header: bool,
    pub(super) dolt_commit: Option<Text<'a>>,
    /// `_type`.
    pub(super) kind: Option<Text<'a>>,
    pub(super) id: Option<Text<'a>>,
    pub(super) title: Option<Text<'a>>,
    pub(super) status: Option<Text<'a>>,
    pub(super) issue_type: Option<Text<'a>>,
    pub(super) priority: Option<i64>,
    pub(super) assignee: Option<Text<'a>>,
    pub(super) created_at: Option<Text<'a>>,
    pub(super) updated_at: Option<Text<'a>>,
    pub(super) closed_at: Option<Text<'a>>,
    pub(super) defer_until: Option<Text<'a>>,
    pub(super) close_reason: Option<Text<'a>>,
    pub(super) pinned: Option<bool>,
    pub(super) ephemeral: Option<bool>,
    pub(super) wisp: Option<bool>,
    pub(super) is_template: Option<bool>,
    pub(super) labels: Option<Vec<Text<'a>>>,
    pub(super) dependencies: Option<Vec<Dependency<'a>>>,
    /// `_deleted`.
    pub(super) is_deletion: Option<bool>,
    /// `_deleted_at`, of a deletion marker.
    pub(super) deletion_at: Option<Text<'a>>,
    /// `deleted_at`, of a tombstone.
    pub(super) deleted_at: Option<Text<'a>>,
    /// The first deciding field that has a value of the wrong type.
    pub(super) wrong: Option<WrongType>,
}

/// A field whose value is of the wrong type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrongType {
    pub(super) field: &'static str,
    pub(super) found: Cow<'static, str>,
    pub(super) wanted: &'static str,
}

/// Parses a line that is JSON.
///
/// # Errors
/// When the line is not JSON, or JSON but not an object (`is_data`).
pub(super) fn parse(line: &str) -> Result<Record<'_>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let record = deserializer.deserialize_map(RecordVisitor)?;
    deserializer.end()?;
    Ok(record)
}

impl Record<'_> {
    /// The same record without borrowing from the line.
    pub(super) fn into_owned(self) -> Record<'static> {
        let own = |text: Option<Text<'_>>| text.map(owned);
        Record {
            is_header: self.is_header,
            dolt_commit: own(self.dolt_commit),
            kind: own(self.kind),
            id: own(self.id),
            title: own(self.title),
            status: own(self.status),
            issue_type: own(self.issue_type),
            priority: self.priority,
            assignee: own(self.assignee),
            created_at: own(self.created_at),
            updated_at: own(self.updated_at),
            closed_at: own(self.closed_at),
            defer_until: own(self.defer_until),
            close_reason: own(self.close_reason),
            pinned: self.pinned,
            ephemeral: self.ephemeral,
            wisp: self.wisp,
            is_template: self.is_template,
            labels: self
                .labels
                .map(|labels| labels.into_iter().map(owned).collect()),
            dependencies: self
                .dependencies
                .map(|edges| edges.into_iter().map(owned_edge).collect()),
            is_deletion: self.is_deletion,
            deletion_at: own(self.deletion_at),
            deleted_at: own(self.deleted_at),
            wrong: self.wrong,
        }
    }
}

fn owned(text: Text<'_>) -> Text<'static> {
    Cow::Owned(text.into_owned())
}

fn owned_edge(edge: Dependency<'_>) -> Dependency<'static> {
    Dependency {
        issue_id: owned(edge.issue_id),
        depends_on_id: owned(edge.depends_on_id),
        kind: owned(edge.kind),
        metadata: edge.metadata.map(owned),
    }
}

struct RecordVisitor;

impl<'de> Visitor<'de> for RecordVisitor {
    type Value = Record<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record<'de>, A::Error> {
        let mut record = Record::default();
        while let Some(key) = map.next_key_seed(KeySeed)? {
            record.take(&key, &mut map)?;
        }
        Ok(record)
    }
}

impl<'de> Record<'de> {
    /// Takes the value of `key`, which replaces an earlier one.
    fn take<A: MapAccess<'de>>(&mut self, key: &Key, map: &mut A) -> Result<(), A::Error> {
        let wrong = &mut self.wrong;
        match key.as_str() {
            "_schema" => self.is_header = map.next_value::<Option<IgnoredAny>>()?.is_some(),
            "_dolt_commit" => self.dolt_commit = text(map, "_dolt_commit", wrong)?,
            "_type" => self.kind = text(map, "_type", wrong)?,
            "id" => self.id = text(map, "id", wrong)?,
            "title" => self.title = text(map, "title", wrong)?,
            "status" => self.status = text(map, "status", wrong)?,
            "issue_type" => self.issue_type = text(map, "issue_type", wrong)?,
            "priority" => self.priority = next(map, "priority", "a whole number", wrong)?,
            "assignee" => self.assignee = text(map, "assignee", wrong)?,
            "created_at" => self.created_at = text(map, "created_at", wrong)?,
            "updated_at" => self.updated_at = text(map, "updated_at", wrong)?,
            "closed_at" => self.closed_at = text(map, "closed_at", wrong)?,
            "defer_until" => self.defer_until = text(map, "defer_until", wrong)?,
            "close_reason" => self.close_reason = text(map, "close_reason", wrong)?,
            "pinned" => self.pinned = truth(map, "pinned", wrong)?,
            "ephemeral" => self.ephemeral = truth(map, "ephemeral", wrong)?,
            "wisp" => self.wisp = truth(map, "wisp", wrong)?,
            "is_template" => self.is_template = truth(map, "is_template", wrong)?,
            "labels" => self.labels = next(map, "labels", "a list of strings", wrong)?,
            "dependencies" => {
                self.dependencies = next(map, "dependencies", "a list of edges", wrong)?
            }
            "_deleted" => self.is_deletion = truth(map, "_deleted", wrong)?,
            "_deleted_at" => self.deletion_at = text(map, "_deleted_at", wrong)?,
            "deleted_at" => self.deleted_at = text(map, "deleted_at", wrong)?,
            _ => {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

fn text<'de, A: MapAccess<'de>>(
    map: &mut A,
    field: &'static str,
    wrong: &mut Option<WrongType>,
) -> Result<Option<Text<'de>>, A::Error> {
    next(map, field, "a string", wrong)
}

fn truth<'de, A: MapAccess<'de>>(
    map: &mut A,
    field: &'static str,
    wrong: &mut Option<WrongType>,
) -> Result<Option<bool>, A::Error> {
    next(map, field, "true or false", wrong)
}

fn next<'de, T: Field<'de>, A: MapAccess<'de>>(
    map: &mut A,
    field: &'static str,
    wanted: &'static str,
    wrong: &mut Option<WrongType>,
) -> Result<Option<T>, A::Error> {
    Ok(match map.next_value_seed(Seed::<T>::new())? {
        Value::Is(value) => Some(value),
        Value::Absent => None,
        Value::Wrong(found) => {
            wrong.get_or_insert(WrongType {
                field,
                found,
                wanted,
            });
            None
        }
    })
}

impl<'de> Field<'de> for Dependency<'de> {
    fn from_map<A: MapAccess<'de>>(mut map: A) -> Result<Value<Self>, A::Error> {
        let (mut issue_id, mut depends_on_id, mut kind, mut metadata) = (None, None, None, None);
        let mut wrong = None;
        while let Some(key) = map.next_key_seed(KeySeed)? {
            match key.as_str() {
                "issue_id" => issue_id = text(&mut map, "issue_id", &mut wrong)?,
                "depends_on_id" => depends_on_id = text(&mut map, "depends_on_id", &mut wrong)?,
                "type" => kind = text(&mut map, "type", &mut wrong)?,
                "metadata" => metadata = text(&mut map, "metadata", &mut wrong)?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(match wrong {
            Some(wrong) => {
                Value::Wrong(format!("an edge whose {} is {}", wrong.field, wrong.found).into())
            }
            None => Value::Is(Dependency {
                issue_id: issue_id.unwrap_or_default(),
                depends_on_id: depends_on_id.unwrap_or_default(),
                kind: kind.unwrap_or_default(),
                metadata,
            }),
        })
    }
}

/// The longest key that we know.
const LONGEST_KEY: usize = 13;

/// A key in lower case, as the tracker matches keys without regard to case; empty for one that cannot be ours.
struct Key {
    bytes: [u8; LONGEST_KEY],
    len: usize,
}

impl Key {
    fn new(key: &str) -> Self {
        let mut bytes = [0; LONGEST_KEY];
        let Some(head) = bytes.get_mut(..key.len()) else {
            return Self { bytes, len: 0 };
        };
        head.copy_from_slice(key.as_bytes());
        head.make_ascii_lowercase();
        Self {
            bytes,
            len: key.len(),
        }
    }

    fn as_str(&self) -> &str {
        self.bytes
            .get(..self.len)
            .and_then(|key| std::str::from_utf8(key).ok())
            .unwrap_or_default()
    }
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
        Ok(Key::new(key))
    }
}
