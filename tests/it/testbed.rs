//! The testbed does what the other tests rely on.

mod fault;
mod git;

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader, PipeReader},
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
    time::Duration,
};

use beadlet_testbed::{
    Testbed, control_plane::Component, eventually, testbed::program, tools::Tool,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, api::PostParams};
use serde_json::{Value, from_value, json};

const SOON: Duration = Duration::from_secs(120);

fn config_map(name: &str) -> ConfigMap {
    from_value(json!({"metadata": {"name": name}, "data": {"key": "value"}})).unwrap()
}

#[tokio::test]
async fn control_plane_is_of_the_pinned_version() {
    let version = Testbed::shared()
        .await
        .client()
        .apiserver_version()
        .await
        .unwrap();
    assert_eq!(version.git_version, Tool::ApiServer.version().unwrap());
}

#[tokio::test]
async fn audit_log_shows_who_created_what() {
    let testbed = Testbed::shared().await;
    let namespace = testbed.namespace("audit").await;
    let user = namespace.user("writer");
    let mark = testbed.audit().mark().await;
    let api: Api<ConfigMap> = Api::namespaced(user.client(), namespace.name());
    api.create(&PostParams::default(), &config_map("one"))
        .await
        .unwrap();
    api.get("one").await.unwrap();
    let requests = testbed
        .audit()
        .since(mark)
        .await
        .by(user.name())
        .in_namespace(namespace.name());
    let writes = requests.clone().writes().of("configmaps");
    assert_eq!(writes.len(), 1, "{writes}");
    let write = writes.iter().next().unwrap();
    assert_eq!(
        (write.verb.as_str(), write.name.as_str(), write.code),
        ("create", "one", 201)
    );
    assert_eq!(requests.reads().verb("get").len(), 1);
}

#[tokio::test]
async fn user_without_groups_may_do_nothing() {
    let testbed = Testbed::shared().await;
    let api: Api<ConfigMap> = Api::namespaced(testbed.client_as("nobody", &[]), "default");
    let kube::Error::Api(status) = api.list(&Default::default()).await.unwrap_err() else {
        panic!("not an answer")
    };
    assert_eq!(status.code, 403);
}

#[tokio::test]
async fn deleted_namespace_is_gone_with_its_objects() {
    let namespace = Testbed::shared().await.namespace("deleted").await;
    let api: Api<ConfigMap> = namespace.api();
    api.create(&PostParams::default(), &config_map("one"))
        .await
        .unwrap();
    namespace.delete().await;
    assert_eq!(api.list(&Default::default()).await.unwrap().items, []);
}

#[tokio::test]
async fn state_of_a_namespace_shows_its_objects_and_requests() {
    let namespace = Testbed::shared().await.namespace("state").await;
    namespace
        .api()
        .create(&PostParams::default(), &config_map("remarkable"))
        .await
        .unwrap();
    Testbed::shared().await.audit().mark().await;
    let state = namespace.state().await;
    assert!(state.contains("\nremarkable labels="), "{state}");
    assert!(state.contains("201 create"), "{state}");
}

#[tokio::test]
async fn api_server_is_killed_and_comes_back_with_its_objects() {
    let testbed = Testbed::start().await.unwrap();
    let namespace = testbed.namespace("restart").await;
    let api: Api<ConfigMap> = namespace.api();
    api.create(&PostParams::default(), &config_map("one"))
        .await
        .unwrap();
    testbed.kill(Component::ApiServer).await.unwrap();
    assert!(api.get("one").await.is_err());
    testbed.start_again(Component::ApiServer).await.unwrap();
    eventually(SOON, "the object is there again", async || {
        api.get("one").await
    })
    .await;
}

#[tokio::test]
async fn paused_api_server_does_not_answer_until_it_is_resumed() {
    let testbed = Testbed::start().await.unwrap();
    let client = testbed.client();
    testbed.pause(Component::ApiServer).await.unwrap();
    let asking = tokio::spawn(async move { client.apiserver_version().await });
    assert!(
        tokio::time::timeout(
            Duration::from_millis(300),
            testbed.client().apiserver_version()
        )
        .await
        .is_err()
    );
    testbed.resume(Component::ApiServer).await.unwrap();
    asking.await.unwrap().unwrap();
}

/// A supervisor of its own, with what it says of the control plane.
fn supervisor(stdin: PipeReader) -> (Child, Value) {
    let mut supervisor = Command::new(program().unwrap())
        .args(["up", "--until-stdin-closes"])
        .stdin(stdin)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(supervisor.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let answer = lines
        .nth(1)
        .map(|line| serde_json::from_str(&line).unwrap());
    (supervisor, answer.unwrap())
}

fn processes(up: &Value) -> Vec<u64> {
    up["up"]["processes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_u64)
        .collect()
}

fn runs(process: &u64) -> bool {
    fs::exists(format!("/proc/{process}")).unwrap()
}

#[test]
fn no_process_outlives_an_owner_that_is_killed() {
    // `sleep` is the owner: it holds the other end of the supervisor's stdin.
    let (stdin, held) = std::io::pipe().unwrap();
    let mut owner = Command::new("sleep")
        .arg("600")
        .stdout(held)
        .spawn()
        .unwrap();
    let (mut supervisor, up) = supervisor(stdin);
    let (processes, folder) = (processes(&up), up["up"]["folder"].as_str().unwrap());
    assert_eq!(processes.iter().filter(|process| runs(process)).count(), 3);
    assert!(fs::exists(folder).unwrap());

    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(supervisor.wait().unwrap().success());
    assert!(!processes.iter().any(runs));
    assert!(!fs::exists(folder).unwrap());
}

#[tokio::test]
async fn no_process_outlives_a_supervisor_that_is_killed() {
    let (stdin, _held) = std::io::pipe().unwrap();
    let (mut supervisor, up) = supervisor(stdin);
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    let processes = processes(&up);
    eventually(SOON, "the kernel has ended the components", async || {
        !processes.iter().any(runs)
    })
    .await;
    fs::remove_dir_all(up["up"]["folder"].as_str().unwrap()).unwrap();
}

#[test]
fn component_that_does_not_start_is_told_with_the_end_of_its_log() {
    let assets = tempfile::tempdir().unwrap();
    let etcd = assets.path().join("etcd");
    fs::write(
        &etcd,
        "#!/bin/sh\necho the disk is made of cheese >&2\nexit 3\n",
    )
    .unwrap();
    fs::set_permissions(&etcd, Permissions::from_mode(0o755)).unwrap();
    let (stdin, _held) = std::io::pipe().unwrap();
    let output = Command::new(program().unwrap())
        .args(["up", "--until-stdin-closes"])
        .env("KUBEBUILDER_ASSETS", assets.path())
        .stdin(stdin)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("etcd ended with exit status: 3") && said.contains("made of cheese"),
        "{said}"
    );
}
