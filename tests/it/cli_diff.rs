//! `beadlet diff` says what a pass would do to a real cluster.

use beadlet_testbed::git::GitRepo;
use beadlet_testbed::{Namespace, Testbed};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::cli::{Answer, beadlet, fixture, fixture_text};

const NOW: &str = "2026-01-10T00:00:00Z";

fn run(command: &str, target: &str, namespace: &Namespace, more: &[&str]) -> Answer {
    let kubeconfig = namespace.user("beadlet").kubeconfig().display().to_string();
    let cluster = ["--kubeconfig", &kubeconfig, "--namespace", namespace.name()];
    let args: &[&str] = match command {
        "sync" => &["sync", "--once", "--repo", target],
        _ => &["diff", target, "--now", NOW],
    };
    beadlet(&[args, &cluster, more].concat())
}

fn town() -> GitRepo {
    let repo = GitRepo::bare();
    repo.commit(
        "main",
        ".beads/issues.jsonl",
        std::fs::read(fixture("town.jsonl")).unwrap(),
    );
    repo.set_head("main");
    repo
}

fn actions(answer: &Answer) -> Vec<(String, String, String)> {
    let changes: Vec<Value> = serde_json::from_str(&answer.stdout).unwrap();
    let text = |change: &Value, key: &str| change[key].as_str().unwrap_or_default().to_owned();
    changes
        .iter()
        .map(|change| {
            (
                text(change, "action"),
                text(change, "name"),
                text(change, "reason"),
            )
        })
        .collect()
}

fn action(action: &str, name: &str, reason: &str) -> (String, String, String) {
    (action.to_owned(), name.to_owned(), reason.to_owned())
}

