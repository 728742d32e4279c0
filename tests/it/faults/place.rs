//! A repository, a namespace, and the program between them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use beadlet_testbed::{GitRepo, Mark, Namespace, Program, Requests, Testbed, User, eventually};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

/// A test that waits longer than this for anything has failed.
pub(super) const SOON: Duration = Duration::from_secs(120);
pub(super) const ISSUES: &str = ".beads/issues.jsonl";
const ID: &str = "gastown.gastown.io/bead-id";

/// A repository and a namespace of one test.
pub(super) struct Place {
    pub(super) namespace: Namespace,
    pub(super) repo: GitRepo,
    pub(super) user: User,
}

/// How one pass went.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) log: String,
}

/// An issue's line: open, of type task, with these fields over it.
pub(super) fn issue(id: &str, fields: Value) -> String {
    let mut issue = json!({"id": id, "title": format!("title of {id}"), "status": "open", "priority": 2,
        "issue_type": "task", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"});
    let Value::Object(fields) = fields else {
        panic!("fields of an issue")
    };
    issue.as_object_mut().unwrap().extend(fields);
    issue.to_string() + "\n"
}

/// Issues `gt-<from>` to `gt-<to - 1>`.
pub(super) fn issues(range: std::ops::Range<usize>) -> String {
    range.fold(String::new(), |mut file, n| {
        write!(file, "{}", issue(&format!("gt-{n}"), json!({}))).unwrap();
        file
    })
}

/// The first of these issues with another title.
pub(super) fn edited(range: std::ops::Range<usize>) -> String {
    let edit = |n| issue(&format!("gt-{n}"), json!({"title": "edited"}));
    range.map(edit).collect()
}

impl Place {
    pub(super) async fn new(name: &str) -> Self {
        Self::on(Testbed::shared().await, name).await
    }

    pub(super) async fn on(testbed: &Testbed, name: &str) -> Self {
        let namespace = testbed.namespace(name).await;
        Self {
            user: namespace.user("beadlet"),
            repo: GitRepo::bare(),
            namespace,
        }
    }

    pub(super) fn commit(&self, file: impl AsRef<[u8]>) -> String {
        self.repo.commit("main", ISSUES, file)
    }

    /// `beadlet sync` through the API server of this kubeconfig.
    pub(super) fn program(&self, kubeconfig: &Path) -> Program {
        Program::new(env!("CARGO_BIN_EXE_beadlet"))
            .args(["sync", "--repo", &self.repo.url()])
            .args(["--namespace", self.namespace.name(), "--store", "town"])
            .arg("--kubeconfig")
            .arg(kubeconfig)
    }

    /// One pass, straight to the API server.
    pub(super) async fn once(&self) -> Ended {
        self.once_through(self.user.kubeconfig(), &[]).await
    }

    pub(super) async fn once_through(&self, kubeconfig: &Path, flags: &[&str]) -> Ended {
        let program = self.program(kubeconfig).arg("--once").args(flags);
        let mut running = program.start();
        let code = running.wait(SOON).await.code();
        Ended {
            code,
            log: running.stderr(),
        }
    }

    /// One pass that has to go well.
    pub(super) async fn synced(&self) {
        let ended = self.once().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
    }

    pub(super) fn api(&self) -> Api<ConfigMap> {
        self.namespace.api()
    }

    /// The beads in the cluster, by the id of their issue.
    pub(super) async fn beads(&self) -> BTreeMap<String, ConfigMap> {
        let ours = ListParams::default().labels("gastown.gastown.io/store=town");
        let list = self.api().list(&ours).await.unwrap();
        let beads: BTreeMap<_, _> = list
            .items
            .iter()
            .map(|c| (c.annotations()[ID].clone(), c.clone()))
            .collect();
        assert_eq!(beads.len(), list.items.len(), "two beads of one issue");
        beads
    }

    /// The lines of the issues, as the beads in the cluster have them.
    pub(super) async fn lines(&self) -> BTreeMap<String, Vec<u8>> {
        let beads = self.beads().await.into_iter();
        beads.map(|(id, bead)| (id, line(&bead))).collect()
    }

    /// The cluster holds the lines of the file, all of them and no others.
    pub(super) async fn shows(&self, file: impl AsRef<[u8]>) {
        assert_eq!(texts(&self.lines().await), texts(&by_id(file.as_ref())));
    }

    pub(super) async fn eventually_shows(&self, file: impl AsRef<[u8]>) {
        let wanted = by_id(file.as_ref());
        eventually(SOON, "the cluster shows the file", async || {
            self.lines().await == wanted
        })
        .await;
    }

    pub(super) async fn mark(&self) -> Mark {
        self.namespace.testbed().audit().mark().await
    }

    /// What was written to the ConfigMaps of the namespace since the mark, by the program or its proxy.
    pub(super) async fn written_since(&self, mark: Mark) -> Requests {
        let all = self.namespace.testbed().audit().since(mark).await;
        all.by(self.user.name()).writes().successful()
    }
}

fn line(bead: &ConfigMap) -> Vec<u8> {
    let text = bead.data.as_ref().and_then(|data| data.get("issue.json"));
    let bytes = bead.binary_data.as_ref();
    let bytes = bytes.and_then(|data| data.get("issue.json"));
    text.map(|text| text.clone().into_bytes())
        .or_else(|| bytes.map(|bytes| bytes.0.clone()))
        .unwrap()
}

/// The lines of a good file by the id in them.
fn by_id(file: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let lines = file.split(|byte| *byte == b'\n').filter(|l| !l.is_empty());
    let id = |line: &[u8]| {
        let issue: Value = serde_json::from_slice(line).unwrap();
        issue["id"].as_str().unwrap().to_owned()
    };
    lines.map(|line| (id(line), line.to_owned())).collect()
}

/// For the message of an assertion.
fn texts(lines: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let texts = lines.values().map(|l| String::from_utf8_lossy(l));
    texts.map(|text| text.into_owned()).collect()
}
