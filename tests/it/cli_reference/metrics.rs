//! The table of all metrics, made from what the registries write, and beside it what running programs say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use beadlet::metrics::{Metrics, controller::ControllerMetrics};
use beadlet::webhook::Calls;
use beadlet_scheduler::fault::{Ask, Reason};
use beadlet_scheduler::observations::{Controller, Observations, Queue};
use beadlet_store::kinds::WaitReason;
use beadlet_sync::controller::Reports;
use beadlet_sync::report::Report;
use beadlet_testbed::{Namespace, Program, forge::exchange};

use super::repository;
use crate::crds::testbed_with_kinds;
use crate::scheduler_town::SOON;

/// A metric as a registry writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Metric {
    type_: String,
    unit: String,
    meaning: String,
    /// The values that were seen of each.
    labels: BTreeMap<String, BTreeSet<String>>,
}

/// Metrics in the OpenMetrics text format, by name.
fn written(text: &str) -> BTreeMap<String, Metric> {
    let mut metrics: BTreeMap<String, Metric> = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", kind, metric, said] => {
                metric.clone_into(&mut name);
                let metric = metrics.entry(name.clone()).or_default();
                match kind {
                    "TYPE" => said.clone_into(&mut metric.type_),
                    "UNIT" => said.clone_into(&mut metric.unit),
                    "HELP" => said.trim_end_matches('.').clone_into(&mut metric.meaning),
                    other => panic!("{other} of {name}"),
                }
            }
            ["#", "EOF"] => {}
            _ => sample(line, &mut metrics.get_mut(&name).unwrap().labels),
        }
    }
    metrics
}

/// Takes up the labels of a sample. Those of a histogram's buckets are not its own.
fn sample(line: &str, labels: &mut BTreeMap<String, BTreeSet<String>>) {
    let inside = line
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'));
    for pair in inside.iter().flat_map(|(inside, _)| inside.split(',')) {
        let (name, value) = pair.split_once('=').unwrap();
        let values = labels.entry(name.to_owned()).or_default();
        values.insert(value.trim_matches('"').to_owned());
    }
    labels.remove("le");
}

fn of_mirror() -> BTreeMap<String, Metric> {
    let (_sender, reports) = tokio::sync::watch::channel(Report::default());
    written(&Metrics::new(reports, &Calls::default()).text().unwrap())
}

/// Every metric of a controller has a sample here, and no value of a label that is there from the start.
fn of_controller() -> BTreeMap<String, Metric> {
    let (_sender, report) = tokio::sync::watch::channel(Report::default());
    let reports = Reports::default();
    reports.put(("namespace".into(), "store".into()), report);
    let metrics = ControllerMetrics::new(reports, &Calls::default());
    let from_the_start = written(&metrics.text().unwrap());
    metrics.leads(true);
    metrics.queue(&Queue {
        rig: "gt",
        limit: 5,
        taken: 5,
        running: 4,
        queued: 7,
        waiting: &[(WaitReason::AtLimit, 7)],
    });
    metrics.polecat_ended("gt", None);
    metrics.job_created("gt", Duration::from_millis(30));
    metrics.refused(Ask::CreateJob, Reason::QuotaExceeded);
    metrics.reconciled(Controller::Dispatch, Duration::from_millis(1), true);
    metrics.event_dropped();
    let mut all = written(&metrics.text().unwrap());
    for (name, metric) in &mut all {
        let known = from_the_start.get(name).map(|metric| &metric.labels);
        for (label, values) in &mut metric.labels {
            let is_closed = known.is_some_and(|known| known.contains_key(label));
            if !is_closed || OPEN.contains(&label.as_str()) {
                values.clear();
            }
        }
    }
    all
}

/// Labels whose values are names that people give.
const OPEN: [&str; 2] = ["namespace", "store"];

fn metric_row(name: &str, metric: &Metric, of: &str) -> String {
    let Metric {
        type_,
        unit,
        meaning,
        labels,
    } = metric;
    let total = if type_ == "counter" { "_total" } else { "" };
    let unit = if unit.is_empty() { "number" } else { unit };
    let labels: Vec<String> = labels
        .iter()
        .map(|(label, values)| {
            let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
            let values = values.join(", ");
            let separator = if values.is_empty() { "" } else { ": " };
            format!("`{label}`{separator}{values}")
        })
        .collect();
    let labels = labels.join("; ");
    format!("| `{name}{total}` | {type_} | {labels} | {unit} | {of} | {meaning} |\n")
}

/// One table of all metrics.
pub(super) fn metrics() -> String {
    let (mirror, controller) = (of_mirror(), of_controller());
    let mut text = "\n## Metrics\n\n| name | type | labels | unit | of | meaning |\n|---|---|---|---|---|---|\n".to_owned();
    let names: BTreeSet<&String> = mirror.keys().chain(controller.keys()).collect();
    for name in names {
        let (metric, of) = match (mirror.get(name), controller.get(name)) {
            (Some(metric), Some(other)) => {
                assert_eq!(metric, other, "{name} means two things");
                (metric, "sync, controller")
            }
            (Some(metric), None) => (metric, "sync"),
            (None, Some(metric)) => (metric, "controller"),
            (None, None) => continue,
        };
        text += &metric_row(name, metric, of);
    }
    text
}

/// What a running program says of its metrics.
async fn of_program(arguments: &[&str], namespace: &Namespace) -> BTreeMap<String, Metric> {
    let mut program = Program::new(env!("CARGO_BIN_EXE_beadlet"))
        .args(arguments)
        .args(["--namespace", namespace.name(), "--listen", "127.0.0.1:0"])
        .args(["--log-format", "json", "--log-level", "info"])
        .arg("--kubeconfig")
        .arg(namespace.user("metrics").kubeconfig())
        .start();
    let line = program.line("listening", SOON).await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = line["address"].as_str().unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let answer = exchange(address, request.as_bytes()).await.unwrap();
    let body = answer.split_once("\r\n\r\n");
    let body = body.unwrap_or_else(|| panic!("{answer:?}\n{}", program.stderr()));
    written(body.1)
}

/// The table is made from the same registries, but a running program may have another.
#[tokio::test]
async fn every_metric_of_a_running_program_is_in_the_reference() {
    let namespace = testbed_with_kinds().await.namespace("metrics").await;
    let mirror = of_program(&["sync", "--repo", "/nowhere"], &namespace).await;
    let controller = of_program(&["controller"], &namespace).await;
    let reference = std::fs::read_to_string(repository().join("docs/reference.md")).unwrap();
    for (program, metrics) in [("sync", mirror), ("controller", controller)] {
        assert!(metrics.len() > 5, "{program}: {metrics:?}");
        for (name, metric) in metrics {
            let total = if metric.type_ == "counter" {
                "_total"
            } else {
                ""
            };
            let row = format!("| `{name}{total}` | {} | ", metric.type_);
            let mut rows = reference.lines().filter(|line| line.starts_with(&row));
            let found = rows.next().unwrap_or_else(|| panic!("{row} is missing"));
            let of = found.split(" | ").nth(4).unwrap();
            assert!(of.contains(program), "{found}");
            assert!(
                found.ends_with(&format!("| {} |", metric.meaning)),
                "{found}"
            );
        }
    }
}
