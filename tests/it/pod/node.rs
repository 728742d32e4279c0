//! The node does what the other tests of pods rely on, and leaves nothing behind.

use std::{fs, io::Write, path::Path, time::Duration};

use beadlet_testbed::{Testbed, control_plane::Component, eventually, node::image::BUSYBOX};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api,
    api::{ListParams, PostParams},
};
use serde_json::{Value, from_value, json};

const SOON: Duration = Duration::from_secs(180);

/// A Job whose init container says `first` and whose container runs a script, as anybody may run one.
fn job(script: &str) -> Job {
    let container = |name: &str, script: &str| {
        json!({
            "name": name, "image": BUSYBOX, "command": ["sh", "-c", script],
            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
        })
    };
    from_value(json!({
        "metadata": {"name": "greeting"},
        "spec": {"backoffLimit": 0, "template": {"spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "terminationGracePeriodSeconds": 1,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
            "initContainers": [container("first", "echo first")],
            "containers": [container("second", script)],
        }}},
    }))
    .unwrap()
}

async fn start(jobs: &Api<Job>, script: &str) {
    jobs.create(&PostParams::default(), &job(script))
        .await
        .unwrap();
}

async fn condition(jobs: &Api<Job>, wanted: &str) {
    eventually(SOON, &format!("the Job is {wanted}"), async || {
        let status = jobs
            .get("greeting")
            .await
            .map_err(|error| error.to_string())?
            .status
            .unwrap_or_default();
        let is_so = status
            .conditions
            .iter()
            .flatten()
            .any(|condition| condition.type_ == wanted && condition.status == "True");
        if is_so {
            Ok(())
        } else {
            Err(serde_json::to_string(&status).unwrap())
        }
    })
    .await;
}

#[tokio::test]
async fn job_with_an_init_container_completes_and_its_logs_are_read() {
    let namespace = Testbed::shared_with_node().await.namespace("job").await;
    let jobs = namespace.api();
    start(&jobs, "echo second; id -u").await;
    condition(&jobs, "Complete").await;
    assert_eq!(
        (namespace.log("first").await, namespace.log("second").await),
        ("first\n".into(), "second\n10001\n".into())
    );
    let kubectl = namespace
        .kubectl(&["logs", "job/greeting", "--container", "second"])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&kubectl.stdout),
        "second\n10001\n",
        "{kubectl:?}"
    );
}

#[tokio::test]
async fn pod_reaches_what_is_relayed_to_it_and_nothing_else() {
    let testbed = Testbed::shared_with_node().await;
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    std::thread::spawn(move || {
        server
            .accept()
            .unwrap()
            .0
            .write_all(b"from loopback\n")
            .unwrap()
    });
    let _relay = testbed.relay(port).unwrap();
    let namespace = testbed.namespace("relay").await;
    let host = testbed.host().unwrap();
    let script = format!(
        "busybox nc -w 60 {host} {port} </dev/null; busybox nc -w 3 {host} 1; echo other port $?; busybox nc -w 3 203.0.113.1 80; echo elsewhere $?",
    );
    start(&namespace.api(), &script).await;
    condition(&namespace.api(), "Complete").await;
    let said = namespace.log("second").await;
    assert!(said.contains("from loopback\n"), "{said}");
    assert!(
        said.contains("other port 1") && said.contains("elsewhere 1"),
        "{said}"
    );
}

#[tokio::test]
async fn node_loses_power_comes_back_and_in_the_end_leaves_nothing() {
    let testbed = Testbed::start_with_node().await.unwrap();
    let namespace = testbed.namespace("power").await;
    let pods: Api<Pod> = namespace.api();
    start(
        &namespace.api(),
        "while busybox true; do busybox sleep 1; done",
    )
    .await;
    let running = async || {
        eventually(SOON, "the pod runs", async || {
            let list = pods
                .list(&ListParams::default())
                .await
                .map_err(|error| error.to_string())?;
            let status = |pod: &Pod| {
                serde_json::to_value(&pod.status).unwrap()["containerStatuses"][0].clone()
            };
            let statuses: Vec<Value> = list.items.iter().map(status).collect();
            if statuses
                .iter()
                .any(|status| !status["state"]["running"].is_null())
            {
                Ok(())
            } else {
                Err(json!(statuses).to_string())
            }
        })
        .await;
    };
    running().await;
    let folder = testbed.folder().file_name().unwrap().to_owned();
    let groups = || -> Vec<_> {
        let roots = fs::read_dir("/sys/fs/cgroup").unwrap().flatten();
        roots
            .map(|root| root.path().join(&folder))
            .filter(|group| group.is_dir())
            .collect()
    };
    assert!(!groups().is_empty());
    testbed.kill(Component::Node).await.unwrap();
    testbed.start_again(Component::Node).await.unwrap();
    let processes = testbed.processes();
    drop(namespace);
    drop(testbed);
    eventually(SOON, "everything is gone", async || {
        let alive = processes
            .iter()
            .any(|id| Path::new(&format!("/proc/{id}/exe")).exists());
        let mounts = fs::read_to_string("/proc/mounts")
            .unwrap()
            .contains(&*folder.to_string_lossy());
        let left = groups();
        if alive || mounts || !left.is_empty() || std::env::temp_dir().join(&folder).exists() {
            Err(format!(
                "processes: {alive}, mounts: {mounts}, control groups: {left:?}"
            ))
        } else {
            Ok(())
        }
    })
    .await;
}
