//! Each value has its effect and its type, and the program knows what the chart tells it.

use std::{fs, process::Command, thread};

use serde_json::{Value, json};

use super::{
    helm::{chart, helm, objects, repository, template, try_template},
    table::{Row, rows},
};
use crate::scheduler_town::merge;

fn schema() -> Value {
    serde_json::from_str(&fs::read_to_string(chart().join("values.schema.json")).unwrap()).unwrap()
}

fn defaults() -> Value {
    serde_saphyr::from_str(&fs::read_to_string(chart().join("values.yaml")).unwrap()).unwrap()
}

/// The values that the schema has, by path, without those that are parts of others.
fn leaves(schema: &Value, above: &str, found: &mut Vec<String>) {
    for (name, inner) in schema["properties"].as_object().unwrap() {
        let path = join(above, name);
        if inner["properties"].is_object() {
            leaves(inner, &path, found);
        } else if path != "global" {
            found.push(path);
        }
    }
}

fn join(above: &str, name: &str) -> String {
    if above.is_empty() {
        name.into()
    } else {
        format!("{above}.{name}")
    }
}

/// Values in which only this one is set.
fn only(path: &str, value: Value) -> Value {
    path.rsplit('.')
        .fold(value, |inner, name| json!({name: inner}))
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

/// What is wrong with what a row says.
fn fault(row: &Row) -> Option<String> {
    let mut values = row.beside.clone();
    let before = template("beadlet", &values);
    merge(&mut values, &only(row.path, row.value.clone()));
    let after = template("beadlet", &values);
    let (there, not_there, part) = match row.shows.strip_prefix('!') {
        Some(part) => (&before, &after, part),
        None => (&after, &before, row.shows),
    };
    let is_so = there.contains(part) && !not_there.contains(part);
    (!is_so).then(|| format!("{} does not change {part:?}", row.path))
}

#[test]
fn every_value_has_its_effect() {
    let rows = rows();
    let halves: Vec<Vec<String>> = thread::scope(|scope| {
        let check = |part: &[Row]| part.iter().filter_map(fault).collect();
        let (first, second) = rows.split_at(rows.len() / 2);
        let other = scope.spawn(move || check(second));
        vec![check(first), other.join().unwrap()]
    });
    assert_eq!(halves.concat(), [""; 0]);
}

#[test]
fn every_value_is_in_the_schema_the_defaults_and_the_table() {
    let mut known = Vec::new();
    leaves(&schema(), "", &mut known);
    let known = sorted(known);
    let tabled = sorted(rows().iter().map(|row| row.path.to_owned()).collect());
    assert_eq!(known, tabled);
    let defaults = defaults();
    for path in known {
        let pointer = format!("/{}", path.replace('.', "/"));
        assert!(
            defaults.pointer(&pointer).is_some(),
            "{path} has no default"
        );
    }
}

/// Values of the wrong type for each that there is, and one more at each place that nobody knows.
fn wrong(schema: &Value) -> Value {
    let properties = schema["properties"].as_object().unwrap();
    let mut values: serde_json::Map<String, Value> = properties
        .iter()
        .filter(|(name, _)| *name != "global")
        .map(|(name, inner)| {
            let value = match &inner["type"] {
                _ if inner["properties"].is_object() => wrong(inner),
                kind if kind == "object" => json!("wrong"),
                _ => json!({"wrong": true}),
            };
            (name.clone(), value)
        })
        .collect();
    values.insert("unheardOf".into(), json!(1));
    values.into()
}

#[test]
fn value_of_the_wrong_type_or_an_unknown_name_is_refused() {
    let schema = schema();
    let refusal = try_template("beadlet", &wrong(&schema)).unwrap_err();
    let mut known = Vec::new();
    leaves(&schema, "", &mut known);
    for path in &known {
        let pointer = format!("'/{}'", path.replace('.', "/"));
        assert!(refusal.contains(&pointer), "{path}: {refusal}");
    }
    let places = known.iter().filter_map(|path| path.rsplit_once('.'));
    let places: std::collections::BTreeSet<&str> = places.map(|(place, _)| place).collect();
    assert_eq!(
        refusal.matches("unheardOf").count(),
        places.len() + 2,
        "each place, the top, and `agents`, which holds only places: {refusal}"
    );
}

#[test]
fn chart_is_without_a_fault_by_helms_own_rules() {
    let chart = chart();
    for values in [json!({}), json!({"scope": "Namespace"})] {
        let output = helm(&["lint", "--strict", chart.to_str().unwrap()], &values);
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn chart_is_of_the_version_of_the_program() {
    let chart: Value =
        serde_saphyr::from_str(&fs::read_to_string(chart().join("Chart.yaml")).unwrap()).unwrap();
    for field in ["version", "appVersion"] {
        assert_eq!(chart[field], env!("CARGO_PKG_VERSION"));
    }
}

/// A renamed flag must not leave the chart behind.
#[test]
fn program_knows_what_the_chart_tells_it() {
    let values =
        json!({"scope": "Namespace", "authorEmail": "p@example.com", "crds": {"enabled": false}});
    let objects = objects(&template("beads", &values));
    for (kind, settings) in [("Deployment", 12), ("Job", 3)] {
        let object = objects.iter().find(|object| object["kind"] == kind);
        let container = &object.unwrap()["spec"]["template"]["spec"]["containers"][0];
        let arguments = container["args"].as_array().unwrap();
        let mut arguments = arguments.iter().map(|argument| argument.as_str().unwrap());
        let help = help(arguments.next().unwrap());
        let environment = container["env"].as_array().unwrap();
        assert!(environment.len() >= settings, "{environment:?}");
        for variable in environment {
            let name = variable["name"].as_str().unwrap();
            assert!(help.contains(&format!("env: {name}")), "{name}");
        }
        for argument in arguments {
            assert!(help.contains(argument), "{argument}");
        }
    }
}

fn help(command: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_beadlet"))
        .args([command, "--help"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn containerfile_and_chart_agree_on_who_runs() {
    let file =
        fs::read_to_string(repository().join("deploy/images/beadlet.Containerfile")).unwrap();
    assert!(file.contains("ENTRYPOINT [\"beadlet\"]"));
    let user = &defaults()["podSecurityContext"];
    assert!(user["runAsNonRoot"] == true && user["runAsUser"].as_u64() > Some(0));
}
