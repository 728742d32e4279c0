//! A pod that is deleted leaves a pushed branch or a clear failure, whatever it was at. More moments, of the same programs without a
//! cluster, are in `worker::stopping`; a pod whose agent is at work is in `pod::failures::agent`.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use beadlet_store::kinds::{FailureClass, PolecatPhase};
use beadlet_testbed::{eventually, git::http::Behaviour};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::DeleteParams};
use serde_json::{Value, json};

use super::scene::{self, LONG, Over, Scene};

const SCRIPT: &str = "echo made > made";

/// Lets the server wait with each push: it has `asked` as soon as one has come, and goes on with it when there is `go`.
fn hold_pushes(scene: &Scene) {
    let repository = scene.project.repo.path();
    let hook = repository.join("hooks/pre-receive");
    let folder = repository.display();
    let script =
        format!("#!/bin/sh\n: > {folder}/asked\nwhile [ ! -e {folder}/go ]; do sleep 0.1; done\n");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, script).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
}

async fn appears(file: &Path) {
    eventually(LONG, "the push has come", async || file.exists()).await;
}

/// Whether a container of the pod is in this state (`running`, `waiting`).
fn is_in(pod: &Pod, container: &str, state: &str) -> bool {
    let status = json!(pod.status);
    let of = |kind: &str| status[kind].as_array().cloned().unwrap_or_default();
    [of("initContainerStatuses"), of("containerStatuses")]
        .concat()
        .iter()
        .any(|status: &Value| status["name"] == container && !status["state"][state].is_null())
}

async fn delete(scene: &Scene, pod: &Pod) {
    let pods: Api<Pod> = scene.town.namespace.api();
    pods.delete(&pod.name_any(), &DeleteParams::default())
        .await
        .unwrap();
}

async fn killed(scene: &Scene, polecat: &str, phase: PolecatPhase) {
    let status = scene.ended(polecat, phase).await;
    assert_eq!(
        status.failure_class,
        Some(FailureClass::Killed),
        "{polecat}"
    );
    let branch = scene.project.repo.head(&format!("polecat/{polecat}"));
    assert_eq!(branch, None, "{polecat}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pod_that_is_deleted_leaves_a_pushed_branch_or_a_clear_failure() {
    let testbed = scene::ready().await;
    let rig =
        json!({"polecatTemplate": {"spec": scene::custom(SCRIPT)}, "dispatch": {"maxAttempts": 2}});
    let scene = Scene::on(testbed, "moments", Over::Https, rig).await;
    let absent = json!({"agentConfig": {"image": "localhost/beadlet-nobody-built-this:1"}});
    let mut without_image =
        json!({"polecatTemplate": {"spec": scene::custom(SCRIPT)}, "dispatch": {"maxAttempts": 1}});
    crate::scheduler_town::merge(&mut without_image["polecatTemplate"]["spec"], &absent);
    scene.rig("im", &without_image).await;
    hold_pushes(&scene);
    scene.push_all(&["gt-push", "im-1"]);
    // While the server takes the push.
    let repository = scene.project.repo.path();
    appears(&repository.join("asked")).await;
    let pod = scene.pod("gt-push-1", "pushes", |_| true).await;
    delete(&scene, &pod).await;
    fs::write(repository.join("go"), "").unwrap();
    let status = scene.ended("gt-push-1", PolecatPhase::Done).await;
    let head = scene.project.repo.head("polecat/gt-push-1");
    assert!(head.is_some());
    // A pod that was deleted may be gone before anybody has seen what it said last.
    let told = status.result.and_then(|result| result.commit);
    assert!(told.is_none() || told == head, "{told:?}");
    // Between the clone and the agent.
    let waits = |pod: &Pod| is_in(pod, "git-push", "running") && is_in(pod, "agent", "waiting");
    let pod = scene.pod("im-1-1", "waits for its agent", waits).await;
    delete(&scene, &pod).await;
    killed(&scene, "im-1-1", PolecatPhase::Stuck).await;
    // While it is cloned.
    let server = scene.project.http();
    server.behave(Behaviour::Hang);
    let asked = server.seen().len();
    scene.push_all(&["gt-push", "im-1", "gt-clone"]);
    let clones = |pod: &Pod| is_in(pod, "git-init", "running");
    let pod = scene.pod("gt-clone-1", "clones", clones).await;
    eventually(LONG, "the clone asks the server", async || {
        server.seen().len() > asked
    })
    .await;
    server.behave(Behaviour::Serve);
    delete(&scene, &pod).await;
    killed(&scene, "gt-clone-1", PolecatPhase::Failed).await;
    scene.ended("gt-clone-2", PolecatPhase::Done).await;
}
