//! Traces: one leads from a push to the closed bead, and nobody who takes them, or does not, is in the way of the work.

use std::collections::BTreeMap;
use std::net::TcpListener;

use beadlet_store::{keys::work, kinds::Polecat};
use beadlet_testbed::{
    GitRepo, Program, Running,
    collector::{Collector, Received},
    eventually,
};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::json;
use tokio::task::JoinHandle;

use super::scheduler_program::lines;
use super::scheduler_town::{SOON, Town, beadstore, ended, merge, set_status};

const FILE: &str = ".beads/issues.jsonl";

/// A town with a repository that is written back to.
struct Scene {
    town: Town,
    repo: GitRepo,
    kubelet: Option<JoinHandle<()>>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.kubelet.iter().for_each(JoinHandle::abort);
    }
}

impl Scene {
    async fn new(name: &str) -> Self {
        let town = Town::new(name, json!({})).await;
        let repo = GitRepo::bare();
        repo.commit("main", FILE, "");
        let spec = json!({"source": {"url": repo.url()}, "rigRef": town.name(), "writeBack": {"mode": "ClaimAndClose"}});
        beadstore(&town.namespace, "beads", spec).await;
        Self {
            town,
            repo,
            kubelet: None,
        }
    }

    fn controller(&self, variables: &[(&str, &str)]) -> Running {
        let with = |program: Program, (name, value): &(&str, &str)| program.env(name, value);
        variables.iter().fold(self.town.program(), with).start()
    }

    /// Waits for the claim, lets pods run, and waits for the end.
    async fn closed(&mut self) {
        self.says("in_progress").await;
        self.kubelet = Some(tokio::spawn(serve(self.town.namespace.api())));
        self.says("closed").await;
    }

