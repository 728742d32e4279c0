//! `kubectl bead`: the same program under another name.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use beadlet::plugin::cli::Cli;
use beadlet_store::{
    keys::work,
    kinds::{DesiredState, PolecatPhase},
};
use beadlet_testbed::{eventually, tools::Tool};
use clap::Parser as _;
use kube::ResourceExt;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::scheduler_town::{End, SOON, Town};

/// The plugin, for one town: kubectl with a path on which it finds it.
pub(super) struct Plugin {
    kubeconfig: PathBuf,
    namespace: String,
    path: TempDir,
}

/// What a run of it said.
pub(super) struct Said {
    pub(super) is_good: bool,
    pub(super) out: String,
    pub(super) err: String,
}

impl Said {
    pub(super) fn of(output: Output) -> Self {
        Self {
            is_good: output.status.success(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Plugin {
    pub(super) fn of(town: &Town) -> Self {
        Self::of_user(town, town.namespace.user("person").kubeconfig())
    }

    pub(super) fn of_user(town: &Town, kubeconfig: &Path) -> Self {
        let path = tempfile::tempdir().unwrap();
        let plugin = path.path().join("kubectl-bead");
        symlink(env!("CARGO_BIN_EXE_beadlet"), plugin).unwrap();
        Self {
            kubeconfig: kubeconfig.to_owned(),
            namespace: town.name().to_owned(),
            path,
        }
    }

    pub(super) async fn run(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(Tool::Kubectl.locate().unwrap());
        command
            .arg("bead")
            .args(arguments)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .env_clear()
            .env("PATH", self.path.path());
        if !arguments.contains(&"-A") {
            command.args(["-n", &self.namespace]);
        }
        let output = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        Said::of(output)
    }

    pub(super) async fn out(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments).await;
        assert!(said.is_good, "{arguments:?}: {}", said.err);
        said.out
    }

    pub(super) async fn refused(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments).await;
        assert!(!said.is_good, "{arguments:?}: {}", said.out);
        said.err
    }
}

/// The words of each line.
fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .map(|line| line.split_whitespace().collect())
        .collect()
}

/// The ids in the first column with the words in another one.
fn column(text: &str, at: usize) -> Vec<(&str, &str)> {
    rows(text)
        .iter()
        .skip(1)
        .map(|row| (row[0], row[at]))
        .collect()
}

fn closed() -> Value {
    json!({"status": "closed", "closed_at": "2026-01-02T00:00:00Z"})
}

/// A town with one place, four beads and a controller: `gt-1` works, `gt-2` waits.
async fn busy(name: &str) -> (Town, Plugin, impl Drop) {
    let town = Town::new(name, json!({"settings": {"maxPolecats": 1}})).await;
    let plugin = Plugin::of(&town);
    town.bead("gt-1", json!({"priority": 0, "description": "with care"}))
        .await;
    town.bead("gt-2", json!({})).await;
    town.bead("gt-3", json!({"issue_type": "epic"})).await;
    town.bead("gt-4", closed()).await;
    let controller = town.controller();
    town.phase("gt-1-1", PolecatPhase::Working).await;
    town.rig_says("one works and one waits", |rig| {
        (rig.running, rig.queued) == (Some(1), Some(1))
    })
    .await;
    (town, plugin, controller)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plugin_shows_where_every_bead_stands_and_why() {
    let (_town, plugin, _controller) = busy("plugin").await;
    let states = [("gt-1", "Working"), ("gt-2", "AtLimit"), ("gt-3", "Type")];
    assert_eq!(column(&plugin.out(&["ready"]).await, 5), states);
    let why = plugin.out(&["why", "gt-2"]).await;
    assert!(why.contains("1 of 1 polecats work"), "{why}");
    let why: Value =
        serde_json::from_str(&plugin.out(&["why", "gt-1", "-o", "json"]).await).unwrap();
    assert_eq!(
        (&why["state"], &why["attempts"][0]["polecat"]),
        (&json!("Working"), &json!("gt-1-1"))
    );
    let sheet = plugin.out(&["show", "gt-1"]).await;
    for said in ["do gt-1", "with care", "Working", "gt-1-1"] {
        assert!(sheet.contains(said), "{said} is missing in {sheet}");
    }
    let said = plugin.refused(&["why", "gt-9"]).await;
    assert!(said.contains("no bead gt-9 in namespace"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plugin_answers_in_the_forms_of_kubectl() {
    let (town, plugin, _controller) = busy("pluginforms").await;
    let names = plugin
        .out(&["list", "--status", "closed", "-o", "name"])
        .await;
    assert_eq!(names, "configmap/bead-gt-4\n");
    let names = plugin
        .out(&["list", "-l", "bead-ready=false", "-o", "name"])
        .await;
    assert_eq!(names, "configmap/bead-gt-4\n");
    let list: Value = serde_json::from_str(&plugin.out(&["list", "-o", "json"]).await).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 4);
    assert_eq!(list["items"][0]["kind"], "ConfigMap");
    let shown: Value =
        serde_saphyr::from_str(&plugin.out(&["show", "gt-1", "-o", "yaml"]).await).unwrap();
    assert_eq!(shown["metadata"]["name"], "bead-gt-1");
    let wide = plugin.out(&["ready", "-o", "wide", "--no-headers"]).await;
    assert!(
        wide.starts_with("gt-1") && wide.contains("spec.settings.maxPolecats"),
        "{wide}"
    );
    let everywhere = plugin.out(&["list", "-A", "--type", "epic"]).await;
    let is_here = |row: &Vec<&str>| row[..2] == [town.name(), "gt-3"];
    assert!(rows(&everywhere).iter().any(is_here), "{everywhere}");
    let said = plugin.refused(&["list", "--context", "nowhere"]).await;
    assert!(
        said.contains("cannot use the context \"nowhere\""),
        "{said}"
    );
    let nothing = plugin.run(&["list", "--assignee", "nobody"]).await;
    assert_eq!(
        (nothing.out.as_str(), nothing.err.as_str()),
        ("", "No resources found.\n")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plugin_shows_what_works_and_what_waits_at_each_rig() {
    let (town, plugin, _controller) = busy("pluginqueue").await;
    let queue = plugin.out(&["queue"]).await;
    let row = rows(&queue)
        .into_iter()
        .find(|row| row[0] == town.name())
        .unwrap();
    assert_eq!(&row[1..4], ["1/1", "1", "1"]);
    let of_one = plugin.out(&["queue", town.name()]).await;
    assert!(
        of_one.contains("gt-1") && of_one.contains("gt-2"),
        "{of_one}"
    );
    assert!(!of_one.contains("gt-4"), "{of_one}");
    let name = plugin.out(&["queue", town.name(), "-o", "name"]).await;
    assert_eq!(name, format!("rig.gastown.gastown.io/{}\n", town.name()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plugin_slings_stops_and_retries() {
    let town = Town::new("sling", json!({"dispatch": {"enabled": false}})).await;
    let plugin = Plugin::of(&town);
    town.bead("gt-1", json!({})).await;
    let _controller = town.controller();
    let kubelet = town.kubelet(End::Never);
    let said = plugin.out(&["sling", "gt-1", "--task", "be quick"]).await;
    assert_eq!(said, "polecat.gastown.gastown.io/gt-1-1 created\n");
    let polecat = town.phase("gt-1-1", PolecatPhase::Working).await;
    assert_eq!(polecat.spec.task_description.as_deref(), Some("be quick"));
    assert_eq!(polecat.labels()[work::ATTEMPT], "1");
    let said = plugin.refused(&["sling", "gt-1"]).await;
    assert!(said.contains("polecat gt-1-1 has bead gt-1"), "{said}");
    let said = plugin.refused(&["retry", "gt-1"]).await;
    assert!(said.contains("stop that first"), "{said}");

    let said = plugin.out(&["stop", "gt-1-1", "-o", "name"]).await;
    assert_eq!(said, "polecat.gastown.gastown.io/gt-1-1\n");
    let stopped = town.phase("gt-1-1", PolecatPhase::Terminated).await;
    assert_eq!(stopped.spec.desired_state, Some(DesiredState::Terminated));
    let told = plugin.out(&["retry", "gt-1", "-o", "json"]).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert!(told["metadata"]["annotations"][work::RETRY].is_string());
    let said = plugin.out(&["retry", "gt-1"]).await;
    assert!(
        said.contains("once it can be; now it is Disabled"),
        "{said}"
    );
    drop(kubelet);
    let _kubelet = town.kubelet(End::Well);
    let enabled = json!({"spec": {"dispatch": {"enabled": true}}});
    let patch = kube::api::Patch::Merge(enabled);
    let rigs = town.rigs();
    rigs.patch(town.name(), &Default::default(), &patch)
        .await
        .unwrap();
    town.phase("gt-1-2", PolecatPhase::Done).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plugin_makes_convoys_and_follows_them() {
    let town = Town::new("pluginconvoy", json!({})).await;
    let plugin = Plugin::of(&town);
    town.bead("gt-1", json!({})).await;
    town.bead("gt-2", closed()).await;
    let create = [
        "convoy",
        "create",
        "wave",
        "gt-1",
        "gt-2",
        "--description",
        "Wave 1",
    ];
    let said = plugin
        .out(&[&create[..], &["--parallelism", "1", "-o", "name"]].concat())
        .await;
    assert_eq!(said, "convoy.gastown.gastown.io/wave\n");
    let _controller = town.controller();
    town.phase("gt-1-1", PolecatPhase::Working).await;
    eventually(SOON, "it counts", async || {
        let list = plugin.out(&["convoy", "list"]).await;
        let is_so = |row: &Vec<&str>| row[..3] == ["wave", "InProgress", "1/2"];
        if rows(&list).iter().any(is_so) {
            Ok(())
        } else {
            Err(list)
        }
    })
    .await;
    let status = plugin.out(&["convoy", "status", "wave"]).await;
    for said in ["Wave 1", "gt-1", "Working", "gt-2", "Closed"] {
        assert!(status.contains(said), "{said} is missing in {status}");
    }
    let said = plugin.refused(&["convoy", "status", "nowhere"]).await;
    assert!(said.contains("no convoy nowhere in namespace"), "{said}");
}

#[test]
fn readme_names_only_commands_that_exist() {
    let readme = include_str!("../../README.md");
    let quoted = readme.split('`').skip(1).step_by(2);
    let indented = readme.lines().filter_map(|line| line.strip_prefix("    "));
    let commands: Vec<&str> = quoted
        .chain(indented)
        .filter_map(|text| text.strip_prefix("kubectl bead "))
        .collect();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let words = command.split('#').next().unwrap().split_whitespace();
        let words = words.map(|word| word.trim_matches(['[', ']']));
        let parsed = Cli::try_parse_from(std::iter::once("kubectl-bead").chain(words));
        assert!(parsed.is_ok(), "`kubectl bead {command}`: {parsed:?}");
    }
}
