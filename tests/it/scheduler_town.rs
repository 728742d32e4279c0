//! A small town for the tests of the scheduler: a namespace, a Rig of its own, beads, and somebody who plays the kubelet.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use beadlet_scheduler::{
    decide::{order::Defaults, scope::Scope},
    observations::Unobserved,
    run,
    settings::{Controllers, Election, Settings},
};
use beadlet_store::{
    issue::IssueId,
    keys::{annotation, data, label},
    kinds::{BeadStore, Convoy, Polecat, PolecatPhase, Rig, RigStatus},
    name::configmap_name,
};
use beadlet_testbed::{Audit, GitRepo, Mark, Namespace, Program, Request, Testbed, eventually};
use futures::StreamExt;
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Pod, Secret},
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::{Value, from_value, json};
use tokio::task::JoinHandle;

use super::crds::testbed_with_kinds;

/// How long anything may take on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(120);

/// A namespace with a Rig that serves only it. The Rig has the namespace's name.
pub(crate) struct Town {
    pub(crate) namespace: Namespace,
    pub(crate) begin: Mark,
}

/// A controller in this process. Dropped, it stops where it is, as if it had crashed.
pub(crate) struct Controller {
    task: JoinHandle<()>,
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Town {
    /// A town whose Rig has this spec, beside what every Rig needs.
    pub(crate) async fn new(name: &str, rig: Value) -> Self {
        Self::on(testbed_with_kinds().await, name, rig).await
    }

    pub(crate) async fn on(testbed: &Testbed, name: &str, rig: Value) -> Self {
        let namespace = testbed.namespace(name).await;
        let begin = testbed.audit().mark().await;
        let town = Self { namespace, begin };
        for (secret, key) in [("git", "ssh-privatekey"), ("llm", "API_KEY")] {
            town.secret(secret, key, "first").await;
        }
        town.rig(town.name(), rig).await;
        town
    }

    pub(crate) fn name(&self) -> &str {
        self.namespace.name()
    }

    pub(crate) fn client(&self) -> Client {
        self.namespace.client()
    }

    pub(crate) fn audit(&self) -> Audit {
        self.namespace.testbed().audit()
    }

    pub(crate) fn rigs(&self) -> Api<Rig> {
        Api::all(self.client())
    }

    pub(crate) fn polecats(&self) -> Api<Polecat> {
        self.namespace.api()
    }

    pub(crate) fn jobs(&self) -> Api<Job> {
        self.namespace.api()
    }

    /// Makes a Rig of the prefix `gt`.
    pub(crate) async fn rig(&self, name: &str, spec: Value) -> Rig {
        let mut whole = json!({
            "gitURL": "https://git.example.com/gt.git",
            "beadsPrefix": "gt",
            "allowedNamespaces": [self.name()],
            "polecatTemplate": {"spec": {
                "agent": "opencode",
                "agentConfig": {"model": "m", "modelProvider": {
                    "endpoint": "http://llm.example.com/v1", "apiKeySecretRef": {"name": "llm", "key": "API_KEY"}}},
                "kubernetes": {"gitSecretRef": {"name": "git"}},
            }},
        });
        merge(&mut whole, &spec);
        let rig: Rig = from_value(json!({"apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Rig", "metadata": {"name": name}, "spec": whole})).unwrap();
        self.rigs()
            .create(&PostParams::default(), &rig)
            .await
            .unwrap()
    }

    pub(crate) async fn secret(&self, name: &str, key: &str, value: &str) {
        let secret: Secret = from_value(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {key: value}})).unwrap();
        let api: Api<Secret> = self.namespace.api();
        api.patch(
            name,
            &PatchParams::apply("tests").force(),
            &Patch::Apply(&secret),
        )
        .await
        .unwrap();
    }

    /// Makes, or changes, the ConfigMap of a ready bead, as the mirror does.
    pub(crate) async fn bead(&self, id: &str, fields: Value) {
        let configmap = bead_configmap(id, &fields);
        let api: Api<ConfigMap> = self.namespace.api();
        let name = configmap.name_any();
        api.patch(
            &name,
            &PatchParams::apply("mirror").force(),
            &Patch::Apply(&configmap),
        )
        .await
        .unwrap();
    }

    /// Makes the BeadStore that the beads come from, as it is after its first pass.
    pub(crate) async fn store(&self, name: &str) {
        let spec = json!({"source": {"url": "https://git.example.com/beads.git"}});
        beadstore(&self.namespace, name, spec).await;
        let api: Api<BeadStore> = self.namespace.api();
        let status = Patch::Merge(json!({"status": {"commit": "0123456789"}}));
        api.patch_status(name, &PatchParams::default(), &status)
            .await
            .unwrap();
    }

    pub(crate) async fn delete_bead(&self, id: &str) {
        let api: Api<ConfigMap> = self.namespace.api();
        api.delete(
            &configmap_name(&IssueId::new(id).unwrap()),
            &DeleteParams::default(),
        )
        .await
        .unwrap();
    }

    /// Makes a Polecat, as a person does.
    pub(crate) async fn polecat(&self, name: &str, spec: Value) -> Polecat {
        let polecat: Polecat =
            from_value(json!({"apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Polecat", "metadata": {"name": name}, "spec": spec})).unwrap();
        self.polecats()
            .create(&PostParams::default(), &polecat)
            .await
            .unwrap()
    }

    pub(crate) async fn convoy(&self, name: &str, spec: Value) -> Convoy {
        let convoy: Convoy =
            from_value(json!({"apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Convoy", "metadata": {"name": name}, "spec": spec})).unwrap();
        let api: Api<Convoy> = self.namespace.api();
        api.create(&PostParams::default(), &convoy).await.unwrap()
    }

    /// How a controller of this town runs. It leads without asking.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            scope: Scope::Namespace(self.name().to_owned()),
            controllers: Controllers {
                dispatch: true,
                polecat: true,
                convoy: true,
            },
            defaults: Defaults {
                beadlet_image: "beadlet:test".into(),
                opencode_image: "opencode:test".into(),
                claude_code_image: "claude-code:test".into(),
                author_email: "polecats@example.com".into(),
                agent_resources: Default::default(),
            },
            election: None,
            resync: Duration::from_secs(60),
        }
    }

    /// An election of this town, quick enough for a test.
    pub(crate) fn election(&self, identity: &str) -> Election {
        Election {
            duration: Duration::from_secs(3),
            renewal: Duration::from_millis(500),
            ..Election::new(self.name(), "beadlet", identity)
        }
    }

    /// The user as whom controllers ask, for the audit log.
    pub(crate) fn user(&self) -> beadlet_testbed::User {
        self.namespace.user("scheduler")
    }

    /// The program `beadlet controller` of this town, which reads repositories on this machine.
    pub(crate) fn program(&self) -> Program {
        Program::new(env!("CARGO_BIN_EXE_beadlet"))
            .args(["controller", "--namespace", self.name()])
            .arg("--local-repositories")
            .arg("--kubeconfig")
            .arg(self.user().kubeconfig())
    }

    pub(crate) fn controller(&self) -> Controller {
        self.controller_with(self.settings(), self.user().client())
    }

    pub(crate) fn controller_with(&self, settings: Settings, client: Client) -> Controller {
        let task = tokio::spawn(async move {
            run(
                client,
                settings,
                Arc::new(Unobserved),
                std::future::pending(),
            )
            .await
            .unwrap();
        });
        Controller { task }
    }

    /// Plays the kubelet of this namespace until it is dropped: pods run, and end like this.
    pub(crate) fn kubelet(&self, end: End) -> Kubelet {
        Kubelet::start(self.client(), self.name(), end)
    }

    /// Waits until a Polecat is in this phase.
    pub(crate) async fn phase(&self, name: &str, phase: PolecatPhase) -> Polecat {
        let api = self.polecats();
        eventually(SOON, &format!("polecat {name} is {phase:?}"), async || {
            let found = api
                .get_opt(name)
                .await
                .unwrap()
                .ok_or("it does not exist".to_owned())?;
            let status = found.status.clone().unwrap_or_default();
            if status.phase == Some(phase) {
                Ok(found)
            } else {
                Err(serde_json::to_string(&status).unwrap())
            }
        })
        .await
    }

    /// Waits until a Job may run, which its Polecat says a moment before.
    pub(crate) async fn started_job(&self, name: &str) -> Job {
        let api = self.jobs();
        eventually(SOON, &format!("job {name} may run"), async || {
            let job = api.get_opt(name).await.unwrap()?;
            (job.spec.as_ref()?.suspend == Some(false)).then_some(job)
        })
        .await
    }

    /// Waits until the Rig's status is like this.
    pub(crate) async fn rig_says(
        &self,
        what: &str,
        is_so: impl Fn(&RigStatus) -> bool,
    ) -> RigStatus {
        let api = self.rigs();
        eventually(SOON, what, async || {
            let status = api
                .get(self.name())
                .await
                .unwrap()
                .status
                .unwrap_or_default();
            if is_so(&status) {
                Ok(status)
            } else {
                Err(serde_json::to_string(&status).unwrap())
            }
        })
        .await
    }

    pub(crate) async fn patch_polecat(&self, name: &str, patch: Value) {
        self.polecats()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    }

    /// What every Job of the town did, from the audit log.
    pub(crate) async fn job_history(&self) -> Vec<Request> {
        let requests = self
            .audit()
            .since(self.begin)
            .await
            .in_namespace(self.name())
            .of("jobs");
        requests.into_iter().filter(Request::is_success).collect()
    }
}

