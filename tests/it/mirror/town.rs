//! A repository, a namespace, and a mirror between them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use beadlet_store::configmap::{Renderer, Scope, mirrored};
use beadlet_store::reader::read;
use beadlet_store::ready::{Profile, readiness};
use beadlet_store::tracker::TrackerConfig;
use beadlet_sync::condition::{Condition, ConditionType, Reason};
use beadlet_sync::git::Source;
use beadlet_sync::mirror::Mirror;
use beadlet_sync::report::{Outcome, Report};
use beadlet_sync::settings::Settings;
use beadlet_sync::triggers::Puller;
use beadlet_testbed::{GitRepo, Mark, Namespace, Requests, Testbed, User, eventually};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A test that waits longer than this for anything has failed.
pub(super) const SOON: Duration = Duration::from_secs(120);
pub(super) const ISSUES: &str = ".beads/issues.jsonl";

/// A repository and a namespace of one test.
pub(super) struct Town {
    pub(super) namespace: Namespace,
    pub(super) repo: GitRepo,
    pub(super) user: User,
}

/// A mirror at work. Dropped, it is aborted in the middle of whatever it does.
pub(super) struct Running {
    report: watch::Receiver<Report>,
    settings: watch::Sender<Settings>,
    pub(super) puller: Puller,
    stop: CancellationToken,
    task: JoinHandle<()>,
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
    range
        .map(|n| issue(&format!("gt-{n}"), json!({})))
        .collect()
}

impl Town {
    pub(super) async fn new(name: &str) -> Self {
        let namespace = Testbed::shared().await.namespace(name).await;
        Self {
            user: namespace.user("mirror"),
            repo: GitRepo::bare(),
            namespace,
        }
    }

    pub(super) fn commit(&self, file: impl AsRef<[u8]>) -> String {
        self.repo.commit("main", ISSUES, file)
    }

    pub(super) fn scope(&self) -> Scope {
        Scope {
            namespace: self.namespace.name().to_owned(),
            store: "town".into(),
            owner: None,
            profile: Profile::default(),
            prefixes: Vec::new(),
            closed_retention: None,
        }
    }

    pub(super) fn settings(&self) -> Settings {
        let source = Source::new(
            self.repo.url().parse().unwrap(),
            PathBuf::from("/nonexistent"),
        );
        Settings {
            // What the tests see comes from the watch on the repository, or from a poke.
            sync_interval: Duration::from_secs(3600),
            ..Settings::new(source, self.scope())
        }
    }

    /// One pass of a mirror that was just started.
    pub(super) async fn once(&self) -> Report {
        self.once_with(self.settings()).await
    }

    pub(super) async fn once_with(&self, settings: Settings) -> Report {
        Mirror::new(self.user.client(), settings).once().await
    }

    pub(super) fn start(&self) -> Running {
        self.start_with(self.user.client(), self.settings())
    }

    pub(super) fn start_with(&self, client: Client, settings: Settings) -> Running {
        let mirror = Mirror::new(client, settings.clone());
        let (sender, report) = watch::channel(Report::default());
        let (settings, receiver) = watch::channel(settings);
        let (puller, stop) = (mirror.puller(), CancellationToken::new());
        let task = tokio::spawn(mirror.run(receiver, sender, stop.clone()));
        Running {
            report,
            settings,
            puller,
            stop,
            task,
        }
    }

    pub(super) fn api(&self) -> Api<ConfigMap> {
        self.namespace.api()
    }

    /// The ConfigMaps of this mirror and others that have names of beads, by name.
    pub(super) async fn configmaps(&self) -> BTreeMap<String, ConfigMap> {
        let all = self.api().list(&ListParams::default()).await.unwrap();
        let beads = all
            .items
            .into_iter()
            .filter(|c| name(c).starts_with("bead-"));
        beads.map(|c| (name(&c).to_owned(), c)).collect()
    }

    pub(super) async fn names(&self) -> Vec<String> {
        self.configmaps().await.into_keys().collect()
    }

    /// Names that a label selector finds.
    pub(super) async fn selected(&self, selector: &str) -> Vec<String> {
        let found = self
            .api()
            .list(&ListParams::default().labels(selector))
            .await
            .unwrap();
        let mut names: Vec<_> = found.items.iter().map(|c| name(c).to_owned()).collect();
        names.sort();
        names
    }

    pub(super) async fn bead(&self, name: &str) -> ConfigMap {
        self.api().get(name).await.unwrap()
    }

    /// Does what a person with kubectl would do.
    pub(super) async fn edit(&self, name: &str, patch: Value) {
        let params = PatchParams {
            field_manager: Some("kubectl-edit".into()),
            ..PatchParams::default()
        };
        self.api()
            .patch(name, &params, &Patch::Merge(patch))
            .await
            .unwrap();
    }

    pub(super) async fn delete(&self, name: &str) {
        self.api()
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }

    /// Makes an object that is not beadlet's.
    pub(super) async fn make(&self, object: Value) {
        let params = PostParams {
            field_manager: Some("kubectl-create".into()),
            ..PostParams::default()
        };
        self.api()
            .create(&params, &serde_json::from_value(object).unwrap())
            .await
            .unwrap();
    }

