//! What dashboard and alerts ask for is there, by name and label.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use beadlet_store::kinds::FailureClass;
use promql_parser::{
    label::Matchers,
    parser::{self, AggregateExpr, Expr, LabelModifier, VectorSelector},
    util::{ExprVisitor, walk_expr},
};
use serde_json::{Value, from_value, json};

use super::helm::{chart, objects, repository, template};

/// What Prometheus knows of whom it asked.
const TARGET: [&str; 6] = ["job", "instance", "namespace", "pod", "service", "endpoint"];

/// The labels of each metric, by its documented name.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let reference = fs::read_to_string(repository().join("docs/reference.md")).unwrap();
    let rows = reference
        .lines()
        .filter(|line| line.starts_with("| `beadlet_"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let words = |cell: &str| -> BTreeSet<String> {
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        };
        (cells[1].trim_matches('`').to_owned(), words(cells[3]))
    };
    rows.map(row).collect()
}

/// The labels that the series of this name have; a histogram has several names.
fn labels(name: &str) -> Option<BTreeSet<String>> {
    let documented = documented();
    if let Some(labels) = documented.get(name) {
        return Some(labels.clone());
    }
    let base = ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|part| name.strip_suffix(part))?;
    let mut labels = documented.get(base)?.clone();
    labels.insert("le".into());
    Some(labels)
}

/// What is wrong in an expression.
#[derive(Default)]
struct Review {
    wrong: Vec<String>,
    /// The labels of every series that was met.
    met: BTreeSet<String>,
    /// The labels by which is grouped.
    grouped: BTreeSet<String>,
    metrics: usize,
}

impl Review {
    fn series(&mut self, name: &str, matchers: &Matchers) {
        self.metrics += 1;
        let Some(labels) = labels(name) else {
            self.wrong.push(format!("there is no {name}"));
            return;
        };
        for matcher in &matchers.matchers {
            let is_known = labels.contains(&matcher.name) || TARGET.contains(&&*matcher.name);
            if !is_known {
                self.wrong.push(format!("{name} has no {}", matcher.name));
            }
            if matcher.name == "outcome" && name.contains("polecats") {
                self.outcomes(&matcher.value);
            }
        }
        if !matchers
            .matchers
            .iter()
            .any(|matcher| matcher.name == "job")
        {
            self.wrong.push(format!("{name} of any program"));
        }
        self.met.extend(labels);
    }

    fn outcomes(&mut self, values: &str) {
        for value in values.split('|').filter(|value| *value != "Ended") {
            if from_value::<FailureClass>(json!(value)).is_err() {
                self.wrong.push(format!("there is no outcome {value}"));
            }
        }
    }

    fn aggregate(&mut self, aggregate: &AggregateExpr) {
        match &aggregate.modifier {
            Some(LabelModifier::Include(labels)) => {
                self.grouped.extend(labels.labels.iter().cloned());
            }
            Some(LabelModifier::Exclude(_)) => self.wrong.push("`without` is not checked".into()),
            None => {}
        }
    }
}

impl ExprVisitor for Review {
    type Error = String;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, String> {
        match expr {
            Expr::VectorSelector(VectorSelector { name, matchers, .. }) => {
                self.series(name.as_deref().unwrap_or_default(), matchers);
            }
            Expr::MatrixSelector(range) => {
                let VectorSelector { name, matchers, .. } = &range.vs;
                self.series(name.as_deref().unwrap_or_default(), matchers);
            }
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            _ => {}
        }
        Ok(true)
    }
}

/// What is wrong in an expression, with the expression.
fn faults(expression: &str) -> Vec<String> {
    let parsed = match parser::parse(expression) {
        Ok(parsed) => parsed,
        Err(error) => return vec![format!("{expression}: {error}")],
    };
    let mut review = Review::default();
    walk_expr(&mut review, &parsed).unwrap();
    let unknown = review.grouped.difference(&review.met);
    let unknown = unknown.map(|label| format!("grouped by {label}, which nothing has"));
    let mut faults: Vec<String> = unknown.collect();
    faults.append(&mut review.wrong);
    if review.metrics == 0 {
        faults.push("it asks for nothing".into());
    }
    let with_expression = |fault| format!("{expression}: {fault}");
    faults.into_iter().map(with_expression).collect()
}

fn dashboard() -> Value {
    let file = fs::read_to_string(chart().join("files/dashboard.json")).unwrap();
    serde_json::from_str(&file).unwrap()
}

fn alerts() -> Vec<Value> {
    let values = json!({"crds": {"enabled": false}, "prometheusRule": {"enabled": true}});
    let mut all = objects(&template("beadlet", &values)).into_iter();
    let mut rule = all
        .find(|object| object["kind"] == "PrometheusRule")
        .unwrap();
    from_value(rule["spec"]["groups"][0]["rules"].take()).unwrap()
}

#[test]
fn every_panel_asks_for_what_there_is() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap());
    let expressions: Vec<&str> = targets
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    assert!(expressions.len() >= panels.len());
    let wrong: Vec<String> = expressions.into_iter().flat_map(faults).collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn every_choice_of_the_dashboard_is_of_what_there_is() {
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let queries = variables
        .iter()
        .filter_map(|variable| variable["query"]["query"].as_str());
    let mut names = Vec::new();
    for query in queries {
        let arguments = query.strip_prefix("label_values(").unwrap();
        let (series, label) = arguments.trim_end_matches(')').rsplit_once(", ").unwrap();
        let name = series.split('{').next().unwrap();
        let labels = labels(name).unwrap_or_else(|| panic!("there is no {name}"));
        assert!(
            labels.contains(label) || TARGET.contains(&label),
            "{name} has no {label}"
        );
        names.push(label);
    }
    assert_eq!(names, ["job", "namespace", "rig"]);
}

#[test]
fn every_alert_asks_for_what_there_is_and_says_what_to_do() {
    let alerts = alerts();
    assert!(!alerts.is_empty());
    for alert in alerts {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        assert_eq!(faults(&text(&alert["expr"])), [""; 0]);
        assert!(["critical", "warning"].contains(&&*text(&alert["labels"]["severity"])));
        let (summary, description) = (
            text(&alert["annotations"]["summary"]),
            text(&alert["annotations"]["description"]),
        );
        assert!(!summary.is_empty() && description.ends_with('.'), "{alert}");
        for label in description.split("$labels.").skip(1) {
            let label = label.split(' ').next().unwrap();
            assert!(
                text(&alert["expr"]).contains(label),
                "{label} is lost: {alert}"
            );
        }
    }
}

#[test]
fn what_there_is_not_is_found() {
    for (expression, fault) in [
        ("beadlet_nothing{job=\"x\"}", "there is no beadlet_nothing"),
        ("beadlet_rig_limit{job=\"x\",store=\"y\"}", "has no store"),
        (
            "sum by (store) (beadlet_rig_limit{job=\"x\"})",
            "grouped by store",
        ),
        ("beadlet_leads", "of any program"),
        (
            "rate(beadlet_polecats_ended_total{job=\"x\",outcome=\"Bored\"}[5m])",
            "no outcome Bored",
        ),
        ("vector(1)", "asks for nothing"),
        ("sum by (", "sum by"),
    ] {
        let faults = faults(expression).join("\n");
        assert!(faults.contains(fault), "{expression}: {faults}");
    }
}
