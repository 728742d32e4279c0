//! The CRDs against the files of `deploy/crds`, and against the API that gastown-operator's users have.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion, JSONSchemaProps,
    JSONSchemaPropsOrArray,
};
use serde_json::Value;

use super::{crds, file_name};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn crd_files_are_those_of_the_types() {
    // A chart has everything that it installs in its own folder.
    let folders = ["deploy/crds", "deploy/chart/beadlet/files/crds"];
    let paths = |name: &str| folders.map(|folder| repository().join(folder).join(name));
    for (crd, path) in crds()
        .iter()
        .flat_map(|crd| paths(&file_name(crd)).map(|path| (crd, path)))
    {
        let wanted = format!(
            "# Generated from store/src/kinds: UPDATE=1 cargo test -p beadlet-store crd_files\n{}",
            serde_saphyr::to_string(crd).unwrap()
        );
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == wanted,
            "{} is not what the types say: run the command in its first line",
            path.display()
        );
    }
}

/// Kinds of theirs that come later.
const NOT_YET: [&str; 2] = ["Witness", "Refinery"];

/// Defaults of theirs that are not in our schema. A default in the schema is written into every object and would hide what the Rig's
/// template says; each of these holds all the same when neither says anything (`beadlet-scheduler` resolves them).
const DEFAULT_ELSEWHERE: [(&str, &str); 7] = [
    ("Polecat", "spec.agent"),
    ("Polecat", "spec.agentConfig.provider"),
    // Absent means Working where there is something to work on: the Polecat of the README says no desiredState.
    ("Polecat", "spec.desiredState"),
    ("Polecat", "spec.kubernetes.activeDeadlineSeconds"),
    ("Polecat", "spec.kubernetes.gitBranch"),
    ("Polecat", "spec.kubernetes.sshStrictHostKeyChecking"),
    // Depends on whether the repository is a local path.
    ("BeadStore", "spec.syncInterval"),
];

/// One line of `fields.tsv`.
struct Field {
    kind: String,
    scope: String,
    path: String,
    r#type: String,
    required: bool,
    constraints: String,
}

fn their_fields() -> Vec<Field> {
    let text =
        std::fs::read_to_string(repository().join("../shared/compat/gastown-operator/fields.tsv"))
            .unwrap();
    let rows = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut cells = line.split('\t').map(str::to_owned);
            let mut cell = || cells.next().unwrap_or_default();
            Field {
                kind: cell(),
                scope: cell(),
                path: cell(),
                r#type: cell(),
                required: cell() == "required",
                constraints: cell(),
            }
        });
    rows.filter(|row| !NOT_YET.contains(&row.kind.as_str()))
        .collect()
}

fn ours() -> BTreeMap<String, CustomResourceDefinition> {
    crds()
        .into_iter()
        .map(|crd| (crd.spec.names.kind.clone(), crd))
        .collect()
}

fn version(crd: &CustomResourceDefinition) -> &CustomResourceDefinitionVersion {
    assert_eq!(crd.spec.versions.len(), 1);
    &crd.spec.versions[0]
}

fn root(crd: &CustomResourceDefinition) -> &JSONSchemaProps {
    version(crd)
        .schema
        .as_ref()
        .unwrap()
        .open_api_v3_schema
        .as_ref()
        .unwrap()
}

/// The schema at a dotted path, and whether the schema around it demands it.
fn at<'a>(crd: &'a CustomResourceDefinition, path: &str) -> Option<(&'a JSONSchemaProps, bool)> {
    let mut schema = root(crd);
    let mut required = false;
    for key in path.split('.') {
        required = schema.required.iter().flatten().any(|name| name == key);
        schema = schema.properties.as_ref()?.get(key)?;
    }
    Some((schema, required))
}

#[test]
fn kinds_have_their_plural_scope_group_and_version() {
    let plurals = BTreeMap::from([
        ("BeadStore", "beadstores"),
        ("Rig", "rigs"),
        ("Polecat", "polecats"),
        ("Convoy", "convoys"),
    ]);
    let ours = ours();
    for field in their_fields() {
        let crd = &ours[&field.kind];
        assert_eq!(crd.spec.scope, field.scope, "{}", field.kind);
        assert_eq!(crd.spec.names.plural, plurals[field.kind.as_str()]);
        assert_eq!(
            (crd.spec.group.as_str(), version(crd).name.as_str()),
            ("gastown.gastown.io", "v1alpha1")
        );
    }
}

