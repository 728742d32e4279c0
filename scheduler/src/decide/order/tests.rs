#![allow(
    clippy::needless_pass_by_value,
    reason = "tests read better with values"
)]

use serde_json::{Value, json};

use super::super::fixture::{by_hand, defaults, rig, seed};
use super::*;

fn resolve(polecat: &Polecat, rig: Option<&Rig>) -> Result<Order, OrderError> {
    order(Sources {
        polecat,
        rig,
        bead: None,
        convoy: None,
        defaults: &defaults(),
    })
}

/// A Polecat with this agent configuration, which starts whatever the agent is.
fn with(agent: &str, config: Value) -> Result<Order, OrderError> {
    let polecat = by_hand(
        "p",
        json!({"agent": agent, "agentConfig": config, "kubernetes": {"gitRepository": "https://git.example.com/x.git"}}),
    );
    resolve(&polecat, None)
}

fn key() -> Value {
    json!({"apiKeySecretRef": {"name": "llm", "key": "KEY"}})
}

fn provider(endpoint: Option<&str>) -> Value {
    let mut provider = key();
    if let Some(endpoint) = endpoint {
        provider["endpoint"] = json!(endpoint);
    }
    provider
}

#[test]
fn polecat_of_the_readme_is_understood() {
    let order = resolve(&seed(), None).unwrap();
    assert_eq!(
        (order.agent, order.agent_image.as_str()),
        (Agent::OpenCode, "opencode:test")
    );
    assert!(order.command.is_empty() && order.arguments.is_empty());
    assert_eq!(order.bead, Some(("gt-0042".into(), "bead-gt-0042".into())));
    assert_eq!(order.git.work_branch, "polecat/test-worker");
    assert_eq!((order.deadline_seconds, order.attempt), (3600, 1));
    assert_eq!(
        order.secrets(),
        [("litellm-key", Some("API_KEY")), ("git-creds", None)]
    );
    let model = &order.model;
    assert_eq!(
        (
            model.provider(),
            model.name.as_deref(),
            model.endpoint.as_deref()
        ),
        (
            "litellm",
            Some("devstral-123b"),
            Some("https://ai-gateway.example.com/v1")
        )
    );
}

#[test]
fn rigs_template_holds_where_the_polecat_says_nothing() {
    let rig = rig(
        "rig",
        json!({
            "settings": {"namepoolTheme": "jazz"},
            "polecatTemplate": {
                "metadata": {"labels": {"team": "blue"}},
                "spec": {
                    "agent": "opencode",
                    "taskDescription": "be careful",
                    "agentConfig": {"model": "big", "env": [{"name": "A", "value": "rig"}, {"name": "B", "value": "rig"}],
                        "modelProvider": provider(Some("https://llm.example.com/v1/"))},
                    "kubernetes": {"gitSecretRef": {"name": "rig-git"}, "nodeSelector": {"zone": "a", "disk": "ssd"}, "activeDeadlineSeconds": 60},
                },
            },
        }),
    );
    let polecat = by_hand(
        "p",
        json!({"rig": "rig", "agentConfig": {"model": "small", "env": [{"name": "B", "value": "own"}]},
        "kubernetes": {"nodeSelector": {"zone": "b"}}}),
    );
    let order = resolve(&polecat, Some(&rig)).unwrap();
    assert_eq!(
        (order.model.name.as_deref(), order.task.as_deref()),
        (Some("small"), Some("be careful"))
    );
    assert_eq!(
        order.git.url, "https://git.example.com/gt.git",
        "the Rig's repository"
    );
    assert_eq!(
        (order.git.secret.as_deref(), order.deadline_seconds),
        (Some("rig-git"), 60)
    );
    assert_eq!(
        order.placement.node_selector,
        [("zone".into(), "b".into()), ("disk".into(), "ssd".into())].into()
    );
    let env: Vec<_> = order
        .env
        .iter()
        .map(|variable| (variable.name.as_str(), variable.value.as_deref().unwrap()))
        .collect();
    assert_eq!(env, [("A", "rig"), ("B", "own")]);
    assert_eq!(order.metadata.labels["team"], "blue");
    assert!(order.alias.starts_with("jazz-"));
}

