//! The leaves of a kind's spec, and how to reach them in an object.
//!
//! A path is written with dots; `[]` stands for the elements of a list, `{}` for the values of a map: `tolerations[].key`.

use beadlet_store::kinds::crds;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::{Value, json};

/// The key under which a changed value of a map is put.
const KEY: &str = "example.com/changed";

/// A field that has no fields of its own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Leaf {
    pub(super) path: String,
    /// A value of its type.
    pub(super) sample: Value,
}

/// The schema of a kind's spec.
pub(super) fn spec_of(kind: &str) -> JSONSchemaProps {
    let crd = crds()
        .into_iter()
        .find(|crd| crd.spec.names.kind == kind)
        .unwrap();
    let schema = crd.spec.versions[0].schema.clone().unwrap();
    schema
        .open_api_v3_schema
        .unwrap()
        .properties
        .unwrap()
        .remove("spec")
        .unwrap()
}

/// All leaves, in the order of the schema.
pub(super) fn leaves(schema: &JSONSchemaProps) -> Vec<Leaf> {
    let mut found = Vec::new();
    walk(schema, String::new(), &mut found);
    found
}

fn walk(schema: &JSONSchemaProps, path: String, found: &mut Vec<Leaf>) {
    if let Some(properties) = &schema.properties {
        for (name, property) in properties {
            let dot = if path.is_empty() { "" } else { "." };
            walk(property, format!("{path}{dot}{name}"), found);
        }
    } else if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
        walk(items, format!("{path}[]"), found);
    } else if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
        walk(values, format!("{path}{{}}"), found);
    } else {
        found.push(Leaf {
            sample: sample(schema),
            path,
        });
    }
}

fn sample(schema: &JSONSchemaProps) -> Value {
    match schema.type_.as_deref() {
        Some("integer") => json!(7),
        Some("boolean") => json!(true),
        _ if schema.x_kubernetes_int_or_string == Some(true) => json!("7"),
        _ => json!("changed"),
    }
}

/// The name of the field itself.
pub(super) fn name(path: &str) -> &str {
    path.rsplit('.')
        .next()
        .unwrap()
        .trim_end_matches(['[', ']', '{', '}'])
}

/// Puts `value` at `path`: into the first element of a list, under a key of its own in a map. What is missing on the way is made.
pub(super) fn put(object: &mut Value, path: &str, value: Value) {
    let mut place = object;
    for step in path.split('.') {
        let field = step.trim_end_matches(['[', ']', '{', '}']);
        place = &mut place[field];
        if step.ends_with("[]") {
            let list = place.as_array_mut();
            if list.is_none_or(|list| list.is_empty()) {
                *place = json!([null]);
            }
            place = &mut place[0];
        } else if step.ends_with("{}") {
            place = &mut place[KEY];
        }
    }
    *place = value;
}

#[test]
fn leaves_are_found_in_lists_and_maps_and_can_be_reached() {
    let paths: Vec<String> = leaves(&spec_of("Polecat"))
        .into_iter()
        .map(|leaf| leaf.path)
        .collect();
    let mut object = json!({"kubernetes": {"tolerations": [{"key": "k"}]}});
    for path in [
        "beadID",
        "kubernetes.tolerations[].key",
        "kubernetes.nodeSelector{}",
        "agentConfig.args[]",
    ] {
        assert!(paths.iter().any(|known| known == path), "{path}");
        put(&mut object, path, json!("new"));
    }
    let expected = json!({"beadID": "new", "agentConfig": {"args": ["new"]},
        "kubernetes": {"tolerations": [{"key": "new"}], "nodeSelector": {KEY: "new"}}});
    assert_eq!(object, expected);
}
