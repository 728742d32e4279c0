//! Rows, and how they are checked.

use std::collections::{BTreeMap, BTreeSet};

use beadlet_testbed::Namespace;
use futures::{StreamExt, stream::iter};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, PostParams},
    core::GroupVersionKind,
};
use serde_json::{Value, json};

use super::{
    super::{crds::testbed_with_kinds, scheduler_town::merge},
    schema::{Leaf, leaves, name, put, spec_of},
};

/// How many rows are checked at once.
const AT_ONCE: usize = 16;

/// What is changed, and what comes of it.
#[derive(Clone, Debug)]
pub(super) struct Row {
    path: String,
    /// What holds before and after the change: patches (RFC 7396) over the base of the table, one after the other.
    given: Vec<Value>,
    change: Change,
}

#[derive(Clone, Debug)]
enum Change {
    /// To this value. A line of what is decided, named by a part of it, becomes another.
    To { value: Value, shows: String },
    /// A structure that goes into the pod as it is: each leaf below the path is changed and shows under its own name.
    Whole,
    /// The API server refuses this value, with these words.
    Refused { value: Value, words: String },
}

/// A change to `value` that shows in a line with this part: its place, or what stands there.
pub(super) fn row(path: &str, value: impl Into<Value>, shows: &str) -> Row {
    let (value, shows) = (value.into(), shows.to_owned());
    Row::new(path, Change::To { value, shows })
}

/// A structure that goes into the pod as it is. What is given should fill it.
pub(super) fn whole(path: &str) -> Row {
    Row::new(path, Change::Whole)
}

/// A value that is refused.
pub(super) fn refused(path: &str, value: impl Into<Value>, words: &str) -> Row {
    let (value, words) = (value.into(), words.to_owned());
    Row::new(path, Change::Refused { value, words })
}

impl Row {
    fn new(path: &str, change: Change) -> Self {
        Self {
            path: path.to_owned(),
            given: Vec::new(),
            change,
        }
    }

    pub(super) fn given(mut self, patch: Value) -> Self {
        self.given.push(patch);
        self
    }

    /// Before everything else that is given.
    pub(super) fn given_first(mut self, patch: Value) -> Self {
        self.given.insert(0, patch);
        self
    }

    /// The same row for a structure that stands under `path` of another one.
    pub(super) fn under(self, path: &str) -> Self {
        let nested = |patch: Value| {
            let mut outer = json!({});
            put(&mut outer, path, patch);
            outer
        };
        Self {
            path: format!("{path}.{}", self.path),
            given: self.given.into_iter().map(nested).collect(),
            change: self.change,
        }
    }

