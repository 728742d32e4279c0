//! What goes wrong while an agent works.

use beadlet_store::kinds::{FailureClass, PolecatPhase};
use beadlet_testbed::node::image::BUSYBOX;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, EvictParams, Patch, PatchParams},
};
use serde_json::json;

use super::{AGAIN, Failure, GO_ON, rig};
use crate::pod::{
    scene::{Over, Scene, ready},
    servers::Gate,
};

/// An agent that does something else at each bead.
fn script(gate: &Gate) -> String {
    format!(
        r#"{GO_ON}
if [ "$GT_ISSUE" = gt-nothing ] && [ "$GT_ATTEMPT" = 1 ]; then exit 0; fi
echo once > story
if [ "$GT_ATTEMPT" != 1 ]; then echo again >> story; exit 0; fi
case $GT_ISSUE in
gt-exit) echo boom >&2; exit 3 ;;
gt-memory) x=0123456789abcdef; while :; do x=$x$x; done ;;
id-1) busybox sleep 10000 ;;
dl-1) while :; do echo tick; busybox sleep 1; done ;;
*) {} ;;
esac
"#,
        gate.wait
    )
}

async fn scene() -> (Scene, Gate) {
    let testbed = ready().await;
    let gate = Gate::new(testbed);
    let script = script(&gate);
    let limit = json!({"resources": {"limits": {"memory": "64Mi"}}});
    let scene = Scene::on(testbed, "ends", Over::Https, rig(&script, &limit)).await;
    for (prefix, template) in [
        ("id", json!({"maxIdleSeconds": 5})),
        ("dl", json!({"kubernetes": {"activeDeadlineSeconds": 120}})),
        (
            "im",
            json!({"agentConfig": {"image": "localhost/beadlet-nobody-built-this:1"}}),
        ),
    ] {
        scene.rig(prefix, &rig(&script, &template)).await;
    }
    (scene, gate)
}

/// The next attempt is of another make.
async fn mend(scene: &Scene, prefix: &str, template: serde_json::Value) {
    let rig = json!({"spec": {"polecatTemplate": {"spec": template}}});
    let name = format!("{}-{prefix}", scene.town.name());
    scene
        .town
        .rigs()
        .patch(&name, &PatchParams::default(), &Patch::Merge(rig))
        .await
        .unwrap();
}

/// What makes the first attempts fail is not there any more for the next.
async fn mend_rigs(scene: &Scene) {
    scene.pod("dl-1-1", "is there", |_| true).await;
    let deadline = json!({"kubernetes": {"activeDeadlineSeconds": 3600}});
    mend(scene, "dl", deadline).await;
    scene
        .pod("im-1-1", "waits for its image", |pod| {
            let status = pod.status.as_ref();
            let mut containers = status
                .into_iter()
                .flat_map(|status| status.container_statuses.iter().flatten());
            containers.any(|container| {
                let waiting = container
                    .state
                    .as_ref()
                    .and_then(|state| state.waiting.as_ref());
                waiting
                    .and_then(|waiting| waiting.reason.as_deref())
                    .is_some_and(|reason| reason.contains("ImagePull"))
            })
        })
        .await;
    mend(scene, "im", json!({"agentConfig": {"image": BUSYBOX}})).await;
}

/// What is done to polecats whose agents wait at the gate.
async fn interfere(scene: &Scene, gate: &Gate) {
    let pods: Api<Pod> = scene.town.namespace.api();
    let name = async |polecat: &str| {
        gate.reached(polecat).await;
        scene.pod(polecat, "runs", |_| true).await.name_any()
    };
    let evicted = name("gt-evicted-1").await;
    pods.evict(&evicted, &EvictParams::default()).await.unwrap();
    let killed = name("gt-killed-1").await;
    pods.delete(&killed, &DeleteParams::default())
        .await
        .unwrap();
    gate.reached("gt-moved-1").await;
    scene
        .project
        .repo
        .commit("polecat/gt-moved-1", "theirs", "by somebody else\n");
    gate.open("gt-moved-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agent_that_fails_in_any_way_keeps_its_work_and_the_next_attempt_goes_on_with_it() {
    let (scene, gate) = scene().await;
    scene.push_all(&[
        "gt-exit",
        "gt-nothing",
        "gt-memory",
        "gt-evicted",
        "gt-killed",
        "gt-moved",
        "id-1",
        "dl-1",
        "im-1",
    ]);
    mend_rigs(&scene).await;
    interfere(&scene, &gate).await;
    for (bead, class, words, is_kept) in [
        (
            "gt-exit",
            FailureClass::AgentFailed,
            &["agent ended with exit code 50", "exit code 3: boom"][..],
            true,
        ),
        (
            "gt-nothing",
            FailureClass::NoChanges,
            &["git-push ended with exit code 60", "changed nothing"],
            false,
        ),
        ("gt-memory", FailureClass::OutOfMemory, &["memory"], true),
        ("gt-killed", FailureClass::Killed, &["agent ended"], true),
        (
            "gt-moved",
            FailureClass::PushFailed,
            &[
                "git-push ended with exit code 62",
                "someone else moved polecat/gt-moved-1",
                "the work is on polecat/gt-moved-1-",
            ],
            true,
        ),
        (
            "id-1",
            FailureClass::Idle,
            &["agent ended with exit code 52", "printed nothing"],
            true,
        ),
        ("dl-1", FailureClass::DeadlineExceeded, &[], true),
        (
            "im-1",
            FailureClass::ImageNotPulled,
            &["cannot be pulled", "beadlet-nobody-built-this"],
            false,
        ),
    ] {
        let failure = Failure {
            bead,
            class,
            words,
            is_kept,
        };
        failure.is_mended_by_the_next_attempt(&scene).await;
    }
    let theirs = scene.project.text("polecat/gt-moved-1", "story");
    assert_eq!(theirs, None, "what somebody else pushed is theirs");
    // Nobody's fault: it is the same attempt all the way.
    let evicted = scene.ended("gt-evicted-1", PolecatPhase::Done).await;
    assert_eq!(evicted.failure_class, None);
    let story = scene.project.text("polecat/gt-evicted-1", "story");
    assert_eq!(story.as_deref(), Some(AGAIN));
}
