//! The story: somebody pushes an issue, and later there is a branch in the project with a commit for it.

use beadlet_store::kinds::PolecatPhase;
use beadlet_testbed::images::Agent;
use serde_json::{Value, json};

use super::scene::{self, Over, Scene};

const POLECAT: &str = "gt-1-1";
const BRANCH: &str = "polecat/gt-1-1";

/// What the model makes the agents write.
const GREETING: &[u8] = b"hello from the stub\n";

/// Pushes an issue and waits until its work is on a branch of the project.
async fn told(scene: &Scene, file: &str) -> Vec<u8> {
    scene.push("gt-1", &json!({}));
    let status = scene.ended(POLECAT, PolecatPhase::Done).await;
    let result = status.result.unwrap();
    assert_eq!(result.branch.as_deref(), Some(BRANCH));
    assert_eq!(result.commit, scene.project.repo.head(BRANCH));
    assert_eq!(
        (result.files, result.insertions, result.deletions),
        (Some(1), Some(1), Some(0))
    );
    scene.project.repo.read(BRANCH, file).unwrap()
}

/// A known agent at work with the model of the scene.
fn agent(name: &str, image: &str, provider: &str) -> Value {
    json!({
        "agent": name,
        "resources": scene::of_a_real_agent(),
        "agentConfig": {
            "image": image,
            "provider": provider,
            "modelProvider": {"apiKeySecretRef": {"name": "llm", "key": "API_KEY"}},
        },
    })
}

/// What the model was asked for, and what the agent's container printed.
async fn asked(scene: &Scene, request: &str, words: &str) {
    let asked = scene.model.program.stdout();
    assert!(asked.contains(request), "{asked}");
    let log = scene.town.namespace.log("agent").await;
    assert!(log.contains(words), "{log}");
}

async fn custom_agent(name: &str, over: Over) {
    let agent = scene::custom("echo \"$GT_ISSUE by $GT_POLECAT\" > made.txt");
    let scene = Scene::new(name, over, agent).await;
    assert_eq!(told(&scene, "made.txt").await, b"gt-1 by gt-1-1\n");
}

async fn opencode(name: &str, over: Over) {
    let image = scene::image(Agent::OpenCode).await;
    let scene = Scene::new(name, over, agent("opencode", &image, "litellm")).await;
    assert_eq!(told(&scene, "hello.txt").await, GREETING);
    asked(
        &scene,
        "POST /v1/chat/completions 200",
        "Done: the file is written.",
    )
    .await;
}

async fn claude_code(name: &str, over: Over) {
    let image = scene::image(Agent::ClaudeCode).await;
    let scene = Scene::new(name, over, agent("claude-code", &image, "litellm")).await;
    assert_eq!(told(&scene, "hello.txt").await, GREETING);
    asked(&scene, "POST /v1/messages", "Done: the file is written.").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_becomes_a_commit_by_a_custom_agent_over_https() {
    custom_agent("custom-https", Over::Https).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_becomes_a_commit_by_a_custom_agent_over_ssh() {
    custom_agent("custom-ssh", Over::Ssh).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_becomes_a_commit_by_opencode_over_https() {
    opencode("opencode-https", Over::Https).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_becomes_a_commit_by_opencode_over_ssh() {
    opencode("opencode-ssh", Over::Ssh).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_becomes_a_commit_by_claude_code_over_https() {
    claude_code("claude-https", Over::Https).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_becomes_a_commit_by_claude_code_over_ssh() {
    claude_code("claude-ssh", Over::Ssh).await;
}
