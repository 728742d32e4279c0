//! What a model endpoint does to an agent.

use beadlet_store::kinds::FailureClass;
use beadlet_testbed::images::Agent;
use serde_json::json;

use super::Failure;
use crate::pod::{
    scene::{Over, Scene, image, of_a_real_agent, ready},
    servers::Model,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn model_endpoint_that_refuses_fails_or_is_silent_is_named() {
    let testbed = ready().await;
    let image = image(Agent::OpenCode).await;
    let rig = json!({"dispatch": {"maxAttempts": 1}, "polecatTemplate": {"spec": {
        "agent": "opencode",
        "resources": of_a_real_agent(),
        "agentConfig": {"image": image, "modelProvider": {"apiKeySecretRef": {"name": "wrong", "key": "API_KEY"}}},
    }}});
    let scene = Scene::on(testbed, "models", Over::Https, rig.clone()).await;
    scene.town.secret("wrong", "API_KEY", "sk-of-nobody").await;
    let mut models = Vec::new();
    for (prefix, scenario) in [("un", "unauthorized"), ("fa", "fail"), ("ha", "hang")] {
        let model = Model::start(testbed, &["--scenario", scenario]).await;
        let mut rig = rig.clone();
        let template = &mut rig["polecatTemplate"]["spec"];
        template["agentConfig"]["modelProvider"]["endpoint"] = json!(model.endpoint);
        if scenario == "hang" {
            // Longer than the program takes to start, of which it says nothing either.
            template["maxIdleSeconds"] = json!(120);
        }
        scene.rig(prefix, &rig).await;
        models.push(model);
    }
    scene.push_all(&["un-1", "fa-1", "ha-1"]);
    for (bead, class, words) in [
        (
            "un-1",
            FailureClass::AgentFailed,
            &["agent ended with exit code 50", "invalid api key"][..],
        ),
        (
            "fa-1",
            FailureClass::AgentFailed,
            &["agent ended with exit code 50", "exit code 1"],
        ),
        (
            "ha-1",
            FailureClass::Idle,
            &["agent ended with exit code 52", "printed nothing"],
        ),
    ] {
        let failure = Failure {
            bead,
            class,
            words,
            is_kept: false,
        };
        failure.is_a_persons_affair(&scene).await;
    }
    let silent = models.pop().unwrap().program.stdout();
    assert!(silent.contains("hang"), "it was asked: {silent}");
}
