//! Where a story with real pods takes place: a namespace that enforces the `restricted` standard, a project on a git server, a model
//! endpoint, and the program `beadlet controller`.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use beadlet_store::kinds::{Polecat, PolecatPhase, PolecatStatus};
use beadlet_testbed::{
    GitRepo, Namespace, Program, Running, Testbed, eventually, images, kinds, node::image::BUSYBOX,
};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{
    Api, ResourceExt,
    api::{ListParams, PostParams},
};
use serde_json::{Value, from_value, json};
use tokio::sync::OnceCell;

pub(super) use super::servers::Over;
use super::servers::{MODEL_KEY, Model, Project};
use crate::{
    scheduler_town::{Town, beadstore, merge},
    worker::supervisor,
};

/// How long a pod may take on a busy machine, with everything in it.
pub(super) const LONG: Duration = Duration::from_secs(900);

pub(super) struct Scene {
    pub(super) town: Town,
    pub(super) project: Project,
    pub(super) model: Model,
    beads: GitRepo,
    _controller: Running,
}

impl Scene {
    /// A scene whose Rig has this template for its polecats, beside what every polecat needs.
    pub(super) async fn new(name: &str, over: Over, template: Value) -> Self {
        let rig = json!({"polecatTemplate": {"spec": template}, "dispatch": {"maxAttempts": 1}});
        Self::on(ready().await, name, over, rig).await
    }

    /// A scene whose Rig is like this, beside what every Rig needs.
    pub(super) async fn on(testbed: &Testbed, name: &str, over: Over, rig: Value) -> Self {
        let project = Project::serve(testbed, over);
        let model = Model::start(testbed, &[]).await;
        let mut whole = template(&project, &model.endpoint);
        merge(&mut whole, &rig);
        let town = Town::on(testbed, name, whole).await;
        town.namespace.restrict().await;
        town.secret("llm", "API_KEY", MODEL_KEY).await;
        secret(&town.namespace, "project", &project.secret).await;
        let beads = GitRepo::bare();
        beads.commit("main", ".beads/issues.jsonl", "");
        let spec = json!({"source": {"url": beads.url()}, "rigRef": town.name(), "prefix": "gt-"});
        beadstore(&town.namespace, "beads", spec).await;
        let controller = controller(&town.namespace, &[]);
        Self {
            town,
            project,
            model,
            beads,
            _controller: controller,
        }
    }

    /// Another Rig, for the beads of a prefix.
    pub(super) async fn rig(&self, prefix: &str, rig: &Value) {
        let mut whole = template(&self.project, &self.model.endpoint);
        whole["beadsPrefix"] = json!(prefix);
        merge(&mut whole, rig);
        self.town
            .rig(&format!("{}-{prefix}", self.town.name()), whole)
            .await;
    }

    /// Pushes a ready issue to the beads repository: the only thing that anybody does.
    pub(super) fn push(&self, id: &str, fields: &Value) {
        self.beads
            .commit("main", ".beads/issues.jsonl", issue(id, fields));
    }

    /// Pushes ready issues with these ids.
    pub(super) fn push_all(&self, ids: &[&str]) {
        let lines: String = ids.iter().map(|id| issue(id, &json!({}))).collect();
        self.beads.commit("main", ".beads/issues.jsonl", lines);
    }

    /// Waits until the polecat has ended, which it does in this phase.
    pub(super) async fn ended(&self, name: &str, phase: PolecatPhase) -> PolecatStatus {
        ended(&self.town.namespace, name, phase).await
    }

    /// The newest pod of a Polecat, once it is like this.
    pub(super) async fn pod(&self, polecat: &str, what: &str, is_so: impl Fn(&Pod) -> bool) -> Pod {
        let pods: Api<Pod> = self.town.namespace.api();
        let of = ListParams::default().labels(&format!("gastown.gastown.io/polecat={polecat}"));
        eventually(LONG, &format!("a pod of {polecat} {what}"), async || {
            let mut list = pods
                .list(&of)
                .await
                .map_err(|error| error.to_string())?
                .items;
            list.sort_by_key(|pod| pod.creation_timestamp());
            let newest = list.pop().ok_or("there is none")?;
            if is_so(&newest) {
                Ok(newest)
            } else {
                Err(serde_json::to_string(&newest.status).unwrap())
            }
        })
        .await
    }
}