#[test]
fn every_field_of_theirs_is_here_with_the_same_type() {
    let ours = ours();
    for field in their_fields()
        .into_iter()
        .filter(|field| !field.path.starts_with("(column)"))
    {
        let (schema, _) = at(&ours[&field.kind], &field.path)
            .unwrap_or_else(|| panic!("{} {} is missing", field.kind, field.path));
        assert_eq!(
            schema.type_.as_deref(),
            Some(field.r#type.as_str()),
            "{} {}",
            field.kind,
            field.path
        );
    }
}

#[test]
fn every_column_of_theirs_is_here() {
    let ours = ours();
    for field in their_fields() {
        let Some(name) = field.path.strip_prefix("(column) ") else {
            continue;
        };
        let columns = version(&ours[&field.kind])
            .additional_printer_columns
            .as_ref()
            .unwrap();
        let column = columns
            .iter()
            .find(|column| column.name == name)
            .unwrap_or_else(|| panic!("{} {name}", field.kind));
        assert_eq!(
            (&column.type_, &column.json_path),
            (&field.r#type, &field.constraints),
            "{} {name}",
            field.kind
        );
        assert_eq!(
            column.priority.unwrap_or_default(),
            0,
            "{} {name} is shown without -o wide",
            field.kind
        );
    }
}

#[test]
fn nothing_is_demanded_that_theirs_does_not_demand() {
    let theirs: BTreeMap<_, _> = their_fields()
        .into_iter()
        .map(|f| ((f.kind, f.path), f.required))
        .collect();
    let ours = ours();
    for ((kind, path), required) in &theirs {
        let demanded = at(&ours[kind], path).is_some_and(|(_, required)| required);
        // An object without a spec says nothing at all: theirs accepted it and did nothing.
        assert!(
            !demanded || *required || path == "spec",
            "{kind} {path} is required here only"
        );
    }
    for (kind, crd) in &ours {
        for name in root(crd).properties.as_ref().unwrap()["spec"]
            .required
            .iter()
            .flatten()
        {
            assert_eq!(
                theirs.get(&(kind.clone(), format!("spec.{name}"))),
                Some(&true),
                "{kind} spec.{name}"
            );
        }
    }
}

#[test]
fn every_constraint_of_theirs_is_ours_or_wider() {
    let ours = ours();
    for field in their_fields()
        .into_iter()
        .filter(|field| field.constraints.starts_with('{'))
    {
        let (schema, _) = at(&ours[&field.kind], &field.path).unwrap();
        let constraints: BTreeMap<String, Value> =
            serde_json::from_str(&field.constraints).unwrap();
        for (keyword, theirs) in constraints {
            assert!(
                is_wider(&field, schema, &keyword, &theirs),
                "{} {} {keyword} {theirs}",
                field.kind,
                field.path
            );
        }
    }
}

fn is_wider(field: &Field, schema: &JSONSchemaProps, keyword: &str, theirs: &Value) -> bool {
    match keyword {
        "enum" => {
            let ours: Vec<&Value> = schema
                .enum_
                .iter()
                .flatten()
                .map(|value| &value.0)
                .collect();
            theirs
                .as_array()
                .unwrap()
                .iter()
                .all(|value| ours.contains(&value))
        }
        "default" => {
            DEFAULT_ELSEWHERE.contains(&(field.kind.as_str(), field.path.as_str()))
                || schema
                    .default
                    .as_ref()
                    .is_some_and(|ours| ours.0 == *theirs)
        }
        "minimum" => schema
            .minimum
            .is_none_or(|ours| ours <= theirs.as_f64().unwrap()),
        "maximum" => schema
            .maximum
            .is_none_or(|ours| ours >= theirs.as_f64().unwrap()),
        "minLength" => schema
            .min_length
            .is_none_or(|ours| ours <= theirs.as_i64().unwrap()),
        // What their patterns accept is tried against the API server, in tests/it/crds.rs: ours are rules with a message.
        "pattern" => schema.pattern.is_none() && schema.x_kubernetes_validations.is_some(),
        other => panic!("fields.tsv has a constraint this test does not know: {other}"),
    }
}

#[test]
fn every_field_says_what_it_is_for() {
    fn walk(path: &str, schema: &JSONSchemaProps, silent: &mut Vec<String>) {
        for (name, property) in schema.properties.iter().flatten() {
            let path = format!("{path}.{name}");
            if property
                .description
                .as_deref()
                .is_none_or(|text| text.trim().is_empty())
            {
                silent.push(path.clone());
            }
            walk(&path, property, silent);
        }
        if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
            walk(&format!("{path}[]"), items, silent);
        }
    }
    let mut silent = Vec::new();
    for (kind, crd) in ours() {
        walk(
            &kind,
            &root(&crd).properties.as_ref().unwrap()["spec"],
            &mut silent,
        );
    }
    assert!(silent.is_empty(), "{silent:#?}");
}
