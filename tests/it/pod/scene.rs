//! Where a story with real pods takes place: a namespace that enforces the `restricted` standard, a project on a git server, a model
//! endpoint, and the program `beadlet controller`.

use std::{
    any::Any,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::Duration,
};

use beadlet_store::kinds::{BeadStore, Polecat, PolecatPhase, PolecatStatus};
use beadlet_testbed::{
    GitRepo, Program, Running, Testbed, eventually,
    git::{
        GitHttp, GitSsh,
        http::{Auth, Tls},
        ssh::HostKey,
    },
    images, kinds,
    node::{Relay, image::BUSYBOX},
};
use k8s_openapi::api::core::v1::{Namespace, Pod, Secret};
use kube::{
    Api,
    api::{ListParams, LogParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, from_value, json};
use tokio::sync::OnceCell;

use crate::{
    scheduler_town::{Town, merge},
    worker::supervisor,
};

/// How long a pod may take on a busy machine, with everything in it.
pub(super) const LONG: Duration = Duration::from_secs(300);
/// What the model endpoint asks for.
pub(super) const MODEL_KEY: &str = "sk-of-the-model";
/// What the git server asks for.
pub(super) const GIT_TOKEN: &str = "token-of-the-project";

/// How the project is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Https,
    Ssh,
}

pub(super) struct Scene {
    pub(super) town: Town,
    pub(super) project: GitRepo,
    /// The stub; its output has a line for each request.
    pub(super) model: Running,
    _server: Server,
    beads: GitRepo,
    _controller: Running,
    _relays: Vec<Relay>,
}

/// Kept for as long as the scene lives.
type Server = Box<dyn Any + Send + Sync>;

impl Scene {
    /// A scene whose Rig has this template for its polecats, beside what every polecat needs.
    pub(super) async fn new(name: &str, over: Over, template: Value) -> Self {
        Self::with_model(name, over, template, &[]).await
    }

    /// The same with arguments for the model endpoint.
    pub(super) async fn with_model(
        name: &str,
        over: Over,
        template: Value,
        model: &[&str],
    ) -> Self {
        let testbed = ready().await;
        let host = testbed.host().unwrap();
        let project = GitRepo::bare();
        project.commit("main", "README.md", "a project\n");
        let (server, url, credential) = serve(&project, over, host);
        let (model, model_port) = endpoint(model).await;
        let relays = vec![
            testbed.relay(port(&url)).unwrap(),
            testbed.relay(model_port).unwrap(),
        ];
        let endpoint = format!("http://{host}:{model_port}/v1");
        let mut spec = json!({
            "agentConfig": {"model": "stub-model", "modelProvider": {"endpoint": endpoint}},
            "kubernetes": {"gitSecretRef": {"name": "project"}},
        });
        merge(&mut spec, &template);
        let rig = json!({"gitURL": url, "polecatTemplate": {"spec": spec}, "dispatch": {"maxAttempts": 1}});
        let town = Town::on(testbed, name, rig).await;
        restrict(&town).await;
        town.secret("llm", "API_KEY", MODEL_KEY).await;
        let secrets: Api<Secret> = town.namespace.api();
        let secret =
            from_value(json!({"metadata": {"name": "project"}, "stringData": credential})).unwrap();
        secrets
            .create(&PostParams::default(), &secret)
            .await
            .unwrap();
        let beads = GitRepo::bare();
        beads.commit("main", ".beads/issues.jsonl", "");
        store(&town, &beads).await;
        let controller = controller(&town);
        Self {
            town,
            project,
            _server: server,
            model,
            beads,
            _controller: controller,
            _relays: relays,
        }
    }