#[test]
fn every_agent_is_told_of_the_provider_that_it_can_talk_to() {
    let endpoint = Some("https://llm.example.com/v1");
    let cases = [
        ("claude-code", "anthropic", None, "anthropic"),
        ("claude-code", "anthropic", endpoint, "anthropic"),
        ("claude-code", "litellm", endpoint, "litellm"),
        // gastown-operator wrote litellm into every object.
        ("claude-code", "litellm", None, "anthropic"),
        ("claude-code", "ollama", endpoint, "ollama"),
        ("custom", "openai", endpoint, "openai"),
        ("custom", "litellm", None, "litellm"),
        ("opencode", "litellm", endpoint, "litellm"),
        ("opencode", "anthropic", None, "anthropic"),
        ("opencode", "openai", None, "openai"),
    ];
    for (agent, kind, endpoint, told) in cases {
        let config = json!({"provider": kind, "model": "m", "modelProvider": provider(endpoint), "image": "i", "command": ["run"]});
        let model = with(agent, config).unwrap().model;
        assert_eq!(
            (model.provider(), model.endpoint.as_deref()),
            (told, endpoint),
            "{agent} {kind}"
        );
    }
}

#[test]
fn claude_login_and_local_models_need_no_key() {
    let polecat = by_hand(
        "p",
        json!({"kubernetes": {"gitRepository": "https://git.example.com/x.git", "claudeCredsSecretRef": {"name": "login"}}}),
    );
    let order = resolve(&polecat, None).unwrap();
    assert_eq!(
        (order.agent, order.claude_credentials.as_deref()),
        (Agent::ClaudeCode, Some("login"))
    );
    let ollama = json!({"provider": "ollama", "model": "m", "modelProvider": {"endpoint": "http://ollama:11434/v1"}});
    assert!(with("claude-code", ollama.clone()).is_ok());
    assert!(with("opencode", ollama).is_ok());
}

#[test]
fn users_command_takes_the_place_of_the_program_and_their_arguments_follow() {
    let config = json!({"model": "opus", "args": ["--max-turns", "9"], "modelProvider": key()});
    let order = with("claude-code", config).unwrap();
    assert!(order.command.is_empty());
    assert_eq!(order.arguments, ["--max-turns", "9"]);
    let order = with(
        "custom",
        json!({"image": "i", "command": ["/run", "-x"], "args": ["{prompt}"]}),
    )
    .unwrap();
    assert_eq!(
        (order.command, order.arguments),
        (vec!["/run".into(), "-x".into()], vec!["{prompt}".into()])
    );
}

#[test]
fn what_does_not_make_a_job_says_what_to_change() {
    let refusal = |result: Result<Order, OrderError>| {
        let error = result.unwrap_err();
        (error.reason(), error.to_string())
    };
    let cases = [
        (
            with("custom", json!({"command": ["x"]})),
            "NoImage",
            "agent custom needs an image: spec.agentConfig.image",
        ),
        (
            with("custom", json!({"image": "i"})),
            "NoCommand",
            "agent custom needs a command: spec.agentConfig.command",
        ),
        (
            with(
                "claude-code",
                json!({"provider": "openai", "modelProvider": key()}),
            ),
            "ModelIncomplete",
            "claude-code speaks the protocol of Anthropic",
        ),
        (
            with("opencode", json!({"modelProvider": key(), "model": "m"})),
            "ModelIncomplete",
            "no endpoint is given for the provider litellm",
        ),
        (
            with(
                "opencode",
                json!({"modelProvider": provider(Some("http://x"))}),
            ),
            "ModelIncomplete",
            "no model is given",
        ),
        (
            with("claude-code", json!({})),
            "ModelIncomplete",
            "no key is given",
        ),
        (
            with(
                "claude-code",
                json!({"modelProvider": key(), "env": [{"name": "GT_RIG", "value": "x"}]}),
            ),
            "ReservedVariable",
            "GT_RIG",
        ),
        (
            resolve(&by_hand("p", json!({"rig": "lost"})), None),
            "NoRig",
            "there is no Rig lost",
        ),
        (
            resolve(
                &by_hand("p", json!({"rig": "r"})),
                Some(&rig("r", json!({"allowedNamespaces": ["far"]}))),
            ),
            "NamespaceNotAllowed",
            "Rig r does not serve namespace ns",
        ),
    ];
    for (result, reason, message) in cases {
        let said = refusal(result);
        assert!(said.0 == reason && said.1.contains(message), "{said:?}");
    }
    let same_branch = by_hand(
        "p",
        json!({"kubernetes": {"gitRepository": "https://x.example/y", "workBranch": "main", "apiKeySecretRef": {"name": "s", "key": "k"}}}),
    );
    assert_eq!(refusal(resolve(&same_branch, None)).0, "WorkBranchIsBase");
}