async fn patch(namespace: &Namespace, name: &str, patch: Value) {
    let api = namespace.api::<ConfigMap>();
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_a_pass_makes_is_what_diff_says_and_then_nothing_is_left() {
    let namespace = Testbed::shared().await.namespace("diff").await;
    let repo = town();
    let before = run("diff", &repo.url(), &namespace, &["-o", "json"]);
    assert_eq!(before.code, 1, "{}", before.stderr);
    assert_eq!(actions(&before).len(), 9);
    assert_eq!(
        actions(&before)[0],
        action("create", "bead-gt-0001", "the issue is not in the cluster")
    );

    let synced = run("sync", &repo.url(), &namespace, &[]);
    assert_eq!(synced.code, 0, "{}", synced.stderr);
    let after = run("diff", &repo.url(), &namespace, &[]);
    assert_eq!(after.good(), "");
}

#[tokio::test]
async fn every_kind_of_change_is_told_with_its_reason() {
    let namespace = Testbed::shared().await.namespace("diff-kinds").await;
    let repo = town();
    let foreign: ConfigMap =
        serde_json::from_value(json!({"metadata": {"name": "bead-gt-0008"}})).unwrap();
    namespace
        .api::<ConfigMap>()
        .create(&PostParams::default(), &foreign)
        .await
        .unwrap();
    // Somebody else holds one name, so the pass cannot do everything.
    assert_eq!(run("sync", &repo.url(), &namespace, &[]).code, 1);
    patch(&namespace, "bead-gt-0003", json!({"metadata": {"labels": {"bead-ready": "true", "theirs": "x"}}, "data": {"title": "edited"}})).await;

    let issues = std::fs::read_to_string(fixture("town.jsonl")).unwrap();
    let without_last_closed: String = issues
        .lines()
        .filter(|line| !line.contains("gt-0007"))
        .map(|line| format!("{line}\n"))
        .collect();
    repo.commit("main", ".beads/issues.jsonl", without_last_closed);
    let answer = run(
        "diff",
        &repo.url(),
        &namespace,
        &["-o", "json", "--closed-retention", "7d"],
    );
    assert_eq!(
        actions(&answer),
        [
            action("update", "bead-gt-0003", "different: bead-ready, title"),
            action("delete", "bead-gt-0007", "the issue is not in the file"),
            action(
                "delete",
                "bead-gt-0009",
                "the issue was closed longer ago than closed issues are kept"
            ),
            action(
                "refuse",
                "bead-gt-0008",
                "beadlet did not make the ConfigMap of this name"
            ),
        ]
    );
    let table = run(
        "diff",
        &repo.url(),
        &namespace,
        &["--closed-retention", "7d"],
    );
    insta::assert_snapshot!("diff_table", table.stdout);
}

#[tokio::test]
async fn a_revision_that_would_wait_for_a_person_is_told_so() {
    let namespace = Testbed::shared().await.namespace("diff-held").await;
    let issue = |at: usize| json!({"id": format!("a-{at}"), "title": "x", "status": "open", "priority": 1, "issue_type": "task"});
    let lines = |count: usize| {
        (0..count)
            .map(|at| format!("{}\n", issue(at)))
            .collect::<String>()
    };
    let repo = GitRepo::bare();
    repo.commit("main", ".beads/issues.jsonl", lines(40));
    repo.set_head("main");
    assert_eq!(run("sync", &repo.url(), &namespace, &[]).code, 0);
    repo.commit("main", ".beads/issues.jsonl", lines(20));
    let held = run("diff", &repo.url(), &namespace, &["-o", "name"]);
    assert_eq!((held.code, held.stdout.lines().count()), (1, 20));
    assert!(
        held.stderr
            .contains("a pass would hold this revision and change nothing: commit "),
        "{}",
        held.stderr
    );
    let allowed = run(
        "diff",
        &repo.url(),
        &namespace,
        &["-o", "name", "--max-delete-percent", "50"],
    );
    assert_eq!((allowed.code, allowed.stderr.as_str()), (1, ""));
}

#[tokio::test]
async fn context_and_namespace_come_from_the_kubeconfig() {
    let namespace = Testbed::shared().await.namespace("diff-context").await;
    let given = std::fs::read_to_string(namespace.user("beadlet").kubeconfig()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut config: Value = serde_saphyr::from_str(&given).unwrap();
    let base = namespace
        .user("beadlet")
        .kubeconfig()
        .parent()
        .unwrap()
        .to_owned();
    absolute(&mut config, &base);
    config["contexts"][0]["name"] = json!("town");
    config["contexts"][0]["context"]["namespace"] = json!(namespace.name());
    config["current-context"] = json!("nowhere");
    let path = folder.path().join("config");
    std::fs::write(&path, serde_json::to_string(&config).unwrap()).unwrap();

    let town = fixture_text("town.jsonl");
    let answer = |args: &[&str]| {
        let mut diff = crate::cli::command(&[&["diff", &town, "-o", "name"], args].concat());
        diff.env("KUBECONFIG", &path);
        crate::cli::answer(diff, b"")
    };
    let found = answer(&["--context", "town"]);
    assert_eq!(
        (found.code, found.stdout.lines().count()),
        (1, 9),
        "{}",
        found.stderr
    );
    let lost = answer(&["--context", "elsewhere"]);
    assert!(
        lost.failed(2)
            .contains("cannot use the context \"elsewhere\" of the kubeconfig"),
        "{}",
        lost.stderr
    );
}

/// Files that a kubeconfig names are relative to it.
fn absolute(config: &mut Value, base: &std::path::Path) {
    match config {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                let is_file = matches!(
                    key.as_str(),
                    "certificate-authority" | "client-certificate" | "client-key"
                );
                match value {
                    Value::String(path) if is_file => {
                        *path = base.join(&path).display().to_string()
                    }
                    other => absolute(other, base),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| absolute(item, base)),
        _ => {}
    }
}

#[test]
fn a_cluster_that_is_not_known_makes_exit_code_two() {
    let town = fixture_text("town.jsonl");
    let none = beadlet(&["diff", &town]);
    assert!(
        none.failed(2)
            .contains("give --kubeconfig or set KUBECONFIG"),
        "{}",
        none.stderr
    );
    let missing = beadlet(&["diff", &town, "--kubeconfig", "/nowhere/config"]);
    assert!(
        missing
            .failed(2)
            .contains("cannot use the kubeconfig /nowhere/config"),
        "{}",
        missing.stderr
    );
}