impl Drop for Town {
    /// Rigs belong to no namespace: without them other controllers have nothing to do with this town.
    fn drop(&mut self) {
        let (client, name) = (self.namespace.testbed().clone(), self.name().to_owned());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let rigs: Api<Rig> = Api::all(client.client());
                let list = rigs.list(&ListParams::default()).await;
                for rig in list.into_iter().flatten() {
                    if rig.spec.allowed_namespaces.as_deref() == Some(std::slice::from_ref(&name)) {
                        let _ = rigs.delete(&rig.name_any(), &DeleteParams::default()).await;
                    }
                }
            });
        })
        .join()
        .unwrap();
    }
}

/// The issues of a repository on a branch, or at a commit, by their ids.
pub(crate) fn records(repo: &GitRepo, at: &str) -> BTreeMap<String, Value> {
    let text = String::from_utf8(repo.read(at, ".beads/issues.jsonl").unwrap()).unwrap();
    let records = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    records
        .map(|record| (record["id"].as_str().unwrap().to_owned(), record))
        .collect()
}

/// Makes a BeadStore, as a person does.
pub(crate) async fn beadstore(namespace: &Namespace, name: &str, spec: Value) {
    let store: BeadStore = from_value(
        json!({"apiVersion": "gastown.gastown.io/v1alpha1", "kind": "BeadStore",
        "metadata": {"name": name}, "spec": spec}),
    )
    .unwrap();
    let api: Api<BeadStore> = namespace.api();
    api.create(&PostParams::default(), &store).await.unwrap();
}

