//! The Polecat of `deploy/polecats`: written by hand, with its two Secrets and nothing else in the cluster.

use beadlet_store::kinds::PolecatPhase;
use beadlet_testbed::images::Agent;
use serde_json::{Value, json};

use super::{
    scene::{self, Over, controller, ended, secret},
    servers::{MODEL_KEY, Model, Project},
};
use crate::cli::answer;

const MANIFEST: &str = include_str!("../../../deploy/polecats/polecat.yaml");

/// The manifest with the addresses of servers that exist.
fn manifest(project: &Project, model: &Model) -> String {
    let addresses = [
        ("git@github.com:example/repo.git", project.url.as_str()),
        ("https://ai-gateway.example.com/v1", model.endpoint.as_str()),
    ];
    addresses
        .iter()
        .fold(MANIFEST.to_owned(), |text, (example, real)| {
            assert!(text.contains(example));
            text.replace(example, real)
        })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polecat_that_is_applied_by_hand_pushes_a_branch_and_says_so() {
    let testbed = scene::ready().await;
    let image = scene::image(Agent::OpenCode).await;
    let namespace = testbed.namespace("by-hand").await;
    namespace.restrict().await;
    let project = Project::serve(testbed, Over::Ssh);
    let model = Model::start(testbed, &["--scenario", "unauthorized"]).await;
    secret(&namespace, "git-creds", &project.secret).await;
    secret(&namespace, "litellm-key", &json!({"API_KEY": MODEL_KEY})).await;
    let _controller = controller(&namespace, &["--opencode-image", &image]);
    let manifest = manifest(&project, &model);
    let kubectl = |arguments: &[&str]| {
        answer(namespace.kubectl(arguments), manifest.as_bytes())
            .good()
            .to_owned()
    };
    assert_eq!(
        kubectl(&["apply", "-f", "-"]),
        "polecat.gastown.gastown.io/test-worker created\n"
    );
    ended(&namespace, "test-worker", PolecatPhase::Done).await;
    let log = kubectl(&["logs", "job/polecat-test-worker", "-c", "agent"]);
    assert!(log.contains("Done: the file is written."), "{log}");
    let yaml = kubectl(&["get", "polecat", "test-worker", "-o", "yaml"]);
    let shown: Value = serde_saphyr::from_str(&yaml).unwrap();
    let branch = "polecat/test-worker";
    let commit = project.repo.head(branch).unwrap();
    let result = &shown["status"]["result"];
    assert_eq!(
        (&result["branch"], &result["commit"]),
        (&json!(branch), &json!(commit))
    );
    let made = project.text(branch, "hello.txt").unwrap();
    assert_eq!(made, "hello from the stub\n");
}
