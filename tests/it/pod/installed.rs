//! beadlet as its README installs it: by the chart, on a cluster that knows nothing of it, with the README's own BeadStore and Rig.

use std::{fs, process::Stdio};

use beadlet_testbed::{
    GitRepo, JobHistory, Mark, Testbed,
    git::{GitSsh, ssh::HostKey},
    images,
    node::Relay,
    tools::Tool,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command};

use super::scene::beadlet_image;
use super::servers::{MODEL_KEY, Model, port};
use crate::{
    chart::helm::{chart, objects, repository},
    scheduler_town::merge,
};

mod history;

/// Where the release is.
pub(super) const RELEASE: &str = "beadlet";
/// Where the README's objects are.
pub(super) const PLACE: &str = "gastown";
const KUBECONFIG: &str = "kubeconfig";

/// A cluster of its own with the release, a project on a git server over ssh, and a model endpoint.
pub(super) struct Installed {
    // In this order they are dropped: whoever asks before whom is asked.
    pub(super) testbed: Testbed,
    pub(super) project: GitRepo,
    server: GitSsh,
    /// Of the person: a kubeconfig, a clone, known hosts.
    desk: TempDir,
    begin: Mark,
    model: Model,
    _relay: Relay,
}

impl Installed {
    /// Installs the chart with its defaults and these values, which name images, and applies the README's objects with these changes to the
    /// BeadStore and the Rig.
    pub(super) async fn new(values: &Value, store: &Value, rig: &Value) -> Self {
        let town = Self::fresh().await;
        for namespace in [RELEASE, PLACE] {
            let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
            town.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}))
                .await;
        }
        town.helm("install", values).await;
        town.credentials().await;
        for mut object in town.readme() {
            let change = if object["kind"] == "Rig" { rig } else { store };
            merge(&mut object, &json!({"spec": change}));
            town.apply(&object).await;
        }
        town
    }

    /// A cluster with nothing in it, and what is around it.
    async fn fresh() -> Self {
        let testbed = Testbed::start_with_node().await.unwrap();
        testbed.import(&beadlet_image().await).await.unwrap();
        let (project, server) = (GitRepo::bare(), GitSsh::start(&[HostKey::Ed25519]));
        let model = Model::start(&testbed, &[]).await;
        let relay = testbed.relay(port(&server.url(&project))).unwrap();
        let desk = TempDir::new().unwrap();
        fs::copy(testbed.kubeconfig(), desk.path().join(KUBECONFIG)).unwrap();
        let town = Self {
            begin: testbed.audit().mark().await,
            testbed,
            project,
            server,
            desk,
            model,
            _relay: relay,
        };
        town.kubectl(&["config", "set-context", "--current", "--namespace", PLACE])
            .await;
        town
    }

    /// What is on loopback, as pods have it.
    fn seen_by_pods(&self, text: &str) -> String {
        text.replace("127.0.0.1", &self.testbed.host().unwrap().to_string())
    }

    async fn credentials(&self) {
        let key = fs::read_to_string(self.server.client_key()).unwrap();
        let hosts = self.seen_by_pods(&self.server.known_hosts());
        for (name, data) in [
            ("git", json!({"ssh-privatekey": key, "known_hosts": hosts})),
            ("llm", json!({"API_KEY": MODEL_KEY})),
        ] {
            self.apply(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}))
                .await;
        }
    }

    /// The BeadStore and the Rig that the README shows, with the addresses of this town.
    fn readme(&self) -> Vec<Value> {
        let readme = fs::read_to_string(repository().join("README.md")).unwrap();
        let begin = "    apiVersion: gastown.gastown.io/v1alpha1\n    kind: BeadStore\n";
        let block: Vec<&str> = readme[readme.find(begin).unwrap()..]
            .lines()
            .map_while(|line| line.strip_prefix("    "))
            .collect();
        let git = self.seen_by_pods(&self.server.url(&self.project));
        let text = block
            .join("\n")
            .replace("https://git.example.com/gastown.git", &git)
            .replace("https://llm.example.com/v1", &self.model.endpoint);
        let objects = objects(&text);
        assert_eq!(objects.len(), 2);
        objects
    }

    /// `helm install`, `helm upgrade` or `helm uninstall` as the README says it, until everything is there or gone.
    pub(super) async fn helm(&self, what: &str, values: &Value) {
        let mut command = Command::new(Tool::Helm.locate().unwrap());
        for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(name, self.desk.path().join("helm"));
        }
        command.args([
            what,
            "beadlet",
            "--namespace",
            RELEASE,
            "--wait",
            "--timeout",
            "5m",
        ]);
        command.arg("--kubeconfig").arg(self.testbed.kubeconfig());
        if what != "uninstall" {
            command.arg(chart()).args(["--values", "-"]);
        }
        let (repository, tag) = images::BEADLET.rsplit_once(':').unwrap();
        let mut all = json!({"image": {"repository": repository, "tag": tag}});
        merge(&mut all, values);
        run(command, &all.to_string()).await;
    }

    /// kubectl with [`PLACE`] as the namespace of its context, in the folder of the repository.
    pub(super) async fn kubectl(&self, arguments: &[&str]) -> String {
        self.kubectl_with(arguments, "").await
    }

    async fn kubectl_with(&self, arguments: &[&str], stdin: &str) -> String {
        let mut command = Command::new(Tool::Kubectl.locate().unwrap());
        command
            .env("KUBECONFIG", self.desk.path().join(KUBECONFIG))
            .current_dir(repository())
            .args(arguments);
        run(command, stdin).await
    }

    async fn apply(&self, object: &Value) {
        self.kubectl_with(&["apply", "-f", "-"], &object.to_string())
            .await;
    }

    /// What became of the Jobs of polecats.
    pub(super) async fn jobs(&self) -> JobHistory {
        let requests = self.testbed.audit().since(self.begin).await;
        JobHistory::of(requests.in_namespace(PLACE).of("jobs"))
    }
}

/// Runs a program to its good end, and gives what it printed.
async fn run(mut command: Command, stdin: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // One that does not read its input may be gone already.
    let _ = pipe.write_all(stdin.as_bytes()).await;
    drop(pipe);
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