/// The ConfigMap of a ready bead with these fields.
pub(crate) fn bead_configmap(id: &str, fields: &Value) -> ConfigMap {
    let mut issue = json!({"id": id, "title": format!("do {id}"), "status": "open", "priority": 2, "issue_type": "task",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"});
    merge(&mut issue, fields);
    let is_ready = issue["status"] == "open" && issue["issue_type"] != "convoy";
    let prefix = id.split('-').next().unwrap();
    from_value(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": configmap_name(&IssueId::new(id).unwrap()),
            "labels": {
                label::MANAGED_BY: label::MANAGED_BY_BEADLET, label::READY: is_ready.to_string(), label::PREFIX: prefix,
                label::STATUS: issue["status"], label::TYPE: issue["issue_type"], label::STORE: "store",
            },
            "annotations": {annotation::BEAD_ID: id},
        },
        "data": {data::ISSUE: issue.to_string(), data::TITLE: issue["title"]},
    }))
    .unwrap()
}

/// RFC 7396.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    match patch {
        Value::Object(fields) if target.is_object() => {
            for (key, value) in fields {
                match value {
                    Value::Null => drop(target.as_object_mut().unwrap().remove(key)),
                    value => merge(&mut target[key], value),
                }
            }
        }
        other => *target = other.clone(),
    }
}

