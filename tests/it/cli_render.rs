//! `beadlet render` gives what kubectl applies, and what the mirror would have made.

use beadlet_testbed::Testbed;
use beadlet_testbed::tools::Tool;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use serde_json::Value;

use crate::cli::{Answer, answer, beadlet, command, fixture, fixture_text};

const NOW: &str = "2026-01-10T00:00:00Z";

fn render(more: &[&str]) -> Answer {
    let town = fixture_text("town.jsonl");
    beadlet(&[&["render", &town, "--now", NOW], more].concat())
}

#[test]
fn names_are_those_of_the_config_maps() {
    let names = render(&["-o", "name"]);
    assert_eq!(names.lines().len(), 9);
    assert!(names.good().starts_with("configmap/bead-gt-0001\n"));
}

#[test]
fn yaml_documents_hold_what_the_json_list_holds() {
    let list: Value = serde_json::from_str(render(&["-o", "json"]).good()).unwrap();
    let documents: Vec<Value> = serde_saphyr::from_multiple(render(&[]).good()).unwrap();
    assert_eq!(list["items"].as_array().unwrap(), &documents);
    assert_eq!(documents.len(), 9);
}

#[test]
fn namespace_store_and_retention_are_applied() {
    let flags = [
        "-n",
        "beads",
        "--store",
        "town",
        "--closed-retention",
        "7d",
        "-o",
        "json",
    ];
    let list: Value = serde_json::from_str(render(&flags).good()).unwrap();
    let items = list["items"].as_array().unwrap();
    assert_eq!(
        items.len(),
        8,
        "the issue that was closed weeks ago is left out"
    );
    for item in items {
        assert_eq!(item["metadata"]["namespace"], "beads");
        assert_eq!(
            item["metadata"]["labels"]["gastown.gastown.io/store"],
            "town"
        );
    }
    let bare: Value = serde_json::from_str(render(&["-o", "json"]).good()).unwrap();
    assert_eq!(bare["items"][0]["metadata"].get("namespace"), None);
}

#[tokio::test]
async fn kubectl_applies_every_byte() {
    let namespace = Testbed::shared().await.namespace("render").await;
    let hard = std::fs::read(fixture("hard-text.jsonl")).unwrap();
    let rendered = answer(command(&["render", "-"]), &hard);
    let mut kubectl = std::process::Command::new(Tool::Kubectl.locate().unwrap());
    kubectl
        .arg("--kubeconfig")
        .arg(namespace.user("kubectl").kubeconfig());
    kubectl.args(["apply", "--server-side", "-n", namespace.name(), "-f", "-"]);
    let applied = answer(kubectl, rendered.good().as_bytes());
    assert_eq!(applied.code, 0, "{}", applied.stderr);

    let lines: Vec<&str> = std::str::from_utf8(&hard).unwrap().lines().collect();
    let there = namespace
        .api::<ConfigMap>()
        .list(&ListParams::default().labels("bead-status"))
        .await
        .unwrap();
    let mut found: Vec<String> = there
        .into_iter()
        .map(|configmap| configmap.data.unwrap()["issue.json"].clone())
        .collect();
    found.sort_unstable();
    let mut wanted: Vec<String> = lines.iter().map(ToString::to_string).collect();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
}