    async fn says(&self, status: &str) {
        let line = format!(r#""status":"{status}""#);
        eventually(SOON, &format!("the bead is {status} in git"), async || {
            let file = self.repo.read("main", FILE).unwrap();
            let text = String::from_utf8(file).unwrap();
            if text.contains(&line) {
                Ok(())
            } else {
                Err(text)
            }
        })
        .await;
    }
}

/// Plays the kubelet: every pod ran, and when its containers did what.
async fn serve(pods: Api<Pod>) {
    let living = ListParams::default().fields("status.phase!=Succeeded,status.phase!=Failed");
    loop {
        for pod in pods.list(&living).await.into_iter().flatten() {
            let mut status = ended(&[]);
            let born = pod.creation_timestamp().unwrap().0;
            let times = json!({"startedAt": born, "finishedAt": born});
            for list in ["initContainerStatuses", "containerStatuses"] {
                for container in status[list].as_array_mut().unwrap() {
                    merge(&mut container["state"]["terminated"], &times);
                }
            }
            let _ = set_status(&pods, &pod.name_any(), status).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    }
}

/// The spans of one trace by name.
fn by_name(spans: &[Received]) -> BTreeMap<&str, &Received> {
    let named: BTreeMap<&str, &Received> = spans
        .iter()
        .map(|span| (span.name.as_str(), span))
        .collect();
    assert_eq!(named.len(), spans.len(), "each once: {spans:#?}");
    named
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_leads_from_the_push_to_the_closed_bead() {
    let (mut scene, collector) = (Scene::new("traced").await, Collector::start());
    let endpoint = collector.endpoint();
    let mut controller = scene.controller(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ]);
    let commit = scene.repo.commit("main", FILE, lines(1, &json!({})));
    scene.closed().await;
    assert!(controller.terminate(SOON).await.success());
    let spans = collector.received();
    assert!(spans.iter().all(|span| span.service == "beadlet"));
    let traces: BTreeMap<&[u8], usize> = spans.iter().fold(BTreeMap::new(), |mut traces, span| {
        *traces.entry(span.trace.as_slice()).or_default() += 1;
        traces
    });
    assert_eq!(traces.len(), 1, "{spans:#?}");

    let named = by_name(&spans);
    let names: Vec<&str> = named.keys().copied().collect();
    let parts = [
        "agent", "claim", "clone", "close", "dispatch", "mirror", "polecat", "push", "wait",
    ];
    assert_eq!(names, parts);
    let parent = |name: &str| {
        let of = |span: &&&Received| span.id == named[name].parent;
        named.values().find(of).map(|span| span.name.as_str())
    };
    assert!(named["mirror"].parent.is_empty(), "the push is its root");
    for name in ["dispatch", "polecat", "claim", "close"] {
        assert_eq!(parent(name), Some("mirror"), "{name}");
    }
    for name in ["wait", "clone", "agent", "push"] {
        assert_eq!(parent(name), Some("polecat"), "{name}");
    }
    // Kubernetes tells whole seconds.
    let second = |nanoseconds: u64| nanoseconds / 1_000_000_000;
    let order = [
        ("mirror", "dispatch"),
        ("dispatch", "polecat"),
        ("polecat", "clone"),
        ("polecat", "close"),
        ("claim", "close"),
    ];
    for (before, after) in order {
        let (before, after) = (named[before].start, named[after].start);
        assert!(second(before) <= second(after), "{order:?}: {spans:#?}");
    }
    assert!(named["mirror"].end <= named["dispatch"].end);
    assert!(named["polecat"].end <= named["close"].end);
    let says = |name: &str, key: &str| named[name].attributes[key].clone();
    assert_eq!(says("mirror", "vcs.ref.head.revision"), commit);
    assert_eq!(says("mirror", "gastown.bead.id"), "gt-0");
    assert_eq!(says("polecat", "gastown.polecat.outcome"), "Done");
    assert_eq!(
        says("close", "vcs.ref.head.revision"),
        scene.repo.head("main").unwrap()
    );
    on_the_polecat_only(&scene, &named["mirror"].trace).await;
}

/// The trace stands on the Polecat, and nowhere where it would have to be written anew with every commit.
async fn on_the_polecat_only(scene: &Scene, trace: &[u8]) {
    let trace: String = trace.iter().map(|byte| format!("{byte:02x}")).collect();
    let polecat: Polecat = scene.town.polecats().get("gt-0-1").await.unwrap();
    let said = &polecat.annotations()[work::TRACEPARENT];
    assert!(said.contains(&trace), "{said} is not of {trace}");
    let beads: Api<ConfigMap> = scene.town.namespace.api();
    let bead = beads.get("bead-gt-0").await.unwrap();
    let text = serde_json::to_string(&bead.metadata).unwrap();
    assert!(
        !text.contains(&trace) && !text.contains("traceparent"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn collector_that_never_answers_is_in_nobodys_way() {
    let mut scene = Scene::new("silent").await;
    // Connections are taken by the system and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let mut controller = scene.controller(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
    ]);
    scene.repo.commit("main", FILE, lines(1, &json!({})));
    scene.closed().await;
    assert!(controller.terminate(SOON).await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn collector_that_is_not_there_is_said_once() {
    let mut scene = Scene::new("absent").await;
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let mut controller = scene.controller(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "100"),
    ]);
    scene.repo.commit("main", FILE, lines(1, &json!({})));
    scene.closed().await;
    controller.line("traces are not taken", SOON).await;
    assert!(controller.terminate(SOON).await.success());
    let log = controller.stderr();
    assert_eq!(log.matches("traces are not taken").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_wants_traces_means_none() {
    let mut scene = Scene::new("untraced").await;
    let collector = Collector::start();
    let endpoint = collector.endpoint();
    let _controller = scene.controller(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_SDK_DISABLED", "true"),
    ]);
    scene.repo.commit("main", FILE, lines(1, &json!({})));
    scene.closed().await;
    let polecat: Polecat = scene.town.polecats().get("gt-0-1").await.unwrap();
    assert!(!polecat.annotations().contains_key(work::TRACEPARENT));
    assert_eq!(collector.received(), []);
}

#[tokio::test]
async fn what_the_environment_asks_for_in_vain_is_said() {
    let town = Town::new("wrong-traces", json!({})).await;
    let refused = async |name: &str, value: &str| {
        let mut program = town
            .program()
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
            .env(name, value)
            .start();
        assert_eq!(program.wait(SOON).await.code(), Some(1), "{name}={value}");
        program.stderr()
    };
    let said = refused("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc").await;
    assert!(said.contains("http/protobuf"), "{said}");
    let said = refused("OTEL_TRACES_SAMPLER", "jaeger_remote").await;
    assert!(said.contains("parentbased_traceidratio"), "{said}");
}