    fn covers(&self, leaf: &Leaf) -> bool {
        match self.change {
            Change::Whole => leaf
                .path
                .strip_prefix(&self.path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
            _ => leaf.path == self.path,
        }
    }

    /// One row for each leaf of a whole structure.
    fn expanded(self, leaves: &[Leaf]) -> Vec<Self> {
        if !matches!(self.change, Change::Whole) {
            return vec![self];
        }
        let below = leaves.iter().filter(|leaf| self.covers(leaf));
        below
            .map(|leaf| Self {
                given: self.given.clone(),
                ..row(&leaf.path, leaf.sample.clone(), name(&leaf.path))
            })
            .collect()
    }
}

/// Leaves without a row, and rows without a leaf.
fn uncovered(leaves: &[Leaf], rows: &[Row]) -> Vec<String> {
    let without_row = leaves
        .iter()
        .filter(|leaf| !rows.iter().any(|row| row.covers(leaf)))
        .map(|leaf| {
            format!(
                "field {} has no row: give it one that shows its effect",
                leaf.path
            )
        });
    let without_leaf = rows
        .iter()
        .filter(|row| !leaves.iter().any(|leaf| row.covers(leaf)))
        .map(|row| format!("row {} has no field: take it out", row.path));
    without_row.chain(without_leaf).collect()
}

/// Checks a table: `decided` gives what is decided about an object with a spec.
pub(super) async fn check(
    kind: &str,
    base: Value,
    rows: Vec<Row>,
    decided: impl Fn(&Value) -> Value,
) {
    let leaves = leaves(&spec_of(kind));
    let missing = uncovered(&leaves, &rows);
    assert!(missing.is_empty(), "{kind}:\n{}", missing.join("\n"));
    let namespace = testbed_with_kinds().await.namespace("fields").await;
    let server = Server::new(&namespace, kind);
    let rows = rows.into_iter().flat_map(|row| row.expanded(&leaves));
    let wrong: Vec<String> = iter(rows)
        .map(|row| checked(&server, &base, row, &decided))
        .buffered(AT_ONCE)
        .filter_map(async |answer| answer.err())
        .collect()
        .await;
    assert!(wrong.is_empty(), "{kind}:\n{}", wrong.join("\n\n"));
}

async fn checked(
    server: &Server,
    base: &Value,
    row: Row,
    decided: &impl Fn(&Value) -> Value,
) -> Result<(), String> {
    let path = &row.path;
    let of = |error: String| format!("{path}: {error}");
    let mut before = base.clone();
    row.given.iter().for_each(|patch| merge(&mut before, patch));
    let mut after = before.clone();
    match row.change {
        Change::Whole => unreachable!("it is expanded"),
        Change::Refused { value, words } => {
            server.admitted(&before).await.map_err(of)?;
            put(&mut after, path, value);
            match server.admitted(&after).await {
                Err(message) if message.contains(&words) => Ok(()),
                answer => Err(format!("{path}: not refused with {words:?}: {answer:?}")),
            }
        }
        Change::To { value, shows } => {
            put(&mut after, path, value);
            let (before, after) = (
                server.admitted(&before).await.map_err(of)?,
                server.admitted(&after).await.map_err(of)?,
            );
            let changed = difference(&decided(&before), &decided(&after));
            if changed.iter().any(|line| line.contains(&shows)) {
                Ok(())
            } else {
                Err(format!(
                    "{path}: no change shows in {shows:?}, only\n{changed:#?}"
                ))
            }
        }
    }
}

/// The API server as the keeper of the schema.
struct Server {
    api: Api<DynamicObject>,
    resource: ApiResource,
}

impl Server {
    fn new(namespace: &Namespace, kind: &str) -> Self {
        let gvk = GroupVersionKind::gvk("gastown.gastown.io", "v1alpha1", kind);
        let resource = ApiResource::from_gvk(&gvk);
        let client = namespace.client();
        let api = match kind {
            "Rig" => Api::all_with(client, &resource),
            _ => Api::namespaced_with(client, namespace.name(), &resource),
        };
        Self { api, resource }
    }

    /// The spec as the API server would keep it, or why it does not.
    async fn admitted(&self, spec: &Value) -> Result<Value, String> {
        let object = DynamicObject::new("fields", &self.resource).data(json!({"spec": spec}));
        let params = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        match self.api.create(&params, &object).await {
            Ok(mut kept) => Ok(kept.data["spec"].take()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The lines that are not in both.
fn difference(before: &Value, after: &Value) -> BTreeSet<String> {
    let (before, after) = (lines(before), lines(after));
    before.symmetric_difference(&after).cloned().collect()
}

/// A value as one line for each leaf: its place and what stands there. Elements of a list go by their name, where they have one.
fn lines(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    write(value, "", &mut found);
    found
}

fn write(value: &Value, place: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                write(value, &format!("{place}/{field}"), found);
            }
        }
        Value::Array(list) => {
            for (at, (value, name)) in list.iter().zip(names(list)).enumerate() {
                let name = name.unwrap_or_else(|| at.to_string());
                write(value, &format!("{place}/{name}"), found);
            }
        }
        leaf => {
            found.insert(format!("{place} = {leaf}"));
        }
    }
}

/// The name of each element that is the only one of its name.
fn names(list: &[Value]) -> Vec<Option<String>> {
    let name = |value: &Value| value["name"].as_str().map(str::to_owned);
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    list.iter()
        .filter_map(name)
        .for_each(|name| *count.entry(name).or_default() += 1);
    list.iter()
        .map(|value| name(value).filter(|name| count[name] == 1))
        .collect()
}

#[test]
fn field_without_a_row_and_row_without_a_field_are_named() {
    let leaf = |path: &str| Leaf {
        path: path.to_owned(),
        sample: json!("changed"),
    };
    let rows = [
        row("agent", "custom", "agent"),
        row("gone", "x", "x"),
        whole("resources"),
    ];
    let known = ["agent", "resources.limits{}", "resourcesToo"].map(leaf);
    let named = uncovered(&known, &rows);
    assert_eq!(
        named,
        [
            "field resourcesToo has no row: give it one that shows its effect",
            "row gone has no field: take it out"
        ]
    );
}