/// How pods end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Not by themselves.
    Never,
    /// All containers with exit code 0.
    Well,
    /// The agent with exit code 1.
    Badly,
}

/// Somebody who plays the kubelet: there is no node in the testbed.
pub(crate) struct Kubelet {
    task: JoinHandle<()>,
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Kubelet {
    pub(crate) fn start(client: Client, namespace: &str, end: End) -> Self {
        let api: Api<Pod> = Api::namespaced(client, namespace);
        let living =
            watcher::Config::default().fields("status.phase!=Succeeded,status.phase!=Failed");
        let pods = watcher(api.clone(), living)
            .default_backoff()
            .applied_objects();
        let task = tokio::spawn(pods.for_each_concurrent(16, move |pod| {
            let api = api.clone();
            async move {
                if let Ok(pod) = pod {
                    while serve(&api, &pod, end).await.is_err() {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            }
        }));
        Self { task }
    }
}

/// One step of a pod's life; pods that are being deleted go. Of a pod that has changed meanwhile there will be news.
async fn serve(api: &Api<Pod>, pod: &Pod, end: End) -> kube::Result<()> {
    match step(api, pod, end).await {
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        Err(kube::Error::Api(status)) if !matches!(status.code, 429 | 500..) => {
            panic!("a played kubelet is refused: {status}")
        }
        answer => answer,
    }
}

async fn step(api: &Api<Pod>, pod: &Pod, end: End) -> kube::Result<()> {
    let name = pod.name_any();
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .unwrap_or("Pending");
    if pod.metadata.deletion_timestamp.is_some() {
        set_status(api, &name, ended(&[("agent", 143)])).await?;
        let at_once = DeleteParams::default().grace_period(0);
        return api.delete(&name, &at_once).await.map(drop);
    }
    let next = match (phase, end) {
        ("Pending", _) => json!({"phase": "Running", "containerStatuses": [
            {"name": "agent", "image": "i", "imageID": "", "ready": true, "restartCount": 0, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}},
            {"name": "git-push", "image": "i", "imageID": "", "ready": true, "restartCount": 0, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]}),
        ("Running", End::Well) => ended(&[]),
        ("Running", End::Badly) => ended(&[("agent", 1)]),
        _ => return Ok(()),
    };
    let as_seen = json!({"metadata": {"resourceVersion": pod.resource_version()}, "status": next});
    let patch = Patch::Merge(as_seen);
    let params = PatchParams::default();
    api.patch_status(&name, &params, &patch).await.map(drop)
}

/// The status of a pod whose containers ended, with code 0 where none is named.
pub(crate) fn ended(codes: &[(&str, i32)]) -> Value {
    let codes: BTreeMap<&str, i32> = codes.iter().copied().collect();
    let of = |name: &str| {
        let code = codes.get(name).copied().unwrap_or(0);
        let words = if name == "git-push" {
            r#"{"outcome":"done","branch":"polecat/x","commit":"abc","files":1,"insertions":1,"deletions":0}"#
        } else {
            ""
        };
        json!({"name": name, "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": code, "reason": if code == 0 { "Completed" } else { "Error" }, "message": words}}})
    };
    let phase = if codes.values().all(|code| *code == 0) {
        "Succeeded"
    } else {
        "Failed"
    };
    json!({"phase": phase, "initContainerStatuses": [of("git-init")], "containerStatuses": [of("agent"), of("git-push")]})
}

pub(crate) async fn set_status(api: &Api<Pod>, name: &str, status: Value) -> kube::Result<Pod> {
    api.patch_status(
        name,
        &PatchParams::default(),
        &Patch::Merge(json!({"status": status})),
    )
    .await
}