    /// Pushes a ready issue to the beads repository: the only thing that anybody does.
    pub(super) fn push(&self, id: &str, fields: &Value) {
        let mut issue = json!({"id": id, "title": "Greet the world", "description": "Write a greeting.", "status": "open", "priority": 2,
            "issue_type": "task", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"});
        merge(&mut issue, fields);
        self.beads
            .commit("main", ".beads/issues.jsonl", format!("{issue}\n"));
    }

    /// Waits until the polecat has ended in this phase.
    pub(super) async fn ended(&self, name: &str, phase: PolecatPhase) -> PolecatStatus {
        let polecats = self.town.polecats();
        let what = format!("polecat {name} is {phase:?}");
        let found = eventually(LONG, &what, async || {
            let polecat: Option<Polecat> = polecats
                .get_opt(name)
                .await
                .map_err(|error| error.to_string())?;
            let status = polecat
                .and_then(|polecat| polecat.status)
                .unwrap_or_default();
            match status.phase {
                Some(seen) if seen == phase => Ok(status),
                _ => Err(serde_json::to_string(&status).unwrap()),
            }
        });
        found.await
    }

    /// The output of a container of the only pod.
    pub(super) async fn log(&self, container: &str) -> String {
        let pods: Api<Pod> = self.town.namespace.api();
        let pod = pods
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .remove(0);
        let parameters = LogParams {
            container: Some(container.into()),
            ..LogParams::default()
        };
        pods.logs(&pod.metadata.name.unwrap(), &parameters)
            .await
            .unwrap()
    }
}

/// A custom agent: a script, with all the usual tools in `busybox`.
pub(super) fn custom(script: &str) -> Value {
    json!({"agent": "custom", "agentConfig": {"image": BUSYBOX, "command": ["sh", "-c", script]}})
}

/// The control plane with a node, our kinds and the image of beadlet.
pub(super) async fn ready() -> &'static Testbed {
    static READY: OnceCell<()> = OnceCell::const_new();
    let testbed = Testbed::shared_with_node().await;
    READY
        .get_or_init(async || {
            kinds::install(&testbed.client()).await.unwrap();
            testbed.import(&beadlet_image().await).await.unwrap();
        })
        .await;
    testbed
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

/// A server for the project, its address as pods have it, and the Secret that opens it.
fn serve(project: &GitRepo, over: Over, host: Ipv4Addr) -> (Server, String, Value) {
    let from_pods = |text: String| text.replace("127.0.0.1", &host.to_string());
    let read = |path| std::fs::read_to_string(path).unwrap();
    match over {
        Over::Https => {
            let server = GitHttp::start(project, Tls::At(host), Auth::Bearer(GIT_TOKEN.into()));
            let (url, credential) = (
                from_pods(server.url(project)),
                json!({"token": GIT_TOKEN, "ca.crt": read(server.ca_file())}),
            );
            (Box::new(server), url, credential)
        }
        Over::Ssh => {
            let server = GitSsh::start(&[HostKey::Ed25519]);
            let credential = json!({"ssh-privatekey": read(server.client_key()), "known_hosts": from_pods(server.known_hosts())});
            let url = from_pods(server.url(project));
            (Box::new(server), url, credential)
        }
    }
}

/// The port in a URL.
pub(super) fn port(url: &str) -> u16 {
    let authority = url.split('/').nth(2).unwrap();
    authority.rsplit(':').next().unwrap().parse().unwrap()
}

/// The stub of a model endpoint, and its port.
pub(super) async fn endpoint(arguments: &[&str]) -> (Running, u16) {
    let stub = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/agents/stub_llm.py");
    let mut model = Program::new("/usr/bin/python3")
        .arg(stub)
        .args(["--port", "0", "--api-key", MODEL_KEY])
        .args(arguments)
        .start();
    let line = model.line("listening on", LONG).await;
    (model, port(line.split(' ').nth(2).unwrap()))
}

/// From now on only pods that pass the standard are let in.
async fn restrict(town: &Town) {
    let labels =
        json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let namespaces: Api<Namespace> = Api::all(town.client());
    namespaces
        .patch(town.name(), &PatchParams::default(), &Patch::Merge(labels))
        .await
        .unwrap();
}

async fn store(town: &Town, beads: &GitRepo) {
    let store: BeadStore = from_value(json!({"apiVersion": "gastown.gastown.io/v1alpha1", "kind": "BeadStore", "metadata": {"name": "beads"},
        "spec": {"source": {"url": beads.url()}, "rigRef": town.name()}}))
    .unwrap();
    let api: Api<BeadStore> = town.namespace.api();
    api.create(&PostParams::default(), &store).await.unwrap();
}

fn controller(town: &Town) -> Running {
    Program::new(env!("CARGO_BIN_EXE_beadlet"))
        .args([
            "controller",
            "--namespace",
            town.name(),
            "--local-repositories",
            "--image",
            images::BEADLET,
        ])
        .arg("--kubeconfig")
        .arg(town.namespace.user("controller").kubeconfig())
        .start()
}