    pub(super) async fn mark(&self) -> Mark {
        self.namespace.testbed().audit().mark().await
    }

    /// What the mirror asked since the mark; watches that began are left out, they are not part of a pass.
    pub(super) async fn requests_since(&self, mark: Mark) -> Requests {
        let all = self.namespace.testbed().audit().since(mark).await;
        all.by(&format!("mirror-{}", self.namespace.name()))
            .matching(|r| r.verb != "watch")
    }

    /// Waits until the cluster holds just what the file says: names, labels, annotations and data.
    pub(super) async fn eventually_shows(&self, file: impl AsRef<[u8]>) {
        let expected = self.expected(file.as_ref());
        eventually(SOON, "the cluster shows the file", async || {
            self.differs(&expected).await
        })
        .await;
    }

    /// The cluster holds just what the file says.
    pub(super) async fn shows(&self, file: impl AsRef<[u8]>) {
        let expected = self.expected(file.as_ref());
        self.differs(&expected).await.unwrap();
    }

    async fn differs(&self, expected: &BTreeMap<String, Value>) -> Result<(), String> {
        let found: BTreeMap<_, _> = self
            .configmaps()
            .await
            .into_iter()
            .map(|(n, c)| (n, essence(&c)))
            .collect();
        for (name, object) in expected {
            match found.get(name) {
                None => {
                    return Err(format!(
                        "{name} is missing ({} of {})",
                        found.len(),
                        expected.len()
                    ));
                }
                Some(seen) if seen != object => {
                    return Err(format!("{name} is {seen:#} and should be {object:#}"));
                }
                Some(_) => {}
            }
        }
        match found.keys().find(|name| !expected.contains_key(*name)) {
            Some(name) => Err(format!("{name} should not be there")),
            None => Ok(()),
        }
    }

    fn expected(&self, file: &[u8]) -> BTreeMap<String, Value> {
        let (scope, config, now) = (self.scope(), TrackerConfig::default(), Timestamp::now());
        let reading = read(file).unwrap();
        let readiness = readiness(&reading, scope.profile, now);
        let renderer = Renderer::new(&reading, &readiness, &config, &scope);
        let indices = mirrored(&reading, &scope, now).issues;
        let objects = indices
            .into_iter()
            .map(|index| renderer.desired(index).to_configmap(&scope));
        objects
            .map(|c| (name(&c).to_owned(), essence(&c)))
            .collect()
    }
}

impl Running {
    pub(super) fn report(&self) -> Report {
        self.report.borrow().clone()
    }

    /// Waits until the report is as wanted.
    pub(super) async fn until(
        &mut self,
        what: &str,
        wanted: impl FnMut(&Report) -> bool,
    ) -> Report {
        let found = tokio::time::timeout(SOON, self.report.wait_for(wanted)).await;
        let found = found.ok().map(|report| report.unwrap().clone());
        found.unwrap_or_else(|| {
            panic!(
                "after {SOON:?} still not: {what}; the report is {:#?}",
                self.report()
            )
        })
    }

    /// Waits until this commit is mirrored.
    pub(super) async fn until_mirrored(&mut self, commit: &str) -> Report {
        let is_shown = |report: &Report| {
            report
                .revision
                .as_ref()
                .is_some_and(|r| r.commit.to_string() == commit)
        };
        self.until(&format!("commit {commit} is mirrored"), |report| {
            is_shown(report) && report.conditions.is_true(ConditionType::Ready)
        })
        .await
    }

    /// Waits until the watch on the cluster is open.
    pub(super) async fn until_watching(&mut self) {
        self.until("the watch is open", |report| report.watching)
            .await;
    }

    /// Waits until `Ready` is false for this reason, and gives the condition.
    pub(super) async fn until_not_ready(&mut self, reason: Reason) -> Condition {
        let is_there = |report: &Report| is_not_ready(report, reason);
        let report = self
            .until(&format!("Ready is false: {}", reason.as_str()), is_there)
            .await;
        report
            .conditions
            .find(ConditionType::Ready)
            .unwrap()
            .clone()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Settings)) {
        self.settings.send_modify(change);
    }

    /// Ends the mirror as SIGTERM does.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A change that a pass ended with.
pub(super) fn outcome(report: &Report) -> Outcome {
    report.last_pass.unwrap().outcome
}

pub(super) fn is_not_ready(report: &Report, reason: Reason) -> bool {
    report
        .conditions
        .find(ConditionType::Ready)
        .is_some_and(|c| !c.status && c.reason == reason)
}

/// Why the mirror is not ready, for a person.
pub(super) fn complaint(report: &Report, reason: Reason) -> String {
    assert!(
        is_not_ready(report, reason),
        "not {}: {report:#?}",
        reason.as_str()
    );
    report
        .conditions
        .find(ConditionType::Ready)
        .unwrap()
        .message
        .clone()
}

fn name(configmap: &ConfigMap) -> &str {
    configmap.metadata.name.as_deref().unwrap()
}

/// What is ours of an object.
fn essence(configmap: &ConfigMap) -> Value {
    let full = serde_json::to_value(configmap).unwrap();
    let meta = &full["metadata"];
    json!({"labels": meta["labels"], "annotations": meta["annotations"], "data": full["data"], "binaryData": full["binaryData"]})
}