/// What every Rig of a scene needs.
fn template(project: &Project, endpoint: &str) -> Value {
    json!({
        "gitURL": project.url,
        "settings": {"maxPolecats": 20},
        "dispatch": {"backoff": {"initial": "1s", "max": "1s"}},
        "polecatTemplate": {"spec": {
            "agentConfig": {"model": "stub-model", "modelProvider": {"endpoint": endpoint}},
            "kubernetes": {"gitSecretRef": {"name": "project"}},
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        }},
    })
}

/// What a real agent asks for: with less it would not come to its turn on a busy machine.
pub(super) fn of_a_real_agent() -> Value {
    json!({"requests": {"cpu": "250m"}})
}

/// A line of the issue file.
fn issue(id: &str, fields: &Value) -> String {
    let mut issue = json!({"id": id, "title": "Greet the world", "description": "Write a greeting.", "status": "open", "priority": 2,
        "issue_type": "task", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"});
    merge(&mut issue, fields);
    format!("{issue}\n")
}

/// Waits until the polecat has ended, which it does in this phase.
pub(super) async fn ended(namespace: &Namespace, name: &str, phase: PolecatPhase) -> PolecatStatus {
    let polecats: Api<Polecat> = namespace.api();
    let status = eventually(LONG, &format!("polecat {name} has ended"), async || {
        let polecat = polecats
            .get_opt(name)
            .await
            .map_err(|error| error.to_string())?;
        let status = polecat
            .and_then(|polecat| polecat.status)
            .unwrap_or_default();
        match status.phase {
            Some(seen) if seen.is_final() => Ok(status),
            _ => Err(serde_json::to_string(&status).unwrap()),
        }
    })
    .await;
    assert_eq!(
        status.phase,
        Some(phase),
        "{name}: {}",
        serde_json::to_string(&status).unwrap()
    );
    status
}

/// A custom agent: a script, with all the usual tools in `busybox`.
pub(super) fn custom(script: &str) -> Value {
    json!({"agent": "custom", "agentConfig": {"image": BUSYBOX, "command": ["sh", "-c", script]}})
}

/// Makes a Secret with these keys, in the place of one of that name.
pub(super) async fn secret(namespace: &Namespace, name: &str, keys: &Value) {
    let api: Api<Secret> = namespace.api();
    let secret = from_value(json!({"metadata": {"name": name}, "stringData": keys})).unwrap();
    let _ = api.delete(name, &Default::default()).await;
    api.create(&PostParams::default(), &secret).await.unwrap();
}

/// The control plane with a node, our kinds and the image of beadlet.
pub(super) async fn ready() -> &'static Testbed {
    static READY: OnceCell<()> = OnceCell::const_new();
    let testbed = Testbed::shared_with_node().await;
    READY.get_or_init(|| prepare(testbed)).await;
    testbed
}

/// Brings our kinds into the control plane, and the image of beadlet into its node.
pub(super) async fn prepare(testbed: &Testbed) {
    kinds::install(&testbed.client()).await.unwrap();
    testbed.import(&beadlet_image().await).await.unwrap();
}

/// The archive of the image of beadlet, built with the programs of these tests.
pub(super) async fn beadlet_image() -> PathBuf {
    let build = || {
        let program = Path::new(env!("CARGO_BIN_EXE_beadlet"));
        images::beadlet(program, supervisor::built()).unwrap()
    };
    tokio::task::spawn_blocking(build).await.unwrap()
}

/// Brings an agent's image into the node, once.
pub(super) async fn image(agent: images::Agent) -> String {
    static IMPORTED: [OnceCell<()>; 2] = [OnceCell::const_new(), OnceCell::const_new()];
    let which = images::Agent::ALL
        .iter()
        .position(|known| *known == agent)
        .unwrap();
    IMPORTED[which]
        .get_or_init(async || {
            let archive = agent.archive().unwrap();
            Testbed::shared_with_node()
                .await
                .import(&archive)
                .await
                .unwrap();
        })
        .await;
    agent.name()
}

/// A controller of this namespace.
pub(super) fn controller(namespace: &Namespace, arguments: &[&str]) -> Running {
    Program::new(env!("CARGO_BIN_EXE_beadlet"))
        .args(["controller", "--namespace", namespace.name()])
        .args(["--local-repositories", "--image", images::BEADLET])
        .args(arguments)
        .arg("--kubeconfig")
        .arg(namespace.user("controller").kubeconfig())
        .start()
}
